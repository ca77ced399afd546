"""Levelling: a segment's mean tilt from the accelerometer of somebody who neither takes off nor falls.

A record's mean acceleration in the ground frame is the change of velocity over its time, so the mean specific force
points up. With a taper w that is zero at both ends, the mean of w times acceleration is that of w'' times position
(twice by parts): for a position that is bounded, or grows evenly, it vanishes as one over the time squared. That holds
however violent the strides are, where a single frame tells nothing about gravity.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

UP = np.array([0.0, 1.0, 0.0])
_PASSES = 2


def level(orientation: Rotation, specific_force: np.ndarray, known: np.ndarray | None = None) -> Rotation:
    """Tilt a whole trial by one rotation in the ground frame until its mean specific force points up.

    Parameters
    ----------
    orientation : Rotation, length n_frames
        Segment → ground; its error is to be one slow rotation in the ground frame, as after smoothing.
    specific_force : ndarray, shape (n_frames, 3)
        m/s², in segment axes (a sensor that is not turned on its segment).
    known : ndarray of bool, shape (n_frames,), optional
        Frames with a value; others are left out of the mean.

    Returns
    -------
    Rotation, length n_frames
        Heading and course as before.
    """
    force = np.asarray(specific_force, dtype=float)
    there = np.isfinite(force).all(axis=1) if known is None else known & np.isfinite(force).all(axis=1)
    weight = np.where(there, np.hanning(len(force) + 2)[1:-1], 0.0)
    force = np.where(there[:, None], force, 0.0)
    for _ in range(_PASSES):
        mean = weight @ orientation.apply(force)
        size = np.linalg.norm(mean)
        if size == 0.0:
            return orientation
        axis = np.cross(mean / size, UP)
        sine = np.linalg.norm(axis)
        if sine > 0.0:
            orientation = Rotation.from_rotvec(axis * (np.arctan2(sine, mean[1] / size) / sine)) * orientation
    return orientation
