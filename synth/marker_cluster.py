"""Marker clusters: the pose of a segment from three or more of its markers, without any joint.

The rigid-body fit of Arun 1987 / Kabsch 1976 by singular value decomposition, over all frames at once. The reference
configuration is kept in the *anatomical* segment frame (registered by the static trial or by a fitted skeleton), so
that the motion of a cluster and the motion of a model are poses of the same frame and may be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.motion import SegmentMotion

MIN_SPREAD = 0.005
"""Markers must spread at least this far (m, RMS) across a second axis; on a line a rotation stays unknown."""


@dataclass(frozen=True)
class MarkerCluster:
    """Markers fixed to one segment.

    Attributes
    ----------
    segment : str
        OpenSim body name.
    labels : tuple of str
        Marker labels, length n_markers >= 3.
    reference : ndarray, shape (n_markers, 3)
        Their positions (m) in the segment frame.
    weights : ndarray, shape (n_markers,)
        Positive weights of the fit.
    """

    segment: str
    labels: tuple[str, ...]
    reference: np.ndarray
    weights: np.ndarray


def register_cluster(
    static: MarkerTrial, pose: SegmentMotion, labels: Sequence[str], *, weights: Sequence[float] | None = None
) -> MarkerCluster:
    """Register a cluster to its segment frame by a static trial.

    Parameters
    ----------
    static : MarkerTrial
    pose : SegmentMotion
        Of the segment in the static trial, frame by frame, or one frame that holds for all of it.
    labels : sequence of str
        Markers of the segment; those that the static trial never sees are left out.
    weights : sequence of float, optional
        One a label; equal by default.

    Returns
    -------
    MarkerCluster
        Its reference is the mean over the static frames in which a marker is seen.

    Raises
    ------
    TrialRefused
        If fewer than three markers are seen, or all lie on a line.
    """
    if len(pose.origin) not in (1, static.n_frames):
        raise TrialRefused(
            f"{static.source or static.name}: the static pose of {pose.segment} has {len(pose.origin)} frames, "
            f"expected 1 or {static.n_frames}."
        )
    into_segment = pose.orientation.inv().as_matrix()
    seen, reference, kept = [], [], []
    for index, label in enumerate(labels):
        if label not in static.labels:
            continue
        local = np.einsum("nij,nj->ni", into_segment, static.marker(label) - pose.origin)
        local = local[np.isfinite(local).all(axis=1)]
        if len(local):
            seen.append(label)
            reference.append(local.mean(axis=0))
            kept.append(1.0 if weights is None else float(weights[index]))
    where = f"{static.source or static.name}: segment {pose.segment}"
    return make_cluster(pose.segment, seen, reference, weights=kept, where=where, expected=labels)


def make_cluster(
    segment: str,
    labels: Sequence[str],
    reference: Sequence[np.ndarray] | np.ndarray,
    *,
    weights: Sequence[float] | None = None,
    where: str = "",
    expected: Sequence[str] = (),
) -> MarkerCluster:
    """Make a cluster from known positions in the segment frame (a fitted skeleton's marker offsets, for instance).

    Raises
    ------
    TrialRefused
        If there are fewer than three markers, all lie on a line, or a weight is not positive.
    """
    points = np.asarray(reference, dtype=float).reshape(-1, 3)
    weight = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=float)
    named = ", ".join(labels) or "none"
    asked = f" of {', '.join(expected)}" if expected else ""
    if len(points) < 3:
        raise TrialRefused(f"{where or segment}: a cluster needs 3 markers or more, found {named}{asked}.")
    if not (weight > 0).all() or not np.isfinite(points).all():
        raise TrialRefused(f"{where or segment}: cluster weights must be positive and positions finite ({named}).")
    centred = points - np.average(points, axis=0, weights=weight)
    if _second_spread(np.einsum("m,mi,mj->ij", weight / weight.sum(), centred, centred)) < MIN_SPREAD:
        raise TrialRefused(f"{where or segment}: the markers {named} lie on a line; add one beside it.")
    return MarkerCluster(segment, tuple(labels), points, weight)


def cluster_motion(trial: MarkerTrial, cluster: MarkerCluster) -> SegmentMotion:
    """Fit the pose of a cluster in every frame of a trial.

    Parameters
    ----------
    trial : MarkerTrial
        Its occluded markers (NaN) are left out frame by frame.
    cluster : MarkerCluster

    Returns
    -------
    SegmentMotion
        Where fewer than three markers (or only markers on a line) are seen, the origin is NaN and the orientation is
        the identity, which means nothing.
    """
    positions = np.stack([trial.marker(label) for label in cluster.labels], axis=1)
    rotation, origin = fit_poses(cluster.reference, positions, cluster.weights)
    missing = np.isnan(origin).any(axis=1)
    rotation[missing] = np.eye(3)
    return SegmentMotion(cluster.segment, origin, Rotation.from_matrix(rotation), trial.rate)


def segment_motions(
    trial: MarkerTrial,
    static: MarkerTrial,
    static_poses: Mapping[str, SegmentMotion],
    markers: Mapping[str, Iterable[str]],
) -> dict[str, SegmentMotion]:
    """Motion of every segment that carries a cluster.

    Parameters
    ----------
    trial, static : MarkerTrial
        Of the same person and session.
    static_poses : mapping of str to SegmentMotion
        Pose of each segment in the static trial (of the fitted skeleton).
    markers : mapping of str to labels
        Segment → its markers (a marker set's `segments`).

    Returns
    -------
    dict of str to SegmentMotion
        Segments with fewer than three usable markers in both trials are absent.
    """
    motions = {}
    for segment, labels in markers.items():
        present = [label for label in labels if label in trial.labels and label in static.labels]
        if segment not in static_poses or len(present) < 3:
            continue
        try:
            cluster = register_cluster(static, static_poses[segment], present)
        except TrialRefused:  # never seen or on a line: this segment has no cluster, others may have
            continue
        motions[segment] = cluster_motion(trial, cluster)
    return motions


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
    unknown = _second_spread(spread) < MIN_SPREAD  # two markers are a line too
    rotation[unknown], origin[unknown] = np.nan, np.nan
    return rotation, origin


def _second_spread(covariance: np.ndarray) -> np.ndarray:
    """RMS extent (m) of points along their second principal axis."""
    return np.sqrt(np.maximum(np.linalg.eigvalsh(covariance)[..., 1], 0.0))
