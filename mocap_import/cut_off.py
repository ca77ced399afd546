"""Cut-off: the low-pass frequency that a signal's own noise asks for, and how large that noise is."""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import dst, prev_fast_len

from mocap_import.stretch import stretches

LOWEST = 2.0
"""Lowest cut-off (Hz) that is proposed: below it lies the movement itself."""
_LONGEST = 512
"""Samples that are looked at: the middle of longer signals."""
_TAIL = 0.6
"""Share of the Nyquist frequency above which a recording holds noise only."""


def residual_cut_off(signal: np.ndarray, rate: float) -> float:
    """Cut-off frequency by residual analysis.

    The residual between raw and filtered signal, as a function of the cut-off, ends in a straight line where only
    noise is removed. That line, carried back to 0 Hz, is the noise in the signal; the cut-off is where the residual
    equals it: there as much signal is lost as noise is kept.

    Parameters
    ----------
    signal : ndarray, shape (n_samples, ...)
        Any unit. Columns with missing samples use their longest stretch without; columns without 32 samples in a row
        do not count.
    rate : float
        Samples per second (Hz).

    Returns
    -------
    float
        Hz; the median over the columns, at least 2 Hz and below rate / 2. NaN if no column can be judged.

    References
    ----------
    Winter 1990, Biomechanics and Motor Control of Human Movement, 2nd ed., section 2.4.4.3; automated by the straight
    line after Yu, Gabriel, Noble & An 1999, J Appl Biomech 15:318.
    """
    found = [_analysed(stretch, rate)[0] for stretch in _stretches(signal)]
    return float(np.median(np.concatenate(found))) if found else math.nan


def marker_noise(positions: np.ndarray, rate: float) -> np.ndarray:
    """Jitter of each marker by residual analysis.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m; NaN = missing.
    rate : float
        Frames per second (Hz).

    Returns
    -------
    ndarray, shape (n_markers,)
        Root mean square (m) of the noise per coordinate; NaN for markers without 32 frames in a row.
    """
    result = np.full(positions.shape[1], math.nan)
    whole = np.isfinite(positions).all(axis=(0, 2))
    if whole.any() and len(positions) >= 32:
        noise = _analysed(_middle(positions[:, whole].reshape(len(positions), -1)), rate)[1]
        result[whole] = np.sqrt((noise.reshape(-1, 3) ** 2).mean(axis=1))
    for k in np.flatnonzero(~whole):
        stretch = _longest_stretch(positions[:, k])
        if len(stretch) >= 32:
            result[k] = np.sqrt((_analysed(_middle(stretch), rate)[1] ** 2).mean())
    return result


def _stretches(signal: np.ndarray) -> list[np.ndarray]:
    """Gap-free columns (n_samples, n_columns), and the longest stretch of each other column."""
    columns = np.asarray(signal, dtype=float).reshape(len(signal), -1)
    whole = np.isfinite(columns).all(axis=0)
    parts = [columns[:, whole], *(_longest_stretch(columns[:, [k]]) for k in np.flatnonzero(~whole))]
    return [_middle(part) for part in parts if len(part) >= 32 and part.shape[1]]


def _longest_stretch(columns: np.ndarray) -> np.ndarray:
    """Longest run of rows without a missing value."""
    seen = np.isfinite(columns).all(axis=1)
    starts, stops = stretches(seen)
    if not len(starts):
        return columns[:0]
    longest = int(np.argmax(stops - starts))
    return columns[starts[longest] : stops[longest]]


def _middle(columns: np.ndarray) -> np.ndarray:
    """At most `_LONGEST` rows."""
    start = max(0, (len(columns) - _LONGEST) // 2)
    return columns[start : start + _LONGEST]


def _analysed(columns: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut-off (Hz) and noise (RMS) of gap-free columns (n_samples, n_columns)."""
    # The line through both ends is taken away and the rest continued by point reflection (what a sine transform
    # assumes): no step at the ends spreads over the spectrum.
    n = prev_fast_len(len(columns) - 1, real=True) + 1
    share = np.linspace(0.0, 1.0, n)[:, None]
    flat = columns[:n] - columns[:1] - share * (columns[n - 1 : n] - columns[:1])
    power = dst(flat[1:-1], type=1, axis=0, norm="ortho") ** 2 / n
    frequency = np.arange(1, n - 1) * rate / (2.0 * (n - 1))
    # What a zero-lag filter with gain 1 / (1 + (f/fc)⁴) takes away, for a ladder of cut-offs.
    ladder = np.r_[np.geomspace(LOWEST, _TAIL * rate / 2.0, 40), np.linspace(_TAIL, 0.95, 10) * rate / 2.0]
    lost = (1.0 - 1.0 / (1.0 + (frequency / ladder[:, None]) ** 4)) ** 2
    residual = np.sqrt(lost @ power)
    tail = ladder >= _TAIL * rate / 2.0
    noise = np.polyfit(ladder[tail], residual[tail], 1)[1]
    noise = np.maximum(noise, residual[tail].mean(axis=0))
    below = residual <= noise
    first = np.where(below.any(axis=0), below.argmax(axis=0), len(ladder) - 1)
    return ladder[first], noise
