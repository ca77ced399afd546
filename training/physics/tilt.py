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
    return relative + np.arctan2(means[0], means[1])


class TiltFilter:
    """The same frame by frame, for any number of sensors.

    Parameters
    ----------
    n_sensors : int
    rate : float
        Hz.
    time_constant : float
        s.
    """

    def __init__(self, n_sensors: int, rate: float, time_constant: float = TIME_CONSTANT) -> None:
        self._half, self._keep = 0.5 / rate, float(np.exp(-1.0 / (time_constant * rate)))
        self._relative = np.zeros(n_sensors)
        self._last: np.ndarray | None = None
        self._forward, self._upward = np.zeros(n_sensors), np.zeros(n_sensors)

    def step(self, forward: np.ndarray, upward: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """Tilts (n_sensors,) (rad) after one more frame: specific force x, y (m/s²), angular velocity (rad/s)."""
        if self._last is not None:
            self._relative = self._relative + self._half * (turn + self._last)
        self._last = turn
        c, s = np.cos(self._relative), np.sin(self._relative)
        # sums in the place of means: what they would be divided by is the same for both
        self._forward = self._keep * self._forward + c * forward - s * upward
        self._upward = self._keep * self._upward + s * forward + c * upward
        return self._relative + np.arctan2(self._forward, self._upward)
