"""Sensor motion: angles of another system on the sensors' clock, and the moments of our inverse dynamics from them.

The lag is that of both shanks' gyroscopes against the angular speed of the shanks by the model's coordinates: two
measurements of one movement, no prediction. Angles and forces of one laboratory share a clock, so moments are solved on
theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.exchange.storage_table import read_table
from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from synth.imu.recording import ImuRecording
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.synchronisation import signal_lag

LONGEST = 0.4
"""s: how far the lag is looked for."""
CUTOFF = 6.0
"""Hz: the usual low-pass of coordinates and forces in inverse dynamics of walking."""


@dataclass(frozen=True)
class SensorMotion:
    """Coordinates and generalized forces at the sensors' frames.

    Attributes
    ----------
    kinematics : Kinematics
        NaN before and after the other system recorded.
    moments : ndarray, shape (n_frames, n_q)
        N·m and N; NaN where the motion or a force is unknown.
    skeleton : Skeleton
    lag : float
        How late the sensors are against the other system (s).
    note : str
    """

    kinematics: Kinematics
    moments: np.ndarray
    skeleton: Skeleton
    lag: float
    note: str


def motion_on_sensor_clock(
    angles: Path,
    model: Path,
    recordings: Sequence[ImuRecording],
    reactions: Mapping[str, GroundReaction],
    subject: Subject,
) -> SensorMotion:
    """Read angles, put them on the sensors' clock and solve inverse dynamics.

    Parameters
    ----------
    angles : Path
        .mot or .sto of generalized coordinates; its times are those of the sensors' and forces' common start.
    model : Path
        Scaled .osim of the same person.
    recordings : sequence of ImuRecording
    reactions : mapping of str to GroundReaction
        Of both feet, on the clock of the angles, or none.
    subject : Subject

    Raises
    ------
    RecordingRefused
        A coordinate is missing, the rate is another one, or the movements share no lag.
    """
    table, skeleton = read_table(angles), read_osim(model)
    rate, n_frames = recordings[0].rate, len(recordings[0].specific_force)
    if table.rate != rate:
        raise RecordingRefused(f"{angles}: {table.rate:g} Hz, the sensors {rate:g} Hz; resample one of them.")
    values = np.empty((len(table.values), len(skeleton.coordinates)))
    held = []
    for k, c in enumerate(skeleton.coordinates):
        if c.name in table.labels:
            column = table.values[:, table.labels.index(c.name)]
            values[:, k] = np.radians(column) if table.in_degrees and c.kind == "rotation" else column
        else:
            values[:, k] = c.default
            held.append(c.name)
    lag = _lag(skeleton, Kinematics(skeleton.coordinate_names, values, rate), table.start_time, recordings)
    first = round(table.start_time * rate)
    whole = np.full((first + len(values), values.shape[1]), np.nan)
    whole[first:] = values
    moments = np.full_like(whole, np.nan)
    if len(reactions) == 2:
        moved = Kinematics(skeleton.coordinate_names, whole, rate)
        found = solve_inverse_dynamics(skeleton, moved, tuple(reactions.values()), CUTOFF, height=subject.height)
        moments = found.generalized_forces
    placed, moments = (_later(x, lag, rate, n_frames) for x in (whole, moments))
    kinematics = Kinematics(skeleton.coordinate_names, placed, rate)
    note = (
        f"angles of {angles.name} on the sensors' clock ({1e3 * lag:+.0f} ms by the shanks' turning), moments by our "
        f"inverse dynamics (low-pass {CUTOFF:g} Hz) with {model.name}"
    )
    if held:
        note += f"; not measured, held at their defaults: {', '.join(held)}"
        unknown = [k for k, c in enumerate(skeleton.coordinates) if c.name in held]
        placed[:, unknown] = np.nan
        moments[:, unknown] = np.nan
        kinematics = Kinematics(skeleton.coordinate_names, placed, rate)
    return SensorMotion(kinematics, moments, skeleton, lag, note)


def _later(values: np.ndarray, lag: float, rate: float, n_frames: int) -> np.ndarray:
    """Columns as a clock that is late by `lag` (s) sees them; NaN beside what is known."""
    own, time = np.arange(len(values)) / rate, np.arange(n_frames) / rate - lag
    moved = np.stack([np.interp(time, own, c) for c in values.T], axis=1)
    moved[(time < own[0]) | (time > own[-1])] = np.nan
    return moved


def _lag(skeleton: Skeleton, motion: Kinematics, start: float, recordings: Sequence[ImuRecording]) -> float:
    """Median lag (s) of both shanks; those that are sure, if one is."""
    found = []
    for segment, moved in segment_motions(skeleton, motion).items():
        worn = [r for r in recordings if r.placement.segment == segment]
        if segment not in ("tibia_r", "tibia_l") or not worn:
            continue
        speed = np.zeros(len(motion.values))
        speed[1:-1] = (moved.orientation[:-2].inv() * moved.orientation[2:]).magnitude() * motion.rate / 2.0
        first = round(start * motion.rate)
        turning = np.linalg.norm(worn[0].angular_velocity[first : first + len(speed)], axis=1)
        found.append(signal_lag(turning, speed, motion.rate, longest=LONGEST, sensor=segment))
    if not found:
        raise RecordingRefused("angles of another system need a sensor on a shank to find their lag; there is none.")
    sure = [lag.seconds for lag in found if lag.sure] or [lag.seconds for lag in found]
    return float(np.median(sure))
