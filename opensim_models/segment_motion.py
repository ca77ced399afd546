"""Segment motion from coordinates: forward kinematics over a trial."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.motion import Kinematics, SegmentMotion
from opensim_models.multibody import point_position, segment_states
from opensim_models.skeleton import Skeleton


def coordinate_columns(skeleton: Skeleton, kinematics: Kinematics) -> np.ndarray:
    """Coordinates (n_frames, n_q) in the skeleton's order; those that the kinematics lack stay at their default."""
    n_frames = len(kinematics.values)
    columns = np.tile([c.default for c in skeleton.coordinates], (n_frames, 1)).astype(float)
    for j, name in enumerate(skeleton.coordinate_names):
        if name in kinematics.coordinates:
            columns[:, j] = kinematics.of(name)
    return columns


def segment_motions(skeleton: Skeleton, kinematics: Kinematics) -> dict[str, SegmentMotion]:
    """Pose of every segment at every frame.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
        Frames where a coordinate on the way to a segment is NaN give a NaN origin and the identity as orientation.

    Returns
    -------
    dict of str to SegmentMotion
    """
    q = coordinate_columns(skeleton, kinematics)
    states = segment_states(skeleton, list(q.T))
    motions = {}
    for segment, state in zip(skeleton.segments, states, strict=True):
        origin = np.stack([np.broadcast_to(x, len(q)) for x in state.origin], axis=1).astype(float)
        rows = [np.stack([np.broadcast_to(x, len(q)) for x in row], axis=1) for row in state.rotation]
        matrix = np.stack(rows, axis=1).astype(float)
        missing = ~(np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(origin).all(axis=1))
        matrix[missing] = np.eye(3)
        origin[missing] = np.nan
        motions[segment.name] = SegmentMotion(segment.name, origin, Rotation.from_matrix(matrix), kinematics.rate)
    return motions


def marker_positions(skeleton: Skeleton, kinematics: Kinematics) -> np.ndarray:
    """Positions (n_frames, n_markers, 3) of the skeleton's markers (m), ground frame."""
    q = coordinate_columns(skeleton, kinematics)
    states = segment_states(skeleton, list(q.T))
    markers = [
        np.stack(
            [
                np.broadcast_to(x, len(q))
                for x in point_position(states[skeleton.segment_index(marker.segment)], marker.offset)
            ],
            axis=1,
        )
        for marker in skeleton.markers
    ]
    return np.stack(markers, axis=1) if markers else np.empty((len(q), 0, 3))
