"""A linkage: a skeleton as flat arrays, which compiled code can walk along.

Every moving element of the skeleton becomes one link, whose own z axis is the axis of the element: a link turns about
or slides along z, and what lies between two moving elements is one fixed transform. Segments, markers and inertias hang
on links; segments that are welded together hang on the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opensim_models.model.scalar_function import Polynomial, ScalarFunction, chain_and_derivatives
from opensim_models.model.skeleton import Segment, Skeleton
from opensim_models.model.skeleton_memory import remember_of_skeleton

ROTATION, TRANSLATION = 0, 1


class Links(NamedTuple):
    """Arrays over the links, parents before children; a tuple, so that a kernel takes it as it is.

    Attributes
    ----------
    parent : int array (n,)
        Link that carries this one, -1 for the ground.
    kind : int array (n,)
        0 turns, 1 slides.
    coordinate : int array (n,)
        Coordinate that drives it.
    rotation, offset : (n, 3, 3), (n, 3)
        The link at value zero in the frame of its parent (link → parent; m).
    chain : int array (n + 1,)
        First function of each link; they apply one after the other. None: the coordinate itself.
    first_break, first_term, terms : int arrays
        Per function: where its breaks and its coefficients begin (one entry more than functions), and the number of
        coefficients of a piece.
    breaks, coefficients : arrays
        Of all functions, one after the other; see `scalar_function.PiecewisePolynomial`.
    mass : (n,)
        kg, of all segments on the link.
    centre : (n, 3)
        Centre of mass in the link's frame (m).
    inertia : (n, 3, 3)
        About the centre of mass, link axes (kg·m²).
    """

    parent: np.ndarray
    kind: np.ndarray
    coordinate: np.ndarray
    rotation: np.ndarray
    offset: np.ndarray
    chain: np.ndarray
    first_break: np.ndarray
    first_term: np.ndarray
    terms: np.ndarray
    breaks: np.ndarray
    coefficients: np.ndarray
    mass: np.ndarray
    centre: np.ndarray
    inertia: np.ndarray


@dataclass(frozen=True)
class Linkage:
    """A skeleton as links, and where its segments are on them.

    Attributes
    ----------
    links : Links
    segment_link : int array (n_segments,)
        Link that carries each segment, -1 for the ground.
    segment_rotation, segment_offset : (n_segments, 3, 3), (n_segments, 3)
        Segment frame in the frame of its link (segment → link; m).
    """

    links: Links
    segment_link: np.ndarray
    segment_rotation: np.ndarray
    segment_offset: np.ndarray

    def on_link(self, segment: int, point: np.ndarray) -> np.ndarray:
        """A point of a segment in the frame of the segment's link (m)."""
        return self.segment_rotation[segment] @ point + self.segment_offset[segment]


@dataclass
class _Growing:
    """Lists that become the arrays of `Links`."""

    parent: list[int]
    kind: list[int]
    coordinate: list[int]
    rotation: list[np.ndarray]
    offset: list[np.ndarray]
    functions: list[tuple[ScalarFunction, ...]]


@remember_of_skeleton
def linkage(skeleton: Skeleton) -> Linkage:
    """Flatten a skeleton; the last few are remembered."""
    growing = _Growing([], [], [], [], [], [])
    link_of = np.empty(len(skeleton.segments), dtype=np.int64)
    rotations = np.empty((len(skeleton.segments), 3, 3))
    offsets = np.empty((len(skeleton.segments), 3))
    for i, segment in enumerate(skeleton.segments):
        p = segment.parent
        carried = (link_of[p], rotations[p], offsets[p]) if p >= 0 else (-1, np.eye(3), np.zeros(3))
        link_of[i], rotations[i], offsets[i] = _attach(growing, segment, *carried)
    inertias = _inertias(skeleton.segments, link_of, rotations, offsets, len(growing.parent))
    links = Links(
        np.array(growing.parent, dtype=np.int64),
        np.array(growing.kind, dtype=np.int64),
        np.array(growing.coordinate, dtype=np.int64),
        np.array(growing.rotation).reshape(-1, 3, 3),
        np.array(growing.offset).reshape(-1, 3),
        *_function_tables(growing.functions),
        *inertias,
    )
    return Linkage(links, link_of, rotations, offsets)


def _attach(
    growing: _Growing, segment: Segment, link: int, rotation: np.ndarray, offset: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Walk from the parent segment's frame through a joint; return the segment's link and its frame on it."""
    offset = offset + rotation @ segment.offset
    rotation = rotation @ np.array(segment.orientation)
    for element in segment.elements:
        axis = np.array(element.axis) / np.linalg.norm(element.axis)
        turning = element.kind == "rotation"
        if element.coordinate < 0:
            value = chain_and_derivatives(element.functions, 0.0)[0]
            rotation, offset = (
                (rotation @ _about(axis, value), offset) if turning else (rotation, offset + rotation @ axis * value)
            )
            continue
        aligned = _z_onto(axis)
        growing.parent.append(int(link))
        growing.kind.append(ROTATION if turning else TRANSLATION)
        growing.coordinate.append(element.coordinate)
        growing.rotation.append(rotation @ aligned)
        growing.offset.append(offset)
        growing.functions.append(element.functions)
        link, rotation, offset = len(growing.parent) - 1, aligned.T, np.zeros(3)
    rotation = rotation @ np.array(segment.child_orientation).T
    return int(link), rotation, offset - rotation @ segment.child_offset


def _about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def _z_onto(axis: np.ndarray) -> np.ndarray:
    """A rotation whose third column is the axis; a permutation where the axis is one of the frame's."""
    other = np.eye(3)[(int(np.argmax(np.abs(axis))) + 1) % 3]
    first = other - axis * (axis @ other)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], axis=1)


def _function_tables(chains: list[tuple[ScalarFunction, ...]]) -> tuple[np.ndarray, ...]:
    """All functions one after the other; identities are left out."""
    chain, first_break, first_term, terms = [0], [0], [0], []
    breaks: list[float] = []
    coefficients: list[float] = []
    for functions in chains:
        for function in functions:
            plain = isinstance(function, Polynomial)
            if plain and function.coefficients == (0.0, 1.0):
                continue
            pieces = (function.coefficients,) if plain else function.coefficients
            breaks += () if plain else function.breaks
            for piece in pieces:
                coefficients += piece
            first_break.append(len(breaks))
            first_term.append(len(coefficients))
            terms.append(len(pieces[0]))
        chain.append(len(terms))
    integers = (np.array(table, dtype=np.int64) for table in (chain, first_break, first_term, terms))
    return (*integers, np.array(breaks, dtype=float), np.array(coefficients, dtype=float))


def _inertias(
    segments: tuple[Segment, ...], link_of: np.ndarray, rotations: np.ndarray, offsets: np.ndarray, n_links: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mass, centre and inertia of what hangs on each link (parallel axes)."""
    mass, centre, inertia = np.zeros(n_links), np.zeros((n_links, 3)), np.zeros((n_links, 3, 3))
    centres = np.array([r @ s.centre_of_mass + o for s, r, o in zip(segments, rotations, offsets, strict=True)])
    own = np.array([s.mass for s in segments])
    for link in range(n_links):
        members = np.flatnonzero(link_of == link)
        mass[link] = own[members].sum()
        if mass[link] != 0.0:
            centre[link] = own[members] @ centres[members] / mass[link]
        for i in members:
            xx, yy, zz, xy, xz, yz = segments[i].inertia
            tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
            arm = centres[i] - centre[link]
            inertia[link] += rotations[i] @ tensor @ rotations[i].T
            inertia[link] += own[i] * (arm @ arm * np.eye(3) - np.outer(arm, arm))
    return mass, centre, inertia
