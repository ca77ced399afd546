"""Functions of our skeletons as OpenSim writes them in a model file. Runs inside a worker process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial, ScalarFunction, value_and_derivatives
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.joint_function import value_at
from opensim_models.osim.library import osim

SAME = 1e-9
"""Largest deviation (rad, m) at which OpenSim's function is ours."""


def written_function(function: ScalarFunction, where: str) -> Any:
    """An OpenSim function with the same values.

    Raises
    ------
    ModelMismatch
        No class of OpenSim has these pieces.
    """
    if isinstance(function, Polynomial):
        values = [float(c) for c in function.coefficients] or [0.0]
        if len(values) <= 2:
            return osim.LinearFunction(values[1] if len(values) == 2 else 0.0, values[0])
        return osim.PolynomialFunction(osim.Vector.createFromMat(np.asarray(values[::-1], dtype=float)))
    for made in _candidates(function):
        if _deviation(made, function) < SAME:
            return made
    raise ModelMismatch(
        f"{where}: OpenSim has no function made of these {len(function.coefficients)} pieces of degree "
        f"{len(function.coefficients[0]) - 1}; give the skeleton to `with_polynomials` before writing it."
    )


def _candidates(function: PiecewisePolynomial) -> list[Any]:
    """OpenSim's classes of that degree, laid through our knots."""
    degree = len(function.coefficients[0]) - 1
    classes = {0: ("PiecewiseConstantFunction",), 1: ("PiecewiseLinearFunction", "GCVSpline")}
    classes |= {3: ("SimmSpline", "GCVSpline")}
    made = []
    for name in classes.get(degree, ("GCVSpline",)):
        if name == "GCVSpline" and (degree % 2 == 0 or len(function.breaks) <= degree):
            continue
        spline = getattr(osim, name)()
        if name == "GCVSpline":
            spline.setDegree(degree)
        for x in function.breaks:
            spline.addPoint(x, float(value_and_derivatives(function, x)[0]))
        made.append(spline)
    if degree == 5 and len(function.breaks) == 2:
        step = osim.StepFunction()
        step.setStartTime(function.breaks[0])
        step.setEndTime(function.breaks[1])
        step.setStartValue(function.coefficients[0][0])
        step.setEndValue(function.coefficients[2][0])
        made.append(step)
    return made


def _deviation(made: Any, function: PiecewisePolynomial) -> float:
    """Largest difference of the values inside the pieces and beyond the ends."""
    breaks = np.array(function.breaks)
    span = max(breaks[-1] - breaks[0], 1e-3)
    edges = np.concatenate([[breaks[0] - span], breaks, [breaks[-1] + span]])
    at = np.concatenate([edges[:-1] + part * np.diff(edges) for part in (0.1, 0.35, 0.6, 0.85)])
    return float(np.abs(value_and_derivatives(function, at)[0] - [value_at(made, x) for x in at]).max())


def with_every_digit(text: str, functions: list[ScalarFunction]) -> str:
    """Put the knots of splines back whole into a model file: OpenSim writes six digits of them."""
    whole = {}
    for function in functions:
        if isinstance(function, PiecewisePolynomial):
            y = [float(value_and_derivatives(function, x)[0]) for x in function.breaks]
            whole[_listed(function.breaks, "g"), _listed(y, "g")] = _listed(function.breaks, ".17g"), _listed(y, ".17g")

    def replaced(found: re.Match) -> str:
        short = (found["x"].strip(), found["y"].strip())
        x, y = whole.get(short, short)
        return f"<x> {x}</x>{found['between']}<y> {y}</y>"

    return re.sub(r"<x>(?P<x>[^<]*)</x>(?P<between>\s*)<y>(?P<y>[^<]*)</y>", replaced, text)


def _listed(values: Sequence[float], digits: str) -> str:
    """Numbers as OpenSim lists them."""
    return " ".join(format(x, digits) for x in values)
