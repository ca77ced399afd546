"""Metabolic rate of muscles after Bhargava, Pandy and Anderson: activation, maintenance, shortening, work.

Smoothed as in published predictive simulations: where the law has a case, a tanh leads from one to the other. Of the
body's rate, a basal part is added once. Excitations and activations are meant from 0 to 1.

References: Bhargava, Pandy, Anderson, J Biomech 37:81, 2004; its smooth form: Falisse et al., J R Soc Interface
16:20190402, 2019, and OpenSim's Bhargava2004SmoothedMuscleMetabolics, from whose defaults the constants are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from synth.optimal_control.law.hill_muscle import Fibre
from synth.optimal_control.law.smooth_bound import smooth_floor

Scalar = Any
MUSCLE_DENSITY = 1059.7  # kg/m³, Mendez and Keys, Metabolism 9:184, 1960


@dataclass(frozen=True)
class MetabolicLaw:
    """Constants of the law and the widths over which its cases are rounded.

    Attributes
    ----------
    slow_activation, fast_activation, slow_maintenance, fast_maintenance : scalar
        Heat of slow and fast fibres at full excitation (W per kg of muscle).
    isometric_shortening, force_shortening : scalar
        Shortening heat per speed, as shares of the isometric active and of the whole fibre force. (0, 0.25) with
        `lengthening` 0 is Anderson's simpler law, OpenSim's default.
    lengthening : scalar
        The same while the fibre lengthens, of the whole force: less heat is set free.
    negative_work : bool
        Lengthening gives energy back. False, as in predictions, keeps a gait from living on it.
    least_heat : scalar
        Of a muscle (W/kg), Umberger's limit.
    velocity_width : scalar
        m/s: 0.1 is the published 1/10. Smaller is nearer to the law and harder for a solver.
    power_width : scalar
        W/kg.
    length_width : scalar
        Optimal lengths; OpenSim's curve of the maintenance heat has corners.
    """

    slow_activation: Scalar = 40.0
    fast_activation: Scalar = 133.0
    slow_maintenance: Scalar = 74.0
    fast_maintenance: Scalar = 111.0
    isometric_shortening: Scalar = 0.16
    force_shortening: Scalar = 0.18
    lengthening: Scalar = 0.157
    negative_work: bool = False
    least_heat: Scalar = 1.0
    velocity_width: Scalar = 0.1
    power_width: Scalar = 0.1
    length_width: Scalar = 0.02


BHARGAVA = MetabolicLaw()


@dataclass(frozen=True)
class MetabolicRate:
    """Rates of one muscle in W. The total is kept above 0 and its heat above a least one, so it may exceed the sum."""

    activation: Scalar
    maintenance: Scalar
    shortening: Scalar
    work: Scalar
    total: Scalar


class MetabolicParameters(Protocol):
    """``max_isometric_force`` (N), ``optimal_fibre_length`` (m), ``max_contraction_velocity`` (optimal lengths/s)."""

    max_isometric_force: Scalar
    optimal_fibre_length: Scalar
    max_contraction_velocity: Scalar


def metabolic_rate(
    muscle: MetabolicParameters,
    fibre: Fibre,
    activation: Scalar,
    excitation: Scalar,
    mass: Scalar,
    slow_share: Scalar,
    law: MetabolicLaw = BHARGAVA,
) -> MetabolicRate:
    """Energy that a muscle turns over per time.

    Parameters
    ----------
    muscle : MetabolicParameters
    fibre : Fibre
        From `synth.optimal_control.law.hill_muscle`.
    activation, excitation : scalar
        Where the dynamics have no excitation, the activation serves for both.
    mass : scalar
        Of the muscle (kg), see `muscle_mass`.
    slow_share : scalar
        Share of slow-twitch fibres, 0 to 1.
    law : MetabolicLaw

    Returns
    -------
    MetabolicRate
    """
    slow = slow_share * np.sin(0.5 * math.pi * excitation)
    fast = (1.0 - slow_share) * (1.0 - np.cos(0.5 * math.pi * excitation))
    warm = law.slow_activation * slow + law.fast_activation * fast
    maintained = maintenance_length(fibre.length, law.length_width) * (
        law.slow_maintenance * slow + law.fast_maintenance * fast
    )
    # all in W/kg from here on: muscles of any size meet the same widths
    strength = muscle.max_isometric_force / mass
    velocity = fibre.velocity * muscle.optimal_fibre_length * muscle.max_contraction_velocity
    active = strength * fibre.active(activation)
    whole = active + strength * (fibre.passive + fibre.damping)
    isometric = strength * activation * fibre.force_length
    lengthening = 0.5 + 0.5 * np.tanh(velocity / law.velocity_width)
    concentric = law.isometric_shortening * isometric + law.force_shortening * whole
    shortening = -velocity * (concentric + (law.lengthening * whole - concentric) * lengthening)
    work = active * (-velocity if law.negative_work else smooth_floor(-velocity, 0.0, law.velocity_width))
    power = warm + maintained + shortening + work
    shortening = shortening + smooth_floor(power, 0.0, law.power_width) - power
    heat = smooth_floor(warm + maintained + shortening, law.least_heat, law.power_width)
    return MetabolicRate(mass * warm, mass * maintained, mass * shortening, mass * work, mass * (heat + work))


def maintenance_length(length: Scalar, width: Scalar = 0.02) -> Scalar:
    """How the maintenance heat depends on the fibre's length: 0.5 to 0.5, 1 at 1, 0 beyond 1.5, corners rounded."""
    corners = ((0.5, 1.0), (1.0, -3.0), (1.5, 2.0))
    return 0.5 + sum(slope * smooth_floor(length - at, 0.0, width) for at, slope in corners)


def muscle_mass(
    max_isometric_force: Scalar,
    optimal_fibre_length: Scalar,
    specific_tension: Scalar,
    density: Scalar = MUSCLE_DENSITY,
) -> Scalar:
    """Mass (kg) of a muscle: density times length times the cross-section that its force needs.

    Parameters
    ----------
    max_isometric_force : scalar
        N.
    optimal_fibre_length : scalar
        m.
    specific_tension : scalar
        Pa: 2.5e5 is OpenSim's default, 6e5 belongs to the muscles of Rajagopal 2016.
    density : scalar
        kg/m³.
    """
    return density * optimal_fibre_length * max_isometric_force / specific_tension


def basal_rate(body_mass: Scalar, coefficient: Scalar = 1.2, exponent: Scalar = 1.0) -> Scalar:
    """Rate of the body at rest (W), muscles apart; coefficient in W/kg (exponent 1), OpenSim's default."""
    return coefficient * body_mass**exponent
