"""Our skeleton written as an OpenSim model. Runs inside a worker process.

Every segment becomes a body with a CustomJoint. OpenSim's joint translates first, along axes of the parent frame, and
then rotates about up to three body-fixed axes; a skeleton's chain of elements must have that order.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opensim_models.model.scalar_function import (
    IDENTITY_FUNCTION,
    Polynomial,
    ScalarFunction,
    function_from_plain,
    value_and_derivatives,
)
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.component import items
from opensim_models.osim.library import osim
from opensim_models.osim.muscle_build import add_contacts, add_muscles, muscle_functions
from opensim_models.osim.written_function import with_every_digit, written_function

NO_LIMIT = 999999.9  # what OpenSim itself writes for a coordinate without limits
_KEPT: list = []  # OpenSim and Python would both free couplers


def build_model(
    skeleton: dict[str, Any], path: str, paths: dict[str, list[dict[str, Any]]] | None = None, credits: str = ""
) -> list[str]:
    """Write a skeleton, as a plain dictionary of its fields, as an .osim file: whole or not at all.

    Muscles are written whose path points `paths` gives; the names of the others come back.
    """
    owners = _owners(skeleton)
    model = osim.Model()
    model.setName(str(skeleton["name"]))
    model.setGravity(osim.Vec3(*skeleton["gravity"]))
    if credits:
        model.setAuthors(credits)
    bodies = []
    kept = []  # Python's handles of what the model owns must not be collected before it is written
    for segment in skeleton["segments"]:
        body = osim.Body(
            segment["name"],
            float(segment["mass"]),
            osim.Vec3(*segment["centre_of_mass"]),
            osim.Inertia(*[float(x) for x in segment["inertia"]]),
        )
        parent = model.getGround() if segment["parent"] < 0 else bodies[segment["parent"]]
        joint = _joint(segment, parent, body, owners[segment["name"]])
        model.addBody(body)
        model.addJoint(joint)
        bodies.append(body)
        kept.append(joint)
    names = [segment["name"] for segment in skeleton["segments"]]
    for marker in skeleton["markers"]:
        body = bodies[names.index(marker["segment"])]
        made = osim.Marker(marker["name"], body, osim.Vec3(*marker["offset"]))
        model.addMarker(made)
        kept.append(made)
    kept += [_coupler(model, coupled, skeleton) for coupled in skeleton.get("coupled", ())]
    try:
        model.finalizeConnections()
        for ours in skeleton["coordinates"]:  # a joint makes its coordinates anew when the model takes it
            for coordinate in items(model.updCoordinateSet()):
                if coordinate.getName() == ours["name"]:
                    _set_coordinate(coordinate, ours)
        left_out = add_muscles(model, skeleton, paths or {})
        add_contacts(model, skeleton)
        model.finalizeConnections()
        model.initSystem()
    except RuntimeError as error:
        raise ModelMismatch(f"{skeleton['name']}: OpenSim refuses this skeleton: {error}") from error
    _write(model, Path(path), _functions(skeleton) + muscle_functions(paths or {}))
    return left_out


def _owners(skeleton: dict) -> dict[str, list[tuple[str, tuple[ScalarFunction, ...]]]]:
    """For each segment, the coordinate (or "") and the functions of its elements, coupled coordinates restored.

    OpenSim keeps a coordinate in one joint: an element that another joint's coordinate drives must be explained by a
    coupled coordinate of its own segment.
    """
    names = [c["name"] for c in skeleton["coordinates"]]
    homes: dict[str, str] = {}
    driven: dict[str, list[tuple[str, tuple[ScalarFunction, ...]]]] = {}
    for segment in skeleton["segments"]:
        rows = driven.setdefault(segment["name"], [])
        for element in segment["elements"]:
            functions = tuple(map(function_from_plain, element["functions"]))
            name = names[element["coordinate"]] if element["coordinate"] >= 0 else ""
            for coupled in skeleton.get("coupled", ()):
                before = _bare(map(function_from_plain, coupled["functions"]))
                fits = coupled["segment"] == segment["name"] and coupled["coordinate"] == element["coordinate"]
                if fits and _bare(functions)[: len(before)] == before:
                    name, functions = coupled["name"], _bare(functions)[len(before) :] or (IDENTITY_FUNCTION,)
                    break
            if name and homes.setdefault(name, segment["name"]) != segment["name"]:
                raise ModelMismatch(
                    f"Coordinate {name} drives the joints of {homes[name]} and {segment['name']}; "
                    "an OpenSim coordinate belongs to one joint."
                )
            if len(_bare(functions)) > 1:
                raise ModelMismatch(
                    f"Segment {segment['name']}: an axis driven by {len(functions)} functions of {name}, one applied "
                    "after the other, needs a coupled coordinate in OpenSim; the skeleton names none for it."
                )
            rows.append((name, functions))
    return driven


def _bare(functions: Iterable[ScalarFunction]) -> tuple[ScalarFunction, ...]:
    """A chain without what changes nothing."""
    return tuple(f for f in functions if f != IDENTITY_FUNCTION)


def _joint(segment: dict, parent: Any, body: Any, driven: list) -> Any:
    """The joint of one segment."""
    frames = (
        parent,
        osim.Vec3(*segment["offset"]),
        _euler_xyz(segment["orientation"]),
        body,
        osim.Vec3(*segment["child_offset"]),
        _euler_xyz(segment["child_orientation"]),
    )
    name = f"{segment['name']}_joint"
    if not segment["elements"]:
        return osim.WeldJoint(name, *frames)
    return osim.CustomJoint(name, *frames, _spatial_transform(segment, driven))


def _set_coordinate(coordinate: Any, ours: dict) -> None:
    """Default, range and what the model does with a coordinate."""
    coordinate.setDefaultValue(float(ours["default"]))
    coordinate.setRangeMin(max(float(ours["lower"]), -NO_LIMIT))
    coordinate.setRangeMax(min(float(ours["upper"]), NO_LIMIT))
    coordinate.set_clamped(bool(ours.get("clamped", False)))
    coordinate.set_locked(bool(ours.get("locked", False)))
    if ours.get("prescribed") is not None:
        function = written_function(function_from_plain(ours["prescribed"]), f"Coordinate {ours['name']}")
        coordinate.setPrescribedFunction(function)
        coordinate.set_prescribed(True)


def _coupler(model: Any, coupled: dict, skeleton: dict) -> Any:
    """A coordinate as a function of another: of the independent one, or of the follower between the two."""
    functions = tuple(map(function_from_plain, coupled["functions"]))
    driver = skeleton["coordinates"][coupled["coordinate"]]["name"]
    for other in skeleton["coupled"]:
        between = tuple(map(function_from_plain, other["functions"]))
        same = other["coordinate"] == coupled["coordinate"] and other["name"] != coupled["name"]
        if len(functions) > 1 and same and between == functions[:-1]:
            driver, functions = other["name"], functions[-1:]
            break
    if len(functions) > 1:
        raise ModelMismatch(
            f"Coordinate {coupled['name']} follows {driver} by a chain that OpenSim has no coupler for."
        )
    constraint = osim.CoordinateCouplerConstraint()
    constraint.setName(f"{coupled['name']}_follows_{driver}")
    names = osim.ArrayStr()
    names.append(driver)
    constraint.setIndependentCoordinateNames(names)
    constraint.setDependentCoordinateName(coupled["name"])
    function = written_function(functions[0], f"Coordinate {coupled['name']}")
    constraint.setFunction(function)
    model.addConstraint(constraint)
    _KEPT.append((constraint, names, function))
    return constraint


def _spatial_transform(segment: dict, driven: list[tuple[str, tuple[ScalarFunction, ...]]]) -> Any:
    """Map a chain of elements to the six axes of a CustomJoint, or refuse it."""
    kinds = [element["kind"] for element in segment["elements"]]
    numbered = list(zip(segment["elements"], driven, strict=True))
    translations = [pair for pair in numbered if pair[0]["kind"] == "translation"]
    rotations = [pair for pair in numbered if pair[0]["kind"] == "rotation"]
    if (
        kinds != ["translation"] * len(translations) + ["rotation"] * len(rotations)
        or max(len(translations), len(rotations)) > 3
    ):
        raise ModelMismatch(
            f"Segment {segment['name']}: an OpenSim joint has up to 3 translations followed by up to 3 rotations; "
            f"this chain is {', '.join(kinds)}. Split the segment or reorder its elements."
        )
    spatial = osim.SpatialTransform()
    for first, pairs in ((0, rotations), (3, translations)):
        axes = [tuple(float(x) for x in element["axis"]) for element, _ in pairs]
        for slot, axis in enumerate(_completed(axes)):
            target = spatial.updTransformAxis(first + slot)
            target.set_axis(osim.Vec3(*axis))
            name, functions = pairs[slot][1] if slot < len(pairs) else ("", (Polynomial((0.0,)),))
            names = osim.ArrayStr()
            if name:
                names.append(name)
            target.setCoordinateNames(names)
            if name:
                target.set_function(written_function(functions[0], f"Segment {segment['name']}"))
            else:
                target.set_function(osim.Constant(float(value_and_derivatives(functions[0], 0.0)[0])))
    return spatial


def _completed(axes: list[tuple]) -> list[tuple]:
    """Add unit axes until there are three that are independent."""
    full = list(axes)
    for candidate in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)) * 2:
        if len(full) < 3 and all(_angle_between(candidate, axis) > 0.3 for axis in full):
            full.append(candidate)
    return full[:3]


def _angle_between(a: tuple, b: tuple) -> float:
    """Smallest angle between two lines (rad)."""
    cosine = abs(sum(x * y for x, y in zip(a, b, strict=True))) / (math.hypot(*a) * math.hypot(*b))
    return math.acos(min(1.0, cosine))


def _euler_xyz(matrix: tuple) -> Any:
    """Body-fixed X-Y-Z angles of a rotation matrix, as OpenSim stores the orientation of a frame."""
    rotation = osim.Rotation(osim.Mat33(*[float(x) for row in matrix for x in row]))
    return rotation.convertRotationToBodyFixedXYZ()


def _functions(skeleton: dict) -> list[ScalarFunction]:
    """Every function of a skeleton."""
    plain = [f for segment in skeleton["segments"] for e in segment["elements"] for f in e["functions"]]
    plain += [f for coupled in skeleton.get("coupled", ()) for f in coupled["functions"]]
    plain += [c["prescribed"] for c in skeleton["coordinates"] if c.get("prescribed")]
    return [function_from_plain(f) for f in plain]


def _write(model: Any, path: Path, functions: list[ScalarFunction]) -> None:
    """Write to a temporary file beside the target, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        if not model.printToXML(str(partial)):
            raise OSError(f"{path}: OpenSim could not write the model file. Is the disk full?")
        text = with_every_digit(partial.read_text(encoding="utf-8"), functions)
        with partial.open("w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
