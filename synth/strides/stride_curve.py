"""Stride curve: strides that follow each other as one smooth curve over time.

Row r of stride k is at k T + r T / (100 + g), with the duration T and the gap g of `stride_duration`; a quintic spline
goes through every row, so that nothing of the table is changed and no seam is patched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline

from synth.strides.stride_duration import StrideDuration
from synth.strides.stride_table import ROWS


@dataclass(frozen=True)
class StrideCurve:
    """Angles of strides end to end.

    Attributes
    ----------
    spline : BSpline
        Time (s) → angles (rad).
    row_times : ndarray, shape (n_strides, 101)
        s.
    duration : float
        Of a stride (s).
    """

    spline: BSpline
    row_times: np.ndarray
    duration: float

    def times(self, rate: float) -> np.ndarray:
        """Instants (n,) of a record at a rate (Hz), from the first row to the last."""
        return np.arange(int(np.floor(self.row_times[-1, -1] * rate + 1e-9)) + 1) / rate

    def angles(self, times: np.ndarray) -> np.ndarray:
        """Angles (n, n_angles) in rad."""
        return self.spline(times)

    def phase(self, times: np.ndarray) -> np.ndarray:
        """Strides since the first foot strike (n,)."""
        return np.asarray(times) / self.duration


def stride_curve(angles: np.ndarray, timing: StrideDuration) -> StrideCurve:
    """Lay strides (n_strides, 101, n_angles) end to end."""
    n_strides = len(angles)
    step = timing.duration / (ROWS - 1 + timing.gap)
    row_times = np.arange(n_strides)[:, None] * timing.duration + np.arange(ROWS) * step
    values = angles.reshape(n_strides * ROWS, -1)
    return StrideCurve(make_interp_spline(row_times.ravel(), values, k=5), row_times, timing.duration)
