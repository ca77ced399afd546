"""Stride duration, from the seams between strides that were cut from one recording.

Such a stride runs from the frame of a foot strike to the last frame before the next one, stretched to rows 0 to 100. So
row 0 of the next stride lies one *frame of the recording* after row 100. How many rows that is, the angles tell: with
the right gap, one polynomial goes through the rows on both sides of the seam. A stride of duration T at the rate f has
T f - 1 intervals between its frames, which are 100 rows, and the gap is g = 100 / (T f - 1) of them:

    T = (100 / g + 1) / f.

Degree and reach of the polynomial were chosen on movements made of harmonics, whose duration is known. Two runners of
group g01 have the age, height, mass and speed of RBDS001 and RBDS002, whose recordings are public: 0.765 and 0.795 s
come out of the seams, 0.765 and 0.799 s of the heel markers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.strides.stride_table import ROWS

DEGREE = 6
"""Of the polynomial through the six rows on either side."""
_REACH = 6
_GAPS = np.linspace(0.2, 2.0, 181)
"""Rows; from a quarter to three seconds at 150 to 200 Hz."""
LARGEST_ERROR = 0.03
"""Standard error over duration beyond which it is not believed."""
FEWEST_SEAMS = 4


@dataclass(frozen=True)
class StrideDuration:
    """Mean duration of the strides of a runner.

    Attributes
    ----------
    duration : float
        s; NaN where the seams do not tell.
    error : float
        Standard error (s), by the jackknife over the seams.
    gap : float
        Rows between row 100 of a stride and row 0 of the next.
    misfit : float
        Median distance (rad) of the rows at a seam from their polynomial: what a seam adds to the data.
    n_seams : int
    """

    duration: float
    error: float
    gap: float
    misfit: float
    n_seams: int

    @property
    def is_known(self) -> bool:
        """Whether the seams tell it well enough."""
        if self.n_seams < FEWEST_SEAMS or not _GAPS[1] < self.gap < _GAPS[-2]:  # a gap at the end was not found
            return False
        return bool(self.error <= LARGEST_ERROR * self.duration)


def stride_duration(angles: np.ndarray, follows: np.ndarray, rate: float) -> StrideDuration:
    """Find the duration of the strides of a runner.

    Parameters
    ----------
    angles : ndarray, shape (n_strides, 101, n_angles)
    follows : ndarray of bool, shape (n_strides - 1,)
        Whether stride k + 1 was recorded right after stride k, both without fault.
    rate : float
        Of the recording (Hz).

    Returns
    -------
    StrideDuration
    """
    before, after = angles[:-1][follows], angles[1:][follows]
    n_seams = len(before)
    if n_seams < FEWEST_SEAMS:
        return StrideDuration(np.nan, np.nan, np.nan, np.nan, n_seams)
    around = np.concatenate([before[:, -_REACH:], after[:, :_REACH]], axis=1)
    misfits = np.stack([np.einsum("ij,njk->nik", _residual_of(gap), around) for gap in _GAPS])
    costs = np.square(misfits).sum(axis=(2, 3))
    gap = _least(costs.sum(axis=1))
    each = np.array([_least(costs.sum(axis=1) - costs[:, k]) for k in range(n_seams)])
    durations = _duration(each, rate)
    error = float(np.sqrt((n_seams - 1) / n_seams * np.square(durations - durations.mean()).sum()))
    left = np.abs(np.einsum("ij,njk->nik", _residual_of(gap), around))
    return StrideDuration(float(_duration(gap, rate)), error, gap, float(np.median(left)), n_seams)


def _duration(gap: np.ndarray | float, rate: float) -> np.ndarray | float:
    return ((ROWS - 1) / gap + 1.0) / rate


def _residual_of(gap: float) -> np.ndarray:
    """Matrix (12, 12) from the rows around a seam to their distances from the best polynomial."""
    place = np.r_[np.arange(-_REACH + 1, 1), gap + np.arange(_REACH)]
    powers = np.vander(place / _REACH, DEGREE + 1)
    return np.eye(len(place)) - powers @ np.linalg.pinv(powers)


def _least(costs: np.ndarray) -> float:
    """Gap of the least cost, between the tried ones by the parabola through three."""
    k = int(np.clip(np.argmin(costs), 1, len(_GAPS) - 2))
    left, middle, right = costs[k - 1 : k + 2]
    bend = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / bend if bend > 0 else 0.0
    return float(_GAPS[k] + np.clip(shift, -1.0, 1.0) * (_GAPS[1] - _GAPS[0]))
