"""Chain: the part of a skeleton that moves one segment, and what a load on that segment does to its coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.multibody import SegmentState
from opensim_models.model.skeleton import ORIGIN, JointElement, Skeleton
from opensim_models.model.vector import Scalar, Vector, add, cross, dot, plus, subtract, times
from synth.optimal_control.movement.skeleton_numbers import segment_entries


@dataclass(frozen=True)
class Chain:
    """The segments between the ground and some segments, as a skeleton of its own.

    Attributes
    ----------
    skeleton : Skeleton
        A pattern with fewer segments and coordinates.
    segments, coordinates : tuple of int
        Which of the whole skeleton they are.
    entries : ndarray
        Where its numbers stand among the whole skeleton's (see `skeleton_numbers`).
    """

    skeleton: Skeleton
    segments: tuple[int, ...]
    coordinates: tuple[int, ...]
    entries: np.ndarray

    def place(self, segment: str) -> int:
        """Index of a segment within the chain."""
        return self.skeleton.segment_index(segment)


def chain_to(pattern: Skeleton, names: Sequence[str]) -> Chain:
    """Chain from the ground to the named segments."""
    wanted: set[int] = set()
    for name in names:
        i = pattern.segment_index(name)
        while i >= 0:
            wanted.add(i)
            i = pattern.segments[i].parent
    segments = tuple(sorted(wanted))
    driven = {e.coordinate for i in segments for e in pattern.segments[i].elements if e.coordinate >= 0}
    coordinates = tuple(sorted(driven))
    number = {old: new for new, old in enumerate(coordinates)} | {-1: -1}
    place = {old: new for new, old in enumerate(segments)} | {-1: -1}

    def moved(element: JointElement) -> JointElement:
        return replace(element, coordinate=number[element.coordinate])

    parts = tuple(
        replace(s, parent=place[s.parent], elements=tuple(moved(e) for e in s.elements))
        for s in (pattern.segments[i] for i in segments)
    )
    kept = tuple(pattern.coordinates[i] for i in coordinates)
    part = replace(pattern, segments=parts, coordinates=kept)
    return Chain(part, segments, coordinates, segment_entries(pattern, segments))


def generalized_loads(
    skeleton: Skeleton, states: Sequence[SegmentState], loads: Mapping[int, tuple[Vector, Vector]]
) -> list[Scalar]:
    """Generalized forces of loads on segments: what they do to each coordinate (virtual work).

    Parameters
    ----------
    skeleton : Skeleton
    states : sequence of SegmentState
    loads : mapping
        Segment index → (force (N), moment about the ground's origin (N·m)), ground frame.

    Returns
    -------
    list of n_q scalars
        N·m for rotations, N for translations.
    """
    generalized: list[Scalar] = [0.0] * len(skeleton.coordinates)
    carried = dict(loads)
    for i in reversed(range(len(skeleton.segments))):
        if i not in carried:
            continue
        force, moment = carried[i]
        for passed in states[i].joint:
            j = passed.element.coordinate
            if j < 0:
                continue
            if passed.element.kind == "rotation":
                along = dot(passed.axis, subtract(moment, cross(passed.point, force)))
            else:
                along = dot(passed.axis, force)
            generalized[j] = plus(generalized[j], times(passed.slope, along))
        parent = skeleton.segments[i].parent
        if parent >= 0:
            before = carried.get(parent, (ORIGIN, ORIGIN))
            carried[parent] = (add(before[0], force), add(before[1], moment))
    return generalized
