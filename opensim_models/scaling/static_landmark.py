"""Static landmarks: where the anatomical landmarks of a standing person are, and whether the person stood at all."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import MarkerTrial
from opensim_models.clinical.joint_centre import joint_centres, pelvis_axes
from opensim_models.clinical.knee_alignment import virtual_knee
from opensim_models.generic import anthropometry
from opensim_models.model_mismatch import ModelMismatch

STILL = 0.03
"""Spines of a standing person move less than this (m, standard deviation)."""
_TORSION, _TORSION_SPREAD, _THIGH_SPREAD = math.radians(17.0), math.radians(8.5), math.radians(6.0)
_LARGEST_TORSION = math.radians(50.0)


def static_landmarks(static: MarkerTrial, marker_set: MarkerSet) -> dict[str, np.ndarray]:
    """Mean position (m, ground frame) of each anatomical landmark that the static trial shows.

    Where a knee alignment device is worn in the place of the lateral knee marker, the landmark is where its cube says
    that the marker would be, and the medial one lies as far along the device's axis.
    """
    meaning = marker_set.for_labels(static.labels)
    landmarks = {}
    for landmark, label in meaning.landmarks.items():
        place = mean_position(static, label)
        if place is not None:
            landmarks[landmark] = place
    for side in "rl":
        if f"knee_lateral_{side}" not in landmarks and {"asis_r", "asis_l"} <= set(landmarks):
            knee = _device_knee(static, side, landmarks)
            if knee is not None:
                landmarks[f"knee_lateral_{side}"] = knee
    return landmarks


def mean_position(static: MarkerTrial, label: str) -> np.ndarray | None:
    """Mean position (3,) of a marker over the frames that show it; None if there is none."""
    if label not in static.labels:
        return None
    position = static.marker(label)
    seen = np.isfinite(position).all(axis=1)
    return position[seen].mean(axis=0) if seen.any() else None


def refuse_motion(static: MarkerTrial, marker_set: MarkerSet) -> None:
    """Refuse a "static" trial in which the pelvis moves.

    Raises
    ------
    ModelMismatch
    """
    meaning = marker_set.for_labels(static.labels)
    for landmark in ("asis_r", "asis_l", "sacrum"):
        label = meaning.landmarks.get(landmark)
        if label is None or not np.isfinite(static.marker(label)).all(axis=1).any():
            continue
        wander = float(np.nanstd(static.marker(label), axis=0).max())
        if wander > STILL:
            raise ModelMismatch(
                f"{static.source or static.name}: marker {label} moves by {wander * 100:.0f} cm (standard deviation); "
                "a static trial shows a person standing still. Name another trial as static."
            )


def _device_knee(static: MarkerTrial, side: str, landmarks: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Lateral knee landmark from a knee alignment device, None without one."""
    names = [f"{side.upper()}{corner}" for corner in ("KAX", "KD1", "KD2")]
    corners = [mean_position(static, name) for name in names]
    if any(corner is None for corner in corners):
        return None
    other = "l" if side == "r" else "r"
    inward = landmarks[f"asis_{other}"] - landmarks[f"asis_{side}"]
    return virtual_knee(*(corner[None] for corner in corners), inward[None])[0]


def knee_axis(
    static: MarkerTrial, landmarks: Mapping[str, np.ndarray], centres: Mapping[str, np.ndarray], side: str
) -> np.ndarray:
    """Unit vector (3,) to the right along the flexion axis of a knee, as far as the trial tells.

    Along a knee alignment device, else from the medial to the lateral landmark. With neither, the best guess between
    the pelvis, towards which thighs stand with 0 ± 6 degrees of rotation, and the malleoli, whose line is turned
    outward by 17 ± 8.5 degrees against the knee's (18 legs of nine adults that show both).
    """
    sign = 1.0 if side == "r" else -1.0
    end = mean_position(static, f"{side.upper()}KAX")
    lateral, medial = landmarks.get(f"knee_lateral_{side}"), landmarks.get(f"knee_medial_{side}")
    if end is not None and lateral is not None and mean_position(static, f"{side.upper()}KD1") is not None:
        axis = sign * (end - lateral)
    elif lateral is not None and medial is not None:
        axis = sign * (lateral - medial)
    else:
        axis = pelvis_axes(landmarks)[1][:, 2]
        inner, outer = landmarks.get(f"ankle_medial_{side}"), landmarks.get(f"ankle_lateral_{side}")
        if inner is not None and outer is not None:
            outward = sign * (_heading(sign * (outer - inner)) - _heading(axis))
            trust = _THIGH_SPREAD**2 / (_THIGH_SPREAD**2 + _TORSION_SPREAD**2)
            axis = Rotation.from_euler("Y", -sign * trust * (outward - _TORSION)).apply(axis)
    return axis / np.linalg.norm(axis)


def tibial_torsion(
    landmarks: Mapping[str, np.ndarray], centres: Mapping[str, np.ndarray], axis: np.ndarray, side: str
) -> float:
    """Angle (rad) about the shank's long axis from the knee's to the malleoli's line, positive to the left.

    Zero where a medial malleolus or a centre is not seen; kept within 50 degrees, beyond which a marker is misplaced.
    """
    names = (f"ankle_medial_{side}", f"ankle_lateral_{side}")
    if not ({*names} <= set(landmarks) and {f"knee_{side}", f"ankle_{side}"} <= set(centres)):
        return 0.0
    across = (1.0 if side == "r" else -1.0) * (landmarks[names[1]] - landmarks[names[0]])
    up = centres[f"knee_{side}"] - centres[f"ankle_{side}"]
    up = up / np.linalg.norm(up)
    a, b = (v - up * (v @ up) for v in (axis, across))
    return float(np.clip(math.atan2(np.cross(a, b) @ up, a @ b), -_LARGEST_TORSION, _LARGEST_TORSION))


def _heading(rightward: np.ndarray) -> float:
    """Angle (rad) by which a line that points right is turned to the right about the vertical."""
    return math.atan2(-rightward[0], rightward[2])


def stature_by_legs(landmarks: Mapping[str, np.ndarray]) -> float:
    """Stature (m) from hip, knee and ankle centres by Winter's fractions; NaN if no whole leg is seen."""
    ratio = anthropometry.THIGH_LENGTH + anthropometry.SHANK_LENGTH
    centres = joint_centres(landmarks, 1.7)
    legs = [
        np.linalg.norm(centres[f"hip_{s}"] - centres[f"knee_{s}"])
        + np.linalg.norm(centres[f"knee_{s}"] - centres[f"ankle_{s}"])
        for s in "rl"
        if {f"knee_{s}", f"ankle_{s}"} <= set(centres)
    ]
    return float(np.mean(legs)) / ratio if legs else math.nan


def estimate_height(landmarks: Mapping[str, np.ndarray]) -> float:
    """Stature (m) by the legs, where nobody measured it.

    Raises
    ------
    ModelMismatch
        No whole leg is seen.
    """
    height = stature_by_legs(landmarks)
    if not math.isfinite(height):
        raise ModelMismatch("stature is unknown and the static trial shows no whole leg; give it in participants.csv.")
    return height
