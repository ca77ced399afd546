"""Forces and contact geometry of a model as plain data. Runs inside a worker process."""

from __future__ import annotations

from typing import Any

import numpy as np

from opensim_models.osim.component import items, place, properties, rows, station
from opensim_models.osim.library import osim

CONTACT_FORCES = ("SmoothSphereHalfSpaceForce", "HuntCrossleyForce")
"""Forces that we describe in full; ElasticFoundationForce needs its mesh and is named only."""


def describe_contact(geometry: Any) -> dict[str, Any]:
    """One contact geometry: its body, centre (m), orientation (3 × 3, geometry → body) and radius (m) of a sphere."""
    frame = geometry.getFrame()
    sphere = osim.ContactSphere.safeDownCast(geometry)
    own = osim.Rotation()
    own.setRotationToBodyFixedXYZ(geometry.get_orientation())
    in_base = frame.findTransformInBaseFrame()  # kept in a name: what R() gives back lives inside it
    orientation = np.array(rows(in_base.R())) @ np.array(rows(own))
    return {
        "name": geometry.getName(),
        "type": geometry.getConcreteClassName(),
        **station(frame, geometry.get_location()),
        "orientation": tuple(tuple(float(x) for x in row) for row in orientation),
        "radius": None if sphere is None else sphere.getRadius(),
    }


def describe_forces(components: list) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Contact forces, and every other force that is no muscle, each with all of its parameters."""
    contact, others = [], []
    for component in components:
        force = osim.Force.safeDownCast(component)
        if force is None or osim.Muscle.safeDownCast(component) is not None:
            continue
        kind, parameters = force.getConcreteClassName(), properties(force)
        described = {
            "name": force.getName(),
            "type": kind,
            "enabled": bool(force.get_appliesForce()),
            "connected_to": {
                name.removeprefix("socket_"): str(path).split("/")[-1]
                for name, path in parameters.items()
                if name.startswith("socket_")
            },
            "parameters": {name: value for name, value in parameters.items() if not name.startswith("socket_")},
        }
        if kind not in CONTACT_FORCES:
            others.append(described)
            continue
        contact.append(described | {"sets": _contact_sets(kind, described)})
    return contact, others


def _contact_sets(kind: str, described: dict[str, Any]) -> list[dict[str, Any]]:
    """Which geometries touch, and how hard: stiffness, dissipation (s/m) and the friction coefficients."""
    names = ("stiffness", "dissipation", "static_friction", "dynamic_friction", "viscous_friction")
    parameters = described["parameters"]
    if kind == "SmoothSphereHalfSpaceForce":
        touching = [described["connected_to"].get(name) for name in ("sphere", "half_space")]
        return [{"geometries": touching, **{name: parameters.get(name) for name in names}}]
    found = parameters.get("contact_parameters", {}).get("objects", [])
    return [
        {"geometries": list(entry.get("geometry", ())), **{name: entry.get(name) for name in names}}
        for entry in (found if isinstance(found, list) else [found])
    ]


def describe_frames(components: list) -> list[dict[str, Any]]:
    """Offset frames fixed in bodies, and the sensors that are fixed in frames."""
    frames = []
    for component in components:
        frame = osim.PhysicalOffsetFrame.safeDownCast(component)
        if frame is not None:
            frames.append({"name": frame.getName(), "type": "PhysicalOffsetFrame", **place(frame)})
    return frames


def describe_sensors(components: list) -> list[dict[str, Any]]:
    """Inertial sensors: the frame that each is fixed in."""
    return [
        {"name": c.getName(), "type": "IMU", "frame": str(properties(c).get("socket_frame", "")).split("/")[-1]}
        for c in components
        if c.getConcreteClassName() == "IMU"
    ]


def describe_controllers(model: Any) -> list[dict[str, str]]:
    """Parts that only a forward simulation uses."""
    reason = "it only acts in a forward simulation"
    return [
        {"name": part.getName(), "type": part.getConcreteClassName(), "reason": reason}
        for parts in (model.getControllerSet(), model.getProbeSet())
        for part in items(parts)
    ]
