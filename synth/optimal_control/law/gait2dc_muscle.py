"""Muscle of the gait2dc model: contractile, parallel and series element, without pennation.

The state is the length of the contractile element; its equilibrium with the series element is implicit. Beside it
stands the simplification with a series element that does not stretch. Forces are in maximum isometric forces, fibre
lengths L in optimal lengths, fibre velocities dL/dt in optimal lengths per second, shortening negative. The published
one-sided squares and the two branches of Hill's curve are joined smoothly over 1 % of their scale.

Reference: van den Bogert, Hupperets, Schlarb, Krabbe, Proc IMechE P 226:123, 2012; parameters of BioMAC-Sim-Toolbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.optimal_control.law.hill_muscle import Fibre
from synth.optimal_control.law.smooth_bound import smooth_floor

Scalar = Any
_CURVATURE, _ECCENTRIC = 0.25, 1.5  # Hill's a/F0, greatest force of a lengthening fibre
_DAMPING = 0.001  # maximum isometric forces per optimal length per second
_SLOPE = 0.01  # maximum isometric forces per m: keeps slack elements from being without any stiffness
_BEND = 0.01


@dataclass(frozen=True)
class Gait2dcMuscle:
    """Parameters of one muscle; numbers or symbols.

    Attributes
    ----------
    name : str
    max_isometric_force : scalar
        N.
    optimal_fibre_length, tendon_slack_length : scalar
        m.
    width : scalar
        Of the force-length curve (optimal lengths).
    passive_slack : scalar
        Length from which the parallel element pulls (optimal lengths).
    reference_length : scalar
        Of muscle and tendon with all joint angles 0 (m).
    arms : tuple of 3 scalars
        Moment arms (m) at hip, knee and ankle, positive where the distal segment swings forward.
    fast_share : float
        Of fast-twitch fibres.
    max_contraction_velocity : scalar
        Optimal lengths per second.
    tendon_strain : scalar
        Of the series element at the maximum isometric force.
    """

    name: str
    max_isometric_force: Scalar
    optimal_fibre_length: Scalar
    width: Scalar
    passive_slack: Scalar
    tendon_slack_length: Scalar
    reference_length: Scalar = 0.0
    arms: tuple[Scalar, Scalar, Scalar] = (0.0, 0.0, 0.0)
    fast_share: float = 0.5
    max_contraction_velocity: Scalar = 12.0
    tendon_strain: Scalar = 0.05


GAIT2DC_MUSCLES = (
    Gait2dcMuscle("iliopsoas", 1500.0, 0.102, 1.298, 1.2, 0.142, 0.248, (0.05, 0.0, 0.0), 0.50),
    Gait2dcMuscle("glutei", 3000.0, 0.200, 0.625, 1.2, 0.157, 0.271, (-0.062, 0.0, 0.0), 0.45),
    Gait2dcMuscle("hamstrings", 3000.0, 0.104, 1.197, 1.2, 0.334, 0.383, (-0.072, -0.034, 0.0), 0.35),
    Gait2dcMuscle("rectus_femoris", 1200.0, 0.081, 1.443, 1.4, 0.398, 0.474, (0.034, 0.05, 0.0), 0.65),
    Gait2dcMuscle("vasti", 7000.0, 0.093, 0.627, 1.4, 0.223, 0.271, (0.0, 0.042, 0.0), 0.50),
    Gait2dcMuscle("gastrocnemius", 3000.0, 0.055, 0.888, 1.2, 0.420, 0.487, (0.0, -0.02, -0.053), 0.50),
    Gait2dcMuscle("soleus", 4000.0, 0.055, 1.039, 1.2, 0.245, 0.284, (0.0, 0.0, -0.053), 0.20),
    Gait2dcMuscle("tibialis_anterior", 2500.0, 0.082, 0.442, 1.2, 0.317, 0.381, (0.0, 0.0, 0.037), 0.25),
)
"""The eight muscles of a leg, of a man of 75 kg and 1.80 m; angles count hip flexion, knee extension, dorsiflexion."""


def force_length(fibre_length: Scalar, width: Scalar) -> Scalar:
    """Active force of an isometric fibre: a Gaussian, 1 at length 1."""
    return np.exp(-(((fibre_length - 1.0) / width) ** 2))


def force_velocity(fibre_velocity: Scalar, max_velocity: Scalar) -> Scalar:
    """Hill's curve and its lengthening branch: 0 at fastest shortening, 1 at rest, towards 1.5 beyond.

    The branches meet with equal value and slope; each gets its own part of the velocity, so neither meets its pole.
    """
    velocity = fibre_velocity / max_velocity
    shortening = -smooth_floor(-velocity, 0.0, _BEND)
    lengthening = smooth_floor(velocity, 0.0, _BEND)
    c = _CURVATURE * (_ECCENTRIC - 1.0) / (_CURVATURE + 1.0)
    concentric = (1.0 + shortening) / (1.0 - shortening / _CURVATURE)
    return concentric + (_ECCENTRIC * lengthening + c) / (lengthening + c) - 1.0


def parallel_force(fibre_length: Scalar, slack: Scalar, optimal_length: Scalar) -> Scalar:
    """Force of the parallel element: a square beyond its slack length, and a slight slope everywhere."""
    stretch = smooth_floor(fibre_length - slack, 0.0, _BEND)
    return _SLOPE * optimal_length * (fibre_length - slack) + stretch * stretch


def tendon_force(muscle: Gait2dcMuscle, length: Scalar, fibre_length: Scalar) -> Scalar:
    """Force of the series element.

    Parameters
    ----------
    muscle : Gait2dcMuscle
    length : scalar
        Of muscle and tendon (m).
    fibre_length : scalar
        State (optimal lengths).

    Returns
    -------
    scalar
        In maximum isometric forces.
    """
    stretch = length - fibre_length * muscle.optimal_fibre_length - muscle.tendon_slack_length
    strained = smooth_floor(stretch / (muscle.tendon_strain * muscle.tendon_slack_length), 0.0, _BEND)
    return _SLOPE * stretch + strained * strained


def fibre_state(muscle: Gait2dcMuscle, fibre_length: Scalar, fibre_velocity: Scalar) -> Fibre:
    """State of the contractile element with the parts of its force, e.g. for the metabolic rate."""
    return Fibre(
        fibre_length,
        fibre_velocity / muscle.max_contraction_velocity,
        1.0,
        force_length(fibre_length, muscle.width),
        force_velocity(fibre_velocity, muscle.max_contraction_velocity),
        parallel_force(fibre_length, muscle.passive_slack, muscle.optimal_fibre_length),
        _DAMPING * fibre_velocity,
    )


def equilibrium_residual(
    muscle: Gait2dcMuscle, length: Scalar, activation: Scalar, fibre_length: Scalar, fibre_velocity: Scalar
) -> Scalar:
    """Implicit dynamics: force of the series element less that of the fibre, 0 in equilibrium.

    Parameters
    ----------
    muscle : Gait2dcMuscle
    length : scalar
        Of muscle and tendon (m).
    activation : scalar
    fibre_length, fibre_velocity : scalar
        State and its rate (optimal lengths, per second).

    Returns
    -------
    scalar
        In maximum isometric forces.
    """
    fibre = fibre_state(muscle, fibre_length, fibre_velocity)
    return tendon_force(muscle, length, fibre_length) - fibre.along_tendon(activation)


def rigid_tendon_force(muscle: Gait2dcMuscle, length: Scalar, velocity: Scalar, activation: Scalar) -> Scalar:
    """Force with a series element of constant length.

    Parameters
    ----------
    muscle : Gait2dcMuscle
    length, velocity : scalar
        Of muscle and tendon (m, m/s).
    activation : scalar

    Returns
    -------
    scalar
        In maximum isometric forces.
    """
    fibre_length = (length - muscle.tendon_slack_length) / muscle.optimal_fibre_length
    return fibre_state(muscle, fibre_length, velocity / muscle.optimal_fibre_length).along_tendon(activation)
