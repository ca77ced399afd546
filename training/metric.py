"""Metrics: how far an estimated waveform is from the true one.

Definitions as in docs/training.md; NaN frames of either waveform are left out, and every function returns NaN where
its value is undefined rather than a number that looks like one.
"""

from __future__ import annotations

import numpy as np


def _paired(truth: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frames where both have a value."""
    truth, estimate = np.asarray(truth, dtype=float), np.asarray(estimate, dtype=float)
    if truth.shape != estimate.shape or truth.ndim != 1:
        raise ValueError(f"expected two waveforms of the same length, got shapes {truth.shape} and {estimate.shape}")
    both = np.isfinite(truth) & np.isfinite(estimate)
    return truth[both], estimate[both]


def rmse(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Root mean square error, in the waveforms' unit; NaN without a common frame."""
    truth, estimate = _paired(truth, estimate)
    return float(np.sqrt(np.mean((truth - estimate) ** 2))) if truth.size else float("nan")


def rmse_mean_removed(truth: np.ndarray, estimate: np.ndarray) -> float:
    """RMSE after each waveform's own mean is removed.

    This uses the true mean, which nobody has outside a laboratory: it is shown beside the raw error, never alone.
    """
    truth, estimate = _paired(truth, estimate)
    return rmse(truth - truth.mean(), estimate - estimate.mean()) if truth.size else float("nan")


def correlation(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Pearson's r; NaN for fewer than three frames or a constant waveform."""
    truth, estimate = _paired(truth, estimate)
    if truth.size < 3:
        return float("nan")
    # Rounding leaves a "constant" waveform with a spread of some 1e-16 of its size: not a shape to correlate with.
    if any(np.ptp(waveform) <= 1e-12 * np.abs(waveform).max() for waveform in (truth, estimate)):
        return float("nan")
    truth, estimate = truth - truth.mean(), estimate - estimate.mean()
    return float(truth @ estimate / np.sqrt((truth @ truth) * (estimate @ estimate)))


def bias(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Mean of estimate minus truth."""
    truth, estimate = _paired(truth, estimate)
    return float(np.mean(estimate - truth)) if truth.size else float("nan")


def coverage(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Share (0..1) of the frames with a true value that also have an estimate; NaN without a true value."""
    has_truth = np.isfinite(truth)
    return float(np.isfinite(np.asarray(estimate)[has_truth]).mean()) if has_truth.any() else float("nan")


WAVEFORM_METRICS = {
    "rmse": rmse,
    "rmse_mean_removed": rmse_mean_removed,
    "correlation": correlation,
    "bias": bias,
    "coverage": coverage,
}
"""Name in the error table → function of (truth, estimate)."""
