"""Class scores of unbalanced classes: recall of each, their mean, how well each is told from the rest.

Accuracy alone is won by always naming the commonest class; balanced accuracy, the mean of the recalls, is 1 / n_classes
then. Intervals are percentiles of a bootstrap over persons, one sample a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

N_BOOTSTRAP = 500


def balanced_accuracy(truth: np.ndarray, named: np.ndarray) -> float:
    """Mean recall over the classes that are there."""
    return float(np.mean([np.mean(named[truth == c] == c) for c in np.unique(truth)]))


def auroc(is_positive: np.ndarray, score: np.ndarray) -> float:
    """Probability that a positive has the higher score, ties a half (Mann-Whitney); NaN without both kinds."""
    n_positive = int(is_positive.sum())
    n_negative = len(is_positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[is_positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def class_scores(
    truth: np.ndarray, probabilities: np.ndarray, names: Sequence[str], *, seed: int = 0, n_draws: int = N_BOOTSTRAP
) -> pd.DataFrame:
    """Measures with 95 % intervals over persons.

    Parameters
    ----------
    truth : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, n_classes)
        The class with the largest is named.
    names : sequence of str
    seed, n_draws : int

    Returns
    -------
    DataFrame
        ``measure, value, low, high, n``: accuracy, balanced accuracy; of each class prevalence, recall, precision and
        the AUROC against all others.
    """
    named = probabilities.argmax(axis=1)
    measures: dict[str, tuple[Callable[[np.ndarray], float], int]] = {
        "accuracy": (lambda i: float(np.mean(truth[i] == named[i])), len(truth)),
        "balanced accuracy": (lambda i: balanced_accuracy(truth[i], named[i]), len(truth)),
    }
    for k, name in enumerate(names):
        n = int((truth == k).sum())
        measures |= {
            f"prevalence {name}": (lambda i, k=k: float(np.mean(truth[i] == k)), n),
            f"recall {name}": (lambda i, k=k: _share(named[i] == k, truth[i] == k), n),
            f"precision {name}": (lambda i, k=k: _share(truth[i] == k, named[i] == k), n),
            f"AUROC {name} vs rest": (lambda i, k=k: auroc(truth[i] == k, probabilities[i, k]), n),
        }
    draws = np.random.default_rng(seed).integers(len(truth), size=(n_draws, len(truth)))
    every, rows = np.arange(len(truth)), []
    for measure, (value, n) in measures.items():
        drawn = np.array([value(i) for i in draws])
        known = drawn[np.isfinite(drawn)]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
        rows.append((measure, value(every), low, high, n))
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "n"])


def _share(hit: np.ndarray, among: np.ndarray) -> float:
    return float(hit[among].mean()) if among.any() else float("nan")
