"""The step after the network: angles from orientations that obey the gyroscopes.

Two ways. *Published* (Rapp et al. 2021): the closed form of their per-frame BFGS, which is strap-down integration from
the first frame. *Smoothed*: the whole trial at once, with
the network's orientations as prior (`training.orientation.smoother`), then levelled by the accelerometers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording
from synth.joint_trial import JointTrial, joint_angles
from training.joint.estimate import JointEstimate
from training.joint.levelling import level
from training.orientation.joint_angle import rotation_vector_angles
from training.orientation.smoother import UnsettledSmoother, smooth_orientation
from training.orientation.strap_down import integrate_angular_velocity

GYROSCOPE_FLOOR = 1e-3
"""rad/s: a gyroscope is never believed beyond this."""
ORIENTATION_FLOOR = 1e-3
"""rad: nor is a network."""

DOUBTS = (1.0, 2.0, 4.0)
"""Factors on the network's deviation, tried in turn where the smoother does not come to rest."""
TOLERANCE = 0.1
"""Of the smoother: a tenth of a posterior deviation over all frames together."""


@dataclass(frozen=True)
class SmootherDeviations:
    """How far each source of an orientation is off, from training subjects only; rows: proximal, distal.

    Attributes
    ----------
    prior : ndarray, shape (2, 3)
        SD of the network's orientation about its trial's mean error, about each segment axis (rad).
    gyroscope : ndarray, shape (2, 3)
        SD of a sample (rad/s).
    correlation : float
        Time constant of the network's error (s).
    is_levelled : bool
        Whether the accelerometers' mean is used (`training.joint.levelling`).
    """

    prior: np.ndarray
    gyroscope: np.ndarray
    correlation: float
    is_levelled: bool


def published_angles(trial: JointTrial, estimate: JointEstimate) -> np.ndarray:
    """Beta of the paper (n_frames, 3) in rad: rotation vector between segments that the gyroscopes alone lead on.

    The first frame is the network's. Its mean and scale are put right by the fusion (`training.orientation.fusion`).
    """
    records = (trial.proximal, trial.distal)
    turned = [
        integrate_angular_velocity(prior[0], _bridged(record.angular_velocity), trial.rate)
        for prior, record in zip((estimate.proximal, estimate.distal), records, strict=True)
    ]
    return rotation_vector_angles(*turned, f"{trial.joint}_r")


def smoothed_angles(trial: JointTrial, estimate: JointEstimate, deviations: SmootherDeviations) -> np.ndarray:
    """Angles of the smoothed orientations (n_frames, 3) in rad."""
    segments = smoothed_segments(trial, estimate, deviations)
    if deviations.is_levelled:
        segments = levelled_segments(trial, estimate, segments)
    return joint_angles(trial.joint, *segments)


def self_placed_angles(
    trial: JointTrial, estimate: JointEstimate, deviations: SmootherDeviations, misplacement: float
) -> np.ndarray:
    """Angles (n_frames, 3) in rad from sensors that may be turned on their segments by unknown, constant rotations.

    The orientations of the *sensors* are smoothed, with a constant offset to the network's segments, and levelled; the
    mean rotation between both is where each sensor sits. What is left of the network is its mean.

    Parameters
    ----------
    trial : JointTrial
    estimate : JointEstimate
    deviations : SmootherDeviations
    misplacement : float
        SD of the angle (rad) by which sensors are thought to be turned.
    """
    sensors = smoothed_segments(trial, estimate, deviations, misplacement)
    if deviations.is_levelled:
        sensors = levelled_segments(trial, estimate, sensors)
    segments = []
    for prior, sensor in zip((estimate.proximal, estimate.distal), sensors, strict=True):
        seat = (sensor[estimate.known].inv() * prior[estimate.known]).mean()  # segment → sensor
        segments.append(sensor * seat)
    return joint_angles(trial.joint, *segments)


def smoothed_segments(
    trial: JointTrial, estimate: JointEstimate, deviations: SmootherDeviations, misplacement: float = 0.0
) -> tuple[Rotation, Rotation]:
    """Orientations of both segments over the whole trial, segment → ground of the trial's own heading, not levelled.

    With a misplacement (SD of an angle, rad) they are those of the sensors.
    """
    parts = zip((estimate.proximal, estimate.distal), (trial.proximal, trial.distal), strict=True)
    return tuple(
        _smoothed(prior, record, trial.rate, estimate.known, deviations, i, misplacement)
        for i, (prior, record) in enumerate(parts)
    )


def _smoothed(
    prior: Rotation,
    record: ImuRecording,
    rate: float,
    known: np.ndarray,
    deviations: SmootherDeviations,
    i: int,
    misplacement: float,
) -> Rotation:
    """One segment; where network and gyroscope contradict each other wildly, the network is believed less and less."""
    for doubt in DOUBTS:
        try:
            return smooth_orientation(
                record.angular_velocity,
                rate,
                prior,
                prior_deviation=doubt * np.maximum(deviations.prior[i], ORIENTATION_FLOOR),
                gyroscope_deviation=np.maximum(deviations.gyroscope[i], GYROSCOPE_FLOOR),
                prior_correlation=deviations.correlation,
                prior_known=known,
                prior_offset_deviation=misplacement,
                tolerance=TOLERANCE,
            ).orientation
        except UnsettledSmoother:
            if doubt == DOUBTS[-1]:
                raise
    raise AssertionError("unreachable: the last doubt returns or raises")


def levelled_segments(
    trial: JointTrial, estimate: JointEstimate, segments: tuple[Rotation, Rotation]
) -> tuple[Rotation, Rotation]:
    """Both segments with the mean tilt that their accelerometers tell."""
    forces = (trial.proximal.specific_force, trial.distal.specific_force)
    pairs = zip(segments, forces, strict=True)
    return tuple(level(segment, force, estimate.known) for segment, force in pairs)


def _bridged(velocity: np.ndarray) -> np.ndarray:
    """Missing samples on the line between their neighbours: integration needs every one."""
    there = np.isfinite(velocity).all(axis=1)
    frames = np.arange(len(velocity))
    return np.column_stack([np.interp(frames, frames[there], velocity[there, axis]) for axis in range(3)])
