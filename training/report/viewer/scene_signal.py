"""Scene signals: what the curves beside a moving figure show, in the units that people read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.schema import coordinate_unit
from synth.imu.recording import ImuRecording
from training.report.viewer.scene import ForceVector, Signal
from training.report.viewer.stick_figure import side_of

AXES = ("x", "y", "z")
_LEG = ("hip", "knee", "ankle", "subtalar", "mtp", "toe")


def record_signals(recordings: Sequence[ImuRecording]) -> tuple[Signal, ...]:
    """Specific force (m/s²) and angular velocity (deg/s) of each sensor, in its own frame."""
    signals = []
    for recording in recordings:
        group = f"Sensor {recording.placement.sensor}"
        turning = np.rad2deg(recording.angular_velocity)
        signals.append(Signal(group, "Specific force", "m/s²", AXES, recording.specific_force))
        signals.append(Signal(group, "Angular velocity", "°/s", AXES, turning))
    return tuple(signals)


def angle_signals(kinematics: Kinematics) -> tuple[Signal, ...]:
    """Angles (deg) of each part of the body; translations have the figure to show them."""
    return _by_part(kinematics.coordinates, np.rad2deg(kinematics.values), "Joint angles", "°")


def moment_signals(kinetics: Kinetics) -> tuple[Signal, ...]:
    """Net moments (N·m) of each part of the body."""
    return _by_part(kinetics.coordinates, kinetics.generalized_forces, "Joint moments", "N·m")


def force_signals(forces: Sequence[ForceVector]) -> tuple[Signal, ...]:
    """Forward, upward and rightward force (N): a panel a direction, a curve a plate or foot."""
    if not forces:
        return ()
    names = tuple(force.name for force in forces)
    values = np.stack([force.force for force in forces], axis=2)
    panels = ((1, "Upward force"), (0, "Forward force"), (2, "Force to the right"))
    return tuple(Signal("Ground reaction", title, "N", names, values[:, axis]) for axis, title in panels)


def force_vectors(reactions: Sequence[GroundReaction], rate: float, n_frames: int) -> tuple[ForceVector, ...]:
    """Ground reactions at the frames of a scene; plates sample faster than cameras.

    Parameters
    ----------
    reactions : sequence of GroundReaction
    rate : float
        Of the scene (Hz).
    n_frames : int
        Of the scene.

    Returns
    -------
    tuple of ForceVector
        The sample nearest to each frame; NaN after a record's end.
    """
    vectors = []
    for number, reaction in enumerate(reactions):
        samples = np.rint(np.arange(n_frames) * (reaction.rate / rate)).astype(int)
        inside = samples < len(reaction.force)
        force, point = np.full((n_frames, 3), np.nan), np.full((n_frames, 3), np.nan)
        force[inside] = reaction.force[samples[inside]]
        point[inside] = reaction.centre_of_pressure[samples[inside]]
        side = reaction.foot if reaction.foot in ("right", "left") else ""
        words = f"{side} foot" if side and not reaction.name.startswith("plate") else reaction.name
        vectors.append(ForceVector(words or f"force {number + 1}", side, force, point))
    return tuple(vectors)


def body_part(coordinate: str) -> str:
    """The leg, arm or trunk that a coordinate moves, in words."""
    side = side_of(coordinate)
    if not side:
        return "trunk and pelvis"
    return f"{side} leg" if coordinate.startswith(_LEG) else f"{side} arm"


def _by_part(names: Sequence[str], values: np.ndarray, group: str, unit: str) -> tuple[Signal, ...]:
    """One panel a part of the body, with the rotations that are known somewhere."""
    known = np.isfinite(values).any(axis=0) if len(values) else np.zeros(len(names), dtype=bool)
    parts: dict[str, list[int]] = {}
    for j, name in enumerate(names):
        if known[j] and coordinate_unit(name) == "rad":
            parts.setdefault(body_part(name), []).append(j)
    signals = []
    for part in sorted(parts, key=lambda part: (not part.endswith("leg"), part.startswith("left"), part)):
        channels = tuple(names[j].removesuffix("_r").removesuffix("_l").replace("_", " ") for j in parts[part])
        chosen = f"{group}, arms" if part.endswith("arm") else group
        signals.append(Signal(chosen, part.capitalize(), unit, channels, values[:, parts[part]]))
    return tuple(signals)
