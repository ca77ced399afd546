"""Joint chord: the centre of a knee or ankle beside its lateral marker, as the conventional gait model finds it.

Davis et al., Hum Mov Sci 10:575, 1991; Vicon, Plug-in Gait reference guide (function CHORD).
"""

from __future__ import annotations

import numpy as np


def chord(
    proximal: np.ndarray,
    marker: np.ndarray,
    wand: np.ndarray,
    offset: float,
    turn: float = 0.0,
    lean: float = 0.0,
) -> np.ndarray:
    """Joint centre beside its lateral marker (Vicon's function CHORD).

    The centre lies at distance `offset` from the marker, sees marker and proximal centre under a right angle (plus
    `lean`), and lies in the plane of proximal centre, marker and wand, on the side away from the wand.

    Parameters
    ----------
    proximal, marker, wand : ndarray, shape (n_frames, 3)
        Proximal joint centre, lateral marker of the joint, wand marker of the segment between (m).
    offset : float
        Half the joint's width plus the marker's radius (m).
    turn : float
        Angle (rad) of the wand's plane about the long axis, by which the wand is off the joint's own plane.
    lean : float
        Angle (rad) by which the joint's axis leans from the normal of the long axis (Vicon's ankle ab-adduction).

    Returns
    -------
    ndarray, shape (n_frames, 3)
        NaN where a point is missing, or the marker is nearer to the proximal centre than `offset`.
    """
    along = proximal - marker
    length = np.linalg.norm(along, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        along = along / length
        at_centre = np.pi / 2 + lean
        at_marker = np.pi - at_centre - np.arcsin(offset * np.sin(at_centre) / length)
        aside = wand - marker
        aside = aside - along * np.sum(aside * along, axis=1, keepdims=True)
        aside = aside / np.linalg.norm(aside, axis=1, keepdims=True)

    def centre(angle: np.ndarray) -> np.ndarray:
        turned = aside * np.cos(angle) + np.cross(along, aside) * np.sin(angle)
        return marker + offset * (along * np.cos(at_marker) - turned * np.sin(at_marker))

    angle = np.zeros_like(length)
    if turn:
        # the wand's plane contains the long axis centre-proximal, which moves with the centre: iterate to 1e-10 rad
        for _ in range(30):
            angle = angle - (plane_angle(centre(angle), proximal, marker, wand) - turn)
    return centre(angle)


def plane_angle(centre: np.ndarray, proximal: np.ndarray, marker: np.ndarray, wand: np.ndarray) -> np.ndarray:
    """Angle (n_frames, 1) about the long axis centre → proximal from the wand's plane to the marker's."""
    axis = proximal - centre
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    flat = [p - centre - axis * np.sum((p - centre) * axis, axis=1, keepdims=True) for p in (wand, marker)]
    across = np.sum(np.cross(flat[0], flat[1]) * axis, axis=1, keepdims=True)
    return np.arctan2(across, np.sum(flat[0] * flat[1], axis=1, keepdims=True))
