"""Keypoint geometry: gait parameters by ruler and clock from keypoints, what a network has to beat.

Feet pass each other once a step: cadence from the zero crossings of the horizontal distance of the ankles, step length
from its peaks, speed as their product (right for walking, where one foot is always down).
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
_SMOOTH, _SHORTEST = 1.5, 5
"""Instants: of the low-pass, and the shortest step, below which legs were exchanged."""


def geometric_parameters(inputs: np.ndarray) -> np.ndarray:
    """Gait parameters without dimension.

    Parameters
    ----------
    inputs : ndarray, shape (n, 72, 36)
        From `keypoint_input`.

    Returns
    -------
    ndarray, shape (n, 4)
        As `ClipArrays.parameters`; NaN where fewer than two steps are seen.
    """
    return np.array([_of(clip) for clip in inputs]).reshape(-1, len(PARAMETERS))


def _of(clip: np.ndarray) -> tuple[float, float, float, float]:
    count = len(KEYPOINTS)
    found = (clip[:, [2 * count + a for a in _ANKLES]] > 0.5).all(axis=1)
    if found.sum() < 10:
        return (np.nan,) * 4
    last = int(np.flatnonzero(found)[-1]) + 1
    apart = np.interp(
        np.arange(last), np.flatnonzero(found), (clip[:, 2 * _ANKLES[0]] - clip[:, 2 * _ANKLES[1]])[found]
    )
    apart = gaussian_filter1d(apart, _SMOOTH)
    crossings = np.flatnonzero(np.sign(apart[:-1]) != np.sign(apart[1:]))
    crossings = crossings[np.r_[True, np.diff(crossings) > _SHORTEST]] if len(crossings) else crossings
    if len(crossings) < 2:
        return (np.nan,) * 4
    at = crossings + apart[crossings] / (apart[crossings] - apart[crossings + 1])
    steps = np.diff(at)
    peaks = [np.abs(apart[a : b + 1]).max() for a, b in itertools.pairwise(crossings)]
    cadence = 1.0 / (float(np.median(steps)) * _CLOCK)
    length = float(np.median(peaks)) * _UNIT * CHAIN
    # the leg that comes forward between two crossings is the one that is ahead there
    ahead = apart[(crossings[:-1] + crossings[1:] + 1) // 2] > 0.0
    sides = [steps[chosen].mean() if chosen.any() else np.nan for chosen in (ahead, ~ahead)]
    asymmetry = float((sides[0] - sides[1]) / (sides[0] + sides[1])) if np.isfinite(sides).all() else 0.0
    return length * cadence, length, cadence, asymmetry
