"""Latency: how long one frame takes, measured one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

EDGES_MS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, np.inf)
"""Of the histogram (ms)."""


@dataclass(frozen=True)
class Latency:
    """Time per frame.

    Attributes
    ----------
    seconds : ndarray, shape (n_frames,)
        Of each step, wall time unless another clock was asked for.
    """

    seconds: np.ndarray

    def percentile(self, share: float) -> float:
        """Percentile (ms), `share` in percent."""
        return float(np.percentile(self.seconds, share)) * 1e3

    def histogram(self) -> tuple[tuple[float, float, int], ...]:
        """From (ms), to (ms), frames."""
        counts = np.histogram(self.seconds * 1e3, bins=np.array(EDGES_MS))[0]
        return tuple(zip(EDGES_MS[:-1], EDGES_MS[1:], counts.tolist(), strict=True))

    def text(self) -> str:
        """Histogram for a terminal."""
        rows = [row for row in self.histogram() if row[2]]
        most = max(count for *_, count in rows)
        lines = [
            f"{low:6.2f} to {high:5.2f} ms  {'#' * max(round(40 * count / most), 1):40} {count}"
            for low, high, count in rows
        ]
        return "\n".join([*lines, f"median {self.percentile(50):.3f} ms, 99 % within {self.percentile(99):.3f} ms"])


def timed(
    step: Callable[[np.ndarray], np.ndarray], frames: np.ndarray, clock: Callable[[], float] = time.perf_counter
) -> tuple[np.ndarray, Latency]:
    """Take every frame through a step, one by one.

    Parameters
    ----------
    step : callable
        One frame (n_channels,) → one frame of values.
    frames : ndarray, shape (n_frames, n_channels)
    clock : callable
        Seconds: wall time, or ``time.thread_time`` for what the thread itself computes.

    Returns
    -------
    values : ndarray, shape (n_frames, n_values)
    Latency
    """
    values, seconds = [], np.empty(len(frames))
    for k, frame in enumerate(frames):
        began = clock()
        values.append(step(frame))
        seconds[k] = clock() - began
    return np.array(values), Latency(seconds)
