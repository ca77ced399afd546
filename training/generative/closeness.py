"""Closeness of made samples to measured ones: whether they repeat those that taught, and reach those that did not.

*Memorisation*: the distance of made samples to the nearest teaching one, over the distance of measured samples of
people never seen to theirs. Near 1, a made sample is as new as a new person; well below 1, the teaching people are
repeated.

*Coverage* (Naeem et al., ICML 2020): the share of unseen people in whose neighbourhood (the radius to the fifth nearest
other unseen person) a made sample lies. 1 - 2^-5, 0.97, is expected of samples of the same distribution.

*Spread* and *bends*: the variance of made samples over that of measured ones, and the same of the mean square of a
usual (the median) sample's second differences along the points: samples that vary too little, or curves too smooth
(below 1) or too rough, can be told.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

NEIGHBOURS = 5


def nearest_ratio(made: np.ndarray, teaching: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Distance of each made sample to the nearest teaching one, over the median distance of unseen ones to theirs.

    Parameters
    ----------
    made, teaching, unseen : ndarray, shape (n, n_points, n_channels)
        Standardised.

    Returns
    -------
    ndarray, shape (n_made,)
    """
    tree = cKDTree(_flat(teaching))
    usual = np.median(tree.query(_flat(unseen))[0])
    return tree.query(_flat(made))[0] / usual


def covered(made: np.ndarray, unseen: np.ndarray, n_neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Whether a made sample lies in the neighbourhood of each unseen one (n_unseen,); give as many of both."""
    distance = cdist(_flat(unseen), _flat(unseen))
    k = min(n_neighbours, len(distance) - 1)
    radius = np.sort(distance, axis=1)[:, k]  # column 0 is the sample itself
    return cKDTree(_flat(made)).query(_flat(unseen))[0] <= radius


def spread_ratio(made: np.ndarray, unseen: np.ndarray) -> float:
    """Variance, summed over all numbers, of made samples over that of measured ones, each (n, n_points, n_channels)."""
    return float(made.var(axis=0).sum() / unseen.var(axis=0).sum())


def bend_ratio(made: np.ndarray, unseen: np.ndarray) -> float:
    """Median of the samples' mean squared second differences, made over measured; NaN with fewer than three points.

    A median, since one measured curve with a jump bends more than all others together.
    """
    if made.shape[1] < 3:
        return float("nan")
    bends = [np.median((np.diff(values, n=2, axis=1) ** 2).mean(axis=(1, 2))) for values in (made, unseen)]
    return float(bends[0] / bends[1])


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)
