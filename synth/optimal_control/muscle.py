"""Muscles: curves, paths and moments of one leg in the sagittal plane.

Tendons are rigid, so a muscle-tendon length follows from the joint angles alone. The tables are in `muscle_table`.

Functions work on floats, NumPy arrays and CasADi SX alike. Angles (rad): hip flexion, knee flexion, ankle
dorsiflexion positive. A moment arm is positive where the muscle's moment is; length = reference length minus the
integral of the arms, so that force, arm and shortening agree in work.

References: De Groote, Kinney, Rao, Fregly, Ann Biomed Eng 44:2922, 2016, with the constants of OpenSim's
DeGrooteFregly2016Muscle; van den Bogert, Hupperets, Schlarb, Krabbe, Proc IMechE P 226:123, 2012 (the gait2dc set).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np

from opensim_models.muscle.curve import active_force, passive_force, velocity_factor
from synth.optimal_control.passive_moment import passive_moments, smooth_positive

if hasattr(ca.GlobalOptions, "setNumpyMode"):
    ca.GlobalOptions.setNumpyMode(-1)  # NumPy functions of symbols give symbols, as ever; only the notice is silenced

Scalar = Any
JOINTS = ("hip_flexion", "knee_angle", "ankle_angle")


@dataclass(frozen=True)
class Muscle:
    """One muscle of a leg with a rigid tendon.

    Attributes
    ----------
    name : str
    max_force : float
        Maximum isometric force (N) of the reference person.
    optimal_length : float
        Optimal fibre length (m).
    slack_length : float
        Tendon slack length (m).
    reference_length : float
        Muscle-tendon length (m) with all joint angles 0.
    arms : dict of str to tuple
        Joint → moment arm (m) as a polynomial of that joint's angle, constant first.
    pennation : float
        Pennation angle at the optimal length (rad).
    width : float
        Width of the Gaussian force-length curve (`"gait2dc"` curves only).
    passive_slack : float
        Normalised length at which the passive force starts (`"gait2dc"` curves only).
    """

    name: str
    max_force: float
    optimal_length: float
    slack_length: float
    reference_length: float
    arms: dict[str, tuple[float, ...]]
    pennation: float = 0.0
    width: float = 0.0
    passive_slack: float = 1.2


@dataclass(frozen=True)
class MuscleSet:
    """The muscles of one leg and the laws they share.

    Attributes
    ----------
    name : str
    muscles : tuple of Muscle
    curves : str
        ``"de_groote_fregly"`` or ``"gait2dc"``.
    max_velocity : float
        Maximum shortening velocity (optimal lengths per second).
    activation_time : float
        Time constant of the linear first-order activation dynamics (s).
    passive : str
        Law of the passive joint torques: ``"exponential"`` or ``"smooth_limit"``.
    body_mass, body_height : float
        Of the person whose strengths and lengths the table holds (kg, m).
    """

    name: str
    muscles: tuple[Muscle, ...]
    curves: str
    max_velocity: float
    activation_time: float
    passive: str
    body_mass: float
    body_height: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the muscles of one leg."""
        return tuple(m.name for m in self.muscles)

    def strength_of(self, mass: float, factor: float = 1.0) -> np.ndarray:
        """Maximum isometric forces (n_muscles,) in N, growing with body mass to the power 2/3."""
        return np.array([m.max_force for m in self.muscles]) * (mass / self.body_mass) ** (2 / 3) * factor


# -------------------------------------------------------------------------------------------------- gait2dc curves

_CURVATURE, _ECCENTRIC = 0.25, 1.5  # Hill's a/F0 and the greatest lengthening force


def gait2dc_force_length(length: Scalar, width: float) -> Scalar:
    """Gaussian force-length curve."""
    return np.exp(-(((length - 1.0) / width) ** 2))


def gait2dc_force_velocity(velocity: Scalar) -> Scalar:
    """Hill's curve and its smooth lengthening branch; velocity as a share of the maximum, shortening negative.

    The two branches of the published curve meet at 0 with equal value and slope. Each is continued by its own limit
    beyond the range in which it is used, so that an optimiser's excursion finds no pole.
    """
    c = _CURVATURE * (_ECCENTRIC - 1.0) / (_CURVATURE + 1.0)
    shortening = -smooth_positive(-velocity, 1e-3)
    lengthening = smooth_positive(velocity, 1e-3)
    concentric = (1.0 + shortening) / (1.0 - shortening / _CURVATURE)
    eccentric = (_ECCENTRIC * lengthening + c) / (lengthening + c)
    return concentric + eccentric - 1.0


def gait2dc_passive(length: Scalar, slack: float, optimal_length: float) -> Scalar:
    """Parallel elastic force in units of the maximum force."""
    stretch = smooth_positive(length - slack, 1e-3)
    return 0.01 * optimal_length * (length - slack) + stretch**2


# ------------------------------------------------------------------------------------------------------ the muscle


def muscle_length(muscle: Muscle, angles: Sequence[Scalar]) -> Scalar:
    """Muscle-tendon length (m) at the angles (rad) of hip, knee and ankle."""
    length = muscle.reference_length
    for joint, angle in zip(JOINTS, angles, strict=True):
        for power, c in enumerate(muscle.arms.get(joint, ())):
            length = length - c * angle ** (power + 1) / (power + 1)
    return length


def moment_arms(muscle: Muscle, angles: Sequence[Scalar]) -> dict[str, Scalar]:
    """Moment arms (m) at the joints that the muscle spans."""
    value = dict(zip(JOINTS, angles, strict=True))
    return {
        joint: sum(c * value[joint] ** power if power else c for power, c in enumerate(polynomial))
        for joint, polynomial in muscle.arms.items()
    }


def muscle_force(
    muscles: MuscleSet, muscle: Muscle, angles: Sequence[Scalar], speeds: Sequence[Scalar], activation: Scalar
) -> Scalar:
    """Force along the tendon in units of the maximum isometric force.

    Parameters
    ----------
    muscles : MuscleSet
    muscle : Muscle
    angles, speeds : sequences of 3 scalars
        Hip, knee, ankle (rad, rad/s).
    activation : scalar

    Returns
    -------
    scalar
    """
    arms = moment_arms(muscle, angles)
    rate = -sum(arms[joint] * speed for joint, speed in zip(JOINTS, speeds, strict=True) if joint in arms)
    along = (muscle_length(muscle, angles) - muscle.slack_length) / muscle.optimal_length
    if muscles.curves == "gait2dc":
        velocity = rate / muscle.optimal_length / muscles.max_velocity
        active = gait2dc_force_length(along, muscle.width) * gait2dc_force_velocity(velocity)
        return (
            activation * active + gait2dc_passive(along, muscle.passive_slack, muscle.optimal_length) + 0.01 * velocity
        )
    # the fibre's component along the tendon stays positive where the optimiser overshoots
    along = smooth_positive(along, 0.05)
    length = np.sqrt(along**2 + math.sin(muscle.pennation) ** 2)
    cosine = along / length
    velocity = rate * cosine / muscle.optimal_length / muscles.max_velocity
    force = activation * active_force(length) * velocity_factor(velocity)
    return (force + passive_force(length) + 0.01 * velocity) * cosine


def leg_moments(
    muscles: MuscleSet,
    angles: Sequence[Scalar],
    speeds: Sequence[Scalar],
    activations: Sequence[Scalar],
    strength: Sequence[Scalar],
    size: Scalar,
) -> list[Scalar]:
    """Moments (N·m) of all muscles and passive tissues at hip, knee and ankle.

    Parameters
    ----------
    muscles : MuscleSet
    angles, speeds : sequences of 3 scalars
    activations : sequence of n_muscles scalars
    strength : sequence of n_muscles scalars
        Maximum isometric forces (N).
    size : scalar
        Body size relative to the table's person: arms and lengths grow alike, so normalised lengths do not change.

    Returns
    -------
    list of 3 scalars
    """
    moments = dict.fromkeys(JOINTS, 0.0)
    for i, muscle in enumerate(muscles.muscles):
        force = strength[i] * muscle_force(muscles, muscle, angles, speeds, activations[i])
        for joint, arm in moment_arms(muscle, angles).items():
            moments[joint] = moments[joint] + size * arm * force
    passive = passive_moments(muscles.passive, angles, speeds)
    return [moments[joint] + tissue for joint, tissue in zip(JOINTS, passive, strict=True)]
