"""Keypoint geometry: gait parameters by ruler and clock from keypoints, what a network has to beat.

Feet pass each other once a step: cadence from the zero crossings of the horizontal distance of the ankles, step length
from its peaks, speed as their product (right for walking, where one foot is always down). Between two peaks lies a
step, which ends near a strike of the foot that is then ahead: asymmetry from the times of the peaks, since the
crossings, each in the middle of a swing, lie evenly however the strikes do.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import gaussian_filter1d

from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint import KEYPOINTS

CHAIN = 0.783
"""Length of the chain shoulder, hip, knee, ankle as a part of stature, of our generic skeletons."""
_UNIT, _CLOCK = 0.25, np.sqrt(9.80665 / 1.75) / 30.0
_ANKLES = [KEYPOINTS.index(f"ankle_{side}") for side in "rl"]
_SMOOTH, _SHORTEST, _MARGIN, _FEWEST = 1.5, 5, 3, 10
"""Instants: of the low-pass; the shortest step, below which legs were exchanged; at an end, where a peak is none yet;
the fewest with both ankles."""


def geometric_parameters(inputs: np.ndarray) -> np.ndarray:
    """Gait parameters without dimension.

    Parameters
    ----------
    inputs : ndarray, shape (n, n_frames, 36)
        From `keypoint_input`.

    Returns
    -------
    ndarray, shape (n, 4)
        As `ClipArrays.parameters`; NaN where fewer than two steps are seen.
    """
    return np.array([_of(clip) for clip in inputs]).reshape(-1, len(PARAMETERS))


def geometric_phase(inputs: np.ndarray) -> np.ndarray:
    """Part of the gait cycle at every instant, 0 where the right ankle passes the left, 0.5 where the left passes it.

    Parameters
    ----------
    inputs : ndarray, shape (n, n_frames, 36)
        From `keypoint_input`.

    Returns
    -------
    ndarray, shape (n, n_frames)
        From 0 to 1, before the first and after the last crossing at the mean pace; NaN in a clip of fewer than two.
    """
    return np.array([_phase(clip) for clip in inputs]).reshape(len(inputs), inputs.shape[1])


def _phase(clip: np.ndarray) -> np.ndarray:
    apart = ankles_apart(clip)
    crossings, at = passings(apart)
    return counted_phase(apart, crossings, at, len(clip)) % 1.0 if len(at) > 1 else np.full(len(clip), np.nan)


def counted_phase(apart: np.ndarray, crossings: np.ndarray, at: np.ndarray, count: int) -> np.ndarray:
    """Cycles that have passed at each of some instants, from `ankles_apart` and at least two `passings`."""
    first = 0.0 if apart[crossings[0] + 1] > 0.0 else 0.5
    counted = first + 0.5 * np.arange(len(at))
    pace = 0.5 / np.diff(at).mean()
    instants = np.arange(count)
    inside = np.interp(instants, at, counted)
    return inside + pace * (np.minimum(instants - at[0], 0.0) + np.maximum(instants - at[-1], 0.0))


def _of(clip: np.ndarray) -> tuple[float, float, float, float]:
    apart = ankles_apart(clip)
    crossings, at = passings(apart)
    if len(at) < 2:
        return (np.nan,) * 4
    peaks = [np.abs(apart[a : b + 1]).max() for a, b in itertools.pairwise(crossings)]
    cadence = 1.0 / (float(np.median(np.diff(at))) * _CLOCK)
    length = float(np.median(peaks)) * _UNIT * CHAIN
    return length * cadence, length, cadence, _asymmetry(apart, crossings)


def ankles_apart(clip: np.ndarray) -> np.ndarray:
    """How far the right ankle is ahead of the left, smoothed, until they were last found; empty where hardly found."""
    count = len(KEYPOINTS)
    found = (clip[:, [2 * count + a for a in _ANKLES]] > 0.5).all(axis=1)
    if found.sum() < _FEWEST:
        return np.zeros(0)
    last = int(np.flatnonzero(found)[-1]) + 1
    ahead = (clip[:, 2 * _ANKLES[0]] - clip[:, 2 * _ANKLES[1]])[found]
    return gaussian_filter1d(np.interp(np.arange(last), np.flatnonzero(found), ahead), _SMOOTH)


def passings(apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Instants before the ankles pass each other, and when between two instants they do."""
    crossings = np.flatnonzero(np.sign(apart[:-1]) != np.sign(apart[1:]))
    crossings = crossings[np.r_[True, np.diff(crossings) > _SHORTEST]] if len(crossings) else crossings
    return crossings, crossings + apart[crossings] / (apart[crossings] - apart[crossings + 1])


def _asymmetry(apart: np.ndarray, crossings: np.ndarray) -> float:
    """Right step time less left over their sum; 0 where no step of one foot is seen."""
    bounds = [-1, *crossings, len(apart) - 1]
    pieces = [np.arange(a + 1, b + 1) for a, b in itertools.pairwise(bounds) if b > a]
    tops = [piece[np.abs(apart[piece]).argmax()] for piece in pieces]
    # at an end of the clip the foot may still be on its way
    tops = [t for t in tops if _MARGIN <= t < len(apart) - _MARGIN]
    tall = np.abs(apart[tops])
    tops = [t for t, height in zip(tops, tall, strict=True) if height > 0.5 * np.median(tall)]
    steps: dict[bool, list[float]] = {True: [], False: []}
    for before, after in itertools.pairwise(tops):
        if (apart[before] > 0.0) != (apart[after] > 0.0):
            steps[bool(apart[after] > 0.0)].append(_top(apart, after) - _top(apart, before))
    if not (steps[True] and steps[False]):
        return 0.0
    right, left = (float(np.mean(steps[side])) for side in (True, False))
    return (right - left) / (right + left)


def _top(apart: np.ndarray, at: int) -> float:
    """Time of a peak between instants, by the parabola through three."""
    before, here, after = np.abs(apart[at - 1 : at + 2])
    bend = before - 2.0 * here + after
    return at + (0.5 * (before - after) / bend if bend < 0.0 else 0.0)
