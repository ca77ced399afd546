"""Small turns, compiled: quaternions (x, y, z, w), rotation vectors and the Jacobian between both, without arrays.

The frame is the segment's: an orientation R (segment → ground) is followed by a turn u as R Exp(u).
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.kernel.compilation import compiled
from synth.imu.orientation_kernel import Quaternion, product, row

Vector = tuple[float, float, float]


@compiled
def between(a: Quaternion, b: Quaternion) -> Quaternion:
    """conj(a) * b: the second orientation seen from the first."""
    return product((-a[0], -a[1], -a[2], a[3]), b)


@compiled
def exponential(x: float, y: float, z: float) -> Quaternion:
    """Unit quaternion of a rotation vector (rad)."""
    square = 0.25 * (x * x + y * y + z * z)
    if square < 0.01:  # Taylor, to the last digit
        scale = 0.5 - square * (1 / 12 - square * (1 / 240 - square * (1 / 10080 - square / 725760)))
        cosine = 1.0 - square * (
            1 / 2 - square * (1 / 24 - square * (1 / 720 - square * (1 / 40320 - square / 3628800)))
        )
        return scale * x, scale * y, scale * z, cosine
    half = math.sqrt(square)
    scale = 0.5 * math.sin(half) / half
    return scale * x, scale * y, scale * z, math.cos(half)


@compiled
def logarithm(q: Quaternion) -> Vector:
    """Rotation vector (rad, |angle| <= pi) of a unit quaternion."""
    square = q[0] * q[0] + q[1] * q[1] + q[2] * q[2]
    if square < 1e-3:  # 2 asin(s) / s, to the last digit
        rest = 1 / 6 + square * (3 / 40 + square * (5 / 112 + square * (35 / 1152 + square * 63 / 2816)))
        scale = 2.0 + 2.0 * square * rest
    else:
        sine = math.sqrt(square)
        scale = 2.0 * math.atan2(sine, abs(q[3])) / sine
    scale = math.copysign(scale, q[3])
    return scale * q[0], scale * q[1], scale * q[2]


@compiled
def matrix_into(q: Quaternion, out: np.ndarray) -> None:
    """Rotation matrix (3, 3) of a unit quaternion."""
    x, y, z, w = q
    out[0, 0], out[0, 1], out[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)
    out[1, 0], out[1, 1], out[1, 2] = 2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)
    out[2, 0], out[2, 1], out[2, 2] = 2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)


@compiled
def inverse_jacobian_into(x: float, y: float, z: float, out: np.ndarray) -> None:
    """Inverse right Jacobian (3, 3) of SO(3) at (x, y, z): Log(Exp(r) Exp(d)) = r + J d (Sola et al. 2018, eq. 144)."""
    square = x * x + y * y + z * z
    if square < 0.25:  # 1 - (angle / 2) cot(angle / 2) over its square, by Bernoulli's numbers: 1e-12
        second = 1 / 1209600 + square * (1 / 47900160 + square * 691 / 1307674368000)
        second = 1 / 12 + square * (1 / 720 + square * (1 / 30240 + square * second))
    else:
        angle = math.sqrt(square)
        second = 1.0 / square - (1.0 + math.cos(angle)) / (2.0 * angle * math.sin(angle))
    rest = 1.0 - second * square
    out[0, 0], out[1, 1], out[2, 2] = rest + second * x * x, rest + second * y * y, rest + second * z * z
    out[0, 1], out[1, 0] = second * x * y - 0.5 * z, second * x * y + 0.5 * z
    out[0, 2], out[2, 0] = second * x * z + 0.5 * y, second * x * z - 0.5 * y
    out[1, 2], out[2, 1] = second * y * z - 0.5 * x, second * y * z + 0.5 * x


@compiled
def turned_rows(quaternion: np.ndarray, turn: np.ndarray, share: float) -> np.ndarray:
    """Rows (n, 4), each followed by a share of its turn (n, 3), at length one."""
    turned = np.empty_like(quaternion)
    for k in range(len(quaternion)):
        x, y, z, w = product(
            row(quaternion, k), exponential(share * turn[k, 0], share * turn[k, 1], share * turn[k, 2])
        )
        size = math.sqrt(x * x + y * y + z * z + w * w)
        turned[k, 0], turned[k, 1], turned[k, 2], turned[k, 3] = x / size, y / size, z / size, w / size
    return turned


@compiled
def chained(start: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Quaternions (n, 4) from a start (4,) by one turn (n, 3; the first is not used) after the other."""
    chain = np.empty((len(turn), 4))
    reached = (start[0], start[1], start[2], start[3])
    for k in range(len(turn)):
        if k > 0:
            x, y, z, w = product(reached, exponential(turn[k, 0], turn[k, 1], turn[k, 2]))
            size = math.sqrt(x * x + y * y + z * z + w * w)
            reached = (x / size, y / size, z / size, w / size)
        chain[k, 0], chain[k, 1], chain[k, 2], chain[k, 3] = reached
    return chain
