"""Stick figure: a moving skeleton as joints and the sticks between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import SegmentMotion
from training.report.viewer.scene import StickFigure

_SHORTEST = 0.015
"""m; a shorter stick is a point."""
_FEET = ("calcn", "toes")


def stick_figure(skeleton: Skeleton, motions: Mapping[str, SegmentMotion]) -> StickFigure:
    """Join the origin of each segment to that of its parent, and give the last ones an end.

    Parameters
    ----------
    skeleton : Skeleton
    motions : mapping of str to SegmentMotion
        Of its segments, as of `segment_motions`.

    Returns
    -------
    StickFigure
        A segment without children ends, for the eye only, at twice its centre of mass; a foot at its foremost marker.
    """
    names = list(skeleton.segment_names)
    positions = [motions[name].origin for name in names]
    sticks = [
        (s.parent, i)
        for i, s in enumerate(skeleton.segments)
        if s.parent >= 0 and np.nanmax(_distances(positions[s.parent], positions[i]), initial=0.0) > _SHORTEST
    ]
    carriers = {segment.parent for segment in skeleton.segments}
    for i, segment in enumerate(skeleton.segments):
        end = free_end(skeleton, segment.name)
        if i not in carriers and np.linalg.norm(end) > _SHORTEST:
            motion = motions[segment.name]
            names.append(f"{segment.name} end")
            positions.append(motion.origin + motion.orientation.apply(end))
            sticks.append((i, len(names) - 1))
    sides = tuple(side_of(names[end]) for _, end in sticks)
    return StickFigure(tuple(names), np.stack(positions, axis=1), tuple(sticks), sides)


def free_end(skeleton: Skeleton, name: str) -> np.ndarray:
    """Where a last segment ends in its own frame (m)."""
    segment = skeleton.segments[skeleton.segment_index(name)]
    offsets = [marker.offset for marker in skeleton.markers if marker.segment == name]
    if name.startswith(_FEET) and offsets:
        return np.array(max(offsets, key=lambda offset: offset[0]), float)
    return 2.0 * np.array(segment.centre_of_mass, float)


def side_of(name: str) -> str:
    """``"right"``, ``"left"`` or ``""`` by the ending of a segment's, coordinate's or sensor's name."""
    stem = name.removesuffix(" end").lower()
    if stem.endswith(("_r", "right")):
        return "right"
    return "left" if stem.endswith(("_l", "left")) else ""


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    distances = np.linalg.norm(a - b, axis=1)
    return distances[np.isfinite(distances)]
