"""Occlusion: which samples of a file are no positions, however the file spells that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.trial import Treatment

LONG_ZERO_RUN = 3
"""Frames at exactly (0, 0, 0) from which on a marker counts as occluded."""
IMPOSSIBLE_JUMP = 10.0
"""Times its usual step that a marker would have to move to a shorter run of zeros for it to count, too."""


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
