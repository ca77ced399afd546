"""Sign convention of a model: which way each coordinate counts, found by moving the model, and conversion between two.

The name of a coordinate does not tell: ``knee_angle_r`` is flexion in Rajagopal's and Lai's models and in ours,
extension in gait2392, gait10dof18musc and Hamner's. So every coordinate is moved a little in the default pose, and the
rotation of the segment that it carries, seen along the person's own axes, gives the word.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, SegmentMotion

_STEP = 0.05
"""Size of the trial movement (rad or m)."""
_CLEAR = 0.3
"""Part of the rotation that must lie on the named axis; below, a model's axis is too oblique to be named."""

# Coordinate (a side is put on) → bodies that it may carry, axis of the person (X forward, Y up, Z right), and the words
# for a positive and a negative rotation about it on the right side; "sided" words turn over on the left.
_ROTATIONS: dict[str, tuple[tuple[str, ...], str, tuple[str, str], bool]] = {
    "pelvis_tilt": (("pelvis",), "Z", ("posterior tilt", "anterior tilt"), False),
    "pelvis_list": (("pelvis",), "X", ("right side down", "right side up"), False),
    "pelvis_obliquity": (("pelvis",), "X", ("right side down", "right side up"), False),
    "pelvis_rotation": (("pelvis",), "Y", ("right side forward", "left side forward"), False),
    "lumbar_extension": (("torso",), "Z", ("extension", "flexion"), False),
    "lumbar": (("torso",), "Z", ("extension", "flexion"), False),
    "lumbar_bending": (("torso",), "X", ("to the right", "to the left"), False),
    "lumbar_rotation": (("torso",), "Y", ("right side forward", "left side forward"), False),
    "hip_flexion": (("femur",), "Z", ("flexion", "extension"), False),
    "hip_adduction": (("femur",), "X", ("adduction", "abduction"), True),
    "hip_rotation": (("femur",), "Y", ("internal", "external"), True),
    "knee_angle": (("tibia",), "Z", ("extension", "flexion"), False),
    "ankle_angle": (("talus", "calcn"), "Z", ("dorsiflexion", "plantarflexion"), False),
    "subtalar_angle": (("calcn",), "X", ("inversion", "eversion"), True),
    "mtp_angle": (("toes",), "Z", ("toes up", "toes down"), False),
    "arm_flex": (("humerus",), "Z", ("flexion", "extension"), False),
    "arm_add": (("humerus",), "X", ("adduction", "abduction"), True),
    "arm_rot": (("humerus",), "Y", ("internal", "external"), True),
    "elbow_flex": (("ulna", "radius"), "Z", ("flexion", "extension"), False),
    "pro_sup": (("radius", "hand"), "Y", ("pronation", "supination"), True),
}
_TRANSLATIONS = {
    "pelvis_tx": ("X", ("forward", "backward")),
    "pelvis_ty": ("Y", ("up", "down")),
    "pelvis_tz": ("Z", ("to the right", "to the left")),
}

_SAME_EVERYWHERE = {
    **{"pelvis_tilt": "posterior tilt", "pelvis_list": "right side down", "pelvis_obliquity": "right side down"},
    **{"pelvis_rotation": "right side forward", "lumbar": "extension"},
    **{"pelvis_tx": "forward", "pelvis_ty": "up", "pelvis_tz": "to the right"},
    **{"lumbar_extension": "extension", "lumbar_bending": "to the right", "lumbar_rotation": "right side forward"},
    **{"hip_flexion": "flexion", "hip_adduction": "adduction", "hip_rotation": "internal"},
    **{"ankle_angle": "dorsiflexion", "subtalar_angle": "inversion", "mtp_angle": "toes up"},
    **{"arm_flex": "flexion", "arm_add": "adduction", "arm_rot": "internal"},
    **{"elbow_flex": "flexion", "pro_sup": "pronation"},
}
SIGN_TABLE: dict[str, dict[str, str]] = {
    "rajagopal": _SAME_EVERYWHERE | {"knee_angle": "flexion"},
    "lai_uhlrich": _SAME_EVERYWHERE | {"knee_angle": "flexion", "mtp_angle": "toes down"},
    "gait2392": _SAME_EVERYWHERE | {"knee_angle": "extension"},
}
"""Family → coordinate without side → what its positive values mean. ``rajagopal``: Rajagopal2016 and our own models;
``lai_uhlrich``: the LaiUhlrich models of OpenCap, whose toes count downwards; ``gait2392``: gait2354, gait2392,
gait10dof18musc, Hamner. A table for people: the code asks the model."""


def positive_directions(skeleton: Skeleton) -> dict[str, str]:
    """What positive values of each coordinate mean, found by moving the skeleton.

    Parameters
    ----------
    skeleton : Skeleton
        Of a standing person with OpenSim's body and coordinate names; facing any way.

    Returns
    -------
    dict of str to str
        Coordinate → word, e.g. ``"knee_angle_r": "flexion"``. Coordinates without a word here (wrists, unusual names)
        or with a body missing are absent; ``"oblique"`` where the axis is none of the body's planes.
    """
    return dict(_directions(skeleton))


@functools.lru_cache(maxsize=32)
def _directions(skeleton: Skeleton) -> tuple[tuple[str, str], ...]:
    """Pairs of coordinate and word; a skeleton is moved once, however many trials are converted."""
    names = skeleton.coordinate_names
    default = np.array([c.default for c in skeleton.coordinates])
    values = np.vstack([default, default + _STEP * np.eye(len(names))])
    motions = segment_motions(skeleton, Kinematics(names, values, 1.0))
    axes = person_axes(motions)
    found = {}
    for row, name in enumerate(names, start=1):
        base, side = (name[:-2], name[-1]) if name.endswith(("_r", "_l")) else (name, "")
        if base in _TRANSLATIONS and "pelvis" in motions:
            axis, words = _TRANSLATIONS[base]
            moved = axes.T @ (motions["pelvis"].origin[row] - motions["pelvis"].origin[0])
            found[name] = _word(moved, axis, words, False)
        elif base in _ROTATIONS:
            bodies, axis, words, sided = _ROTATIONS[base]
            body = next((b for b in (f"{n}_{side}" if side else n for n in bodies) if b in motions), None)
            if body is None:
                continue
            orientation = motions[body].orientation
            turn = axes.T @ (orientation[row] * orientation[0].inv()).as_rotvec()
            if np.linalg.norm(turn) > 0.01 * _STEP:
                found[name] = _word(turn, axis, words, sided and side == "l")
    return tuple(found.items())


def person_axes(motions: Mapping[str, SegmentMotion]) -> np.ndarray:
    """Axes (3, 3) forward, up, right of a standing skeleton in its first frame: forward is where the feet point."""
    pairs = (("talus", "toes"), ("calcn", "toes"), ("tibia", "calcn"))
    up = np.array([0.0, 1.0, 0.0])
    for behind, ahead in pairs[:2]:
        if f"{behind}_r" in motions and f"{ahead}_r" in motions:
            forward = motions[f"{ahead}_r"].origin[0] - motions[f"{behind}_r"].origin[0]
            forward = forward - up * forward[1]
            if np.linalg.norm(forward) > 0.02:
                forward = forward / np.linalg.norm(forward)
                return np.column_stack([forward, up, np.cross(forward, up)])
    return np.eye(3)  # no toes: the house's ground frame


def _word(vector: np.ndarray, axis: str, words: tuple[str, str], mirrored: bool) -> str:
    along = float(vector["XYZ".index(axis)])
    if abs(along) < _CLEAR * float(np.linalg.norm(vector)):
        return "oblique"
    return words[0] if (along > 0) != mirrored else words[1]


def sign_family(skeleton: Skeleton) -> str:
    """Name of the family in `SIGN_TABLE` whose signs a skeleton has, ``"other"`` if none."""
    found = positive_directions(skeleton)
    for family, table in SIGN_TABLE.items():
        known = {name: table.get(name[:-2] if name.endswith(("_r", "_l")) else name) for name in found}
        if all(known[name] == word for name, word in found.items() if known[name] and word != "oblique"):
            return family
    return "other"


def converted(kinematics: Kinematics, from_skeleton: Skeleton, to_skeleton: Skeleton) -> Kinematics:
    """Coordinates of one model with the signs of another.

    Parameters
    ----------
    kinematics : Kinematics
        Coordinates of `from_skeleton`.
    from_skeleton, to_skeleton : Skeleton

    Returns
    -------
    Kinematics
        The coordinates that both have, in the order of `to_skeleton`. Only signs change: where zero lies (a pelvis
        frame, a neutral foot) is the models' own.

    Raises
    ------
    ModelMismatch
        A coordinate that is not zero throughout is none of `to_skeleton`, its direction cannot be found in one of the
        models but can in the other, or a joint's rotations come in another order, so that its angles are others.
    """
    unknown = [name for name in kinematics.coordinates if name not in from_skeleton.coordinate_names]
    coupled = {c.name for c in from_skeleton.coupled}
    unknown = [name for name in unknown if name not in coupled]
    if unknown:
        raise ModelMismatch(f"{from_skeleton.name}: no coordinate {unknown[0]!r}; the motion is of another model.")
    moving = [
        name
        for name in kinematics.coordinates
        if name not in coupled and np.nanmax(np.abs(kinematics.of(name)), initial=0.0) > 1e-12
    ]
    lost = [name for name in moving if name not in to_skeleton.coordinate_names]
    if lost:
        raise ModelMismatch(
            f"{to_skeleton.name} has no coordinate {', '.join(lost)}, which the motion of {from_skeleton.name} moves; "
            "leave these columns out if the motion may lose them."
        )
    _same_order(from_skeleton, to_skeleton, moving)
    before, after = positive_directions(from_skeleton), positive_directions(to_skeleton)
    names = [name for name in to_skeleton.coordinate_names if name in kinematics.coordinates]
    columns = []
    for name in names:
        words = {before.get(name, ""), after.get(name, "")}
        if len(words) > 1 and words & {"", "oblique"} and name in moving:
            raise ModelMismatch(
                f"coordinate {name} turns about an oblique axis, or carries no known body, in one of "
                f"{from_skeleton.name}, {to_skeleton.name}; its sign cannot be carried over by a rule."
            )
        columns.append(kinematics.of(name) * (1.0 if len(words) == 1 else -1.0))
    return Kinematics(tuple(names), np.stack(columns, axis=1), kinematics.rate)


def _same_order(before: Skeleton, after: Skeleton, moving: list[str]) -> None:
    """Refuse joints whose moving rotations follow one another in another order."""
    orders = [_rotation_orders(skeleton, moving) for skeleton in (before, after)]
    for segment in orders[0].keys() & orders[1].keys():
        first, second = orders[0][segment], orders[1][segment]
        shared = [name for name in first if name in second]
        if shared != [name for name in second if name in first]:
            raise ModelMismatch(
                f"the joint of {segment} turns by {', '.join(first)} in {before.name} and by {', '.join(second)} in "
                f"{after.name}: the same names are other angles. Convert by the segments' orientations, or run inverse "
                "kinematics with the other model."
            )


def _rotation_orders(skeleton: Skeleton, moving: list[str]) -> dict[str, list[str]]:
    """Coordinates that turn each segment's joint, in order."""
    names = skeleton.coordinate_names
    orders = {}
    for segment in skeleton.segments:
        turning = [names[e.coordinate] for e in segment.elements if e.kind == "rotation" and e.coordinate >= 0]
        orders[segment.name] = [name for name in dict.fromkeys(turning) if name in moving]
    return orders
