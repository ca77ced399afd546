"""A skeleton whose joints are polynomials only: what symbols (CasADi) and tensors (torch) can go through.

A spline chooses its piece by the value of the coordinate, which neither a symbol nor a graph of tensors allows. One
polynomial a joint axis takes its place over the coordinate's range, and the notes say how far it is off.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opensim_models.model.scalar_function import Polynomial, ScalarFunction, chain_and_derivatives
from opensim_models.model.skeleton import Coordinate, JointElement, Skeleton

GOOD_FIT = 1e-4
"""Largest deviation (m or rad) at which a lower degree is good enough."""
HIGHEST_DEGREE = 12
SAMPLES = 401


def with_polynomials(skeleton: Skeleton, good_fit: float = GOOD_FIT) -> Skeleton:
    """Replace the splines of a skeleton's joints by fitted polynomials.

    Parameters
    ----------
    skeleton : Skeleton
    good_fit : float
        Largest deviation (m or rad) at which a lower degree is good enough; the degree never exceeds 12.

    Returns
    -------
    Skeleton
        The same one where it has no splines; else with one note more for each axis, naming degree, range and largest
        deviation. `coupled` and prescribed functions stay as they are: mechanics does not use them.
    """
    notes: list[str] = []
    segments = []
    for segment in skeleton.segments:
        elements = tuple(
            element
            if all(isinstance(f, Polynomial) for f in element.functions)
            else _fitted(element, skeleton.coordinates[element.coordinate], segment.name, good_fit, notes)
            for element in segment.elements
        )
        segments.append(replace(segment, elements=elements))
    if not notes:
        return skeleton
    return replace(skeleton, segments=tuple(segments), notes=(*skeleton.notes, *notes))


def _fitted(
    element: JointElement, coordinate: Coordinate, segment: str, good_fit: float, notes: list[str]
) -> JointElement:
    """One element as a polynomial of the lowest degree that is good."""
    low, high = _range(element.functions, coordinate)
    x = np.linspace(low, high, SAMPLES)
    y = np.broadcast_to(chain_and_derivatives(element.functions, x)[0], x.shape)
    for degree in range(1, HIGHEST_DEGREE + 1):
        fit = np.polynomial.Polynomial.fit(x, y, degree)
        error = float(np.abs(fit(x) - y).max())
        if error < good_fit:
            break
    notes.append(
        f"{segment}: {element.kind} by {coordinate.name} as a polynomial of degree {degree} between {low:.3g} and "
        f"{high:.3g}, largest deviation {error:.1e}"
    )
    return replace(element, functions=(Polynomial(tuple(float(c) for c in fit.convert().coef)),))


def _range(functions: tuple[ScalarFunction, ...], coordinate: Coordinate) -> tuple[float, float]:
    """Range of the coordinate; where it has none, that of the first function's knots."""
    breaks = getattr(functions[0], "breaks", (-np.pi, np.pi))
    ends = (breaks[0], breaks[-1])
    limits = (coordinate.lower, coordinate.upper)
    low, high = (limit if np.isfinite(limit) else end for limit, end in zip(limits, ends, strict=True))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
