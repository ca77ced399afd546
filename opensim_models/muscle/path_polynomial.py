"""Path polynomial: least squares of lengths and slopes together, in Chebyshev polynomials of a total degree.

Chebyshev polynomials keep the normal equations well conditioned to high degrees; the result is turned into powers,
which are quicker to evaluate. Terms are sorted by total degree, so that one set of equations holds those of every lower
degree.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from scipy.linalg import cho_factor, cho_solve

RIDGE = 1e-9
"""Part of the mean diagonal of the normal equations that is added to it."""
BLOCK = 500
"""Poses worked on at once."""


@cache
def total_degree_exponents(n_coordinates: int, degree: int) -> tuple[tuple[int, ...], ...]:
    """All exponents up to a total degree, sorted by it: those of a lower degree are the start of those of a higher."""
    return tuple(row for d in range(degree + 1) for row in _exponents(n_coordinates, d))


def _exponents(n_coordinates: int, total: int) -> Iterator[tuple[int, ...]]:
    """All exponents of one total degree."""
    if n_coordinates == 0:
        if total == 0:
            yield ()
        return
    for first in range(total, -1, -1):
        for rest in _exponents(n_coordinates - 1, total - first):
            yield (first, *rest)


def chebyshev_design(exponents: np.ndarray, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, n_terms) and slopes (n_coordinates, n, n_terms) of products of Chebyshev polynomials in [-1, 1]."""
    degree = int(exponents.max(initial=0))
    n, n_coordinates = scaled.shape
    value = np.stack([chebyshev.chebvander(scaled[:, j], degree) for j in range(n_coordinates)])
    turn = np.zeros((degree + 1, degree + 1))
    for k in range(1, degree + 1):
        unit = np.zeros(degree + 1)
        unit[k] = 1.0
        turn[: len(chebyshev.chebder(unit)), k] = chebyshev.chebder(unit)
    slope = value @ turn
    factors = np.stack([value[j][:, exponents[:, j]] for j in range(n_coordinates)])
    slopes = np.empty((n_coordinates, n, len(exponents)))
    for j in range(n_coordinates):
        others = np.prod(np.delete(factors, j, axis=0), axis=0)
        slopes[j] = slope[j][:, exponents[:, j]] * others
    return np.prod(factors, axis=0), slopes


class PathEquations:
    """Normal equations of many muscles that cross the same coordinates.

    Parameters
    ----------
    exponents : (n_terms, n_coordinates) integer array
    half_ranges : (n_coordinates,) array
        rad or m to one unit of the scaled coordinates.
    length_scale, arm_scale : float
        Errors (m) that count the same.
    """

    def __init__(self, exponents: np.ndarray, half_ranges: np.ndarray, length_scale: float, arm_scale: float) -> None:
        self.exponents, self.half_ranges = exponents, half_ranges
        self.scales = length_scale, arm_scale
        self._matrix = np.zeros((len(exponents), len(exponents)))
        self._sides: np.ndarray | None = None
        self._without: dict[int, list[np.ndarray]] = {}

    def add(self, scaled: np.ndarray, lengths: np.ndarray, arms: np.ndarray) -> None:
        """Add poses: scaled coordinates (n, k), lengths (n, m) and arms (n, m, k), of which NaN are unknown."""
        if self._sides is None:
            self._sides = np.zeros((len(self.exponents), lengths.shape[1]))
        for start in range(0, len(scaled), BLOCK):
            part = slice(start, start + BLOCK)
            value, slopes = chebyshev_design(self.exponents, scaled[part])
            value /= self.scales[0]
            self._matrix += value.T @ value
            self._sides += value.T @ (lengths[part] / self.scales[0])
            for j, slope in enumerate(slopes):
                slope *= -1.0 / self.half_ranges[j] / self.scales[1]
                known = np.isfinite(arms[part, :, j])
                self._matrix += slope.T @ slope
                self._sides += slope.T @ np.where(known, arms[part, :, j] / self.scales[1], 0.0)
                for muscle in np.flatnonzero(~known.all(axis=0)):
                    self._without.setdefault(int(muscle), []).append(slope[~known[:, muscle]])

    def solve(self, n_terms: int) -> np.ndarray:
        """Chebyshev coefficients (n_terms, m) of the first terms."""
        matrix = self._matrix[:n_terms, :n_terms]
        ridge = RIDGE * np.trace(matrix) / n_terms * np.eye(n_terms)
        solution = cho_solve(cho_factor(matrix + ridge), self._sides[:n_terms])
        for muscle, rows in self._without.items():  # arms that this muscle does not have count for the others
            gone = np.concatenate(rows)[:, :n_terms]
            factor = cho_factor(matrix - gone.T @ gone + ridge)
            solution[:, muscle] = cho_solve(factor, self._sides[:n_terms, muscle])
        return solution


def powers_of_chebyshev(exponents: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Coefficients (n_terms, m) of the powers with the same exponents."""
    degree = int(exponents.max(initial=0))
    table = np.zeros((degree + 1, degree + 1))
    for k in range(degree + 1):
        unit = np.zeros(k + 1)
        unit[k] = 1.0
        table[k, : k + 1] = chebyshev.cheb2poly(unit)
    turn = np.ones((len(exponents), len(exponents)))
    for j in range(exponents.shape[1]):
        turn *= table[np.ix_(exponents[:, j], exponents[:, j])]
    return turn.T @ coefficients
