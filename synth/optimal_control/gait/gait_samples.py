"""Gait samples: one cycle of a movement, repeated over time and sampled at any instants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator

from mocap_import.trial import GroundReaction
from synth.optimal_control.movement.solution import CONTACT_THRESHOLD, MovementSolution


@dataclass(frozen=True)
class GaitSamples:
    """A cycle, repeated over time and sampled at any instants.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Seconds from the start of the solution's cycle.
    coordinates, speeds, accelerations : ndarray, shape (n, n_q)
    moments : ndarray, shape (n, n_q)
        Generalized forces (N·m, N).
    forces : ndarray, shape (n, 2, 3)
        Ground reaction of right and left foot (N).
    pressures : ndarray, shape (n, 2, 3)
        Centre of pressure (m); NaN off the ground.
    activations : ndarray, shape (n, n_muscles)
    """

    time: np.ndarray
    coordinates: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    moments: np.ndarray
    forces: np.ndarray
    pressures: np.ndarray
    activations: np.ndarray


def sample_gait(solution: MovementSolution, time: np.ndarray) -> GaitSamples:
    """Sample a solution periodically: the pelvis goes on at the mean speed, everything else repeats.

    Coordinates are quintic between nodes (through values, speeds and accelerations), so that sampled motion can be
    differentiated twice; forces and moments follow a monotone cubic, so that no foot ever pulls on the ground.

    Parameters
    ----------
    solution : MovementSolution
        A cycle with two feet.
    time : ndarray, shape (n,)
        Seconds from the start of the solution's cycle; any range.
    """
    time = np.asarray(time, float)
    cycle, within = np.divmod(time, solution.duration)
    jump = np.zeros(solution.coordinates.shape[1])
    stride = solution.speed * solution.duration
    jump[solution.skeleton.coordinate_index("pelvis_tx")] = stride
    grid = np.r_[solution.time, solution.duration]
    motion = [np.vstack([solution.coordinates, solution.coordinates[:1] + jump])]
    motion += [np.vstack([rate, rate[:1]]) for rate in (solution.speeds, solution.accelerations)]
    curve = BPoly.from_derivatives(grid, np.stack(motion, axis=1))
    activations = solution.arrays["activations"] if solution.muscles else np.empty((len(grid) - 1, 0))
    reactions = solution.ground_reactions
    least = CONTACT_THRESHOLD * solution.skeleton.mass * float(np.linalg.norm(solution.skeleton.gravity))
    return GaitSamples(
        time,
        curve(within) + cycle[:, None] * jump,
        curve.derivative()(within),
        curve.derivative(2)(within),
        _monotone(grid, solution.moments, within),
        np.stack([_monotone(grid, r.force, within) for r in reactions], axis=1),
        np.stack([_pressure(grid, r, least, stride, within, cycle) for r in reactions], axis=1),
        _monotone(grid, activations, within),
    )


def _pressure(
    grid: np.ndarray, reaction: GroundReaction, least: float, stride: float, time: np.ndarray, cycle: np.ndarray
) -> np.ndarray:
    """Centre of pressure, linear between loaded nodes of three cycles in a row; NaN off the ground."""
    force, place = reaction.force[:, 1], reaction.centre_of_pressure[:, 0]
    known = np.flatnonzero(np.isfinite(place))
    if not len(known):
        return np.full((len(time), 3), np.nan)
    nodes_time = np.concatenate([grid[known] + k * grid[-1] for k in (-1, 0, 1)])
    places = np.concatenate([place[known] + k * stride for k in (-1, 0, 1)])
    loaded = _monotone(grid, force[:, None], time)[:, 0] > least
    x = np.where(loaded, np.interp(time, nodes_time, places) + cycle * stride, np.nan)
    z = np.where(loaded, np.nanmean(reaction.centre_of_pressure[:, 2]), np.nan)
    return np.stack([x, np.where(loaded, 0.0, np.nan), z], axis=1)


def _monotone(grid: np.ndarray, values: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Monotone cubic through the nodes (n, k) of a cycle, one more on each side so that its slope is right there."""
    if not values.shape[1]:
        return np.empty((len(time), 0))
    extended = np.vstack([values[-1:], values, values[:2]])
    ends = grid[-2] - grid[-1], grid[-1] + grid[1]
    return PchipInterpolator(np.r_[ends[0], grid, ends[1]], extended)(time)
