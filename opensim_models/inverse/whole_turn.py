"""Whole turns: an angle that nothing bounds is known up to 360 degrees, and is written so that it never leaps.

Each frame of inverse kinematics is a minimum of its own, and a person who walks in circles, or a frame that was lost
and found again, may come out one turn further than the frame before. The pose is the same; a derivative is not.
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.inverse.marker_least_squares import MarkerProblem
from opensim_models.model.scalar_function import IDENTITY_FUNCTION
from opensim_models.model.skeleton import Skeleton


def full_circle(skeleton: Skeleton, coordinate: int) -> bool:
    """Whether a whole turn of a coordinate changes no pose: it drives rotations by its very value and nothing else."""
    driven = [e for s in skeleton.segments for e in s.elements if e.coordinate == coordinate]
    plain = all(e.kind == "rotation" and e.functions == (IDENTITY_FUNCTION,) for e in driven)
    followed = any(c.coordinate == coordinate for c in skeleton.coupled)
    return bool(driven) and plain and not followed


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
