"""Whole turns: an angle that nothing bounds is known up to 360 degrees, and is written so that it never leaps.

Each frame of inverse kinematics is a minimum of its own, and a person who walks in circles, or a frame that was lost
and found again, may come out one turn further than the frame before. The pose is the same; a derivative is not.
A range of motion of a full circle, as most full-body models give the pelvis, leaves out no pose: it bounds nothing, and
taken for a limit it would pin a heading of 180 degrees.
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.inverse.marker_least_squares import MarkerProblem
from opensim_models.model.scalar_function import Polynomial, ScalarFunction
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.skeleton_memory import remember_of_skeleton

ROUNDED = 0.01
"""rad: a range this much short of a turn is one, written with few digits (OpenCap's models: -3.14 to 3.14)."""


def full_circle(skeleton: Skeleton, coordinate: int) -> bool:
    """Whether a whole turn of a coordinate changes no pose: it turns segments by its value, to or fro, and no more."""
    driven = [e for s in skeleton.segments for e in s.elements if e.coordinate == coordinate]
    plain = all(e.kind == "rotation" and all(map(_one_to_one, e.functions)) for e in driven)
    followed = any(c.coordinate == coordinate for c in skeleton.coupled)
    return bool(driven) and plain and not followed


def _one_to_one(function: ScalarFunction) -> bool:
    """Whether a function is a straight line of slope 1 or -1."""
    straight = isinstance(function, Polynomial) and len(function.coefficients) == 2
    return straight and abs(function.coefficients[1]) == 1.0


@remember_of_skeleton
def boundless(skeleton: Skeleton) -> np.ndarray:
    """Mark the coordinates (n_q,) whose range is no limit: a full circle, and a whole turn changes no pose."""
    return np.array(
        [
            c.kind == "rotation" and c.upper - c.lower >= 2.0 * math.pi - ROUNDED and full_circle(skeleton, j)
            for j, c in enumerate(skeleton.coordinates)
        ],
        dtype=bool,
    )


def without_leaps(problem: MarkerProblem, values: np.ndarray) -> np.ndarray:
    """Bring every unbounded angle to within half a turn of the frame solved before it.

    Parameters
    ----------
    problem : MarkerProblem
    values : ndarray, shape (n_frames, n_q)
        rad and m; NaN where a frame was not solved.

    Returns
    -------
    ndarray, shape (n_frames, n_q)
        The same poses. Angles whose range is no more than a turn are as they were.
    """
    smooth = values.copy()
    wide = problem.upper - problem.lower > 2.0 * math.pi + 1e-9
    for j in np.flatnonzero(problem.free & wide):
        solved = np.isfinite(values[:, j])
        if solved.any() and full_circle(problem.skeleton, int(j)):
            smooth[solved, j] = np.unwrap(values[solved, j])
            middle = float(np.median(smooth[solved, j]))
            smooth[solved, j] -= 2.0 * math.pi * round((middle - problem.reference[j]) / (2.0 * math.pi))
    return smooth
