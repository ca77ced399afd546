"""Augmentation: other movements, persons and laboratories that physics allows, made from one that was recorded.

Beside the mirror (`mirror_image`) and the warp of time (`time_warp`):

- `change_speed`: the same path faster or slower. Accelerations grow with the square.
- `similar_motion`: a person of another size in dynamically similar movement: lengths grow with the size λ, times with
  √λ, so that v² / (g l), the Froude number, and every acceleration stay (Alexander and Jayes, J Zool 201:135, 1983).
  Specific force is what it was, angular velocity falls with √λ. Only this one may be done on recordings as well.
- `turn_heading`: another walking direction. No inertial sensor feels it; labels in the laboratory frame turn.
- `swap_sensors`: no augmentation but a mistake that people make, kept as a label: sensors put on the wrong leg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import GroundReaction
from opensim_models.model.scalar_function import chain_and_derivatives
from opensim_models.model.skeleton import IDENTITY, Segment, Skeleton
from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu.placement import other_side, swap_sides
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.time_warp import TimeWarp, warp_kinematics, warp_motion


def change_speed(motion: SegmentMotion, speed: float) -> SegmentMotion:
    """Walk the same path `speed` times as fast; at the same rate, so there are fewer frames where it is above 1."""
    return warp_motion(motion, _uniform(len(motion.origin), motion.rate, speed))


def change_kinematics_speed(kinematics: Kinematics, speed: float) -> Kinematics:
    """Coordinates of the movement of `change_speed`."""
    return warp_kinematics(kinematics, _uniform(len(kinematics.values), kinematics.rate, speed))


def similar_motion(motion: SegmentMotion, size: float) -> SegmentMotion:
    """Dynamically similar motion of a person `size` times as tall: lengths × size, times × √size."""
    return change_speed(replace(motion, origin=motion.origin * _positive(size)), size**-0.5)


def similar_placement(placement: SensorPlacement, size: float) -> SensorPlacement:
    """Place the sensor where it is on a person `size` times as tall."""
    return replace(placement, offset=placement.offset * _positive(size))


def similar_recording(recording: ImuRecording, size: float) -> ImuRecording:
    """What the sensor reads in the dynamically similar movement of a person `size` times as tall.

    Returns
    -------
    ImuRecording
        The same frames, √size times as far apart: its rate is another. Specific force as it was, angular velocity
        divided by √size, offset × size.
    """
    slower = _positive(size) ** 0.5
    return ImuRecording(
        similar_placement(recording.placement, size),
        recording.specific_force,
        recording.angular_velocity / slower,
        recording.rate / slower,
    )


def turn_heading(motion: SegmentMotion, angle: float) -> SegmentMotion:
    """Turn a motion about the vertical through the ground's origin by an angle (rad; positive from X towards -Z)."""
    turn = _heading(angle)
    return replace(motion, origin=turn.apply(motion.origin), orientation=turn * motion.orientation)


def turn_reaction(reaction: GroundReaction, angle: float) -> GroundReaction:
    """Turn a ground reaction, as `turn_heading` turns a motion; the free moment is vertical and stays."""
    turn = _heading(angle)
    return replace(
        reaction,
        force=turn.apply(reaction.force),
        centre_of_pressure=turn.apply(reaction.centre_of_pressure),
        corners=None if reaction.corners is None else turn.apply(reaction.corners),
    )


def turn_kinematics(kinematics: Kinematics, skeleton: Skeleton, angle: float) -> Kinematics:
    """Turn the coordinates that hold the root of a skeleton in the ground; all others stay.

    Where the pelvis turns last (tilt, list, rotation: OpenSim's order) a turn of the laboratory is *not* a number added
    to `pelvis_rotation`; the three angles are found again from the turned orientation.

    Parameters
    ----------
    kinematics : Kinematics
        With the six coordinates of the root.
    skeleton : Skeleton
    angle : float
        rad, see `turn_heading`.

    Returns
    -------
    Kinematics
        Angles without jumps where those of `kinematics` have none.

    Raises
    ------
    ValueError
        The root is not free in the ground (a planar model cannot be turned), or a coordinate of it is missing.
    """
    root = next(segment for segment in skeleton.segments if segment.parent < 0 and segment.elements)
    _refuse_root(root)
    names = [skeleton.coordinate_names[element.coordinate] for element in root.elements]
    missing = [name for name in names if name not in kinematics.coordinates]
    if missing:
        raise ValueError(f"kinematics lack {', '.join(missing)} of the root; expected {', '.join(names)}.")
    columns = [kinematics.coordinates.index(name) for name in names]
    axes = np.array([element.axis for element in root.elements])
    turn, values = _heading(angle), np.array(kinematics.values, dtype=float)
    values[:, columns[:3]] = turn.apply(values[:, columns[:3]] @ axes[:3]) @ axes[:3].T
    angles = values[:, columns[3:]]
    known = np.isfinite(angles).all(axis=1)
    pose = Rotation.from_davenport(axes[3:], "intrinsic", angles[known])
    found = (turn * pose).as_davenport(axes[3:], "intrinsic")
    near = angles[known] + angle * (axes[3:] @ (0.0, 1.0, 0.0))  # exact for an upright pelvis
    values[np.ix_(known, columns[3:])] = found + 2.0 * np.pi * np.round((near - found) / (2.0 * np.pi))
    values[np.ix_(~known, columns[3:])] = np.nan
    return replace(kinematics, values=values)


def swap_sensors(
    recordings: Sequence[ImuRecording], rng: np.random.Generator, probability: float = 0.1
) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Put sensors of the two sides on each other's places: each keeps its name and reads what the other should.

    Parameters
    ----------
    recordings : sequence of ImuRecording
    rng : numpy.random.Generator
        One draw a pair, in the order of their first sensors.
    probability : float
        Of every pair, 0 to 1.

    Returns
    -------
    tuple of ImuRecording
        Placements stay what they are believed to be.
    tuple of str
        Sensors that are on the wrong side: the label.
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability must be 0 to 1, got {probability}.")
    sensors = [recording.placement.sensor for recording in recordings]
    wrong: list[str] = []
    for place, sensor in enumerate(sensors):
        other = other_side(sensor)
        if other in sensors[place + 1 :] and rng.random() < probability:
            wrong += [sensor, other]
    return swap_sides(recordings, wrong), tuple(wrong)


def _uniform(n_frames: int, rate: float, speed: float) -> TimeWarp:
    return TimeWarp(max(n_frames - 1, 1) / rate / _positive(speed), speed)


def _positive(factor: float) -> float:
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"size and speed are factors above 0 (1 = as it was), got {factor}.")
    return factor


def _heading(angle: float) -> Rotation:
    return Rotation.from_rotvec([0.0, angle, 0.0])


def _refuse_root(root: Segment) -> None:
    """Refuse all but three translations, then three rotations about axes at right angles, each by its coordinate."""
    kinds = tuple(element.kind for element in root.elements)
    axes = np.array([element.axis for element in root.elements])
    plain = all(
        e.coordinate >= 0 and abs(chain_and_derivatives(e.functions, 0.7)[0] - 0.7) < 1e-12 for e in root.elements
    )
    free = kinds == ("translation",) * 3 + ("rotation",) * 3 and all(
        np.allclose(group @ group.T, np.eye(3), atol=1e-9) for group in (axes[:3], axes[3:])
    )
    if not (free and plain and np.allclose(root.orientation, IDENTITY) and np.allclose(root.offset, 0.0)):
        raise ValueError(
            f"{root.name} is not free in the ground: its joint has {', '.join(kinds)}, expected three translations and "
            "three rotations along the ground's axes. Turn the segments by turn_heading instead."
        )
