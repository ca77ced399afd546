"""CMU walks: treadmill walks with eight Xsens sensors (Pearl et al.), as strides of calibrated sensors.

Two ways to know how a sensor sits on its segment: the frames of an OpenSim model that was calibrated with the same
sensors, and a calibration from the record alone: standing at the beginning shows the vertical, walking the axis about
which the sensor turns most. The accelerometer of the left toes reads 2.8 m/s² too much along its z axis in the trials
of Sub01, Sub03 and Sub04 alike (mean specific force 11.7 m/s² instead of 9.8); what it reads too much is found anew in
every trial, as what makes the mean specific force of its strides one g.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from benchmarks.imu_figures.synchronisation import force_events
from mocap_import.subject import Subject
from opensim_models.exchange.storage_table import StorageTable
from opensim_models.model.skeleton import Skeleton
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.optimal_control.inertial.imu_cycle import average_cycle, detect_cycles
from synth.optimal_control.inertial.orientation_posture import segment_orientations
from synth.optimal_control.inertial.spatial_strap_down import closed_orientation, segment_records
from synth.real_imu.sensor_file import read_sensors
from synth.real_imu.shank_event import sagittal_rate, shank_events
from synth.real_imu.synchronisation import Lag, event_lag

SEGMENTS = ("pelvis", "femur_r", "tibia_r", "toes_r", "femur_l", "tibia_l", "toes_l")
BIASED = "toes_l"
STILL = 0.5
"""rad/s: what stands turns slower."""
G = 9.80665
THIGH_BEFORE_SHANK = 0.15
"""s: about how long the thigh swings forward before the shank."""
DEFINED_LATE = 0.010
"""s: how late a strike by the shank's gyroscope is by definition (Aminian et al. 2002, J Biomech 35:689)."""


@dataclass(frozen=True)
class Walk:
    """One trial: sensors in place, and their strides.

    Attributes
    ----------
    subject : Subject
    belt_speed : float
        m/s.
    recordings : tuple of ImuRecording
        The whole trial, in the order of `SEGMENTS`.
    cycles : tuple of (float, float)
        Start and end of each stride (s), found from the sensors.
    """

    subject: Subject
    belt_speed: float
    recordings: tuple[ImuRecording, ...]
    cycles: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Stride:
    """The mean of some consecutive strides.

    Attributes
    ----------
    recordings : tuple of ImuRecording
        100 samples over one cycle.
    variances : dict of str to ndarray, shape (100, 6)
        Between the strides, along nominal segment axes, of one stride.
    duration : float
        s.
    cycles : tuple of (float, float)
        Which they are (s).
    """

    recordings: tuple[ImuRecording, ...]
    variances: dict[str, np.ndarray]
    duration: float
    cycles: tuple[tuple[float, float], ...]


def read_walk(
    folder: Path,
    person: str,
    placements: Mapping[str, SensorPlacement],
    trial: str = "CSBaseline",
    seconds: float | None = None,
) -> Walk:
    """Read a trial, or its first seconds, with sensors placed as given."""
    session = read_sensors(next((folder / person / trial).glob("*_Accel.trc")))
    table = pd.read_csv(folder / "subjects.csv").set_index("subject").loc[person]
    subject = Subject(person, float(table.mass_kg), float(table.height_m), "female" if table.sex == "F" else "male")
    last = None if seconds is None else round(seconds * session.rate)
    recordings = []
    for name in SEGMENTS:
        r = session.of(name)
        cut = ImuRecording(placements[name], r.specific_force[:last], r.angular_velocity[:last], r.rate)
        recordings.append(cut)
    cycles = tuple(detect_cycles([_named_calcn(r) for r in recordings]))
    recordings = [_unbiased(r, cycles) if r.placement.sensor == BIASED else r for r in recordings]
    return Walk(subject, float(table.belt_speed_m_per_s), tuple(recordings), cycles)


def _named_calcn(recording: ImuRecording) -> ImuRecording:
    segment = recording.placement.segment.replace("toes", "calcn")
    return replace(recording, placement=replace(recording.placement, segment=segment))


def _unbiased(recording: ImuRecording, cycles: Sequence[tuple[float, float]]) -> ImuRecording:
    """The record without what its z axis reads too much."""
    clock = np.arange(len(recording.specific_force)) / recording.rate
    felt, axes = [], []
    for start, end in cycles:
        time = start + (end - start) * np.arange(100) / 100
        force, turn = (
            np.stack([np.interp(time, clock, c) for c in x.T], axis=1)
            for x in (recording.specific_force, recording.angular_velocity)
        )
        turned = closed_orientation(turn, end - start)
        felt.append(turned.apply(force).mean(axis=0))
        axes.append(turned.apply([0.0, 0.0, 1.0]).mean(axis=0))

    def excess(bias: float) -> float:
        return float(np.mean([np.linalg.norm(f - bias * a) for f, a in zip(felt, axes, strict=True)])) - G

    return replace(recording, specific_force=recording.specific_force - [0.0, 0.0, brentq(excess, -5.0, 6.0)])


def standing(session_recordings: Sequence[ImuRecording]) -> slice:
    """The samples at the beginning during which nothing turns."""
    turning = np.max([np.linalg.norm(r.angular_velocity, axis=1) for r in session_recordings], axis=0)
    moving = np.flatnonzero(turning > STILL)
    return slice(0, max(int(moving[0]) - 10, 20))


def mountings_of_record(folder: Path, person: str, trial: str = "CSBaseline") -> dict[str, Rotation]:
    """How each sensor sits on its segment, from standing and walking of the same trial (sensor → segment).

    Whoever stands at the beginning is taken to stand as the model does at its default.
    """
    session = read_sensors(next((folder / person / trial).glob("*_Accel.trc")))
    recordings = [session.of(s) for s in SEGMENTS]
    still = standing(recordings)
    found = {}
    for recording in recordings:
        name = recording.placement.sensor
        force = recording.specific_force[still].mean(axis=0)
        if name == BIASED:  # its z axis reads too much: one g tells what it should
            force = np.array([*force[:2], np.sqrt(max(G**2 - force[0] ** 2 - force[1] ** 2, 0.0))])
        up = force / np.linalg.norm(force)
        if name == "pelvis":  # the sensor lies on the sacrum, its z axis out of the skin
            forward = np.array([0.0, 0.0, -1.0])
            found[name] = _triad(up, np.cross(forward, up))
            continue
        shank = session.of(f"tibia_{name[-1]}")
        swing, turning = sagittal_rate(shank.angular_velocity), recording.angular_velocity
        _, vectors = np.linalg.eigh(np.cov(turning.T))
        delay = round(THIGH_BEFORE_SHANK * recording.rate) if name.startswith("femur") else 0
        seen = (turning @ vectors[:, -1])[: len(swing) - delay]
        axis = vectors[:, -1] * np.sign(np.corrcoef(seen, swing[delay:])[0, 1])
        found[name] = _triad(up, axis)
    return found


def _triad(up: np.ndarray, right: np.ndarray) -> Rotation:
    """Sensor → segment from where up (exactly) and right (nearly) point in sensor axes."""
    right = right - up * (right @ up)
    right = right / np.linalg.norm(right)
    return Rotation.from_matrix(np.stack([np.cross(up, right), up, right]))


def frames_of_model(model: Path) -> dict[str, SensorPlacement]:
    """Sensor frames that OpenSim's IMU placer wrote into a model, on their segments."""
    found = {}
    for body in ElementTree.parse(model).getroot().iter("Body"):
        name = body.get("name")
        outer = next((f for f in body.iter("PhysicalOffsetFrame") if f.get("name") == f"{name}_imu_offset"), None)
        if outer is None:
            continue
        inner = next(f for f in outer.iter("PhysicalOffsetFrame") if f.get("name") == f"{name}_imu_offset_imu")
        numbers = {f: {k: np.array([float(x) for x in f.find(k).text.split()]) for k in ("translation", "orientation")}
                   for f in (outer, inner)}  # fmt: skip
        turned = [Rotation.from_euler("XYZ", numbers[f]["orientation"]) for f in (outer, inner)]
        offset = numbers[outer]["translation"] + turned[0].apply(numbers[inner]["translation"])
        found[name] = SensorPlacement(name, name, offset, turned[0] * turned[1])
    return found


def on_segments_of(skeleton: Skeleton, placements: Mapping[str, SensorPlacement]) -> dict[str, SensorPlacement]:
    """Placements with the toes' sensors on calcn, of which the toes are a part where the toe joint is held."""
    neutral = np.array([[c.default for c in skeleton.coordinates]])
    found = {}
    for name, placement in placements.items():
        if name.startswith("toes"):
            foot = name.replace("toes", "calcn")
            turns = segment_orientations(skeleton, neutral, [foot, name])
            between = turns[foot][0].inv() * turns[name][0]
            toes = skeleton.segments[skeleton.segment_index(name)]
            offset = np.asarray(toes.offset, float) + between.apply(placement.offset)
            placement = replace(placement, segment=foot, offset=offset, mounting=between * placement.mounting)
        found[name] = placement
    return found


def force_lags(walk: Walk, forces: StorageTable, span: tuple[float, float]) -> dict[str, Lag]:
    """How late the sensors' clock is against the force plates, by the strikes of each foot within some seconds."""
    lags = {}
    for side in "rl":
        shank = next(r for r in walk.recordings if r.placement.sensor == f"tibia_{side}")
        seen = shank_events(shank.angular_velocity, shank.rate).strikes
        vertical = forces.values[:, forces.labels.index(f"{side}Fy")]
        known = force_events(vertical, forces.rate)[0]
        own, other = (x[(x > span[0]) & (x < span[1])] for x in (seen, known))
        lags[side] = event_lag(own, other, longest=0.6, sensor=f"tibia_{side}", reference_name="strike on plate")
    return lags


def mean_forces(forces: StorageTable, stride: Stride, lags: Mapping[str, float], n: int = 100) -> np.ndarray:
    """Ground reaction (n, 2, 3) of right and left foot (N), averaged over the strides, each plate's lag (s) undone."""
    clock = np.arange(len(forces.values)) / forces.rate
    total = np.zeros((n, 2, 3))
    for start, end in stride.cycles:
        time = start + (end - start) * np.arange(n) / n
        for i, side in enumerate("rl"):
            for j, axis in enumerate("xyz"):
                column = forces.values[:, forces.labels.index(f"{side}F{axis}")]
                total[:, i, j] += np.interp(time - lags[side], clock, column)
    return total / len(stride.cycles)


def mean_stride(walk: Walk, cycles: Sequence[tuple[float, float]]) -> Stride:
    """Average some strides; the variance is that between them."""
    recordings, duration = average_cycle(walk.recordings, cycles)
    each = [segment_records(average_cycle(walk.recordings, [c])[0]) for c in cycles]
    found = {s: np.var([one[s].channels for one in each], axis=0, ddof=1) for s in each[0]} if len(cycles) > 1 else {}
    return Stride(recordings, found, duration, tuple(cycles))
