"""Heading: the part of an orientation that inertial sensors cannot see.

Gravity shows an IMU which way is up, nothing shows it which way is north. An orientation to be learnt is therefore told
relative to the trial: both segments are turned about the vertical by the same angle, such that the forward axis of the
*proximal* one points forward on average. Tilts and the rotation between the segments are untouched.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

UP = np.array([0.0, 1.0, 0.0])


def mean_heading(orientation: Rotation, known: np.ndarray | None = None) -> float:
    """Mean direction (rad, about the vertical Y, from X towards -Z) of a segment's forward axis over a trial.

    Parameters
    ----------
    orientation : Rotation, length n_frames
        Segment → ground.
    known : ndarray of bool, shape (n_frames,), optional
        Frames to count; all by default.

    Returns
    -------
    float
        0 if the axis is vertical on average, or no frame counts.
    """
    if known is not None and not known.any():
        return 0.0
    forward = orientation.as_matrix()[:, :, 0]
    x, _, z = (forward if known is None else forward[known]).mean(axis=0)
    return float(np.arctan2(-z, x)) if np.hypot(x, z) > 0 else 0.0


def without_heading(proximal: Rotation, distal: Rotation, known: np.ndarray | None = None) -> tuple[Rotation, Rotation]:
    """Turn two segments about the vertical until the proximal one looks forward on average.

    Parameters
    ----------
    proximal, distal : Rotation, length n_frames
        Segment → ground.
    known : ndarray of bool, shape (n_frames,), optional
        Frames that decide the mean heading.

    Returns
    -------
    (Rotation, Rotation)
        Segment → ground of the trial's own heading.
    """
    turn = Rotation.from_rotvec(-mean_heading(proximal, known) * UP)
    return turn * proximal, turn * distal
