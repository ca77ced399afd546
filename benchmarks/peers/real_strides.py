"""Real strides: two strides of NeuRA S02 with seven sensors and the sagittal angles of the markers (choices only).

The sensors' axes are known to the nearest of their own (how they were strapped on); a second of quiet standing turns
each one upright, as any protocol does. Foot strikes are the markers': the farthest place of the right foot before the
pelvis. Mass is not known (60 kg assumed; the angles do not depend on it), height is that of the leg's joint centres.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

from benchmarks.peers.paired_sensors import PairedWalk, neura_walk
from benchmarks.peers.virtual_walks import PLACES
from mocap_import.subject import Subject
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.optimal_control.inertial.imu_cycle import average_cycle

PERSON = Subject("S02", 60.0, 1.63)
_STANDING = slice(900, 1080)
_WALKS = ((1130, 1490, 1.0), (1580, 2010, -1.0))
"""Frames, and the sign of Z that is forward, of the way there and back."""
_LEFT_OUT = ("ankle_r", "ankle_l")


@dataclass(frozen=True)
class RealStride:
    """One stride.

    Attributes
    ----------
    recordings : tuple of ImuRecording
    duration, speed : float
        s, m/s.
    angles : dict of str to ndarray, shape (100,)
        Hip, knee, ankle by the planar model's names (degrees).
    """

    recordings: tuple[ImuRecording, ...]
    duration: float
    speed: float
    angles: dict[str, np.ndarray]


def real_strides(data: Path) -> list[RealStride]:
    """Read the strides of S02's walk at more than 0.8 m/s."""
    walk = neura_walk(data)
    alignments = walk.alignments()
    lag = next(iter(alignments.values())).lag
    worn = [
        _upright(real, alignments[real.placement.sensor].mounting)
        for real in walk.recordings
        if real.placement.sensor not in _LEFT_OUT
    ]
    pelvis, foot = walk.motions["pelvis"].origin, walk.motions["calcn_r"].origin
    found = []
    for first, last, sign in _WALKS:
        forward = np.array([0.0, 0.0, sign])
        strikes, _ = find_peaks(((foot - pelvis) @ forward)[first:last], distance=60, prominence=0.2)
        for a, b in itertools.pairwise(strikes + first):
            speed = float((pelvis[b] - pelvis[a]) @ forward / (b - a) * 100.0)
            if speed < 0.8 or b - a > 160:
                continue
            recordings, duration = average_cycle(worn, [(a / 100.0 + lag, b / 100.0 + lag)])
            frames = a + (b - a) * np.arange(100) / 100.0
            found.append(RealStride(recordings, duration, speed, _angles(walk, frames, forward)))
    return found


def _upright(real: ImuRecording, mounting: Rotation) -> ImuRecording:
    """The sensor on its segment by its nearest axes, then turned so that quiet standing is upright."""
    near = min(_axes(), key=lambda axes: (axes.inv() * mounting).magnitude())
    rest = near.apply(real.specific_force[_STANDING].mean(axis=0))
    rest = rest / np.linalg.norm(rest)
    across = np.cross(rest, [0.0, 1.0, 0.0])
    sine = np.linalg.norm(across)
    turned = Rotation.from_rotvec(across / sine * np.arctan2(sine, rest[1])) * near
    x, y = PLACES[real.placement.segment.split("_")[0]]
    offset = np.array([x, y, 0.0]) * PERSON.height / 1.8
    return replace(real, placement=SensorPlacement(real.placement.sensor, real.placement.segment, offset, turned))


def _axes() -> list[Rotation]:
    """The 24 ways to turn a box on its own axes."""
    matrices = [
        np.array([[signs[i] * (order[i] == j) for j in range(3)] for i in range(3)], float)
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1, -1), repeat=3)
    ]
    return [Rotation.from_matrix(m) for m in matrices if np.linalg.det(m) > 0]


def _angles(walk: PairedWalk, frames: np.ndarray, forward: np.ndarray) -> dict[str, np.ndarray]:
    """Joint angles (degrees) from the tilts of the segments' long axes."""
    tilt = {}
    for segment, motion in walk.motions.items():
        up = motion.orientation.as_matrix()[:, :, 1]
        own = np.degrees(np.arctan2(-up @ forward, up[:, 1]))
        tilt[segment] = np.interp(frames, np.arange(len(own)), own)
    angles = {}
    for side in "rl":
        thigh, shank, foot = (tilt[f"{s}_{side}"] for s in ("femur", "tibia", "calcn"))
        angles[f"hip_flexion_{side}"] = thigh - tilt["pelvis"]
        angles[f"knee_angle_{side}"] = thigh - shank
        angles[f"ankle_angle_{side}"] = foot - shank
    return angles
