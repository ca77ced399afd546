"""Walking speed of a label-free network: the causal mean of the pelvis's velocity. No torch: streaming uses it."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter

SPEED_SECONDS = 1.5
"""Time constant (s) of the causal mean that makes a walking speed of the pelvis's velocity: more than a stride."""


def causal_mean(values: np.ndarray, rate: float, seconds: float = SPEED_SECONDS) -> np.ndarray:
    """Mean of the last seconds at each frame: a plain mean at first, exponential later."""
    keep = np.exp(-1.0 / (seconds * rate))
    total = lfilter([1.0], [1.0, -keep], np.ones(len(values)))
    return lfilter([1.0], [1.0, -keep], values) / total


class CausalMean:
    """The same frame by frame; `rate` in Hz."""

    def __init__(self, rate: float, seconds: float = SPEED_SECONDS) -> None:
        self._keep, self._sum, self._weight = math.exp(-1.0 / (seconds * rate)), 0.0, 0.0

    def step(self, value: float) -> float:
        """Mean after one more value."""
        self._sum = self._keep * self._sum + value
        self._weight = self._keep * self._weight + 1.0
        return self._sum / self._weight
