"""Keypoint summary: what a clip tells on average over its strides, as a few numbers.

The inclination of trunk, thighs, shanks and feet in the picture as Fourier series of the phase that the passing of the
ankles tells, fitted robustly, so that jitter averages out over the strides; how far each instant lies from its series;
and the pace: how long steps take, how they vary, how they differ by side. What one network would have to learn from
many people, a ruler and a clock tell at once; a constant error of a keypoint remains.
"""

from __future__ import annotations

import itertools

import numpy as np

from synth.camera.keypoint import KEYPOINTS
from synth.camera.keypoint_geometry import ankles_apart, counted_phase, passings

HARMONICS = 5
_SEGMENTS = (
    (("shoulder_r", "shoulder_l"), ("hip_r", "hip_l")),
    *(
        (((f"{upper}_{side}",), (f"{lower}_{side}",)))
        for upper, lower in (("hip", "knee"), ("knee", "ankle"))
        for side in "rl"
    ),
    *(((f"heel_{side}",), (f"toe_{side}",)) for side in "rl"),
)
_PACE = (
    "log_step",
    "step_variation",
    "stride_variation",
    "stride_change",
    "asymmetry",
    "reach",
    "uneven_reach",
    "steps",
    "seen",
)
SUMMARY = len(_SEGMENTS) * (2 * HARMONICS + 2) + len(_PACE)
"""Numbers of a summary."""
_FEWEST, _STIFFNESS, _LEAST_SPREAD, _ROUNDS = 8, 1e-2, 1e-3, 2


def keypoint_summaries(inputs: np.ndarray) -> np.ndarray:
    """Summaries of clips.

    Parameters
    ----------
    inputs : ndarray, shape (n, n_frames, 36)
        From `keypoint_input`.

    Returns
    -------
    ndarray, shape (n, 93)
        For each of trunk, thighs, shanks and feet: eleven Fourier coefficients of its inclination and the spread
        around them (rad); then the logarithm of the median step time (instants), variation of step and of stride
        times, mean change from stride to stride, asymmetry of step times, the ankles' largest distance and its
        difference by side, the number of passings, and the share of all instants that was seen. Zeros for a clip
        in which the ankles pass each other less than twice.
    """
    return np.array([_summary(np.asarray(clip, float)) for clip in inputs], np.float32).reshape(len(inputs), SUMMARY)


def _summary(clip: np.ndarray) -> np.ndarray:
    apart = ankles_apart(clip)
    before, at = passings(apart)
    if len(at) < 2:
        return np.zeros(SUMMARY)
    phase = counted_phase(apart, before, at, len(clip))
    basis = phase_basis(phase)
    own = [phase_series(basis, *_inclination(clip, *segment)) for segment in _SEGMENTS]
    return np.concatenate([*own, _pace(clip, apart, before, at)])


def phase_basis(phase: np.ndarray) -> np.ndarray:
    """One, cosines and sines (n, 11) of phases (n,), in cycles."""
    turns = 2.0 * np.pi * np.outer(phase, np.arange(1, HARMONICS + 1))
    return np.hstack([np.ones((len(phase), 1)), np.cos(turns), np.sin(turns)])


def _inclination(clip: np.ndarray, upper: tuple[str, ...], lower: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Angle (n,) of a segment from the vertical, of a foot from the level (rad), and whether it was found."""
    places = clip[:, : 2 * len(KEYPOINTS)].reshape(len(clip), -1, 2)
    found = clip[:, 2 * len(KEYPOINTS) :] > 0.5
    ends = [[KEYPOINTS.index(name) for name in names] for names in (upper, lower)]
    along = places[:, ends[1]].mean(axis=1) - places[:, ends[0]].mean(axis=1)
    level, down = along.T if upper[0][:4] != "heel" else along.T[::-1]
    return np.arctan2(level, down), found[:, [*ends[0], *ends[1]]].all(axis=1)


def phase_series(basis: np.ndarray, angle: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Coefficients of an angle on a basis where it was found, then the spread around them; outliers count little."""
    if found.sum() < _FEWEST:
        return np.zeros(basis.shape[1] + 1)
    own, wanted, weight = basis[found], angle[found], np.ones(found.sum())
    stiff = _STIFFNESS * np.diag(np.r_[0.0, np.ones(basis.shape[1] - 1)])
    for _ in range(_ROUNDS):
        weighted = weight[:, None] * own
        series = np.linalg.solve(own.T @ weighted + stiff, weighted.T @ wanted)
        rest = wanted - own @ series
        spread = 1.4826 * np.median(np.abs(rest)) + _LEAST_SPREAD
        weight = 1.0 / (1.0 + (rest / (2.0 * spread)) ** 2)
    return np.r_[series, spread]


def _pace(clip: np.ndarray, apart: np.ndarray, before: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Times of steps and strides, and how far the ankles come apart."""
    steps, strides, right = np.diff(at), at[2:] - at[:-2], apart[before + 1] > 0.0
    reach = np.array([np.abs(apart[a : b + 1]).max() for a, b in itertools.pairwise(before)])
    several = len(strides) > 1
    return np.array(
        [
            np.log(np.median(steps)),
            steps.std() / steps.mean(),
            strides.std() / strides.mean() if several else 0.0,
            np.abs(np.diff(strides)).mean() / strides.mean() if several else 0.0,
            _difference(steps[~right[1:]], steps[right[1:]]),
            np.median(reach),
            _difference(reach[right[:-1]], reach[~right[:-1]]),
            len(at),
            (clip[:, 2 * len(KEYPOINTS) :].sum(axis=1) > 0.0).mean(),
        ]
    )


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Difference of two means over their sum; 0 where one is of nothing."""
    if not (len(one) and len(other)):
        return 0.0
    return float((one.mean() - other.mean()) / (one.mean() + other.mean()))
