"""Conversion of one file: what a worker process does for an archive, and the row of the table it answers with."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.quality import standing_mass
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import SUFFIX, write_trial

NOTES_ONLY = frozenset(
    {
        "axes_inferred",
        "labels_unmapped",
        "never_seen",
        "unlabelled_left_out",
        "no_plates",
        "events_detected",
        "plate_split",
        "mass_weighed",
    }
)
"""Treatments that change no measured value: a trial with only these counts as accepted, with others as repaired."""


def convert_file(
    path: str,
    relative: str,
    out: str,
    trial: str,
    subject: dict[str, Any],
    task: str | None = None,
    marker_set: str | None = None,
    belt_speed: float | None = None,
    standing_mass: float = math.nan,
) -> dict[str, Any]:
    """Read one C3D file and store it as a trial.

    Parameters
    ----------
    path, relative : str
        The file, and its name within the archive.
    out : str
        Output folder; the trial goes to ``<out>/<subject code>/<trial>.trial.h5``.
    trial : str
        Trial name.
    subject : dict
        Fields of `Subject`.
    task, marker_set, belt_speed, standing_mass
        As in `read_trial`.

    Returns
    -------
    dict
        The row; ``"stopped"`` is a sentence if the trial could not be stored (disk full), else empty.
    """
    began = time.perf_counter()
    row: dict[str, Any] = {"file": relative, "subject": subject["code"], "trial": trial, "stopped": ""}
    target = Path(out) / subject["code"] / f"{trial}{SUFFIX}"
    try:
        read = read_trial(
            path,
            marker_set,
            Subject(**subject),
            belt_speed,
            task=task,
            name=trial,
            source=relative,
            standing_mass=standing_mass,
        )
    except TrialRefused as refusal:
        # A trial of an earlier content of this file must not outlive its refusal.
        target.unlink(missing_ok=True)
        return row | {"task": task or "unknown", "status": "refused", "reason": str(refusal)}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_trial(target, read)
    except OSError as problem:
        return row | {"stopped": f"{target}: could not be written ({problem.strerror or problem})"}
    return row | _facts(read) | {"output": f"{subject['code']}/{target.name}", "seconds": time.perf_counter() - began}


def _facts(trial: MarkerTrial) -> dict[str, Any]:
    """What the table says of a trial."""
    repairs = [treatment for treatment in trial.treatments if treatment.what not in NOTES_ONLY]
    strikes = [event for event in trial.events if event.kind == "foot_strike"]
    return {
        "task": trial.task,
        "status": "repaired" if repairs else "accepted",
        "reason": "; ".join(f"{t.what}: {t.detail}" for t in (repairs or trial.treatments)),
        "n_frames": trial.n_frames,
        "rate": trial.rate,
        "n_markers": len(trial.labels),
        "marker_set": trial.marker_set,
        "missing_percent": 100.0 * float(np.isnan(trial.positions[:, :, 0]).mean()),
        "filled_percent": 100.0 * float(np.mean(trial.filled)) if trial.filled is not None else 0.0,
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
