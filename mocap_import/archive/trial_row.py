"""Trial row: what the table of an archive run says of one trial."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mocap_import.marker.marker_set import MarkerSet, load_marker_set
from mocap_import.quality.body_weight import standing_mass
from mocap_import.quality.trial_quality import trial_quality
from mocap_import.treatment_kind import of_class
from mocap_import.trial import MarkerTrial, Treatment


def trial_facts(trial: MarkerTrial) -> dict[str, Any]:
    """Status with its reason, doubts, verdict and figures of a trial, by column of the table.

    Its marker set must be the name or path that `load_marker_set` finds.
    """
    repairs = of_class(trial.treatments, "repair")
    strikes = [event for event in trial.events if event.kind == "foot_strike"]
    quality = trial_quality(trial, _meaning(trial.marker_set, trial.labels))
    return {
        "task": trial.task,
        "status": "repaired" if repairs else "accepted",
        "reason": _sentences([*repairs, *of_class(trial.treatments, "note")]),
        "doubts": _sentences(of_class(trial.treatments, "doubt")),
        "verdict": quality.verdict,
        "verdict_reasons": " ".join(quality.reasons),
        "n_cycles": sum(quality.complete_cycles.values()),
        "n_usable_steps": quality.usable_steps,
        "n_frames": trial.n_frames,
        "rate": trial.rate,
        "n_markers": len(trial.labels),
        "marker_set": trial.marker_set,
        "missing_percent": _percent(np.isnan(trial.positions[:, :, 0])),
        "filled_percent": _percent(trial.filled),
        "n_plates": len(trial.ground_reactions),
        "feet": " ".join(reaction.foot for reaction in trial.ground_reactions),
        "n_events": len(trial.events),
        "n_strikes": len(strikes),
        "event_source": "+".join(sorted({event.source for event in trial.events})),
        "belt_speed": trial.belt_speed,
        "mass": trial.subject.mass,
        "height": trial.subject.height,
        "sex": trial.subject.sex,
        "age": trial.subject.age,
        "standing_mass": standing_mass(trial),
        "source_hash": trial.source_hash,
    }


@lru_cache(maxsize=64)
def _meaning(marker_set: str, labels: tuple[str, ...]) -> MarkerSet | None:
    """The marker set of a trial reduced to its labels; trials of one session share it."""
    return None if marker_set == "unknown" or not labels else load_marker_set(marker_set).for_labels(labels)


def _sentences(treatments: Sequence[Treatment]) -> str:
    """Keys and sentences for one cell."""
    return "; ".join(f"{treatment.what}: {treatment.detail}" for treatment in treatments)


def _percent(marked: np.ndarray | None) -> float:
    """Share of the samples that a mask marks, 0 for a trial without markers."""
    return 100.0 * float(marked.mean()) if marked is not None and marked.size else 0.0
