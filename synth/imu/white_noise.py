"""White sensor noise whose SD is a share of the signal's: the 15 % rule of the literature.

The rule (Rapp, Shin et al. 2021) is kind: real and marker-derived sensors differ by a quarter to two thirds of the
signal's SD, and that difference is coloured. It is the default to reproduce, not a sensor model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synth.imu.recording import ImuRecording


def channel_sd(values: np.ndarray) -> np.ndarray:
    """SD over time of each channel, missing samples left out; 0 for a channel with fewer than two samples.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_channels)

    Returns
    -------
    ndarray, shape (n_channels,)
        In the unit of `values`.
    """
    present = np.isfinite(values)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0.0).sum(axis=0) / count
    return np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)


def add_noise(recording: ImuRecording, *, share: float = 0.15, rng: np.random.Generator) -> ImuRecording:
    """Add white Gaussian noise with SD = `share` × SD of each channel over this record.

    Parameters
    ----------
    recording : ImuRecording
        Without noise; its missing samples stay missing.
    share : float
        0.15 is the rule of the literature, per channel and trial.
    rng : numpy.random.Generator
        Six numbers a frame are drawn whatever is missing, so a gap does not change the noise after it.

    Returns
    -------
    ImuRecording
    """
    draws = rng.standard_normal((len(recording.specific_force), 6))
    return replace(
        recording,
        specific_force=recording.specific_force + share * channel_sd(recording.specific_force) * draws[:, :3],
        angular_velocity=recording.angular_velocity + share * channel_sd(recording.angular_velocity) * draws[:, 3:],
    )
