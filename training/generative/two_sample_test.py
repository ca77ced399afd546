"""Classifier two-sample test: whether a classifier can tell made samples from measured ones that it has not seen.

Half of its answers are right where it cannot (Lopez-Paz and Oquab, ICLR 2017). One sample a person: strides of one
person
lie so close together that any classifier finds them, whatever was made.

Three classifiers: ten nearest neighbours, as published; boosted trees; and a logistic regression on all numbers, their
squares and the products of neighbouring points, which sees variances and bends that are too small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.comparison import bootstrap_interval

FOLDS = 5
NEIGHBOURS = 10
FEWEST = 7
"""Samples of each kind: four fifths of all must hold ten neighbours."""
CLASSIFIERS: dict[str, Callable[[int], ClassifierMixin]] = {
    "kNN": lambda seed: make_pipeline(StandardScaler(), KNeighborsClassifier(NEIGHBOURS)),
    "boosting": lambda seed: HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, min_samples_leaf=10, random_state=seed
    ),
    "logistic": lambda seed: make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500)),
}
"""Name → a classifier made from a seed."""


@dataclass(frozen=True)
class TwoSampleTest:
    """What a classifier achieved.

    Attributes
    ----------
    accuracy, low, high : float
        Share of right answers, and its 95 % interval over samples (each of a person of its own).
    n : int
        Measured samples; as many made ones.
    """

    accuracy: float
    low: float
    high: float
    n: int


def two_sample_test(real: np.ndarray, made: np.ndarray, classifier: str, seed: int) -> TwoSampleTest:
    """Test with equal numbers of measured and made samples, five folds.

    Parameters
    ----------
    real, made : ndarray, shape (n, n_points, n_channels)
        One measured sample a person.
    classifier : str
        One of `CLASSIFIERS`.
    seed : int
        Of folds and trees.

    Raises
    ------
    ValueError
        Unequal numbers, or fewer than `FEWEST`.
    """
    if len(real) != len(made) or len(real) < FEWEST:
        raise ValueError(
            f"two-sample test: expected equal numbers of both, {FEWEST} or more; got {len(made)}, {len(real)}."
        )
    inputs = _features(np.concatenate([real, made]), classifier)
    label = np.repeat([0, 1], len(real))
    right = np.empty(len(label))
    for teach, score in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(inputs, label):
        taught = CLASSIFIERS[classifier](seed).fit(inputs[teach], label[teach])
        right[score] = taught.predict(inputs[score]) == label[score]
    low, high = bootstrap_interval(right, seed)
    return TwoSampleTest(float(right.mean()), low, high, len(real))


def _features(values: np.ndarray, classifier: str) -> np.ndarray:
    """What the classifier sees of samples (n, points, channels)."""
    flat = values.reshape(len(values), -1)
    if classifier != "logistic":
        return flat
    centred = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    products = (centred[:, 1:] * centred[:, :-1]).reshape(len(values), -1)
    return np.concatenate([flat, centred.reshape(len(values), -1) ** 2, products], axis=1)
