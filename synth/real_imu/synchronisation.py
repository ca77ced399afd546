"""Synchronisation: by how much, how surely and how steadily a sensor's clock is off a reference's, before any number.

Two witnesses. *Signals*: norms of the same movement (angular speed of a gyroscope, angular speed of the segment from
markers) by normalised cross-correlation over what both saw (Padfield 2012, IEEE Trans Image Process 21:2706), the peak
placed between samples by a parabola. *Events*: the same instants in both (foot strikes by gyroscope and by force plate)
by the lag that most of them share. Neither looks at a prediction or its error: a lag tuned on an error is a leak.

A periodic movement fits again one stride later. The peak ratio says how much worse; near 1 the lag is known up to whole
strides only. Positive lags: the sensor's clock is late, its sample of an instant carries a later time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve, find_peaks
from scipy.stats import theilslopes

from synth.real_imu.convention import RecordingRefused

_APART = 0.15
"""Seconds between two peaks that are not one."""
_WINDOW, _WINDOW_STEP, _WINDOW_REACH = 20.0, 10.0, 0.2
"""Seconds of a window for the drift, from one to the next, and how far its lag may be from the whole trial's."""
_SURE_CORRELATION, _SURE_RATIO = 0.7, 1.1
_LEAST_OVERLAP = 0.5
"""Part of the shorter signal that must overlap at a lag."""
_GRID, _VOTE = 0.005, 0.02
"""Seconds between the lags that events vote for, and the width of a vote."""
_SAME_EVENT = 0.1
"""Seconds by which two records of one event may differ beyond the common lag."""


@dataclass(frozen=True)
class Lag:
    """How late a sensor's clock is.

    Attributes
    ----------
    sensor, reference : str
    seconds : float
        Positive: the sensor is late.
    agreement : float
        Correlation at that lag (signals), or the share of events that meet (events).
    peak_ratio : float
        Agreement over that of the next best lag; inf if there is none.
    next_seconds : float
        The next best lag; NaN if there is none.
    spread : float
        Of windows (signals) or matched events: 1.48 × median absolute deviation (s).
    drift : float
        Seconds per second by which the lag grows (× 1e6 = ppm); NaN if the trial is too short.
    drift_error : float
        Half the 95 % interval of `drift`.
    count : int
        Windows or matched events.
    """

    sensor: str
    reference: str
    seconds: float
    agreement: float
    peak_ratio: float
    next_seconds: float
    spread: float
    drift: float
    drift_error: float
    count: int

    @property
    def sure(self) -> bool:
        """Whether it is worth using: the witnesses agree, and no other lag does as well."""
        return bool(self.agreement >= _SURE_CORRELATION and self.peak_ratio >= _SURE_RATIO)

    @property
    def drifts(self) -> bool:
        """Whether the clocks run apart: zero is outside the drift's 95 % interval."""
        return bool(np.isfinite(self.drift) and abs(self.drift) > self.drift_error)


def signal_lag(
    signal: np.ndarray,
    reference: np.ndarray,
    rate: float,
    *,
    reference_rate: float | None = None,
    longest: float = 1.0,
    sensor: str = "",
    reference_name: str = "",
) -> Lag:
    """Lag of a signal against a reference of the same movement.

    Parameters
    ----------
    signal, reference : ndarray, shape (n_frames,)
        E.g. norms of angular velocity (rad/s); NaN where unknown, other lengths allowed. Both begin at time 0.
    rate : float
        Hz of the signal.
    reference_rate : float, optional
        Hz of the reference; must be the same.
    longest : float, default 1
        Longest lag (s) to look for, either way.
    sensor, reference_name : str
        For the table.

    Returns
    -------
    Lag

    Raises
    ------
    RecordingRefused
        Rates that differ, or signals without a common stretch that moves.
    """
    if reference_rate is not None and reference_rate != rate:
        raise RecordingRefused(
            f"{sensor or 'signal'}: {rate:g} Hz, but the reference has {reference_rate:g} Hz; a lag is found at one "
            "rate. Resample one of them."
        )
    reach = int(np.ceil(longest * rate))
    r = correlation_by_lag(signal, reference, reach)
    if not np.isfinite(r).any():
        raise RecordingRefused(
            f"{sensor or 'signal'}: no lag within {longest:g} s at which signal and reference share a moving stretch; "
            "expected the same movement in both. Are they of one trial?"
        )
    best, height = _peak(r)
    second = _next_peak(np.nan_to_num(r, nan=-1.0), best, _APART * rate)
    lag = (best - reach) / rate
    times, lags = _window_lags(signal, reference, rate, lag)
    drift, drift_error = _drift(times, lags)
    return Lag(
        sensor=sensor,
        reference=reference_name,
        seconds=float(lag),
        agreement=float(height),
        peak_ratio=float(height / r[second]) if second is not None and r[second] > 0 else np.inf,
        next_seconds=float((second - reach) / rate) if second is not None else np.nan,
        spread=_spread(lags),
        drift=drift,
        drift_error=drift_error,
        count=len(lags),
    )


def correlation_by_lag(signal: np.ndarray, reference: np.ndarray, reach: int) -> np.ndarray:
    """Pearson correlation of signal[k + lag] with reference[k] over what both know.

    Parameters
    ----------
    signal, reference : ndarray, shape (n_frames,)
        NaN where unknown; the lengths may differ.
    reach : int
        Samples.

    Returns
    -------
    ndarray, shape (2 * reach + 1,)
        For lags -reach to reach; NaN where fewer than half of the samples meet or nothing moves.
    """
    known = [np.isfinite(v) for v in (signal, reference)]
    values = [np.where(k, v, 0.0) - np.nanmean(v) * k for k, v in zip(known, (signal, reference), strict=True)]
    masks = [k.astype(float) for k in known]

    def at_lags(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        full = fftconvolve(a, b[::-1])  # full[len(b) - 1 + lag] = sum of a[k + lag] b[k]
        wide = np.zeros(2 * reach + 1)
        lags = np.arange(-reach, reach + 1)
        inside = (lags > -len(b)) & (lags < len(a))
        wide[inside] = full[len(b) - 1 + lags[inside]]
        return wide

    n = at_lags(masks[0], masks[1])
    first, second = at_lags(values[0], masks[1]), at_lags(masks[0], values[1])
    both = at_lags(values[0], values[1])
    power = at_lags(values[0] ** 2, masks[1]), at_lags(masks[0], values[1] ** 2)
    enough = n > _LEAST_OVERLAP * min(masks[0].sum(), masks[1].sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (power[0] - first**2 / n) * (power[1] - second**2 / n)
        moves = variance > 1e-12 * max(float(np.nanmax(power[0] * power[1])), 1e-300)
        return np.where(enough & moves, (both - first * second / n) / np.sqrt(variance), np.nan)


def _peak(r: np.ndarray) -> tuple[float, float]:
    """Place of the highest correlation between samples, by a parabola through three, and its height."""
    k = int(np.nanargmax(r))
    if not 0 < k < len(r) - 1 or not np.isfinite(r[k - 1 : k + 2]).all():
        return float(k), float(r[k])
    below, top, above = r[k - 1 : k + 2]
    bend = below - 2 * top + above
    shift = 0.5 * (below - above) / bend if bend < 0 else 0.0
    return k + shift, float(top - 0.25 * (below - above) * shift)


def _next_peak(heights: np.ndarray, best: float, apart: float) -> int | None:
    """Highest local peak more than `apart` samples from the best one."""
    peaks, _ = find_peaks(heights)
    others = [int(p) for p in peaks if abs(p - best) > apart]
    return max(others, key=lambda p: heights[p]) if others else None


def _drift(times: np.ndarray, lags: np.ndarray) -> tuple[float, float]:
    """Slope of lags over time by Theil and Sen, and half its 95 % interval; NaN for fewer than four."""
    if len(lags) < 4:
        return float("nan"), float("nan")
    slope, _, low, high = theilslopes(lags, times)
    return float(slope), float((high - low) / 2)


def _window_lags(signal: np.ndarray, reference: np.ndarray, rate: float, lag: float) -> tuple[np.ndarray, np.ndarray]:
    """Middle times (s) and lags (s) of windows that correlate by themselves."""
    shift, n, step = round(lag * rate), int(_WINDOW * rate), int(_WINDOW_STEP * rate)
    reach = int(np.ceil(_WINDOW_REACH * rate))
    begin, end = max(0, shift), min(len(signal), len(reference) + shift)
    times, lags = [], []
    for start in range(begin, end - n + 1, step):
        r = correlation_by_lag(signal[start : start + n], reference[start - shift : start - shift + n], reach)
        if np.isfinite(r).any():
            place, height = _peak(r)
            if height > _SURE_CORRELATION and 0 < place < 2 * reach:
                times.append((start + n / 2) / rate)
                lags.append((place - reach + shift) / rate)
    return np.array(times), np.array(lags)


def event_lag(
    events: np.ndarray,
    reference: np.ndarray,
    *,
    longest: float = 1.0,
    sensor: str = "",
    reference_name: str = "",
) -> Lag:
    """Lag of events against the same events of a reference.

    Every pair of events not more than `longest` apart votes for its difference; the lag is the median of those around
    the densest votes. Strides vary, so one stride further fewer events meet.

    Parameters
    ----------
    events, reference : ndarray, shape (n,), (m,)
        Seconds, increasing.
    longest : float, default 1
        s.

    Returns
    -------
    Lag

    Raises
    ------
    RecordingRefused
        Fewer than three events on either side.
    """
    events, reference = np.asarray(events, dtype=float), np.asarray(reference, dtype=float)
    if min(len(events), len(reference)) < 3:
        raise RecordingRefused(
            f"{sensor or 'sensor'}: {len(events)} events against {len(reference)} of the reference; a lag needs three "
            "of each. Take a longer stretch."
        )
    apart = (events[:, None] - reference[None, :]).ravel()
    apart = np.sort(apart[np.abs(apart) <= longest])
    if not len(apart):
        raise RecordingRefused(
            f"{sensor or 'sensor'}: no event within {longest:g} s of one of the reference; are they of one trial?"
        )
    grid = np.arange(-longest, longest + 1e-9, _GRID)
    # soft votes, so that a tight cluster beats a loose one of as many
    votes = np.array([np.exp(-0.5 * ((apart - g) / _VOTE) ** 2).sum() for g in grid])
    best = int(votes.argmax())
    matched, when = _matched(events, reference, grid[best])
    lag = float(np.median(matched))
    matched, when = _matched(events, reference, lag)
    second = _next_peak(votes, best, _APART / _GRID)
    drift, drift_error = _drift(when, matched)
    inside = ((reference > events[0] - lag - _SAME_EVENT) & (reference < events[-1] - lag + _SAME_EVENT)).sum()
    return Lag(
        sensor=sensor,
        reference=reference_name,
        seconds=float(np.median(matched)),
        agreement=float(len(matched) / max(int(inside), 1)),
        peak_ratio=float(votes[best] / votes[second]) if second is not None else np.inf,
        next_seconds=float(grid[second]) if second is not None else np.nan,
        spread=_spread(matched),
        drift=drift,
        drift_error=drift_error,
        count=len(matched),
    )


def _matched(events: np.ndarray, reference: np.ndarray, lag: float) -> tuple[np.ndarray, np.ndarray]:
    """Differences of events that meet at a lag, and when."""
    nearest = np.abs(events[:, None] - lag - reference[None, :]).argmin(axis=0)
    apart = events[nearest] - reference
    near = np.abs(apart - lag) <= _SAME_EVENT
    return apart[near], reference[near]


def _spread(values: np.ndarray) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if len(values) else np.nan
