"""A cycle record: what sensors on a walker read over one gait cycle, at even phases from a strike of the right foot.

Two records of one person, with and without a cause, tell what that cause changes: the `part_sizes` of the difference
are the truth that explanations of a network are held against. Moving one joint moves every segment beyond it, so that
the truth is read from the records, never from the name of the cause.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.corpus.trial import CorpusTrial
from synth.imu.error_recipe import ImuErrors, apply_errors
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import SensorPlacement
from synth.repeated_gait import repeat_gait

N_SAMPLES = 50
"""Of a cycle: 0, 2, ... 98 %."""
N_CHANNELS = 6
"""Of a sensor: specific force (m/s²) and angular velocity (rad/s), x, y, z each."""
REPEATS = 3
"""Cycles that are walked: the one in the middle has neighbours on both sides."""


def cycle_record(
    trial: CorpusTrial, placements: Sequence[SensorPlacement] = SEVEN_SENSORS, errors: ImuErrors | None = None
) -> np.ndarray:
    """Record of a periodic gait.

    Parameters
    ----------
    trial : CorpusTrial
        One cycle from a strike of the right foot, with its skeleton, as `kinesynth gait population` writes it.
    placements : sequence of SensorPlacement
    errors : ImuErrors, optional
        Drawn for this subject and trial; None leaves the record clean.

    Returns
    -------
    ndarray, shape (N_SAMPLES, N_CHANNELS * n_sensors)
        Sensor after sensor.

    Raises
    ------
    CorpusMismatch
        The trial is no periodic cycle.
    """
    walked = repeat_gait(trial, REPEATS, placements=placements)
    recordings = walked.recordings
    if errors is not None:
        recordings = apply_errors(recordings, errors, subject=trial.subject.code, trial=trial.name)
    duration = trial.spatiotemporal["stride_time_r"]
    at = duration * (1.0 + np.arange(N_SAMPLES) / N_SAMPLES)
    clock = np.arange(walked.n_frames) / walked.rate
    channels = np.hstack([np.hstack([r.specific_force, r.angular_velocity]) for r in recordings])
    return np.stack([np.interp(at, clock, column) for column in channels.T], axis=1)


def part_of_each(n_sensors: int, n_phases: int) -> np.ndarray:
    """Part of each entry of a record (N_SAMPLES, N_CHANNELS * n_sensors): sensor * n_phases + phase."""
    phase = np.arange(N_SAMPLES) * n_phases // N_SAMPLES
    return np.repeat(np.arange(n_sensors), N_CHANNELS)[None, :] * n_phases + phase[:, None]


def part_sizes(change: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Root of the summed squares of each part.

    Parameters
    ----------
    change : ndarray, shape (n, ...)
        In SDs of each entry.
    parts : ndarray of int
        Part of each entry of one sample.

    Returns
    -------
    ndarray, shape (n, n_parts)
    """
    flat, where = change.reshape(len(change), -1) ** 2, parts.ravel()
    return np.sqrt(np.stack([flat[:, where == k].sum(axis=1) for k in range(int(where.max()) + 1)], axis=1))
