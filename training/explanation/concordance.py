"""Concordance: how well an explanation agrees with a known cause, or with what experts rated.

For each item (a person, a trial) both sides rank the same parts of the input. Two measures: Spearman's rank
correlation, and the share of the k parts that matter most to one side that are among the k of the other. An
explanation drawn at random stands beside it: 0 and k / n_parts are what it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from training.comparison import bootstrap_interval

TOP = 3
"""Parts that count as those that matter most."""


@dataclass(frozen=True)
class Concordance:
    """Agreement, one value an item; NaN where one side ranks nothing above anything.

    Attributes
    ----------
    rank_correlation, overlap : ndarray, shape (n_items,)
    top : int
        How many parts the overlap looks at.
    """

    rank_correlation: np.ndarray
    overlap: np.ndarray
    top: int

    def summary(self, seed: int = 0) -> dict[str, tuple[float, float, float, int]]:
        """Measure → mean, 95 % interval over items, number of items."""
        found = {}
        for name, values in (("rank correlation", self.rank_correlation), (f"top-{self.top} overlap", self.overlap)):
            known = values[np.isfinite(values)]
            mean = float(known.mean()) if len(known) else float("nan")
            found[name] = (mean, *bootstrap_interval(known, seed), len(known))
        return found


def concordance(attributions: np.ndarray, ratings: np.ndarray, top: int = TOP) -> Concordance:
    """Agreement of attributions with ratings (of experts, or of a simulator that knows the cause).

    Parameters
    ----------
    attributions : ndarray, shape (n_items, n_parts)
        Signs are not looked at: a part matters whichever way it speaks.
    ratings : ndarray, shape (n_items, n_parts)
        Not negative, 0 = does not matter; NaN = not rated, left out.
    top : int

    Returns
    -------
    Concordance

    Raises
    ------
    ValueError
        The shapes differ, or a rating is negative.
    """
    if attributions.shape != ratings.shape or attributions.ndim != 2:
        raise ValueError(
            f"concordance: expected attributions and ratings of one shape (items, parts), found {attributions.shape} "
            f"and {ratings.shape}."
        )
    if (ratings < 0).any():
        raise ValueError("concordance: expected ratings of 0 and more, found a negative one.")
    pairs = [_agreement(np.abs(a), r, top) for a, r in zip(attributions, ratings, strict=True)]
    correlation, overlap = np.array(pairs).reshape(-1, 2).T
    return Concordance(correlation, overlap, top)


def random_concordance(ratings: np.ndarray, top: int = TOP, *, seed: int = 0, n_draws: int = 100) -> Concordance:
    """What explanations drawn at random reach with some ratings: of each item the mean over draws."""
    shape = (n_draws * len(ratings), ratings.shape[1])
    found = concordance(random_explanation(shape, seed), np.tile(ratings, (n_draws, 1)), top)
    means = (x.reshape(n_draws, -1).mean(axis=0) for x in (found.rank_correlation, found.overlap))
    return Concordance(*means, top)


def random_explanation(shape: tuple[int, int], seed: int) -> np.ndarray:
    """An explanation that knows nothing: uniform numbers."""
    return np.random.default_rng(seed).random(shape)


def _agreement(attribution: np.ndarray, rating: np.ndarray, top: int) -> tuple[float, float]:
    known = np.isfinite(attribution) & np.isfinite(rating)
    own, other = attribution[known], rating[known]
    if len(own) < 2 or np.ptp(own) == 0 or np.ptp(other) == 0:
        return float("nan"), float("nan")
    correlation = float(np.corrcoef(rankdata(own), rankdata(other))[0, 1])
    k = min(top, int((other > 0).sum()))
    mine, theirs = (set(np.argsort(-x, kind="stable")[:k].tolist()) for x in (own, other))
    return correlation, len(mine & theirs) / k
