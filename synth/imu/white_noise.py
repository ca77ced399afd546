"""White sensor noise whose SD is a share of the signal's: the 15 % rule of the literature.

The rule (Rapp, Shin et al. 2021) is kind: real and marker-derived sensors differ by a quarter to two thirds of the
signal's SD, and that difference is coloured. It is the default to reproduce, not a sensor model.

"The signal's SD" has three readings, and papers rarely say which: over the trial, over all trials of the subject, or
over the training set. `pooled_sds` gives the last two.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def pooled_sds(trials: Iterable[Iterable[ImuRecording]]) -> dict[str, np.ndarray]:
    """SD of each channel of each sensor over several trials, joined end to end.

    Parameters
    ----------
    trials : iterable of iterables of ImuRecording
        Clean records; read one by one, only sums are kept. Missing samples are left out.

    Returns
    -------
    dict of str to ndarray, shape (6,)
        Sensor → SD of specific force (m/s²) x y z and angular velocity (rad/s) x y z; 0 for a channel with no sample.
    """
    sums: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    for recording in (recording for trial in trials for recording in trial):
        values = np.hstack([recording.specific_force, recording.angular_velocity]).astype(float)
        present = np.isfinite(values)
        n = present.sum(axis=0)
        own = np.where(present, values, 0.0).sum(axis=0) / np.maximum(n, 1)
        around = (np.where(present, values - own, 0.0) ** 2).sum(axis=0)
        count, mean, squares = sums.get(recording.placement.sensor, (np.zeros(6), np.zeros(6), np.zeros(6)))
        # Chan, Golub and LeVeque (Am Stat 37:242, 1983): sums about the joint mean from sums about each mean.
        total = np.maximum(count + n, 1)
        squares = squares + around + (own - mean) ** 2 * count * n / total
        sums[recording.placement.sensor] = (count + n, mean + (own - mean) * n / total, squares)
    return {sensor: np.sqrt(squares / np.maximum(count, 1)) for sensor, (count, _, squares) in sums.items()}


def add_noise(
    recording: ImuRecording, *, share: float = 0.15, rng: np.random.Generator, sd: np.ndarray | None = None
) -> ImuRecording:
    """Add white Gaussian noise with SD = `share` × SD of each channel.

    Parameters
    ----------
    recording : ImuRecording
        Without noise; its missing samples stay missing.
    share : float
        0.15 is the rule of the literature, per channel and trial.
    rng : numpy.random.Generator
        Six numbers a frame are drawn whatever is missing, so a gap does not change the noise after it.
    sd : ndarray, shape (6,), optional
        SD that the share refers to, force then velocity; by default that of this record.

    Returns
    -------
    ImuRecording
    """
    draws = rng.standard_normal((len(recording.specific_force), 6))
    if sd is not None:
        size = share * np.asarray(sd, dtype=float)
        return replace(
            recording,
            specific_force=recording.specific_force + size[:3] * draws[:, :3],
            angular_velocity=recording.angular_velocity + size[3:] * draws[:, 3:],
        )
    return replace(
        recording,
        specific_force=recording.specific_force + share * channel_sd(recording.specific_force) * draws[:, :3],
        angular_velocity=recording.angular_velocity + share * channel_sd(recording.angular_velocity) * draws[:, 3:],
    )
