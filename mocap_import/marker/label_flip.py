"""Label flip: two trajectories that exchange their labels between two frames, as happens while a trial is labelled.

A flip makes both markers jump at one frame by the vector between them, in opposite directions, and exchanging them
makes both continue as before. A second difference sees such jumps whatever the speed of the marker; two markers of one
segment that are shaken by an impact jump in the same direction and are left alone.

Thresholds were chosen on recordings of `c3d_odd` and on McGill's HC002D; the other recordings, which the figures score,
were not used for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.marker.marker_set import MarkerSet

JUMP = 0.012
"""Smallest jump (m) against the extrapolated path that counts; markers nearer to each other cannot be told to flip."""
_CONTINUES = 0.3
"""After exchanging, what remains of each jump must be below this share of it."""
_DECIDED = 2 / 3
"""Share of the trial that must carry one of two labellings before the other is called the exchanged one."""
_NEARER = 0.6
"""One labelling is right if it brings markers this much nearer to their segments, or steadier, than the other."""
STRAY = 0.06
"""Change of a distance within a segment (m) that no skin allows."""
_SAMPLE = 80
_PIECE = 20_000
"""Numbers treated at a time."""
_WORTH_LOOKING = 400
"""Frames with two or more jumps that are looked at; shaken or unlabelled data have more and hold nothing to repair."""


@dataclass(frozen=True)
class LabelFlip:
    """Two markers that exchange labels.

    Attributes
    ----------
    first, second : int
        Columns of the markers.
    spans : tuple of (int, int)
        Frames [start, stop) in which the labels are exchanged; empty if it is unknown which part is right.
    frames : tuple of int
        First frames after each exchange.
    """

    first: int
    second: int
    spans: tuple[tuple[int, int], ...]
    frames: tuple[int, ...]


def find_label_flips(
    positions: np.ndarray, meaning: MarkerSet | None = None, labels: Sequence[str] = ()
) -> list[LabelFlip]:
    """Find pairs of markers that exchange labels and where.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, NaN = occluded.
    meaning : MarkerSet, optional
        Its segments tell which labelling is right: a marker keeps its distance to the others of its segment.
    labels : sequence of str
        Labels of the markers; needed with `meaning`.

    Returns
    -------
    list of LabelFlip
    """
    if len(positions) < 4 or positions.shape[1] < 2:
        return []
    frames, jumps = _jumping(positions)
    if not len(frames) or len(frames) > _WORTH_LOOKING:
        return []
    exchanges = _exchanges(positions, frames, jumps)
    pairs: dict[tuple[int, int], list[int]] = {}
    for frame, first, second in exchanges:
        pairs.setdefault((first, second), []).append(frame)
    involved = [marker for pair in pairs for marker in pair]
    mates = _segment_mates(meaning, labels)
    flips = []
    for (first, second), starts in pairs.items():
        alone = involved.count(first) == 1 and involved.count(second) == 1
        spans = _exchanged_spans(positions, first, second, starts, mates) if alone else ()
        flips.append(LabelFlip(first, second, spans, tuple(starts)))
    return flips


def exchange_back(positions: np.ndarray, flips: Sequence[LabelFlip]) -> np.ndarray:
    """A copy of positions with the decided flips undone; the same array if there is none."""
    decided = [flip for flip in flips if flip.spans]
    if not decided:
        return positions
    repaired = positions.copy()
    for flip in decided:
        for start, stop in flip.spans:
            repaired[start:stop, [flip.first, flip.second]] = positions[start:stop, [flip.second, flip.first]]
    return repaired


def _jumping(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames (k,) at which two or more markers jump, and which markers do (k, n_markers)."""
    n_frames = len(positions)
    flat = positions.reshape(n_frames, -1)
    found = []
    # Pieces that stay in the processor's cache; a jump of that size has a component of at least 1/sqrt(3) of it.
    piece = max(8, _PIECE // flat.shape[1])
    for start in range(0, n_frames - 2, piece):
        rows = flat[start : start + piece + 2]
        step = rows[1:] - rows[:-1]
        bend = np.subtract(step[1:], step[:-1])
        np.abs(bend, out=bend)
        found.append(start + 2 + np.flatnonzero((bend > JUMP / np.sqrt(3)).any(axis=1)))
    frames = np.concatenate(found)
    bend = positions[frames] - 2 * positions[frames - 1] + positions[frames - 2]
    jumps = np.einsum("fmk,fmk->fm", bend, bend) > JUMP**2
    several = np.count_nonzero(jumps, axis=1) >= 2
    return frames[several], jumps[several]


def _exchanges(positions: np.ndarray, frames: np.ndarray, jumps: np.ndarray) -> list[tuple[int, int, int]]:
    """Exchanges (frame, first, second) in order of time, each judged on paths that earlier exchanges have mended."""
    order = np.arange(positions.shape[1])
    """Column that each marker's path is in now."""
    found = []
    recent: dict[int, tuple[np.ndarray, int]] = {}
    for frame, row in zip(frames.tolist(), jumps, strict=True):
        columns = np.flatnonzero(row)
        # A marker exchanged one or two frames ago is extrapolated along its mended path.
        past = np.stack([_column_order(order, recent, frame - back) for back in (1, 2)])
        paths = np.flatnonzero(np.isin(order, columns) | np.isin(past[0], columns))
        before, earlier = positions[frame - 1, past[0][paths]], positions[frame - 2, past[1][paths]]
        here = positions[frame, order[paths]]
        error = np.linalg.norm((2 * before - earlier)[:, None] - here[None], axis=2)
        own = np.diagonal(error)
        best = np.argmin(np.where(np.isfinite(error), error, np.inf), axis=1)
        for i, j in enumerate(best.tolist()):
            if j <= i or best[j] != i or not (own[i] > JUMP and own[j] > JUMP):
                continue
            if error[i, j] < _CONTINUES * own[i] and error[j, i] < _CONTINUES * own[j]:
                recent[frame] = (order.copy(), frame)
                order = order.copy()
                order[[paths[i], paths[j]]] = order[[paths[j], paths[i]]]
                found.append((frame, int(paths[i]), int(paths[j])))
    return found


def _column_order(now: np.ndarray, recent: dict[int, tuple[np.ndarray, int]], frame: int) -> np.ndarray:
    """Columns of the paths at an earlier frame: those before the first exchange after it."""
    later = [when for when in recent if when > frame]
    return recent[min(later)][0] if later else now


def _segment_mates(meaning: MarkerSet | None, labels: Sequence[str]) -> dict[int, list[int]]:
    """Columns of the other markers of each marker's segment."""
    if meaning is None:
        return {}
    column = {label: k for k, label in enumerate(labels)}
    groups = [[column[mark] for mark in marks if mark in column] for marks in meaning.segments.values()]
    return {marker: [other for other in group if other != marker] for group in groups for marker in group}


def _exchanged_spans(
    positions: np.ndarray, first: int, second: int, starts: Sequence[int], mates: dict[int, list[int]]
) -> tuple[tuple[int, int], ...]:
    """Spans in which the labels are the exchanged ones; empty if nothing tells which part is right."""
    edges = [0, *starts, len(positions)]
    spans = list(itertools.pairwise(edges))
    even, odd = spans[0::2], spans[1::2]
    own = [k for k in mates.get(first, []) if k != second], [k for k in mates.get(second, []) if k != first]
    if own[0] and own[1] and second not in mates.get(first, []):
        # Two segments: a marker is near the others of its own, and keeps its distance to them.
        straight = [_distances(positions, part, (first, second), own) for part in (even, odd)]
        crossed = [_distances(positions, part, (second, first), own) for part in (even, odd)]
        for kind in (0, 1):
            right_even = straight[0][kind] + crossed[1][kind]
            right_odd = straight[1][kind] + crossed[0][kind]
            if min(right_even, right_odd) < _NEARER * max(right_even, right_odd):
                return tuple(odd) if right_even < right_odd else tuple(even)
    share = sum(stop - start for start, stop in even) / len(positions)
    if share >= _DECIDED:
        return tuple(odd)
    return tuple(even) if share <= 1 - _DECIDED else ()


def _distances(
    positions: np.ndarray, spans: Sequence[tuple[int, int]], markers: Sequence[int], mates: Sequence[Sequence[int]]
) -> tuple[float, float]:
    """Mean and standard deviation over time (m) of the distances of two markers to the others of two segments."""
    frames = np.concatenate([np.arange(start, stop) for start, stop in spans])
    frames = frames[:: max(1, len(frames) // 200)]
    mean = spread = 0.0
    for marker, others in zip(markers, mates, strict=True):
        distance = np.linalg.norm(positions[frames][:, others] - positions[frames][:, [marker]], axis=2)
        distance = distance[:, np.isfinite(distance).sum(axis=0) > 2]
        if not distance.size:
            return np.inf, np.inf
        mean += float(np.nanmean(distance))
        spread += float(np.mean(np.nanstd(distance, axis=0)))
    return mean, spread


def find_strays(positions: np.ndarray, meaning: MarkerSet, labels: Sequence[str]) -> list[tuple[int, int, float]]:
    """Markers that part from their segment for a while: a ghost, or a label that passed to another marker in a gap.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, NaN = occluded.
    meaning : MarkerSet
    labels : sequence of str

    Returns
    -------
    list of (int, int, float)
        Column, first frame seen astray (of a sample over the trial) and how far (m) its distances to at least half of
        the other markers of its segment then differ from their median.
    """
    column = {label: k for k, label in enumerate(labels)}
    frames = np.unique(np.linspace(0, len(positions) - 1, min(_SAMPLE, len(positions))).astype(int))
    found = []
    for body, marks in meaning.segments.items():
        group = [column[mark] for mark in marks if mark in column]
        # The trunk bends and the pelvis of two markers tells nothing.
        if body == "torso" or len(group) < 3:
            continue
        place = positions[frames[:, None], group]
        group = [
            marker for marker, seen in zip(group, np.isfinite(place[:, :, 0]).sum(axis=0), strict=True) if seen > 5
        ]
        place = positions[frames[:, None], group]
        apart = np.linalg.norm(place[:, :, None] - place[:, None], axis=3)
        usual = (np.median if np.isfinite(apart).all() else np.nanmedian)(apart, axis=0)
        change = np.abs(apart - usual)
        if not (change > STRAY).any():
            continue
        for k, marker in enumerate(group):
            others = np.delete(change[:, k], k, axis=1)
            known = np.isfinite(others).sum(axis=1)
            astray = (np.count_nonzero(others > STRAY, axis=1) > 0.5 * known) & (known >= 2)
            if np.count_nonzero(astray) >= max(2, 0.02 * np.count_nonzero(known >= 2)):
                found.append((marker, int(frames[astray][0]), float(np.nanmax(np.nanmedian(others[astray], axis=1)))))
    return found
