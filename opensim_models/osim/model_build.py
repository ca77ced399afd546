"""Our skeleton written as an OpenSim model. Runs inside a worker process.

Every segment becomes a body with a CustomJoint. OpenSim's joint translates first, along axes of the parent frame, and
then rotates about up to three body-fixed axes; a skeleton's chain of elements must have that order.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import osim

NO_LIMIT = 999999.9  # what OpenSim itself writes for a coordinate without limits


def build_model(skeleton: dict[str, Any], path: str) -> None:
    """Write a skeleton, as a plain dictionary of its fields, as an .osim file: whole or not at all."""
    _refuse_shared_coordinates(skeleton)
    model = osim.Model()
    model.setName(str(skeleton["name"]))
    model.setGravity(osim.Vec3(*skeleton["gravity"]))
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
        joint = _joint(segment, parent, body, skeleton["coordinates"])
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
    try:
        model.finalizeConnections()
        model.initSystem()
    except RuntimeError as error:
        raise ModelMismatch(f"{skeleton['name']}: OpenSim refuses this skeleton: {error}") from error
    _write(model, Path(path))


def _joint(segment: dict, parent: Any, body: Any, coordinates: list[dict]) -> Any:
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
    elements = segment["elements"]
    if not elements:
        return osim.WeldJoint(name, *frames)
    joint = osim.CustomJoint(name, *frames, _spatial_transform(segment, coordinates))
    for i in range(joint.numCoordinates()):
        coordinate = joint.upd_coordinates(i)
        ours = next(c for c in coordinates if c["name"] == coordinate.getName())
        coordinate.setDefaultValue(float(ours["default"]))
        coordinate.setRangeMin(max(float(ours["lower"]), -NO_LIMIT))
        coordinate.setRangeMax(min(float(ours["upper"]), NO_LIMIT))
        coordinate.set_clamped(False)
    return joint


def _spatial_transform(segment: dict, coordinates: list[dict]) -> Any:
    """Map a chain of elements to the six axes of a CustomJoint, or refuse it."""
    kinds = [element["kind"] for element in segment["elements"]]
    translations = [e for e in segment["elements"] if e["kind"] == "translation"]
    rotations = [e for e in segment["elements"] if e["kind"] == "rotation"]
    if (
        kinds != ["translation"] * len(translations) + ["rotation"] * len(rotations)
        or max(len(translations), len(rotations)) > 3
    ):
        raise ModelMismatch(
            f"Segment {segment['name']}: an OpenSim joint has up to 3 translations followed by up to 3 rotations; "
            f"this chain is {', '.join(kinds)}. Split the segment or reorder its elements."
        )
    spatial = osim.SpatialTransform()
    for first, elements in ((0, rotations), (3, translations)):
        axes = [tuple(float(x) for x in element["axis"]) for element in elements]
        for slot, axis in enumerate(_completed(axes)):
            target = spatial.updTransformAxis(first + slot)
            target.set_axis(osim.Vec3(*axis))
            element = elements[slot] if slot < len(elements) else None
            coefficients = (0.0,) if element is None else element["polynomial"]
            names = osim.ArrayStr()
            if element is not None and element["coordinate"] >= 0:
                names.append(coordinates[element["coordinate"]]["name"])
            target.setCoordinateNames(names)
            target.set_function(_function(coefficients, names.getSize() > 0))
    return spatial


def _function(coefficients: tuple, driven: bool) -> Any:
    """An OpenSim function for a polynomial, constant term first."""
    values = [float(c) for c in coefficients] or [0.0]
    if not driven:
        return osim.Constant(values[0])
    if len(values) <= 2:
        return osim.LinearFunction(values[1] if len(values) == 2 else 0.0, values[0])
    return osim.PolynomialFunction(osim.Vector.createFromMat(np.asarray(values[::-1], dtype=float)))


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


def _refuse_shared_coordinates(skeleton: dict) -> None:
    """OpenSim keeps a coordinate in one joint: refuse a skeleton that uses one in two."""
    owner: dict[int, str] = {}
    for segment in skeleton["segments"]:
        for element in segment["elements"]:
            first = owner.setdefault(element["coordinate"], segment["name"])
            if element["coordinate"] >= 0 and first != segment["name"]:
                name = skeleton["coordinates"][element["coordinate"]]["name"]
                raise ModelMismatch(
                    f"Coordinate {name} drives the joints of {first} and {segment['name']}; "
                    "an OpenSim coordinate belongs to one joint."
                )


def _write(model: Any, path: Path) -> None:
    """Write to a temporary file beside the target, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        if not model.printToXML(str(partial)):
            raise OSError(f"{path}: OpenSim could not write the model file. Is the disk full?")
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
