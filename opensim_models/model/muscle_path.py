"""Muscle path: muscle-tendon length and moment arms as a polynomial of the coordinates that the muscle crosses.

The idea of van den Bogert, Geijtenbeek, Even-Zohar, Steenbrink, Hardin (Med Biol Eng Comput 51:1069, 2013) and of
Falisse, Serrancolí, Dembia, Gillis, De Groote (PLoS One 14:e0217730, 2019): fitted once to a model's geometry, exact
moment arms follow as minus the derivatives of the length, so that force, arm and shortening agree in work. One
multiplication a term, by any scalar of `opensim_models.model.vector`: NumPy, CasADi and torch alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from opensim_models.model.vector import Scalar
from opensim_models.model_mismatch import ModelMismatch


@dataclass(frozen=True)
class MusclePath:
    """Length of one muscle-tendon unit as a polynomial: see the module's text.

    Attributes
    ----------
    name : str
        Of the muscle.
    coordinates : tuple of str
        Those that it crosses, in the order of the model.
    exponents : tuple of tuples of int
        One row a term, one entry a coordinate; sorted by total degree, every term after its own factors.
    coefficients : tuple of float
        m, one a term, of powers of ``(coordinate - centre) / half range``.
    ranges : tuple of (float, float)
        Lower and upper end (rad, m) of each coordinate in the fit; outside, the polynomial is not the muscle.
    length_error, arm_error : float
        RMS (m) against OpenSim at poses that were not fitted, of the arms that of the worst coordinate.
    largest_length_error, largest_arm_error : float
        The largest at those poses (m).
    jump_share : float
        Share of those poses beyond a jump of OpenSim's own length, where a wrapping path slips to the other side of its
        cylinder; the polynomial continues the path before the jump, and the errors are those of the other poses.
    length_error_with_jumps : float
        RMS (m) of the length with the poses beyond the jump; 0 where there are none.
    jumps : tuple of str
        Where and by how much OpenSim's length jumps, in words.
    split : (str, float), optional
        Coordinate and value at which a path point comes or goes, so that length and arms jump there; above it, `beyond`
        holds.
    beyond : MusclePath, optional
        The polynomial above the split.
    """

    name: str
    coordinates: tuple[str, ...]
    exponents: tuple[tuple[int, ...], ...]
    coefficients: tuple[float, ...]
    ranges: tuple[tuple[float, float], ...]
    length_error: float = 0.0
    arm_error: float = 0.0
    largest_length_error: float = 0.0
    largest_arm_error: float = 0.0
    jump_share: float = 0.0
    length_error_with_jumps: float = 0.0
    jumps: tuple[str, ...] = ()
    split: tuple[str, float] | None = None
    beyond: MusclePath | None = None

    @property
    def degree(self) -> int:
        """Total degree of the polynomial."""
        return max(map(sum, self.exponents), default=0)

    @cached_property
    def chain(self) -> tuple[tuple[int, int], ...]:
        """For every term but the first: the earlier term and the coordinate whose product it is."""
        place = {e: i for i, e in enumerate(self.exponents)}
        found = []
        for exponents in self.exponents[1:]:
            j = next(j for j, e in enumerate(exponents) if e)
            found.append((place[_lowered(exponents, j)], j))
        return tuple(found)

    @cached_property
    def slopes(self) -> tuple[tuple[float, ...], ...]:
        """One row a coordinate: coefficients, of the same terms, of the derivative of length by that coordinate."""
        place = {e: i for i, e in enumerate(self.exponents)}
        rows = []
        for j, (lower, upper) in enumerate(self.ranges):
            row = [0.0] * len(self.exponents)
            for exponents, coefficient in zip(self.exponents, self.coefficients, strict=True):
                if exponents[j]:
                    row[place[_lowered(exponents, j)]] += coefficient * exponents[j] * 2.0 / (upper - lower)
            rows.append(tuple(row))
        return tuple(rows)


def _lowered(exponents: tuple[int, ...], j: int) -> tuple[int, ...]:
    """The term divided by one coordinate."""
    return (*exponents[:j], exponents[j] - 1, *exponents[j + 1 :])


def length_and_arms(path: MusclePath, values: Sequence[Scalar]) -> tuple[Scalar, tuple[Scalar, ...]]:
    """Muscle-tendon length (m) and moment arms (m; a number for a translation).

    Parameters
    ----------
    path : MusclePath
    values : sequence of scalars
        Of the path's coordinates in order (rad or m): floats, arrays, CasADi symbols or torch tensors.

    Returns
    -------
    scalar, tuple of scalars
        Length; arms, minus the derivative of length, by coordinate: positive where tension pulls the coordinate up.
    """
    terms = _terms(path, values)
    length, arms = _sum(path.coefficients, terms), tuple(-1.0 * _sum(row, terms) for row in path.slopes)
    if path.split is None or path.beyond is None:
        return length, arms
    above = values[path.coordinates.index(path.split[0])] > path.split[1]
    other, others = length_and_arms(path.beyond, values)
    return _either(above, other, length), tuple(_either(above, x, y) for x, y in zip(others, arms, strict=True))


def _either(above: Scalar, high: Scalar, low: Scalar) -> Scalar:
    """One of two scalars, by arithmetic that symbols and tensors have too."""
    return above * high + (1.0 - 1.0 * above) * low


def _terms(path: MusclePath, values: Sequence[Scalar]) -> list[Scalar]:
    """All products of powers, one multiplication each."""
    if len(values) != len(path.coordinates):
        raise ModelMismatch(
            f"muscle {path.name} crosses {', '.join(path.coordinates)}; expected {len(path.coordinates)} values, "
            f"got {len(values)}."
        )
    scaled = [
        (x - 0.5 * (lower + upper)) * (2.0 / (upper - lower))
        for x, (lower, upper) in zip(values, path.ranges, strict=True)
    ]
    terms: list[Scalar] = [1.0]
    for earlier, j in path.chain:
        terms.append(scaled[j] if earlier == 0 else terms[earlier] * scaled[j])
    return terms


def _sum(coefficients: Sequence[float], terms: Sequence[Scalar]) -> Scalar:
    """Coefficients times terms; terms without a coefficient cost nothing."""
    total = 0.0
    for coefficient, term in zip(coefficients, terms, strict=True):
        if coefficient != 0.0:
            total = total + coefficient * term
    return total


def lengths_and_arms(
    paths: Sequence[MusclePath], coordinates: Sequence[str], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and moment arms of many muscles at many poses: the fast way, by matrix products.

    Parameters
    ----------
    paths : sequence of MusclePath
    coordinates : sequence of str
        Names of the columns of `values`.
    values : (n, n_coordinates) array
        rad or m.

    Returns
    -------
    (n, n_muscles) array, (n, n_muscles, n_coordinates) array
        Lengths (m) and arms (m), 0 about coordinates that a muscle does not cross; NaN where a value is NaN.

    Raises
    ------
    ModelMismatch
        A muscle crosses a coordinate that is not given.
    """
    values = np.asarray(values, dtype=float)
    columns = {name: j for j, name in enumerate(coordinates)}
    lengths, arms = _smooth_lengths_and_arms(paths, columns, values)
    for i, path in enumerate(paths):
        if path.split is not None and path.beyond is not None:
            above = np.flatnonzero(values[:, columns[path.split[0]]] > path.split[1])
            length, arm = lengths_and_arms((path.beyond,), coordinates, values[above])
            lengths[above, i], arms[above, i] = length[:, 0], arm[:, 0]
    return lengths, arms


def _smooth_lengths_and_arms(
    paths: Sequence[MusclePath], columns: Mapping[str, int], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `lengths_and_arms`, with the first polynomial of each path."""
    lengths = np.empty((len(values), len(paths)))
    arms = np.zeros((len(values), len(paths), len(columns)))
    for members in _alike(paths):
        first = paths[members[0]]
        missing = [name for name in first.coordinates if name not in columns]
        if missing:
            raise ModelMismatch(f"muscle {first.name} crosses {', '.join(missing)}, which the motion does not have.")
        crossed = [columns[name] for name in first.coordinates]
        terms = np.empty((len(first.exponents), len(values)))
        terms[0] = 1.0
        lower, upper = np.array(first.ranges).reshape(-1, 2).T
        scaled = ((values[:, crossed] - 0.5 * (lower + upper)) * (2.0 / (upper - lower))).T
        for i, (earlier, j) in enumerate(first.chain, start=1):
            np.multiply(terms[earlier], scaled[j], out=terms[i])
        weights = np.zeros((len(members), 1 + len(crossed), len(terms)))
        for k, i in enumerate(members):
            weights[k, 0, : len(paths[i].coefficients)] = paths[i].coefficients
            for j, row in enumerate(paths[i].slopes):
                weights[k, 1 + j, : len(row)] = -np.array(row)
        both = (weights.reshape(-1, len(terms)) @ terms).reshape(len(members), 1 + len(crossed), -1)
        lengths[:, members] = both[:, 0].T
        for j, column in enumerate(crossed):
            arms[:, members, column] = both[:, 1 + j].T
    return lengths, arms


def _alike(paths: Sequence[MusclePath]) -> Iterable[list[int]]:
    """Muscles that cross the same coordinates over the same range, each with the first terms of the longest."""
    groups: dict[Any, list[int]] = {}
    for i in sorted(range(len(paths)), key=lambda i: -len(paths[i].exponents)):
        path, apart = paths[i], 0
        while (key := (path.coordinates, path.ranges, apart)) in groups:
            if paths[groups[key][0]].exponents[: len(path.exponents)] == path.exponents:
                break
            apart += 1
        groups.setdefault(key, []).append(i)
    return groups.values()


def beyond_range(paths: Sequence[MusclePath], coordinates: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """Share of the poses in which a coordinate leaves the range of the fits: coordinate → share, only those that do."""
    found: dict[str, float] = {}
    for path in paths:
        for name, (lower, upper) in zip(path.coordinates, whole_ranges(path), strict=True):
            x = np.asarray(values)[:, list(coordinates).index(name)]
            share = float(np.mean((x < lower - 1e-9) | (x > upper + 1e-9)))
            if share > 0:
                found[name] = max(share, found.get(name, 0.0))
    return found


def whole_ranges(path: MusclePath) -> tuple[tuple[float, float], ...]:
    """Range of each coordinate over which the path holds, with what lies beyond a split."""
    if path.beyond is None:
        return path.ranges
    both = zip(path.ranges, whole_ranges(path.beyond), strict=True)
    return tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in both)


def path_with_held(path: MusclePath, held: Mapping[str, float]) -> MusclePath:
    """The path as a function of fewer coordinates: for a planar model, or one with a locked joint.

    Parameters
    ----------
    path : MusclePath
    held : mapping
        Coordinate → value (rad or m) at which it stays; names that the muscle does not cross change nothing.
    """
    if path.split is not None and path.beyond is not None:
        low, high = path_with_held(replace(path, split=None, beyond=None), held), path_with_held(path.beyond, held)
        if path.split[0] in held:
            return high if held[path.split[0]] > path.split[1] else low
        return replace(low, split=path.split, beyond=high)
    free = [j for j, name in enumerate(path.coordinates) if name not in held]
    fixed = {
        j: (2.0 * held[name] - sum(path.ranges[j])) / (path.ranges[j][1] - path.ranges[j][0])
        for j, name in enumerate(path.coordinates)
        if name in held
    }
    terms: dict[tuple[int, ...], float] = {}
    for exponents, coefficient in zip(path.exponents, path.coefficients, strict=True):
        for j, place in fixed.items():
            coefficient *= place ** exponents[j]
        key = tuple(exponents[j] for j in free)
        terms[key] = terms.get(key, 0.0) + coefficient
    kept = {"coordinates": tuple(path.coordinates[j] for j in free), "ranges": tuple(path.ranges[j] for j in free)}
    order = sorted(terms, key=lambda e: (sum(e), tuple(-x for x in e)))
    return replace(path, exponents=tuple(order), coefficients=tuple(terms[e] for e in order), **kept)


def path_from_plain(content: Mapping[str, Any]) -> MusclePath:
    """Build a path from a dictionary of its fields, as JSON keeps it."""
    made = MusclePath(**content)
    return replace(
        made,
        coordinates=tuple(made.coordinates),
        exponents=tuple(tuple(int(e) for e in row) for row in made.exponents),
        coefficients=tuple(float(c) for c in made.coefficients),
        ranges=tuple((float(a), float(b)) for a, b in made.ranges),
        jumps=tuple(made.jumps),
        split=None if made.split is None else (str(made.split[0]), float(made.split[1])),
        beyond=None if made.beyond is None else path_from_plain(content["beyond"]),
    )
