"""Thinning: fewer frames a second, each the mean of several, so that networks learn at half the cost.

The mean of k samples of white noise has SD / sqrt(k): nothing is lost but what happens between the new frames, which
at 100 Hz is little of a stride.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording
from synth.joint_trial import JointTrial, joint_angles

TARGET_RATE = 100.0
"""Hz."""


def thinning_factor(rate: float) -> int:
    """Frames to one, for a rate near 100 Hz or above."""
    return max(1, round(rate / TARGET_RATE))


def thin(trial: JointTrial, factor: int) -> JointTrial:
    """Put every `factor` frames in a row together.

    Parameters
    ----------
    trial : JointTrial
    factor : int
        1 leaves the trial as it is. Frames at the end that do not fill one are left out.

    Returns
    -------
    JointTrial
        Records averaged (NaN where one sample is); orientations half-way through each group, angles from these.
    """
    if factor == 1:
        return trial
    n_frames = len(trial.angles) // factor
    known = np.isfinite(trial.angles[: n_frames * factor]).reshape(n_frames, -1).all(axis=1)
    poses = [_middle(pose, n_frames, factor) for pose in (trial.proximal_orientation, trial.distal_orientation)]
    angles = np.full((n_frames, 3), np.nan)
    if known.any():
        angles[known] = joint_angles(trial.joint, poses[0][known], poses[1][known])
    return replace(
        trial,
        rate=trial.rate / factor,
        proximal=_thin_record(trial.proximal, n_frames, factor),
        distal=_thin_record(trial.distal, n_frames, factor),
        proximal_orientation=poses[0],
        distal_orientation=poses[1],
        angles=angles,
    )


def _thin_record(record: ImuRecording, n_frames: int, factor: int) -> ImuRecording:
    def mean(values: np.ndarray) -> np.ndarray:
        return values[: n_frames * factor].reshape(n_frames, factor, 3).mean(axis=1)

    return replace(
        record,
        specific_force=mean(record.specific_force),
        angular_velocity=mean(record.angular_velocity),
        rate=record.rate / factor,
    )


def _middle(pose: Rotation, n_frames: int, factor: int) -> Rotation:
    """Half-way from the first to the last frame of every group."""
    first = pose[np.arange(n_frames) * factor]
    last = pose[np.arange(n_frames) * factor + factor - 1]
    return first * Rotation.from_rotvec(0.5 * (first.inv() * last).as_rotvec())
