"""Linear answers to records: principal components and a regression, logistic or ridge, the row that networks must beat.

As a network of one layer it is explained like any other: its integrated gradients are weights times distance, its
pattern the weights times the covariance of the records.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

from training.sample.ensemble import member_rows
from training.sample.perceptron import Taught

N_COMPONENTS = 60
C_GRID = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Inverse penalties of the logistic regression; those who validate choose."""
RIDGE_GRID = (0.1, 1.0, 10.0, 100.0, 1000.0)
MOST_STEPS = 2000
SMALLEST_SD = 1e-6


class LinearAnswer(nn.Module):
    """One layer on raw records.

    Parameters
    ----------
    mean, sd : ndarray
        Of who taught, of one record's shape.
    weights : ndarray, shape (n_outputs, record size)
        Of standardised entries.
    constant : ndarray, shape (n_outputs,)
    """

    def __init__(self, mean: np.ndarray, sd: np.ndarray, weights: np.ndarray, constant: np.ndarray) -> None:
        super().__init__()
        known = {"mean": mean, "sd": sd, "weights": weights, "constant": constant}
        for name, values in known.items():
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32))

    def forward(self, records: torch.Tensor) -> torch.Tensor:
        """Logits, or standardised estimates (n, n_outputs)."""
        return ((records - self.mean) / self.sd).flatten(1) @ self.weights.T + self.constant


def linear_classes(
    inputs: np.ndarray,
    classes: np.ndarray,
    held: tuple[np.ndarray, np.ndarray],
    seed: int,
    *,
    n_members: int = 1,
    people: Sequence[str] | None = None,
) -> Taught:
    """Principal components and a logistic regression in which every class weighs the same.

    Parameters
    ----------
    inputs : ndarray, shape (n, ...)
    classes : ndarray of int, shape (n,)
        0, 1, ..., everyone of them with somebody.
    held : (ndarray, ndarray)
        Inputs and classes of those who choose the penalty, by their balanced log loss.
    seed : int
        Of the components' search and of the draws.
    n_members : int
        Several regressions on the same components, each by its own draw of people that has every class
        (`member_rows`), doubt as an ensemble does.
    people : sequence of str, optional
        Whose each input is; None: one a person.
    """
    mean, sd, components = _components(inputs, seed)
    known, other = ((_flat(x, mean, sd)) @ components.T for x in (inputs, held[0]))
    counts = np.bincount(held[1], minlength=classes.max() + 1)

    def loss(model: LogisticRegression) -> float:
        weights, constant = _rows(model)
        told = log_softmax(other @ weights.T + constant, axis=1)[np.arange(len(other)), held[1]]
        return -float((told / counts[held[1]]).sum())

    def member(rows: np.ndarray) -> LinearAnswer:
        some = LogisticRegression(class_weight="balanced", max_iter=MOST_STEPS)
        models = [clone(some).set_params(C=c).fit(known[rows], classes[rows]) for c in C_GRID]
        weights, constant = _rows(min(models, key=loss))
        return LinearAnswer(mean, sd, weights @ components, constant)

    drawn = member_rows(len(inputs), n_members, seed, people, classes=classes)
    return _taught([member(rows) for rows in drawn], np.zeros(0), np.zeros(0))


def linear_numbers(
    inputs: np.ndarray,
    targets: np.ndarray,
    held: tuple[np.ndarray, np.ndarray],
    seed: int,
    *,
    n_members: int = 1,
    people: Sequence[str] | None = None,
) -> Taught:
    """Principal components and a ridge regression; targets (n, n_targets), the rest as `linear_classes`."""
    mean, sd, components = _components(inputs, seed)
    centre, spread = targets.mean(axis=0), targets.std(axis=0) + 1e-12
    known, other = ((_flat(x, mean, sd)) @ components.T for x in (inputs, held[0]))
    aimed, truth = ((y - centre) / spread for y in (targets, held[1]))

    def member(rows: np.ndarray) -> LinearAnswer:
        models = [Ridge(alpha=a).fit(known[rows], aimed[rows]) for a in RIDGE_GRID]
        best = min(models, key=lambda m: float(((m.predict(other).reshape(truth.shape) - truth) ** 2).mean()))
        return LinearAnswer(mean, sd, np.atleast_2d(best.coef_) @ components, np.atleast_1d(best.intercept_))

    drawn = member_rows(len(inputs), n_members, seed, people)
    return _taught([member(rows) for rows in drawn], centre, spread)


def _components(inputs: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and SD of one input's shape, and components (k, size) of standardised inputs."""
    mean, sd = inputs.mean(axis=0), inputs.std(axis=0) + SMALLEST_SD
    flat = _flat(inputs, mean, sd)
    pca = PCA(min(N_COMPONENTS, *flat.shape), svd_solver="randomized", random_state=seed).fit(flat)
    return mean, sd, pca.components_


def _rows(model: LogisticRegression) -> tuple[np.ndarray, np.ndarray]:
    """Weights and constant of every class: of two classes the library gives those of the second against the first."""
    if len(model.classes_) > 2:
        return model.coef_, model.intercept_
    return np.vstack([np.zeros_like(model.coef_), model.coef_]), np.append(0.0, model.intercept_)


def _flat(inputs: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return ((inputs - mean) / sd).reshape(len(inputs), -1)


def _taught(networks: Sequence[LinearAnswer], mean: np.ndarray, sd: np.ndarray) -> Taught:
    return Taught(tuple(network.eval() for network in networks), mean, sd, (0,) * len(networks))
