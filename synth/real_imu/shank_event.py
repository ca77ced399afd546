"""Shank events: foot strikes and foot offs from the gyroscope of a shank, wherever and however it is mounted.

The shank turns about the medio-lateral axis more than about any other, and forward in swing faster than ever backward:
that names the axis and its sign. Foot strike is the trough after the mid-swing peak, foot off the trough before it
(Aminian et al. 2002, J Biomech 35:689, who found 10 ms of delay at heel strike and none at toe off against
footswitches; Catalfamo et al. 2010, Sensors 10:5683, up to 25 and 75 ms). Such offsets of definition stay in every
lag; in the CMU set strikes come 10 ms late and offs 43 ms early (medians of 34 feet).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from mocap_import.low_pass import low_pass

_SMOOTH = 6.0
"""Hz of the low-pass that finds mid-swing; the troughs are read at the higher `_FINE`."""
_FINE = 15.0
_LEAST_SWING = 1.5
"""rad/s that mid-swing must reach [assumption: slow walking at 0.7 m/s reaches 3]."""
_SHORTEST_STRIDE = 0.6
_STRIKE_WITHIN, _OFF_WITHIN = (0.03, 0.45), (0.05, 0.55)
"""Seconds after and before mid-swing in which the troughs lie."""


@dataclass(frozen=True)
class ShankEvents:
    """Events of one foot, in seconds after the first sample.

    Attributes
    ----------
    strikes, offs, mid_swings : ndarray
    """

    strikes: np.ndarray
    offs: np.ndarray
    mid_swings: np.ndarray


def sagittal_rate(angular_velocity: np.ndarray) -> np.ndarray:
    """Turning rate about the axis of most turning, positive where the shank swings forward.

    Parameters
    ----------
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s, any sensor frame; NaN where unknown.

    Returns
    -------
    ndarray, shape (n_frames,)
    """
    known = np.isfinite(angular_velocity).all(axis=1)
    centred = angular_velocity[known] - np.median(angular_velocity[known], axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    rate = angular_velocity @ axes[0]
    swing = np.nanpercentile(rate, 98) + np.nanpercentile(rate, 2) - 2 * np.nanmedian(rate)
    return rate if swing > 0 else -rate


def shank_events(angular_velocity: np.ndarray, rate: float) -> ShankEvents:
    """Foot strikes and foot offs of a shank's gyroscope.

    Parameters
    ----------
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s; NaN where unknown.
    rate : float
        Hz.
    """
    turning = sagittal_rate(angular_velocity)
    known = np.isfinite(turning)
    filled = np.interp(np.arange(len(turning)), np.flatnonzero(known), turning[known])
    smooth = low_pass(filled, rate, _SMOOTH)
    fine = low_pass(filled, rate, min(_FINE, 0.4 * rate))
    least = max(_LEAST_SWING, 0.5 * np.percentile(smooth, 97))
    peaks, _ = find_peaks(smooth, height=least, distance=int(_SHORTEST_STRIDE * rate))
    strikes, offs = [], []
    for peak in peaks:
        after = slice(peak + int(_STRIKE_WITHIN[0] * rate), peak + int(_STRIKE_WITHIN[1] * rate))
        before = slice(max(0, peak - int(_OFF_WITHIN[1] * rate)), peak - int(_OFF_WITHIN[0] * rate))
        if after.stop < len(fine) and before.stop > before.start and known[before.start : after.stop].all():
            strikes.append(_first_trough(fine, after) / rate)
            offs.append(_lowest(fine, before) / rate)
    return ShankEvents(np.array(strikes), np.array(offs), peaks / rate)


def _first_trough(values: np.ndarray, window: slice) -> float:
    """First local minimum below zero in a window, else the lowest sample, between samples by a parabola."""
    troughs, _ = find_peaks(-values[window], height=0.0)
    return _between(values, window.start + int(troughs[0])) if len(troughs) else _lowest(values, window)


def _lowest(values: np.ndarray, window: slice) -> float:
    return _between(values, window.start + int(values[window].argmin()))


def _between(values: np.ndarray, k: int) -> float:
    if not 0 < k < len(values) - 1:
        return float(k)
    below, middle, above = values[k - 1 : k + 2]
    bend = below - 2 * middle + above
    return k + (0.5 * (below - above) / bend if bend > 0 else 0.0)
