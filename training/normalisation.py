"""Normalisation: the mean and SD by which channels and labels are brought to size one, from training subjects only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.record_summary import RecordSummary


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


def fit_normalisation(summaries: Sequence[RecordSummary], shifts: np.ndarray | None = None) -> Normalisation:
    """Take means and SDs over all frames with a value; every trial weighs the same.

    Parameters
    ----------
    summaries : sequence of RecordSummary
        Of the training subjects; who is not in it has no influence.
    shifts : ndarray, shape (n_records, n_targets), optional
        What is added to the labels of each record.

    Returns
    -------
    Normalisation
        A constant channel or target gets SD 1, so that it stays finite.
    """
    labels = np.stack([summary.label_mean for summary in summaries]).astype(float)
    inputs = _pooled(
        np.stack([summary.input_mean for summary in summaries]).astype(float),
        np.stack([summary.input_variance for summary in summaries]),
    )
    targets = _pooled(
        labels if shifts is None else labels + shifts, np.stack([summary.label_variance for summary in summaries])
    )
    return Normalisation(*inputs, *targets)


def _pooled(means: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of the columns from those of each record (n_records, n_columns); NaN = nothing known."""
    known = np.isfinite(means)
    total = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, means, 0.0).sum(axis=0) / total
    sd = np.sqrt(np.where(known, variances + (means - mean) ** 2, 0.0).sum(axis=0) / total)
    sd = np.where(sd > 1e-6 * np.maximum(1.0, np.abs(mean)), sd, 1.0)
    return mean.astype(np.float32), sd.astype(np.float32)
