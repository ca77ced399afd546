"""Contact sphere: a sphere of a segment that may touch a plane, with the constants of the force between them.

The constants are those of OpenSim's SmoothSphereHalfSpaceForce and HuntCrossleyForce (Hunt, Crossley, J Appl Mech
42:440, 1975; Serrancolí et al., IEEE Trans Neural Syst Rehabil Eng 27:1655, 2019, for the smooth form).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class ContactPlane:
    """The plane that bounds a half space.

    Attributes
    ----------
    name : str
    segment : str
        The segment it is fixed in, ``"ground"`` for a floor.
    offset : tuple of 3 floats
        A point of it in that segment's frame (m).
    normal : tuple of 3 floats
        Unit vector out of the half space, the same frame: up for a floor.
    """

    name: str
    segment: str
    offset: Vector
    normal: Vector


@dataclass(frozen=True)
class ContactSphere:
    """A sphere and the force between it and a plane.

    Attributes
    ----------
    name, segment : str
    offset : tuple of 3 floats
        Centre in the segment frame (m).
    radius : float
        m.
    plane : str
        Name of the plane that it touches.
    stiffness : float
        Of the contact (N/m²: OpenSim's plane-strain modulus).
    dissipation : float
        s/m.
    static_friction, dynamic_friction, viscous_friction : float
        Coefficients; the viscous one in s/m.
    transition_velocity : float
        m/s: slip below it sticks.
    force : str
        OpenSim's class.
    enabled : bool
        The model lets the force act.
    """

    name: str
    segment: str
    offset: Vector
    radius: float
    plane: str
    stiffness: float
    dissipation: float
    static_friction: float
    dynamic_friction: float
    viscous_friction: float
    transition_velocity: float
    force: str = "SmoothSphereHalfSpaceForce"
    enabled: bool = True


def contacts_from_description(
    description: Mapping[str, Any],
) -> tuple[tuple[ContactSphere, ...], tuple[ContactPlane, ...], tuple[str, ...]]:
    """Spheres, planes, and the names of contact geometries and forces that are neither.

    Parameters
    ----------
    description : mapping
        As `opensim_models.osim.client.describe_model` gives it.
    """
    geometries = {g["name"]: g for g in description.get("contact_geometry", ())}
    planes = tuple(
        ContactPlane(name, g["body"], tuple(g["offset"]), tuple(0.0 - row[0] for row in g["orientation"]))
        for name, g in geometries.items()
        if g["type"] == "ContactHalfSpace"  # it fills the side of its own x axis
    )
    spheres, used = [], set()
    for force in description.get("contact_forces", ()):
        for contact in force["sets"]:
            touching = [geometries[name] for name in contact["geometries"] if name in geometries]
            floors = [g["name"] for g in touching if g["type"] == "ContactHalfSpace"]
            for g in touching:
                if g["type"] == "ContactSphere" and len(floors) == 1:
                    spheres.append(_sphere(g, floors[0], contact, force))
                    used |= {g["name"], floors[0], force["name"]}
    forces = [force["name"] for force in description.get("contact_forces", ())]
    return tuple(spheres), planes, tuple(name for name in (*geometries, *forces) if name not in used)


def _sphere(
    geometry: Mapping[str, Any], plane: str, contact: Mapping[str, Any], force: Mapping[str, Any]
) -> ContactSphere:
    """One sphere with the constants of its force."""
    constants = {
        name: float(contact[name] or 0.0)
        for name in ("stiffness", "dissipation", "static_friction", "dynamic_friction", "viscous_friction")
    }
    return ContactSphere(
        geometry["name"],
        geometry["body"],
        tuple(geometry["offset"]),
        float(geometry["radius"]),
        plane,
        transition_velocity=float(force["parameters"].get("transition_velocity", 0.0)),
        force=force["type"],
        enabled=bool(force["enabled"]),
        **constants,
    )


def scaled_contacts(spheres: Sequence[ContactSphere], factors: Mapping[str, Vector]) -> tuple[ContactSphere, ...]:
    """Spheres of a stretched skeleton: centres by the factors of their segment, radii by the geometric mean of these.

    Parameters
    ----------
    spheres : sequence of ContactSphere
    factors : mapping
        Segment → factors along its X, Y and Z axis; 1 for segments that are not named.
    """
    scaled = []
    for sphere in spheres:
        own = factors.get(sphere.segment, (1.0, 1.0, 1.0))
        x, y, z = (a * b for a, b in zip(sphere.offset, own, strict=True))
        scaled.append(replace(sphere, offset=(x, y, z), radius=sphere.radius * math.prod(own) ** (1 / 3)))
    return tuple(scaled)


def sphere_from_plain(content: Mapping[str, Any]) -> ContactSphere:
    """Build a sphere from a dictionary of its fields, as JSON keeps it."""
    return ContactSphere(**{**content, "offset": tuple(content["offset"])})


def plane_from_plain(content: Mapping[str, Any]) -> ContactPlane:
    """Build a plane from a dictionary of its fields, as JSON keeps it."""
    return ContactPlane(content["name"], content["segment"], tuple(content["offset"]), tuple(content["normal"]))
