"""Coordination: the activations with which somebody pinches as hard as possible, for many people at once.

    minimise over a, F:  -F_palmar / 100 N + e/2 Σ a² + s/2 |F_shear / 100 N|² + t/2 |R a - L F|²,  0 <= a <= limit

R are torques of full activation at the four axes of the thumb and two of the wrist, L the loads of a force at the pulp.
With e and s → 0 and t → ∞ this is the linear programme of the largest well-directed force; as it stands it is static
optimisation with a price of effort, whose answer moves smoothly with a person's numbers. The free F is eliminated; what
is left is a quadratic programme in a box, solved by an interior point method for all people at once.

With a target, the palmar force is to be that, w/2 ((F_palmar - target) / 100 N)² with a large w in the place of the
first term: the same static optimisation of a pinch that is not as hard as possible.
"""

from __future__ import annotations

import numpy as np

SCALE = 100.0
"""Newtons in which forces are counted here."""
TORQUE_WEIGHT = 30.0
"""Price of what the muscles leave over, per (N·m)²."""
TARGET_WEIGHT = 1e3
"""w, the price of another palmar force than the target."""
N_STEPS, CENTRING, TOLERANCE = 60, 0.1, 1e-9
"""Of `box_minimum`: most steps, how much of the gap a step aims to leave, and the gap at which it ends."""


def strongest_pinch(
    torques: np.ndarray,
    loads: np.ndarray,
    limits: np.ndarray,
    *,
    effort: float,
    shear: float,
    target: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Activations and force of the strongest pinch, or of one with a target.

    Parameters
    ----------
    torques : ndarray, shape (n, 6, m)
        N·m of each muscle at full activation.
    loads : ndarray, shape (n, 6, 3)
        N·m for one newton palmar, distal and ulnar.
    limits : ndarray, shape (n, m)
        Largest activations.
    effort, shear : float
        e and s above.
    target : ndarray, shape (n,), optional
        Palmar force (N) that is wanted.

    Returns
    -------
    activations : ndarray, shape (n, m)
    force : ndarray, shape (n, 3)
        N, palmar, distal, ulnar.
    """
    scaled = loads * SCALE
    root = np.sqrt(TORQUE_WEIGHT)
    price = np.diag([1e-9 if target is None else TARGET_WEIGHT, shear, shear])
    pull = np.ones(len(torques)) if target is None else TARGET_WEIGHT * np.asarray(target) / SCALE
    inner = TORQUE_WEIGHT * np.swapaxes(scaled, 1, 2) @ scaled + price
    cross = TORQUE_WEIGHT * np.swapaxes(scaled, 1, 2) @ torques
    gain = np.linalg.solve(inner, cross)
    offset = np.linalg.solve(inner, (pull[:, None] * [1.0, 0.0, 0.0])[..., None])[..., 0]
    left = root * torques
    quadratic = np.swapaxes(left, 1, 2) @ left - np.swapaxes(cross, 1, 2) @ gain
    quadratic = quadratic + effort * np.eye(torques.shape[2])
    linear = -np.einsum("nkm,nk->nm", cross, offset)
    activations = box_minimum(quadratic, linear, limits)
    force = SCALE * (np.einsum("nkm,nm->nk", gain, activations) + offset)
    return activations, force


def box_minimum(quadratic: np.ndarray, linear: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Minimum of ½ x'Qx + c'x for 0 <= x <= upper; Q (n, m, m) positive definite, c and upper (n, m).

    Primal-dual interior point (Wright 1997, Primal-Dual Interior-Point Methods): every step solves the conditions of
    the minimum, with products of distance and multiplier equal to a target that shrinks, and stays inside the box.
    """
    x = 0.5 * upper
    low, high = np.ones_like(x), np.ones_like(x)
    for _ in range(N_STEPS):
        room = upper - x
        gap = (low * x + high * room).mean(axis=1, keepdims=True) / 2.0
        if float(gap.max()) < TOLERANCE:
            break
        target = CENTRING * gap
        slope = np.einsum("nij,nj->ni", quadratic, x) + linear
        matrix = quadratic + np.eye(x.shape[1]) * (low / x + high / room)[:, None, :]
        step = np.linalg.solve(matrix, (-slope + target / x - target / room)[..., None])[..., 0]
        low_step = target / x - low - low / x * step
        high_step = target / room - high + high / room * step
        length = np.minimum.reduce([_room(x, step), _room(room, -step), _room(low, low_step), _room(high, high_step)])
        x, low, high = x + length * step, low + length * low_step, high + length * high_step
    return x


def _room(value: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Share of a step (n, 1) that leaves all values above zero, at most 1."""
    reached = np.where(step < 0, -value / np.where(step < 0, step, -1.0), np.inf)
    return np.minimum(1.0, 0.995 * reached.min(axis=1, keepdims=True))
