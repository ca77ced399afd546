"""Muscle curves: how the force of a fibre depends on its length and velocity, after De Groote-Fregly.

Normalised: lengths by the optimal fibre length, velocities by the maximum contraction velocity, forces by the maximum
isometric force, lengths of a tendon by its slack length. De Groote, Kinney, Rao, Fregly, Ann Biomed Eng 44:2922, 2016,
equations S1 to S6, with the constants of OpenSim's DeGrooteFregly2016Muscle. Other classes of OpenSim have curves of
their own of nearly the same shape.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Scalar = Any

_ACTIVE = (
    (0.8150671134243542, 1.055033428970575, 0.162384573599574, 0.063303448465465),
    (0.433004984392647, 0.716775413397760, -0.029947116970696, 0.200356847296188),
    (0.1, 1.0, 0.5 * math.sqrt(0.5), 0.0),
)
_VELOCITY = (-0.3211346127989808, -8.149, -0.374, 0.8825327733249912)
_PASSIVE_STRAIN, _PASSIVE_SHAPE, _PASSIVE_START = 0.6, 4.0, 0.2
_TENDON_STRAIN, _TENDON_SCALE = 0.049, 0.2


def active_force(length: Scalar) -> Scalar:
    """Active force of an isometric fibre: 1 near length 1."""
    return sum(b1 * np.exp(-0.5 * ((length - b2) / (b3 + b4 * length)) ** 2) for b1, b2, b3, b4 in _ACTIVE)


def velocity_factor(velocity: Scalar) -> Scalar:
    """Factor of the active force: 0 at -1 (fastest shortening), 1 at rest, 1.8 at fast lengthening."""
    d1, d2, d3, d4 = _VELOCITY
    z = d2 * velocity + d3
    return d1 * np.log(z + np.sqrt(z * z + 1.0)) + d4


def passive_force(length: Scalar, strain: float | None = None) -> Scalar:
    """Force of a passive fibre: 0 at length 0.2, 1 at 1 + strain (0.6 where a model does not say)."""
    strain = strain or _PASSIVE_STRAIN
    offset = math.exp(_PASSIVE_SHAPE * (_PASSIVE_START - 1.0) / strain)
    return (np.exp(_PASSIVE_SHAPE * (length - 1.0) / strain) - offset) / (math.exp(_PASSIVE_SHAPE) - offset)


def tendon_force(length: Scalar, strain: Scalar | None = None) -> Scalar:
    """Force of a tendon: 0 at its slack length, 1 at 1 + strain (0.049 where a model does not say)."""
    return _TENDON_SCALE * (np.exp(_tendon_shape(strain) * (length - 1.0)) - 1.0)


def tendon_length(force: Scalar, strain: Scalar | None = None) -> Scalar:
    """Length of a tendon that pulls with this force (above -0.2): the inverse of `tendon_force`."""
    return 1.0 + np.log(force / _TENDON_SCALE + 1.0) / _tendon_shape(strain)


def tendon_length_slope(force: Scalar, strain: Scalar | None = None) -> Scalar:
    """Derivative of `tendon_length` by the force."""
    return 1.0 / (_tendon_shape(strain) * (force + _TENDON_SCALE))


def _tendon_shape(strain: Scalar | None) -> Scalar:
    """Exponent of the tendon's curve, so that its force is 1 at this strain."""
    return math.log(1.0 + 1.0 / _TENDON_SCALE) / (_TENDON_STRAIN if strain is None else strain)
