"""Stored segments: poses of six degrees of freedom in a corpus, for motion that no skeleton's coordinates tell.

Marker clusters give each segment a pose of its own, and knees of people turn about three axes where a skeleton's is a
hinge. One array of origins and one of unit quaternions (w x y z, segment → ground), NaN where a pose is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.motion import SegmentMotion
from synth.corpus.node import CorpusNode
from synth.corpus.schema import GROUND_FRAME, VALUE_DTYPE, CorpusMismatch
from synth.corpus.stored_array import store_array, store_text

_UNKNOWN = np.array([1.0, 0.0, 0.0, 0.0])


def store_segments(group: h5py.Group, segments: Sequence[SegmentMotion]) -> None:
    """Store the poses of segments of one trial; a frame with a NaN origin has no orientation either.

    Raises
    ------
    CorpusMismatch
        A segment is there twice, or its origins and orientations are not of one length.
    """
    names = [segment.segment for segment in segments]
    if len(set(names)) != len(names):
        raise CorpusMismatch(f"{group.name}: a segment occurs twice in {names}; each has one pose a frame.")
    for segment in segments:
        if len(segment.orientation) != len(segment.origin):
            raise CorpusMismatch(
                f"{group.name}: {segment.segment} has {len(segment.origin)} origins and {len(segment.orientation)} "
                "orientations; expected one of each a frame."
            )
    origins = np.stack([segment.origin for segment in segments], axis=1).astype(VALUE_DTYPE)
    turns = np.stack([segment.orientation.as_quat()[:, [3, 0, 1, 2]] for segment in segments], axis=1)
    turns = turns.astype(VALUE_DTYPE)
    missing = ~np.isfinite(origins).all(axis=2)
    origins[missing], turns[missing] = np.nan, np.nan
    store_text(group, "names", names)
    says = {"units": "1", "components": "w x y z", "direction": "segment to ground"}
    for name, values, said in (
        ("origins", origins, {"units": "m", "frame": GROUND_FRAME}),
        ("orientations", turns, says),
    ):
        store_array(group, name, values, said)
        store_array(group, f"{name}_mask", np.isfinite(values))


def stored_segments(node: CorpusNode, trial: CorpusNode) -> tuple[SegmentMotion, ...]:
    """Poses of the segments of a trial, as `CorpusTrial.segments` holds them.

    Raises
    ------
    CorpusMismatch
        What is stored is no pose.
    """
    rate, n_frames = float(trial.attribute("rate")), int(trial.attribute("n_frames"))
    names = node.texts("names")
    origins = node.array("origins", (n_frames, len(names), 3))
    turns = node.array("orientations", (n_frames, len(names), 4))
    missing = ~np.isfinite(origins).all(axis=2)
    turns = np.where(missing[..., None], _UNKNOWN, turns)
    if not np.allclose(np.linalg.norm(turns, axis=2), 1.0, atol=1e-6):  # NaN beside a known origin fails as well
        raise CorpusMismatch(f"{node.where}: expected a unit quaternion for each pose whose origin is known.")
    return tuple(
        SegmentMotion(
            name,
            np.ascontiguousarray(origins[:, i]),
            Rotation(turns[:, i][:, [1, 2, 3, 0]], normalize=False),
            rate,
        )
        for i, name in enumerate(names)
    )
