"""A skeleton from any OpenSim model: OpenSim describes it once, in its own process, and we keep the numbers.

Joints become chains of one-axis elements whose functions are OpenSim's own, piece by piece; a coupled coordinate
becomes a chain of two functions of the one it follows. What of the model has no place here stands in its notes.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from opensim_models.model.cache import cached_description
from opensim_models.model.contact_sphere import contacts_from_description
from opensim_models.model.muscle_tendon import muscle_from_description
from opensim_models.model.opensim_refusal import explained
from opensim_models.model.osim_file import inspect_model, read_model_file
from opensim_models.model.osim_sanity import refuse_impossible_numbers
from opensim_models.model.scalar_function import (
    ScalarFunction,
    chain_and_derivatives,
    function_from_plain,
    is_constant,
    negated,
    without_identities,
)
from opensim_models.model.skeleton import Coordinate, CoupledCoordinate, JointElement, Segment, Skeleton, SkeletonMarker
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import describe_model

Followers = dict[str, tuple[str, tuple[ScalarFunction, ...]]]
"""Coupled coordinate → the independent one that drives it in the end, and the functions on the way."""
WORTH_SAYING = 1e-12
"""Deviation of a function from OpenSim's own values above which a note states it."""
NO_LIMIT = 1e3
"""OpenSim writes "no limit" as a range that is larger (rad, m)."""


def read_osim(path: Path) -> Skeleton:
    """Read an OpenSim model.

    Parameters
    ----------
    path : Path
        An .osim file.

    Returns
    -------
    Skeleton
        Independent coordinates only; `coupled` lists the others, `notes` name everything left out.

    Raises
    ------
    ModelMismatch
        The file is not a model, holds impossible numbers, or has joints or loops that no tree of one-axis elements
        can represent.
    """
    return skeleton_from_description(read_description(path), str(path))


def read_description(path: Path) -> dict[str, Any]:
    """Describe an OpenSim model as `opensim_models.osim.client.describe_model` does, from the cache where it is known.

    Raises
    ------
    ModelMismatch
        As of `read_osim`, but for joints, loops and numbers.
    """
    content = read_model_file(path)

    def describe() -> dict[str, Any]:
        inspect_model(path, content)  # here as well as in the worker: a file that is no model starts no OpenSim
        try:
            return describe_model(path)
        except ModelMismatch as refusal:
            raise explained(refusal, str(path)) from refusal

    return cached_description(content, describe)


def skeleton_from_description(description: dict, where: str) -> Skeleton:
    """Build a skeleton from what `opensim_models.osim.client.describe_model` returns.

    Parameters
    ----------
    description : dict
    where : str
        The file, for messages.
    """
    stuck = [u for u in description["unsupported"] if u["name"] in {j["name"] for j in _stuck(description)}]
    if stuck:
        which = "; ".join(f"{u['type']} {u['name']}: {u['reason']}" for u in stuck)
        raise ModelMismatch(
            f"{where}: a skeleton is made of rotations and translations about fixed axes, each a function of one "
            f"coordinate. {which}. Replace it by a CustomJoint to use the model here."
        )
    refuse_impossible_numbers(description, where)
    notes = [f"from {Path(where).name}", *_functions_that_deviate(description)]
    followers = _followers(description, where)
    coordinates = [c for c in description["coordinates"] if c["name"] not in followers]
    order = {c["name"]: i for i, c in enumerate(coordinates)}
    notes += _left_out(description)
    segments = _segments(description, order, followers, where)
    placed = {segment.name for segment in segments}
    markers = [m for m in description["markers"] if m["body"] in placed]
    lost = [m["name"] for m in description["markers"] if m["body"] not in placed]
    if lost:
        notes.append(f"markers fixed in the ground left out: {', '.join(lost)}")
    return Skeleton(
        description["name"],
        tuple(_coordinate(c) for c in coordinates),
        tuple(segments),
        tuple(SkeletonMarker(m["name"], m["body"], tuple(m["offset"])) for m in markers),
        tuple(description["gravity"]),
        tuple(notes),
        _coupled(description, order, followers, where),
        tuple(muscle_from_description(m, where) for m in description["muscles"]),
        *contacts_from_description(description)[:2],
    )


def _coupled(
    description: dict, order: dict[str, int], followers: Followers, where: str
) -> tuple[CoupledCoordinate, ...]:
    """The coordinates that follow others, and the segment whose joint each moves."""
    moved = {
        axis["coordinate"]: joint["parent" if reversed_ else "child"]
        for joint, reversed_ in _from_the_ground(description["joints"], where)
        for axis in joint["axes"]
    }
    return tuple(
        CoupledCoordinate(
            c["name"],
            _kind(c),
            order[followers[c["name"]][0]],
            without_identities(followers[c["name"]][1]),
            moved.get(c["name"], ""),
        )
        for c in description["coordinates"]
        if c["name"] in followers
    )


def _stuck(description: dict) -> list[dict]:
    """Joints that have no six-axis form."""
    return [joint for joint in description["joints"] if joint["axes"] is None]


def _segments(description: dict, order: dict[str, int], followers: Followers, where: str) -> list[Segment]:
    """Hang the bodies on each other, parents first."""
    bodies = {b["name"]: b for b in description["bodies"]}
    segments: list[Segment] = []
    placed: dict[str, int] = {"ground": -1}
    for joint, reversed_ in _from_the_ground(description["joints"], where):
        near, far = ("child", "parent") if reversed_ else ("parent", "child")
        if joint[far] not in bodies:
            raise ModelMismatch(
                f"{where}: joint {joint['name']} carries {joint[far]!r}, which is no body of the model."
            )
        body = bodies[joint[far]]
        elements = _elements(joint, order, followers)
        segments.append(
            Segment(
                body["name"],
                placed[joint[near]],
                tuple(joint[f"{near}_offset"]),
                _rows(joint[f"{near}_orientation"]),
                _backwards(elements) if reversed_ else elements,
                tuple(joint[f"{far}_offset"]),
                _rows(joint[f"{far}_orientation"]),
                body["mass"],
                tuple(body["centre_of_mass"]),
                tuple(body["inertia"]),
            )
        )
        placed[body["name"]] = len(segments) - 1
    lost = [name for name in bodies if name not in placed]
    if lost:
        raise ModelMismatch(f"{where}: no joint carries {', '.join(lost)}; every body of a skeleton needs one.")
    return segments


def _rows(matrix: tuple) -> tuple:
    """A rotation as nested tuples, with the rounding of exact entries undone so that planar models stay planar."""
    return tuple(tuple(round(x) * 1.0 if abs(x - round(x)) < 1e-15 else float(x) for x in row) for row in matrix)


def _kind(content: dict) -> str:
    """OpenSim's own word; a coordinate that drives turns and shifts at once counts as an angle."""
    return "translation" if content["motion_type"] == "translation" else "rotation"


def _coordinate(content: dict) -> Coordinate:
    """One coordinate with its range, infinite where the file writes none."""
    limits = (content["range_min"], content["range_max"])
    low, high = (x if abs(x) < NO_LIMIT else math.copysign(math.inf, x) for x in limits)
    prescribed = content.get("prescribed")
    return Coordinate(
        content["name"],
        _kind(content),
        low,
        high,
        content["default"],
        bool(content.get("locked")),
        bool(content.get("clamped")),
        None if prescribed is None else function_from_plain(prescribed),
    )


def _from_the_ground(joints: list[dict], where: str) -> list[tuple[dict, bool]]:
    """Sort joints so that what carries comes first; say which ones lead from their child to their parent."""
    waiting, placed, ordered = list(joints), {"ground"}, []
    while waiting:
        joint = next((j for j in waiting if j["parent"] in placed), None)
        reversed_ = joint is None
        joint = joint or next((j for j in waiting if j["child"] in placed), None)
        if joint is None:
            names = ", ".join(j["name"] for j in waiting)
            raise ModelMismatch(f"{where}: joints {names} do not lead to the ground; a skeleton must be a tree.")
        reached = joint["parent" if reversed_ else "child"]
        if reached in placed:
            raise ModelMismatch(f"{where}: body {reached} has two joints; a skeleton must be a tree.")
        placed.add(reached)
        ordered.append((joint, reversed_))
        waiting.remove(joint)
    return ordered


def _followers(description: dict, where: str) -> Followers:
    """Map each coupled coordinate to the independent one that drives it in the end, and by which functions."""
    direct: dict[str, tuple[str, ScalarFunction]] = {}
    for coupler in description["couplers"]:
        if coupler["enforced"]:
            if coupler["dependent"] in direct:
                raise ModelMismatch(f"{where}: coordinate {coupler['dependent']} follows two others at once.")
            direct[coupler["dependent"]] = (coupler["independent"], function_from_plain(coupler["function"]))
    followers = {}
    for name in direct:
        driver, functions = direct[name][0], [direct[name][1]]
        while driver in direct:
            if driver == name or len(functions) > len(direct):
                raise ModelMismatch(f"{where}: coordinate {name} follows itself through its couplers.")
            functions.insert(0, direct[driver][1])
            driver = direct[driver][0]
        followers[name] = (driver, tuple(functions))
    return followers


def _elements(joint: dict, order: dict[str, int], followers: Followers) -> tuple[JointElement, ...]:
    """Turn a joint into its elements: translations first, as OpenSim applies them, then rotations."""
    elements = []
    for axis in (*joint["axes"][3:], *joint["axes"][:3]):
        functions: tuple[ScalarFunction, ...] = (function_from_plain(axis["function"]),)
        name = axis["coordinate"]
        if name in followers:
            name, before = followers[name]
            functions = (*before, *functions)
        if name is None or is_constant(functions[-1]):
            value = float(chain_and_derivatives(functions, 0.0)[0])
            if value != 0.0:
                constant = function_from_plain({"coefficients": (value,)})
                elements.append(JointElement(axis["kind"], tuple(axis["axis"]), -1, (constant,)))
            continue
        elements.append(JointElement(axis["kind"], tuple(axis["axis"]), order[name], without_identities(functions)))
    return tuple(elements)


def _backwards(elements: tuple[JointElement, ...]) -> tuple[JointElement, ...]:
    """The inverse of a chain: its elements the other way round with opposite sign."""
    return tuple(
        JointElement(e.kind, e.axis, e.coordinate, (*e.functions[:-1], negated(e.functions[-1])))
        for e in reversed(elements)
    )


def _functions_that_deviate(description: dict) -> list[str]:
    """State every function that is not OpenSim's own to rounding."""
    named = [(f"joint {j['name']}", axis["function"]) for j in description["joints"] for axis in j["axes"] or ()]
    named += [(f"coupler {c['name']}", c["function"]) for c in description["couplers"]]
    notes = []
    for name, function in named:
        if "range" in function or function.get("deviation", 0.0) > WORTH_SAYING:
            where = f" between {function['range'][0]:.3g} and {function['range'][1]:.3g}" if "range" in function else ""
            notes.append(
                f"{name}: {function['source']} as pieces of polynomials{where}, "
                f"largest deviation {function['deviation']:.1e}"
            )
    return notes


def _left_out(description: dict) -> list[str]:
    """Name what a skeleton does not hold, or holds otherwise than the model."""
    notes = [f"{u['name']} ({u['type']}) left out: {u['reason']}" for u in description["unsupported"]]
    free = [c["name"] for c in description["couplers"] if not c["enforced"]]
    if free:
        notes.append(f"couplers that the model does not enforce, left out: {', '.join(free)}")
    untouched = contacts_from_description(description)[2]
    if untouched:
        notes.append(f"contact other than spheres on half spaces left out: {', '.join(untouched)}")
    others = Counter(force["type"] for force in description.get("forces", ()))
    notes += [f"{count} {kind} left out" for kind, count in sorted(others.items())]
    locked = [c["name"] for c in description["coordinates"] if c["locked"]]
    if locked:
        notes.append(f"locked in the model, held by inverse kinematics: {', '.join(locked)}")
    prescribed = [c["name"] for c in description["coordinates"] if c.get("prescribed")]
    if prescribed:
        notes.append(f"prescribed as functions of time in the model: {', '.join(prescribed)}")
    return notes
