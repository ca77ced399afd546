"""Smooth bounds: keep the argument of a law where the law is defined, without touching it where it is used.

An optimiser on its way visits states that no body has: a fibre of no length, a tendon that pushes. A kink or an
infinity there ends the search. These bounds are exact to rounding inside and have derivatives of every order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Scalar = Any


def smooth_floor(x: Scalar, floor: float, width: float) -> Scalar:
    """The greater of x and a floor: x to 1e-14 from 16 widths above, the floor from 20 below, never 0.15 widths lower.

    Parameters
    ----------
    x : scalar
    floor, width : float
        In the unit of x; the width is that of the bend.

    Returns
    -------
    scalar
    """
    above = x - floor
    return floor + above * (0.5 + 0.5 * np.tanh(above / width))


def smooth_ceiling(x: Scalar, ceiling: float, width: float) -> Scalar:
    """The lesser of x and a ceiling; see `smooth_floor`."""
    return -smooth_floor(-x, -ceiling, width)


def tame_exp(x: Scalar, ceiling: float = 8.0, width: float = 0.1) -> Scalar:
    """Exponential that goes on as a straight line above the ceiling: exact to 1e-12 below ceiling - 15 widths.

    The line keeps a slope, so that a solver finds its way back, where a mere bound of the argument would leave none.
    """
    excess = smooth_floor(x - ceiling, 0.0, width)
    return np.exp(x - excess) + np.exp(ceiling) * excess
