"""Low-pass filter: zero-lag Butterworth that leaves gaps where they are."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt


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
    half = order // 2
    corrected = np.tan(np.pi * cutoff / rate) / (np.sqrt(2.0) - 1.0) ** (1.0 / (2 * half))
    sections = butter(half, min(2.0 * np.arctan(corrected) / np.pi, 0.999), output="sos")
    # The filter rings for a few periods of the cutoff; shorter padding would let its start into the data.
    padding = int(np.ceil(4.0 * rate / cutoff))
    values = np.asarray(values, dtype=float)
    columns = values.reshape(len(values), -1)
    finite = np.isfinite(columns)
    result = np.full_like(columns, np.nan)
    whole = finite.all(axis=0)
    if whole.any() and len(columns) > 1:
        result[:, whole] = _filtered(sections, columns[:, whole], padding)
    for k in np.flatnonzero(~whole & finite.any(axis=0)):
        edges = np.flatnonzero(np.diff(np.r_[0, finite[:, k].astype(np.int8), 0]))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            result[start:stop, k] = _filtered(sections, columns[start:stop, k], padding)
    return result.reshape(values.shape) if len(columns) > 1 else values.copy()


def _filtered(sections: np.ndarray, stretch: np.ndarray, padding: int) -> np.ndarray:
    """One gap-free stretch, continued by point reflection; short ones get less of it, single samples stay."""
    if len(stretch) < 2:
        return stretch
    return sosfiltfilt(sections, stretch, axis=0, padlen=min(padding, len(stretch) - 1))
