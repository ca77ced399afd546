"""Vectors and rotations over any scalar: float, NumPy array, CasADi SX or torch tensor.

A vector is a 3-tuple of scalars, a rotation a 3×3 nested tuple. Exact zeros and ones of a model's geometry are skipped,
which keeps planar models planar and symbolic expressions small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Scalar = Any
Vector = tuple[Scalar, Scalar, Scalar]
Matrix = tuple[Vector, Vector, Vector]


def _known(x: Scalar, value: float) -> bool:
    return isinstance(x, (int, float)) and x == value


def plus(a: Scalar, b: Scalar) -> Scalar:
    """Sum of two scalars."""
    if _known(a, 0.0):
        return b
    return a if _known(b, 0.0) else a + b


def minus(a: Scalar, b: Scalar) -> Scalar:
    """Difference of two scalars."""
    if _known(b, 0.0):
        return a
    return -b if _known(a, 0.0) else a - b


def times(a: Scalar, b: Scalar) -> Scalar:
    """Product of two scalars."""
    if _known(a, 0.0) or _known(b, 0.0):
        return 0.0
    if _known(a, 1.0):
        return b
    return a if _known(b, 1.0) else a * b


def _sin(x: Scalar) -> Scalar:
    return x.sin() if hasattr(x, "sin") else np.sin(x)


def _cos(x: Scalar) -> Scalar:
    return x.cos() if hasattr(x, "cos") else np.cos(x)


# Vectors and rotations.
def add(a: Vector, b: Vector) -> Vector:
    """Sum of two vectors."""
    return tuple(plus(x, y) for x, y in zip(a, b, strict=True))


def subtract(a: Vector, b: Vector) -> Vector:
    """Difference of two vectors."""
    return tuple(minus(x, y) for x, y in zip(a, b, strict=True))


def scale(a: Vector, s: Scalar) -> Vector:
    """Vector times a scalar."""
    return tuple(times(x, s) for x in a)


def dot(a: Vector, b: Vector) -> Scalar:
    """Scalar product."""
    return plus(plus(times(a[0], b[0]), times(a[1], b[1])), times(a[2], b[2]))


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return (
        minus(times(a[1], b[2]), times(a[2], b[1])),
        minus(times(a[2], b[0]), times(a[0], b[2])),
        minus(times(a[0], b[1]), times(a[1], b[0])),
    )


def transpose(r: Matrix) -> Matrix:
    """Inverse of a rotation."""
    return tuple(zip(*r, strict=True))


def rotate(r: Matrix, v: Vector) -> Vector:
    """Rotation times a vector."""
    return tuple(dot(row, v) for row in r)


def compose(a: Matrix, b: Matrix) -> Matrix:
    """Product of two rotations."""
    columns = transpose(b)
    return tuple(tuple(dot(row, column) for column in columns) for row in a)


def axis_rotation(axis: Vector, angle: Scalar) -> Matrix:
    """Rotation by an angle (rad) about a unit axis (Rodrigues)."""
    c, s = _cos(angle), _sin(angle)
    x, y, z = axis
    versine = minus(1.0, c)

    def entry(a: float, b: float, signed: float) -> Scalar:
        return plus(times(a * b, versine), times(signed, s))

    def diagonal(a: float) -> Scalar:
        return plus(times(1.0 - a * a, c), a * a)

    return (
        (diagonal(x), entry(x, y, -z), entry(x, z, y)),
        (entry(x, y, z), diagonal(y), entry(y, z, -x)),
        (entry(x, z, -y), entry(y, z, x), diagonal(z)),
    )


def is_identity(r: Matrix) -> bool:
    """Whether a rotation is known, as plain numbers, to change nothing."""
    return all(_known(r[i][j], float(i == j)) for i in range(3) for j in range(3))


def over_frames(scalars: Sequence[Scalar], n_frames: int) -> np.ndarray:
    """Bring scalars over time, some of them constant, into one array (n_frames, n_scalars)."""
    return np.stack([np.broadcast_to(x, (n_frames,)) for x in scalars], axis=1).astype(float)
