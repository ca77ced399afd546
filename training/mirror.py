"""A mirrored trial: the same walk with right and left exchanged, as good a walk as the recorded one.

Reflection in the sagittal plane (Z → -Z) keeps X and Y of polar vectors (force, acceleration) and the Z of axial ones
(angular velocity, moment of force); it turns a right thigh into a left one. It doubles the training data of a
laboratory with few subjects and teaches a network that sides are alike; test data are never mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.trial import CorpusTrial
from synth.imu.mirror_image import AXIAL, MIDLINE_SIGNS, POLAR
from synth.imu.recording import ImuRecording, SensorPlacement

SIGN_CHANGES = tuple(name for name, sign in MIDLINE_SIGNS.items() if sign < 0)
"""Coordinates without a side that change sign; those with a side keep it, by OpenSim's convention."""

_OTHER_FOOT = {"right": "left", "left": "right"}


def other_side(name: str) -> str:
    """Name of the same thing on the other side: ``"knee_angle_r"`` → ``"knee_angle_l"``; others stay."""
    return name[:-1] + {"r": "l", "l": "r"}[name[-1]] if name.endswith(("_r", "_l")) else name


def can_mirror(trial: CorpusTrial) -> bool:
    """Whether every sensor with a side has its counterpart."""
    sensors = {recording.placement.sensor for recording in trial.recordings}
    return bool(sensors) and all(other_side(sensor) in sensors for sensor in sensors)


@dataclass(frozen=True)
class Reflection:
    """What the channels of a mirrored trial are made of, for one set of sensor placements.

    Attributes
    ----------
    source : ndarray of int, shape (n_vectors,)
        Of each 3-vector (specific force and angular velocity, sensor by sensor): whose readings it takes.
    matrix : ndarray, shape (n_vectors, 3, 3), float32
        From those readings to its own.
    """

    source: np.ndarray
    matrix: np.ndarray

    def mirror(self, inputs: np.ndarray) -> np.ndarray:
        """Mirror channels (n_frames, 3 n_vectors), as `mirror_trial` mirrors records."""
        vectors = inputs.reshape(len(inputs), -1, 3)[:, self.source]
        turned = vectors.transpose(1, 0, 2) @ self.matrix.transpose(0, 2, 1)
        return np.ascontiguousarray(turned.transpose(1, 0, 2), dtype=inputs.dtype).reshape(inputs.shape)


def reflection_of(placements: Sequence[SensorPlacement]) -> Reflection:
    """The reflection of sensors at these placements, which come in pairs (`can_mirror`)."""
    names = [placement.sensor for placement in placements]
    source, matrices = [], []
    for placement in placements:
        partner = names.index(other_side(placement.sensor))
        into_segment = placements[partner].mounting.as_matrix()
        into_sensor = placement.mounting.inv().as_matrix()
        for row, signs in enumerate((POLAR, AXIAL)):
            source.append(2 * partner + row)
            matrices.append(into_sensor @ np.diag(signs) @ into_segment)
    return Reflection(np.array(source), np.array(matrices, dtype=np.float32))


def mirror_trial(trial: CorpusTrial) -> CorpusTrial:
    """Exchange right and left.

    Parameters
    ----------
    trial : CorpusTrial
        Every sensor with a side has its counterpart (`can_mirror`), and counterparts sit at mirrored places.

    Returns
    -------
    CorpusTrial
        Records keep the order of the sensors; each takes the reflected readings of its counterpart, in its own frame.
        Mirroring twice gives the trial back, without its skeleton.
    """
    by_sensor = {recording.placement.sensor: recording for recording in trial.recordings}
    events = tuple(replace(event, foot=_OTHER_FOOT.get(event.foot, event.foot)) for event in trial.events)
    return replace(
        trial,
        recordings=tuple(
            _mirror_record(by_sensor[other_side(recording.placement.sensor)], recording)
            for recording in trial.recordings
        ),
        kinematics=None if trial.kinematics is None else _mirror_kinematics(trial.kinematics),
        kinetics=None if trial.kinetics is None else _mirror_kinetics(trial.kinetics),
        events=events,
        spatiotemporal={other_side(key): value for key, value in trial.spatiotemporal.items()},
        skeleton=None,  # that of a mirrored person is another one
    )


def _mirror_record(source: ImuRecording, target: ImuRecording) -> ImuRecording:
    """What `target`'s sensor reads in the mirrored walk, from the readings of its counterpart."""
    into_segment, into_sensor = source.placement.mounting, target.placement.mounting.inv()

    def reflect(vectors: np.ndarray, signs: np.ndarray) -> np.ndarray:
        return into_sensor.apply(into_segment.apply(vectors) * signs)

    return replace(
        target,
        specific_force=reflect(source.specific_force, POLAR),
        angular_velocity=reflect(source.angular_velocity, AXIAL),
    )


def _mirror_columns(coordinates: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    """Columns of the other side, with the signs of the reflection; a coordinate without its counterpart is NaN."""
    mirrored = np.full_like(values, np.nan)
    for column, name in enumerate(coordinates):
        if other_side(name) in coordinates:
            sign = -1.0 if name in SIGN_CHANGES else 1.0
            mirrored[:, column] = sign * values[:, coordinates.index(other_side(name))]
    return mirrored


def _mirror_kinematics(kinematics: Kinematics) -> Kinematics:
    return replace(kinematics, values=_mirror_columns(kinematics.coordinates, kinematics.values))


def _mirror_kinetics(kinetics: Kinetics) -> Kinetics:
    """Moments and ground reactions; activations stay behind, since nothing learns them."""
    return replace(
        kinetics,
        generalized_forces=_mirror_columns(kinetics.coordinates, kinetics.generalized_forces),
        ground_reactions=tuple(_mirror_reaction(reaction) for reaction in kinetics.ground_reactions),
        muscles=(),
        activations=np.empty((0, 0)),
    )


def _mirror_reaction(reaction: GroundReaction) -> GroundReaction:
    return replace(
        reaction,
        force=reaction.force * POLAR,
        centre_of_pressure=reaction.centre_of_pressure * POLAR,
        free_moment=-reaction.free_moment,
        foot=_OTHER_FOOT.get(reaction.foot, reaction.foot),
    )
