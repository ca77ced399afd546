"""Hill muscle of De Groote and Fregly with a rigid or a compliant tendon.

Curves and equilibrium are those of OpenSim's DeGrooteFregly2016Muscle (De Groote, Kinney, Rao, Fregly, Ann Biomed Eng
44:2922, 2016), to rounding wherever a fibre has a physical length: along the tendon at least 0.35 optimal lengths,
stretched by at most 1.6 passive strains. Beyond, they are continued smoothly and stay finite. Forces are in maximum
isometric forces, fibre lengths in optimal lengths, fibre velocities in maximum contraction velocities (shortening
negative), tendon lengths in slack lengths; muscle-tendon length and velocity are in m and m/s. The fibre keeps its
width, so its pennation changes with its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from opensim_models.muscle.curve import active_force, tendon_length_slope, velocity_factor
from opensim_models.muscle.curve import tendon_length as stretched
from synth.optimal_control.law.smooth_bound import smooth_floor, tame_exp

Scalar = Any
DEFAULT_PASSIVE_STRAIN = 0.6  # De Groote et al. 2016, e0
_PASSIVE_SHAPE, _PASSIVE_START = 4.0, 0.2
_SHORTEST, _BEND = 0.2, 0.01  # of a fibre along the tendon; 0.2 is where OpenSim's class begins
_LEAST_PULL = -0.18
_GREATEST_START, _HALVINGS = 5.0, 43


class HillParameters(Protocol):
    """What a muscle must say of itself, e.g. `opensim_models.model.muscle_tendon.MuscleTendon`; numbers or symbols.

    ``optimal_fibre_length`` and ``tendon_slack_length`` in m, ``pennation`` at the optimal length in rad,
    ``max_contraction_velocity`` in optimal lengths per second, ``passive_strain`` (None: 0.6), ``fibre_damping`` in
    maximum isometric forces per maximum contraction velocity; compliant tendons ``tendon_strain`` (None: 0.049).
    """

    optimal_fibre_length: Scalar
    tendon_slack_length: Scalar
    pennation: Scalar
    max_contraction_velocity: Scalar
    passive_strain: Scalar
    fibre_damping: Scalar
    tendon_strain: Scalar


@dataclass(frozen=True)
class Fibre:
    """State of a fibre and the parts of its force.

    Attributes
    ----------
    length, velocity : scalar
        In optimal lengths and in maximum contraction velocities, shortening negative.
    cosine : scalar
        Of the pennation angle.
    force_length, force_velocity : scalar
        Factors of the activation in the active force.
    passive, damping : scalar
        Other parts of the force, in maximum isometric forces.
    """

    length: Scalar
    velocity: Scalar
    cosine: Scalar
    force_length: Scalar
    force_velocity: Scalar
    passive: Scalar
    damping: Scalar

    def active(self, activation: Scalar) -> Scalar:
        """Active force along the fibre, in maximum isometric forces."""
        return activation * self.force_length * self.force_velocity

    def along_tendon(self, activation: Scalar) -> Scalar:
        """Whole force along the tendon, in maximum isometric forces."""
        return (self.active(activation) + self.passive + self.damping) * self.cosine


def rigid_tendon_force(muscle: HillParameters, length: Scalar, velocity: Scalar, activation: Scalar) -> Scalar:
    """Force of a muscle whose tendon does not stretch.

    Parameters
    ----------
    muscle : HillParameters
        Any object with these attributes.
    length, velocity : scalar
        Of muscle and tendon (m, m/s).
    activation : scalar

    Returns
    -------
    scalar
        Along the tendon, in maximum isometric forces.
    """
    return rigid_tendon_fibre(muscle, length, velocity).along_tendon(activation)


def rigid_tendon_fibre(muscle: HillParameters, length: Scalar, velocity: Scalar) -> Fibre:
    """State of the fibre where the tendon has its slack length; arguments as of `rigid_tendon_force`."""
    return fibre_state(muscle, length - muscle.tendon_slack_length, velocity)


def fibre_state(muscle: HillParameters, length: Scalar, velocity: Scalar) -> Fibre:
    """State of the fibre from its length and velocity along the tendon (m, m/s)."""
    along = smooth_floor(length / muscle.optimal_fibre_length, _SHORTEST, _BEND)
    fibre_length = np.sqrt(along * along + np.sin(muscle.pennation) ** 2)
    cosine = along / fibre_length
    fibre_velocity = velocity * cosine / (muscle.optimal_fibre_length * muscle.max_contraction_velocity)
    return Fibre(
        fibre_length,
        fibre_velocity,
        cosine,
        active_force(fibre_length),
        velocity_factor(fibre_velocity),
        passive_fibre_force(fibre_length, muscle.passive_strain),
        muscle.fibre_damping * fibre_velocity,
    )


def tendon_length(muscle: HillParameters, tendon_force: Scalar) -> Scalar:
    """Length (m) of the tendon that carries a force (in maximum isometric forces, along the tendon)."""
    return muscle.tendon_slack_length * stretched(_pulling(tendon_force), muscle.tendon_strain)


def tendon_velocity(muscle: HillParameters, tendon_force: Scalar, tendon_force_rate: Scalar) -> Scalar:
    """Lengthening velocity (m/s) of the tendon whose force changes at a rate (maximum isometric forces per second)."""
    slope = tendon_length_slope(_pulling(tendon_force), muscle.tendon_strain)
    return muscle.tendon_slack_length * slope * tendon_force_rate


def compliant_tendon_fibre(
    muscle: HillParameters, length: Scalar, velocity: Scalar, tendon_force: Scalar, tendon_force_rate: Scalar
) -> Fibre:
    """State of the fibre that a stretched tendon leaves; arguments as of `equilibrium_residual`."""
    along = length - tendon_length(muscle, tendon_force)
    return fibre_state(muscle, along, velocity - tendon_velocity(muscle, tendon_force, tendon_force_rate))


def equilibrium_residual(
    muscle: HillParameters,
    length: Scalar,
    velocity: Scalar,
    activation: Scalar,
    tendon_force: Scalar,
    tendon_force_rate: Scalar,
) -> Scalar:
    """Implicit dynamics of a compliant tendon: its force less the fibre's, 0 where the two are in equilibrium.

    Parameters
    ----------
    muscle : HillParameters
    length, velocity : scalar
        Of muscle and tendon (m, m/s).
    activation : scalar
    tendon_force, tendon_force_rate : scalar
        State and its rate, in maximum isometric forces (per second).

    Returns
    -------
    scalar
        In maximum isometric forces. Its two sides are `tendon_force` and
        ``compliant_tendon_fibre(...).along_tendon(activation)``.
    """
    fibre = compliant_tendon_fibre(muscle, length, velocity, tendon_force, tendon_force_rate)
    return tendon_force - fibre.along_tendon(activation)


def static_tendon_force(
    muscle: HillParameters, length: np.ndarray, velocity: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """Force at which `equilibrium_residual` is 0 while the tendon's length stays: where a search may start.

    Parameters
    ----------
    muscle : HillParameters
        Numbers.
    length, velocity, activation : arrays
        Of muscle and tendon (m, m/s), of one shape or broadcast.

    Returns
    -------
    array
        In maximum isometric forces, to 1e-12; near 0 where the tendon is slack, 5 at most.
    """
    length, velocity, activation = np.broadcast_arrays(length, velocity, activation)
    low, high = np.zeros(length.shape), np.full(length.shape, _GREATEST_START)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = equilibrium_residual(muscle, length, velocity, activation, middle, 0.0) > 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def _pulling(tendon_force: Scalar) -> Scalar:
    """Force of a tendon, held above the end of its curve at -0.2; exact above -0.02."""
    return smooth_floor(tendon_force, _LEAST_PULL, _BEND)


def passive_fibre_force(length: Scalar, strain: Scalar | None = None) -> Scalar:
    """Force of a passive fibre: `opensim_models.muscle.curve.passive_force`, a straight line beyond 2 strains.

    Parameters
    ----------
    length : scalar
        In optimal lengths.
    strain : scalar, optional
        At one maximum isometric force; may be a symbol.

    Returns
    -------
    scalar
        In maximum isometric forces.
    """
    strain = DEFAULT_PASSIVE_STRAIN if strain is None else strain
    offset = np.exp(_PASSIVE_SHAPE * (_PASSIVE_START - 1.0) / strain)
    return (tame_exp(_PASSIVE_SHAPE * (length - 1.0) / strain) - offset) / (np.exp(_PASSIVE_SHAPE) - offset)
