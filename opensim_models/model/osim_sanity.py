"""Numbers that no model can have: refused before they reach mechanics, where they would turn into NaN far from here."""

from __future__ import annotations

import math
from typing import Any

from opensim_models.model_mismatch import ModelMismatch

LARGEST_DEVIATION = 1e-6
"""rad or m: between a joint's function here and in OpenSim; a spline whose knots do not ascend has any."""
LARGEST = 1e6
"""m, rad, kg, kg·m²: anything larger in a skeleton is a slip of the file."""


def refuse_impossible_numbers(description: dict[str, Any], where: str) -> None:
    """Refuse a description with numbers that are no numbers, negative masses, or massless parts that move.

    Raises
    ------
    ModelMismatch
        Names the body, joint, coordinate or marker.
    """
    _refuse(where, "the model", {"gravity": description["gravity"]})
    for body in description["bodies"]:
        _refuse(where, f"body {body['name']}", {k: body[k] for k in ("mass", "centre_of_mass", "inertia")})
        if body["mass"] < 0:
            raise ModelMismatch(
                f"{where}: body {body['name']} has the mass {body['mass']:g} kg; it must not be negative."
            )
        if min(body["inertia"][:3]) < 0:
            raise ModelMismatch(f"{where}: body {body['name']} has a negative moment of inertia {body['inertia'][:3]}.")
    for joint in description["joints"]:
        places = {k: joint[k] for k in ("parent_offset", "child_offset", "parent_orientation", "child_orientation")}
        for axis in joint["axes"] or ():
            _refuse_no_function(where, f"joint {joint['name']}", axis["function"])
        functions = {f"function of axis {i + 1}": a["function"] for i, a in enumerate(joint["axes"] or ())}
        _refuse(where, f"joint {joint['name']}", places | {k: _numbers(f) for k, f in functions.items()})
    for coordinate in description["coordinates"]:
        _refuse(where, f"coordinate {coordinate['name']}", {"default": coordinate["default"]})
        for limit in ("range_min", "range_max"):
            if math.isnan(coordinate[limit]):
                raise ModelMismatch(f"{where}: coordinate {coordinate['name']} has no number as {limit}.")
    for coupler in description["couplers"]:
        _refuse_no_function(where, f"coupler {coupler['name']}", coupler["function"])
        _refuse(where, f"coupler {coupler['name']}", {"function": _numbers(coupler["function"])})
    for marker in description["markers"]:
        _refuse(where, f"marker {marker['name']}", {"offset": marker["offset"]})
    _refuse_massless_ends(description, where)


def _refuse_no_function(where: str, owner: str, function: dict[str, Any]) -> None:
    """Refuse a function that OpenSim evaluates otherwise than any set of pieces."""
    deviation = function.get("deviation", 0.0)
    if not deviation <= LARGEST_DEVIATION:
        raise ModelMismatch(
            f"{where}: {owner} has a {function['source']} that is no function (deviation {deviation:.1e}); its knots "
            "must be numbers, two at least, in ascending order."
        )


def _numbers(function: dict[str, Any]) -> Any:
    """What of a function must be finite; steep pieces may have large coefficients."""
    return [[_squashed(c) for c in _flat(function["coefficients"])], function.get("breaks", ())]


def _squashed(value: float) -> float:
    """Keep only whether a number is one."""
    return 0.0 if math.isfinite(value) else value


def _flat(values: Any) -> list[float]:
    """Numbers of nested sequences."""
    return [x for v in values for x in _flat(v)] if isinstance(values, (list, tuple)) else [float(values)]


def _refuse(where: str, owner: str, numbers: dict[str, Any]) -> None:
    """Refuse what is not finite or absurdly large."""
    for name, values in numbers.items():
        wrong = [x for x in _flat(values) if not abs(x) <= LARGEST]
        if wrong:
            raise ModelMismatch(
                f"{where}: {owner} has {name.replace('_', ' ')} {wrong[0]:g}; expected a number of a size that a "
                f"body can have (at most {LARGEST:g})."
            )


def _refuse_massless_ends(description: dict[str, Any], where: str) -> None:
    """A part that moves needs inertia: with none, its acceleration under any force is infinite."""
    joints = description["joints"]
    beyond: dict[str, list[str]] = {}
    for joint in joints:
        beyond.setdefault(joint["parent"], []).append(joint["child"])
    bodies = {b["name"]: b for b in description["bodies"]}
    for joint in joints:
        moves = {a["kind"] for a in joint["axes"] or () if a["coordinate"] is not None}
        carried, waiting = [], [joint["child"]]
        while waiting:
            name = waiting.pop()
            if name in bodies and name not in carried:
                carried.append(name)
                waiting += beyond.get(name, [])
        if not moves or not carried:
            continue
        parts = [bodies[name] for name in carried]
        if not any(part["mass"] > 0 for part in parts):
            raise ModelMismatch(
                f"{where}: joint {joint['name']} moves {', '.join(carried)}, which has no mass; give it one or weld it."
            )
        turning = any(sum(p["inertia"][:3]) > 0 or any(p["centre_of_mass"]) for p in parts if p["mass"] > 0)
        if "rotation" in moves and not turning and not any(joint["child_offset"]):
            raise ModelMismatch(
                f"{where}: joint {joint['name']} turns {', '.join(carried)}, which has no moment of inertia."
            )
