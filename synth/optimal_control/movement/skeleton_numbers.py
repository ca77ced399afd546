"""Skeleton numbers: what differs between people of one model, as parameters of a problem.

Two scaled copies of a model share their tree, axes and coordinates; lengths, masses, inertias and the translations of
their joints differ. A `pattern` is the model with every such number replaced by 1, or left 0 where it is exactly 0, so
that planar models stay planar and symbols small. People of equal patterns share one compiled problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from opensim_models.model.scalar_function import Polynomial, ScalarFunction
from opensim_models.model.skeleton import JointElement, Segment, Skeleton
from opensim_models.model_mismatch import ModelMismatch

Scalar = Any
N_GRAVITY = 3


def pattern_of(skeleton: Skeleton) -> Skeleton:
    """The structure of a skeleton: its numbers replaced by 1 where they are not 0; without names, notes or markers.

    Raises
    ------
    ModelMismatch
        A joint is driven by a spline: see `opensim_models.model.polynomial_skeleton.with_polynomials`.
    """
    marked = [float(x != 0.0) for x in skeleton_numbers(skeleton)]
    return _filled(_bare(skeleton), marked)


def _bare(skeleton: Skeleton) -> Skeleton:
    """The skeleton without what no equation depends on."""
    coordinates = tuple(replace(c, lower=0.0, upper=0.0, default=0.0, clamped=False) for c in skeleton.coordinates)
    bare = {"name": "pattern", "markers": (), "notes": (), "coupled": (), "muscles": (), "contacts": (), "planes": ()}
    return replace(skeleton, coordinates=coordinates, **bare)


def is_planar(skeleton: Skeleton) -> bool:
    """Whether every joint turns about Z or moves in the XY plane, with all frames aligned."""
    for segment in skeleton.segments:
        for m in (segment.orientation, segment.child_orientation):
            if abs(m[2][2]) != 1.0:
                return False
        for element in segment.elements:
            along_z = element.axis[0] == 0.0 and element.axis[1] == 0.0
            if element.coordinate >= 0 and along_z != (element.kind == "rotation"):
                return False
    return True


def skeleton_numbers(skeleton: Skeleton) -> np.ndarray:
    """Gravity, then the numbers of each segment: offsets, mass, mass centre, inertia, translations of its joint.

    What leaves the plane of a planar skeleton changes nothing in it and is 0 here.
    """
    numbers = [*skeleton.gravity]
    in_plane = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0], float)
    planar = is_planar(skeleton)
    for segment in skeleton.segments:
        own = np.array(_numbers_of(segment), float)
        if planar:
            own[: len(in_plane)] *= in_plane
        numbers += own.tolist()
    return np.array(numbers, float)


def numbers_for(pattern: Skeleton, skeleton: Skeleton) -> np.ndarray:
    """Numbers of a skeleton, refused if it is not of that pattern.

    Raises
    ------
    ModelMismatch
        Other segments, coordinates, axes, or a number that is 0 in the pattern.
    """
    numbers = skeleton_numbers(skeleton)
    bare = _bare(skeleton)
    if len(numbers) == count_numbers(pattern):
        wanted = skeleton_numbers(pattern)
        stray = np.flatnonzero((wanted == 0.0) & (numbers != 0.0))
        if _filled(bare, wanted) == pattern and not len(stray):
            return numbers
    raise ModelMismatch(
        f"{skeleton.name}: expected a scaled copy of the model that the problem was built for (coordinates "
        f"{', '.join(pattern.coordinate_names)}), found another structure. Build the problem for this skeleton."
    )


def count_numbers(pattern: Skeleton) -> int:
    """How many numbers a skeleton of the pattern has."""
    return N_GRAVITY + sum(count_of_segment(s) for s in pattern.segments)


def count_of_segment(segment: Segment) -> int:
    """How many numbers one segment has."""
    return len(_numbers_of(segment))


def segment_entries(pattern: Skeleton, segments: Sequence[int]) -> np.ndarray:
    """Entries of gravity and of the named segments among all numbers: what a part of the skeleton depends on."""
    ends = N_GRAVITY + np.cumsum([0, *(count_of_segment(s) for s in pattern.segments)])
    return np.concatenate([np.arange(N_GRAVITY), *(np.arange(ends[i], ends[i + 1]) for i in segments)])


def with_numbers(pattern: Skeleton, numbers: Sequence[Scalar]) -> Skeleton:
    """The skeleton of given numbers (floats or symbols); what is 0 in the pattern stays the plain number 0."""
    marked = skeleton_numbers(pattern)
    return _filled(pattern, [n if mark else 0.0 for n, mark in zip(numbers, marked, strict=True)])


def _numbers_of(segment: Segment) -> list[float]:
    numbers = [*segment.offset, *segment.child_offset, segment.mass, *segment.centre_of_mass, *segment.inertia]
    for element in segment.elements:
        if element.kind == "translation":
            numbers += _scaled_function(element, segment).coefficients
    return numbers


def _scaled_function(element: JointElement, segment: Segment) -> Polynomial:
    """The last function of a translation: what grows with the segment."""
    last: ScalarFunction = element.functions[-1]
    if not isinstance(last, Polynomial):
        raise ModelMismatch(
            f"segment {segment.name}: a spline moves its joint. Give the skeleton to "
            "`opensim_models.model.polynomial_skeleton.with_polynomials` first."
        )
    return last


def _filled(skeleton: Skeleton, numbers: Sequence[Scalar]) -> Skeleton:
    """The same structure with other numbers."""
    left = iter(numbers)

    def take(count: int) -> tuple[Scalar, ...]:
        return tuple(next(left) for _ in range(count))

    gravity = take(N_GRAVITY)
    segments = []
    for segment in skeleton.segments:
        fixed = {
            "offset": take(3),
            "child_offset": take(3),
            "mass": next(left),
            "centre_of_mass": take(3),
            "inertia": take(6),
        }
        elements = []
        for element in segment.elements:
            functions = element.functions
            if element.kind == "translation":
                count = len(_scaled_function(element, segment).coefficients)
                functions = (*functions[:-1], Polynomial(take(count)))
            elements.append(replace(element, functions=functions))
        segments.append(replace(segment, elements=tuple(elements), **fixed))
    return replace(skeleton, gravity=gravity, segments=tuple(segments))
