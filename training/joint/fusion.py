"""Fusion of two estimates of a joint's angles: the network's own and those of optimised orientations.

Rapp et al. 2021: theta = w alpha + (1 - w) beta, one weight an angle, from training subjects. The least-squares weight
is known in closed form. A trial's mean and its course about the mean have different errors (a network guesses means, a
gyroscope knows courses), so each gets its own weight here; the published single weight is `course` = `mean`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FusionWeights:
    """Shares of the network's own angles, 0 to 1.

    Attributes
    ----------
    mean, course : ndarray, shape (3,)
        Of each angle's mean over the trial, and of its course about that mean.
    """

    mean: np.ndarray
    course: np.ndarray


def fit_fusion(
    truths: Sequence[np.ndarray], alphas: Sequence[np.ndarray], betas: Sequence[np.ndarray], *, single: bool = False
) -> FusionWeights:
    """Fit the weights on trials of training subjects.

    Parameters
    ----------
    truths, alphas, betas : sequence of ndarray, shape (n_frames, 3)
        rad; one array a trial, NaN = no value. Every trial weighs the same.
    single : bool
        One weight for mean and course together, as published.

    Returns
    -------
    FusionWeights
        1 (the network alone) for an angle in which both estimates are the same.
    """
    split = [[_split(values, known) for values in triple] for triple, known in _common(truths, alphas, betas)]
    means = np.array([[part[0] for part in trial] for trial in split])  # trial, truth/alpha/beta, angle
    courses = [[part[1] for part in trial] for trial in split]
    mean_pair = _products(means[:, 0], means[:, 1], means[:, 2])
    course_pair = [sum(values) for values in zip(*(_shares(*trial) for trial in courses), strict=True)]
    if single:
        together = _weight(mean_pair[0] + course_pair[0], mean_pair[1] + course_pair[1])
        return FusionWeights(together, together)
    return FusionWeights(_weight(*mean_pair), _weight(*course_pair))


def fuse(alpha: np.ndarray, beta: np.ndarray, weights: FusionWeights) -> np.ndarray:
    """Put two estimates (n_frames, 3) together; NaN where either has no value."""
    ((_, first, second), known) = next(iter(_common([alpha], [alpha], [beta])))
    (mean_a, course_a), (mean_b, course_b) = _split(first, known), _split(second, known)
    fused = np.full(alpha.shape, np.nan)
    mean = weights.mean * mean_a + (1.0 - weights.mean) * mean_b
    fused[known] = mean + weights.course * course_a + (1.0 - weights.course) * course_b
    return fused


def _common(truths: Sequence[np.ndarray], alphas: Sequence[np.ndarray], betas: Sequence[np.ndarray]) -> list:
    """Each trial's three arrays and the frames in which all have values."""
    triples = list(zip(truths, alphas, betas, strict=True))
    return [(triple, np.isfinite(np.hstack(triple)).all(axis=1)) for triple in triples]


def _split(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and course about it over the known frames."""
    mean = values[known].mean(axis=0)
    return mean, values[known] - mean


def _products(truth: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """<truth - beta, alpha - beta> and |alpha - beta|² over rows, an angle each."""
    apart = alpha - beta
    return ((truth - beta) * apart).sum(axis=0), (apart**2).sum(axis=0)


def _shares(truth: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`_products` a frame, so that long trials do not outweigh short ones."""
    return tuple(values / len(truth) for values in _products(truth, alpha, beta))


def _weight(product: np.ndarray, square: np.ndarray) -> np.ndarray:
    return np.clip(np.where(square > 1e-15, product / np.maximum(square, 1e-15), 1.0), 0.0, 1.0)
