"""Load sharing: which activations of several muscles give a torque with the least sum of squares.

Static optimisation of one joint (R. D. Crowninshield and R. A. Brand, J Biomech 14:793, 1981, with squares). Minimise
the sum of a_i^2 with sum of c_i a_i = T and 0 <= a_i <= 1: a_i = min(1, m c_i), and one number m, found by bisection.
"""

from __future__ import annotations

import numpy as np

_HALVINGS = 30


def least_squares_activations(capacities: np.ndarray, torque: np.ndarray) -> np.ndarray:
    """Activations (n, n_muscles) that give torques (n,) in N·m, all 1 where even that is not enough.

    Parameters
    ----------
    capacities : ndarray, shape (n, n_muscles)
        Torque (N·m) of each muscle when fully active, now; not negative.
    torque : ndarray, shape (n,)
        Wanted; none for 0 and below.
    """
    wanted = np.clip(torque, 0.0, capacities.sum(axis=1))
    low = np.zeros(len(capacities))
    high = 1.0 / np.maximum(np.where(capacities > 0.0, capacities, np.inf).min(axis=1), 1e-9)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        given = (capacities * np.minimum(1.0, middle[:, None] * capacities)).sum(axis=1)
        enough = given >= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found = np.minimum(1.0, high[:, None] * capacities)
    return np.where((torque > 0.0)[:, None], found, 0.0)
