"""Column coverage: an interval of its own for every quantity, how often each holds the truth, and which holds least.

One half width for unlike quantities holds what it states only on average over them: one is held too seldom and another
always. So every column of errors has a conformal half width of its own (`training.conformal_interval`), and beside
the mean over columns stands the column that is held least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.comparison import bootstrap_interval
from training.sample.calibration_curve import LEVELS

Scores = Mapping[str, np.ndarray]
"""Person → absolute errors (n_columns,) or (n_values, n_columns), perhaps each over its stated SD; NaN is unknown."""


@dataclass(frozen=True)
class Held:
    """How often intervals hold the truth.

    Attributes
    ----------
    coverage : float
        Mean over persons.
    low, high : float
        95 % interval over persons; of the least of several columns it does not know that it is the least.
    name : str
        Of the column; empty for all of them.
    """

    coverage: float
    low: float
    high: float
    name: str = ""


def half_widths(calibrating: Scores, levels: Sequence[float] = LEVELS) -> np.ndarray:
    """`subject_quantile` of every column.

    Parameters
    ----------
    calibrating : mapping of str to ndarray
        See `Scores`.
    levels : sequence of float

    Returns
    -------
    ndarray, shape (n_levels, n_columns)
        In units of the scores; inf where too few persons calibrate.
    """
    values, person, n_people = _stacked(calibrating)
    found = np.full((len(levels), values.shape[1]), np.inf)
    for k, column in enumerate(values.T):
        known = np.isfinite(column)
        count = np.bincount(person[known], minlength=n_people)
        weights = 1.0 / (((count > 0).sum() + 1) * count[person[known]])
        order = np.argsort(column[known], kind="stable")
        reached, ranked = np.cumsum(weights[order]), column[known][order]
        for i, level in enumerate(levels):
            first = int(np.searchsorted(reached, level - 1e-12))
            if first < len(ranked):
                found[i, k] = ranked[first]
    return found


def shares_held(widths: np.ndarray, scored: Scores) -> np.ndarray:
    """Share of each person's values within the half widths.

    Parameters
    ----------
    widths : ndarray, shape (n_levels, n_columns)
        See `half_widths`.
    scored : mapping of str to ndarray
        People who did not calibrate.

    Returns
    -------
    ndarray, shape (n_levels, n_persons, n_columns)
        NaN where nothing of a person is known.
    """
    values, person, n_people = _stacked(scored)
    found = np.full((len(widths), n_people, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        known = np.isfinite(column)
        count = np.bincount(person[known], minlength=n_people)
        for i, width in enumerate(widths[:, k]):
            held = np.bincount(person[known], column[known] <= width, minlength=n_people)
            found[i, :, k] = np.where(count > 0, held / np.maximum(count, 1), np.nan)
    return found


def all_held(shares: np.ndarray, seed: int = 0) -> Held:
    """Mean over columns, each weighing the same; shares (n_persons, n_columns) of one level."""
    own = shares[np.isfinite(shares).any(axis=1)]
    return _held(np.nanmean(own, axis=1), "", seed)


def least_held(shares: np.ndarray, names: Sequence[str], seed: int = 0) -> Held:
    """The column that is held least.

    Parameters
    ----------
    shares : ndarray, shape (n_persons, n_columns)
        Of one level, see `shares_held`.
    names : sequence of str
        Of the columns.
    seed : int
        Of the bootstrap over persons.
    """
    known = np.isfinite(shares)
    means = np.where(known, shares, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    k = int(np.argmin(np.where(known.any(axis=0), means, np.inf)))
    return _held(shares[known[:, k], k], names[k], seed)


def _held(values: np.ndarray, name: str, seed: int) -> Held:
    low, high = bootstrap_interval(values, seed)
    return Held(float(values.mean()), low, high, name)


def _stacked(scores: Scores) -> tuple[np.ndarray, np.ndarray, int]:
    """All values (n, n_columns), whose each row is (n,), and how many persons there are."""
    parts = [np.reshape(s, (-1, np.shape(s)[-1])) for s in scores.values()]
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts]), len(parts)
