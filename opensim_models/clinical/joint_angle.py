"""Joint angles the clinical way: Grood and Suntay (J Biomech Eng 105:136, 1983) from the poses of two segments.

The first rotation is about the proximal segment's Z axis (to the right), the last about the distal segment's long axis,
the second about the floating axis normal to both. Left and right share signs: flexion, dorsiflexion, adduction, varus,
inversion and internal rotation are positive on both sides; the pelvis tilts forward (anterior), and its obliquity and
rotation are those of the named side (up, and forward). These are *not* the signs of OpenSim's coordinates where the
names differ; `as_coordinates` gives those.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, SegmentMotion

GIMBAL_MARGIN = np.radians(3.0)
"""Frames whose second angle is this near to 90 degrees have no first and third angle of their own."""

# Order of rotations by convention. PiG's ankle turns about the foot's long (X) axis last: Vicon Plug-in Gait reference.
CONVENTIONS = {
    "grood_suntay": {"ankle": "ZXY"},
    "plug_in_gait": {"ankle": "ZYX"},
}
# joint: proximal and distal body (a side is put in), then name and sign on the right of the rotation about Z, X, Y;
# on the left the signs of X and Y turn over.
JOINTS: dict[str, tuple[str, str, tuple[tuple[str, float], ...]]] = {
    "pelvis": (
        "ground",
        "pelvis",
        (("pelvis_anterior_tilt", -1.0), ("pelvis_obliquity", -1.0), ("pelvis_rotation", 1)),
    ),
    "trunk": ("ground", "torso", (("trunk_forward_tilt", -1.0), ("trunk_obliquity", -1.0), ("trunk_rotation", 1.0))),
    "spine": ("pelvis", "torso", (("spine_flexion", -1.0), ("spine_obliquity", -1.0), ("spine_rotation", 1.0))),
    "hip": ("pelvis", "femur", (("hip_flexion", 1.0), ("hip_adduction", 1.0), ("hip_rotation", 1.0))),
    "knee": ("femur", "tibia", (("knee_flexion", -1.0), ("knee_varus", 1.0), ("knee_rotation", 1.0))),
    "ankle": ("tibia", "calcn", (("ankle_dorsiflexion", 1.0), ("ankle_inversion", 1.0), ("ankle_rotation", 1.0))),
}
_SIDELESS = ("pelvis", "torso", "ground")
# Clinical angle → OpenSim coordinate and sign, right side; models with flexion negative: see sign_convention.
_COORDINATES = {
    "pelvis_anterior_tilt": ("pelvis_tilt", -1.0),
    "pelvis_obliquity_r": ("pelvis_list", -1.0),
    "pelvis_rotation_r": ("pelvis_rotation", 1.0),
    **{f"{name}_{side}": (f"{name}_{side}", 1.0) for side in "rl" for name in ("hip_flexion", "hip_adduction")},
    **{f"hip_rotation_{side}": (f"hip_rotation_{side}", 1.0) for side in "rl"},
    **{f"knee_flexion_{side}": (f"knee_angle_{side}", 1.0) for side in "rl"},
    **{f"ankle_dorsiflexion_{side}": (f"ankle_angle_{side}", 1.0) for side in "rl"},
}


@dataclass(frozen=True)
class JointAngles:
    """Joint angles over time.

    Attributes
    ----------
    names : tuple of str
        E.g. ``"knee_flexion_r"``; the positive direction is in the name (see the module's text).
    values : ndarray, shape (n_frames, n_angles)
        rad, continuous over time; NaN where a segment's pose is unknown.
    rate : float
        Hz.
    convention : str
        One of `CONVENTIONS`.
    hip_method : str
        How the hip centres were found, e.g. ``"harrington"`` or ``"functional"``; ``""`` if unknown.
    degenerate : ndarray of bool, shape (n_frames, n_angles)
        Frames near gimbal lock: their third angle is carried over from the neighbours and the first made to match.
    """

    names: tuple[str, ...]
    values: np.ndarray
    rate: float
    convention: str = "grood_suntay"
    hip_method: str = ""
    degenerate: np.ndarray | None = None

    def of(self, name: str) -> np.ndarray:
        """Values (n_frames,) of one angle; a clear error if there is none of that name."""
        if name not in self.names:
            raise ModelMismatch(f"no joint angle {name!r}; there are {', '.join(self.names)}.")
        return self.values[:, self.names.index(name)]


def joint_angles(
    motions: Mapping[str, SegmentMotion], *, convention: str = "grood_suntay", hip_method: str = ""
) -> JointAngles:
    """Compute every joint angle that the segments allow.

    Parameters
    ----------
    motions : mapping of str to SegmentMotion
        ``pelvis``, ``femur_r``, ...: anatomical frames, X forward, Y up, Z right on both sides, of one trial. Frames
        with a NaN origin have no pose.
    convention : str
        One of `CONVENTIONS`.
    hip_method : str
        Recorded in the result.

    Returns
    -------
    JointAngles

    Raises
    ------
    ModelMismatch
        Unknown convention, motions of different length or rate, or no joint at all.
    """
    if convention not in CONVENTIONS:
        raise ModelMismatch(f"joint angle convention {convention!r} is unknown; choose {', '.join(CONVENTIONS)}.")
    shapes = {(len(m.origin), float(m.rate)) for m in motions.values()}
    if len(shapes) != 1:
        raise ModelMismatch(f"joint angles need motions of one trial; frames and rates found: {sorted(shapes)}.")
    rate = shapes.pop()[1]
    names, columns, masks = [], [], []
    for joint, (proximal, distal, parts) in JOINTS.items():
        sequence = CONVENTIONS[convention].get(joint, "ZXY")
        for side in "rl":
            upper, lower = (b if b in _SIDELESS else f"{b}_{side}" for b in (proximal, distal))
            # Plug-in Gait knows two shanks: turned by tibial torsion for the ankle, not turned for the knee
            if joint == "ankle":
                upper = next((name for name in (f"tibia_torsioned_{side}",) if name in motions), upper)
            if lower not in motions or (upper != "ground" and upper not in motions):
                continue
            angles, degenerate = _between(motions.get(upper), motions[lower], sequence)
            for axis, (name, sign) in zip("ZXY", parts, strict=True):
                shared = axis == "Z" and lower in _SIDELESS
                label = name if shared else f"{name}_{side}"
                if label in names:
                    continue
                mirrored = sign if axis == "Z" or side == "r" else -sign
                names.append(label)
                columns.append(mirrored * angles[:, sequence.index(axis)])
                masks.append(degenerate)
    if not names:
        raise ModelMismatch(f"no joint between the segments {', '.join(sorted(motions))}; at least two must adjoin.")
    return JointAngles(tuple(names), np.stack(columns, 1), rate, convention, hip_method, np.stack(masks, 1))


def _between(upper: SegmentMotion | None, lower: SegmentMotion, sequence: str) -> tuple[np.ndarray, np.ndarray]:
    """Angles (n_frames, 3) of a joint in the order of the sequence, NaN where a pose is unknown, and gimbal frames."""
    rotation = lower.orientation if upper is None else upper.orientation.inv() * lower.orientation
    known = np.isfinite(lower.origin).all(axis=1)
    if upper is not None:
        known &= np.isfinite(upper.origin).all(axis=1)
    angles = np.full((len(known), 3), np.nan)
    degenerate = np.zeros(len(known), dtype=bool)
    if known.any():
        angles[known], degenerate[known] = cardan_angles(rotation[known], sequence)
    return angles, degenerate


def cardan_angles(rotation: Rotation, sequence: str) -> tuple[np.ndarray, np.ndarray]:
    """Three angles about successive axes, continuous from frame to frame.

    Parameters
    ----------
    rotation : Rotation, length n_frames
        Distal → proximal.
    sequence : str
        Three different letters of X, Y, Z.

    Returns
    -------
    angles : ndarray, shape (n_frames, 3)
        rad, the median within half a turn of zero. The second may pass 90 degrees: of the two solutions the one nearer
        to the frame before is taken.
    degenerate : ndarray of bool, shape (n_frames,)
        Second angle within `GIMBAL_MARGIN` of 90 degrees: the third is interpolated from the neighbours.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock is dealt with below
        angles = np.atleast_2d(rotation.as_euler(sequence))
    degenerate = np.abs(np.abs(angles[:, 1]) - np.pi / 2) < GIMBAL_MARGIN
    if np.abs(angles[:, 1]).max(initial=0.0) > np.pi / 3:
        angles = _nearest_branch(angles, degenerate)
    good = ~degenerate
    angles[good] = np.unwrap(angles[good], axis=0)
    if degenerate.any():
        _hold_third_angle(angles, degenerate, rotation, sequence)
    if np.median(np.abs(angles[:, 1] - 2 * np.pi * np.round(angles[:, 1] / (2 * np.pi)))) > np.pi / 2:
        # the first frames misled the choice of the branch: most frames belong to the other one
        angles = np.stack([angles[:, 0] + np.pi, np.pi - angles[:, 1], angles[:, 2] + np.pi], axis=1)
    return angles - 2 * np.pi * np.round(np.median(angles, axis=0) / (2 * np.pi)), degenerate


def _hold_third_angle(angles: np.ndarray, degenerate: np.ndarray, rotation: Rotation, sequence: str) -> None:
    """Fill frames near the lock: third angle between its neighbours, second on the side that fits, first to match."""
    frames, good = np.arange(len(angles)), ~degenerate
    near = frames[degenerate]
    held, before = (
        np.interp(near, frames[good], angles[good, k]) if good.any() else np.zeros(len(near)) for k in (2, 0)
    )
    main = np.eye(3)["XYZ".index(sequence[0])]
    best = np.full(len(near), np.inf)
    for second in (angles[near, 1], np.pi - angles[near, 1]):
        rest = Rotation.from_euler(sequence[1:], np.stack([second, held], axis=1))
        vector = (rotation[near] * rest.inv()).as_rotvec()
        turn = vector @ main
        misfit = np.linalg.norm(vector - turn[:, None] * main, axis=1)
        better = misfit < best
        best[better] = misfit[better]
        first = turn + 2 * np.pi * np.round((before - turn) / (2 * np.pi))
        angles[near[better]] = np.stack([first, second, held], axis=1)[better]


def _nearest_branch(angles: np.ndarray, degenerate: np.ndarray) -> np.ndarray:
    """Choose frame by frame between (a, b, c) and its twin (a + 180, 180 - b, c + 180)."""
    chosen = angles.copy()
    last = None
    for k in range(len(angles)):
        if last is not None:
            twin = np.array([angles[k, 0] + np.pi, np.pi - angles[k, 1], angles[k, 2] + np.pi])
            candidates = [c + 2 * np.pi * np.round((last - c) / (2 * np.pi)) for c in (angles[k], twin)]
            # near the lock only the second angle means something
            far = [abs(c[1] - last[1]) if degenerate[k] else np.abs(c - last).max() for c in candidates]
            chosen[k] = candidates[int(np.argmin(far))]
        if not degenerate[k]:
            last = chosen[k]
    return chosen


def as_coordinates(angles: JointAngles) -> Kinematics:
    """Clinical angles under OpenSim's coordinate names, in the signs of Rajagopal's model (knee flexion positive)."""
    found = [(name, *_COORDINATES[name]) for name in angles.names if name in _COORDINATES]
    values = np.stack([sign * angles.of(name) for name, _, sign in found], axis=1)
    return Kinematics(tuple(coordinate for _, coordinate, _ in found), values, angles.rate)
