"""Segment motion from coordinates: forward kinematics over a trial."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from opensim_models.motion import Kinematics, SegmentMotion


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
        origin = over_frames(state.origin, len(q))
        matrix = np.stack([over_frames(row, len(q)) for row in state.rotation], axis=1)
        missing = ~(np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(origin).all(axis=1))
        matrix[missing] = np.eye(3)
        origin[missing] = np.nan
        motions[segment.name] = SegmentMotion(segment.name, origin, Rotation.from_matrix(matrix), kinematics.rate)
    return motions


def marker_positions(skeleton: Skeleton, kinematics: Kinematics) -> np.ndarray:
    """Positions (n_frames, n_markers, 3) of the skeleton's markers (m), ground frame."""
    q = coordinate_columns(skeleton, kinematics)
    states = segment_states(skeleton, list(q.T))
    carriers = [(states[skeleton.segment_index(m.segment)], m.offset) for m in skeleton.markers]
    markers = [over_frames(point_position(state, offset), len(q)) for state, offset in carriers]
    return np.stack(markers, axis=1) if markers else np.empty((len(q), 0, 3))
