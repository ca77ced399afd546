"""Strap-down: tilt, speed and posture over one periodic cycle from inertial sensors in closed form, without a model.

Over a periodic cycle the mean acceleration is zero and every angle returns to its value. So a gyroscope, its mean
removed and integrated, with the mean specific force turned to the vertical, gives each sensor's tilt at every instant;
and the mean speed is what makes the foot stand still in stance. It is a start for optimal control, and a baseline that
is hard to beat for the shape of the angles; it knows no sensor's angle on its segment, and no force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.imu.recording import ImuRecording
from synth.imu.sagittal_axis import main_axis_to_z

FEET = ("calcn_r", "calcn_l")


@dataclass(frozen=True)
class SensorRecord:
    """One sensor's channels along the nominal axes of its segment, over one periodic cycle.

    Attributes
    ----------
    segment : str
    channels : ndarray, shape (n, 3) or (n, 6)
        In the sagittal plane specific force along x and y (m/s²), angular velocity about Z (rad/s); in space all three
        of both.
    offset : ndarray, shape (2,) or (3,)
        Nominal position in the segment (m).
    """

    segment: str
    channels: np.ndarray
    offset: np.ndarray


def sagittal_records(recordings: Sequence[ImuRecording], *, turn_to_plane: bool = True) -> dict[str, SensorRecord]:
    """Bring records into the sagittal plane, by segment.

    Channels are turned into segment axes by the nominal mounting; then each leg sensor is turned so that the axis about
    which it rotates most is the medio-lateral one, which removes the part of its misalignment that leaves the plane.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        One a segment, over one cycle.
    turn_to_plane : bool
        Whether leg sensors are turned by their main axis of rotation; False for records that lie in the plane.
    """
    records = {}
    for recording in recordings:
        placement = recording.placement
        force = placement.mounting.apply(recording.specific_force)
        turn = placement.mounting.apply(recording.angular_velocity)
        if turn_to_plane and placement.segment != "pelvis":
            aligned = main_axis_to_z(turn)
            force, turn = aligned.apply(force), aligned.apply(turn)
        channels = np.column_stack([force[:, :2], turn[:, 2]])
        records[placement.segment] = SensorRecord(placement.segment, channels, np.asarray(placement.offset[:2], float))
    return records


def integrate_periodic(values: np.ndarray, duration: float) -> np.ndarray:
    """Periodic integral of samples over a cycle, the mean removed; itself of zero mean."""
    n = len(values)
    spectrum = np.fft.rfft(values - np.mean(values))
    frequency = np.fft.rfftfreq(n, duration / n)
    spectrum[1:] /= 2j * np.pi * frequency[1:]
    spectrum[0] = 0.0
    return np.fft.irfft(spectrum, n)


def sensor_tilt(record: SensorRecord, duration: float) -> np.ndarray:
    """Angle (n,) of the sensor's x axis over the horizontal (rad), closed over the cycle."""
    fx, fy, rate = record.channels.T
    relative = integrate_periodic(rate, duration)
    c, s = np.cos(relative), np.sin(relative)
    return relative + np.arctan2(np.mean(c * fx - s * fy), np.mean(s * fx + c * fy))


def speed_from_feet(records: Mapping[str, SensorRecord], duration: float) -> float:
    """Mean forward speed (m/s) that lets each foot stand still in stance."""
    speeds = []
    for segment in FEET:
        record = records[segment]
        tilt = sensor_tilt(record, duration)
        c, s = np.cos(tilt), np.sin(tilt)
        fx, fy, rate = record.channels.T
        forward = integrate_periodic(c * fx - s * fy, duration)
        upward = integrate_periodic(s * fx + c * fy, duration)
        # velocity of the ankle side of the foot from the sensor's: rotate the lever away
        ground = -record.offset
        forward = forward - rate * (s * ground[0] + c * ground[1])
        quiet = np.argsort(rate**2 + (np.gradient(rate) * len(rate) / duration / 50.0) ** 2 + (upward / 2.0) ** 2)
        speeds.append(-np.median(forward[quiet[: max(3, len(rate) // 6)]]))
    return float(np.mean(speeds))


def strap_down_posture(
    records: Mapping[str, SensorRecord],
    duration: float,
    skeleton: Skeleton,
    mounting: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Coordinates of a planar skeleton from the tilts of its sensors.

    Parameters
    ----------
    records : mapping of str to SensorRecord
        Of pelvis, thighs, shanks and feet.
    duration : float
        Of the cycle (s).
    skeleton : Skeleton
        One of `opensim_models.generic.catalogue.planar_skeleton`.
    mounting : mapping, optional
        Angle of each sensor on its segment (rad); 0 if absent.

    Returns
    -------
    ndarray, shape (n, n_q)
        rad; the trunk upright, the pelvis at the origin.
    """
    angles = mounting or {}
    tilt = {segment: sensor_tilt(record, duration) - angles.get(segment, 0.0) for segment, record in records.items()}
    q = np.zeros((len(tilt["pelvis"]), len(skeleton.coordinates)))
    column = skeleton.coordinate_index
    q[:, column("pelvis_tilt")] = tilt["pelvis"]
    q[:, column("lumbar_extension")] = -tilt["pelvis"]
    for side in "rl":
        thigh, shank, foot = (tilt[f"{s}_{side}"] for s in ("femur", "tibia", "calcn"))
        q[:, column(f"hip_flexion_{side}")] = thigh - tilt["pelvis"]
        q[:, column(f"knee_angle_{side}")] = thigh - shank
        q[:, column(f"ankle_angle_{side}")] = foot - shank
    return q
