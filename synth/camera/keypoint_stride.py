"""Strides of keypoints in space: gait parameters of a recording whose events nobody found.

A foot strikes where its heel is furthest ahead of the hips (J. A. Zeni et al., Gait Posture 27:710, 2008). Speed is
that of the hips over the floor, and of the floor under the feet that stand: a treadmill's belt.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from mocap_import.trial import GaitEvent
from synth.camera.keypoint import KEYPOINTS

_SMOOTH, _SHORTEST, _LEAST = 0.03, 0.45, 0.05
"""s; s between strikes of a foot; m by which a peak stands out."""
_HIPS = [KEYPOINTS.index(f"hip_{side}") for side in "rl"]


def strikes(points: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    """Instants (s) of the strikes of the right and left foot of somebody who faces along X; `points` (n, 12, 3)."""
    found = {}
    for foot, side in (("right", "r"), ("left", "l")):
        ahead = points[:, KEYPOINTS.index(f"heel_{side}"), 0] - points[:, _HIPS, 0].mean(axis=1)
        known = np.isfinite(ahead)
        ahead = np.interp(np.arange(len(ahead)), np.flatnonzero(known), ahead[known])
        peaks, _ = find_peaks(gaussian_filter1d(ahead, _SMOOTH * rate), distance=_SHORTEST * rate, prominence=_LEAST)
        found[foot] = peaks / rate
    return found


def cycle_strike(events: Sequence[GaitEvent], foot: str, period: float) -> float:
    """Instant of the strike that begins the longest contact of a foot in one cycle that repeats.

    A foot that scuffs the floor in swing touches it more than once a cycle: which of its strikes comes first after the
    cycle's start tells nothing.

    Parameters
    ----------
    events : sequence of GaitEvent
    foot : str
        ``"right"`` or ``"left"``.
    period : float
        s.

    Returns
    -------
    float
        s; NaN without a strike, or where of several nobody knows which contact lasts.
    """
    strikes, offs = (
        np.array([e.time for e in events if e.foot == foot and e.kind == kind]) for kind in ("foot_strike", "foot_off")
    )
    if len(strikes) == 1:
        return float(strikes[0])
    if not len(strikes) or not len(offs):
        return float("nan")
    lasts = ((offs - strikes[:, None]) % period).min(axis=1)
    return float(strikes[np.argmax(lasts)])


def stride_parameters(points: np.ndarray, rate: float) -> tuple[float, float, float, float]:
    """Speed (m/s), step length (m), cadence (steps/s) and asymmetry of step times; NaN without a step of that foot."""
    own = strikes(points, rate)
    order = sorted([(t, "right") for t in own["right"]] + [(t, "left") for t in own["left"]])
    steps = [(b - a, foot) for (a, before), (b, foot) in itertools.pairwise(order) if foot != before]
    if not steps:
        return (float("nan"),) * 4
    cadence = 1.0 / float(np.mean([t for t, _ in steps]))
    hips = points[:, _HIPS, 0].mean(axis=1)
    first, last = (round(t * rate) for t in (order[0][0], order[-1][0]))
    speed = float((hips[last] - hips[first]) / ((last - first) / rate)) + _belt(points, rate)
    sides = [np.median([t for t, foot in steps if foot == side] or [np.nan]) for side in ("right", "left")]
    return speed, speed / cadence, cadence, float((sides[0] - sides[1]) / (sides[0] + sides[1]))


def _belt(points: np.ndarray, rate: float) -> float:
    """Speed (m/s) with which the floor goes back under the lower foot."""
    feet = [(KEYPOINTS.index(f"heel_{s}"), KEYPOINTS.index(f"toe_{s}")) for s in "rl"]
    middle = np.stack([points[:, list(f)].mean(axis=1) for f in feet], axis=1)
    lower = np.nanargmin(np.nan_to_num(middle[:, :, 1], nan=np.inf), axis=1)
    back = -np.gradient(middle[:, :, 0], 1.0 / rate, axis=0)[np.arange(len(lower)), lower]
    speed = float(np.nanmedian(back))
    return speed if speed > 0.2 else 0.0
