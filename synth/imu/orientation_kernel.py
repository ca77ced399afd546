"""The orientation curve, compiled: `synth.imu.orientation_curve`, which is its test, frame by frame without arrays."""

from __future__ import annotations

import math

import numpy as np

from opensim_models.kernel.compilation import compiled

Quaternion = tuple[float, float, float, float]
_Vector = tuple[float, float, float]


@compiled
def product(a: Quaternion, b: Quaternion) -> Quaternion:
    """Quaternion product a * b."""
    return (
        a[3] * b[0] + a[0] * b[3] + a[1] * b[2] - a[2] * b[1],
        a[3] * b[1] + a[1] * b[3] + a[2] * b[0] - a[0] * b[2],
        a[3] * b[2] + a[2] * b[3] + a[0] * b[1] - a[1] * b[0],
        a[3] * b[3] - a[0] * b[0] - a[1] * b[1] - a[2] * b[2],
    )


@compiled
def _exponential(x: float, y: float, z: float) -> Quaternion:
    """Unit quaternion of a rotation vector."""
    half = 0.5 * math.sqrt(x * x + y * y + z * z)
    scale = 0.5 * math.sin(half) / half if half > 1e-12 else 0.5
    return scale * x, scale * y, scale * z, math.cos(half)


@compiled
def _turn_between(a: Quaternion, b: Quaternion) -> _Vector:
    """Rotation vector of conj(a) * b, |angle| <= pi."""
    x, y, z, w = product((-a[0], -a[1], -a[2], a[3]), b)
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 * math.atan2(sine, abs(w)) / sine if sine > 1e-12 else 2.0
    scale = math.copysign(scale, w)
    return scale * x, scale * y, scale * z


@compiled
def row(quaternion: np.ndarray, k: int) -> Quaternion:
    """A row as four numbers."""
    return quaternion[k, 0], quaternion[k, 1], quaternion[k, 2], quaternion[k, 3]


@compiled
def _steps(controls: np.ndarray) -> np.ndarray:
    """Increments d[-1] .. d[n+1] (n + 3, 3) of n controls, carried on beyond both ends."""
    n = len(controls)
    d = np.empty((n + 3, 3))
    for k in range(n - 1):
        d[k + 2, 0], d[k + 2, 1], d[k + 2, 2] = _turn_between(row(controls, k), row(controls, k + 1))
    for i in range(3):
        for k in (1, 0):
            d[k, i] = 5.0 * (d[k + 1, i] - d[k + 4, i]) - 10.0 * (d[k + 2, i] - d[k + 3, i]) + d[k + 5, i]
        for k in (n + 1, n + 2):
            d[k, i] = 5.0 * (d[k - 1, i] - d[k - 4, i]) - 10.0 * (d[k - 2, i] - d[k - 3, i]) + d[k - 5, i]
    return d


@compiled
def missing_turn(controls: np.ndarray, quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (n, 3) from the curve of controls (n, 4; n >= 6) to unit quaternions (n, 4) at its frames."""
    n = len(controls)
    d = _steps(controls)
    missing = np.empty((n, 3))
    before = product(row(controls, 0), _exponential(-d[1, 0], -d[1, 1], -d[1, 2]))  # C[-1]
    earliest = product(before, _exponential(-d[0, 0], -d[0, 1], -d[0, 2]))  # C[-2]
    for k in range(n):
        reached = row(controls, k - 2) if k > 1 else (before if k == 1 else earliest)
        for i in range(4):
            share = (119.0, 93.0, 27.0, 1.0)[i] / 120.0
            reached = product(reached, _exponential(share * d[k + i, 0], share * d[k + i, 1], share * d[k + i, 2]))
        missing[k, 0], missing[k, 1], missing[k, 2] = _turn_between(reached, row(quaternion, k))
    return missing


@compiled
def turned_controls(controls: np.ndarray, correction: np.ndarray) -> np.ndarray:
    """Controls (n, 4), each turned by a rotation vector (n, 3) in its own axes."""
    turned = np.empty_like(controls)
    for k in range(len(controls)):
        turn = _exponential(correction[k, 0], correction[k, 1], correction[k, 2])
        x, y, z, w = product(row(controls, k), turn)
        size = math.sqrt(x * x + y * y + z * z + w * w)
        turned[k, 0], turned[k, 1], turned[k, 2], turned[k, 3] = x / size, y / size, z / size, w / size
    return turned


@compiled
def turning_speed(controls: np.ndarray) -> np.ndarray:
    """Angular velocity (n, 3) of the curve at its frames, rad a frame, in the moving axes."""
    n = len(controls)
    d = _steps(controls)
    speed = np.empty((n, 3))
    for k in range(n):
        x, y, z = 0.0, 0.0, 0.0
        for i in range(4):
            share, rate = (119.0, 93.0, 27.0, 1.0)[i] / 120.0, (1.0, 11.0, 11.0, 1.0)[i] / 24.0
            dx, dy, dz = d[k + i, 0], d[k + i, 1], d[k + i, 2]
            ux, uy, uz, w = _exponential(share * dx, share * dy, share * dz)
            tx, ty, tz = y * uz - z * uy, z * ux - x * uz, x * uy - y * ux  # speed × axis
            x, y, z = (
                x + 2.0 * (w * tx + ty * uz - tz * uy) + rate * dx,
                y + 2.0 * (w * ty + tz * ux - tx * uz) + rate * dy,
                z + 2.0 * (w * tz + tx * uy - ty * ux) + rate * dz,
            )
        speed[k, 0], speed[k, 1], speed[k, 2] = x, y, z
    return speed
