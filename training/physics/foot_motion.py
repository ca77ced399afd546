"""Foot motion: what tilts and gyroscopes say of the feet, frame by frame. No torch: streaming uses it.

The same as `training.physics.estimate.foot_motion` and `training.physics.pace.walking_pace` for one frame.
"""

from __future__ import annotations

import numpy as np

HEIGHT_UNIT = 0.1
"""m: unit of the heights among a network's inputs."""


class FootMotion:
    """How a person's feet move by the sensors.

    Parameters
    ----------
    turning : ndarray, shape (n_sensors, n_segments)
        Angle of every segment per tilt of every sensor.
    levers : ndarray, shape (2 n_segments, n_points)
        Of `training.physics.person.contact_levers`; points of one foot, then those of the other.
    """

    def __init__(self, turning: np.ndarray, levers: np.ndarray) -> None:
        n_sensors, n_segments = turning.shape
        self._turning, self._rise, self._forward = turning, levers / HEIGHT_UNIT, -levers
        self._seen = np.empty((2, n_sensors))
        self._sines, self._speeds = np.empty((2, n_segments)), np.empty((2, n_segments))
        self._half = levers.shape[1] // 2

    def put(self, tilts: np.ndarray, rates: np.ndarray, out: np.ndarray) -> float:
        """Say what the feet do in one frame.

        Parameters
        ----------
        tilts, rates : ndarray, shape (n_sensors,)
            rad; angular velocity about Z (rad/s).
        out : ndarray, shape (2 n_points,)
            Gets the height of each contact point over the lowest one (`HEIGHT_UNIT`), then its forward velocity against
            the root (m/s).

        Returns
        -------
        float
            Backward velocity (m/s) of the foot that moves backwards faster: of the one that stands, in walking.
        """
        self._seen[0], self._seen[1] = tilts, rates
        angles, speeds = self._seen @ self._turning
        np.sin(angles, out=self._sines[0])
        np.cos(angles, out=self._sines[1])
        np.multiply(self._sines, speeds, out=self._speeds)
        height, forward = self._sines.ravel() @ self._rise, self._speeds.ravel() @ self._forward
        n = 2 * self._half
        out[:n] = height - height.min()
        out[n:] = forward
        each = forward.tolist()
        return -min(sum(each[: self._half]), sum(each[self._half :])) / self._half
