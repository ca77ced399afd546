"""A skeleton from any OpenSim model: OpenSim describes it once, in its own process, and we keep the numbers.

Joints become chains of one-axis elements. Splines become polynomials of their coordinate; a coupled coordinate becomes
a polynomial of the one it follows. What this changes, and what of the model has no place here, stands in its notes.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.polynomial import Polynomial

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import describe_model
from opensim_models.skeleton import Coordinate, JointElement, Segment, Skeleton, SkeletonMarker

HIGHEST_DEGREE = 12
"""Degree up to which a spline is approximated by a polynomial."""
GOOD_FIT = 1e-4
"""Largest deviation (m or rad) at which a lower degree is good enough."""


def read_osim(path: Path) -> Skeleton:
    """Read an OpenSim model.

    Parameters
    ----------
    path : Path
        An .osim file.

    Returns
    -------
    Skeleton
        Independent coordinates only; `notes` name every approximation and everything left out.

    Raises
    ------
    ModelMismatch
        The file is not a model, or has joints or loops that no tree of one-axis elements can represent.
    """
    return skeleton_from_description(describe_model(path), str(path))


def skeleton_from_description(description: dict, where: str) -> Skeleton:
    """Build a skeleton from what `opensim_models.osim.client.describe_model` returns.

    Parameters
    ----------
    description : dict
    where : str
        The file, for messages.
    """
    stuck = [j["name"] for j in description["joints"] if j["axes"] is None]
    if stuck:
        raise ModelMismatch(
            f"{where}: joint {', '.join(stuck)} is not made of rotations and translations about fixed axes; "
            "replace it by a CustomJoint to use the model here."
        )
    notes = [f"from {Path(where).name}"]
    followers = _followers(description, notes)
    coordinates = [c for c in description["coordinates"] if c["name"] not in followers]
    order = {c["name"]: i for i, c in enumerate(coordinates)}
    bodies = {b["name"]: b for b in description["bodies"]}
    segments: list[Segment] = []
    placed: dict[str, int] = {"ground": -1}
    for joint in _from_the_ground(description["joints"], where):
        body = bodies[joint["child"]]
        segments.append(
            Segment(
                body["name"],
                placed[joint["parent"]],
                tuple(joint["parent_offset"]),
                _rows(joint["parent_orientation"]),
                _elements(joint, order, followers, notes),
                tuple(joint["child_offset"]),
                _rows(joint["child_orientation"]),
                body["mass"],
                tuple(body["centre_of_mass"]),
                tuple(body["inertia"]),
            )
        )
        placed[body["name"]] = len(segments) - 1
    notes += _left_out(description)
    markers = [m for m in description["markers"] if m["body"] in bodies]
    return Skeleton(
        description["name"],
        tuple(_coordinate(c) for c in coordinates),
        tuple(segments),
        tuple(SkeletonMarker(m["name"], m["body"], tuple(m["offset"])) for m in markers),
        tuple(description["gravity"]),
        tuple(notes),
    )


def _rows(matrix: tuple) -> tuple:
    """A rotation as nested tuples, with the rounding of exact entries undone so that planar models stay planar."""
    return tuple(tuple(round(x) * 1.0 if abs(x - round(x)) < 1e-15 else float(x) for x in row) for row in matrix)


def _coordinate(content: dict) -> Coordinate:
    kind = "translation" if content["motion_type"] == "translation" else "rotation"
    limits = (content["range_min"], content["range_max"])
    # OpenSim writes "no limit" as a huge range
    low, high = (x if abs(x) < 1e3 else math.copysign(math.inf, x) for x in limits)
    return Coordinate(content["name"], kind, low, high, content["default"])


def _from_the_ground(joints: list[dict], where: str) -> list[dict]:
    """Sort joints so that parents come first; refuse what is no tree."""
    waiting, placed, ordered = list(joints), {"ground"}, []
    while waiting:
        joint = next((j for j in waiting if j["parent"] in placed), None)
        if joint is None:
            names = ", ".join(j["name"] for j in waiting)
            raise ModelMismatch(f"{where}: joints {names} do not lead to the ground; a skeleton must be a tree.")
        if joint["child"] in placed:
            raise ModelMismatch(f"{where}: body {joint['child']} has two joints; a skeleton must be a tree.")
        placed.add(joint["child"])
        ordered.append(joint)
        waiting.remove(joint)
    return ordered


def _fit(function: dict, name: str, notes: list[str]) -> Polynomial:
    """Give a function of one coordinate as a polynomial, of the lowest degree that is good."""
    if "coefficients" in function:
        return Polynomial(function["coefficients"])
    x, y = (np.array(s) for s in function["samples"])
    for degree in range(1, HIGHEST_DEGREE + 1):
        fitted = Polynomial.fit(x, y, degree)
        error = float(np.abs(fitted(x) - y).max())
        if error < GOOD_FIT:
            break
    notes.append(f"{name}: {function['source']} as a polynomial of degree {degree}, largest deviation {error:.1e}")
    return fitted.convert()


def _followers(description: dict, notes: list[str]) -> dict[str, tuple[str, Polynomial]]:
    """Map each coupled coordinate to the one it follows, and how."""
    return {
        c["dependent"]: (c["independent"], _fit(c["function"], f"coupler {c['name']}", notes))
        for c in description["couplers"]
        if c["enforced"]
    }


def _elements(
    joint: dict, order: dict[str, int], followers: dict[str, tuple[str, Polynomial]], notes: list[str]
) -> tuple[JointElement, ...]:
    """Turn a joint into its elements: translations first, as OpenSim applies them, then rotations."""
    elements = []
    for axis in (*joint["axes"][3:], *joint["axes"][:3]):
        polynomial = _fit(axis["function"], joint["name"], notes)
        name = axis["coordinate"]
        if name in followers:
            name, follows = followers[name]
            polynomial = polynomial(follows)
        coefficients = tuple(float(c) for c in polynomial.trim().coef)
        if name is None or len(coefficients) == 1:
            if coefficients[0] != 0.0:
                elements.append(JointElement(axis["kind"], tuple(axis["axis"]), -1, coefficients[:1]))
            continue
        elements.append(JointElement(axis["kind"], tuple(axis["axis"]), order[name], coefficients))
    return tuple(elements)


def _left_out(description: dict) -> list[str]:
    """Name what a skeleton does not hold."""
    notes = [f"{u['name']} ({u['type']}) left out: {u['reason']}" for u in description["unsupported"]]
    if description["muscles"]:
        notes.append(f"{len(description['muscles'])} muscles left out: a skeleton has no muscle paths yet")
    if description["contact_geometry"]:
        notes.append(f"{len(description['contact_geometry'])} contact geometries left out")
    locked = [c["name"] for c in description["coordinates"] if c["locked"]]
    if locked:
        notes.append(f"locked in the model, free here: {', '.join(locked)}")
    return notes
