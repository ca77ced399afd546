"""Muscle curves: how the force of a fibre depends on its length and velocity, after De Groote-Fregly.

Normalised: lengths by the optimal fibre length, velocities by the maximum contraction velocity, forces by the maximum
isometric force. De Groote, Kinney, Rao, Fregly, Ann Biomed Eng 44:2922, 2016, equations S1 to S6, with the constants of
OpenSim's DeGrooteFregly2016Muscle. Other classes of OpenSim have curves of their own of nearly the same shape.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Scalar = Any

_ACTIVE = (
    (0.815067, 1.055033, 0.162385, 0.063303),
    (0.433005, 0.716775, -0.029947, 0.200357),
    (0.1, 1.0, 0.353553, 0.0),
)
_VELOCITY = (-0.321135, -8.149, -0.374, 0.882533)
_PASSIVE_STRAIN, _PASSIVE_SHAPE, _PASSIVE_START = 0.6, 4.0, 0.2


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
