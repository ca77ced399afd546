"""Joint angles of two smoothed segments, their uncertainty, and the published stand-in for them.

Flexion, adduction and rotation are Grood and Suntay's, by `opensim_models.clinical.joint_angle`, in the same sequence
and signs as the reference angles. The code published with Rapp et al. (J Biomech 2021) takes the components of one
rotation vector instead (`rotation_vector_angles`): no joint angles, but about the same shape for small turns.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.clinical.joint_angle import JOINTS, cardan_angles
from training.orientation.smoother import SmoothedOrientation

_STEP = 1e-6


def joint_signs(joint: str) -> np.ndarray:
    """Signs (3,) that turn rotations about Z, X, Y of a joint such as ``"knee_r"`` into clinical angles."""
    name, _, side = joint.rpartition("_")
    if name not in JOINTS or side not in ("r", "l"):
        raise ValueError(f"joint {joint!r} is unknown; expected one of {', '.join(JOINTS)} with _r or _l.")
    flexion, adduction, rotation = (sign for _, sign in JOINTS[name][2])
    mirrored = 1.0 if side == "r" else -1.0
    return np.array([flexion, mirrored * adduction, mirrored * rotation])


def orientation_angles(proximal: Rotation, distal: Rotation, joint: str) -> np.ndarray:
    """Joint angles of two segments.

    Parameters
    ----------
    proximal, distal : Rotation, length n_frames
        Anatomical frame → ground.
    joint : str
        E.g. ``"knee_r"``, ``"hip_l"``: gives the signs.

    Returns
    -------
    ndarray, shape (n_frames, 3)
        Flexion, adduction (varus, inversion), internal rotation (rad), continuous over time.
    """
    return joint_signs(joint) * cardan_angles(proximal.inv() * distal, "ZXY")[0]


def knee_angles(thigh: Rotation, shank: Rotation) -> np.ndarray:
    """Angles (n_frames, 3; rad) of the right knee."""
    return orientation_angles(thigh, shank, "knee_r")


def rotation_vector_angles(proximal: Rotation, distal: Rotation, joint: str) -> np.ndarray:
    """Components (n_frames, 3; rad) about Z, X, Y of the rotation vector between two segments, with clinical signs.

    The published stand-in for joint angles; errs by some degrees where two turns are large at once.
    """
    return joint_signs(joint) * (proximal.inv() * distal).as_rotvec()[:, [2, 0, 1]]


def angle_deviations(proximal: SmoothedOrientation, distal: SmoothedOrientation, joint: str) -> np.ndarray:
    """Standard deviations of the joint angles of two smoothed segments whose errors are independent.

    Parameters
    ----------
    proximal, distal : SmoothedOrientation
        Of the same frames. Estimates of one network are *not* quite independent: check the coverage on people whose
        truth is known before an interval is believed.
    joint : str

    Returns
    -------
    ndarray, shape (n_frames, 3)
        rad; by the derivative of the three angles (`orientation_angles`) to first order.
    """
    relative = proximal.orientation.inv() * distal.orientation
    # an error d of the distal segment turns the joint by d, one of the proximal segment by -relative^T d
    carried = relative.inv().as_matrix()
    covariance = distal.covariance + carried @ proximal.covariance @ carried.transpose(0, 2, 1)
    angles = relative.as_euler("ZXY")
    slopes = np.empty((len(relative), 3, 3))
    for axis in range(3):
        moved = (relative * Rotation.from_rotvec(_STEP * np.eye(3)[axis])).as_euler("ZXY") - angles
        slopes[:, :, axis] = (moved + np.pi) % (2 * np.pi) - np.pi
    slopes /= _STEP
    return np.sqrt(np.einsum("nai,nij,naj->na", slopes, covariance, slopes))
