"""Score of the ground reaction under a loaded foot: what is hard of it, as zeros of a swinging foot are told by most.

Of recordings the truth is that of their plates, where they tell: overground the steps on a plate, on an instrumented
treadmill all of them.
"""

from __future__ import annotations

import numpy as np

from recipes.result import Result, mean_result
from recipes.single_camera.waveform_score import CONSTANT, CURVE_OF_PHASE
from synth.camera.filmed_gait import ANGLES
from synth.camera.keypoint_curve import curves_at, phase_curves
from synth.camera.keypoint_geometry import geometric_phase
from synth.camera.keypoint_input import ClipArrays
from training.keypoint.keypoint_lesson import KeypointEstimate

LOADED = 0.05
"""Body weights of vertical force, above which a foot is loaded."""
COLUMNS = {"vertical": (1, 3), "forward": (0, 2)}
"""Which of `filmed_gait.FORCES`, right and left."""
_NETWORK, _WAYS = "network", "ground reaction of a loaded foot"


def force_results(
    clips: ClipArrays, estimate: KeypointEstimate, taught: ClipArrays, task: str, seed: int
) -> list[Result]:
    """RMS errors of the vertical and the forward force of loaded feet (% body weight), mean over people.

    Beside the network stand the mean curve of those who taught, read at the phase of the passing ankles, and the
    constant mean of their loaded feet. A clip in which nobody knows a force is left out; the note counts the others.
    """
    curve = curves_at(geometric_phase(clips.inputs), phase_curves(geometric_phase(taught.inputs), taught.waves))
    truth, loaded = loaded_forces(clips.waves)
    said = {_NETWORK: _forces(estimate.waves), CURVE_OF_PHASE: _forces(curve)}
    taught_forces, taught_loaded = loaded_forces(taught.waves)
    results = []
    for name, columns in COLUMNS.items():
        own = truth[..., columns]
        constant = np.full(own.shape, taught_forces[..., columns][taught_loaded].mean()) if taught_loaded.any() else own
        for method, values in {**{m: v[..., columns] for m, v in said.items()}, CONSTANT: constant}.items():
            errors, counted = _by_person(clips, (values - own) ** 2, loaded)
            if errors:
                measure = f"{name} {_WAYS}, RMS error"
                told = {"task": task, "method": method, "measure": measure, "unit": "% BW", "seed": seed}
                results.append(mean_result(errors, **told, note=f"{counted} clips"))
    return results


def loaded_forces(waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forces (..., 4) of waves (..., 26), and whether each foot (..., 2), right and left, is known to be loaded."""
    forces = _forces(waves)
    return forces, np.nan_to_num(forces[..., COLUMNS["vertical"]]) > LOADED


def _forces(waves: np.ndarray) -> np.ndarray:
    return waves[..., len(ANGLES) : len(ANGLES) + 4].astype(float)


def _by_person(clips: ClipArrays, squares: np.ndarray, loaded: np.ndarray) -> tuple[dict[str, float], int]:
    """Root mean square (% body weight) over each person's loaded instants, and of how many clips."""
    known = loaded & np.isfinite(squares)
    has = known.any(axis=(1, 2))
    errors = {}
    for person in sorted(set(clips.person[has])):
        rows = clips.person == person
        errors[str(person)] = 100.0 * float(np.sqrt(squares[rows][known[rows]].mean()))
    return errors, int(has.sum())
