"""What of a model is represented here, and what is not: the table behind `kinesynth model check`.

Every part of a model falls into one of three places: in the skeleton (mechanics uses it), described (kept as numbers
for the fits of muscle paths and of contact), or left out, with the reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opensim_models.model.osim_skeleton import read_description, skeleton_from_description
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

IN_SKELETON, DESCRIBED, LEFT_OUT = "in the skeleton", "described", "left out"
PLAUSIBLE_MASS = (20.0, 250.0)
"""kg, of a person."""
LARGEST_SEGMENT = 2.0
"""m; farther apart than any two joints of a bone, or a marker from its joint. In mm or cm all are."""
NO_LIMIT = 1e3
"""rad or m; see `osim_skeleton`."""
ABOUT_FORCES = {
    "CoordinateLimitForce": "a passive moment that inverse dynamics counts as muscles'",
    "BushingForce": "a spring between two frames",
    "FunctionBasedBushingForce": "a spring between two frames",
    "ElasticFoundationForce": "contact of a mesh; spheres on half spaces are described",
    "ExternalForce": "measured loads are given with the trial",
}
ACTUATOR = "an actuator; generalized forces are what inverse dynamics finds"
OTHER_FORCE = "a force other than muscles and contact of spheres"


@dataclass(frozen=True)
class ReportRow:
    """One kind of part: how many, where they are, and names, details or the reason."""

    part: str
    count: int
    place: str
    detail: str = ""


@dataclass(frozen=True)
class ModelReport:
    """What `kinesynth model check` says about a model.

    Attributes
    ----------
    path, name : str
    mass : float
        kg.
    rows : tuple of ReportRow
        Every part of the model.
    coordinates : tuple of dict
        ``name``, ``kind``, ``lower`` and ``upper`` (rad or m, None = no limit), ``default``, ``locked``, ``clamped``,
        ``prescribed``, ``follows`` (the coordinate that it is coupled to, or None).
    bodies : tuple of dict
        ``name``, ``mass`` (kg), ``joint`` and ``parent``.
    findings : tuple of str
        What looks wrong though it can be used.
    refusal : str
        Why the model cannot become a skeleton; empty where it can.
    """

    path: str
    name: str
    mass: float
    rows: tuple[ReportRow, ...]
    coordinates: tuple[dict[str, Any], ...]
    bodies: tuple[dict[str, Any], ...]
    findings: tuple[str, ...]
    refusal: str = field(default="")


def report_model(path: Path) -> ModelReport:
    """Read an .osim file and sort its parts.

    Raises
    ------
    ModelMismatch
        OpenSim itself cannot read the model.
    """
    description = read_description(path)
    notes: tuple[str, ...] = ()
    refusal = ""
    try:
        notes = skeleton_from_description(description, str(path)).notes
    except ModelMismatch as reason:
        refusal = str(reason)
    joints = {joint["child"]: joint for joint in description["joints"]}
    return ModelReport(
        str(path),
        description["name"],
        sum(body["mass"] for body in description["bodies"]),
        (*_represented(description, refusal), *_left_out(description)),
        tuple(_coordinate(c, description) for c in description["coordinates"]),
        tuple(
            {
                "name": body["name"],
                "mass": body["mass"],
                "joint": joints[body["name"]]["type"] if body["name"] in joints else "",
                "parent": joints[body["name"]]["parent"] if body["name"] in joints else "",
            }
            for body in description["bodies"]
        ),
        (*model_findings(description), *(note for note in notes if "deviation" in note)),
        refusal,
    )


def _coordinate(coordinate: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    """One coordinate with what the model does to it."""
    limits = (coordinate["range_min"], coordinate["range_max"])
    lower, upper = (x if abs(x) < NO_LIMIT else None for x in limits)
    follows = {c["dependent"]: c["independent"] for c in description["couplers"] if c["enforced"]}
    return {
        "name": coordinate["name"],
        "kind": "translation" if coordinate["motion_type"] == "translation" else "rotation",
        "lower": lower,
        "upper": upper,
        "default": coordinate["default"],
        "locked": coordinate["locked"],
        "clamped": coordinate["clamped"],
        "prescribed": coordinate["prescribed"] is not None,
        "follows": follows.get(coordinate["name"]),
    }


def _represented(description: dict[str, Any], refusal: str) -> list[ReportRow]:
    """Rows of what is in the skeleton or described."""
    place = LEFT_OUT if refusal else IN_SKELETON
    coordinates = description["coordinates"]
    follow = {c["dependent"] for c in description["couplers"] if c["enforced"]}
    grounded = [m["name"] for m in description["markers"] if m["body"] == "ground"]
    rows = [
        ReportRow("bodies", len(description["bodies"]), place),
        ReportRow(
            "joints",
            sum(j["axes"] is not None for j in description["joints"]),
            place,
            _kinds([j for j in description["joints"] if j["axes"] is not None]),
        ),
        ReportRow("coordinates, independent", len(coordinates) - len(follow), place),
        ReportRow("coordinates, coupled", len(follow), place, ", ".join(sorted(follow))),
        ReportRow("coordinates, locked", *_named([c for c in coordinates if c["locked"]], place)),
        ReportRow("coordinates, prescribed", *_named([c for c in coordinates if c["prescribed"]], place)),
        ReportRow("markers", len(description["markers"]) - len(grounded), place),
        ReportRow("markers in the ground", len(grounded), LEFT_OUT, ", ".join(grounded)),
    ]
    points = Counter(p["type"] for m in description["muscles"] for p in m["path"].get("points", ()))
    described = [
        ReportRow("muscles", len(description["muscles"]), place, _kinds(description["muscles"])),
        ReportRow("path points", sum(points.values()), DESCRIBED, _counts(points)),
        ReportRow("wrap objects", len(description["wraps"]), DESCRIBED, _kinds(description["wraps"])),
        ReportRow(
            "contact geometry", len(description["contact_geometry"]), DESCRIBED, _kinds(description["contact_geometry"])
        ),
        ReportRow(
            "contact forces", len(description["contact_forces"]), DESCRIBED, _kinds(description["contact_forces"])
        ),
        ReportRow("offset frames", len(description["frames"]), DESCRIBED),
        ReportRow("inertial sensors", len(description["sensors"]), DESCRIBED),
    ]
    return [row for row in (*rows, *described) if row.count]


def _left_out(description: dict[str, Any]) -> list[ReportRow]:
    """Rows of what has no place here, one for each class and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for force in description["forces"]:
        other = ACTUATOR if "Actuator" in force["type"] else OTHER_FORCE
        found.setdefault((force["type"], ABOUT_FORCES.get(force["type"], other)), []).append(force["name"])
    for part in (*description["unsupported"], *description["controllers"]):
        found.setdefault((part["type"], part["reason"]), []).append(part["name"])
    for coupler in description["couplers"]:
        if not coupler["enforced"]:
            key = ("CoordinateCouplerConstraint", "the model does not enforce it")
            found.setdefault(key, []).append(coupler["name"])
    return [
        ReportRow(kind, len(names), LEFT_OUT, f"{reason}: {', '.join(names)}")
        for (kind, reason), names in found.items()
    ]


def _named(parts: list[dict[str, Any]], place: str) -> tuple[int, str, str]:
    """Number, place and names."""
    return len(parts), place, ", ".join(part["name"] for part in parts)


def _kinds(parts: list[dict[str, Any]]) -> str:
    """Classes with their counts."""
    return _counts(Counter(part["type"] for part in parts))


def _counts(counter: Counter) -> str:
    """Words with their counts, the most frequent first."""
    return ", ".join(f"{count} {word}" for word, count in counter.most_common())


def model_findings(description: dict[str, Any]) -> list[str]:
    """What looks wrong in a model that OpenSim accepts without a word."""
    findings = _mass_findings(sum(body["mass"] for body in description["bodies"]))
    findings += _far_findings(_distances(description))
    for body in description["bodies"]:
        findings.extend(_inertia_findings(body))
    driven = {axis["coordinate"] for joint in description["joints"] for axis in joint["axes"] or ()}
    for coordinate in description["coordinates"]:
        if coordinate["name"] not in driven and not description["unsupported"]:
            findings.append(f"coordinate {coordinate['name']} moves nothing")
        if coordinate["range_min"] > coordinate["range_max"]:
            findings.append(f"coordinate {coordinate['name']} has its range upside down")
        elif not coordinate["range_min"] <= coordinate["default"] <= coordinate["range_max"]:
            findings.append(f"coordinate {coordinate['name']} has its default {coordinate['default']:.3g} out of range")
    for part in description["unsupported"]:
        if part["type"].endswith("Constraint") and "does not enforce" not in part["reason"]:
            findings.append(f"{part['type']} {part['name']} is not held here: its coordinates move independently")
    if not description["markers"]:
        findings.append("no markers: it cannot be scaled or tracked")
    return findings


def skeleton_findings(skeleton: Skeleton) -> list[str]:
    """What looks wrong in a skeleton: the same of its mass and distances."""
    inner = [s for s in skeleton.segments if s.parent >= 0]
    distances = {f"joint of {s.name}": (s.offset, s.child_offset) for s in inner}
    distances |= {f"centre of mass of {s.name}": (s.centre_of_mass,) for s in skeleton.segments}
    distances |= {f"marker {m.name}": (m.offset,) for m in skeleton.markers}
    return _mass_findings(skeleton.mass) + _far_findings(distances)


def _mass_findings(mass: float) -> list[str]:
    """A whole mass that no person has."""
    if PLAUSIBLE_MASS[0] <= mass <= PLAUSIBLE_MASS[1]:
        return []
    return [f"total mass {mass:.4g} kg is not that of a person (expected 20-250 kg)"]


def _distances(description: dict[str, Any]) -> dict[str, tuple[Sequence[float], ...]]:
    """Places in the frame of a bone; where a joint stands in the ground is free."""
    inner = [j for j in description["joints"] if j["parent"] != "ground"]
    distances = {f"joint {j['name']}": (j["parent_offset"], j["child_offset"]) for j in inner}
    distances |= {f"centre of mass of {b['name']}": (b["centre_of_mass"],) for b in description["bodies"]}
    return distances | {f"marker {m['name']}": (m["offset"],) for m in description["markers"] if m["body"] != "ground"}


def _far_findings(distances: Mapping[str, Sequence[Sequence[float]]]) -> list[str]:
    """Places that are metres away from their bone: mostly a file in mm."""
    length = {name: max(math.hypot(*place) for place in places) for name, places in distances.items()}
    far = [name for name, own in length.items() if own > LARGEST_SEGMENT]
    if not far:
        return []
    worst = max(far, key=length.__getitem__)
    return [
        f"implausible segment distances: {worst} lies {length[worst]:.4g} m from the origin of its segment, and "
        f"{len(far)} of {len(length)} places over {LARGEST_SEGMENT:g} m; OpenSim counts in metres, is the file in mm "
        "or cm?"
    ]


def _inertia_findings(body: dict[str, Any]) -> list[str]:
    """Moments of inertia that no rigid body can have; OpenSim accepts them without a word."""
    xx, yy, zz = body["inertia"][:3]
    if body["mass"] < 0:
        return [f"body {body['name']} has the mass {body['mass']:g} kg"]
    if body["mass"] == 0 or not all(map(math.isfinite, (xx, yy, zz))):
        return []
    largest = max(xx, yy, zz)
    if min(xx, yy, zz) < 0 or 2 * largest > (xx + yy + zz) * (1 + 1e-6):
        return [f"body {body['name']} has moments of inertia {xx:.3g}, {yy:.3g}, {zz:.3g} kg·m² that no body can have"]
    return []
