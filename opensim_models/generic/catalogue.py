"""The catalogue: our own generic skeletons, written by code from anthropometric tables.

As they stand by default, with feet of one piece and hinged knees (few marker sets see toes, none a knee's glide),
`kinesynth motion` scales and tracks them and `kinesynth model show` shows them. `kinesynth model build` writes what
`generic_model` makes of them: toes and gliding knees, as muscle paths need them, with muscles and contact.

Both stand upright when every coordinate but the pelvis height is zero. Segment frames then point X forward, Y up, Z
right; origins are: pelvis = midpoint of the hip centres, femur = hip centre, tibia = knee centre, calcn = ankle centre,
toes = toe joint, torso = lumbar joint. Positive directions: hip and knee flexion, ankle dorsiflexion, posterior pelvis
tilt, lumbar extension, adduction, internal rotation, inversion, toe extension.
"""

from __future__ import annotations

import math

from mocap_import.subject import Subject, impossible_fact
from opensim_models.generic import anthropometry
from opensim_models.generic.anthropometry import SegmentParameters
from opensim_models.generic.foot_geometry import TOE_JOINT, TOE_LENGTH, foot_parts
from opensim_models.model.scalar_function import Polynomial
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton, SkeletonMarker
from opensim_models.model_mismatch import ModelMismatch

_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_BACK = (0.0, 0.0, -1.0)
# Subtalar axis of the gait2392 family of models (Delp et al., IEEE TBME 37:757, 1990), right foot.
_SUBTALAR = (0.787177, 0.604747, -0.120949)

# How the tibia glides on the femur as the knee flexes (rad → parts of stature, forward and up): the planar knee of
# G. T. Yamaguchi, F. E. Zajac, J Biomech 22:1, 1989, in the form of Delp's model, fitted from -10° to 120° with an
# error of 0.17 mm at most (`muscle_table/knee.csv`) and divided by the 1.70 m of those bones.
KNEE_GLIDE = {
    "x": (0.0, 0.004007, 0.009765, -0.017544, 0.013088, -0.005173, 0.000798),
    "y": (0.0, -0.002197, -0.000808, -0.005519, 0.004429, -0.001348, 0.000144),
}
_GLIDING_RANGE = (-10, 120)
"""Degrees of knee flexion for which the gliding knee holds."""

# Landmarks as parts of stature in the segment frame of the right side (metres = part × height), from skin to centre as
# markers sit. Pelvis after Harrington et al., J Biomech 40:595, 2007, inverted, its spines on one level: zero tilt is
# that of the recommended frame (Wu et al., J Biomech 35:542, 2002). Feet and shanks from Winter's lengths.
_LANDMARKS: dict[str, dict[str, tuple[float, float, float]]] = {
    "pelvis": {
        "asis": (0.028, 0.048, 0.070),
        "psis": (-0.063, 0.048, 0.027),
        "iliac_crest": (-0.010, 0.097, 0.085),
        "sacrum": (-0.065, 0.046, 0.0),
    },
    "femur": {
        "trochanter": (0.0, -0.005, 0.048),
        "knee_lateral": (0.0, -anthropometry.THIGH_LENGTH, 0.032),
        "knee_medial": (0.0, -anthropometry.THIGH_LENGTH, -0.032),
    },
    "tibia": {
        "tibial_tuberosity": (0.026, -0.030, 0.0),
        "ankle_lateral": (0.0, -anthropometry.SHANK_LENGTH, 0.023),
        "ankle_medial": (0.0, -anthropometry.SHANK_LENGTH, -0.023),
    },
    "calcn": {
        "heel": (-0.036, -0.022, 0.0),
        "toe": (0.086, -0.022, 0.003),
        "metatarsal_1": (0.082, -0.026, -0.021),
        "metatarsal_5": (0.060, -0.028, 0.029),
    },
    "toes": {"hallux": (TOE_LENGTH, 0.012, -0.012)},
    "torso": {
        "c7": (-0.025, 0.245, 0.0),
        "t10": (-0.050, 0.115, 0.0),
        "clavicle": (0.035, 0.200, 0.0),
        "sternum": (0.060, 0.130, 0.0),
        "acromion": (0.005, 0.222, 0.105),
    },
}
_MIDLINE = ("sacrum", "c7", "t10", "clavicle", "sternum")


def landmark_markers(height: float, toes: bool = False) -> tuple[SkeletonMarker, ...]:
    """Anatomical landmarks of a generic person of that height (m) as markers of the skeletons below."""
    markers = []
    for body, landmarks in _LANDMARKS.items():
        if body == "toes" and not toes:
            continue
        for name, (x, y, z) in landmarks.items():
            sides = ("",) if name in _MIDLINE else ("_r", "_l")
            for side in sides:
                segment = body if body in ("pelvis", "torso") else body + side
                offset = (x * height, y * height, (-z if side == "_l" else z) * height)
                markers.append(SkeletonMarker(name + side, segment, offset))
    return tuple(markers)


def planar_skeleton(subject: Subject, table: str = "winter", *, gliding_knee: bool = False) -> Skeleton:
    """Sagittal skeleton with ten coordinates (the coordinates of gait10dof18musc), legs at their width.

    Parameters
    ----------
    subject : Subject
        With mass and height; sex chooses the column of the ``de_leva`` table.
    table : str
        See `opensim_models.generic.anthropometry`.
    gliding_knee : bool
        The tibia glides on the femur by `KNEE_GLIDE`, as muscle paths around the knee need it; otherwise a hinge.
    """
    ten = [("pelvis_tilt", "rotation", -60, 60), ("pelvis_tx", "translation", None, None)]
    ten += [("pelvis_ty", "translation", None, None)]
    for side in "rl":
        ten += [
            (f"hip_flexion_{side}", "rotation", -60, 120),
            (f"knee_angle_{side}", "rotation", *(_GLIDING_RANGE if gliding_knee else (-10, 140))),
        ]
        ten += [(f"ankle_angle_{side}", "rotation", -60, 45)]
    ten += [("lumbar_extension", "rotation", -60, 45)]
    coordinates = _coordinates(ten, subject.height)
    order = {c.name: i for i, c in enumerate(coordinates)}
    joints = {
        "pelvis": (("translation", _X, "pelvis_tx"), ("translation", _Y, "pelvis_ty"), ("rotation", _Z, "pelvis_tilt")),
        "torso": (("rotation", _Z, "lumbar_extension"),),
    }
    for side in "rl":
        joints[f"femur_{side}"] = (("rotation", _Z, f"hip_flexion_{side}"),)
        joints[f"tibia_{side}"] = _knee(side, subject.height, gliding_knee)
        joints[f"calcn_{side}"] = (("rotation", _Z, f"ankle_angle_{side}"),)
    return _assemble("planar", coordinates, order, joints, subject, table)


def lower_body_skeleton(
    subject: Subject, table: str = "de_leva", *, toes: bool = False, gliding_knee: bool = False
) -> Skeleton:
    """Three-dimensional lower body and trunk with 21 coordinates, or 23 with toes.

    Parameters
    ----------
    subject : Subject
        With mass and height; sex chooses the column of the ``de_leva`` table.
    table : str
        See `opensim_models.generic.anthropometry`.
    toes : bool
        Divide the foot at the toe joint (``mtp_angle``, about the Z axis of the foot).
    gliding_knee : bool
        As of `planar_skeleton`.
    """
    rows = [("pelvis_tilt", "rotation", -90, 90), ("pelvis_list", "rotation", -90, 90)]
    rows += [("pelvis_rotation", "rotation", None, None)]
    rows += [(f"pelvis_t{axis}", "translation", None, None) for axis in "xyz"]
    for side in "rl":
        rows += [(f"hip_flexion_{side}", "rotation", -60, 130), (f"hip_adduction_{side}", "rotation", -60, 60)]
        rows += [(f"hip_rotation_{side}", "rotation", -60, 60)]
        rows += [(f"knee_angle_{side}", "rotation", *(_GLIDING_RANGE if gliding_knee else (-20, 150)))]
        rows += [(f"ankle_angle_{side}", "rotation", -70, 60), (f"subtalar_angle_{side}", "rotation", -60, 60)]
        rows += [(f"mtp_angle_{side}", "rotation", -40, 70)] if toes else []
    rows += [("lumbar_extension", "rotation", -90, 90), ("lumbar_bending", "rotation", -60, 60)]
    rows += [("lumbar_rotation", "rotation", -60, 60)]
    coordinates = _coordinates(rows, subject.height)
    order = {c.name: i for i, c in enumerate(coordinates)}
    joints = {
        "pelvis": (
            ("translation", _X, "pelvis_tx"),
            ("translation", _Y, "pelvis_ty"),
            ("translation", _Z, "pelvis_tz"),
            ("rotation", _Z, "pelvis_tilt"),
            ("rotation", _X, "pelvis_list"),
            ("rotation", _Y, "pelvis_rotation"),
        ),
        "torso": (
            ("rotation", _Z, "lumbar_extension"),
            ("rotation", _X, "lumbar_bending"),
            ("rotation", _Y, "lumbar_rotation"),
        ),
    }
    for side, sign in (("r", 1.0), ("l", -1.0)):
        joints[f"femur_{side}"] = (
            ("rotation", _Z, f"hip_flexion_{side}"),
            ("rotation", (sign, 0.0, 0.0), f"hip_adduction_{side}"),
            ("rotation", (0.0, sign, 0.0), f"hip_rotation_{side}"),
        )
        joints[f"tibia_{side}"] = _knee(side, subject.height, gliding_knee)
        norm = math.hypot(*_SUBTALAR)
        subtalar = (sign * _SUBTALAR[0] / norm, sign * _SUBTALAR[1] / norm, _SUBTALAR[2] / norm)
        joints[f"calcn_{side}"] = (
            ("rotation", _Z, f"ankle_angle_{side}"),
            ("rotation", subtalar, f"subtalar_angle_{side}"),
        )
        if toes:
            joints[f"toes_{side}"] = (("rotation", _Z, f"mtp_angle_{side}"),)
    return _assemble("lower_body", coordinates, order, joints, subject, table)


def _knee(side: str, height: float, gliding: bool) -> tuple[tuple, ...]:
    """Elements of a knee: a hinge, or a hinge that glides."""
    flexion = f"knee_angle_{side}"
    hinge = (("rotation", _BACK, flexion),)
    if not gliding:
        return hinge
    glide = {axis: Polynomial(tuple(c * height for c in KNEE_GLIDE[axis])) for axis in "xy"}
    return (("translation", _X, flexion, glide["x"]), ("translation", _Y, flexion, glide["y"]), *hinge)


def _coordinates(rows: list[tuple], height: float) -> tuple[Coordinate, ...]:
    """Coordinates from (name, kind, lower, upper) with ranges in degrees."""
    standing = (anthropometry.THIGH_LENGTH + anthropometry.SHANK_LENGTH + anthropometry.ANKLE_HEIGHT) * height
    return tuple(
        Coordinate(
            name,
            kind,
            -math.inf if low is None else math.radians(low),
            math.inf if high is None else math.radians(high),
            standing if name == "pelvis_ty" else 0.0,
        )
        for name, kind, low, high in rows
    )


def _assemble(
    name: str,
    coordinates: tuple[Coordinate, ...],
    order: dict[str, int],
    joints: dict[str, tuple],
    subject: Subject,
    table: str,
) -> Skeleton:
    """Hang the segments of a person on the given joints."""
    wrong = impossible_fact(subject.mass, subject.height, subject.age)
    if wrong is not None:
        raise ModelMismatch(f"{subject.code or 'the subject'}: {wrong[1]}")
    height = subject.height
    parameters = anthropometry.segment_parameters(subject.mass, height, subject.sex, table, subject.age)
    toes = "toes_r" in joints
    owners = {"pelvis": "pelvis", "torso": "torso", "femur": "thigh", "tibia": "shank", "calcn": "foot"}
    parts = {body: parameters[part] for body, part in owners.items()}
    if toes:
        parts |= foot_parts(parts["calcn"], height)
    lumbar = (-anthropometry.LUMBAR_SETBACK * height, anthropometry.LUMBAR_HEIGHT * height, 0.0)
    layout = [("pelvis", -1, (0.0, 0.0, 0.0))]
    for side, sign in (("r", 1.0), ("l", -1.0)):
        hip = (0.0, 0.0, sign * anthropometry.HALF_HIP_DISTANCE * height)
        first = len(layout)
        layout.append((f"femur_{side}", 0, hip))
        layout.append((f"tibia_{side}", first, (0.0, -anthropometry.THIGH_LENGTH * height, 0.0)))
        layout.append((f"calcn_{side}", first + 1, (0.0, -anthropometry.SHANK_LENGTH * height, 0.0)))
        if toes:
            x, y, z = TOE_JOINT
            layout.append((f"toes_{side}", first + 2, (x * height, y * height, sign * z * height)))
    layout.append(("torso", 0, lumbar))
    segments = []
    for segment, parent, offset in layout:
        part = parts[segment.split("_")[0]]
        elements = tuple(
            JointElement(kind, axis, order[coordinate], *((function,) for function in functions))
            for kind, axis, coordinate, *functions in joints[segment]
        )
        segments.append(_segment(segment, parent, offset, elements, part.mirrored if segment.endswith("_l") else part))
    return Skeleton(
        f"{name}_{subject.code}",
        coordinates,
        tuple(segments),
        landmark_markers(height, toes),
        notes=(f"generic {name} skeleton, {table} mass table, {subject.mass:.1f} kg, {height:.3f} m, {subject.sex}",),
    )


def _segment(
    name: str, parent: int, offset: tuple, elements: tuple[JointElement, ...], part: SegmentParameters
) -> Segment:
    """A segment with a table's mass properties."""
    return Segment(
        name,
        parent,
        offset,
        elements=elements,
        mass=part.mass,
        centre_of_mass=part.centre_of_mass,
        inertia=(*part.inertia, *part.products),
    )
