"""Accelerometer bias: one axis that reads too much, found from standing and from closed strides.

At rest an accelerometer reads one g; over a stride that ends as it began, the mean specific force turned back by the
gyroscope is one g, too. One biased axis must explain both. Measured in the CMU set: +2.4 m/s² along z of the left toes'
sensor and about as much of the trunk's, in every trial of every person: the hardware, not the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from mocap_import.subject import STANDARD_GRAVITY
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.spatial_strap_down import closed_orientation

LEAST = 0.05
"""Share of one g by which standing must be off before an axis is accused: beyond calibration and slight movement."""
AGREES = 0.6
"""m/s²: how far apart standing and strides may put the bias of the accused axis [assumption]."""
_LARGEST = 6.0
_MOST_STRIDES = 20
_SAMPLES = 100


def biased_axis(recording: ImuRecording, still: slice, strikes: Sequence[float]) -> tuple[int, float] | None:
    """The axis of an accelerometer that reads too much, and how much.

    Parameters
    ----------
    recording : ImuRecording
    still : slice
        Samples of standing.
    strikes : sequence of float
        Foot strikes of one foot (s), so that each stride ends as it began.

    Returns
    -------
    (int, float) or None
        Axis (0 to 2) and bias (m/s²); None if the sensor reads one g at rest, or no axis explains it.
    """
    rest = np.nanmean(recording.specific_force[still], axis=0)
    if abs(np.linalg.norm(rest) / STANDARD_GRAVITY - 1.0) < LEAST:
        return None
    felt, axes = _strides(recording, strikes)
    if not len(felt):
        return None
    best: tuple[float, int, float] | None = None
    for axis in range(3):
        at_rest = _root(lambda b, k=axis: np.linalg.norm(rest - b * np.eye(3)[k]))
        walking = _root(lambda b, k=axis: float(np.mean(np.linalg.norm(felt - b * axes[:, :, k], axis=1))))
        if at_rest is not None and walking is not None:
            apart = abs(at_rest - walking)
            if best is None or apart < best[0]:
                best = apart, axis, 0.5 * (at_rest + walking)
    return None if best is None or best[0] > AGREES else best[1:]


def without_bias(recording: ImuRecording, axis: int, bias: float) -> np.ndarray:
    """Specific force (n_frames, 3) without the bias of one axis."""
    return recording.specific_force - bias * np.eye(3)[axis]


def _strides(recording: ImuRecording, strikes: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean specific force (n, 3), and the means (n, 3, 3) of the sensor's axes as columns, turned back over strides."""
    clock = np.arange(len(recording.specific_force)) / recording.rate
    felt, axes = [], []
    for start, end in list(pairwise(strikes))[:_MOST_STRIDES]:
        time = start + (end - start) * np.arange(_SAMPLES) / _SAMPLES
        force, turn = (
            np.stack([np.interp(time, clock, column) for column in values.T], axis=1)
            for values in (recording.specific_force, recording.angular_velocity)
        )
        if np.isfinite(force).all() and np.isfinite(turn).all():
            turned = closed_orientation(turn, end - start)
            felt.append(turned.apply(force).mean(axis=0))
            axes.append(turned.as_matrix().mean(axis=0))
    return np.array(felt), np.array(axes)


def _root(length) -> float | None:  # noqa: ANN001
    """The smallest bias at which a length is one g."""

    def excess(bias: float) -> float:
        return float(length(bias)) - STANDARD_GRAVITY

    grid = np.linspace(-_LARGEST, _LARGEST, 49)
    values = np.array([excess(b) for b in grid])
    changes = np.flatnonzero(np.sign(values[:-1]) != np.sign(values[1:]))
    roots = [float(brentq(excess, grid[k], grid[k + 1])) for k in changes]
    return min(roots, key=abs, default=None)
