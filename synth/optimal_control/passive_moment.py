"""Passive moments: what ligaments and other tissue of a leg do at the ends of the joints' ranges.

Angles (rad): hip flexion, knee flexion, ankle dorsiflexion positive. Functions work on floats, NumPy arrays and SX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def smooth_positive(x: Any, delta: float) -> Any:
    """Positive part of x, rounded over about delta."""
    return 0.5 * (x + np.sqrt(x * x + delta * delta))


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


def passive_moments(law: str, angles: Sequence[Any], speeds: Sequence[Any]) -> list[Any]:
    """Passive moments (N·m) at hip, knee and ankle: ``"exponential"`` or ``"smooth_limit"`` ligaments and damping."""
    moments = []
    for i, (q, qd) in enumerate(zip(angles, speeds, strict=True)):
        if law == "exponential":
            k1, k2, k3, k4, lower, upper = _EXPONENTIAL[i]
            moments.append(k1 * _tame_exp(k2 * (q - upper)) + k3 * _tame_exp(k4 * (q - lower)) - 0.1 * qd)
        else:
            lower, upper = _LIMITS[i]
            over = smooth_positive(q - upper, _LIMIT_ROUNDING)
            under = smooth_positive(lower - q, _LIMIT_ROUNDING)
            moments.append(-_LIMIT_STIFFNESS * (over - under) - 0.1 * qd)
    return moments


def _tame_exp(x: Any) -> Any:
    """Exponential whose argument bends smoothly towards a ceiling of 6: exact to 1 % below 4, finite everywhere."""
    return np.exp(6.0 - smooth_positive(6.0 - x, 0.5))
