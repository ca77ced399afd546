"""Errors that last longer than a frame: the gyroscope's bias (constant or walking) and the prior's offset.

They are the border of the smoother's matrix: the bias at knots, linear in between, then the offset.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation


def positive_deviation(value: float | np.ndarray, name: str, unit: str) -> np.ndarray:
    """A positive deviation about each axis (3,)."""
    given = np.asarray(value, dtype=float)
    if given.shape not in ((), (3,)) or not (np.isfinite(given).all() and (given > 0).all()):
        raise ValueError(f"{name} is {value}, expected one positive number or three ({unit}).")
    return np.full(3, given) if given.shape == () else given


def bias_knots(
    deviation: float | None, walk: float | None, interval: float, n: int, rate: float
) -> tuple[int, np.ndarray]:
    """Number of knots of the bias, and every frame's position between them (n,)."""
    if deviation is None:
        if walk is not None:
            raise ValueError("bias_walk needs bias_deviation, the SD of the bias at the first frame (rad/s).")
        return 0, np.zeros(n)
    if walk is None:
        return 1, np.zeros(n)
    if not interval * rate >= 1:
        raise ValueError(f"bias_interval is {interval} s, expected a frame period or more.")
    position = np.arange(n) / (rate * interval)
    return max(2, math.ceil(position[-1]) + 1), position


def border_precision(
    n_knots: int, deviation: float | None, walk: float | None, interval: float, offset: float
) -> np.ndarray:
    """Inverse covariance (m, m) of bias knots and offset before any record."""
    bias = np.zeros((n_knots, n_knots))
    if n_knots:
        bias[0, 0] = positive_deviation(deviation, "bias_deviation", "rad/s")[0] ** -2
    for k in range(n_knots - 1):
        bias[k : k + 2, k : k + 2] += np.array([[1, -1], [-1, 1]]) / (
            positive_deviation(walk, "bias_walk", "")[0] ** 2 * interval
        )
    m = 3 * n_knots + (3 if offset else 0)
    precision = np.zeros((m, m))
    precision[: 3 * n_knots, : 3 * n_knots] = np.kron(bias, np.eye(3))
    if offset:
        precision[-3:, -3:] = np.diag(positive_deviation(offset, "prior_offset_deviation", "rad") ** -2)
    return precision


def bias_course(knots: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Bias (n, 3) at every frame from its knots (n_knots, 3)."""
    if len(knots) < 2:
        return np.tile(knots[0] if len(knots) else np.zeros(3), (len(position), 1))
    return np.stack([np.interp(position, np.arange(len(knots)), knots[:, axis]) for axis in range(3)], axis=1)


def unmounted(
    quaternion: np.ndarray,
    covariance: np.ndarray,
    offset: np.ndarray,
    solution: np.ndarray,
    inverse: np.ndarray,
    share: float,
    left: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Orientation of the segment (n, 4) from that of a sensor that sits on it somehow turned, and its covariance.

    The sensor's turn against its segment is its share of the offset; of what it is beyond that, the variance (rad²) is
    left. Solution (n, 3, 1 + m) and inverse (m, m) of the border give the covariance between frames and offset.
    """
    turn = Rotation.from_rotvec(share * offset)
    shared = -(solution[:, :, 1:] @ inverse[:, -3:])
    own = covariance - share * (shared + shared.transpose(0, 2, 1)) + share**2 * inverse[-3:, -3:] + left * np.eye(3)
    axes = turn.as_matrix()
    return (Rotation.from_quat(quaternion) * turn.inv()).as_quat(), axes @ own @ axes.T
