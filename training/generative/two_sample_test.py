"""Classifier two-sample test: whether a classifier can tell made samples from measured ones that it has not seen.

Half of its answers are right where it cannot (Lopez-Paz and Oquab, ICLR 2017). One sample a person: strides of one
person
lie so close together that any classifier finds them, whatever was made. Where each fold has a generator of its own, a
classifier learns and answers within a fold, and only the answers are pooled: beside the samples that another fold's
generator made of them, measured people would carry the label opposite to that of their near copies.

Three classifiers: ten nearest neighbours, as published; boosted trees; and a logistic regression on all numbers, their
squares and the products of neighbouring points, which sees variances and bends that are too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.comparison import bootstrap_interval

FOLDS = 5
NEIGHBOURS = 10
FEWEST = 7
"""Samples of each kind, in each fold."""
CLASSIFIERS: dict[str, Callable[[int, int], ClassifierMixin]] = {
    "kNN": lambda seed, n: make_pipeline(StandardScaler(), KNeighborsClassifier(min(NEIGHBOURS, n // 2))),
    "boosting": lambda seed, n: HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, min_samples_leaf=max(2, min(10, n // 5)), random_state=seed
    ),
    "logistic": lambda seed, n: make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500)),
}
"""Name → a classifier made from a seed and the number of samples that teach it: few have fewer neighbours, and smaller
leaves, without which it could answer one thing only."""


@dataclass(frozen=True)
class TwoSampleTest:
    """What a classifier achieved.

    Attributes
    ----------
    accuracy, low, high : float
        Share of right answers, and its 95 % interval over persons (each with the made sample of the same row).
    n : int
        Measured samples; as many made ones.
    """

    accuracy: float
    low: float
    high: float
    n: int


def two_sample_test(
    draws: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]], classifier: str, seed: int
) -> TwoSampleTest:
    """Test with equal numbers of measured and made samples, five parts, within each pair.

    Parameters
    ----------
    draws : sequence of sequences of (ndarray, ndarray), shapes (n, n_points, n_channels)
        Measured samples, one a person, and made ones: a pair for each generator, with people whom it has not seen.
        Answers are pooled, samples never. Each draw holds other samples of the same people in the same order, and
        other made ones: the mean over draws depends less on what was drawn, the interval is still over people.
    classifier : str
        One of `CLASSIFIERS`.
    seed : int
        Of parts and trees.

    Raises
    ------
    ValueError
        Unequal numbers, or fewer than `FEWEST`, in a pair; or no pair.
    """
    for real, made in (pair for pairs in draws for pair in pairs):
        if len(real) != len(made) or len(real) < FEWEST:
            raise ValueError(
                f"two-sample test: expected equal numbers of both, {FEWEST} or more; got {len(made)}, {len(real)}."
            )
    right = np.mean(
        [
            np.concatenate([_right(*pair, classifier, seed + 100 * d + k) for k, pair in enumerate(pairs)])
            for d, pairs in enumerate(draws)
        ],
        axis=0,
    )
    low, high = bootstrap_interval(right, seed)
    return TwoSampleTest(float(right.mean()), low, high, len(right))


def _right(real: np.ndarray, made: np.ndarray, classifier: str, seed: int) -> np.ndarray:
    """Share of right answers (n,) on each measured sample and the made one of its row.

    Both are left out together, so that as many of each kind teach: else the rarer kind is answered too seldom, and
    chance lies below one half.
    """
    n = len(real)
    inputs, label = _features(np.concatenate([real, made]), classifier), np.repeat([0, 1], n)
    right = np.empty(2 * n)
    for teach, score in KFold(FOLDS, shuffle=True, random_state=seed).split(real):
        teach, score = np.concatenate([teach, teach + n]), np.concatenate([score, score + n])
        taught = CLASSIFIERS[classifier](seed, len(teach)).fit(inputs[teach], label[teach])
        right[score] = taught.predict(inputs[score]) == label[score]
    return right.reshape(2, n).mean(axis=0)


def _features(values: np.ndarray, classifier: str) -> np.ndarray:
    """What the classifier sees of samples (n, points, channels)."""
    flat = values.reshape(len(values), -1)
    if classifier != "logistic":
        return flat
    centred = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    products = (centred[:, 1:] * centred[:, :-1]).reshape(len(values), -1)
    return np.concatenate([flat, centred.reshape(len(values), -1) ** 2, products], axis=1)
