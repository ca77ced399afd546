"""Motor-unit pool: a second law of fatigue, unit by unit, for people who are no copies of the three compartments.

After J. R. Potvin and A. J. Fuglevand, PLoS Comput Biol 13:e1005581, 2017, in groups of units: strengths rise
exponentially over the pool, small units are recruited first, firing rates rise with the excitation beyond the
threshold, and the larger a unit the faster it loses its force while it fires. Here a unit also regains force while it
is silent, and none falls below a floor. The numbers are ours, such that a maximal effort halves in about 75 seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_GROUPS = 12
FORCE_RANGE = 30.0
"""Strength of the largest unit over that of the smallest."""
LAST_RECRUITED = 0.6
"""Excitation at which all units fire."""
LEAST_RATE = 0.35
"""Force of a unit that has just been recruited, over its largest."""
FASTEST = 0.022
"""Loss (1/s) of force of the largest unit at its full rate; smaller ones by the square root of their strength."""
FLOOR = 0.2
"""What is left of a unit that is exhausted."""
SILENT_RECOVERY = 0.01
"""1/s."""


@dataclass(frozen=True)
class MotorUnitPool:
    """Units of a muscle in groups, equal for all muscles.

    Attributes
    ----------
    share : ndarray, shape (N_GROUPS,)
        Of the force of the rested muscle.
    threshold : ndarray, shape (N_GROUPS,)
        Excitation from which a group fires.
    loss : ndarray, shape (N_GROUPS,)
        1/s at the full rate.
    """

    share: np.ndarray
    threshold: np.ndarray
    loss: np.ndarray


def motor_unit_pool() -> MotorUnitPool:
    """The pool of this law."""
    place = np.linspace(0.0, 1.0, N_GROUPS)
    strength = FORCE_RANGE**place
    number = FORCE_RANGE ** (-0.5 * place)  # many small units, few large ones
    share = strength * number / (strength * number).sum()
    threshold = LAST_RECRUITED * (FORCE_RANGE**place - 1.0) / (FORCE_RANGE - 1.0)
    return MotorUnitPool(share, threshold, FASTEST * np.sqrt(strength / FORCE_RANGE))


def firing(pool: MotorUnitPool, excitation: np.ndarray) -> np.ndarray:
    """Activity (..., N_GROUPS) of each group, 0 silent to 1, at excitations (...) of 0 to 1."""
    beyond = excitation[..., None] - pool.threshold
    return np.where(beyond >= 0.0, np.minimum(1.0, LEAST_RATE + (1.0 - LEAST_RATE) * beyond / 0.4), 0.0)


def tired(pool: MotorUnitPool, left: np.ndarray, active: np.ndarray, speed: np.ndarray, seconds: float) -> np.ndarray:
    """What is left of each group after a short time.

    Parameters
    ----------
    pool : MotorUnitPool
    left, active : ndarray, shape (..., N_GROUPS)
    speed : ndarray, shape (...)
        Factor on the loss, of a person and muscle.
    seconds : float
    """
    losing = pool.loss * speed[..., None] * active * np.maximum(left - FLOOR, 0.0)
    return left + seconds * (SILENT_RECOVERY * (active == 0.0) * (1.0 - left) - losing)
