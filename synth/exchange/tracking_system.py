"""Tracking systems: the channels of a trial as Motion-BIDS groups them, one file a system.

Motion-BIDS (Jeung et al., Sci Data 11:716, 2024; in BIDS since 1.9.0) knows sensors (ACCEL, GYRO), joint angles
(JNTANG, which should be in degrees) and positions (POS); forces, activations and EMG are MISC.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np

from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.schema import coordinate_unit, force_unit
from synth.corpus.trial import CorpusTrial, MuscleActivity

GROUND, SENSOR, JOINT, NO_FRAME = "ground", "sensor", "joint", "n/a"
REFERENCE_FRAMES = {
    GROUND: {
        "SpatialAxes": "ASR",
        "RotationRule": "right-hand",
        "Description": "X forward (the walking direction), Y up, Z to the right of the walking direction",
    },
    SENSOR: {
        "RotationRule": "right-hand",
        "Description": "axes of the sensor's case; at rest it reads +9.81 m/s^2 along the axis that points up",
    },
    JOINT: {"Description": "generalized coordinate of an OpenSim model, about or along the axis of its joint"},
}
"""Reference frame → its facts for ``channels.json``."""
_UNITS = {"N.m": "N*m", "rad": "deg"}


@dataclass(frozen=True)
class Channel:
    """A column of ``motion.tsv``: a row of ``channels.tsv`` with the fields in its order."""

    name: str
    component: str
    type: str
    tracked_point: str
    units: str
    placement: str = "n/a"
    reference_frame: str = NO_FRAME
    description: str = "n/a"


@dataclass(frozen=True)
class TrackingSystem:
    """Channels that were recorded, simulated or computed together.

    Attributes
    ----------
    label : str
        ``"imu"``, ``"skeleton"``, ``"kinetics"`` or ``"emg"``.
    channels : tuple of Channel
    values : ndarray, shape (n_frames, n_channels)
        In the units of the channels; NaN = missing.
    facts : dict
        More of ``motion.json``.
    """

    label: str
    channels: tuple[Channel, ...]
    values: np.ndarray
    facts: dict[str, object] = field(default_factory=dict)


def tracking_systems(trial: CorpusTrial, *, clean: bool = False) -> list[TrackingSystem]:
    """Tracking systems of a trial; none for a trial without arrays.

    Parameters
    ----------
    trial : CorpusTrial
    clean : bool
        Whether its records were read without errors (told in ``motion.json``).

    Returns
    -------
    list of TrackingSystem
    """
    systems = []
    if not trial.n_frames:
        return systems
    if trial.recordings:
        systems.append(_sensors(trial, clean))
    if trial.kinematics is not None and trial.kinematics.coordinates:
        systems.append(_skeleton(trial.kinematics))
    if trial.kinetics is not None:
        systems.append(_kinetics(trial.kinetics))
    if trial.activity is not None and trial.activity.channels:
        systems.append(_emg(trial.activity))
    return [system for system in systems if system.channels]


def _sensors(trial: CorpusTrial, clean: bool) -> TrackingSystem:
    channels, columns = [], []
    for recording in trial.recordings:
        place = recording.placement
        for kind, unit, values in (
            ("ACCEL", "m/s^2", recording.specific_force),
            ("GYRO", "rad/s", recording.angular_velocity),
        ):
            for axis, column in zip("xyz", values.T, strict=True):
                name = f"{place.sensor}_{kind}_{axis}"
                channels.append(Channel(name, axis, kind, place.sensor, unit, place.segment, SENSOR))
                columns.append(column)
    facts: dict[str, object] = {"Manufacturer": "n/a", "ManufacturersModelName": "n/a"}
    if trial.errors is not None:
        facts["ErrorsIncluded"] = not clean
        facts["ErrorRecipe"] = trial.errors.to_json()
    return TrackingSystem("imu", tuple(channels), np.stack(columns, axis=1), facts)


def _skeleton(kinematics: Kinematics) -> TrackingSystem:
    channels, factors = [], []
    for name in kinematics.coordinates:
        is_length = coordinate_unit(name) == "m"
        axis = re.search(r"_t([xyz])$", name)
        channels.append(
            Channel(
                name,
                axis.group(1) if axis else "n/a",
                "POS" if is_length else "JNTANG",
                name[: axis.start()] if axis else name,
                "m" if is_length else "deg",
                "n/a",
                GROUND if is_length else JOINT,
            )
        )
        factors.append(1.0 if is_length else 180.0 / math.pi)
    return TrackingSystem("skeleton", tuple(channels), kinematics.values * np.array(factors))


def _kinetics(kinetics: Kinetics) -> TrackingSystem:
    channels, columns = [], list(kinetics.generalized_forces.T)
    for name in kinetics.coordinates:
        unit = _UNITS.get(force_unit(name), force_unit(name))
        said = "generalized force of this coordinate"
        channels.append(Channel(f"{name}_force", "n/a", "MISC", name, unit, "n/a", JOINT, said))
    for number, reaction in enumerate(kinetics.ground_reactions):
        owner = f"ground_reaction_{number}_{reaction.foot}"
        parts = (
            ("force", "N", reaction.force, "xyz", "force of the ground on the subject"),
            ("pressure", "m", reaction.centre_of_pressure, "xyz", "centre of pressure"),
            ("moment", "N*m", reaction.free_moment[:, None], "y", "free moment on the subject, about the vertical"),
        )
        for what, unit, values, axes, said in parts:
            for axis, column in zip(axes, values.T, strict=True):
                place = f"{reaction.foot} foot"
                name = f"{owner}_{what}_{axis}"
                channels.append(Channel(name, axis, "MISC", owner, unit, place, GROUND, said))
                columns.append(column)
    for name, column in zip(kinetics.muscles, kinetics.activations.T, strict=True):
        said = "muscle activation, 0 to 1"
        channels.append(Channel(f"{name}_activation", "n/a", "MISC", name, "n/a", "n/a", NO_FRAME, said))
        columns.append(column)
    values = np.stack(columns, axis=1) if columns else np.empty((0, 0))
    return TrackingSystem("kinetics", tuple(channels), values)


def _emg(activity: MuscleActivity) -> TrackingSystem:
    rows = zip(activity.channels, activity.muscles, activity.sides, strict=True)
    channels = [
        Channel(name, "n/a", "MISC", muscle or name, "n/a", side or "n/a", NO_FRAME, "EMG envelope")
        for name, muscle, side in rows
    ]
    return TrackingSystem("emg", tuple(channels), activity.envelopes, {"EnvelopeRecipe": activity.recipe})
