"""The curves of a report: time-normalised cycles of the reference and of every method, as plain numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synth.corpus import Corpus
from synth.corpus.trial import CorpusTrial
from training.gait_phase import cycle_phase, time_normalise
from training.target import Target, has_waveform, read_targets

REFERENCE = "reference"
SIDES = {"r": "right", "l": "left"}

PANELS = (
    ("hip_angle", "Hip flexion", "deg", "angle", "hip_flexion_{side}"),
    ("knee_angle", "Knee flexion", "deg", "angle", "knee_angle_{side}"),
    ("ankle_angle", "Ankle dorsiflexion", "deg", "angle", "ankle_angle_{side}"),
    ("hip_moment", "Hip moment", "%BWBH", "moment", "hip_flexion_{side}"),
    ("knee_moment", "Knee moment", "%BWBH", "moment", "knee_angle_{side}"),
    ("ankle_moment", "Ankle moment", "%BWBH", "moment", "ankle_angle_{side}"),
    ("vertical_force", "Vertical ground reaction", "%BW", "ground_reaction", "ground_force_y_{side}"),
    ("fore_aft_force", "Fore-aft ground reaction", "%BW", "ground_reaction", "ground_force_x_{side}"),
    ("pelvis_tilt", "Pelvis tilt", "deg", "angle", "pelvis_tilt"),
)
"""Key, title, unit, kind of target and coordinate of every panel."""


@dataclass(frozen=True)
class TrialWaveforms:
    """The mean cycle of one side of one trial, by method.

    Attributes
    ----------
    subject, name, side : str
        Side ``"r"`` or ``"l"``, whose foot strike begins the cycle.
    waveforms : dict of str to ndarray, shape (101, n_panels)
        Method (reference first) → cycle in report units; NaN where it has none.
    speeds : dict of str to float
        Method → the trial's mean speed (m/s); NaN if it has none.
    """

    subject: str
    name: str
    side: str
    waveforms: dict[str, np.ndarray]
    speeds: dict[str, float]


def read_waveforms(corpora: Mapping[str, Path]) -> list[TrialWaveforms]:
    """Time-normalise the solved cycles of every trial, for every method; empty if there is no reference."""
    if REFERENCE not in corpora:
        return []
    readers = {REFERENCE: Corpus(corpora[REFERENCE])} | {name: Corpus(path) for name, path in corpora.items()}
    known = {method: set(reader.trials()) for method, reader in readers.items()}
    found = []
    for key in readers[REFERENCE].trials():
        truth = readers[REFERENCE].read(*key, clean=True)
        has_label = has_waveform(truth)
        if not has_label.any():
            continue
        trials = {m: readers[m].read(*key, clean=True) if key in known[m] else None for m in readers}
        speeds = {m: float(t.spatiotemporal.get("speed", math.nan)) if t else math.nan for m, t in trials.items()}
        for side, foot in SIDES.items():
            phase = cycle_phase(truth, has_label, foot)
            waveforms = {method: _waveforms(trial, truth, side, phase) for method, trial in trials.items()}
            found.append(TrialWaveforms(*key, side, waveforms, speeds))
    return found


def collect_curves(corpora: Mapping[str, Path], trials: Sequence[TrialWaveforms] | None = None) -> dict[str, Any]:
    """Gather the curves of every subject, for every method.

    Parameters
    ----------
    corpora : mapping of str to Path
        ``"reference"`` and the methods.
    trials : sequence of TrialWaveforms, optional
        What `read_waveforms` read of them.

    Returns
    -------
    dict
        JSON-able: ``methods`` (reference first), ``panels``, ``subjects`` (code, trial shown), ``curves``
        [subject][side][panel][method] → 101 numbers or null, ``mean`` [side][panel][method] → mean and sd over
        subjects. Empty if there is no reference.
    """
    if REFERENCE not in corpora:
        return {}
    methods = [REFERENCE, *(name for name in corpora if name != REFERENCE)]
    by_subject: dict[str, dict[str, list[dict[str, np.ndarray]]]] = {}
    shown: dict[str, str] = {}
    for trial in read_waveforms(corpora) if trials is None else trials:
        shown.setdefault(trial.subject, trial.name)
        by_subject.setdefault(trial.subject, {}).setdefault(trial.side, []).append(trial.waveforms)
    return {
        "methods": methods,
        "panels": [{"key": key, "title": title, "unit": unit} for key, title, unit, *_ in PANELS],
        "subjects": [{"code": subject, "trial": trial} for subject, trial in shown.items()],
        "curves": {
            subject: {side: _by_panel(trials[0], methods) for side, trials in sides.items()}
            for subject, sides in by_subject.items()
        },
        "mean": {side: _mean_over_subjects([sides[side] for sides in by_subject.values()], methods) for side in SIDES}
        if by_subject
        else {},
    }


def _waveforms(trial: CorpusTrial | None, truth: CorpusTrial, side: str, phase: np.ndarray) -> np.ndarray:
    """All panels (101, n_panels) of one method for one trial and side, in report units; NaN if it has none."""
    targets = [Target(kind, coordinate.format(side=side)) for *_, kind, coordinate in PANELS]
    if trial is None or trial.n_frames != truth.n_frames:
        return np.full((101, len(targets)), np.nan)
    values = read_targets(trial, targets, truth.subject) * [target.scale for target in targets]
    return time_normalise(values, phase)


def _by_panel(waveforms: Mapping[str, np.ndarray], methods: list[str]) -> dict[str, dict[str, list | None]]:
    """Panel → method → numbers."""
    return {
        panel[0]: {method: _numbers(waveforms[method][:, column]) for method in methods}
        for column, panel in enumerate(PANELS)
    }


def _mean_over_subjects(trials_by_subject: list[list[Mapping[str, np.ndarray]]], methods: list[str]) -> dict[str, Any]:
    """Panel → method → mean and SD over subjects, each the mean of its own trials."""
    summary: dict[str, Any] = {panel[0]: {} for panel in PANELS}
    with warnings.catch_warnings():
        # A method without any estimate of a panel is an empty mean: NaN is the answer, the warning adds nothing.
        warnings.simplefilter("ignore", RuntimeWarning)
        for method in methods:
            subjects = np.stack([np.nanmean([t[method] for t in trials], axis=0) for trials in trials_by_subject])
            mean = np.nanmean(subjects, axis=0)
            sd = np.nanstd(subjects, axis=0, ddof=1) if len(subjects) > 1 else np.zeros_like(mean)
            for column, panel in enumerate(PANELS):
                values = _numbers(mean[:, column])
                summary[panel[0]][method] = (
                    None if values is None else {"mean": values, "sd": _numbers(np.nan_to_num(sd[:, column]))}
                )
    return summary


def _numbers(values: np.ndarray) -> list[float] | None:
    """Numbers for JSON with two decimals; None if any is missing."""
    return [round(float(value), 2) for value in values] if np.isfinite(values).all() else None
