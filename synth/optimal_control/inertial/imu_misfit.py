"""IMU misfit: how far the sensors of a solution are from the records, against what noise and model error explain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.sensor_problem import ImuProblem, channel_deviation
from synth.optimal_control.movement.following_blocks import sensor_values


def sensor_readings(
    skeleton: Skeleton,
    coordinates: np.ndarray,
    speeds: np.ndarray,
    accelerations: np.ndarray,
    offsets: Mapping[str, np.ndarray],
    mounting: Mapping[str, float | np.ndarray],
) -> dict[str, np.ndarray]:
    """What sensors read on a moving skeleton, by segment.

    Parameters
    ----------
    skeleton : Skeleton
        Planar or in space, as the sensors' places and mountings are.
    coordinates, speeds, accelerations : ndarray, shape (n, n_q)
    offsets : mapping of str to ndarray, shape (2,) or (3,)
        Place of each sensor on its segment (m).
    mounting : mapping of str to float or ndarray, shape (3,)
        Angle of each sensor on its segment, or its small rotation vector (rad).

    Returns
    -------
    dict of str to ndarray, shape (n, 3) or (n, 6)
        Specific force x and y (m/s²), angular velocity z (rad/s), or all three of both, in the sensor's axes.
    """
    states = segment_states(skeleton, list(coordinates.T), list(speeds.T), list(accelerations.T))
    readings = {}
    for segment, offset in offsets.items():
        state = states[skeleton.segment_index(segment)]
        values = sensor_values(state, (*offset, 0.0)[:3], list(np.atleast_1d(mounting[segment])))
        readings[segment] = over_frames(values, len(coordinates))
    return readings


def sensor_misfit(problem: ImuProblem, phase: np.ndarray, readings: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean squared misfit of each sensor's 3 or 6 channels over the cycle, in expected variances: about 1 if good.

    Parameters
    ----------
    problem : ImuProblem
    phase : ndarray, shape (n,)
        Of the readings in the cycle.
    readings : mapping of str to ndarray, shape (n, 3) or (n, 6)
    """
    found = {}
    for segment, read in readings.items():
        measured = at_phase(problem.records[segment].channels, phase)
        deviation = at_phase(channel_deviation(problem, segment), phase)
        found[segment] = np.mean(((read - measured) / deviation) ** 2, axis=0)
    return found
