"""OpenSim's components as plain data: sets, vectors, frames and properties. Runs inside a worker process."""

from __future__ import annotations

from typing import Any

from opensim_models.osim.library import osim

_PLAIN = {
    "double": osim.PropertyHelper.getValueDouble,
    "int": osim.PropertyHelper.getValueInt,
    "bool": osim.PropertyHelper.getValueBool,
    "string": osim.PropertyHelper.getValueString,
}
_LEFT_OUT = {"components", "Appearance", "GeometryPath", "path", "attached_geometry", "frame_geometry"}
_DEEPEST = 8


def items(objects: Any) -> list:
    """The members of an OpenSim set."""
    return [objects.get(i) for i in range(objects.getSize())]


def vector(values: Any) -> tuple[float, float, float]:
    """Three numbers."""
    return values.get(0), values.get(1), values.get(2)


def rows(rotation: Any) -> tuple[tuple[float, ...], ...]:
    """A rotation as a nested tuple."""
    matrix = rotation.asMat33()
    return tuple(tuple(matrix.get(i, j) for j in range(3)) for i in range(3))


def place(frame: Any) -> dict[str, Any]:
    """A frame in its body: ``body``, ``offset`` (m) and ``orientation`` (3 × 3, frame → body)."""
    transform = frame.findTransformInBaseFrame()
    body = frame.findBaseFrame().getName()
    return {"body": body, "offset": vector(transform.p()), "orientation": rows(transform.R())}


def station(frame: Any, location: Any) -> dict[str, Any]:
    """A point of a frame in its body: ``body`` and ``offset`` (m)."""
    in_base = frame.findTransformInBaseFrame()
    return {
        "body": frame.findBaseFrame().getName(),
        "offset": vector(in_base.shiftFrameStationToBase(location)),
    }


def properties(thing: Any, depth: int = 0) -> dict[str, Any]:
    """Every property of an OpenSim object but drawings and paths, by name; objects inside it, with their class."""
    found: dict[str, Any] = {"type": thing.getConcreteClassName()} if depth else {}
    for i in range(thing.getNumProperties()):
        entry = thing.getPropertyByIndex(i)
        name, kind, size = entry.getName(), entry.getTypeName(), entry.size()
        if name in _LEFT_OUT or size == 0:
            continue
        if kind in _PLAIN:
            values = [_PLAIN[kind](entry, k) for k in range(size)]
        elif kind == "Vec3" and size == 1:  # OpenSim's index is that of the component here
            values = [tuple(osim.PropertyHelper.getValueVec3(entry, k) for k in range(3))]
        elif entry.isObjectProperty() and depth < _DEEPEST:
            values = [properties(entry.getValueAsObject(k), depth + 1) for k in range(size)]
        else:
            values = [entry.toString()]
        if name == "coefficients" and found.get("type") == "MultivariatePolynomialFunction":
            whole = osim.MultivariatePolynomialFunction.safeDownCast(thing).getCoefficients()
            values = [tuple(whole.get(k) for k in range(whole.size()))]  # as text they would lose digits
        found[name] = values if entry.isListProperty() and not entry.isOptionalProperty() else values[0]
    return found
