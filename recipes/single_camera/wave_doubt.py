"""Doubt about waveforms: intervals of one width, calibrated by persons, and how often they hold the truth of others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.result import Result
from recipes.single_camera.doubt import Clips, coverage_result
from recipes.single_camera.waveform_score import groups_of_waves
from synth.camera.keypoint_input import ClipArrays
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.sample.calibration_curve import calibration_curve

EVERY = 6
"""Of so many frames one is taken: neighbours are alike."""


def wave_doubt(
    calibrating: Clips,
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    tasks: Mapping[str, str],
    seed: int,
) -> tuple[list[Result], pd.DataFrame]:
    """Coverage of 90 % intervals of each kind of waveform, and the calibration curves.

    Parameters
    ----------
    calibrating : (ClipArrays, KeypointEstimate)
        Of those who calibrate.
    sets, estimates : mapping
        By name of set.
    tasks : mapping of str to str
        Set → its name in the table.
    seed : int
    """
    results, curves = [], []
    for measure, (columns, scale, unit) in groups_of_waves().items():
        others = _errors(*calibrating, columns)
        for name, task in tasks.items():
            scored = _errors(sets[name], estimates[name], columns) if name in estimates else {}
            if not scored or not others:
                continue
            curve = calibration_curve(others, scored, seed=seed)
            curves.append(curve.assign(task=task, measure=measure))
            row = coverage_result(curve, task, measure)
            width = (
                f"half width {scale * curve.half_width.iloc[-1]:.3g} {unit}".removesuffix(" 1")
                + ", the same for everybody"
            )
            results.append(Result(**{**vars(row), "note": width}))
    return results, pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()


def _errors(clips: ClipArrays, said: KeypointEstimate, columns: slice) -> dict[str, np.ndarray]:
    """Absolute errors of each person's clips where the truth is known."""
    found = {}
    for person in np.unique(clips.person):
        own = clips.person == person
        wrong = np.abs(said.waves[own, ::EVERY, columns] - clips.waves[own, ::EVERY, columns]).ravel()
        if np.isfinite(wrong).any():
            found[str(person)] = wrong[np.isfinite(wrong)]
    return found
