"""Joint centres of a standing person from anatomical landmarks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opensim_models.model_mismatch import ModelMismatch

# Half the width of knee and ankle as part of stature, marker included, where a trial has no medial marker.
_HALF_KNEE, _HALF_ANKLE = 0.032, 0.023


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
    back = landmarks["sacrum"] if "psis_r" not in landmarks else (landmarks["psis_r"] + landmarks["psis_l"]) / 2
    midpoint = (right + left) / 2
    z = (right - left) / np.linalg.norm(right - left)
    x = (midpoint - back) - z * ((midpoint - back) @ z)
    depth = float(np.linalg.norm(x))
    x = x / depth
    return midpoint, np.column_stack([x, np.cross(z, x), z]), depth


def hip_centres(landmarks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Hip centres (m, ground frame): Harrington et al., J Biomech 40:595, 2007, from pelvis width and depth."""
    midpoint, axes, depth = pelvis_axes(landmarks)
    width = float(np.linalg.norm(landmarks["asis_r"] - landmarks["asis_l"]))
    centres = {}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        local = np.array([-0.24 * depth - 0.0099, -0.30 * width - 0.0109, sign * (0.33 * width + 0.0073)])
        centres[side] = midpoint + axes @ local
    return centres


def _between(
    landmarks: Mapping[str, np.ndarray], lateral: str, medial: str, inward: np.ndarray, half_width: float
) -> np.ndarray | None:
    """Midpoint of lateral and medial landmark, or half a width inward from the lateral one."""
    if lateral not in landmarks:
        return None
    if medial in landmarks:
        return (landmarks[lateral] + landmarks[medial]) / 2
    return landmarks[lateral] + inward * half_width


def joint_centres(landmarks: Mapping[str, np.ndarray], height: float) -> dict[str, np.ndarray]:
    """Centres of hips, knees and ankles.

    Parameters
    ----------
    landmarks : mapping of str to ndarray, shape (3,)
        Anatomical landmarks of a standing person (m, ground frame).
    height : float
        Stature (m), for widths where no medial landmark is there.

    Returns
    -------
    dict of str to ndarray, shape (3,)
        ``hip_r``, ``knee_r``, ``ankle_r`` and left ones; knees and ankles only where their landmarks are.
    """
    _, axes, _ = pelvis_axes(landmarks)
    centres = {f"hip_{side}": centre for side, centre in hip_centres(landmarks).items()}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        inward = -sign * axes[:, 2]
        for joint, landmark, half in (("knee", "knee", _HALF_KNEE), ("ankle", "ankle", _HALF_ANKLE)):
            centre = _between(
                landmarks, f"{landmark}_lateral_{side}", f"{landmark}_medial_{side}", inward, half * height
            )
            if centre is not None:
                centres[f"{joint}_{side}"] = centre
    return centres
