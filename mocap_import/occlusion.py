"""Occlusion: which samples of a file are no positions, however the file spells that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.trial import Treatment

LONG_ZERO_RUN = 3
"""Frames at exactly (0, 0, 0) from which on a marker counts as occluded."""
IMPOSSIBLE_JUMP = 10.0
"""Times its usual step that a marker would have to move to a shorter run of zeros for it to count, too."""


def mask_occluded(points: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Points with NaN for a negative residual, for its spelling 65535, and for any coordinate that is no number.

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_points, 3)
    residuals : ndarray, shape (n_frames, n_points)
        Fourth word of each sample; only its sign is reliable.
    """
    with np.errstate(invalid="ignore"):
        occluded = (residuals < 0) | (residuals >= 65535) | ~np.isfinite(points).all(axis=2)
    return np.where(occluded[:, :, None], np.nan, points)


def mask_zeros(points: np.ndarray, labels: Sequence[str], wanted: np.ndarray) -> tuple[np.ndarray, list[Treatment]]:
    """Points with NaN for exact zeros that cannot be positions; they and the doubtful ones are reported by marker.

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_points, 3)
        NaN = occluded.
    labels : sequence of str
    wanted : ndarray of bool, shape (n_points,)
        Which points are markers; a model output may well be zero.
    """
    points = points.copy()
    zero = (points == 0).all(axis=2) & wanted
    masked, kept = [], []
    for k in np.flatnonzero(zero.any(axis=0)):
        place = np.where(zero[:, k, None], np.nan, points[:, k])
        steps = np.linalg.norm(np.diff(place, axis=0), axis=1)
        usual = np.nanpercentile(steps, 95) if np.isfinite(steps).any() else 0.0
        edges = np.flatnonzero(np.diff(np.r_[0, zero[:, k].astype(np.int8), 0]))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
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
