"""Joint centres of a standing person from anatomical landmarks.

Four published regressions of the hip centre to choose from (`HIP_METHODS`); where a person moved the hip on purpose,
`functional_centre` finds it from the movement instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from opensim_models.model_mismatch import ModelMismatch

# Half the width of knee and ankle as part of stature, marker included, where a trial has no medial marker.
_HALF_KNEE, _HALF_ANKLE = 0.032, 0.023

HIP_METHODS = ("harrington", "davis", "plug_in_gait", "bell")
"""``harrington``: J Biomech 40:595, 2007 · ``davis``: Hum Mov Sci 10:575, 1991 · ``plug_in_gait``: Davis as Vicon
rounds its angles, with the distance trochanter-spine from leg length · ``bell``: J Biomech 23:617, 1990."""
# Angles (rad) of the hip's offset from the spine in the frontal (theta) and sagittal (beta) plane.
_DAVIS = {"davis": (math.radians(28.4), math.radians(18.0)), "plug_in_gait": (0.5, 0.314)}


def pelvis_axes(landmarks: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """Frame of the pelvis from its landmarks.

    Parameters
    ----------
    landmarks : mapping of str to ndarray, shape (3,)
        Must hold ``asis_r``, ``asis_l`` and either ``psis_r`` and ``psis_l`` or ``sacrum`` (m, ground frame).

    Returns
    -------
    midpoint : ndarray, shape (3,)
        Midpoint of the anterior spines.
    axes : ndarray, shape (3, 3)
        Columns: forward, up, right (Wu et al., J Biomech 35:543, 2002).
    depth : float
        Distance (m) from the midpoint of the posterior spines.
    """
    needed = ("asis_r", "asis_l")
    missing = [name for name in needed if name not in landmarks]
    if missing or not ({"psis_r", "psis_l"} <= set(landmarks) or "sacrum" in landmarks):
        raise ModelMismatch(
            "scaling needs the pelvis in the static trial: asis_r, asis_l and psis_r, psis_l or sacrum; "
            f"it has {', '.join(sorted(landmarks)) or 'no landmark'}. Check the marker set or the static trial."
        )
    right, left = landmarks["asis_r"], landmarks["asis_l"]
    both = {"psis_r", "psis_l"} <= set(landmarks)
    back = (landmarks["psis_r"] + landmarks["psis_l"]) / 2 if both else landmarks["sacrum"]
    midpoint = (right + left) / 2
    z = (right - left) / np.linalg.norm(right - left)
    x = (midpoint - back) - z * ((midpoint - back) @ z)
    depth = float(np.linalg.norm(x))
    x = x / depth
    return midpoint, np.column_stack([x, np.cross(z, x), z]), depth


def hip_offset(
    method: str, width: float, depth: float = math.nan, leg_length: float = math.nan, marker_radius: float = 0.0
) -> np.ndarray:
    """Right hip centre in the pelvis frame of `pelvis_axes`; the left one has the opposite third component.

    Parameters
    ----------
    method : str
        One of `HIP_METHODS`.
    width, depth : float
        Distance (m) of the anterior spines, and of their midpoint from that of the posterior ones (``harrington``).
    leg_length : float
        Anterior spine to medial malleolus (m), for ``davis`` and ``plug_in_gait``.
    marker_radius : float
        m, for the same two.

    Returns
    -------
    ndarray, shape (3,)
        m, from the midpoint of the anterior spines: forward, up, right.

    Raises
    ------
    ModelMismatch
        Unknown method, or a length that it needs is missing or absurd.
    """
    if method not in HIP_METHODS:
        raise ModelMismatch(f"hip centre method {method!r} is unknown; choose one of {', '.join(HIP_METHODS)}.")
    needed = {"width of the pelvis": (width, 0.08, 0.45)}
    if method == "harrington":
        needed["depth of the pelvis"] = (depth, 0.05, 0.35)
    elif method in _DAVIS:
        needed["leg length"] = (leg_length, 0.2, 1.4)
    for what, (found, low, high) in needed.items():
        if not low <= found <= high:
            raise ModelMismatch(
                f"hip centre by {method}: the {what} is {found:.3f} m, expected {low}-{high}. Check the labels and the "
                "unit of the static trial, or give the length measured on the person."
            )
    if method == "harrington":
        return np.array([-0.24 * depth - 0.0099, -0.30 * width - 0.0109, 0.33 * width + 0.0073])
    if method == "bell":
        return np.array([-0.19 * width, -0.30 * width, 0.36 * width])
    theta, beta = _DAVIS[method]
    to_trochanter = 0.1288 * leg_length - 0.04856 + marker_radius  # sagittal distance spine-trochanter, plus radius
    reach = 0.115 * leg_length - 0.0153
    return np.array(
        [
            reach * math.cos(theta) * math.sin(beta) - to_trochanter * math.cos(beta),
            -reach * math.cos(theta) * math.cos(beta) - to_trochanter * math.sin(beta),
            width / 2 - reach * math.sin(theta),
        ]
    )


def leg_length(landmarks: Mapping[str, np.ndarray]) -> float:
    """Mean distance (m) anterior spine - medial malleolus (lateral where there is no medial), NaN if unseen."""
    found = []
    for side in "rl":
        ankle = next((landmarks[n] for n in (f"ankle_medial_{side}", f"ankle_lateral_{side}") if n in landmarks), None)
        if ankle is not None and f"asis_{side}" in landmarks:
            found.append(float(np.linalg.norm(landmarks[f"asis_{side}"] - ankle)))
    return float(np.mean(found)) if found else math.nan


def hip_centres(
    landmarks: Mapping[str, np.ndarray],
    method: str = "harrington",
    *,
    leg: float = math.nan,
    marker_radius: float = 0.0,
) -> dict[str, np.ndarray]:
    """Hip centres (m, ground frame) by one of `HIP_METHODS`: ``"r"`` and ``"l"``.

    `leg` is the measured leg length (m); methods that need one take it from the landmarks if it is NaN.
    """
    midpoint, axes, depth = pelvis_axes(landmarks)
    width = float(np.linalg.norm(landmarks["asis_r"] - landmarks["asis_l"]))
    length = leg if math.isfinite(leg) else leg_length(landmarks)
    local = hip_offset(method, width, depth, length, marker_radius)
    return {side: midpoint + axes @ (local * (1.0, 1.0, sign)) for side, sign in (("r", 1.0), ("l", -1.0))}


def _between(
    landmarks: Mapping[str, np.ndarray], lateral: str, medial: str, inward: np.ndarray, half_width: float
) -> np.ndarray | None:
    """Midpoint of lateral and medial landmark, or half a width inward from the lateral one."""
    if lateral not in landmarks:
        return None
    if medial in landmarks:
        return (landmarks[lateral] + landmarks[medial]) / 2
    return landmarks[lateral] + inward * half_width


def joint_centres(
    landmarks: Mapping[str, np.ndarray], height: float, hip_method: str = "harrington"
) -> dict[str, np.ndarray]:
    """Centres of hips, knees and ankles.

    Parameters
    ----------
    landmarks : mapping of str to ndarray, shape (3,)
        Anatomical landmarks of a standing person (m, ground frame).
    height : float
        Stature (m), for widths where no medial landmark is there.
    hip_method : str, default "harrington"
        One of `HIP_METHODS`.

    Returns
    -------
    dict of str to ndarray, shape (3,)
        ``hip_r``, ``knee_r``, ``ankle_r`` and left ones; knees and ankles only where their landmarks are.
    """
    _, axes, _ = pelvis_axes(landmarks)
    centres = {f"hip_{side}": centre for side, centre in hip_centres(landmarks, hip_method).items()}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        inward = -sign * axes[:, 2]
        for joint, landmark, half in (("knee", "knee", _HALF_KNEE), ("ankle", "ankle", _HALF_ANKLE)):
            centre = _between(
                landmarks, f"{landmark}_lateral_{side}", f"{landmark}_medial_{side}", inward, half * height
            )
            if centre is not None:
                centres[f"{joint}_{side}"] = centre
    return centres
