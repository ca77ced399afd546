"""OpenSim's functions of one argument as polynomials and piecewise polynomials. Runs inside a worker process.

A spline is a polynomial of known degree between its knots and beyond its ends, so that as many samples as it has
coefficients give each piece exactly, whatever rule the class has for its ends (SimmSpline: linear; GCVSpline: natural;
PiecewiseLinear: linear; PiecewiseConstant, GCVSpline of degree 1, StepFunction: constant). What is not piecewise
polynomial (Sine) is fitted piece by piece. Either way the largest deviation from OpenSim's own values is stated.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from opensim_models.osim.library import osim

KNOT_CLASSES = ("SimmSpline", "GCVSpline", "PiecewiseLinearFunction", "PiecewiseConstantFunction")
WIDEST_RANGE = 4 * math.pi  # of a coordinate; OpenSim writes "no limit" as a huge range
EXACT = 1e-12
FITTED_DEGREE = 9
MOST_PIECES = 512


def describe_function(source: Any, limits: tuple[float, float] | None, scale: float = 1.0) -> dict[str, Any]:
    """Describe a function of one argument.

    Parameters
    ----------
    source : OpenSim function
    limits : (float, float), optional
        Range of the argument; only functions that are no piecewise polynomials need it.
    scale : float
        Factor on the values.

    Returns
    -------
    dict
        ``source`` (OpenSim's class), ``coefficients`` (constant first; one tuple a piece where there are ``breaks``),
        ``breaks`` and ``deviation`` (largest difference from OpenSim's values, where it was sampled).
    """
    kind = source.getConcreteClassName()
    if kind == "MultiplierFunction":
        multiplier = osim.MultiplierFunction.safeDownCast(source)
        return describe_function(multiplier.getFunction(), limits, scale * multiplier.getScale())
    if kind == "Constant":
        return {"source": kind, "coefficients": (scale * osim.Constant.safeDownCast(source).getValue(),)}
    if kind == "LinearFunction":
        linear = osim.LinearFunction.safeDownCast(source)
        return {"source": kind, "coefficients": (scale * linear.getIntercept(), scale * linear.getSlope())}
    if kind == "PolynomialFunction":
        highest_first = osim.PolynomialFunction.safeDownCast(source).getCoefficients()
        values = [scale * highest_first.get(i) for i in range(highest_first.size())]
        return {"source": kind, "coefficients": tuple(reversed(values))}
    if kind == "MultivariatePolynomialFunction" and source.getArgumentSize() == 1:
        values = osim.MultivariatePolynomialFunction.safeDownCast(source).getCoefficients()
        return {"source": kind, "coefficients": tuple(scale * values.get(i) for i in range(values.size()))}
    breaks, degree = _knots(source, kind)
    if breaks is not None and (len(breaks) < 2 or not np.isfinite(breaks).all() or (np.diff(breaks) < 0).any()):
        return {"source": kind, "coefficients": (math.nan,), "deviation": math.inf}  # no function: refused later
    if breaks is None:
        return _fitted(source, kind, limits, scale)
    return _pieces(source, kind, breaks, degree, scale)


def value_at(source: Any, x: float) -> float:
    """Value of an OpenSim function of one argument."""
    return source.calcValue(osim.Vector(1, float(x)))


def _knots(source: Any, kind: str) -> tuple[np.ndarray | None, int]:
    """Where the pieces meet and their degree; None for a function that is not made of polynomials."""
    if kind == "StepFunction":
        step = osim.StepFunction.safeDownCast(source)
        return np.array([step.getStartTime(), step.getEndTime()]), 5
    if kind not in KNOT_CLASSES:
        return None, 0
    cast = getattr(osim, kind).safeDownCast(source)
    knots = np.array([cast.getX(i) for i in range(cast.getSize())])
    if (np.diff(knots) > 0).any():
        knots = knots[np.concatenate([[True], np.diff(knots) != 0])]  # a knot may be given twice
    if kind == "GCVSpline":
        return knots, cast.getDegree()
    return knots, {"SimmSpline": 3, "PiecewiseLinearFunction": 1, "PiecewiseConstantFunction": 0}[kind]


def _pieces(source: Any, kind: str, breaks: np.ndarray, degree: int, scale: float) -> dict[str, Any]:
    """Interpolate every piece, the outer ones over one span beyond the ends, and compare between the samples."""
    span = max(float(breaks[-1] - breaks[0]), 1e-3)
    edges = np.concatenate([[breaks[0] - span], breaks, [breaks[-1] + span]])
    origins = np.concatenate([breaks[:1], breaks])
    coefficients, deviation = [], 0.0
    # Chebyshev points lie inside the piece, where no rule for the knots themselves applies
    inside = np.cos((2 * np.arange(degree + 1) + 1) * np.pi / (2 * degree + 2)) / 2 + 0.5
    between = np.array([0.03, 0.27, 0.61, 0.97])
    for low, high, origin in zip(edges[:-1], edges[1:], origins, strict=True):
        width = high - low
        unit = np.vander((low + inside * width - origin) / width, degree + 1, increasing=True)
        values = [scale * value_at(source, x) for x in low + inside * width]
        piece = np.linalg.solve(unit, values) / width ** np.arange(degree + 1)
        coefficients.append(tuple(float(c) for c in piece))
        at = low + between * width
        theirs = np.array([scale * value_at(source, x) for x in at])
        ours = np.polynomial.polynomial.polyval(at - origin, piece)
        deviation = max(deviation, float(np.abs(ours - theirs).max()))
    return {
        "source": kind,
        "breaks": tuple(float(x) for x in breaks),
        "coefficients": tuple(coefficients),
        "deviation": deviation,
    }


def _fitted(source: Any, kind: str, limits: tuple[float, float] | None, scale: float) -> dict[str, Any]:
    """Cut the argument's range ever finer until polynomials agree with a smooth function to rounding."""
    usable = limits is not None and 0 < limits[1] - limits[0] <= WIDEST_RANGE
    low, high = limits if usable else (-WIDEST_RANGE / 2, WIDEST_RANGE / 2)
    count, described = 8, {}
    while count <= MOST_PIECES:
        described = _pieces(source, kind, np.linspace(low, high, count + 1), FITTED_DEGREE, scale)
        # the outer pieces span one range each and are not meant to agree there: repeat their inner neighbours
        width = (high - low) / count
        described["coefficients"] = (
            described["coefficients"][1],
            *described["coefficients"][1:-1],
            _moved_end(described, width),
        )
        described["deviation"] = _deviation_inside(source, described, low, high, scale)
        if described["deviation"] < EXACT:
            break
        count *= 2
    return described | {"range": (low, high)}


def _moved_end(described: dict[str, Any], width: float) -> tuple[float, ...]:
    """The last inner piece about its own end."""
    last = np.polynomial.Polynomial(described["coefficients"][-2])
    moved = np.zeros(FITTED_DEGREE + 1)  # a composition leaves out zeros at its end
    found = np.atleast_1d(last(np.polynomial.Polynomial([width, 1.0])).coef)
    moved[: len(found)] = found
    return tuple(float(c) for c in moved)


def _deviation_inside(source: Any, described: dict[str, Any], low: float, high: float, scale: float) -> float:
    """Largest difference from OpenSim's values over the range."""
    at = np.linspace(low, high, 1001)[:-1] + (high - low) / 5003
    breaks, pieces = np.array(described["breaks"]), np.array(described["coefficients"])
    piece = np.searchsorted(breaks, at, side="right")
    local = at - np.concatenate([breaks[:1], breaks])[piece]
    ours = (pieces[piece] * local[:, None] ** np.arange(pieces.shape[1])).sum(axis=1)
    return float(np.abs(ours - [scale * value_at(source, x) for x in at]).max())
