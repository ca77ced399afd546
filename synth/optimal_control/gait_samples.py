"""Gait samples: a gait solution, repeated over time and sampled at any instants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator

from mocap_import.trial import GroundReaction
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.residual import closed_cycle
from synth.optimal_control.solution import CONTACT_THRESHOLD, GaitSolution


@dataclass(frozen=True)
class GaitSamples:
    """A gait solution, repeated over time and sampled at any instants.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Seconds from the start of the solution's cycle.
    coordinates, speeds, accelerations : ndarray, shape (n, 10)
    generalized_forces : ndarray, shape (n, 10)
        N·m, N.
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
    generalized_forces: np.ndarray
    forces: np.ndarray
    pressures: np.ndarray
    activations: np.ndarray


def sample_gait(solution: GaitSolution, time: np.ndarray) -> GaitSamples:
    """Sample a solution periodically: the pelvis goes on at the mean speed, everything else repeats.

    Coordinates are quintic between nodes (through values, speeds and accelerations), so that sampled motion can be
    differentiated twice; forces and moments follow a monotone cubic, so that no foot ever pulls on the ground.

    Parameters
    ----------
    solution : GaitSolution
    time : ndarray, shape (n,)
        Seconds from the start of the solution's cycle; any range.

    Returns
    -------
    GaitSamples
    """
    time = np.asarray(time, float)
    cycle, within = np.divmod(time, solution.duration)
    jump = np.zeros(nodes.N_Q)
    forward = nodes.COORDINATES.index("pelvis_tx")
    jump[forward] = solution.speed * solution.duration
    grid = np.linspace(0.0, solution.duration, len(solution.speeds) + 1)
    stacked = np.stack(
        [
            closed_cycle(solution.kinematics.values, jump),
            closed_cycle(solution.speeds),
            closed_cycle(solution.accelerations),
        ],
        axis=1,
    )
    curve = BPoly.from_derivatives(grid, stacked)
    coordinates = curve(within) + cycle[:, None] * jump
    n = len(time)
    reactions = solution.kinetics.ground_reactions
    forces = np.stack([_monotone(grid, closed_cycle(r.force), within) for r in reactions], axis=1)
    pressures = np.full((n, 2, 3), np.nan)
    for i, reaction in enumerate(reactions):
        pressures[:, i] = _pressure(grid, reaction, jump[forward], within, cycle)
    return GaitSamples(
        time,
        coordinates,
        curve.derivative()(within),
        curve.derivative(2)(within),
        _monotone(grid, closed_cycle(solution.kinetics.generalized_forces), within),
        forces,
        pressures,
        _monotone(grid, closed_cycle(solution.kinetics.activations), within),
    )


def _pressure(
    grid: np.ndarray, reaction: GroundReaction, stride: float, time: np.ndarray, cycle: np.ndarray
) -> np.ndarray:
    """Centre of pressure, linear between loaded nodes of three cycles in a row; NaN off the ground."""
    force, place = reaction.force[:, 1], reaction.centre_of_pressure[:, 0]
    threshold = CONTACT_THRESHOLD * np.abs(force).max()
    known = np.flatnonzero(np.isfinite(place))
    if not len(known):
        return np.full((len(time), 3), np.nan)
    nodes_time = np.concatenate([grid[known] + k * grid[-1] for k in (-1, 0, 1)])
    places = np.concatenate([place[known] + k * stride for k in (-1, 0, 1)])
    loaded = _monotone(grid, closed_cycle(force[:, None]), time)[:, 0] > threshold
    x = np.where(loaded, np.interp(time, nodes_time, places) + cycle * stride, np.nan)
    z = np.where(loaded, np.nanmean(reaction.centre_of_pressure[:, 2]), np.nan)
    return np.stack([x, np.where(loaded, 0.0, np.nan), z], axis=1)


def _monotone(grid: np.ndarray, closed: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Monotone cubic through values (n_nodes + 1, n_columns) of a closed cycle."""
    if not closed.shape[1]:
        return np.empty((len(time), 0))
    # one node more on each side, so that the slope is right where the cycle closes
    step = grid[1] - grid[0]
    extended = np.vstack([closed[-2:-1], closed, closed[1:2]])
    return PchipInterpolator(np.r_[grid[0] - step, grid, grid[-1] + step], extended)(time)
