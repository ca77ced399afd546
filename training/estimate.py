"""Estimate: what a method says of a trial, as a trial of a corpus; here, that it says nothing, and why."""

from __future__ import annotations

from dataclasses import replace

from synth.corpus.trial import CorpusTrial


def refused_estimate(trial: CorpusTrial, reason: str, source: str) -> CorpusTrial:
    """Say that a method has no estimate of a trial, and why."""
    return replace(
        trial,
        recordings=(),
        errors=None,
        kinematics=None,
        kinetics=None,
        spatiotemporal={},
        status="refused",
        reason=reason,
        source=source,
        seconds=float("nan"),
        solutions=(),
    )
