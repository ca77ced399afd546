"""A walking virtual person in three dimensions: a planar gait cycle, repeated, with the movements outside its plane.

Optimal control gives one sagittal cycle. A person also lists and rotates the pelvis, adducts the hips and
counter-rotates the trunk; these follow the gait phase as harmonics whose amplitudes are those of normal walking
(J. Perry, Gait Analysis, 1992) and vary from person to person. They are kinematic embroidery: forces stay planar.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import coordinate_columns
from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics

CONTACT_FORCE = 20.0
"""Vertical force (N) below which a foot counts as unloaded."""

# In stance the pelvis drops on the swing side (list is positive when the right side is lower), the stance hip adducts
# and the trunk bends towards the stance leg. Coordinate → (offset, amplitude, harmonic, phase of its maximum as part of
# the right gait cycle), degrees.
_OUT_OF_PLANE = {
    "pelvis_list": (0.0, 3.5, 1, 0.65),
    "pelvis_rotation": (0.0, 4.5, 1, 0.02),
    "hip_adduction_r": (2.0, 5.0, 1, 0.22),
    "hip_adduction_l": (2.0, 5.0, 1, 0.72),
    "hip_rotation_r": (0.0, 4.0, 1, 0.35),
    "hip_rotation_l": (0.0, 4.0, 1, 0.85),
    "subtalar_angle_r": (0.0, 3.0, 1, 0.70),
    "subtalar_angle_l": (0.0, 3.0, 1, 0.20),
    "lumbar_bending": (0.0, 3.0, 1, 0.15),
    "lumbar_rotation": (0.0, 5.0, 1, 0.52),
}
_SWAY = (0.018, 0.30)
"""Sideways sway of the pelvis: amplitude (m) and phase, towards the right leg in its stance."""


@dataclass(frozen=True)
class WalkingCycle:
    """One periodic planar gait cycle of a person.

    Attributes
    ----------
    subject : Subject
    kinematics : Kinematics
        Coordinates of the planar skeleton, evenly spaced over the cycle, whose end is not repeated.
    kinetics : Kinetics
        Same frames; ground reactions of the right and the left foot.
    speed : float
        m/s.
    strike : float
        When the right foot strikes, as part of the cycle.
    """

    subject: Subject
    kinematics: Kinematics
    kinetics: Kinetics
    speed: float
    strike: float = 0.0

    @property
    def duration(self) -> float:
        """Cycle time (s)."""
        return len(self.kinematics.values) / self.kinematics.rate


@dataclass(frozen=True)
class WalkingPerson:
    """Coordinates and ground reactions of a person walking for a while.

    Attributes
    ----------
    skeleton : Skeleton
        The person's 3-D skeleton.
    kinematics : Kinematics
        3-D coordinates, overground.
    ground_reactions : tuple of GroundReaction
        Right and left foot, at `force_rate`.
    """

    skeleton: Skeleton
    kinematics: Kinematics
    ground_reactions: tuple[GroundReaction, ...]


def _phases(cycle: WalkingCycle) -> np.ndarray:
    """Phases of the cycle's frames with the end repeated, 0..1."""
    return np.linspace(0.0, 1.0, len(cycle.kinematics.values) + 1)


def _closed(values: np.ndarray) -> np.ndarray:
    """Repeat the first row at the end."""
    return np.concatenate([values, values[:1]])


def _periodic(cycle: WalkingCycle, time: np.ndarray) -> np.ndarray:
    """Planar coordinates at any time (s): periodic splines, with the displacement of the pelvis added per cycle."""
    values = cycle.kinematics.values.copy()
    phase = _phases(cycle)
    forward = cycle.kinematics.coordinates.index("pelvis_tx")
    displacement = cycle.speed * cycle.duration
    values[:, forward] -= displacement * phase[:-1]
    at = time / cycle.duration
    result = CubicSpline(phase, _closed(values), bc_type="periodic")(at % 1.0)
    result[:, forward] += displacement * at
    return result


def walk(
    cycle: WalkingCycle, duration: float, rate: float, force_rate: float, rng: np.random.Generator
) -> WalkingPerson:
    """Let a person walk.

    Parameters
    ----------
    cycle : WalkingCycle
    duration : float
        s.
    rate, force_rate : float
        Samples per second (Hz) of coordinates and of forces.
    rng : Generator
        Draws the person's own out-of-plane amplitudes: pass the same one for every trial of a person, or a fresh one.

    Returns
    -------
    WalkingPerson
    """
    skeleton = lower_body_skeleton(cycle.subject, table="de_leva")
    embroidery = {name: (row[0], row[1] * rng.uniform(0.7, 1.3), *row[2:]) for name, row in _OUT_OF_PLANE.items()}
    n_frames = round(duration * rate)
    time = np.arange(n_frames) / rate
    kinematics = _spatial(cycle, skeleton, embroidery, time, rate)
    force_time = np.arange(round(n_frames * force_rate / rate)) / force_rate
    at_force = _spatial(cycle, skeleton, embroidery, force_time, force_rate)
    return WalkingPerson(skeleton, kinematics, _forces(cycle, skeleton, at_force, force_time))


def _spatial(cycle: WalkingCycle, skeleton: Skeleton, embroidery: dict, time: np.ndarray, rate: float) -> Kinematics:
    """Three-dimensional coordinates at the given times."""
    planar = Kinematics(cycle.kinematics.coordinates, _periodic(cycle, time), rate)
    values = coordinate_columns(skeleton, planar)
    angle = 2 * np.pi * (time / cycle.duration - cycle.strike)
    names = skeleton.coordinate_names
    for name, (offset, amplitude, harmonic, phase) in embroidery.items():
        wave = offset + amplitude * np.cos(harmonic * (angle - 2 * np.pi * phase))
        values[:, names.index(name)] = np.radians(wave)
    values[:, names.index("pelvis_tz")] = _SWAY[0] * np.cos(angle - 2 * np.pi * _SWAY[1])
    return Kinematics(names, values, rate)


def _forces(
    cycle: WalkingCycle, skeleton: Skeleton, kinematics: Kinematics, time: np.ndarray
) -> tuple[GroundReaction, ...]:
    """Forces of the cycle under the feet of the three-dimensional person."""
    n_nodes = len(cycle.kinematics.values)
    phase = _phases(cycle)
    at = (time / cycle.duration) % 1.0
    planar = coordinate_columns(skeleton, cycle.kinematics)
    ankles = segment_states(skeleton, list(planar.T))
    spatial = segment_states(skeleton, list(kinematics.values.T))
    reactions = []
    for reaction in cycle.kinetics.ground_reactions:
        side = {"right": "r", "left": "l"}[reaction.foot]
        foot = skeleton.segment_index(f"calcn_{side}")
        force = PchipInterpolator(phase, _closed(reaction.force))(at)
        loaded = force[:, 1] > CONTACT_FORCE
        force[~loaded] = 0.0
        # the centre of pressure moves with the foot: its lead over the ankle is what the planar solution tells
        lead = reaction.centre_of_pressure[:, 0] - np.broadcast_to(ankles[foot].origin[0], n_nodes)
        known = np.isfinite(lead)
        lead = np.interp(at, phase[:-1][known], lead[known], period=1.0)
        pressure = np.zeros((len(time), 3))
        pressure[:, 0] = spatial[foot].origin[0] + lead
        pressure[:, 2] = spatial[foot].origin[2]
        pressure[~loaded] = np.nan
        moment = np.where(loaded, 0.0, np.nan)
        reactions.append(
            replace(
                reaction,
                force=force,
                centre_of_pressure=pressure,
                free_moment=moment,
                rate=kinematics.rate,
                name=f"{reaction.foot} foot",
            )
        )
    return tuple(reactions)


def stand(subject: Subject, duration: float, rate: float) -> WalkingPerson:
    """Let a person stand still, for a static trial."""
    skeleton = lower_body_skeleton(subject, table="de_leva")
    n_frames = round(duration * rate)
    values = np.tile([c.default for c in skeleton.coordinates], (n_frames, 1)).astype(float)
    return WalkingPerson(skeleton, Kinematics(skeleton.coordinate_names, values, rate), ())
