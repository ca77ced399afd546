"""Doubt of the recipe of one camera: intervals calibrated by persons, how often they hold, and who makes them wide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.result import Result, mean_result
from recipes.single_camera.agreement import person_means
from synth.camera.keypoint_input import ClipArrays
from training.keypoint.keypoint_calibration import DOUBTED, KeypointCalibration, scaled_errors
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.sample.calibration_curve import calibration_curve, doubt_ratio

INSIDE = "score"
Clips = tuple[ClipArrays, KeypointEstimate]
"""Clips of some people, and what is said of them."""


def doubt_results(
    calibrating: Clips,
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    tasks: Mapping[str, str],
    seed: int,
) -> tuple[list[Result], pd.DataFrame]:
    """Coverage of 90 % conformal intervals and doubt over that inside; the calibration curves.

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
    for measure in DOUBTED:
        others = scaled_errors(*calibrating, measure)
        for name, task in tasks.items():
            scored = scaled_errors(sets[name], estimates[name], measure) if name in estimates else {}
            if not scored:
                continue
            curve = calibration_curve(others, scored, seed=seed)
            curves.append(curve.assign(task=task, measure=measure))
            results.append(coverage_result(curve, task, measure))
            if name != INSIDE:
                ratio = doubt_ratio(*(_spreads(sets[n], estimates[n], measure) for n in (INSIDE, name)))
                said = f"{measure}: doubt over that inside"
                results.append(Result(task, "network", said, "1", ratio, n_persons=len(scored)))
    return results, pd.concat(curves, ignore_index=True)


def outside_results(
    calibration: KeypointCalibration,
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    tasks: Mapping[str, str],
    seed: int,
) -> list[Result]:
    """Share of each set's clips of which a user is told that nothing said of them need hold, mean over people.

    The note counts clips by reason.
    """
    results = []
    for name, task in tasks.items():
        if name in estimates and len(sets[name]):
            clips = sets[name]
            whole = calibration.outside(estimates[name], clips.stature).all(axis=1)
            unlike = calibration.unlike_stature(clips.stature) != 0
            unsure = calibration.disagrees(estimates[name]).sum(axis=1) > 1
            shares = person_means(whole, clips.person)
            note = f"{len(clips)} clips"
            if whole.any():
                note += f"; outside: {unlike.sum()} by stature, {unsure.sum()} by disagreement"
            if (unlike & unsure).any():
                note += f", {(unlike & unsure).sum()} of them by both"
            told = {"task": task, "method": "network", "measure": "clips named as outside: share", "unit": "1"}
            results.append(mean_result(shares, **told, seed=seed, note=note))
    return results


def coverage_result(curve: pd.DataFrame, task: str, measure: str) -> Result:
    """How often the widest intervals of a calibration curve hold the truth."""
    last = curve.iloc[-1]
    note = "in units of the ensemble's SD" + ("" if np.isfinite(last.half_width) else "; too few calibrate")
    name = f"{measure}: coverage of 90 % intervals"
    return Result(task, "network", name, "1", last.coverage, last.low, last.high, int(last.n_scored), note=note)


def _spreads(clips: ClipArrays, said: KeypointEstimate, measure: str) -> dict[str, np.ndarray]:
    """SD over the ensemble of each person's clips."""
    return {p: said.scalar_sd[clips.person == p, DOUBTED.index(measure)] for p in set(clips.person)}
