"""Marker events: foot strikes and foot offs from the path of a foot, by published detectors behind one shape.

A detector is a function of a `FootPath` that returns the times (s) of strikes and offs. All see the same filtered path,
whose cut-off belongs to the task; rules and thresholds are as published. None of them is corrected here; what each one
misses by, against force plates, is measured by `benchmarks/archive_figures/gait_events.py`.

References
----------
Zeni, Richards & Higginson 2008, Gait Posture 27:710. O'Connor, Thorpe, O'Malley & Vaughan 2007, Gait Posture 25:469.
Ghoussayni, Stevens, Durham & Ewins 2004, Gait Posture 20:266. Hreljac & Marshall 2000, J Biomech 33:783.
Maiwald, Sterzing, Mayer & Milani 2009, Footwear Science 1:113.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import find_peaks

from mocap_import.event.foot_path import FootPath
from mocap_import.stretch import stretches

Times = tuple[np.ndarray, np.ndarray]
SHORTEST_STRIDE = 0.35
"""Seconds between two events of one kind and foot."""
GHOUSSAYNI_SPEED = 0.5
"""Sagittal speed (m/s) below which a heel or toe stands; the published value for barefoot and shod walking."""
_NONE = np.zeros(0)


def zeni(path: FootPath) -> Times:
    """Strike where the heel is farthest ahead of the pelvis, off where the toe is farthest behind it (Zeni 2008)."""
    if path.pelvis is None:
        return _NONE, _NONE
    ahead = ((path.heel - path.pelvis) * path.forward).sum(axis=1)
    behind = -((path.toe - path.pelvis) * path.forward).sum(axis=1)
    return _maxima(ahead, path), _maxima(behind, path)


def oconnor(path: FootPath) -> Times:
    """Off at the maximum of the vertical velocity of the middle of the foot, strike at its minimum (O'Connor 2007).

    The strike's minimum counts where the heel is below 35 % of its range of height.
    """
    velocity = np.gradient(path.middle[:, 1], 1.0 / path.rate)
    scale = np.percentile(np.abs(velocity[path.seen]), 98) if path.seen.any() else 0.0
    if not scale > 0.05:
        return _NONE, _NONE
    offs, _ = find_peaks(velocity, distance=_frames(SHORTEST_STRIDE, path), prominence=0.5 * scale)
    height = path.heel[:, 1]
    low = height < height.min() + 0.35 * np.ptp(height)
    dips, _ = find_peaks(-velocity, prominence=0.15 * scale)
    dips = dips[low[dips] & (velocity[dips] < 0)]
    # Between two offs the foot strikes once: at the fastest of the descents.
    group = np.searchsorted(offs, dips)
    strikes = [dips[group == k][np.argmin(velocity[dips[group == k]])] for k in np.unique(group)]
    return _refined(-velocity, np.array(strikes, dtype=int), path), _refined(velocity, offs, path)


def ghoussayni(path: FootPath) -> Times:
    """Strike where the heel's sagittal speed falls below 0.5 m/s, off where the toe's rises above it (Ghoussayni 2004).

    Speed is relative to a treadmill's belt; unknown belt speed gives no events.
    """
    found = []
    for place in (path.heel, path.toe):
        velocity = path.velocity(place)
        speed = np.hypot((velocity * path.forward).sum(axis=1), velocity[:, 1])
        found.append(swings(speed, GHOUSSAYNI_SPEED, path))
    return found[0][1], found[1][0]


def hreljac(path: FootPath) -> Times:
    """Strike at the maximum of the heel's vertical, off at that of the toe's forward acceleration (Hreljac 2000).

    Searched within 0.1 s of the strides that Zeni's distance marks out.
    """
    first, last = zeni(path)
    upward = np.gradient(np.gradient(path.heel[:, 1]))
    onward = np.gradient(np.gradient((path.toe * path.forward).sum(axis=1)))
    return _nearest_maximum(upward, first, 0.05, 0.1, path), _nearest_maximum(onward, last, 0.1, 0.1, path)


def maiwald(path: FootPath) -> Times:
    """Strike at the maximum of the vertical acceleration of the foot, off at that of the toe (Maiwald 2009).

    Searched from 20 ms before to 120 ms after the heel is farthest ahead, and over the 0.2 s before the toe is
    farthest behind.
    """
    first, last = zeni(path)
    foot, toe = (np.gradient(np.gradient(place[:, 1])) for place in (path.middle, path.toe))
    return _nearest_maximum(foot, first, 0.02, 0.12, path), _nearest_maximum(toe, last, 0.2, 0.0, path)


DETECTORS: dict[str, Callable[[FootPath], Times]] = {
    "zeni": zeni,
    "oconnor": oconnor,
    "ghoussayni": ghoussayni,
    "hreljac": hreljac,
    "maiwald": maiwald,
}
"""Published detectors by their first author."""


def swings(speed: np.ndarray, threshold: float, path: FootPath) -> Times:
    """Starts and ends (s) of the swings of a foot: where its speed rises above and falls below a threshold.

    Parameters
    ----------
    speed : ndarray, shape (n_frames,)
        m/s, relative to the ground or belt.
    threshold : float
        m/s.
    path : FootPath

    Returns
    -------
    starts, ends : ndarray
        Between frames by linear interpolation. A swing that is under way in the first or last frame has no start or
        end there; a stance of less than 0.1 s (0.04 s in running) and a swing of less than 0.12 m are none.
    """
    if not np.isfinite(speed).all():
        return _NONE, _NONE
    first, last = stretches(speed > threshold)
    if not len(first):
        return _NONE, _NONE
    stance = (first[1:] - last[:-1]) >= _frames(0.04 if path.is_running else 0.1, path)
    first, last = first[np.r_[True, stance]], last[np.r_[stance, True]]
    way = np.r_[0.0, np.cumsum(speed)] / path.rate
    far = way[last] - way[first] > 0.12
    first, last = first[far & (first > 0)], last[far & (last < len(speed))]
    return _crossing(speed, threshold, first, path), _crossing(speed, threshold, last, path)


def _crossing(speed: np.ndarray, threshold: float, frames: np.ndarray, path: FootPath) -> np.ndarray:
    """Instants (s) at which speed passes a threshold between each frame and the one before it."""
    before, after = speed[frames - 1], speed[frames]
    times = (frames - 1 + (threshold - before) / (after - before)) / path.rate
    return times[path.is_seen(times)]


def _maxima(values: np.ndarray, path: FootPath) -> np.ndarray:
    """Instants (s) of the maxima of a periodic distance (m), one a stride."""
    if path.seen.sum() < 4:
        return _NONE
    prominence = max(0.05, 0.25 * np.ptp(values[path.seen]))
    peaks, _ = find_peaks(values, distance=_frames(SHORTEST_STRIDE, path), prominence=prominence)
    return _refined(values, peaks, path)


def _refined(values: np.ndarray, peaks: np.ndarray, path: FootPath) -> np.ndarray:
    """Instants (s) of maxima by a parabola through three frames; those beside a gap are left out."""
    peaks = peaks[(peaks > 0) & (peaks < len(values) - 1)].astype(int)
    before, at, after = values[peaks - 1], values[peaks], values[peaks + 1]
    bend = before - 2 * at + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0)
    times = (peaks + np.clip(shift, -0.5, 0.5)) / path.rate
    return times[path.is_seen(times)]


def _nearest_maximum(values: np.ndarray, times: np.ndarray, before: float, after: float, path: FootPath) -> np.ndarray:
    """Instants (s) of the largest inner maximum of `values` in a window about each of several times."""
    found = []
    for time in times:
        first = max(int((time - before) * path.rate), 0)
        window = values[first : int((time + after) * path.rate) + 2]
        at = int(np.argmax(window)) if len(window) > 2 else 0
        if 0 < at < len(window) - 1:
            found.append(first + at)
    return _refined(values, np.array(found, dtype=int), path)


def _frames(seconds: float, path: FootPath) -> int:
    return max(1, int(seconds * path.rate))
