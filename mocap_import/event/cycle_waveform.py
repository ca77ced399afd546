"""Cycle waveform: any signal of a trial, cut into gait cycles and brought to 0-100 % in 101 points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from mocap_import.stretch import stretches

N_POINTS = 101


def cycle_waveforms(
    values: np.ndarray, rate: float, cycles: Sequence[tuple[float, float]], n_points: int = N_POINTS
) -> np.ndarray:
    """Signals over gait cycles, evenly from 0 to 100 %, both ends included.

    Parameters
    ----------
    values : ndarray, shape (n_samples, ...)
        Time first: markers, forces, angles, EMG envelopes; NaN = missing.
    rate : float
        Samples per second of `values` (Hz): markers and plates have their own; sample 0 is time 0.
    cycles : sequence of (float, float)
        Start and end (s), e.g. of `find_gait_cycles`.
    n_points : int, default 101

    Returns
    -------
    ndarray, shape (n_cycles, n_points, ...)
        Cubic spline through the samples. NaN where a sample on either side is NaN and outside the record: a gap costs
        the points in it and no others, whatever column it is in.

    Raises
    ------
    ValueError
        Fewer than two points, or a cycle that does not end after it starts.
    """
    if n_points < 2 or not rate > 0:
        raise ValueError(f"expected at least 2 points and a positive rate, got {n_points} points and {rate:g} Hz")
    bounds = np.asarray(cycles, dtype=float).reshape(-1, 2)
    if not (bounds[:, 1] > bounds[:, 0]).all():
        raise ValueError(f"every cycle must end after it starts, got {bounds[bounds[:, 1] <= bounds[:, 0]][0]} s")
    values = np.asarray(values, dtype=float)
    columns = values.reshape(len(values), -1)
    share = np.linspace(0.0, 1.0, n_points)
    at = ((bounds[:, :1] + share * np.diff(bounds, axis=1)) * rate).ravel()
    # An instant that falls on a sample but for rounding needs that sample alone.
    whole = np.round(at)
    at = np.where(np.abs(at - whole) < 1e-6, whole, at)
    result = np.full((len(at), columns.shape[1]), np.nan)
    finite = np.isfinite(columns)
    patterns, group = np.unique(finite, axis=1, return_inverse=True)
    for k in range(patterns.shape[1]):
        mine = np.flatnonzero(group.ravel() == k)
        starts, stops = stretches(patterns[:, k])
        for start, stop in zip(starts, stops, strict=True):
            inside = np.flatnonzero((at >= start) & (at <= stop - 1))
            if len(inside):
                result[np.ix_(inside, mine)] = _between(columns[start:stop, mine], at[inside] - start)
    return result.reshape(len(bounds), n_points, *values.shape[1:])


def _between(samples: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values of a gap-free stretch (n_samples, n_columns) at positions in samples."""
    if len(samples) < 2:
        return np.repeat(samples, len(at), axis=0)
    return CubicSpline(np.arange(len(samples)), samples, axis=0)(at)
