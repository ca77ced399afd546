"""Attribution: how much each entry of an input has to do with an answer of a network, by two methods of Captum.

* integrated gradients (Sundararajan, Taly and Yan 2017, arXiv 1703.01365): the gradient along the straight line from a
  baseline to the input; all attributions together are the difference between the two answers;
* occlusion: a group of entries is replaced by the baseline's, and the answer changes by so much.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import FeatureAblation, IntegratedGradients

METHODS = ("gradients", "occlusion")
N_STEPS = 32
"""Points along the line of integrated gradients."""
Answer = Callable[[torch.Tensor], torch.Tensor]
"""Inputs (n, ...) → one number a sample (n,)."""


def integrated_gradients(
    answer: Answer,
    inputs: np.ndarray,
    baseline: np.ndarray,
    *,
    n_steps: int = N_STEPS,
    batch: int = 1024,
    per_unit: bool = False,
) -> np.ndarray:
    """Attributions of the inputs' shape.

    Parameters
    ----------
    answer : callable
    inputs : ndarray, shape (n, ...)
    baseline : ndarray
        Of the inputs' shape, or of one sample's.
    n_steps : int
    batch : int
        Samples times steps that are computed together.
    per_unit : bool
        Not times the distance from the baseline: the mean gradient on the way.
    """
    given, base = _tensors(inputs, baseline)
    found = IntegratedGradients(answer, multiply_by_inputs=not per_unit).attribute(
        given, base, n_steps=n_steps, internal_batch_size=max(batch, len(given))
    )
    return found.detach().numpy().astype(float)


def occlusion(answer: Answer, inputs: np.ndarray, baseline: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Fall of the answer when a group is replaced by the baseline, shape (n, n_groups).

    Parameters
    ----------
    answer, inputs, baseline : as `integrated_gradients`
    groups : ndarray of int
        Of one sample's shape: the group of each entry, 0, 1, 2, ...; -1 = never occluded.
    """
    given, base = _tensors(inputs, baseline)
    numbered = np.where(groups < 0, groups.max() + 1, groups)
    with torch.no_grad():
        mask = torch.as_tensor(numbered)[None]
        found = FeatureAblation(answer).attribute(given, base, feature_mask=mask).numpy().astype(float)
    flat, where = found.reshape(len(found), -1), groups.ravel()
    return np.stack([flat[:, np.flatnonzero(where == k)[0]] for k in range(groups.max() + 1)], axis=1)


def group_sums(attributions: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Attributions of each group together, shape (n, n_groups); groups as in `occlusion`."""
    flat, where = attributions.reshape(len(attributions), -1), groups.ravel()
    return np.stack([flat[:, where == k].sum(axis=1) for k in range(groups.max() + 1)], axis=1)


def _tensors(inputs: np.ndarray, baseline: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    given = torch.as_tensor(np.array(inputs), dtype=torch.float32)
    wide = np.array(np.broadcast_to(baseline, inputs.shape))
    return given, torch.as_tensor(wide, dtype=torch.float32)
