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
        n_segments = turning.shape[1]
        self._turning = np.tile(turning, 2)
        self._quarter = np.repeat([0.0, 0.5 * np.pi], n_segments)
        self._angles, self._speeds = np.zeros(2 * n_segments), np.zeros(2 * n_segments)
        # sines and cosines, then the same times the angular velocities: of the first heights, of the second velocities
        self._parts = np.zeros((2, 2 * n_segments))
        nothing = np.zeros_like(levers)
        self._product = np.block([[levers / HEIGHT_UNIT, nothing], [nothing, -levers]])
        self._said = np.zeros(2 * levers.shape[1])
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
        directions, speeds = self._parts
        np.dot(tilts, self._turning, out=self._angles)
        np.add(self._angles, self._quarter, out=self._angles)
        np.sin(self._angles, out=directions)
        np.dot(rates, self._turning, out=self._speeds)
        np.multiply(directions, self._speeds, out=speeds)
        each = np.dot(self._parts.reshape(-1), self._product, out=self._said).tolist()
        half, n = self._half, 2 * self._half
        lowest = min(each[:n])
        out[:] = [height - lowest for height in each[:n]] + each[n:]
        return -min(sum(each[n : n + half]), sum(each[n + half :])) / half
