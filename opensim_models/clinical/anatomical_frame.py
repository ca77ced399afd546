"""Anatomical frames: axes of the segments from landmarks and joint centres.

Pelvis, thigh and shank after Wu et al., J Biomech 35:543, 2002, thorax after Wu et al., J Biomech 38:981, 2005, with
two deviations that Grood and Suntay (J Biomech Eng 105:136, 1983) and the skeletons of `catalogue` ask for: every
origin is the proximal joint centre, and the shank's Y axis is its long axis from ankle to knee centre (its X axis is
normal to the plane of the malleoli and the knee centre, as in the recommendation). The foot points from the heel to the
toe along the ground of the static trial. X points forward, Y up, Z to the right on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.clinical.flexion_axis import flexion_axis
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

Points = Mapping[str, np.ndarray]


def orthonormal(first: np.ndarray, second: np.ndarray, order: str) -> np.ndarray:
    """Right-handed axes of which one is given and another lies nearest to a second vector.

    Parameters
    ----------
    first, second : ndarray, shape (..., 3)
        Along the first named axis, and in the plane of the first and second named ones.
    order : str
        The two named axes, e.g. ``"YZ"``.

    Returns
    -------
    ndarray, shape (..., 3, 3)
        Columns X, Y, Z; NaN where the vectors are parallel or NaN.
    """
    a, b = ("XYZ".index(letter) for letter in order)
    c = 3 - a - b
    sign = 1.0 if (a + 1) % 3 == b else -1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        main = first / np.linalg.norm(first, axis=-1, keepdims=True)
        normal = sign * np.cross(main, second)
        normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    columns = [np.empty(0)] * 3
    columns[a], columns[c] = main, normal
    columns[b] = sign * np.cross(normal, main)
    return np.stack(columns, axis=-1)


def pelvis_frame(points: Points) -> np.ndarray:
    """Axes (..., 3, 3) of the pelvis: Z to the right along the anterior spines, X forward from the posterior ones."""
    _need(points, ("asis_r", "asis_l"), "pelvis")
    if {"psis_r", "psis_l"} <= set(points):
        back = (points["psis_r"] + points["psis_l"]) / 2
    else:
        _need(points, ("sacrum",), "pelvis (psis_r and psis_l, or sacrum)")
        back = points["sacrum"]
    middle = (points["asis_r"] + points["asis_l"]) / 2
    return orthonormal(points["asis_r"] - points["asis_l"], middle - back, "ZX")


def thigh_frame(hip: np.ndarray, knee: np.ndarray, rightward: np.ndarray) -> np.ndarray:
    """Axes (..., 3, 3) of the thigh: Y from knee to hip centre, Z in its plane with the line of the epicondyles."""
    return orthonormal(hip - knee, rightward, "YZ")


def shank_frame(knee: np.ndarray, ankle: np.ndarray, rightward: np.ndarray) -> np.ndarray:
    """Axes (..., 3, 3) of the shank: Y from ankle to knee centre, Z in its plane with the line of the malleoli."""
    return orthonormal(knee - ankle, rightward, "YZ")


def foot_frame(heel: np.ndarray, toe: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Axes (..., 3, 3) of the foot: Y along `up` (the static trial's vertical), X from heel to toe."""
    return orthonormal(np.broadcast_to(up, np.shape(heel)), toe - heel, "YX")


def trunk_frame(points: Points) -> np.ndarray:
    """Axes (..., 3, 3) of the thorax (Wu et al. 2005, with T10 in the place of T8)."""
    _need(points, ("c7", "t10", "clavicle", "sternum"), "trunk")
    low, high = (points["sternum"] + points["t10"]) / 2, (points["clavicle"] + points["c7"]) / 2
    rightward = np.cross(points["c7"] - points["clavicle"], low - points["clavicle"])
    return orthonormal(high - low, rightward, "YZ")


def anatomical_frames(points: Points, centres: Points, rate: float) -> dict[str, SegmentMotion]:
    """Frames of every segment that the landmarks tell.

    Parameters
    ----------
    points : mapping of str to ndarray, shape (3,) or (n_frames, 3)
        Landmarks under the names of the marker sets (m, ground frame).
    centres : mapping of str to ndarray, same shape
        ``hip_r``, ``knee_r``, ``ankle_r`` and the left ones.
    rate : float
        Hz.

    Returns
    -------
    dict of str to SegmentMotion
        ``pelvis``, ``femur_*``, ``tibia_*``, ``calcn_*``, ``torso``; segments whose landmarks are missing are absent.

    Raises
    ------
    ModelMismatch
        The pelvis has no frame, or a frame's landmarks lie on a line.
    """
    axes: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    pelvis = pelvis_frame(points)
    hips = (centres["hip_r"] + centres["hip_l"]) / 2
    axes["pelvis"] = (hips, pelvis)
    for side, sign in (("r", 1.0), ("l", -1.0)):
        hip, knee, ankle = (centres.get(f"{joint}_{side}") for joint in ("hip", "knee", "ankle"))
        if knee is not None:
            axes[f"femur_{side}"] = (hip, thigh_frame(hip, knee, flexion_axis(points, side, pelvis[..., 2])))
        if knee is not None and ankle is not None:
            lateral = points.get(f"ankle_lateral_{side}")
            outward = pelvis[..., 2] if lateral is None else sign * (lateral - ankle)
            axes[f"tibia_{side}"] = (knee, shank_frame(knee, ankle, outward))
        if ankle is not None and {f"heel_{side}", f"toe_{side}"} <= set(points):
            up = np.array([0.0, 1.0, 0.0])
            axes[f"calcn_{side}"] = (ankle, foot_frame(points[f"heel_{side}"], points[f"toe_{side}"], up))
    if {"c7", "t10", "clavicle", "sternum"} <= set(points):
        axes["torso"] = (hips, trunk_frame(points))
    return {name: _motion(name, origin, matrix, rate) for name, (origin, matrix) in axes.items()}


def _motion(name: str, origin: np.ndarray, matrix: np.ndarray, rate: float) -> SegmentMotion:
    origin, matrix = np.atleast_2d(origin).astype(float), matrix.reshape(-1, 3, 3).copy()
    unknown = ~(np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(origin).all(axis=1))
    if unknown.all():
        raise ModelMismatch(
            f"anatomical frame of {name}: its landmarks are not seen or lie on a line; check the labels of the static "
            "trial."
        )
    origin = np.where(unknown[:, None], np.nan, origin)
    matrix[unknown] = np.eye(3)
    return SegmentMotion(name, origin, Rotation.from_matrix(matrix), rate)


def _need(points: Points, names: tuple[str, ...], frame: str) -> None:
    missing = [name for name in names if name not in points]
    if missing:
        raise ModelMismatch(
            f"the anatomical frame of the {frame} needs {', '.join(missing)}; there are "
            f"{', '.join(sorted(points)) or 'no landmarks'}. Check the marker set."
        )
