"""Robust pose: the coordinates that explain markers best under Huber's cost, so that a wrong one does not drag others.

Least squares of the same markers would bend a leg towards a label that stands elsewhere; what is fitted to such poses
under another cost need not come to rest anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensim_models.inverse.marker_least_squares import MarkerProblem, marker_jacobian, model_markers, seen_markers

MOST_ITERATIONS = 100
LARGEST_TURN = 0.3
"""Largest change of a coordinate (rad or m) in one iteration."""
TOLERANCE = 1e-6
"""A frame has come to rest when no coordinate moves by more (rad or m)."""
STUCK = 1e8
"""Damping from which on no step lowers the cost any more."""


@dataclass(frozen=True)
class RobustPoses:
    """Poses of several frames.

    Attributes
    ----------
    values : ndarray, shape (n, n_q)
        rad, m.
    cost : ndarray, shape (n,)
        Huber's, with the pull towards the reference.
    bound : ndarray of bool, shape (n, n_q)
        Coordinates that cannot follow: held, or at an end of their range and pulled beyond it.
    """

    values: np.ndarray
    cost: np.ndarray
    bound: np.ndarray


def huber(distance: np.ndarray, bend: float) -> tuple[np.ndarray, np.ndarray]:
    """Huber's cost, quadratic up to the bend and linear from there, and the weight that least squares give it.

    Source: Huber, Ann Math Stat 35:73, 1964; the weight is that of iteratively reweighted least squares, whose step
    never raises the cost of linear residuals.
    """
    near = np.minimum(distance, bend)
    return near**2 + 2 * bend * (distance - near), np.minimum(1.0, bend / np.maximum(distance, 1e-9))


def robust_poses(problem: MarkerProblem, measured: np.ndarray, start: np.ndarray, bend: float) -> RobustPoses:
    """Find the poses by damped, reweighted Gauss-Newton steps.

    Parameters
    ----------
    problem : MarkerProblem
        Its weights are equal along the axes.
    measured : ndarray, shape (n, m, 3)
        m, ground frame; NaN = not seen.
    start : ndarray, shape (n, n_q)
        Poses near those sought; held coordinates keep theirs.
    bend : float
        Distance (m) from which on a marker counts less.
    """
    n, n_q = start.shape
    seen = seen_markers(measured)
    target = np.where(seen[..., None], measured, 0.0)
    prior = np.where(problem.free, problem.prior, 0.0)
    held = np.broadcast_to(~problem.free, start.shape)
    q = np.where(held, start, np.clip(start, problem.lower, problem.upper))

    def cost_of(frames: np.ndarray, q: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(model_markers(problem, q)[0] - target[frames], axis=2)
        misfit = np.where(seen[frames], huber(distance, bend)[0], 0.0) * problem.weights[:, 0]
        return misfit.sum(axis=1) + ((q - problem.reference) ** 2 * prior).sum(axis=1)

    cost, bound, damping, active = cost_of(np.arange(n), q), held.copy(), np.full(n, 1e-3), np.arange(n)
    for _ in range(MOST_ITERATIONS):
        points, states = model_markers(problem, q[active])
        residual = points - target[active]
        share = huber(np.linalg.norm(residual, axis=2), bend)[1] * seen[active]
        weight = np.repeat(share * problem.weights[:, 0], 3, axis=1)[..., None]
        jacobian = marker_jacobian(problem, states, points).reshape(len(active), -1, n_q)
        gradient = ((weight * jacobian).transpose(0, 2, 1) @ residual.reshape(len(active), -1, 1))[..., 0]
        gradient += (q[active] - problem.reference) * prior
        ended = ((q[active] <= problem.lower) & (gradient > 0)) | ((q[active] >= problem.upper) & (gradient < 0))
        bound[active] = held[active] | ended
        move = ~bound[active]
        jacobian = jacobian * move[:, None]
        hessian = jacobian.transpose(0, 2, 1) @ (weight * jacobian)
        diagonal = np.einsum("njj->nj", hessian)
        diagonal += np.where(move, prior, 1.0)
        lifted = hessian + (damping[active, None] * np.maximum(diagonal, 1e-9))[..., None] * np.eye(n_q)
        step = -np.linalg.solve(lifted, (gradient * move)[..., None])[..., 0]
        step = np.clip(step, -LARGEST_TURN, LARGEST_TURN)
        tried = np.where(move, np.clip(q[active] + step, problem.lower, problem.upper), q[active])
        there = cost_of(active, tried)
        better = there <= cost[active]
        moved = np.abs(tried - q[active]).max(axis=1)
        q[active] = np.where(better[:, None], tried, q[active])
        cost[active] = np.where(better, there, cost[active])
        damping[active] = np.where(better, np.maximum(0.1 * damping[active], 1e-9), 10.0 * damping[active])
        active = active[(moved > TOLERANCE) & (damping[active] < STUCK)]
        if not len(active):
            break
    return RobustPoses(q, cost, bound)
