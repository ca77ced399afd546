"""Scale factors: a skeleton stretched segment by segment, each along its own three axes.

Joints move with the segments that carry them, markers, mass centres and inertias with their own segment, as OpenSim's
ModelScaler does; translations that a joint couples to a rotation (a knee's roll-back) stretch with the parent segment.
An inertia is stretched as matter is: its second moments by the factors of the axes, which for equal factors is
OpenSim's own rule. (For unequal ones OpenSim takes the segment for a cylinder along its axis of least inertia.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from opensim_models.model.contact_sphere import scaled_contacts
from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial, ScalarFunction
from opensim_models.model.skeleton import JointElement, Matrix, Segment, Skeleton, Vector
from opensim_models.model_mismatch import ModelMismatch

Factors = Mapping[str, Vector]
"""Segment → factors along its X, Y and Z axis; 1 for segments that are not named."""
PLAUSIBLE_FACTOR = (0.4, 2.0)
"""From a child of one metre to a tall adult, against a generic adult."""


def scaled_skeleton(skeleton: Skeleton, factors: Factors, mass: float | None = None) -> Skeleton:
    """Stretch a skeleton.

    Parameters
    ----------
    skeleton : Skeleton
    factors : mapping of str to 3 floats
    mass : float, optional
        kg: all masses are multiplied by one number so that this is the total. None keeps them.

    Returns
    -------
    Skeleton
        Without muscles, and a note that says so; contact spheres are stretched with their segments.

    Raises
    ------
    ModelMismatch
        A factor or the mass is not above zero, or a factor names no segment.
    """
    check_factors(factors, skeleton)
    share = 1.0
    if mass is not None:
        if not (math.isfinite(mass) and mass > 0):
            raise ModelMismatch(f"{skeleton.name}: expected a body mass above 0 kg, got {mass}.")
        if not skeleton.mass > 0:
            raise ModelMismatch(f"{skeleton.name}: the model has no mass that could be scaled to {mass:g} kg.")
        share = mass / skeleton.mass
    names = skeleton.segment_names
    segments = []
    for segment in skeleton.segments:
        carrier = factors.get(names[segment.parent], _ONE) if segment.parent >= 0 else _ONE
        segments.append(_scaled_segment(segment, factors.get(segment.name, _ONE), carrier, share))
    markers = tuple(replace(m, offset=_times(m.offset, factors.get(m.segment, _ONE))) for m in skeleton.markers)
    stretched = replace(skeleton, segments=tuple(segments), markers=markers)
    return with_scaled_attachments(stretched, factors)


def with_scaled_attachments(skeleton: Skeleton, factors: Factors) -> Skeleton:
    """The stretched skeleton with its spheres stretched, too, and without muscles, whose paths no factor gives."""
    notes = skeleton.notes
    if skeleton.muscles:
        notes += (
            f"{len(skeleton.muscles)} muscles left out: paths are not scaled; scale the .osim, and fit its paths again",
        )
    return replace(skeleton, muscles=(), contacts=scaled_contacts(skeleton.contacts, factors), notes=notes)


_ONE: Vector = (1.0, 1.0, 1.0)


def check_factors(factors: Factors, skeleton: Skeleton) -> None:
    """Refuse factors of segments that do not exist, and those that are not above zero."""
    for name, own in factors.items():
        skeleton.segment_index(name)
        if len(own) != 3 or not all(math.isfinite(f) and f > 0 for f in own):
            raise ModelMismatch(f"{skeleton.name}: scale factors of {name} must be three numbers above 0, got {own}.")


def refuse_absurd_factors(factors: Factors, where: str, limits: tuple[float, float] = PLAUSIBLE_FACTOR) -> None:
    """Refuse factors that no person has.

    Raises
    ------
    ModelMismatch
        Names the segment, the axis and what is usual.
    """
    low, high = limits
    for name, own in factors.items():
        for axis, factor in zip("XYZ", own, strict=True):
            if not low <= factor <= high:
                raise ModelMismatch(
                    f"{where}: scale factor {factor:.2f} of the {name} along {axis}, expected {low}-{high}. Check the "
                    "unit and the labels of the static trial, and that it shows this subject."
                )


def _scaled_segment(segment: Segment, own: Vector, carrier: Vector, share: float) -> Segment:
    """One segment with its joint: the parent side by the carrier's factors, everything else by its own."""
    return replace(
        segment,
        offset=_times(segment.offset, carrier),
        elements=tuple(_scaled_element(e, segment.orientation, carrier) for e in segment.elements),
        child_offset=_times(segment.child_offset, own),
        mass=segment.mass * share,
        centre_of_mass=_times(segment.centre_of_mass, own),
        inertia=_stretched_inertia(segment.inertia, own, share),
    )


def _scaled_element(element: JointElement, orientation: Matrix, carrier: Vector) -> JointElement:
    """A translation that is coupled to a coordinate or constant stretches; one that is a coordinate itself does not."""
    if element.kind != "translation" or _is_free(element):
        return element
    turn = np.array(orientation)
    along = turn.T @ (np.array(carrier) * (turn @ np.array(element.axis)))
    along[np.abs(along) < 1e-15 * np.abs(along).max()] = 0.0  # an axis along X stays exactly there
    length = float(np.linalg.norm(along))
    functions = (*element.functions[:-1], _multiplied(element.functions[-1], length))
    return replace(element, axis=tuple((along / length).tolist()), functions=functions)


def _is_free(element: JointElement) -> bool:
    """Whether a translation follows its coordinate one to one, so that its value is a length of the motion."""
    slopes = [f.coefficients for f in element.functions if isinstance(f, Polynomial) and len(f.coefficients) <= 2]
    straight = len(slopes) == len(element.functions) and all(len(c) == 2 and abs(c[1]) == 1.0 for c in slopes)
    return element.coordinate >= 0 and straight


def _multiplied(function: ScalarFunction, factor: float) -> ScalarFunction:
    """A function times a number."""
    if isinstance(function, PiecewisePolynomial):
        pieces = tuple(tuple(c * factor for c in piece) for piece in function.coefficients)
        return replace(function, coefficients=pieces)
    return Polynomial(tuple(c * factor for c in function.coefficients))


def _times(vector: Vector, factors: Vector) -> Vector:
    return tuple(float(v * f) for v, f in zip(vector, factors, strict=True))


def _stretched_inertia(inertia: tuple[float, ...], factors: Vector, share: float) -> tuple[float, ...]:
    """Inertia (xx yy zz xy xz yz) of the same matter stretched along the axes, its mass times `share`."""
    if factors[0] == factors[1] == factors[2]:
        return tuple(float(x * factors[0] ** 2 * share) for x in inertia)
    xx, yy, zz, xy, xz, yz = inertia
    moments = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    second = np.trace(moments) / 2 * np.eye(3) - moments
    stretch = np.diag(factors)
    second = stretch @ second @ stretch
    made = share * (np.trace(second) * np.eye(3) - second)
    return tuple(float(made[i, j]) for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
