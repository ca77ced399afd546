"""Augmentation: sensor errors drawn afresh for every training window.

The model is that of the corpus (signed rotation angle N(0, SD) about a uniformly random axis, then white noise with
a share of each channel's SD over the trial); the draws here are never those of a stored recipe.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.imu.misalignment import draw_misalignment
from training.record_summary import RecordSummary
from training.window import Windows


def channel_covariances(summaries: Sequence[RecordSummary]) -> np.ndarray:
    """Covariance of every 3-vector of every record over its trial.

    Parameters
    ----------
    summaries : sequence of RecordSummary

    Returns
    -------
    ndarray, shape (n_records, n_vectors, 3, 3), float32
        Two vectors a sensor; frames without a value are left out. A rotated sensor's channel SDs are the roots of
        the diagonal of R C R^T, so that no trial has to be rotated to know its noise.
    """
    return np.stack([summary.covariance for summary in summaries])


def augment(
    windows: Windows,
    covariances: np.ndarray,
    misalignment_deg: float,
    noise_share: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Turn the sensors of every window by fresh rotations and add fresh noise.

    Parameters
    ----------
    windows : Windows
        Clean.
    covariances : ndarray, shape (n_records, n_vectors, 3, 3)
        From `channel_covariances`.
    misalignment_deg : float
        SD of the signed rotation angle (deg), the same rotation for both vectors of a sensor.
    noise_share : float
        Noise SD as a share of the SD of the turned clean channel over its trial.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (B, T, C), float32
    """
    n_windows, n_frames, n_channels = windows.inputs.shape
    n_sensors = n_channels // 6
    # Nominal → true sensor frame: what a turned sensor reads is the inverse of how it was turned.
    turns = draw_misalignment(rng, misalignment_deg, n_windows * n_sensors).inv().as_matrix()
    turns = np.repeat(turns.reshape(n_windows, n_sensors, 3, 3), 2, axis=1)
    vectors = windows.inputs.reshape(n_windows, n_frames, 2 * n_sensors, 3).transpose(0, 2, 1, 3)
    turned = vectors @ turns.transpose(0, 1, 3, 2).astype(np.float32)
    variances = np.einsum("bvij,bvjk,bvik->bvi", turns, covariances[windows.record], turns)
    noise_sd = noise_share * np.sqrt(np.maximum(variances, 0.0)).astype(np.float32)
    turned += noise_sd[:, :, None] * rng.standard_normal(turned.shape, dtype=np.float32)
    return np.ascontiguousarray(turned.transpose(0, 2, 1, 3)).reshape(n_windows, n_frames, n_channels)
