"""Marker clusters: the motion of every segment that carries three or more markers, without any joint.

The fit itself is `opensim_models.clinical.rigid_fit`; `synth.imu.cluster_imu` does fit and sensors in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.clinical.cluster_pose import (
    MarkerCluster,
    find_cluster_pose,
    make_cluster,
    register_cluster,
)
from opensim_models.clinical.rigid_fit import MIN_SPREAD, fit_poses
from opensim_models.motion import SegmentMotion

__all__ = [
    "MIN_SPREAD",
    "MarkerCluster",
    "cluster_motion",
    "fit_poses",
    "make_cluster",
    "register_cluster",
    "segment_motions",
]


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
    return find_cluster_pose(trial, cluster).motion


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
