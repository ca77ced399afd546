"""A model's description: everything that our skeleton needs from an .osim file, as plain data.

Runs inside a worker process. Lengths in m, angles in rad, masses in kg, forces in N; transforms are of a joint frame in
its body's frame. Every joint has six axes in one form: three rotations, body-fixed one after the other, then three
translations along axes of the joint's parent frame, which OpenSim applies before the rotations.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from opensim_models.osim.library import osim, read_model

MOTION_TYPES = {1: "rotation", 2: "translation", 3: "coupled"}
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
SAMPLES = 401
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
    coordinates = [_coordinate(c) for c in _items(model.getCoordinateSet())]
    ranges = {c["name"]: (c["range_min"], c["range_max"]) for c in coordinates}
    return {
        "name": model.getName(),
        "gravity": _vector(model.getGravity()),
        "coordinates": coordinates,
        "bodies": [_body(b) for b in _items(model.getBodySet())],
        "joints": [_joint(j, ranges, unsupported) for j in _items(model.getJointSet())],
        "couplers": _couplers(model, ranges, unsupported),
        "markers": [_marker(m) for m in _items(model.getMarkerSet())],
        "contact_geometry": [_contact(g) for g in _items(model.getContactGeometrySet())],
        "muscles": [_muscle(m) for m in model.getMuscleList()],
        "unsupported": unsupported,
    }


def _items(objects: Any) -> list:
    """The members of an OpenSim set."""
    return [objects.get(i) for i in range(objects.getSize())]


def _coordinate(coordinate: Any) -> dict[str, Any]:
    """One coordinate."""
    return {
        "name": coordinate.getName(),
        "motion_type": MOTION_TYPES.get(coordinate.getMotionType(), "undefined"),
        "default": coordinate.getDefaultValue(),
        "range_min": coordinate.getRangeMin(),
        "range_max": coordinate.getRangeMax(),
        "locked": coordinate.get_locked(),
        "clamped": coordinate.get_clamped(),
    }


def _body(body: Any) -> dict[str, Any]:
    """One body; inertia xx, yy, zz, xy, xz, yz about the centre of mass in body axes."""
    inertia = body.get_inertia()
    return {
        "name": body.getName(),
        "mass": body.getMass(),
        "centre_of_mass": _vector(body.getMassCenter()),
        "inertia": tuple(inertia.get(i) for i in range(6)),
    }


def _joint(joint: Any, ranges: dict, unsupported: list) -> dict[str, Any]:
    """One joint in six-axis form."""
    kind = joint.getConcreteClassName()
    parent, child = joint.getParentFrame(), joint.getChildFrame()
    parent_offset, parent_orientation = _transform(parent)
    child_offset, child_orientation = _transform(child)
    if kind == "CustomJoint":
        axes = _custom_axes(osim.CustomJoint.safeDownCast(joint), ranges)
    elif kind in SIMPLE_JOINTS:
        names = [joint.get_coordinates(i).getName() for i in range(joint.numCoordinates())]
        axes = _simple_axes(SIMPLE_JOINTS[kind], names)
    else:
        axes = None
        reason = "its motion is not a chain of one-axis rotations and translations"
        unsupported.append({"name": joint.getName(), "type": kind, "reason": reason})
    return {
        "name": joint.getName(),
        "type": kind,
        "parent": parent.findBaseFrame().getName(),
        "child": child.findBaseFrame().getName(),
        "parent_offset": parent_offset,
        "parent_orientation": parent_orientation,
        "child_offset": child_offset,
        "child_orientation": child_orientation,
        "axes": axes,
    }


def _custom_axes(joint: Any, ranges: dict) -> list[dict[str, Any]]:
    """Axes of a CustomJoint."""
    spatial = joint.getSpatialTransform()
    axes = []
    for i in range(6):
        axis = spatial.getTransformAxis(i)
        names = axis.getCoordinateNamesInArray()
        coordinate = names.get(0) if names.getSize() else None
        vector = _vector(axis.getAxis())
        length = math.sqrt(sum(x * x for x in vector))
        described = function(axis.getFunction(), ranges.get(coordinate))
        axes.append(
            {
                "kind": "rotation" if i < 3 else "translation",
                "axis": tuple(x / length for x in vector),
                "coordinate": coordinate,
                "function": described,
            }
        )
    return axes


def _simple_axes(table: tuple, names: list[str]) -> list[dict[str, Any]]:
    """Axes of a joint type whose motion is fixed."""
    axes = [
        {"kind": kind, "axis": axis, "coordinate": None, "function": {"type": "constant", "coefficients": (0.0,)}}
        for kind in ("rotation", "translation")
        for axis in (X, Y, Z)
    ]
    for (kind, slot, axis), name in zip(table, names, strict=True):
        linear = {"type": "linear", "coefficients": (0.0, 1.0)}
        place = slot + (3 if kind == "translation" else 0)
        axes[place] = {"kind": kind, "axis": axis, "coordinate": name, "function": linear}
    return axes


def function(source: Any, limits: tuple[float, float] | None, scale: float = 1.0) -> dict[str, Any]:
    """A function of one coordinate: polynomial coefficients (constant first), or points and dense samples."""
    kind = source.getConcreteClassName()
    if kind == "MultiplierFunction":
        multiplier = osim.MultiplierFunction.safeDownCast(source)
        return function(multiplier.getFunction(), limits, scale * multiplier.getScale())
    if kind == "Constant":
        return {"type": "constant", "coefficients": (scale * osim.Constant.safeDownCast(source).getValue(),)}
    if kind == "LinearFunction":
        linear = osim.LinearFunction.safeDownCast(source)
        return {"type": "linear", "coefficients": (scale * linear.getIntercept(), scale * linear.getSlope())}
    if kind == "PolynomialFunction":
        highest_first = osim.PolynomialFunction.safeDownCast(source).getCoefficients()
        values = [scale * highest_first.get(i) for i in range(highest_first.size())]
        return {"type": "polynomial", "coefficients": tuple(reversed(values))}
    described: dict[str, Any] = {"type": "spline" if "Spline" in kind else "sampled", "source": kind}
    points = _points(source, kind)
    if points is not None:
        described["points"] = (points[0], tuple(scale * y for y in points[1]))
    low, high = _sampled_range(limits, points)
    x = [low + (high - low) * i / (SAMPLES - 1) for i in range(SAMPLES)]
    described["samples"] = (tuple(x), tuple(scale * value_at(source, at) for at in x))
    return described


def value_at(source: Any, x: float) -> float:
    """Value of an OpenSim function of one argument."""
    return source.calcValue(osim.Vector(1, x))


def _points(source: Any, kind: str) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Knots of a function that has them."""
    cast = getattr(osim, kind, None)
    source = cast.safeDownCast(source) if cast is not None else source
    if not all(hasattr(source, name) for name in ("getSize", "getX", "getY")):
        return None
    size = source.getSize()
    return tuple(source.getX(i) for i in range(size)), tuple(source.getY(i) for i in range(size))


def _sampled_range(limits: tuple | None, points: tuple | None) -> tuple[float, float]:
    """Where to sample: the coordinate's range, unless it is a stand-in for "no limit", then the knots."""
    if limits is not None and limits[1] - limits[0] <= 4 * math.pi:
        return limits
    return (min(points[0]), max(points[0])) if points is not None else (-math.pi, math.pi)


def _couplers(model: Any, ranges: dict, unsupported: list) -> list[dict[str, Any]]:
    """Coordinates that are functions of others; other constraints are named as unsupported."""
    described = []
    for constraint in _items(model.getConstraintSet()):
        coupler = osim.CoordinateCouplerConstraint.safeDownCast(constraint)
        names = coupler.getIndependentCoordinateNames() if coupler is not None else None
        if coupler is None or names.getSize() != 1:
            reason = "a constraint other than one coordinate as a function of another"
            entry = {"name": constraint.getName(), "type": constraint.getConcreteClassName(), "reason": reason}
            unsupported.append(entry)
            continue
        described.append(
            {
                "name": coupler.getName(),
                "dependent": coupler.getDependentCoordinateName(),
                "independent": names.get(0),
                "function": function(coupler.getFunction(), ranges.get(names.get(0))),
                "enforced": coupler.get_isEnforced(),
            }
        )
    return described


def _marker(marker: Any) -> dict[str, Any]:
    """One marker in the frame of its body."""
    frame = marker.getParentFrame()
    in_base = frame.findTransformInBaseFrame()
    location = in_base.shiftFrameStationToBase(marker.get_location())
    return {"name": marker.getName(), "body": frame.findBaseFrame().getName(), "offset": _vector(location)}


def _contact(geometry: Any) -> dict[str, Any]:
    """One contact geometry in the frame of its body."""
    frame = geometry.getFrame()
    in_base = frame.findTransformInBaseFrame()
    sphere = osim.ContactSphere.safeDownCast(geometry)
    return {
        "name": geometry.getName(),
        "type": geometry.getConcreteClassName(),
        "body": frame.findBaseFrame().getName(),
        "offset": _vector(in_base.shiftFrameStationToBase(geometry.get_location())),
        "radius": None if sphere is None else sphere.getRadius(),
    }


def _muscle(muscle: Any) -> dict[str, Any]:
    """Parameters of one muscle."""
    return {
        "name": muscle.getName(),
        "type": muscle.getConcreteClassName(),
        "max_isometric_force": muscle.getMaxIsometricForce(),
        "optimal_fibre_length": muscle.getOptimalFiberLength(),
        "tendon_slack_length": muscle.getTendonSlackLength(),
        "pennation": muscle.getPennationAngleAtOptimalFiberLength(),
    }


def _transform(frame: Any) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Origin and orientation of a frame in the frame of its body."""
    transform = frame.findTransformInBaseFrame()
    matrix = transform.R().asMat33()
    return _vector(transform.p()), tuple(tuple(matrix.get(i, j) for j in range(3)) for i in range(3))


def _vector(vector: Any) -> tuple[float, float, float]:
    """Three numbers."""
    return vector.get(0), vector.get(1), vector.get(2)
