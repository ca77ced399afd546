"""Spatial strap-down: orientation and velocity of every sensor over one periodic cycle in closed form, without a model.

Over a periodic cycle a sensor comes back to its orientation, which gives the gyroscope's constant bias, and its mean
acceleration is zero, so that the mean specific force is gravity and shows the vertical. What no gravity shows is the
heading: the horizontal axis along which the velocity changes most is that of walking, for sensors on the legs. It is a
start for optimal control, and a baseline: it knows no joint, no mass and no force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.strap_down import SensorRecord, integrate_periodic

FEET = ("calcn", "toes")
_BIAS_STEPS = 6
_QUIET_SHARE = 6


@dataclass(frozen=True)
class SensorPath:
    """What one sensor did over a cycle, in closed form.

    Attributes
    ----------
    segment : str
    orientation : Rotation
        (n) nominal segment axes → ground (X forward, Y up, Z right): as if the sensor were mounted as planned.
    velocity : ndarray, shape (n, 3)
        Of the sensor in the ground frame, its mean removed (m/s).
    gravity : float
        Length of the mean specific force (m/s²): 9.81 if all is well.
    """

    segment: str
    orientation: Rotation
    velocity: np.ndarray
    gravity: float


def segment_records(recordings: Sequence[ImuRecording]) -> dict[str, SensorRecord]:
    """Records of six channels along the nominal axes of their segments, by segment."""
    made = {}
    for recording in recordings:
        segment, mounting = recording.placement.segment, recording.placement.mounting
        channels = np.hstack([mounting.apply(recording.specific_force), mounting.apply(recording.angular_velocity)])
        made[segment] = SensorRecord(segment, channels, np.asarray(recording.placement.offset, float))
    return made


def sensor_path(record: SensorRecord, duration: float) -> SensorPath:
    """Orientation and velocity of one sensor over a periodic cycle.

    Parameters
    ----------
    record : SensorRecord
        Of `segment_records`, evenly sampled over one cycle, its end not repeated.
    duration : float
        Of the cycle (s).
    """
    force, turn = record.channels[:, :3], record.channels[:, 3:]
    relative = closed_orientation(turn, duration)
    felt = relative.apply(force)
    up = felt.mean(axis=0)
    gravity = float(np.linalg.norm(up))
    upright, _ = Rotation.align_vectors([[0.0, 1.0, 0.0]], [up / gravity])
    orientation = upright * relative
    acceleration = upright.apply(felt) - [0.0, gravity, 0.0]
    velocity = np.stack([integrate_periodic(a, duration) for a in acceleration.T], axis=1)
    orientation, velocity = _headed(record.segment, orientation, velocity)
    return SensorPath(record.segment, orientation, velocity, gravity)


def closed_orientation(angular_velocity: np.ndarray, duration: float) -> Rotation:
    """Orientation relative to the first sample from body-fixed angular velocity (n, 3), closed over the cycle.

    The gyroscope's constant bias is what closes it: R(T) = R(0).
    """
    n = len(angular_velocity)
    between = 0.5 * (angular_velocity + np.roll(angular_velocity, -1, axis=0)) * (duration / n)
    bias = between.mean(axis=0)
    for _ in range(_BIAS_STEPS):
        quaternions = _products(Rotation.from_rotvec(between - bias))
        rest = quaternions[-1].as_rotvec()
        bias = bias + rest / n
        if np.linalg.norm(rest) < 1e-9:
            break
    return Rotation.concatenate([Rotation.identity(), quaternions[:-1]])


def _products(steps: Rotation) -> Rotation:
    """Running products of rotations, first to last."""
    matrices = steps.as_matrix()
    whole = np.empty_like(matrices)
    present = np.eye(3)
    for k, step in enumerate(matrices):
        present = present @ step
        whole[k] = present
    return Rotation.from_matrix(whole)


def _headed(segment: str, orientation: Rotation, velocity: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """Turn about the vertical: leg sensors by the axis of their changing velocity, the pelvis by its own x axis."""
    forward = orientation.apply([1.0, 0.0, 0.0]).mean(axis=0)[[0, 2]]
    if segment not in ("pelvis", "torso"):
        _, vectors = np.linalg.eigh(np.cov(velocity[:, [0, 2]].T))
        axis = vectors[:, -1]
        forward = axis if axis @ forward >= 0.0 else -axis
    # a turn by φ about Y takes (x, z) to (x cos φ + z sin φ, z cos φ - x sin φ)
    turn = Rotation.from_rotvec([0.0, np.arctan2(forward[1], forward[0]), 0.0])
    return turn * orientation, turn.apply(velocity)


def sensor_paths(records: Mapping[str, SensorRecord], duration: float) -> dict[str, SensorPath]:
    """Paths of all sensors, by segment."""
    return {segment: sensor_path(record, duration) for segment, record in records.items()}


def walking_speed(records: Mapping[str, SensorRecord], duration: float) -> float:
    """Mean forward speed (m/s) that lets each foot (calcn or toes) stand still in stance."""
    speeds = []
    for segment, record in records.items():
        if not segment.startswith(FEET):
            continue
        path = sensor_path(record, duration)
        spin = path.orientation.apply(record.channels[:, 3:])
        n = len(spin)
        slope = np.gradient(np.linalg.norm(spin, axis=1)) * n / duration
        quiet = np.argsort((spin**2).sum(axis=1) + (slope / 50.0) ** 2 + (path.velocity[:, 1] / 2.0) ** 2)
        speeds.append(-np.median(path.velocity[quiet[: max(3, n // _QUIET_SHARE)], 0]))
    return float(np.mean(speeds))


def relative_angles(orientations: Mapping[str, Rotation], foot: str) -> dict[str, np.ndarray]:
    """Joint angles (rad) from orientations of segments alone: no model, hinges taken about Z.

    Parameters
    ----------
    orientations : mapping of str to Rotation
        Segment → (n) segment → ground.
    foot : str
        ``"calcn"`` or ``"toes"``: which segment carries the sensor of the foot.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        Pelvis tilt, list, rotation; hip flexion, adduction, rotation; knee and ankle angle, in OpenSim's signs.
    """
    turned = orientations["pelvis"].as_euler("ZXY")
    found = dict(zip(("pelvis_tilt", "pelvis_list", "pelvis_rotation"), turned.T, strict=True))
    for side, sign in (("r", 1.0), ("l", -1.0)):
        thigh, shank, sole = (orientations[f"{s}_{side}"] for s in ("femur", "tibia", foot))
        flexion, adduction, rotation = (orientations["pelvis"].inv() * thigh).as_euler("ZXY").T
        found |= {f"hip_flexion_{side}": flexion, f"hip_adduction_{side}": sign * adduction}
        found |= {f"hip_rotation_{side}": sign * rotation}
        found[f"knee_angle_{side}"] = -(thigh.inv() * shank).as_euler("ZXY")[:, 0]
        found[f"ankle_angle_{side}"] = (shank.inv() * sole).as_euler("ZXY")[:, 0]
    return found
