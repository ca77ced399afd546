"""Muscles of our generic models: published paths and architecture, carried over to a person.

The tables in `muscle_table/` hold a leg and trunk of S. L. Delp et al., IEEE Trans Biomed Eng 37:757, 1990, as
published with OpenSim in gait2392 (its README says how they were checked), in that model's body frames and metres. They
become a person's by this rule:

1. A point is taken from the joint that it acts across: from the lumbar joint for muscles of the trunk, from the hip
   centre of its side for the others in the pelvis and in the femur, from the knee centre in the tibia, the ankle centre
   in calcn, the toe joint in toes, the lumbar joint in the torso. Our segment frames have these origins and, standing,
   the same directions; the femur alone is sheared by 0.7° so that its knee lies below its hip.
2. Along the bone, femur and tibia stretch with their segment's length; everything else scales with stature over 1.70 m.
   That is our choice: the published thigh and shank, 0.396 and 0.430 m, are those of a person of 1.68 m by Winter's
   fractions (`anthropometry`), while OpenSim's page on gait2392 calls the model "about 1.8 m tall".
3. Optimal fibre and tendon slack length scale with the length of the path, standing, as OpenSim's ScaleTool does.
4. The left leg mirrors the right one.

Points are fixed, or there in a range of a joint angle only, or, for the quadriceps, move with the knee along fitted
polynomials (error at most 0.2 mm); no wrapping.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from mocap_import.subject import Subject
from opensim_models.generic import anthropometry
from opensim_models.generic.foot_geometry import TOE_JOINT
from opensim_models.generic.muscle_strength import strength_ratio
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.scalar_function import Polynomial, ScalarFunction, value_and_derivatives
from opensim_models.model_mismatch import ModelMismatch

TABLE = Path(__file__).parent / "muscle_table"
STATURE = 1.70
"""m, of a person with the published thigh and shank."""
# Joint centres of the published person in the frames of its bodies (m): the offsets of gait2392.
_HIP = (-0.0707, -0.0661, 0.0835)
_LUMBAR = (-0.1007, 0.0815, 0.0)
_KNEE = (-0.0045, -0.39582)
"""Tibia's origin in the femur, standing."""
_ANKLE_DEPTH = 0.43
_ANKLE_IN_CALCN = (0.04877, 0.04195, -0.00792)
_TOES_IN_CALCN = (0.1788, -0.002, 0.00108)
_TRUNK = ("ercspn", "intobl", "extobl")
_KNEE_RANGE = (-10.0, 120.0)
_MOVING_DEGREE = 8

_DYNAMICS = {
    "activation_time": 0.01,
    "deactivation_time": 0.04,
    "tendon_strain": 0.049,
    "fibre_damping": 0.1,
    "curves": "Millard2012EquilibriumMuscle",
}
"""Time constants of gait2392 (s); tendon and damping of M. Millard et al., J Biomech Eng 135:021005, 2013."""

# Groups of the planar model, as in gait10dof18musc: the path and lengths of one, the forces of all. The deep flexors of
# the foot are left out: with the lever of soleus they would add half of its moment instead of a tenth.
PLANAR_GROUPS: dict[str, tuple[str, ...]] = {
    "hamstrings": ("bifemlh", "semimem", "semiten"),
    "bifemsh": ("bifemsh",),
    "glut_max": ("glut_max2", "glut_max1", "glut_max3"),
    "iliopsoas": ("psoas", "iliacus"),
    "rect_fem": ("rect_fem",),
    "vasti": ("vas_int", "vas_med", "vas_lat"),
    "gastroc": ("med_gas", "lat_gas"),
    "soleus": ("soleus",),
    "tib_ant": ("tib_ant", "ext_dig", "ext_hal", "per_tert"),
}


@dataclass(frozen=True)
class PathPoint:
    """A point of a muscle's path.

    Attributes
    ----------
    segment : str
    location : tuple of 3 floats
        m, segment frame; of a moving point, where it is in the reference pose.
    coordinate : str
        What makes a conditional point be there, or a moving point move; empty for a fixed one.
    limits : tuple of 2 floats, optional
        rad; a conditional point is there while the coordinate is between them.
    functions : tuple of ScalarFunction
        x, y, z (m) of a moving point by the coordinate (rad).
    """

    segment: str
    location: tuple[float, float, float]
    coordinate: str = ""
    limits: tuple[float, float] | None = None
    functions: tuple[ScalarFunction, ...] = ()


@dataclass(frozen=True)
class GenericMuscle:
    """A muscle of a generic model.

    Attributes
    ----------
    unit : MuscleTendon
        Its parameters.
    points : tuple of PathPoint
        From origin to insertion.
    """

    unit: MuscleTendon
    points: tuple[PathPoint, ...]


def lower_body_muscles(subject: Subject, strength: str = "muscle_volume") -> tuple[GenericMuscle, ...]:
    """Muscles of `catalogue.lower_body_skeleton` with toes and a gliding knee: 43 of each leg, 6 of the trunk.

    Parameters
    ----------
    subject : Subject
        With mass and height.
    strength : str
        One of `muscle_strength.STRENGTH_LAWS`.
    """
    return _both_sides(subject, {name: (name,) for name in published_muscles()}, strength, toes=True)


def planar_muscles(subject: Subject, strength: str = "muscle_volume") -> tuple[GenericMuscle, ...]:
    """Muscles of `catalogue.planar_skeleton` with a gliding knee: the nine groups of `PLANAR_GROUPS` in each leg."""
    return _both_sides(subject, PLANAR_GROUPS, strength, toes=False)


def _both_sides(
    subject: Subject, groups: Mapping[str, tuple[str, ...]], strength: str, toes: bool
) -> tuple[GenericMuscle, ...]:
    """Right and left muscles of a person."""
    published = published_muscles()
    muscles = []
    for name, members in groups.items():
        own = published[members[0]]
        force = sum(published[member].unit.max_isometric_force for member in members)
        muscle = _of_person(own, subject, toes)
        ratio = strength_ratio(strength, subject, muscle.unit.optimal_fibre_length / own.unit.optimal_fibre_length)
        unit = replace(muscle.unit, name=name, max_isometric_force=force * ratio)
        muscles.append(replace(muscle, unit=unit))
    return tuple(_on_side(muscle, side) for side in "rl" for muscle in muscles)


@cache
def published_muscles() -> dict[str, GenericMuscle]:
    """Muscles of the published right leg and trunk, in that model's frames and metres; angles with our signs."""
    moving = _moving_points()
    points: dict[str, list[PathPoint]] = {}
    for row in _rows("path"):
        location: tuple[float, ...] = (0.0, 0.0, float(row["z_m"]))
        limits, functions = None, ()
        if row["x_m"] == "moving":
            functions = (*moving[row["muscle"]], Polynomial((location[2],)))
            location = tuple(float(value_and_derivatives(f, 0.0)[0]) for f in functions)
        else:
            location = (float(row["x_m"]), float(row["y_m"]), location[2])
        if row["from_deg"]:
            limits = (math.radians(float(row["from_deg"])), math.radians(float(row["to_deg"])))
        points.setdefault(row["muscle"], []).append(
            PathPoint(row["body"], location, row["coordinate"], limits, functions)
        )
    return {
        row["muscle"]: GenericMuscle(
            MuscleTendon(
                row["muscle"],
                float(row["max_isometric_force_N"]),
                float(row["optimal_fibre_length_m"]),
                float(row["tendon_slack_length_m"]),
                math.radians(float(row["pennation_deg"])),
                **_DYNAMICS,
            ),
            tuple(points[row["muscle"]]),
        )
        for row in _rows("architecture")
    }


def _rows(name: str) -> list[dict[str, str]]:
    """Rows of one of the tables."""
    with (TABLE / f"{name}.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def _moving_points() -> dict[str, tuple[Polynomial, Polynomial]]:
    """Where the quadriceps reach the tibia, by knee flexion (rad → m): polynomials through the published splines."""
    knots: dict[str, list[tuple[float, float, float]]] = {}
    for row in _rows("moving_point"):
        knots.setdefault(row["muscle"], []).append(
            (float(row["knee_flexion_rad"]), float(row["x_m"]), float(row["y_m"]))
        )
    angles = np.radians(np.linspace(*_KNEE_RANGE, 261))
    fitted = {}
    for muscle, rows in knots.items():
        at, x, y = np.array(rows).T
        curves = [CubicSpline(at, values, bc_type="natural")(angles) for values in (x, y)]
        series = [np.polynomial.Polynomial.fit(angles, c, _MOVING_DEGREE).convert().coef for c in curves]
        fitted[muscle] = tuple(Polynomial(tuple(round(float(c), 8) for c in coefficients)) for coefficients in series)
    return fitted


def _of_person(muscle: GenericMuscle, subject: Subject, toes: bool) -> GenericMuscle:
    """Carry a published muscle over to a person's right side."""
    if not (subject.height > 0 and subject.mass > 0):
        raise ModelMismatch(
            f"{subject.code}: muscles need a mass and a height, got {subject.mass} and {subject.height}."
        )
    unit = muscle.unit
    places = _places(subject.height, unit.name in _TRUNK, toes)
    points = []
    for point in muscle.points:
        segment, place = places[point.segment]
        functions = point.functions
        if functions:  # in the tibia, whose rule scales each axis by itself
            scale = np.array(place((1.0, 1.0, 1.0)))
            functions = tuple(
                Polynomial(tuple(float(k) * c for c in f.coefficients)) for k, f in zip(scale, functions, strict=True)
            )
        points.append(replace(point, segment=segment, location=place(point.location), functions=functions))
    ratio = _standing_length(_in_one_frame(points, _person_origins(subject.height))) / _standing_length(
        _in_one_frame(muscle.points, _published_origins())
    )
    unit = replace(
        unit,
        optimal_fibre_length=unit.optimal_fibre_length * ratio,
        tendon_slack_length=unit.tendon_slack_length * ratio,
    )
    return GenericMuscle(unit, tuple(points))


_Place = Callable[[tuple[float, float, float]], tuple[float, float, float]]


def _places(height: float, trunk: bool, toes: bool) -> dict[str, tuple[str, _Place]]:
    """For each published body, our segment and the map of its points into it (rules 1 and 2)."""
    across = height / STATURE
    thigh = anthropometry.THIGH_LENGTH * height / -_KNEE[1]
    shank = anthropometry.SHANK_LENGTH * height / _ANKLE_DEPTH
    origins = _person_origins(height)

    def moved(point: tuple, origin: tuple, to: np.ndarray) -> tuple[float, float, float]:
        return tuple(float(across * (p - o) + t) for p, o, t in zip(point, origin, to, strict=True))

    nowhere = np.zeros(3)
    hip = (_LUMBAR, origins["torso"]) if trunk else (_HIP, origins["femur"])
    foot = origins["toes"] - origins["calcn"]
    return {
        "pelvis": ("pelvis", lambda p: moved(p, *hip)),
        "torso": ("torso", lambda p: moved(p, (0.0, 0.0, 0.0), nowhere)),
        "femur": ("femur", lambda p: (across * (p[0] - p[1] / _KNEE[1] * _KNEE[0]), thigh * p[1], across * p[2])),
        "tibia": ("tibia", lambda p: (across * p[0], shank * p[1], across * p[2])),
        "calcn": ("calcn", lambda p: moved(p, _ANKLE_IN_CALCN, nowhere)),
        "toes": (
            ("toes", lambda p: moved(p, (0.0, 0.0, 0.0), nowhere))
            if toes
            else ("calcn", lambda p: moved(p, (0.0, 0.0, 0.0), foot))
        ),
    }


def _published_origins() -> dict[str, np.ndarray]:
    """Origins of the published bodies, standing, from the pelvis's (m)."""
    hip = np.array(_HIP)
    tibia = hip + np.array([*_KNEE, 0.0])
    calcn = tibia - np.array([0.0, _ANKLE_DEPTH, 0.0]) - np.array(_ANKLE_IN_CALCN)
    toes = calcn + np.array(_TOES_IN_CALCN)
    bodies = {"pelvis": np.zeros(3), "torso": np.array(_LUMBAR), "femur": hip}
    return bodies | {"tibia": tibia, "calcn": calcn, "toes": toes}


def _person_origins(height: float) -> dict[str, np.ndarray]:
    """Origins of a person's segments, standing, from the midpoint of the hips (m), right side."""
    hip = np.array([0.0, 0.0, anthropometry.HALF_HIP_DISTANCE])
    tibia = hip - [0.0, anthropometry.THIGH_LENGTH, 0.0]
    calcn = tibia - [0.0, anthropometry.SHANK_LENGTH, 0.0]
    torso = np.array([-anthropometry.LUMBAR_SETBACK, anthropometry.LUMBAR_HEIGHT, 0.0])
    bodies = {"pelvis": np.zeros(3), "torso": torso, "femur": hip, "tibia": tibia}
    return {name: at * height for name, at in (bodies | {"calcn": calcn, "toes": calcn + TOE_JOINT}).items()}


def _in_one_frame(points: tuple[PathPoint, ...] | list[PathPoint], origins: dict[str, np.ndarray]) -> np.ndarray:
    """Where the points of a path are when all joints are at zero, those that are there (m)."""
    there = [p for p in points if p.limits is None or p.limits[0] <= 0.0 <= p.limits[1]]
    return np.array([origins[p.segment] + p.location for p in there])


def _standing_length(points: np.ndarray) -> float:
    """Length of the line through points (m)."""
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _on_side(muscle: GenericMuscle, side: str) -> GenericMuscle:
    """A muscle of one side, its segments and coordinates with their names of that side."""
    sign = 1.0 if side == "r" else -1.0
    points = []
    for p in muscle.points:
        segment = p.segment if p.segment in ("pelvis", "torso") else f"{p.segment}_{side}"
        functions = p.functions
        if functions and side == "l":
            functions = (*functions[:2], Polynomial(tuple(-c for c in functions[2].coefficients)))
        coordinate = f"{p.coordinate}_{side}" if p.coordinate else ""
        location = (p.location[0], p.location[1], sign * p.location[2])
        points.append(PathPoint(segment, location, coordinate, p.limits, functions))
    return GenericMuscle(replace(muscle.unit, name=f"{muscle.unit.name}_{side}"), tuple(points))
