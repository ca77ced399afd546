"""Muscles: curves, paths, activation and passive joint torques of one leg in the sagittal plane.

Two sets, on purpose different from each other: the one that generates gaits and follows laboratory data
(`GAIT_MUSCLES`, nine muscles a leg) and the one of the baseline that sees inertial sensors only (`BASELINE_MUSCLES`,
eight a leg). Tendons are rigid in both, so a muscle-tendon length follows from the joint angles alone.

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


# ---------------------------------------------------------------------------------------- De Groote-Fregly curves

_ACTIVE = (
    (0.815067, 1.055033, 0.162385, 0.063303),
    (0.433005, 0.716775, -0.029947, 0.200357),
    (0.1, 1.0, 0.353553, 0.0),
)
_VELOCITY = (-0.321135, -8.149, -0.374, 0.882533)
_PASSIVE_STRAIN, _PASSIVE_SHAPE, _PASSIVE_START = 0.6, 4.0, 0.2


def active_force_length(length: Scalar) -> Scalar:
    """Active force-length curve (normalised), De Groote-Fregly 2016."""
    return sum(b1 * np.exp(-0.5 * ((length - b2) / (b3 + b4 * length)) ** 2) for b1, b2, b3, b4 in _ACTIVE)


def force_velocity(velocity: Scalar) -> Scalar:
    """Force-velocity curve: 0 at -1 (fastest shortening), 1 at rest, 1.8 at fast lengthening."""
    d1, d2, d3, d4 = _VELOCITY
    z = d2 * velocity + d3
    return d1 * np.log(z + np.sqrt(z * z + 1.0)) + d4


def passive_force_length(length: Scalar) -> Scalar:
    """Passive force-length curve: 0 at a normalised length of 0.2, 1 at 1.6."""
    offset = math.exp(_PASSIVE_SHAPE * (_PASSIVE_START - 1.0) / _PASSIVE_STRAIN)
    return (np.exp(_PASSIVE_SHAPE * (length - 1.0) / _PASSIVE_STRAIN) - offset) / (math.exp(_PASSIVE_SHAPE) - offset)


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
    shortening = -_smooth_positive(-velocity, 1e-3)
    lengthening = _smooth_positive(velocity, 1e-3)
    concentric = (1.0 + shortening) / (1.0 - shortening / _CURVATURE)
    eccentric = (_ECCENTRIC * lengthening + c) / (lengthening + c)
    return concentric + eccentric - 1.0


def gait2dc_passive(length: Scalar, slack: float, optimal_length: float) -> Scalar:
    """Parallel elastic force in units of the maximum force."""
    stretch = _smooth_positive(length - slack, 1e-3)
    return 0.01 * optimal_length * (length - slack) + stretch**2


def _smooth_positive(x: Scalar, delta: float) -> Scalar:
    """Positive part of x, rounded over about delta."""
    return 0.5 * (x + np.sqrt(x * x + delta * delta))


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
    along = _smooth_positive(along, 0.05)
    length = np.sqrt(along**2 + math.sin(muscle.pennation) ** 2)
    cosine = along / length
    velocity = rate * cosine / muscle.optimal_length / muscles.max_velocity
    force = activation * active_force_length(length) * force_velocity(velocity)
    return (force + passive_force_length(length) + 0.01 * velocity) * cosine


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


# ------------------------------------------------------------------------------------------ passive joint torques

# k1, k2, k3, k4, lower, upper of tau = k1 exp(k2 (q - upper)) + k3 exp(k4 (q - lower)); Anderson and Pandy's form with
# the constants of the predictive simulations of Falisse et al., J R Soc Interface 16:20190402, 2019 (ours: knee
# flexion positive, so its two terms change places).
_EXPONENTIAL = (
    (-2.44, 5.05, 1.51, -21.88, -0.6981, 1.81),
    (-11.03, 11.33, 6.09, -33.94, -0.13, 2.4),
    (-2.03, 38.11, 0.18, -12.12, -0.74, 0.52),
)
_LIMITS = tuple((math.radians(a), math.radians(b)) for a, b in ((-30, 160), (0, 160), (-60, 60)))
_LIMIT_STIFFNESS, _LIMIT_ROUNDING = 500.0, math.radians(2.0)


def passive_moments(law: str, angles: Sequence[Scalar], speeds: Sequence[Scalar]) -> list[Scalar]:
    """Passive moments (N·m) at hip, knee and ankle: ``"exponential"`` or ``"smooth_limit"`` ligaments and damping."""
    moments = []
    for i, (q, qd) in enumerate(zip(angles, speeds, strict=True)):
        if law == "exponential":
            k1, k2, k3, k4, lower, upper = _EXPONENTIAL[i]
            moments.append(k1 * _tame_exp(k2 * (q - upper)) + k3 * _tame_exp(k4 * (q - lower)) - 0.1 * qd)
        else:
            lower, upper = _LIMITS[i]
            over = _smooth_positive(q - upper, _LIMIT_ROUNDING)
            under = _smooth_positive(lower - q, _LIMIT_ROUNDING)
            moments.append(-_LIMIT_STIFFNESS * (over - under) - 0.1 * qd)
    return moments


def _tame_exp(x: Scalar) -> Scalar:
    """Exponential whose argument bends smoothly towards a ceiling of 6: exact to 1 % below 4, finite everywhere."""
    return np.exp(6.0 - _smooth_positive(6.0 - x, 0.5))


# --------------------------------------------------------------------------------------------------------- tables

GAIT_MUSCLES = MuscleSet(
    name="gait10dof18musc",
    curves="de_groote_fregly",
    max_velocity=10.0,
    activation_time=0.035,
    passive="exponential",
    body_mass=72.6,
    body_height=1.80,
    # OpenSim's gait10dof18musc (Apache-2.0), subject 01. Paths: our separable cubic fits of its muscle-tendon lengths
    # over hip -25..60, knee -2..115 and ankle -35..25 degrees.
    muscles=(
        Muscle(
            "hamstrings",
            2700.0,
            0.12363,
            0.36976,
            0.47664,
            {"hip_flexion": (-0.05799, -0.03668, 0.03486), "knee_angle": (0.02817, 0.01640, -0.01572)},
        ),
        Muscle(
            "bifemsh", 804.0, 0.19144, 0.09849, 0.2725, {"knee_angle": (0.02177, 0.02696, -0.01788)}, pennation=0.4014
        ),
        Muscle("glut_max", 1944.0, 0.17085, 0.07982, 0.22278, {"hip_flexion": (-0.05753, 0.00334, 0.01638)}),
        Muscle(
            "iliopsoas",
            2342.0,
            0.10517,
            0.16828,
            0.27439,
            {"hip_flexion": (0.04084, 0.01078, -0.00591)},
            pennation=0.1396,
        ),
        Muscle(
            "rect_fem",
            1169.0,
            0.13046,
            0.35477,
            0.46937,
            {"hip_flexion": (0.04277, 0.03284, -0.02178), "knee_angle": (-0.05196, 0.00326, 0.00564)},
            pennation=0.0873,
        ),
        Muscle(
            "vasti", 5000.0, 0.12468, 0.13517, 0.21203, {"knee_angle": (-0.04846, 0.00480, 0.00315)}, pennation=0.0524
        ),
        Muscle(
            "gastroc",
            2500.0,
            0.09013,
            0.36052,
            0.45136,
            {"knee_angle": (0.02622, -0.00262, -0.00246), "ankle_angle": (-0.05311, 0.01694, 0.02442)},
            pennation=0.2967,
        ),
        Muscle(
            "soleus", 5137.0, 0.05029, 0.25144, 0.29307, {"ankle_angle": (-0.05090, 0.02150, 0.02124)}, pennation=0.4363
        ),
        Muscle(
            "tib_ant", 3000.0, 0.09791, 0.2228, 0.3035, {"ankle_angle": (0.04464, 0.01120, -0.01047)}, pennation=0.0873
        ),
    ),
)

BASELINE_MUSCLES = MuscleSet(
    name="gait2dc",
    curves="gait2dc",
    max_velocity=12.0,
    activation_time=0.02,
    passive="smooth_limit",
    body_mass=75.0,
    body_height=1.80,
    # The gait2dc table with its constant arms, the tendons made rigid.
    muscles=(
        Muscle("iliopsoas", 1500.0, 0.102, 0.142, 0.248, {"hip_flexion": (0.05,)}, width=1.298, passive_slack=1.2),
        Muscle("glutei", 3000.0, 0.2, 0.157, 0.271, {"hip_flexion": (-0.062,)}, width=0.625, passive_slack=1.2),
        Muscle(
            "hamstrings",
            3000.0,
            0.104,
            0.334,
            0.383,
            {"hip_flexion": (-0.072,), "knee_angle": (0.034,)},
            width=1.197,
            passive_slack=1.2,
        ),
        Muscle(
            "rectus_femoris",
            1200.0,
            0.081,
            0.398,
            0.474,
            {"hip_flexion": (0.034,), "knee_angle": (-0.05,)},
            width=1.443,
            passive_slack=1.4,
        ),
        Muscle("vasti", 7000.0, 0.093, 0.223, 0.271, {"knee_angle": (-0.042,)}, width=0.627, passive_slack=1.4),
        Muscle(
            "gastrocnemius",
            3000.0,
            0.055,
            0.42,
            0.487,
            {"knee_angle": (0.02,), "ankle_angle": (-0.053,)},
            width=0.888,
            passive_slack=1.2,
        ),
        Muscle("soleus", 4000.0, 0.055, 0.245, 0.284, {"ankle_angle": (-0.053,)}, width=1.039, passive_slack=1.2),
        Muscle(
            "tibialis_anterior", 2500.0, 0.082, 0.317, 0.381, {"ankle_angle": (0.037,)}, width=0.442, passive_slack=1.2
        ),
    ),
)

MUSCLE_SETS = {m.name: m for m in (GAIT_MUSCLES, BASELINE_MUSCLES)}
