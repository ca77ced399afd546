"""Stage of the recipe of one camera: its table, the calibration curve, and the agreement trial by trial."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.result import Result, mean_result, write_results
from recipes.run import Run
from recipes.single_camera.agreement import MEAN, agreement_results, clip_table, with_means
from recipes.single_camera.filming import CLIPS, load_clips
from recipes.single_camera.impairment_score import impairment_results
from recipes.single_camera.teaching import load_estimates
from synth.camera.filmed_gait import ANGLES, FORCES, WAVES
from synth.camera.keypoint_curve import curves_at, phase_curves
from synth.camera.keypoint_geometry import geometric_parameters, geometric_phase
from synth.camera.keypoint_input import ClipArrays, units_of
from training.csv_table import write_csv
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.sample.calibration_curve import calibration_curve, doubt_ratio

AGREEMENT, CURVE = "agreement.csv", "calibration.csv"
TASKS = {
    "score": "virtual people never seen",
    "other": "virtual people of other laws",
    "predicted": "virtual people, predicted freely",
    "overground": "recorded, overground",
    "treadmill": "recorded, treadmill",
}
_NETWORK = "network"
CURVE_OF_PHASE, CONSTANT = "mean curve by geometric phase", "constant: mean of those who taught"


def score_everything(run: Run) -> str:
    """Hold every estimate and every baseline against the truth."""
    sets, estimates = load_clips(run.folder / CLIPS), load_estimates(run)
    taught = sets["teach"]
    lines = _calibrated_geometry(taught)
    results: list[Result] = []
    tables = []
    for name, task in TASKS.items():
        clips = sets[name]
        if not len(clips):
            continue
        methods = parameter_methods(clips, estimates[name], taught, lines)
        table = clip_table(clips, methods).assign(task=task)
        tables.append(table)
        table = with_means(table, _NETWORK)
        results += agreement_results(table, task, run.settings.seed, recorded=name in ("overground", "treadmill"))
        results += wave_results(clips, estimates[name], taught, task, run.settings.seed)
        if name in ("score", "other", "predicted"):
            results += impairment_results(clips, estimates[name], taught, task, run.settings.seed)
    write_csv(run.folder / AGREEMENT, pd.concat(tables, ignore_index=True))
    results += doubt_results(run, sets, estimates)
    notes = [
        "What is scored is one clip of one camera (two of each virtual gait, eight of each recorded one, every one by "
        "another camera); rows of means of all clips stand beside it. Intervals: people are drawn with replacement.",
        "Virtual people of other laws walk by another simulator: point contact, smooth activation, other strength.",
        "Virtual people predicted freely walk by speed, effort and the cause of their impairment, in nobody's manner.",
        "Recorded gaits are seen through the virtual camera: keypoints are projected joint centres with drawn detector "
        "errors, not detections in video.",
    ]
    write_results(run.folder, results, title="One camera", notes=notes)
    return f"{len(results)} rows, {sum(r.met == 'no' for r in results)} goals missed"


def parameter_methods(
    clips: ClipArrays, estimate: KeypointEstimate, taught: ClipArrays, lines: np.ndarray
) -> dict[str, np.ndarray]:
    """Gait parameters (n, 4) in SI by each method."""
    units = units_of(clips.stature)
    mean = np.tile(np.nanmean(taught.parameters, axis=0), (len(clips), 1))
    geometry = geometric_parameters(clips.inputs)
    fitted = lines[:, 0] + lines[:, 1] * geometry
    own = {MEAN: mean, "geometry": geometry, "geometry, fitted": fitted}
    return {name: values * units for name, values in {_NETWORK: estimate.scalars[:, :4], **own}.items()}


def _calibrated_geometry(taught: ClipArrays) -> np.ndarray:
    """Intercept and slope (4, 2) from geometry to truth, by least squares on those who teach."""
    geometry = geometric_parameters(taught.inputs)
    lines = []
    for x, y in zip(geometry.T, taught.parameters.T, strict=True):
        known = np.isfinite(x) & np.isfinite(y)
        slope, intercept = np.polyfit(x[known], y[known], 1)
        lines.append((intercept, slope))
    return np.array(lines)


def wave_results(
    clips: ClipArrays, estimate: KeypointEstimate, taught: ClipArrays, task: str, seed: int
) -> list[Result]:
    """RMS errors of angles, forces and activations over single clips, mean over people, beside two simple methods."""
    groups = {
        "joint angles, RMS error": (slice(0, len(ANGLES)), np.degrees(1.0), "deg"),
        "ground reaction, RMS error": (slice(len(ANGLES), len(ANGLES) + len(FORCES)), 100.0, "% BW"),
        "activations, RMS error": (slice(len(ANGLES) + len(FORCES), len(WAVES)), 1.0, "1"),
    }
    mean = np.nanmean(taught.waves.reshape(-1, len(WAVES)).astype(float), axis=0)
    curve = curves_at(geometric_phase(clips.inputs), phase_curves(geometric_phase(taught.inputs), taught.waves))
    results = []
    for measure, (columns, scale, unit) in groups.items():
        truth = clips.waves[:, :, columns]
        if not np.isfinite(truth).any():
            continue
        own = estimate.waves[:, :, columns], curve[:, :, columns], mean[columns]
        for method, said in zip((_NETWORK, CURVE_OF_PHASE, CONSTANT), own, strict=True):
            with np.errstate(invalid="ignore"):
                squares = np.nanmean((said - truth).astype(float) ** 2, axis=(1, 2))
            known = np.isfinite(squares)
            by_person = {
                p: float(np.sqrt(squares[(clips.person == p) & known].mean())) * scale for p in set(clips.person[known])
            }
            results.append(mean_result(by_person, task=task, method=method, measure=measure, unit=unit, seed=seed))
    return results


def doubt_results(run: Run, sets: dict[str, ClipArrays], estimates: dict[str, KeypointEstimate]) -> list[Result]:
    """Coverage of 90 % conformal intervals of speed, and how much larger the doubt is outside the population."""

    def errors(name: str) -> dict[str, np.ndarray]:
        clips, said = sets[name], estimates[name]
        spread = np.maximum(said.scalar_sd[:, 0], 1e-3)
        wrong = np.abs(said.scalars[:, 0] - clips.parameters[:, 0]) / spread
        return {p: wrong[clips.person == p] for p in set(clips.person) if np.isfinite(wrong[clips.person == p]).all()}

    def doubt(name: str) -> dict[str, np.ndarray]:
        return {p: estimates[name].scalar_sd[sets[name].person == p, 0] for p in set(sets[name].person)}

    calibrating, curves, results = errors("calibrate"), [], []
    for name, task in TASKS.items():
        if name not in estimates:
            continue
        scored = errors(name)
        curve = calibration_curve(calibrating, scored, seed=run.settings.seed)
        curves.append(curve.assign(task=task))
        last = curve.iloc[-1]
        note = "speed; in units of the ensemble's SD" + ("" if np.isfinite(last.half_width) else "; too few calibrate")
        results.append(
            Result(
                task,
                _NETWORK,
                "coverage of 90 % intervals",
                "1",
                last.coverage,
                last.low,
                last.high,
                len(scored),
                note=note,
            )
        )
        if name != "score":
            ratio = doubt_ratio(doubt("score"), doubt(name))
            results.append(
                Result(task, _NETWORK, "doubt over that inside", "1", ratio, n_persons=len(scored), note="speed")
            )
    write_csv(run.folder / CURVE, pd.concat(curves, ignore_index=True))
    return results
