"""Moved segments: what moves every segment that carries a sensor, its own marker cluster or the fitted skeleton.

Both are poses of the same segment frames, because the clusters are the skeleton's own markers where the static trial
attached them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.inverse.segment_motion import segment_motions as model_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu.cluster_rigidity import rigid_part
from synth.imu.marker_cluster import MarkerCluster, cluster_motion, make_cluster
from synth.imu.recording import SensorPlacement


@dataclass(frozen=True)
class MovedSegments:
    """Motion of the segments of a trial.

    Attributes
    ----------
    clusters : dict of str to MarkerCluster
        Segments that are moved by their cluster.
    fitted : dict of str to SegmentMotion
        What the skeleton says, of every segment; empty where it was not asked.
    motions : dict of str to SegmentMotion
        Of every segment with a sensor, by its cluster if it has one.
    left_out : tuple of str
        Markers that are not rigid with the others of their segment.
    """

    clusters: dict[str, MarkerCluster]
    fitted: dict[str, SegmentMotion]
    motions: dict[str, SegmentMotion]
    left_out: tuple[str, ...]

    def by_model(self, placements: Sequence[SensorPlacement]) -> list[str]:
        """Sensors whose segment the skeleton moves."""
        return [placement.sensor for placement in placements if placement.segment not in self.clusters]


def moved_segments(
    trial: MarkerTrial,
    skeleton: Skeleton,
    kinematics: Kinematics | None,
    placements: Sequence[SensorPlacement],
    source: str,
) -> MovedSegments:
    """Move the segments that carry sensors.

    Parameters
    ----------
    trial : MarkerTrial
    skeleton : Skeleton
    kinematics : Kinematics or None
        Of that skeleton; None leaves marker clusters alone.
    placements : sequence of SensorPlacement
    source : {"cluster", "model", "both"}

    Raises
    ------
    TrialRefused
        A segment has no motion.
    """
    worn = {placement.segment for placement in placements}
    clusters, left_out = trial_clusters(trial, skeleton, worn) if source != "model" else ({}, [])
    posed = {segment: cluster_motion(trial, cluster) for segment, cluster in clusters.items()}
    posed = {segment: motion for segment, motion in posed.items() if np.isfinite(motion.origin).any()}
    fitted = model_motions(skeleton, kinematics) if source != "cluster" else {}
    motions = _motions(placements, posed, fitted, trial.source or trial.name, kinematics is not None)
    return MovedSegments({s: clusters[s] for s in posed}, dict(fitted), motions, tuple(left_out))


def _motions(
    placements: Sequence[SensorPlacement],
    posed: Mapping[str, SegmentMotion],
    fitted: Mapping[str, SegmentMotion],
    where: str,
    solved: bool,
) -> dict[str, SegmentMotion]:
    """Motion of every segment that carries a sensor: of its cluster, or of the skeleton."""
    motions = {}
    for placement in placements:
        motion = posed.get(placement.segment, fitted.get(placement.segment))
        if motion is None:
            have = ", ".join(sorted({*posed, *fitted})) or "none"
            raise TrialRefused(
                f"{where}: no motion of {placement.segment} for sensor {placement.sensor} (segments with motion: "
                f"{have}). A cluster needs 3 markers on a segment; "
                + ("use source 'model' or 'both'." if solved else "there are no coordinates (.mot) of this trial.")
            )
        motions[placement.segment] = motion
    return motions


def trial_clusters(
    trial: MarkerTrial, skeleton: Skeleton, segments: Iterable[str]
) -> tuple[dict[str, MarkerCluster], list[str]]:
    """Clusters of those segments that carry three rigid markers of the trial or more, and the labels left out."""
    clusters, left_out = {}, []
    for segment in (name for name in skeleton.segment_names if name in set(segments)):
        markers = [m for m in skeleton.markers if m.segment == segment and m.name in trial.labels]
        if len(markers) < 3:
            continue
        try:
            cluster = make_cluster(segment, [m.name for m in markers], [np.array(m.offset) for m in markers])
        except TrialRefused:  # on a line: this segment carries no cluster
            continue
        rigid, without = rigid_part(trial, cluster)
        left_out += without
        if rigid is not None:
            clusters[segment] = rigid
    return clusters, left_out
