"""Passive torques: what ligaments and other tissue do at a joint, by the name of its coordinate.

Two families: the exponentials of Anderson and Pandy with the constants of published predictive simulations, and the
smooth limits of gait2dc. A table counts a coordinate one way (the knee by extension) and a model perhaps the other, so
a law is asked for with the word that `opensim_models.exchange.sign_convention.positive_directions` has for the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synth.optimal_control.law.smooth_bound import tame_exp

Scalar = Any
_STEEPEST, _BEND = 6.0, 0.1  # exponent from which the exponentials go on straight: far beyond any joint's range
_ROUNDING = math.radians(2.0)


@dataclass(frozen=True)
class ExponentialTissue:
    """Torque k1 exp(k2 (q - upper)) + k3 exp(k4 (q - lower)) - stiffness q - damping dq/dt, q counted by the table.

    Attributes
    ----------
    k1, k3 : scalar
        N·m.
    k2, k4 : scalar
        1/rad.
    lower, upper : scalar
        rad.
    damping : scalar
        N·m·s/rad.
    stiffness : scalar
        N·m/rad.
    sign : float
        1 where the model counts the coordinate as the table does, -1 where the other way.
    """

    k1: Scalar
    k2: Scalar
    k3: Scalar
    k4: Scalar
    lower: Scalar
    upper: Scalar
    damping: Scalar = 0.1
    stiffness: Scalar = 0.0
    sign: float = 1.0


@dataclass(frozen=True)
class LimitTissue:
    """Stiff springs beyond two limits, rounded over an angle, and linear damping.

    Attributes
    ----------
    lower, upper : scalar
        rad, counted by the table.
    stiffness : scalar
        N·m/rad.
    damping : scalar
        N·m·s/rad.
    rounding : scalar
        rad.
    sign : float
        As of `ExponentialTissue`.
    """

    lower: Scalar
    upper: Scalar
    stiffness: Scalar = 5000.0
    damping: Scalar = 0.01
    rounding: Scalar = _ROUNDING
    sign: float = 1.0


# Coordinate without side → (positive, negative) word of the table's own sign. Symmetric laws are the same both ways.
_WORDS = {
    "hip_flexion": ("flexion", "extension"),
    "hip_adduction": ("adduction", "abduction"),
    "hip_rotation": ("internal", "external"),
    "knee_angle": ("extension", "flexion"),
    "ankle_angle": ("dorsiflexion", "plantarflexion"),
    "subtalar_angle": ("inversion", "eversion"),
    "mtp_angle": ("toes up", "toes down"),
    "lumbar_extension": ("extension", "flexion"),
    "lumbar": ("extension", "flexion"),
    "lumbar_bending": ("to the right", "to the left"),
    "lumbar_rotation": ("right side forward", "left side forward"),
}

# Constants of the predictive simulations of Falisse et al., J R Soc Interface 16:20190402, 2019; the form is that of
# Anderson and Pandy, Comput Methods Biomech Biomed Engin 2:201, 1999.
_LUMBAR_EXTENSION = ExponentialTissue(-0.35, 30.72, 0.25, -20.36, -0.5236, 0.17)
_LUMBAR_SIDEWAYS = ExponentialTissue(-0.25, 20.36, 0.25, -20.36, -0.3491, 0.3491)
EXPONENTIAL_TISSUE: dict[str, ExponentialTissue] = {
    "hip_flexion": ExponentialTissue(-2.44, 5.05, 1.51, -21.88, -0.6981, 1.81),
    "hip_adduction": ExponentialTissue(-0.03, 14.94, 0.03, -14.94, -0.5, 0.5),
    "hip_rotation": ExponentialTissue(-0.03, 14.94, 0.03, -14.94, -0.92, 0.92),
    "knee_angle": ExponentialTissue(-6.09, 33.94, 11.03, -11.33, -2.4, 0.13),
    "ankle_angle": ExponentialTissue(-2.03, 38.11, 0.18, -12.12, -0.74, 0.52),
    "subtalar_angle": ExponentialTissue(-60.21, 16.32, 60.21, -16.32, -0.65, 0.65),
    "mtp_angle": ExponentialTissue(-0.9, 14.87, 0.18, -70.08, 0.0, 1.1345, damping=1.9, stiffness=25.0),
    "lumbar_extension": _LUMBAR_EXTENSION,
    "lumbar": _LUMBAR_EXTENSION,
    "lumbar_bending": _LUMBAR_SIDEWAYS,
    "lumbar_rotation": _LUMBAR_SIDEWAYS,
}

# Van den Bogert, Hupperets, Schlarb, Krabbe, Proc IMechE P 226:123, 2012, as in the gait2dc parameters of BioMAC.
GAIT2DC_TISSUE: dict[str, LimitTissue] = {
    name: LimitTissue(math.radians(lower), math.radians(upper))
    for name, lower, upper in (("hip_flexion", -30, 160), ("knee_angle", -160, 0), ("ankle_angle", -60, 60))
}


def exponential_tissue(coordinate: str, direction: str) -> ExponentialTissue | None:
    """Anderson and Pandy's tissue at a coordinate.

    Parameters
    ----------
    coordinate : str
        Name with or without side, e.g. ``"knee_angle_r"``.
    direction : str
        What its positive values mean in the model, e.g. ``"flexion"``; not needed where the law is symmetric.

    Returns
    -------
    ExponentialTissue or None
        None for coordinates without such tissue: the pelvis and the arms.

    Raises
    ------
    ValueError
        The direction is neither of the two words of this coordinate.
    """
    found = EXPONENTIAL_TISSUE.get(_base(coordinate))
    if found is None:
        return None
    symmetric = found.k1 == -found.k3 and found.k2 == -found.k4 and found.lower == -found.upper
    return found if symmetric else replace(found, sign=_sign(coordinate, direction))


def gait2dc_tissue(coordinate: str, direction: str) -> LimitTissue | None:
    """Smooth limit of gait2dc at a coordinate of the leg; arguments and errors as of `exponential_tissue`."""
    found = GAIT2DC_TISSUE.get(_base(coordinate))
    return None if found is None else replace(found, sign=_sign(coordinate, direction))


def passive_torque(tissue: ExponentialTissue | LimitTissue, angle: Scalar, speed: Scalar) -> Scalar:
    """Torque of the tissue on its coordinate.

    Parameters
    ----------
    tissue : ExponentialTissue or LimitTissue
    angle, speed : scalar
        As the model counts them (rad, rad/s).

    Returns
    -------
    scalar
        N·m, positive where it drives the coordinate up.
    """
    counted = tissue.sign * angle
    bending = _exponentials if isinstance(tissue, ExponentialTissue) else _limits
    return tissue.sign * bending(tissue, counted) + linear_damping(speed, tissue.damping)


def linear_damping(speed: Scalar, coefficient: Scalar) -> Scalar:
    """Torque (N·m) against a speed (rad/s); coefficient in N·m·s/rad."""
    return -coefficient * speed


def _exponentials(tissue: ExponentialTissue, angle: Scalar) -> Scalar:
    over = tissue.k1 * tame_exp(tissue.k2 * (angle - tissue.upper), _STEEPEST, _BEND)
    under = tissue.k3 * tame_exp(tissue.k4 * (angle - tissue.lower), _STEEPEST, _BEND)
    return over + under - tissue.stiffness * angle


def _limits(tissue: LimitTissue, angle: Scalar) -> Scalar:
    over = _rounded(angle - tissue.upper, tissue.rounding)
    return -tissue.stiffness * (over - _rounded(tissue.lower - angle, tissue.rounding))


def _rounded(x: Scalar, rounding: Scalar) -> Scalar:
    """Positive part as gait2dc rounds it: half the rounding at 0."""
    return 0.5 * (x + np.sqrt(x * x + rounding * rounding))


def _base(coordinate: str) -> str:
    return coordinate[:-2] if coordinate.endswith(("_r", "_l")) else coordinate


def _sign(coordinate: str, direction: str) -> float:
    positive, negative = _WORDS[_base(coordinate)]
    if direction not in {positive, negative}:
        raise ValueError(
            f"passive torque at {coordinate}: positive values must mean {positive!r} or {negative!r}, not "
            f"{direction!r}; take the word from the model, by positive_directions of its skeleton."
        )
    return 1.0 if direction == positive else -1.0
