"""Occlusion: which samples of a file are no positions, however the file spells that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.stretch import stretches
from mocap_import.trial import Treatment

LONG_ZERO_RUN = 3
"""Frames at exactly (0, 0, 0) from which on a marker counts as occluded."""
IMPOSSIBLE_JUMP = 10.0
"""Times its usual step that a marker would have to move to a shorter run of zeros for it to count, too."""
PLACEHOLDER_RUN = 3
"""Frames for which markers must stay at one place to the last bit for it to be looked at as a placeholder."""
PLACEHOLDER_JUMP = 0.05
"""Share of the size of the whole marker cloud that a marker must jump to or from a placeholder."""


def is_occluded(samples: np.ndarray) -> np.ndarray:
    """Which samples are no positions (n_frames, n_points).

    The fourth word as a 16-bit integer is negative (65535 is a spelling of -1), or a coordinate is no number. Only
    the sign of that word is reliable.

    Parameters
    ----------
    samples : ndarray, shape (n_frames, n_points, 4)
        Coordinates and the fourth word, as numbers of any type.
    """
    x, y, z, word = (samples[:, :, k] for k in range(4))
    with np.errstate(invalid="ignore", over="ignore"):
        return (word < 0) | (word >= 32768) | ~np.isfinite(x + y + z)


def mask_occluded(samples: np.ndarray) -> np.ndarray:
    """Coordinates (n_frames, n_points, 3) of samples (n_frames, n_points, 4), NaN where they are occluded."""
    occluded = is_occluded(samples)
    with np.errstate(invalid="ignore"):
        points = samples[:, :, :3].astype(float)
    if occluded.any():
        points[occluded] = np.nan
    return points


def mask_zeros(points: np.ndarray, labels: Sequence[str]) -> tuple[np.ndarray, list[Treatment]]:
    """Points with NaN for exact zeros that cannot be positions; they and the doubtful ones are reported by marker.

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_points, 3)
        Of markers (a model output may well be zero); NaN = occluded.
    labels : sequence of str
    """
    zero = points[:, :, 0] == 0
    if zero.any():
        zero &= (points[:, :, 1] == 0) & (points[:, :, 2] == 0)
    if not zero.any():
        return points, []
    points = points.copy()
    masked, kept = [], []
    for k in np.flatnonzero(zero.any(axis=0)):
        place = np.where(zero[:, k, None], np.nan, points[:, k])
        steps = np.linalg.norm(np.diff(place, axis=0), axis=1)
        usual = np.nanpercentile(steps, 95) if np.isfinite(steps).any() else 0.0
        starts, stops = stretches(zero[:, k])
        for start, stop in zip(starts, stops, strict=True):
            beside = np.stack([place[max(start - 1, 0)], place[min(stop, len(place) - 1)]])
            distances = np.linalg.norm(beside, axis=1)
            jumps = np.isfinite(distances).any() and np.nanmin(distances) > IMPOSSIBLE_JUMP * usual
            if stop - start >= LONG_ZERO_RUN or stop - start == len(zero) or jumps:
                points[start:stop, k] = np.nan
                masked.append((labels[k], stop - start))
            else:
                kept.append(labels[k])
    found = []
    if masked:
        names, total = ", ".join(sorted({name for name, _ in masked})), sum(length for _, length in masked)
        found.append(Treatment("zeros_masked", f"{total} samples at exactly (0, 0, 0) taken as occluded: {names}"))
    if kept:
        names = ", ".join(sorted(set(kept)))
        found.append(Treatment("zeros_kept", f"isolated samples at exactly (0, 0, 0), kept; look at: {names}"))
    return points, found


def mask_placeholders(points: np.ndarray, labels: Sequence[str]) -> tuple[np.ndarray, list[Treatment]]:
    """Points with NaN where a file spells "hidden" by a place: one triple, bit for bit, at which several markers stay.

    A place is a placeholder if two markers or more stay there for `PLACEHOLDER_RUN` frames, at the same time or not,
    and get there and away only by jumps. Copies of one trajectory, and markers that stand still in coarse integer
    storage, share places, too, but do not jump; a single marker at rest is left alone (inertial suits hold a foot
    still to the bit).

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_points, 3)
        Of markers; NaN = occluded.
    labels : sequence of str
    """
    places = _shared_places(points)
    if not len(places):
        return points, []
    cloud = np.nanmax(points, axis=(0, 1)) - np.nanmin(points, axis=(0, 1))
    found, masked = [], points
    for place in places:
        held = (points == place).all(axis=2)
        columns = np.flatnonzero(held.any(axis=0))
        jumps = [_jumps(points[:, k], held[:, k], place, cloud) for k in columns]
        if len(columns) < 2 or False in jumps or True not in jumps:
            continue
        if masked is points:
            masked = points.copy()
        masked[held] = np.nan
        names = ", ".join(labels[k] for k in columns)
        spelled = ", ".join(f"{value:.6g}" for value in place)
        found.append(Treatment("placeholder_masked", f"{held.sum()} samples at ({spelled}) taken as occluded: {names}"))
    return masked, found


def _shared_places(points: np.ndarray) -> np.ndarray:
    """Places (n, 3), not zero, at which two markers or more stay for `PLACEHOLDER_RUN` frames to the last bit."""
    x = points[:, :, 0]
    still = x[1:] == x[:-1]
    stays = still[1:] & still[:-1]
    if not stays.any():
        return np.zeros((0, 3))
    frames, columns = np.nonzero(stays)
    at_origin = ~points[frames, columns].any(axis=1)  # zeros have a rule of their own, and files are full of them
    frames, columns = frames[~at_origin], columns[~at_origin]
    places = points[frames, columns]
    for k in range(1, PLACEHOLDER_RUN):
        same = (places == points[frames + k, columns]).all(axis=1)
        frames, columns, places = frames[same], columns[same], places[same]
    order = np.lexsort((columns, *places.T))
    places, columns = places[order], columns[order]
    shared = (places[1:] == places[:-1]).all(axis=1) & (columns[1:] != columns[:-1])
    return np.unique(places[1:][shared], axis=0)


def _jumps(path: np.ndarray, held: np.ndarray, place: np.ndarray, cloud: np.ndarray) -> bool | None:
    """Whether a marker (n_frames, 3) gets to a place and away only by jumps; None if it is never seen elsewhere."""
    others = np.where(held[:, None], np.nan, path)
    steps = np.linalg.norm(np.diff(others, axis=0), axis=1)
    usual = np.nanpercentile(steps, 95) if np.isfinite(steps).any() else 0.0
    seen = np.flatnonzero(np.isfinite(others[:, 0]))
    if not len(seen):
        return None
    starts, stops = stretches(held)
    first, last = np.searchsorted(seen, starts) - 1, np.searchsorted(seen, stops)
    beside = np.r_[seen[first[first >= 0]], seen[last[last < len(seen)]]]
    nearest = float(np.linalg.norm(path[beside] - place, axis=1).min())
    return bool(nearest > max(IMPOSSIBLE_JUMP * usual, PLACEHOLDER_JUMP * float(np.linalg.norm(cloud))))
