"""Rigid fit: the poses that carry a rigid body onto its markers, by weighted least squares.

Söderkvist and Wedin (J Biomech 26:1473, 1993) and Arun (IEEE PAMI 9:698, 1987) by singular value decomposition over all
frames at once (`fit_poses_by_svd`): the readable version. `fit_poses` and `fit_quaternions` do the same by
`opensim_models.kernel.cluster_fit`, compiled and more than ten times as fast.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.kernel.cluster_fit import DOUBTFUL, UNKNOWN, fit_cluster_frames

MIN_SPREAD = 0.005
"""Markers must spread at least this far (m, RMS) across a second axis; on a line a rotation stays unknown."""


def fit_poses(reference: np.ndarray, positions: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares rigid poses with positions[k] = origin[k] + rotation[k] reference.

    Parameters
    ----------
    reference : ndarray, shape (n_markers, 3)
        In the body frame (m).
    positions : ndarray, shape (n_frames, n_markers, 3)
        In ground (m); NaN = not seen.
    weights : ndarray, shape (n_markers,)

    Returns
    -------
    rotation : ndarray, shape (n_frames, 3, 3)
        Body → ground; NaN where unknown.
    origin : ndarray, shape (n_frames, 3)
    """
    quaternion, origin, unknown = fit_quaternions(reference, positions, weights, np.arange(len(reference)))
    rotation = Rotation.from_quat(quaternion).as_matrix()
    rotation[unknown] = np.nan
    return rotation, origin


def fit_quaternions(
    reference: np.ndarray, positions: np.ndarray, weights: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit poses as `fit_poses` does, to some of the markers of a trial.

    Parameters
    ----------
    reference, weights
        See `fit_poses`.
    positions : ndarray, shape (n_frames, n_all, 3)
        In ground (m); NaN = not seen.
    columns : ndarray of int, shape (n_markers,)
        The markers of the cluster on the second axis of `positions`.

    Returns
    -------
    quaternion : ndarray, shape (n_frames, 4)
        x y z w, body → ground, of either sign; the identity where unknown.
    origin : ndarray, shape (n_frames, 3)
        NaN where unknown.
    unknown : ndarray of bool, shape (n_frames,)
    """
    quaternion, origin, state = fit_cluster_frames(reference, weights, positions, columns, MIN_SPREAD)
    unknown = state == UNKNOWN
    doubtful = np.flatnonzero(state == DOUBTFUL)
    if len(doubtful):
        rotation, origin[doubtful] = fit_poses_by_svd(reference, positions[doubtful][:, columns], weights)
        lost = np.isnan(origin[doubtful, 0])  # the spread is the least one but for rounding
        quaternion[doubtful] = Rotation.from_matrix(np.where(lost[:, None, None], np.eye(3), rotation)).as_quat()
        unknown[doubtful] = lost
    quaternion[unknown] = 0.0, 0.0, 0.0, 1.0
    return quaternion, origin, unknown


def fit_poses_by_svd(
    reference: np.ndarray, positions: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit poses as `fit_poses` does, by singular value decomposition: the readable version, and for doubtful frames."""
    seen = np.isfinite(positions).all(axis=2)
    share = seen * weights
    total = share.sum(axis=1, keepdims=True)
    share = share / np.where(total > 0, total, 1.0)
    body_centre = share @ reference
    ground_centre = np.einsum("nm,nmi->ni", share, np.where(seen[..., None], positions, 0.0))
    body = reference[None] - body_centre[:, None]
    ground = np.where(seen[..., None], positions - ground_centre[:, None], 0.0)
    spread = np.einsum("nm,nmi,nmj->nij", share, body, body)
    covariance = np.einsum("nm,nmi,nmj->nij", share, ground, body)
    left, _, right = np.linalg.svd(covariance)
    left[..., -1] *= np.linalg.det(left @ right)[:, None]  # a reflection is no pose
    rotation = left @ right
    origin = ground_centre - np.einsum("nij,nj->ni", rotation, body_centre)
    unknown = second_spread(spread) < MIN_SPREAD  # two markers are a line too
    rotation[unknown], origin[unknown] = np.nan, np.nan
    return rotation, origin


def second_spread(covariance: np.ndarray) -> np.ndarray:
    """RMS extent (m) of points along their second principal axis."""
    return np.sqrt(np.maximum(np.linalg.eigvalsh(covariance)[..., 1], 0.0))
