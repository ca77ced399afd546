"""Whether the markers of a cluster move as one rigid body, and which of them do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.motion import SegmentMotion
from synth.imu.marker_cluster import MarkerCluster, cluster_motion, make_cluster

MAX_RESIDUAL = 0.03
"""A marker further than this (m, RMS) from where the other markers of its segment predict it is no part of the
cluster: soft tissue moved single markers by up to 12 mm in a runner's trial, an exchanged label by 200 mm."""


def cluster_residual(trial: MarkerTrial, cluster: MarkerCluster, motion: SegmentMotion) -> np.ndarray:
    """Distance (n_frames, n_markers) in m of each marker from where the rigid cluster would have it."""
    positions = np.stack([trial.marker(label) for label in cluster.labels], axis=1)
    rigid = motion.origin[:, None] + np.einsum("nij,mj->nmi", motion.orientation.as_matrix(), cluster.reference)
    return np.linalg.norm(positions - rigid, axis=2)


def rigid_part(trial: MarkerTrial, cluster: MarkerCluster) -> tuple[MarkerCluster | None, tuple[str, ...]]:
    """Leave out markers that do not belong to one rigid body, such as two that exchanged their labels.

    Each marker is predicted from the pose of the others. While the worst prediction is further off than `MAX_RESIDUAL`
    (RMS over at most 200 frames of the trial), the marker whose absence makes the rest agree best is left out.

    Returns
    -------
    MarkerCluster or None
        None if no three markers off a line agree.
    tuple of str
        The labels that were left out.
    """
    sample = replace(trial, positions=trial.positions[:: 1 + trial.n_frames // 200])
    left_out: tuple[str, ...] = ()
    while _disagreement(sample, cluster) > MAX_RESIDUAL:
        smaller = _without_each(cluster)
        if not smaller:
            return None, left_out + cluster.labels
        label = min(smaller, key=lambda label: _disagreement(sample, smaller[label]))
        cluster = smaller[label]
        left_out += (label,)
    return cluster, left_out


def _without_each(cluster: MarkerCluster) -> dict[str, MarkerCluster]:
    """Map each label to the cluster of the other markers, where these still make one."""
    found = {}
    for index, label in enumerate(cluster.labels):
        others = np.arange(len(cluster.labels)) != index
        labels = tuple(np.array(cluster.labels)[others])
        try:
            found[label] = make_cluster(
                cluster.segment, labels, cluster.reference[others], weights=cluster.weights[others]
            )
        except TrialRefused:  # too few, or on a line
            continue
    return found


def _disagreement(trial: MarkerTrial, cluster: MarkerCluster) -> float:
    """RMS distance (m) of the worst marker from where the others have it; of three markers, from where all have it."""
    worst, smaller = 0.0, _without_each(cluster)
    for index, label in enumerate(cluster.labels):
        motion = cluster_motion(trial, smaller.get(label, cluster))
        residual = cluster_residual(trial, cluster, motion)[:, index]
        residual = residual[np.isfinite(residual)]
        if len(residual):
            worst = max(worst, float(np.sqrt(np.mean(residual**2))))
    return worst
