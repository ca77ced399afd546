"""IMU start: tilt, speed and posture from seven sensors in closed form, without a model.

Over a periodic gait cycle the mean acceleration is zero and every angle returns to its value. So a gyroscope, its mean
removed and integrated, with the mean specific force turned to the vertical, gives each sensor's tilt at every instant;
and the mean speed is what makes the foot stand still in stance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.normative_gait import normative_coordinates

_BETWEEN_PEOPLE_SD = np.radians(5.0)


@dataclass(frozen=True)
class SagittalRecord:
    """One sensor's channels in the sagittal plane, over one periodic cycle.

    Attributes
    ----------
    segment : str
    specific_force : ndarray, shape (n, 2)
        Along the segment's nominal x and y (m/s²).
    angular_velocity : ndarray, shape (n,)
        About Z (rad/s).
    offset : ndarray, shape (2,)
        Nominal position in the segment (m).
    """

    segment: str
    specific_force: np.ndarray
    angular_velocity: np.ndarray
    offset: np.ndarray


def sagittal_records(recordings: Sequence[ImuRecording]) -> dict[str, SagittalRecord]:
    """Bring seven records into the sagittal plane, by segment.

    Channels are turned into segment axes by the nominal mounting; then each leg sensor is turned so that the axis about
    which it rotates most is the medio-lateral one, which removes the part of its misalignment that leaves the plane.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        One a segment of `node_functions.SENSOR_SEGMENTS`, over one cycle.
    """
    records = {}
    for recording in recordings:
        placement = recording.placement
        force = placement.mounting.apply(recording.specific_force)
        turn = placement.mounting.apply(recording.angular_velocity)
        if placement.segment != "pelvis":
            aligned = _axis_to_z(turn)
            force, turn = aligned.apply(force), aligned.apply(turn)
        records[placement.segment] = SagittalRecord(
            placement.segment, force[:, :2], turn[:, 2], np.asarray(placement.offset[:2], float)
        )
    return records


def _axis_to_z(angular_velocity: np.ndarray) -> Rotation:
    """Smallest rotation that takes the main axis of rotation to Z."""
    _, vectors = np.linalg.eigh(angular_velocity.T @ angular_velocity)
    axis = vectors[:, -1] * np.copysign(1.0, vectors[2, -1])
    across = np.cross(axis, [0.0, 0.0, 1.0])
    sine = np.linalg.norm(across)
    angle = np.arctan2(sine, axis[2])
    # an axis far from Z means that the sensor did not swing in the plane: leave it as it is mounted
    if sine < 1e-9 or angle > np.radians(50.0):
        return Rotation.identity()
    return Rotation.from_rotvec(across / sine * angle)


def sensor_tilt(record: SagittalRecord, duration: float) -> np.ndarray:
    """Angle (n,) of the sensor's x axis over the horizontal (rad), closed over the cycle."""
    relative = integrate_periodic(record.angular_velocity, duration)
    c, s = np.cos(relative), np.sin(relative)
    fx, fy = record.specific_force.T
    mean_x, mean_y = np.mean(c * fx - s * fy), np.mean(s * fx + c * fy)
    return relative + np.arctan2(mean_x, mean_y)


def integrate_periodic(values: np.ndarray, duration: float) -> np.ndarray:
    """Periodic integral of samples over a cycle, the mean removed; itself of zero mean."""
    n = len(values)
    spectrum = np.fft.rfft(values - np.mean(values))
    frequency = np.fft.rfftfreq(n, duration / n)
    spectrum[1:] /= 2j * np.pi * frequency[1:]
    spectrum[0] = 0.0
    return np.fft.irfft(spectrum, n)


def speed_from_feet(records: Mapping[str, SagittalRecord], duration: float) -> float:
    """Mean forward speed (m/s) that lets each foot stand still in stance."""
    speeds = []
    for segment in nodes.FEET:
        record = records[segment]
        tilt = sensor_tilt(record, duration)
        c, s = np.cos(tilt), np.sin(tilt)
        fx, fy = record.specific_force.T
        forward = integrate_periodic(c * fx - s * fy, duration)
        upward = integrate_periodic(s * fx + c * fy, duration)
        # velocity of the ankle side of the foot from the sensor's: rotate the lever away
        rate = record.angular_velocity
        ground = -record.offset
        forward = forward - rate * (s * ground[0] + c * ground[1])
        quiet = np.argsort(rate**2 + (np.gradient(rate) * len(rate) / duration / 50.0) ** 2 + (upward / 2.0) ** 2)
        speeds.append(-np.median(forward[quiet[: max(3, len(rate) // 6)]]))
    return float(np.mean(speeds))


def mounting_guess(
    records: Mapping[str, SagittalRecord], duration: float, speed: float, height: float, mounting_sd: float
) -> np.ndarray:
    """First guess of each sensor's angle on its segment (rad), in the order of `SENSOR_SEGMENTS`.

    The cycle's mean tilt of a sensor is that of its segment plus its mounting; the segment's is close to the normative
    one (SD about 5° between people), the mounting close to 0 (`mounting_sd`): the difference is shared accordingly.
    """
    phase = np.arange(100) / 100.0
    q = normative_coordinates(phase, float(np.clip(speed, 0.6, 2.2)), height).mean(axis=0)
    column = {name: i for i, name in enumerate(nodes.COORDINATES)}
    mean = {"pelvis": q[column["pelvis_tilt"]]}
    for side in "rl":
        mean[f"femur_{side}"] = mean["pelvis"] + q[column[f"hip_flexion_{side}"]]
        mean[f"tibia_{side}"] = mean[f"femur_{side}"] - q[column[f"knee_angle_{side}"]]
        mean[f"calcn_{side}"] = mean[f"tibia_{side}"] + q[column[f"ankle_angle_{side}"]]
    share = mounting_sd**2 / (mounting_sd**2 + _BETWEEN_PEOPLE_SD**2)
    return np.array([share * (sensor_tilt(records[s], duration).mean() - mean[s]) for s in nodes.SENSOR_SEGMENTS])


def segment_pose(
    records: Mapping[str, SagittalRecord], duration: float, mounting: np.ndarray | None = None
) -> np.ndarray:
    """Coordinates (n, 10) for given mounting angles (0 if absent): pelvis place NaN, trunk upright."""
    angles = dict(zip(nodes.SENSOR_SEGMENTS, np.zeros(7) if mounting is None else mounting, strict=True))
    tilt = {segment: sensor_tilt(record, duration) - angles[segment] for segment, record in records.items()}
    n = len(tilt["pelvis"])
    q = np.full((n, nodes.N_Q), np.nan)
    column = {name: i for i, name in enumerate(nodes.COORDINATES)}
    q[:, column["pelvis_tilt"]] = tilt["pelvis"]
    q[:, column["lumbar_extension"]] = -tilt["pelvis"]
    for side in "rl":
        thigh, shank, foot = (tilt[f"{s}_{side}"] for s in ("femur", "tibia", "calcn"))
        q[:, column[f"hip_flexion_{side}"]] = thigh - tilt["pelvis"]
        q[:, column[f"knee_angle_{side}"]] = thigh - shank
        q[:, column[f"ankle_angle_{side}"]] = foot - shank
    return q
