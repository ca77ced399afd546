"""Statistical parametric mapping without a distribution: a t statistic along points, its threshold from permutations.

Two groups of curves are exchanged at random; the greatest |t| along the curve of each exchange tells what chance
reaches
(Nichols and Holmes, Hum Brain Mapp 2002; Pataky, Vanrenterghem and Robinson, J Biomech 48:1277, 2015). A *cluster* is a
run of points beyond the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

ALPHA = 0.05
N_PERMUTATIONS = 2000


@dataclass(frozen=True)
class Cluster:
    """Points start to stop - 1 beyond the threshold; p of its greatest |t| among the permutations."""

    start: int
    stop: int
    p: float


@dataclass(frozen=True)
class FieldTest:
    """A test along a curve.

    Attributes
    ----------
    t : ndarray, shape (n_points,)
        Of the first group above the second.
    threshold : float
        |t| that chance reaches anywhere along the curve with probability alpha.
    p : float
        Of the greatest |t|.
    clusters : tuple of Cluster
    """

    t: np.ndarray
    threshold: float
    p: float
    clusters: tuple[Cluster, ...]


def permutation_field(
    first: np.ndarray,
    second: np.ndarray,
    *,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
    alpha: float = ALPHA,
) -> FieldTest:
    """Two-tailed unpaired test of curves.

    Parameters
    ----------
    first, second : ndarray, shapes (n, n_points) and (m, n_points)
    seed : int
    n_permutations : int
        The exchange that was seen is one of them.
    alpha : float

    Raises
    ------
    ValueError
        Fewer than two curves in a group, or curves of unlike length.
    """
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"expected two curves or more a group, all of one length; got the shapes {first.shape} and {second.shape}."
        )
    curves = np.concatenate([first, second])
    curves = curves - curves.mean(axis=0)
    rng = np.random.default_rng(seed)
    n = len(first)
    members = np.zeros((n_permutations, len(curves)))
    members[0, :n] = 1.0
    for row in members[1:]:
        row[rng.permutation(len(curves))[:n]] = 1.0
    t = _t_of(members, curves)
    greatest = np.abs(t).max(axis=1)
    threshold = float(np.quantile(greatest, 1.0 - alpha, method="higher"))
    return FieldTest(t[0], threshold, _p(greatest, greatest[0]), _clusters(t[0], threshold, greatest))


def fold_fields(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
    alpha: float = ALPHA,
) -> tuple[FieldTest, ...]:
    """Test each fold by itself, at its share of alpha: chance finds a cluster in any of them with probability alpha.

    Folds whose generators learnt from each other's people must not be thrown together: the mean of all measured and
    that of all made samples are then those of the same people, and differ less than chance lets them (0 alarms where 5
    in a hundred are due). Shares of alpha (Bonferroni) hold however the folds depend on each other.

    Parameters
    ----------
    pairs : sequence of (ndarray, ndarray), shapes (n, n_points) and (m, n_points)
    seed, n_permutations, alpha
        As in `permutation_field`; fewer than len(pairs) / alpha permutations can find nothing.
    """
    share = alpha / max(len(pairs), 1)
    return tuple(
        permutation_field(*pair, seed=seed + 1000 * k, n_permutations=n_permutations, alpha=share)
        for k, pair in enumerate(pairs)
    )


def _t_of(members: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """T (k, points) of the curves that each row (k, n) of members holds above those that it does not."""
    n = members[0].sum()
    m = len(curves) - n
    total, squares = curves.sum(axis=0), (curves**2).sum(axis=0)
    own, own_squares = members @ curves, members @ curves**2
    other, other_squares = total - own, squares - own_squares
    scatter = own_squares - own**2 / n + other_squares - other**2 / m
    pooled = np.sqrt(np.maximum(scatter, 1e-300) / (n + m - 2) * (1.0 / n + 1.0 / m))
    return (own / n - other / m) / pooled


def _p(greatest: np.ndarray, reached: float) -> float:
    return float(np.mean(greatest >= reached * (1.0 - 1e-12)))


def _clusters(t: np.ndarray, threshold: float, greatest: np.ndarray) -> tuple[Cluster, ...]:
    """Runs of points of one sign beyond the threshold."""
    side = np.where(np.abs(t) > threshold, np.sign(t), 0.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0.0], side, [0.0]])))
    runs = [(a, b) for a, b in pairwise(edges) if side[a] != 0]
    return tuple(Cluster(int(a), int(b), _p(greatest, np.abs(t[a:b]).max())) for a, b in runs)
