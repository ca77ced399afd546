"""Planar body: a sagittal skeleton as tables of levers, so that a batch of movements takes a handful of products.

Of a planar tree of hinges every point is the pelvis's translation plus constant levers turned by the absolute angles of
the segments: x = t_x + Σ_j (c_j a_j - s_j b_j), y = t_y + Σ_j (s_j a_j + c_j b_j). The levers (a, b) are the numbers of
a `Skeleton`, no copies of constants, and may be trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from opensim_models.model.scalar_function import IDENTITY_FUNCTION, Polynomial
from opensim_models.model.skeleton import IDENTITY, Skeleton
from opensim_models.model_mismatch import ModelMismatch


@dataclass(frozen=True)
class PlanarBody:
    """One person, or a batch of B persons of the same tree: tensors then have a leading axis B.

    Attributes
    ----------
    coordinates : tuple of str
    segments : tuple of str
    travel, height : int
        Columns of the forward and upward translation of the root.
    turning : Tensor, shape (n_q, n_segments)
        Absolute angle of each segment per unit of each coordinate: 1, -1 or 0.
    parent : tuple of int
    joints : Tensor, shape (..., n_segments, 2)
        Joint of each segment in its parent's frame (m); the root's is 0.
    mass, inertia : Tensor, shape (..., n_segments)
        kg; kg·m² about the centre of mass.
    centres : Tensor, shape (..., n_segments, 2)
        Centres of mass (m), segment frames.
    gravity : float
        m/s², downwards.
    contact_segments : tuple of int
        Segment of each contact point.
    contacts : Tensor, shape (..., n_points, 2)
        Contact points (m), segment frames.
    stiffness, damping, friction, slip_speed : Tensor, shape (..., n_points)
        Of the contact law (N/m, s/m, -, m/s), see `training.physics.contact`.
    limits : Tensor, shape (n_q, 2)
        Range of each coordinate (rad), infinite where there is none.
    height_of_body : Tensor, shape (...)
        Stature (m); NaN if not given.
    """

    coordinates: tuple[str, ...]
    segments: tuple[str, ...]
    travel: int
    height: int
    turning: Tensor
    parent: tuple[int, ...]
    joints: Tensor
    mass: Tensor
    inertia: Tensor
    centres: Tensor
    gravity: float
    contact_segments: tuple[int, ...]
    contacts: Tensor
    stiffness: Tensor
    damping: Tensor
    friction: Tensor
    slip_speed: Tensor
    limits: Tensor
    height_of_body: Tensor

    @property
    def weight(self) -> Tensor:
        """Body weight (N), shape (...)."""
        return self.mass.sum(-1) * self.gravity

    def column(self, coordinate: str) -> int:
        """Index of a coordinate."""
        return self.coordinates.index(coordinate)

    @property
    def joint_columns(self) -> list[int]:
        """Columns of the coordinates with a torque: all but the root's three."""
        free = {self.travel, self.height, self.column("pelvis_tilt")}
        return [i for i in range(len(self.coordinates)) if i not in free]


_PERSONAL = ("joints", "mass", "inertia", "centres", "contacts", "stiffness", "damping", "friction", "slip_speed")


def planar_body(skeleton: Skeleton, height: float = float("nan"), dtype: torch.dtype = torch.float32) -> PlanarBody:
    """Tables of one skeleton.

    Parameters
    ----------
    skeleton : Skeleton
        Planar, of hinges about Z on one root that moves in the plane, its contact points with the constants of a
        penetration law (`opensim_models.generic.contact_point.with_contact_points`).
    height : float
        Stature (m).
    dtype : torch.dtype

    Raises
    ------
    ModelMismatch
        A joint glides, leaves the plane, or turns by more than its coordinate; a turned frame.
    """
    coordinates, names = skeleton.coordinate_names, skeleton.segment_names
    turning = torch.zeros(len(coordinates), len(names), dtype=dtype)
    travel = rise = -1
    for i, segment in enumerate(skeleton.segments):
        if segment.orientation != IDENTITY or segment.child_orientation != IDENTITY or any(segment.child_offset):
            _refuse(skeleton, segment.name, "a frame that is turned or moved against its joint")
        if segment.parent >= 0:
            turning[:, i] = turning[:, segment.parent]
        elif i or any(segment.offset):
            _refuse(skeleton, segment.name, "a root that does not start at the ground's origin, or a second root")
        for element in segment.elements:
            if not _is_plain(element.functions):
                _refuse(skeleton, segment.name, "a joint that glides or turns by a function of its coordinate")
            if element.kind == "rotation" and element.axis[:2] == (0.0, 0.0):
                turning[element.coordinate, i] += element.axis[2]
            elif element.kind == "translation" and segment.parent < 0 and element.axis == (1.0, 0.0, 0.0):
                travel = element.coordinate
            elif element.kind == "translation" and segment.parent < 0 and element.axis == (0.0, 1.0, 0.0):
                rise = element.coordinate
            else:
                _refuse(skeleton, segment.name, f"a {element.kind} along {element.axis}")
    if travel < 0 or rise < 0:
        _refuse(skeleton, names[0], "no translation of the root along X and Y")

    def table(rows: Sequence) -> Tensor:
        return torch.tensor(list(rows), dtype=dtype)

    points = skeleton.contacts
    return PlanarBody(
        coordinates,
        names,
        travel,
        rise,
        turning,
        tuple(s.parent for s in skeleton.segments),
        table(s.offset[:2] for s in skeleton.segments),
        table(s.mass for s in skeleton.segments),
        table(s.inertia[2] for s in skeleton.segments),
        table(s.centre_of_mass[:2] for s in skeleton.segments),
        -float(skeleton.gravity[1]),
        tuple(skeleton.segment_index(p.segment) for p in points),
        table(p.offset[:2] for p in points).reshape(len(points), 2),
        table(p.stiffness for p in points),
        table(p.dissipation for p in points),
        table(p.dynamic_friction for p in points),
        table(p.transition_velocity for p in points),
        table((c.lower, c.upper) for c in skeleton.coordinates),
        torch.tensor(height, dtype=dtype),
    )


def _is_plain(functions: Sequence[object]) -> bool:
    """Whether an element's value is its coordinate."""
    return all(isinstance(f, Polynomial) and tuple(f.coefficients) == IDENTITY_FUNCTION.coefficients for f in functions)


def _refuse(skeleton: Skeleton, segment: str, found: str) -> None:
    raise ModelMismatch(
        f"{skeleton.name}, segment {segment}: expected a planar tree of hinges about Z, found {found}. Give "
        "`opensim_models.generic.catalogue.planar_skeleton` without a gliding knee."
    )


def stacked_bodies(bodies: Sequence[PlanarBody]) -> PlanarBody:
    """A batch of persons of one tree, in this order.

    Raises
    ------
    ModelMismatch
        Other coordinates or segments, or none.
    """
    if not bodies or len({(b.coordinates, b.segments, b.parent, b.contact_segments) for b in bodies}) != 1:
        raise ModelMismatch("a batch of bodies: expected one or more of the same coordinates and segments.")
    stacked = {name: torch.stack([getattr(b, name) for b in bodies]) for name in (*_PERSONAL, "height_of_body")}
    return replace(bodies[0], **stacked)


def chosen_bodies(bodies: PlanarBody, which: Tensor) -> PlanarBody:
    """The persons of a batch by their numbers, again as a batch."""
    return replace(bodies, **{name: getattr(bodies, name)[which] for name in (*_PERSONAL, "height_of_body")})


def scaled_bodies(bodies: PlanarBody, lengths: Tensor) -> PlanarBody:
    """Stretch each segment of a batch, its mass unchanged: joints, centres and contact points with it, inertia squared.

    Parameters
    ----------
    bodies : PlanarBody
    lengths : Tensor, shape (..., n_segments)
        Factor of each segment; may be trained.
    """
    above = [max(p, 0) for p in bodies.parent]
    feet = list(bodies.contact_segments)
    return replace(
        bodies,
        joints=bodies.joints * lengths[..., above, None],
        centres=bodies.centres * lengths[..., None],
        contacts=bodies.contacts * lengths[..., feet, None],
        inertia=bodies.inertia * lengths**2,
    )


def moved_contacts(bodies: PlanarBody, shifts: Tensor) -> PlanarBody:
    """Move the contact points of a batch, the same on both feet.

    Parameters
    ----------
    bodies : PlanarBody
        Points in the order of `with_contact_points`: those of one foot, then those of the other.
    shifts : Tensor, shape (..., n_points of a foot, 2)
        m, segment frames; may be trained.
    """
    feet = bodies.contacts.shape[-2] // shifts.shape[-2]
    return replace(bodies, contacts=bodies.contacts + torch.cat([shifts] * feet, -2))


def levers(body: PlanarBody, segments: Sequence[int], points: Tensor) -> Tensor:
    """Levers of points.

    Parameters
    ----------
    body : PlanarBody
    segments : sequence of int
        Segment of each point.
    points : Tensor, shape (..., n_points, 2)
        Segment frames (m).

    Returns
    -------
    Tensor, shape (..., n_points, n_segments, 2)
        Of each segment's own axes, from the root to the point.
    """
    own, carried = _lever_masks(body.parent, tuple(segments), points.dtype, points.device)
    chain = torch.einsum("pkj,...kd->...pjd", carried, body.joints)
    return own[:, :, None] * points[..., :, None, :] + chain


@lru_cache(maxsize=64)
def _lever_masks(
    parent: tuple[int, ...], segments: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Where a point's own place goes, (point, column), and the joints on its way, (point, joint, column)."""
    n = len(parent)
    own = torch.zeros(len(segments), n, dtype=dtype)
    carried = torch.zeros(len(segments), n, n, dtype=dtype)
    for p, segment in enumerate(segments):
        own[p, segment] = 1.0
        while parent[segment] >= 0:
            carried[p, segment, parent[segment]] = 1.0
            segment = parent[segment]
    return own.to(device), carried.to(device)


@lru_cache(maxsize=64)
def chosen(size: int, columns: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrix (size, len(columns)) that picks columns by a product; its transpose puts them back."""
    return torch.eye(size, dtype=dtype, device=device)[:, list(columns)]
