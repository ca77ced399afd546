"""Gap Kalman smoother: what a marker did in a gap according to a random motion model, as weights of the seen samples.

The Rauch-Tung-Striebel smoother of a linear motion model with diffuse start is the best linear estimate from all the
samples seen (Kalman 1960, J Basic Eng 82:35; Rauch, Tung & Striebel 1965, AIAA J 3:1445). With a few samples on each
side of a gap that estimate is cheapest in its covariance form: one small system that depends on frame numbers only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=2048)
def constant_acceleration_weights(known: tuple[int, ...], wanted: tuple[int, ...], noise: float) -> np.ndarray:
    """Weights of the seen samples under a constant acceleration that wanders (its derivative is white noise).

    The smoother of this model is the quintic smoothing spline (Wahba 1978, J R Stat Soc B 40:364); `noise` is its
    smoothing parameter.

    Parameters
    ----------
    known, wanted : tuple of int
        Frame numbers of the seen (at least three) and of the missing samples.
    noise : float
        Variance of the measurement over the density of the jerk (frames⁵).

    Returns
    -------
    ndarray, shape (len(wanted), len(known))
        Parabolas are bridged exactly.
    """
    middle = 0.5 * (known[0] + known[-1])
    seen, missing = np.array(known) - middle, np.array(wanted) - middle
    scale = max(abs(seen[0]), abs(seen[-1]), 1.0)
    count = len(seen)
    system = np.zeros((count + 3, count + 3))
    # Distances are scaled to one, or the fifth power would swamp the polynomial part.
    system[:count, :count] = _quintic(seen[:, None] - seen, scale) + noise / scale**5 * np.eye(count)
    system[:count, count:] = (seen[:, None] / scale) ** np.arange(3)
    system[count:, :count] = system[:count, count:].T
    right = np.hstack([_quintic(missing[:, None] - seen, scale), (missing[:, None] / scale) ** np.arange(3)])
    return np.linalg.solve(system, right.T).T[:, :count]


@lru_cache(maxsize=2048)
def wandering_weights(known: tuple[int, ...], wanted: tuple[int, ...], memory: float, noise: float) -> np.ndarray:
    """Weights of the seen samples of a signal that wanders around zero (first-order Gauss-Markov process).

    For the residual of a prediction: near the edges of the gap it continues the seen residual, far away it forgets it.

    Parameters
    ----------
    known, wanted : tuple of int
        Frame numbers of the seen (possibly none, or on one side only) and of the missing samples.
    memory : float
        Frames after which the correlation has fallen to 1/e.
    noise : float
        Variance of the measurement over that of the signal.

    Returns
    -------
    ndarray, shape (len(wanted), len(known))
    """
    seen, missing = np.array(known, dtype=float), np.array(wanted, dtype=float)
    covariance = np.exp(-np.abs(seen[:, None] - seen) / memory) + noise * np.eye(len(seen))
    return np.linalg.solve(covariance, np.exp(-np.abs(missing[:, None] - seen) / memory).T).T


def _quintic(distance: np.ndarray, scale: float) -> np.ndarray:
    """Generalised covariance of twice-integrated Brownian motion, distances in units of `scale`."""
    return -(np.abs(distance / scale) ** 5) / 240.0
