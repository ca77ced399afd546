"""Functions of one coordinate that drive a joint: polynomials and piecewise polynomials, with two derivatives.

OpenSim's splines, linear, constant and step functions are piecewise polynomials, so a skeleton holds them without
approximation. A polynomial takes any scalar of `opensim_models.model.vector`; pieces need numbers to choose by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from opensim_models.model.vector import Scalar, plus, times
from opensim_models.model_mismatch import ModelMismatch

Derivatives = tuple[Scalar, Scalar, Scalar]


@dataclass(frozen=True)
class Polynomial:
    """A polynomial: `coefficients`, the constant term first."""

    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class PiecewisePolynomial:
    """Polynomials side by side.

    Attributes
    ----------
    breaks : tuple of n floats
        Where one piece ends and the next begins, ascending.
    coefficients : tuple of n + 1 tuples
        One polynomial a piece, constant term first, all of one length. Piece k holds for
        ``breaks[k - 1] <= x < breaks[k]`` in the local variable ``x - breaks[max(k - 1, 0)]``; the first and the last
        reach to infinity.
    """

    breaks: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit together."""
        lengths = {len(piece) for piece in self.coefficients}
        ascending = all(a < b for a, b in zip(self.breaks, self.breaks[1:], strict=False))
        if not self.breaks or len(self.coefficients) != len(self.breaks) + 1 or len(lengths) != 1 or not ascending:
            raise ModelMismatch(
                f"A piecewise polynomial needs ascending breaks and one more piece than breaks; got "
                f"{len(self.breaks)} breaks and {len(self.coefficients)} pieces of {sorted(lengths)} coefficients."
            )

    @cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Breaks (n,), origins of the local variable (n + 1,) and coefficients (degree + 1, n + 1)."""
        breaks = np.array(self.breaks)
        return breaks, np.concatenate([breaks[:1], breaks]), np.array(self.coefficients).T


ScalarFunction = Polynomial | PiecewisePolynomial
IDENTITY_FUNCTION = Polynomial((0.0, 1.0))
"""The coordinate itself."""


def value_and_derivatives(function: ScalarFunction, x: Scalar) -> Derivatives:
    """Value, first and second derivative.

    Parameters
    ----------
    function : ScalarFunction
    x : scalar
        Anything with arithmetic for a polynomial; a number or an array for pieces.

    Raises
    ------
    ModelMismatch
        Pieces are asked for a symbol or a tensor.
    """
    if isinstance(function, Polynomial):
        return _horner(function.coefficients, x)
    if not isinstance(x, (int, float, np.number, np.ndarray)):
        raise ModelMismatch(
            f"A spline of a joint cannot choose its piece for a {type(x).__module__}.{type(x).__name__}; give the "
            "skeleton to `opensim_models.model.polynomial_skeleton.with_polynomials` first."
        )
    breaks, origins, coefficients = function.tables
    piece = np.searchsorted(breaks, x, side="right")
    return _horner(tuple(coefficients[:, piece]), x - origins[piece])


def chain_and_derivatives(functions: Sequence[ScalarFunction], x: Scalar) -> Derivatives:
    """Value, first and second derivative of functions applied one after the other, by the chain rule."""
    value, slope, curvature = x, 1.0, 0.0
    for function in functions:
        value, outer, bend = value_and_derivatives(function, value)
        curvature = plus(times(bend, times(slope, slope)), times(outer, curvature))
        slope = times(outer, slope)
    return value, slope, curvature


def _horner(coefficients: Sequence[Scalar], x: Scalar) -> Derivatives:
    """Polynomial with its derivatives."""
    value = slope = curvature = 0.0
    for c in reversed(coefficients):
        curvature = plus(times(curvature, x), times(2.0, slope))
        slope = plus(times(slope, x), value)
        value = plus(times(value, x), c)
    return value, slope, curvature


def negated(function: ScalarFunction) -> ScalarFunction:
    """Minus the function."""
    if isinstance(function, Polynomial):
        return Polynomial(tuple(-c for c in function.coefficients))
    return PiecewisePolynomial(function.breaks, tuple(tuple(-c for c in piece) for piece in function.coefficients))


def is_constant(function: ScalarFunction) -> bool:
    """Whether the function is one value everywhere."""
    if isinstance(function, Polynomial):
        return not any(function.coefficients[1:])
    return not any(any(piece[1:]) for piece in function.coefficients) and len(set(function.coefficients)) == 1


def without_identities(functions: Sequence[ScalarFunction]) -> tuple[ScalarFunction, ...]:
    """Leave out of a chain what changes nothing; one function always stays."""
    return tuple(f for f in functions if f != IDENTITY_FUNCTION) or (IDENTITY_FUNCTION,)


def function_from_plain(content: Mapping[str, Any]) -> ScalarFunction:
    """Build a function from a dictionary of its fields, as JSON keeps it."""
    if "breaks" in content:
        pieces = tuple(tuple(float(c) for c in piece) for piece in content["coefficients"])
        return PiecewisePolynomial(tuple(float(x) for x in content["breaks"]), pieces)
    return Polynomial(tuple(float(c) for c in content["coefficients"]))
