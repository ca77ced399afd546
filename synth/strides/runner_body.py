"""The body of a runner of whom only height is known: segment lengths and places of sensors, drawn at random.

Lengths are Winter's parts of stature (after Drillis and Contini, `opensim_models.generic.anthropometry`), each
scattered by `LENGTH_SCATTER`; sensors sit where `synth.imu.placement` puts those of planar seven-sensor studies on a
person of that height, each shifted by `PLACE_SD` along each axis. Their axes are those of the segments. Both widths are
**assumptions**.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from opensim_models.generic.anthropometry import HALF_HIP_DISTANCE, SHANK_LENGTH, THIGH_LENGTH
from opensim_models.motion import SegmentMotion
from synth.imu.placement import SEVEN_SENSORS, scaled_placements, scatter_placements
from synth.imu.recording import SensorPlacement
from synth.strides.stride_table import table_rotation

LENGTH_SCATTER = 0.03
"""SD of a length over the mean length of that stature."""
PLACE_SD = 0.015
"""m."""
MID_STANCE = (10, 23)
"""Rows of a stride; stance of running at 2.5 m/s ends near row 36, the heel rises before."""
SIDEWAYS = 3.0
"""Hz; twice the frequency of strides, by assumption."""
LARGEST_TILT = np.radians(10.0)
"""What is beyond belongs to the axes of a foot or shank, not to the pelvis."""
RIGHT_LEG = ("pelvis", "femur_r", "tibia_r", "calcn_r")


@dataclass(frozen=True)
class RunnerBody:
    """Lengths and sensors of a runner.

    Attributes
    ----------
    thigh, shank, half_hips : float
        m; the last from the middle of the hip centres to one of them.
    placements : tuple of SensorPlacement
        One on each of `RIGHT_LEG`.
    """

    thigh: float
    shank: float
    half_hips: float
    placements: tuple[SensorPlacement, ...]


def draw_body(height: float, rng: np.random.Generator) -> RunnerBody:
    """Draw the body of a runner of this height (m)."""
    parts = np.array([THIGH_LENGTH, SHANK_LENGTH, HALF_HIP_DISTANCE])
    thigh, shank, half_hips = height * parts * (1.0 + LENGTH_SCATTER * rng.standard_normal(3))
    worn = tuple(placement for placement in SEVEN_SENSORS if placement.segment in RIGHT_LEG)
    scaled = scaled_placements(height, {"femur_r": thigh, "tibia_r": shank}, worn)
    placed = scatter_placements(scaled, rng, position_sd=PLACE_SD)
    return RunnerBody(float(thigh), float(shank), float(half_hips), placed)


def foot_flat_tilt(body: RunnerBody, angles: np.ndarray) -> float:
    """Mean tilt of the pelvis (rad) that lays the foot flat in mid-stance, within `LARGEST_TILT`.

    Parameters
    ----------
    body : RunnerBody
    angles : ndarray, shape (n_strides, 101, 9)
        rad, from foot strike to foot strike.
    """
    mean = angles.mean(axis=0)[slice(*MID_STANCE)]
    foot = leg_motions(body, np.zeros((len(mean), 6)), mean, 1.0)[-1]
    forward = foot.orientation.apply([1.0, 0.0, 0.0])
    pitch = np.arctan2(forward[:, 1], np.hypot(forward[:, 0], forward[:, 2])).mean()
    return float(np.clip(-pitch, -LARGEST_TILT, LARGEST_TILT))


def without_shaking(motions: Sequence[SegmentMotion]) -> tuple[SegmentMotion, ...]:
    """The same poses with joint centres that move sideways below `SIDEWAYS` only.

    Angles between segments hold what skin and muscle of the thigh shake. In a chain of rigid links that would throw
    shank and foot sideways (13 m/s² at a shank where markers of the same runner show 3); on people it shows as joints
    that shift a little. Orientations, and so all angles, stay as they are.
    """
    moved = []
    for motion in motions:
        origin = motion.origin.copy()
        origin[:, 2] = low_pass(origin[:, 2], motion.rate, SIDEWAYS)
        moved.append(replace(motion, origin=origin))
    return tuple(moved)


def leg_motions(body: RunnerBody, pelvis: np.ndarray, angles: np.ndarray, rate: float) -> tuple[SegmentMotion, ...]:
    """Poses of pelvis, thigh, shank and foot.

    Parameters
    ----------
    body : RunnerBody
    pelvis : ndarray, shape (n, 6)
        Coordinates of `pelvis_motion.COORDINATES`, the origin relative to standing.
    angles : ndarray, shape (n, 9)
        rad, as `stride_table.RunnerStrides.angles`.
    rate : float
        Hz.
    """
    orientation = Rotation.from_euler("ZXY", pelvis[:, :3])
    origin = pelvis[:, 3:] + [0.0, body.thigh + body.shank, 0.0]
    motions = [SegmentMotion("pelvis", origin, orientation, rate)]
    below = ([0.0, 0.0, body.half_hips], [0.0, -body.thigh, 0.0], [0.0, -body.shank, 0.0])
    for i, offset in enumerate(below):
        origin = origin + orientation.apply(offset)
        orientation = orientation * table_rotation(angles[:, 3 * i : 3 * i + 3])
        motions.append(SegmentMotion(RIGHT_LEG[i + 1], origin, orientation, rate))
    return tuple(motions)
