"""Migration: trials of an older schema version become trials of this one, so that nobody has to build a corpus anew.

Readers do it in memory; `kinesynth corpus migrate` writes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from synth.corpus.schema import SCHEMA_VERSION
from synth.corpus.trial import CorpusTrial


def migrated(trial: CorpusTrial, version: int) -> CorpusTrial:
    """Bring a trial that was read from a file of `version` up to date."""
    for older in range(version, SCHEMA_VERSION):
        trial = MIGRATIONS[older](trial)
    return trial


def _from_version_1(trial: CorpusTrial) -> CorpusTrial:
    """Version 1 knew the start time only as a sentence of a treatment, to nine digits."""
    said = next((treatment.detail for treatment in trial.treatments if treatment.what == "start_time"), "")
    number = said.split(" ")[0]
    try:
        return replace(trial, start_time=float(number))
    except ValueError:  # no such treatment, or one that says no number
        return trial


def _from_version_2(trial: CorpusTrial) -> CorpusTrial:
    """Version 2 had no origins and no index, and held the times of the run; the reader has put these into the trial."""
    return trial


MIGRATIONS: dict[int, Callable[[CorpusTrial], CorpusTrial]] = {1: _from_version_1, 2: _from_version_2}
"""Version → what makes a trial of it one of the next version."""
