"""Tilt of a sensor in the sagittal plane, frame by frame without a look ahead: gyroscope, and gravity in the long run.

A complementary filter in its simplest form: the gyroscope is integrated, and the specific force, turned by the angle
and averaged over some seconds, pulls it upright, as the accelerations of walking cancel over strides. It is the start
from which a network corrects, so that it need not learn to integrate.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

TIME_CONSTANT = 3.0
"""s over which specific forces are averaged: some strides. Long against a stride, short against a gyroscope's drift;
chosen on virtual walkers that are not scored."""


def causal_tilt(channels: np.ndarray, rate: float, time_constant: float = TIME_CONSTANT) -> np.ndarray:
    """Angle of a sensor's x axis over the horizontal.

    Parameters
    ----------
    channels : ndarray, shape (n, 3)
        Specific force x, y (m/s²) and angular velocity (rad/s) in the plane.
    rate : float
        Hz.
    time_constant : float
        s.

    Returns
    -------
    ndarray, shape (n,)
        rad; frame k depends on frames up to k only.
    """
    fx, fy, turn = np.asarray(channels, float).T
    middle = np.r_[0.0, 0.5 * (turn[1:] + turn[:-1])]
    relative = np.cumsum(middle) / rate
    # in the frame of the integrated gyroscope gravity stands nearly still: its direction is a slow average
    forward = np.cos(relative) * fx - np.sin(relative) * fy
    upward = np.sin(relative) * fx + np.cos(relative) * fy
    keep = np.exp(-1.0 / (time_constant * rate))
    # a plain mean at first, exponential later: the weights of all frames so far add up to one
    total = lfilter([1.0], [1.0, -keep], np.ones(len(fx)))
    means = [lfilter([1.0], [1.0, -keep], x) / total for x in (forward, upward)]
    # what the gyroscope has drifted by is in both: over minutes it exceeds a turn, of which nothing may stay
    return _within_a_turn(relative + np.arctan2(means[0], means[1]))


def _within_a_turn(angles: np.ndarray) -> np.ndarray:
    """The same angles from -π to π."""
    return np.pi - (np.pi - angles) % (2.0 * np.pi)


class TiltFilter:
    """The same frame by frame, for any number of sensors.

    The mean of the specific force is kept as a complex number (forward, upward) in the sensor's own axes and turned by
    what the gyroscope says of each frame, so that nothing grows with the length of a recording.

    Parameters
    ----------
    n_sensors : int
    rate : float
        Hz.
    time_constant : float
        s.
    """

    def __init__(self, n_sensors: int, rate: float, time_constant: float = TIME_CONSTANT) -> None:
        self._back, self._fade = complex(0.0, -0.5 / rate), -1.0 / (time_constant * rate)
        self._mean, self._turned = np.zeros(n_sensors, complex), np.zeros(n_sensors, complex)
        self._last = np.zeros(n_sensors)
        self._sum = np.zeros(n_sensors)
        self._tilts = np.zeros(n_sensors)

    def step(self, force: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """Tilts after one more frame.

        Parameters
        ----------
        force : ndarray of complex, shape (n_sensors,)
            Specific force forward, and upward as the imaginary part (m/s²).
        turn : ndarray, shape (n_sensors,)
            Angular velocity (rad/s).

        Returns
        -------
        ndarray, shape (n_sensors,)
            rad; the next step overwrites it.
        """
        np.add(turn, self._last, out=self._sum)  # before the first frame there is no mean that it could turn
        self._last[:] = turn
        np.multiply(self._sum, self._back, out=self._turned)
        np.add(self._turned, self._fade, out=self._turned)
        np.exp(self._turned, out=self._turned)
        # a sum in the place of a mean: what it would be divided by does not change its direction
        np.multiply(self._mean, self._turned, out=self._mean)
        np.add(self._mean, force, out=self._mean)
        return np.arctan2(self._mean.real, self._mean.imag, out=self._tilts)
