"""Stretched person: a prepared skeleton as that of somebody else, its muscles among it, for one compiled problem.

Segments grow by a factor each, masses to a new total. Muscle paths were fitted to the source model and are not fitted
again: a muscle grows by the mean of the segments between which it pulls, its length, fibres, tendon and moment arms
alike, so that it works at the same places of its force-length curve. That is exact where all segments grow alike; where
they do not it is what we mean by a person of these proportions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.muscle_strength import strength_ratio
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.scale_factor import scaled_skeleton
from synth.virtual_people import VirtualPerson

_PARTS = {"femur": "thigh", "tibia": "shank", "talus": "foot", "calcn": "foot", "toes": "foot", "torso": "trunk"}
"""First word of a segment's name → the proportion that is its own; all others grow with stature."""
LEG_SHARE = 0.491
"""Of stature, from hip to ankle: thigh 0.245, shank 0.246 (D. A. Winter, Biomechanics and Motor Control, 2005)."""
USUAL_STATURE = (0.7, 2.3)
"""m; a skeleton beyond these is not in metres, or no person."""


def stretched_person(
    skeleton: Skeleton, factors: Mapping[str, float] | float, mass: float, strength: float = 1.0
) -> Skeleton:
    """A person of other lengths and another mass.

    Parameters
    ----------
    skeleton : Skeleton
        Prepared, with fitted muscle paths and contact spheres, or without.
    factors : dict of str to float, or float
        Segment → factor on its lengths, 1 where there is none; or one for all.
    mass : float
        kg.
    strength : float
        Factor on the force of a muscle that keeps its fibres' length; longer fibres of the same volume pull less.

    Returns
    -------
    Skeleton
        Of the same structure, so that one compiled problem serves all.

    Raises
    ------
    ModelMismatch
        A factor or the mass is not above zero, or a factor names no segment.
    """
    names = skeleton.segment_names
    own = dict.fromkeys(names, float(factors)) if isinstance(factors, (int, float)) else dict(factors)
    stretched = scaled_skeleton(skeleton, {name: (f, f, f) for name, f in own.items()}, mass)
    # equal factors do not turn axes, but rounding would, and another axis is another structure
    segments = tuple(
        replace(s, elements=tuple(replace(e, axis=b.axis) for e, b in zip(s.elements, before.elements, strict=True)))
        for s, before in zip(stretched.segments, skeleton.segments, strict=True)
    )
    between = _segments_between(skeleton)
    middle = float(np.median([own.get(name, 1.0) for name in names]))
    muscles = tuple(
        _stretched(m, [own.get(s, 1.0) for c in m.path.coordinates for s in between[c]], middle, strength)
        for m in skeleton.muscles
    )
    return replace(stretched, segments=segments, muscles=muscles, notes=skeleton.notes)


def _segments_between(skeleton: Skeleton) -> dict[str, tuple[str, ...]]:
    """Coordinate → the segments on both sides of the joints that it moves."""
    found: dict[str, list[str]] = {name: [] for name in skeleton.coordinate_names}
    for segment in skeleton.segments:
        for element in segment.elements:
            if element.coordinate >= 0:
                sides = [segment.name] + ([skeleton.segments[segment.parent].name] if segment.parent >= 0 else [])
                own = found[skeleton.coordinate_names[element.coordinate]]
                own.extend(side for side in sides if side not in own)
    return {name: tuple(sides) for name, sides in found.items()}


def _stretched(muscle: MuscleTendon, factors: list[float], middle: float, strength: float) -> MuscleTendon:
    """A muscle grown by the mean of its segments' factors, at a volume of `strength` times that of a middle one."""
    size = float(np.mean(factors))
    path = replace(muscle.path, coefficients=tuple(size * c for c in muscle.path.coefficients))
    return replace(
        muscle,
        max_isometric_force=muscle.max_isometric_force * strength * middle / size,
        optimal_fibre_length=muscle.optimal_fibre_length * size,
        tendon_slack_length=muscle.tendon_slack_length * size,
        path=path,
    )


def leg_length(skeleton: Skeleton) -> float:
    """From the hip to the ankle (m), by OpenSim's names of the bones.

    Raises
    ------
    ModelMismatch
        There are no such bones.
    """
    parts = [skeleton.segments[skeleton.segment_index(name)] for name in ("tibia_r", "talus_r")]
    return sum(float(np.linalg.norm(part.offset)) for part in parts)


def stature_of(skeleton: Skeleton) -> float:
    """Stature (m) of the person that a skeleton with legs is likely to be, by its legs.

    Raises
    ------
    ModelMismatch
        No leg of OpenSim's names, or none of a person's length.
    """
    try:
        stature = leg_length(skeleton) / LEG_SHARE
    except ModelMismatch as problem:
        raise ModelMismatch(f"{skeleton.name}: stature is read off femur_r, tibia_r and talus_r; {problem}") from None
    if not USUAL_STATURE[0] <= stature <= USUAL_STATURE[1]:
        raise ModelMismatch(
            f"{skeleton.name}: its legs are those of a person of {stature:.2f} m; expected {USUAL_STATURE[0]:g} to "
            f"{USUAL_STATURE[1]:g} m. Check the model's unit."
        )
    return stature


def body_of(person: VirtualPerson, skeleton: Skeleton) -> Skeleton:
    """The skeleton of a virtual person, by stretching that of the person whom a model was made for.

    Parameters
    ----------
    person : VirtualPerson
    skeleton : Skeleton
        Prepared. Its own person is of the stature that its legs say and of an age of full strength.
    """
    factors, mass = length_factors(person, skeleton), person.subject.mass
    # only age is left of the published law: mass and fibre length are in the ratio and in `stretched_person`
    whole = Subject("whole", mass, person.subject.height)
    aged = strength_ratio("muscle_volume", person.subject) / strength_ratio("muscle_volume", whole)
    return stretched_person(skeleton, factors, mass, person.strength * aged * mass / skeleton.mass)


def length_factors(person: VirtualPerson, skeleton: Skeleton) -> dict[str, float]:
    """Segment → factor on its lengths, for `body_of`."""
    size = person.subject.height / stature_of(skeleton)
    return {
        name: size * person.proportions.get(_PARTS.get(name.split("_")[0], ""), 1.0) for name in skeleton.segment_names
    }
