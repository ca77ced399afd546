"""Stride turning: how leg sensors must be turned into the sagittal plane, found on the first strides of a stream.

A whole trial shows the axis about which a leg sensor turns most; a stream has seen none of it when it begins. It waits
until every leg sensor has been turning for some time, takes the axis of what it has seen, and keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.sagittal_axis import turning_axis_to_z

TURNING_SECONDS = 1.5
"""How long (s) every leg sensor must have been turning: two to three strides of walking (docs/streaming.md has what
other lengths give on virtual walkers)."""
LEAST_TURNING = 1.0
"""rad/s from which a sensor counts as turning: a standing leg stays far below, a thigh exceeds it in half of a walk."""


class StrideTurning:
    """What has been seen of the turning of some leg sensors.

    Parameters
    ----------
    legs : sequence of int
        Which of the sensors are on legs.
    rate : float
        Hz.
    seconds : float
        See `TURNING_SECONDS`.
    """

    def __init__(self, legs: Sequence[int], rate: float, seconds: float = TURNING_SECONDS) -> None:
        self._legs = list(legs)
        self._products = np.zeros((len(self._legs), 3, 3))
        self._turning = np.zeros(len(self._legs))
        self._needed = seconds * rate

    def add(self, turn: np.ndarray) -> None:
        """See one more frame: angular velocity of all sensors (n_sensors, 3), rad/s, segment axes."""
        turn = turn[self._legs]
        self._products += turn[:, :, None] * turn[:, None, :]
        self._turning += np.einsum("ni,ni->n", turn, turn) > LEAST_TURNING**2

    @property
    def is_enough(self) -> bool:
        """Whether every leg sensor has been turning for long enough."""
        return bool((self._turning >= self._needed).all())

    def rotations(self) -> dict[int, Rotation]:
        """Sensor → rotation that turns it into the plane, from all that was seen."""
        return {leg: turning_axis_to_z(products) for leg, products in zip(self._legs, self._products, strict=True)}
