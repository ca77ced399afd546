"""Score of waveforms: angles, ground reaction and activations over single clips, beside two simple methods."""

from __future__ import annotations

import numpy as np

from recipes.result import Result, mean_result
from synth.camera.filmed_gait import ANGLES, FORCES, WAVES
from synth.camera.keypoint_curve import curves_at, phase_curves
from synth.camera.keypoint_geometry import geometric_phase
from synth.camera.keypoint_input import ClipArrays
from training.keypoint.keypoint_lesson import KeypointEstimate

_NETWORK = "network"
CURVE_OF_PHASE, CONSTANT = "mean curve by geometric phase", "constant: mean of those who taught"


def groups_of_waves() -> dict[str, tuple[slice, float, str]]:
    """Kind of waveform → its columns, and the unit of people."""
    return {
        "joint angles": (slice(0, len(ANGLES)), np.degrees(1.0), "deg"),
        "ground reaction": (slice(len(ANGLES), len(ANGLES) + len(FORCES)), 100.0, "% BW"),
        "activations": (slice(len(ANGLES) + len(FORCES), len(WAVES)), 1.0, "1"),
    }


def wave_results(
    clips: ClipArrays, estimate: KeypointEstimate, taught: ClipArrays, task: str, seed: int
) -> list[Result]:
    """RMS errors of angles, forces and activations over single clips, mean over people, beside two simple methods."""
    mean = _mean_of_known(taught.waves.reshape(-1, len(WAVES)).astype(float), 0)
    curve = curves_at(geometric_phase(clips.inputs), phase_curves(geometric_phase(taught.inputs), taught.waves))
    results = []
    for waves, (columns, scale, unit) in groups_of_waves().items():
        measure, truth = f"{waves}, RMS error", clips.waves[:, :, columns]
        if not np.isfinite(truth).any():
            continue
        own = estimate.waves[:, :, columns], curve[:, :, columns], mean[columns]
        for method, said in zip((_NETWORK, CURVE_OF_PHASE, CONSTANT), own, strict=True):
            squares = _mean_of_known((said - truth).astype(float) ** 2, (1, 2))
            known = np.isfinite(squares)
            if not known.any():
                continue
            people = sorted(set(clips.person[known]))
            by_person = {p: float(np.sqrt(squares[(clips.person == p) & known].mean())) * scale for p in people}
            results.append(mean_result(by_person, task=task, method=method, measure=measure, unit=unit, seed=seed))
    return results


def _mean_of_known(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Mean over axes of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
