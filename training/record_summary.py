"""The summary of a trial's record: what a training must know of it before it draws windows, in less than a kilobyte."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.input_check import wearing_of
from training.window import TrialRecord


@dataclass(frozen=True)
class RecordSummary:
    """Means and (co)variances of one record, float32.

    Attributes
    ----------
    input_mean : ndarray, shape (n_channels,)
        Over the frames with a value; NaN where there is none.
    covariance : ndarray, shape (n_vectors, 3, 3)
        Of every 3-vector (two a sensor) over the same frames.
    label_mean, label_variance : ndarray, shape (n_targets,)
        Over the frames with a label; NaN where there is none.
    wearing : ndarray, shape (n_sensors, n_features)
        How the channels of each sensor move together (`training.input_check.sensor_features`).
    """

    input_mean: np.ndarray
    covariance: np.ndarray
    label_mean: np.ndarray
    label_variance: np.ndarray
    wearing: np.ndarray

    @property
    def input_variance(self) -> np.ndarray:
        """Variance of every channel, (n_channels,)."""
        return np.einsum("vii->vi", self.covariance).reshape(-1)

    def of_targets(self, columns: np.ndarray) -> RecordSummary:
        """The summary with some of the targets."""
        return replace(self, label_mean=self.label_mean[columns], label_variance=self.label_variance[columns])


def summarise(record: TrialRecord) -> RecordSummary:
    """Summarise one record."""
    inputs = record.inputs[~record.is_missing].astype(float)
    n_channels = inputs.shape[1]
    mean, covariance = np.full(n_channels, np.nan), np.full((n_channels // 3, 3, 3), np.nan)
    if len(inputs):
        mean = inputs.mean(axis=0)
        centred = (inputs - mean).reshape(len(inputs), -1, 3).transpose(1, 0, 2)
        covariance = centred.transpose(0, 2, 1) @ centred / len(inputs)
    labels = record.labels.astype(float)
    known = np.isfinite(labels)
    count = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    label_mean = np.where(known, labels, 0.0).sum(axis=0) / count
    variance = np.where(known, labels - label_mean, 0.0)
    variance = (variance**2).sum(axis=0) / count
    found = (mean, covariance, label_mean, variance, wearing_of(inputs))
    return RecordSummary(*(values.astype(np.float32) for values in found))
