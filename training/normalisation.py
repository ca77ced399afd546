"""Normalisation: the mean and SD by which channels and labels are brought to size one, from training subjects only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.window import TrialRecord


@dataclass(frozen=True)
class Normalisation:
    """Means and SDs of channels and targets.

    Attributes
    ----------
    input_mean, input_sd : ndarray, shape (n_channels,), float32
    target_mean, target_sd : ndarray, shape (n_targets,), float32
        Over the labelled frames.
    """

    input_mean: np.ndarray
    input_sd: np.ndarray
    target_mean: np.ndarray
    target_sd: np.ndarray


def fit_normalisation(records: Sequence[TrialRecord]) -> Normalisation:
    """Take means and SDs over all frames with a value; every trial weighs the same.

    Parameters
    ----------
    records : sequence of TrialRecord
        Of the training subjects; who is not in it has no influence.

    Returns
    -------
    Normalisation
        A constant channel or target gets SD 1, so that it stays finite.
    """
    inputs = _pooled([np.where(r.is_missing[:, None], np.nan, r.inputs) for r in records])
    targets = _pooled([r.labels for r in records])
    return Normalisation(*inputs, *targets)


def _pooled(series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of the columns, NaN left out, every trial weighing the same."""
    weights = np.concatenate([np.isfinite(s) / np.maximum(np.isfinite(s).sum(axis=0), 1) for s in series])
    values = np.nan_to_num(np.concatenate(series).astype(float))
    total = np.maximum(weights.sum(axis=0), 1e-12)
    mean = (weights * values).sum(axis=0) / total
    sd = np.sqrt((weights * (values - mean) ** 2).sum(axis=0) / total)
    sd = np.where(sd > 1e-6 * np.maximum(1.0, np.abs(mean)), sd, 1.0)
    return mean.astype(np.float32), sd.astype(np.float32)
