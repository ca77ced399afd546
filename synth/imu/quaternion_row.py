"""Quaternion rows: products, logarithms and exponentials of many unit quaternions (x, y, z, w) at once.

Inside the virtual sensor only, for speed; what goes in and out of its functions is a `Rotation`.
"""

from __future__ import annotations

import numpy as np


def unit(quaternion: np.ndarray) -> np.ndarray:
    """Rows (n, 4) at length one."""
    return quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)


def product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Quaternion product first * second (n, 4): the second rotation, then the first."""
    x1, y1, z1, w1 = first.T
    x2, y2, z2, w2 = second.T
    result = np.empty_like(second)
    result[:, 0] = w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2
    result[:, 1] = w1 * y2 + y1 * w2 + z1 * x2 - x1 * z2
    result[:, 2] = w1 * z2 + z1 * w2 + x1 * y2 - y1 * x2
    result[:, 3] = w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2
    return result


def conjugate(quaternion: np.ndarray) -> np.ndarray:
    """The inverse rotations (n, 4)."""
    return quaternion * np.array([-1.0, -1.0, -1.0, 1.0])


def relative(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """conj(first) * second (n, 4): the second orientation seen from the first."""
    return product(conjugate(first), second)


def logarithm(quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (n, 3) of unit quaternions, |angle| <= pi."""
    sine = np.sqrt(np.einsum("ij,ij->i", quaternion[:, :3], quaternion[:, :3]))
    cosine = quaternion[:, 3]
    half = np.arctan2(sine, np.abs(cosine))
    small = sine < 1e-12
    scale = np.where(small, 1.0, half / np.where(small, 1.0, sine))
    return (2.0 * np.copysign(scale, cosine))[:, None] * quaternion[:, :3]


def exponential(vector: np.ndarray) -> np.ndarray:
    """Unit quaternions (n, 4) of rotation vectors (n, 3)."""
    angle = np.sqrt(np.einsum("ij,ij->i", vector, vector))
    result = np.empty((len(vector), 4))
    result[:, :3] = (0.5 * np.sinc(angle / (2.0 * np.pi)))[:, None] * vector
    result[:, 3] = np.cos(0.5 * angle)
    return result


def turned_back(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Ground vectors (n, 3) in the rotated frame: R^T v = v + 2 w (v × u) + 2 (v × u) × u with u = q_xyz."""
    axis, scalar = quaternion[:, :3], quaternion[:, 3:]
    turned = np.cross(vector, axis)
    return vector + 2.0 * (scalar * turned + np.cross(turned, axis))


def sign_continuous(quaternion: np.ndarray) -> np.ndarray:
    """The same rotations (n, 4) without jumps of sign from a row to the next finite one."""
    present = np.flatnonzero(np.isfinite(quaternion).all(axis=1))
    rows = quaternion[present]
    flipped = np.einsum("ij,ij->i", rows[1:], rows[:-1]) < 0
    signs = np.ones(len(rows))
    signs[1:] = np.where(np.cumsum(flipped) % 2, -1.0, 1.0)
    result = quaternion.copy()
    result[present] = rows * signs[:, None]
    return result
