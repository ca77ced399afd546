"""Static landmarks: where the anatomical landmarks of a standing person are, and what they say of knees and stature."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import MarkerTrial
from opensim_models.clinical.flexion_axis import flexion_axis
from opensim_models.clinical.joint_centre import joint_centres, pelvis_axes
from opensim_models.clinical.knee_alignment import virtual_knee
from opensim_models.clinical.standing_marker import mean_landmarks, mean_position
from opensim_models.generic import anthropometry
from opensim_models.model_mismatch import ModelMismatch

_LARGEST_TORSION = math.radians(50.0)


def static_landmarks(static: MarkerTrial, marker_set: MarkerSet) -> dict[str, np.ndarray]:
    """Mean position (m, ground frame) of each anatomical landmark that the static trial shows.

    Where a knee alignment device is worn in the place of the lateral knee marker, the landmark is where its cube says
    that the marker would be, and the medial one lies as far along the device's axis.
    """
    landmarks = mean_landmarks(static, marker_set)
    for side in "rl":
        if f"knee_lateral_{side}" not in landmarks and {"asis_r", "asis_l"} <= set(landmarks):
            knee = _device_knee(static, side, landmarks)
            if knee is not None:
                landmarks[f"knee_lateral_{side}"] = knee
    return landmarks


def _device_knee(static: MarkerTrial, side: str, landmarks: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Lateral knee landmark from a knee alignment device, None without one."""
    names = [f"{side.upper()}{corner}" for corner in ("KAX", "KD1", "KD2")]
    corners = [mean_position(static, name) for name in names]
    if any(corner is None for corner in corners):
        return None
    other = "l" if side == "r" else "r"
    inward = landmarks[f"asis_{other}"] - landmarks[f"asis_{side}"]
    return virtual_knee(*(corner[None] for corner in corners), inward[None])[0]


def knee_axis(static: MarkerTrial, landmarks: Mapping[str, np.ndarray], side: str) -> np.ndarray:
    """Unit vector (3,) to the right along the flexion axis of a knee (`flexion_axis`), by the device if worn."""
    worn = mean_position(static, f"{side.upper()}KD1") is not None
    end = mean_position(static, f"{side.upper()}KAX") if worn else None
    return flexion_axis(landmarks, side, pelvis_axes(landmarks)[1][:, 2], end)


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
