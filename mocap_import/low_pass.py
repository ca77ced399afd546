"""Low-pass filter: zero-lag Butterworth that leaves gaps where they are."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from mocap_import.stretch import stretches


def low_pass(values: np.ndarray, rate: float, cutoff: float, order: int = 4) -> np.ndarray:
    """Filter along time without phase lag, each stretch between gaps by itself.

    Parameters
    ----------
    values : ndarray, shape (n_samples, ...)
        NaN = missing; NaN stays NaN and no other sample depends on what lies beyond a gap.
    rate : float
        Samples per second (Hz).
    cutoff : float
        Frequency (Hz) at which the amplitude of the result is 1/√2; must lie below rate / 2.
    order : int, default 4
        Order of the result: an even number, half of it applied forwards and half backwards.

    Returns
    -------
    ndarray
        Same shape.

    References
    ----------
    Winter, Biomechanics and Motor Control of Human Movement, 4th ed., section 3.4.4: correction of the cutoff
    for two passes.
    """
    if order < 2 or order % 2:
        raise ValueError(f"order must be even and at least 2 (two passes of half the order), got {order}")
    if not 0 < cutoff < rate / 2:
        raise ValueError(f"cutoff must lie between 0 and {rate / 2:g} Hz (half the rate), got {cutoff:g} Hz")
    # The filter rings for a few periods of the cutoff; shorter padding would let its start into the data.
    padding = int(np.ceil(4.0 * rate / cutoff))
    values = np.asarray(values, dtype=float)
    columns = values.reshape(len(values), -1)
    finite = np.isfinite(columns)
    whole = finite.all(axis=0)
    result = np.full_like(columns, np.nan)
    if whole.any() and len(columns) > 1:
        if whole.all():
            return _filtered(columns, rate, cutoff, order, padding).reshape(values.shape)
        result[:, whole] = _filtered(columns[:, whole], rate, cutoff, order, padding)
    for k in np.flatnonzero(~whole & finite.any(axis=0)):
        starts, stops = stretches(finite[:, k])
        for start, stop in zip(starts, stops, strict=True):
            result[start:stop, k] = _filtered(columns[start:stop, k : k + 1], rate, cutoff, order, padding)[:, 0]
    return result.reshape(values.shape) if len(columns) > 1 else values.copy()


def _filtered(stretch: np.ndarray, rate: float, cutoff: float, order: int, padding: int) -> np.ndarray:
    """One gap-free stretch (n_samples, n_columns) there and back, continued by point reflection at its ends.

    Short stretches get less of it, single samples stay.
    """
    if len(stretch) < 2:
        return stretch
    sections, start = _design(rate, cutoff, order)
    edge = min(padding, len(stretch) - 1)
    first, last = stretch[:1], stretch[-1:]
    rows = np.concatenate([2.0 * first - stretch[edge:0:-1], stretch, 2.0 * last - stretch[-2 : -(edge + 2) : -1]]).T
    for _ in range(2):
        # Each pass begins as if the first sample had lasted for ever.
        rows = sosfilt(sections, rows, axis=1, zi=start * rows[None, :, :1])[0][:, ::-1]
    return np.ascontiguousarray(rows[:, edge : rows.shape[1] - edge].T)


@lru_cache(maxsize=64)
def _design(rate: float, cutoff: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Second-order sections of one pass, and their state (n_sections, 1, 2) after a constant one."""
    half = order // 2
    corrected = np.tan(np.pi * cutoff / rate) / (np.sqrt(2.0) - 1.0) ** (1.0 / (2 * half))
    sections = butter(half, min(2.0 * np.arctan(corrected) / np.pi, 0.999), output="sos")
    return sections, sosfilt_zi(sections)[:, None, :]
