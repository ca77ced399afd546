"""Sagittal axis: the axis about which a leg sensor turns most in walking is taken for the medio-lateral one."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

_FARTHEST_AXIS = np.radians(50.0)


def main_axis_to_z(angular_velocity: np.ndarray) -> Rotation:
    """Smallest rotation that takes the main axis of rotation to Z.

    Parameters
    ----------
    angular_velocity : ndarray, shape (n, 3)
        rad/s.

    Returns
    -------
    Rotation
        The identity where the main axis is more than 50° from Z: such a sensor did not swing in the plane.
    """
    return turning_axis_to_z(angular_velocity.T @ angular_velocity)


def turning_axis_to_z(products: np.ndarray) -> Rotation:
    """Smallest rotation that takes the main axis of rotation to Z, as `main_axis_to_z`.

    Parameters
    ----------
    products : ndarray, shape (3, 3)
        Sum of ω ωᵀ over all frames so far (rad²/s²): all that a stream has to keep of them.
    """
    _, vectors = np.linalg.eigh(products)
    axis = vectors[:, -1] * np.copysign(1.0, vectors[2, -1])
    across = np.cross(axis, [0.0, 0.0, 1.0])
    sine = np.linalg.norm(across)
    angle = np.arctan2(sine, axis[2])
    if sine < 1e-9 or angle > _FARTHEST_AXIS:
        return Rotation.identity()
    return Rotation.from_rotvec(across / sine * angle)
