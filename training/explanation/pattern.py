"""A pattern: what a network's gradient means in the input itself (Haufe et al. 2014, NeuroImage 87:96).

A gradient says how to weigh the entries so as to cancel what disturbs, not which entries a cause changes: of correlated
entries it may weigh one against the other although the cause changes both alike. The covariance C of the inputs turns
the one into the other: C g. Of two groups with the same covariance whose means differ by d, the best classifier is
linear with g = C⁻¹ d, and C g = d is what the cause changes, in all people alike.
"""

from __future__ import annotations

import numpy as np
import torch

from training.explanation.attribution import Answer

N_STEPS = 8
"""Points along the line from the baseline over which gradients are averaged."""


def path_gradients(
    answer: Answer, inputs: np.ndarray, baseline: np.ndarray, *, n_steps: int = N_STEPS, batch: int = 1024
) -> np.ndarray:
    """Mean gradient along the straight line from a baseline; times the distance it is integrated gradients.

    Parameters
    ----------
    answer : callable
    inputs : ndarray, shape (n, ...)
    baseline : ndarray
        Of the inputs' shape, or of one sample's.
    n_steps, batch : int

    Returns
    -------
    ndarray of the inputs' shape
    """
    wide = np.broadcast_to(baseline, inputs.shape)
    found = np.zeros(inputs.shape)
    for first in range(0, len(inputs), batch):
        rows = slice(first, first + batch)
        for k in range(n_steps):
            at = wide[rows] + (inputs[rows] - wide[rows]) * (k + 0.5) / n_steps
            given = torch.as_tensor(at, dtype=torch.float32).requires_grad_()
            (gradient,) = torch.autograd.grad(answer(given).sum(), given)
            found[rows] += gradient.numpy() / n_steps
    return found


def patterns(gradients: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Gradients (n, ...) times the covariance of known inputs (m, ...); of the gradients' shape."""
    centred = (known - known.mean(axis=0)).reshape(len(known), -1).astype(float)
    flat = gradients.reshape(len(gradients), -1)
    return ((flat @ centred.T) @ centred / len(known)).reshape(gradients.shape)
