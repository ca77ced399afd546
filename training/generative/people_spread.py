"""How a sample of a new person lies: spread between and within people, in principal components of the samples.

People, not samples, are what was drawn from the population: a sample of somebody new varies by the spread between
people, by that within one, and by what the mean of so few people misses. Few people leave directions in which none
differs. The correlations of their means are shrunk (Ledoit and Wolf 2004) between principal components, whose variances
stay: smooth curves stay smooth, where shrinking the covariance along a curve towards equal variances adds white noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf

SHARE = 0.999
"""Of the variance that the kept components hold."""


@dataclass(frozen=True)
class PeopleSpread:
    """Components, and the law of a new person's scores.

    Attributes
    ----------
    centre : ndarray, shape (n_points, n_channels)
        Mean of the samples.
    axes : ndarray, shape (k, n_points * n_channels)
        Components, each times the SD of its score.
    mean, covariance : ndarray, shapes (k,) and (k, k)
        Of a new person's scores, in SD of the samples' scores.
    """

    centre: np.ndarray
    axes: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """Scores (n, k) of samples (n, n_points, n_channels)."""
        flat = (samples - self.centre).reshape(len(samples), -1)
        return flat @ (self.axes / (self.axes**2).sum(axis=1, keepdims=True)).T

    def samples(self, scores: np.ndarray) -> np.ndarray:
        """Samples (n, n_points, n_channels) of scores (n, k)."""
        return self.centre + (scores @ self.axes).reshape(len(scores), *self.centre.shape)


def people_spread(samples: np.ndarray, people: np.ndarray | None, share: float = SHARE) -> PeopleSpread:
    """Spread of new people.

    Parameters
    ----------
    samples : ndarray, shape (n, n_points, n_channels)
    people : ndarray of str, shape (n,), optional
        Whose each is; without, each is somebody's only one.
    share : float
        Of the variance that is kept, above 0 and at most 1.
    """
    people = np.arange(len(samples)) if people is None else people
    centre = samples.mean(axis=0)
    _, values, rows = np.linalg.svd((samples - centre).reshape(len(samples), -1), full_matrices=False)
    variance = values**2
    kept = 1 + int(np.searchsorted(np.cumsum(variance) / variance.sum(), share - 1e-12))
    kept = min(kept, int(np.sum(values > 1e-9 * values[0])))
    axes = rows[:kept] * values[:kept, None] / np.sqrt(len(samples))
    plain = PeopleSpread(centre, axes, np.zeros(kept), np.eye(kept))
    mean, covariance = _new_person(plain.scores(samples), people)
    return PeopleSpread(centre, axes, mean, covariance)


def _new_person(scores: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of one sample of a new person, from scores (n, k).

    The means of people vary by the spread between them and by a share 1 / n_i of that within; the rest of that within
    is added. The mean of P people is off by a P-th of the variance of their means.
    """
    _, index, count = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(count), scores.shape[1]))
    np.add.at(means, index, scores)
    means /= count[:, None]
    mean, n_people = means.mean(axis=0), len(count)
    sd = means.std(axis=0, ddof=1)
    between = LedoitWolf().fit((means - mean) / sd).covariance_
    between *= np.outer(sd, sd) / np.sqrt(np.outer(np.diag(between), np.diag(between)))
    own = scores - means[index]
    within = own.T @ own / max(len(scores) - n_people, 1)
    return mean, (1.0 + 1.0 / n_people) * between + (1.0 - np.mean(1.0 / count)) * within
