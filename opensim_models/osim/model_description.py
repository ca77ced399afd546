"""A model's description: everything that our skeleton needs from an .osim file, as plain data.

Runs inside a worker process. Lengths in m, angles in rad, masses in kg, forces in N; transforms are of a joint frame in
its body's frame. Every joint has six axes in one form: three rotations, body-fixed one after the other, then three
translations along axes of the joint's parent frame, which OpenSim applies before the rotations.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from opensim_models.osim.component import items, place, station, vector
from opensim_models.osim.force_description import (
    describe_contact,
    describe_controllers,
    describe_forces,
    describe_frames,
    describe_sensors,
)
from opensim_models.osim.joint_function import describe_function
from opensim_models.osim.library import coupler_scale, osim, read_model
from opensim_models.osim.muscle_description import describe_muscle, describe_wraps

MOTION_TYPES = {1: "rotation", 2: "translation", 3: "coupled"}
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
# joint type -> axes of its coordinates in order: (rotation or translation, slot 0-2, axis)
SIMPLE_JOINTS = {
    "PinJoint": (("rotation", 0, Z),),
    "SliderJoint": (("translation", 0, X),),
    "WeldJoint": (),
    "PlanarJoint": (("rotation", 0, Z), ("translation", 0, X), ("translation", 1, Y)),
    "UniversalJoint": (("rotation", 0, X), ("rotation", 1, Y)),
    "GimbalJoint": (("rotation", 0, X), ("rotation", 1, Y), ("rotation", 2, Z)),
    "BallJoint": (("rotation", 0, X), ("rotation", 1, Y), ("rotation", 2, Z)),
    "FreeJoint": (
        ("rotation", 0, X),
        ("rotation", 1, Y),
        ("rotation", 2, Z),
        ("translation", 0, X),
        ("translation", 1, Y),
        ("translation", 2, Z),
    ),
}


def describe(path: str) -> dict[str, Any]:
    """Read a model and describe it; see `opensim_models.osim.client.describe_model` for the content."""
    model = read_model(Path(path))
    unsupported: list[dict[str, str]] = []
    components = list(model.getComponentsList())
    coordinates = [_coordinate(c) for c in items(model.getCoordinateSet())]
    ranges = {c["name"]: (c["range_min"], c["range_max"]) for c in coordinates}
    bodies = [part for part in map(osim.Body.safeDownCast, components) if part is not None]
    joints = [part for part in map(osim.Joint.safeDownCast, components) if part is not None]
    contact_forces, forces = describe_forces(components)
    return {
        "name": model.getName(),
        "gravity": vector(model.getGravity()),
        "coordinates": coordinates,
        "bodies": [_body(b) for b in bodies],
        "joints": [_joint(j, ranges, unsupported) for j in joints],
        "couplers": _couplers(model, ranges, unsupported),
        "markers": [_marker(m) for m in items(model.getMarkerSet())],
        "frames": describe_frames(components),
        "sensors": describe_sensors(components),
        "contact_geometry": [describe_contact(g) for g in items(model.getContactGeometrySet())],
        "contact_forces": contact_forces,
        "forces": forces,
        "muscles": [describe_muscle(m, ranges) for m in model.getMuscleList()],
        "wraps": [w for b in (model.getGround(), *bodies) for w in describe_wraps(b)],
        "controllers": describe_controllers(model),
        "unsupported": unsupported,
    }


def _coordinate(coordinate: Any) -> dict[str, Any]:
    """One coordinate; a prescribed one with its function of time."""
    prescribed = None
    if coordinate.get_prescribed() and coordinate.getPropertyByName("prescribed_function").size():
        prescribed = describe_function(coordinate.get_prescribed_function(), None)
    return {
        "name": coordinate.getName(),
        "motion_type": MOTION_TYPES.get(coordinate.getMotionType(), "undefined"),
        "default": coordinate.getDefaultValue(),
        "range_min": coordinate.getRangeMin(),
        "range_max": coordinate.getRangeMax(),
        "locked": coordinate.get_locked(),
        "clamped": coordinate.get_clamped(),
        "prescribed": prescribed,
    }


def _body(body: Any) -> dict[str, Any]:
    """One body; inertia xx, yy, zz, xy, xz, yz about the centre of mass in body axes."""
    inertia = body.get_inertia()
    return {
        "name": body.getName(),
        "mass": body.getMass(),
        "centre_of_mass": vector(body.getMassCenter()),
        "inertia": tuple(inertia.get(i) for i in range(6)),
    }


def _joint(joint: Any, ranges: dict, unsupported: list) -> dict[str, Any]:
    """One joint in six-axis form; ``axes`` is None for a joint that has no such form."""
    kind = joint.getConcreteClassName()
    parent, child = place(joint.getParentFrame()), place(joint.getChildFrame())
    axes, reason = None, "its motion is not a chain of one-axis rotations and translations"
    if kind == "CustomJoint":
        axes, reason = _custom_axes(osim.CustomJoint.safeDownCast(joint), ranges)
    elif kind in SIMPLE_JOINTS:
        names = [joint.get_coordinates(i).getName() for i in range(joint.numCoordinates())]
        axes = _simple_axes(SIMPLE_JOINTS[kind], names)
    if axes is None:
        unsupported.append({"name": joint.getName(), "type": kind, "reason": reason})
    return {
        "name": joint.getName(),
        "type": kind,
        "parent": parent["body"],
        "child": child["body"],
        "parent_offset": parent["offset"],
        "parent_orientation": parent["orientation"],
        "child_offset": child["offset"],
        "child_orientation": child["orientation"],
        "axes": axes,
    }


def _custom_axes(joint: Any, ranges: dict) -> tuple[list[dict[str, Any]] | None, str]:
    """Axes of a CustomJoint, or None and why not."""
    spatial = joint.getSpatialTransform()
    axes = []
    for i in range(6):
        axis = spatial.getTransformAxis(i)
        names = axis.getCoordinateNamesInArray()
        if names.getSize() > 1:
            return None, "one of its axes is driven by more than one coordinate"
        coordinate = names.get(0) if names.getSize() else None
        direction = vector(axis.getAxis())
        length = math.sqrt(sum(x * x for x in direction))
        if not 0 < length < math.inf:
            return None, "one of its axes has no direction"
        axes.append(
            {
                "kind": "rotation" if i < 3 else "translation",
                "axis": tuple(x / length for x in direction),
                "coordinate": coordinate,
                "function": describe_function(axis.getFunction(), ranges.get(coordinate)),
            }
        )
    return axes, ""


def _simple_axes(table: tuple, names: list[str]) -> list[dict[str, Any]]:
    """Axes of a joint type whose motion is fixed."""
    axes = [
        {"kind": kind, "axis": axis, "coordinate": None, "function": {"source": "Constant", "coefficients": (0.0,)}}
        for kind in ("rotation", "translation")
        for axis in (X, Y, Z)
    ]
    for (kind, slot, axis), name in zip(table, names, strict=True):
        linear = {"source": "LinearFunction", "coefficients": (0.0, 1.0)}
        place = slot + (3 if kind == "translation" else 0)
        axes[place] = {"kind": kind, "axis": axis, "coordinate": name, "function": linear}
    return axes


def _couplers(model: Any, ranges: dict, unsupported: list) -> list[dict[str, Any]]:
    """Coordinates that are functions of others; other constraints are named as unsupported."""
    described = []
    for constraint in items(model.getConstraintSet()):
        coupler = osim.CoordinateCouplerConstraint.safeDownCast(constraint)
        names = coupler.getIndependentCoordinateNames() if coupler is not None else None
        if coupler is None or names.getSize() != 1:
            reason = "a constraint other than one coordinate as a function of another"
            if not constraint.get_isEnforced():
                reason += " (the model does not enforce it)"
            entry = {"name": constraint.getName(), "type": constraint.getConcreteClassName(), "reason": reason}
            unsupported.append(entry)
            continue
        described.append(
            {
                "name": coupler.getName(),
                "dependent": coupler.getDependentCoordinateName(),
                "independent": names.get(0),
                "function": describe_function(coupler.getFunction(), ranges.get(names.get(0)), coupler_scale(coupler)),
                "enforced": coupler.get_isEnforced(),
            }
        )
    return described


def _marker(marker: Any) -> dict[str, Any]:
    """One marker in the frame of its body."""
    return {"name": marker.getName(), **station(marker.getParentFrame(), marker.get_location())}
