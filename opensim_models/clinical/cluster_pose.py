"""Cluster pose: where a segment is, from three or more of its markers, without any joint.

The fit itself is `opensim_models.clinical.rigid_fit`. The reference configuration is kept in the *anatomical* segment
frame (registered by the static trial or by a fitted skeleton), so that the motion of a cluster and the motion of a
model are poses of the same frame and may be compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.clinical.rigid_fit import MIN_SPREAD, fit_quaternions, second_spread
from opensim_models.motion import SegmentMotion

MAX_RESIDUAL = 0.03
"""A cluster that fits worse than this (m, RMS) in a frame has a wrong marker there: soft tissue moved single markers by
up to 12 mm in a runner's trial, an exchanged label by 200 mm."""
MIRROR_DOUBT = 0.008
"""Above this median residual (m) a cluster is compared with its mirror image."""


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


@dataclass(frozen=True)
class ClusterPose:
    """Pose of a cluster over time, and how rigid it was.

    Attributes
    ----------
    motion : SegmentMotion
        NaN origin and identity orientation where the pose is unknown.
    residual : ndarray, shape (n_frames,)
        Weighted RMS distance (m) of the seen markers from the rigid cluster; NaN where the pose is unknown.
    n_seen : ndarray of int, shape (n_frames,)
        Markers seen.
    """

    motion: SegmentMotion
    residual: np.ndarray
    n_seen: np.ndarray


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
    if second_spread(np.einsum("m,mi,mj->ij", weight / weight.sum(), centred, centred)) < MIN_SPREAD:
        raise TrialRefused(f"{where or segment}: the markers {named} lie on a line; add one beside it.")
    return MarkerCluster(segment, tuple(labels), points, weight)


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


def find_cluster_pose(trial: MarkerTrial, cluster: MarkerCluster) -> ClusterPose:
    """Fit the pose of a cluster in every frame of a trial; occluded markers (NaN) are left out frame by frame."""
    positions = np.stack([trial.marker(label) for label in cluster.labels], axis=1)
    return fit_cluster(cluster, positions, trial.rate)


def fit_cluster(cluster: MarkerCluster, positions: np.ndarray, rate: float) -> ClusterPose:
    """Fit the pose of a cluster to positions (n_frames, n_markers, 3), in m, ground frame, NaN = not seen.

    Returns
    -------
    ClusterPose
        Where fewer than three markers (or only markers on a line) are seen, the origin is NaN and the orientation is
        the identity, which means nothing.
    """
    columns = np.arange(len(cluster.labels))
    quaternion, origin, missing = fit_quaternions(cluster.reference, positions, cluster.weights, columns)
    orientation = Rotation.from_quat(quaternion)
    rigid = origin[:, None] + np.einsum("nij,mj->nmi", orientation.as_matrix(), cluster.reference)
    seen = np.isfinite(positions).all(axis=2)
    squared = np.where(seen, np.square(np.where(seen[..., None], positions - rigid, 0.0)).sum(axis=2), 0.0)
    total = seen @ cluster.weights
    with np.errstate(invalid="ignore"):
        residual = np.sqrt(squared @ cluster.weights / np.where(total > 0, total, np.nan))
    residual[missing] = np.nan
    return ClusterPose(SegmentMotion(cluster.segment, origin, orientation, rate), residual, seen.sum(axis=1))


def robust_pose(cluster: MarkerCluster, positions: np.ndarray, rate: float) -> tuple[ClusterPose, list[str]]:
    """Fit a cluster as `fit_cluster` does, leaving out markers that do not fit the others.

    A cluster that is off by more than `MAX_RESIDUAL` in most frames (labels exchanged between the trials) loses the
    markers whose distances to the others do not fit; then single frames that are off are fitted without one marker
    more. Where that is not enough, the pose is unknown.

    Returns
    -------
    ClusterPose
    list of str
        What was left out, in words.
    """
    as_given, positions, said = positions, positions.copy(), []
    pose = fit_cluster(cluster, positions, rate)
    plain = _median(pose)
    if plain > MAX_RESIDUAL:
        for index in _strangers(cluster, positions):
            positions[:, index] = np.nan
            said.append(f"{cluster.segment}: {cluster.labels[index]} left out, its distances do not fit the others")
        pose = fit_cluster(cluster, positions, rate)
    doubtful = MIRROR_DOUBT < _median(pose) < np.inf
    mirrored = _median(_mirrored(cluster, as_given, rate)) if doubtful else np.inf
    if mirrored < 0.5 * plain:
        return _unknown(pose), [
            *said,
            f"{cluster.segment}: no pose; the markers fit the mirror image of the static trial's cluster "
            f"({mirrored * 1000:.0f} mm) better than the cluster ({plain * 1000:.0f} mm): labels of the inner and "
            "outer side, or of two legs, are exchanged",
        ]
    bad = np.nan_to_num(pose.residual) > MAX_RESIDUAL
    if not bad.any():
        return pose, said
    trials = [_without(cluster, positions[bad], i, rate) for i in range(len(cluster.labels))]
    residuals = np.stack([np.where(np.isfinite(t.residual), t.residual, np.inf) for t in trials])
    best = residuals.argmin(axis=0)
    origin, residual, n_seen = pose.motion.origin.copy(), pose.residual.copy(), pose.n_seen.copy()
    matrix = pose.motion.orientation.as_matrix()
    for k, frame in enumerate(np.flatnonzero(bad)):
        chosen, fits = trials[best[k]], residuals[best[k], k] <= MAX_RESIDUAL
        origin[frame] = chosen.motion.origin[k] if fits else np.nan
        matrix[frame] = chosen.motion.orientation[k].as_matrix() if fits else np.eye(3)
        residual[frame] = residuals[best[k], k] if fits else np.nan
        n_seen[frame] = chosen.n_seen[k]
    repaired = int(np.isfinite(residual[bad]).sum())
    said.append(
        f"{cluster.segment}: {int(bad.sum())} frames do not fit within {MAX_RESIDUAL * 1000:.0f} mm, {repaired} of "
        f"them solved without one marker, no pose in {int(bad.sum()) - repaired}"
    )
    motion = SegmentMotion(cluster.segment, origin, Rotation.from_matrix(matrix), rate)
    return ClusterPose(motion, residual, n_seen), said


def _mirrored(cluster: MarkerCluster, positions: np.ndarray, rate: float) -> ClusterPose:
    return fit_cluster(replace(cluster, reference=cluster.reference * (1.0, 1.0, -1.0)), positions, rate)


def _unknown(pose: ClusterPose) -> ClusterPose:
    n_frames = len(pose.residual)
    nothing = np.full((n_frames, 3), np.nan)
    motion = replace(pose.motion, origin=nothing, orientation=Rotation.identity(n_frames))
    return ClusterPose(motion, np.full(n_frames, np.nan), pose.n_seen)


def _without(cluster: MarkerCluster, positions: np.ndarray, index: int, rate: float) -> ClusterPose:
    fewer = positions.copy()
    fewer[:, index] = np.nan
    return fit_cluster(cluster, fewer, rate)


def _strangers(cluster: MarkerCluster, positions: np.ndarray) -> list[int]:
    """Markers whose distances to most others are wrong, the worst first, until the rest agree or three are left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pairs that are never seen together have no median
        apart = np.nanmedian(np.linalg.norm(positions[:, :, None] - positions[:, None], axis=3), axis=0)
    expected = np.linalg.norm(cluster.reference[:, None] - cluster.reference[None], axis=2)
    wrong = np.nan_to_num(np.abs(apart - expected)) > MAX_RESIDUAL
    left_out: list[int] = []
    while wrong.any() and len(cluster.labels) - len(left_out) > 3:
        worst = int(wrong.sum(axis=0).argmax())
        left_out.append(worst)
        wrong[worst], wrong[:, worst] = False, False
    return left_out


def _median(pose: ClusterPose) -> float:
    """Median residual (m) of the frames with a pose, infinite if there is none."""
    known = pose.residual[np.isfinite(pose.residual)]
    return float(np.median(known)) if len(known) else np.inf
