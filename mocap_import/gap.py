"""Gap: a stretch in which a marker was occluded, filled where that is honest and named where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from mocap_import.trial import Treatment

SHORT_GAP = 0.1
"""Longest gap (s) that a cubic spline bridges."""
_SEEN_ENOUGH = 0.1
"""Share of frames in which a marker must have been seen before its segment may stand in for it."""
_SUPPORT = 10
"""Seen samples on each side of a gap through which the spline goes."""


@dataclass(frozen=True)
class Gap:
    """Frames start ≤ k < stop in which marker number `marker` was not seen."""

    marker: int
    start: int
    stop: int


def find_gaps(positions: np.ndarray) -> list[Gap]:
    """All gaps of positions (n_frames, n_markers, 3), those at the beginning and end included."""
    missing = ~np.isfinite(positions).all(axis=2)
    found = []
    for k in np.flatnonzero(missing.any(axis=0)):
        edges = np.flatnonzero(np.diff(np.r_[0, missing[:, k].astype(np.int8), 0]))
        found += [Gap(int(k), int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return found


def fill_gaps(
    positions: np.ndarray,
    labels: Sequence[str],
    segments: Mapping[str, Sequence[str]],
    rate: float,
    *,
    short_gap: float = SHORT_GAP,
) -> tuple[np.ndarray, np.ndarray, list[Treatment]]:
    """Fill short gaps by a cubic spline and others from the rigid segment; leave the rest NaN and say so.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m; NaN = occluded. Not changed.
    labels : sequence of str
    segments : mapping
        Body → labels that move with it.
    rate : float
        Frames per second (Hz).
    short_gap : float, default 0.1
        Longest gap (s) for the spline.

    Returns
    -------
    positions : ndarray, shape (n_frames, n_markers, 3)
    filled : ndarray of bool, shape (n_frames, n_markers)
        Samples that are estimates.
    treatments : list of Treatment
        ``gap_filled`` and ``gap_left``, with markers and lengths.

    Notes
    -----
    The rigid fill needs three other markers of the segment in the gap and a frame beside it in which they and the
    missing one were seen: least-squares rotation (Kabsch 1976, Acta Cryst A32:922) from the nearest such frames
    before and after, blended linearly in time so that the result is continuous.
    """
    result = positions.copy()
    seen_share = np.isfinite(positions[:, :, 0]).mean(axis=0)
    gaps = [gap for gap in find_gaps(positions) if seen_share[gap.marker] > 0]
    column = {label: k for k, label in enumerate(labels)}
    members = {
        column[label]: [column[other] for other in group if other in column and other != label]
        for group in segments.values()
        for label in group
        if label in column
    }
    counts: dict[str, list[str]] = {"cubic": [], "rigid": [], "left": []}
    for gap in gaps:
        length = gap.stop - gap.start
        if length <= short_gap * rate and _fill_cubic(result, positions, gap):
            how = "cubic"
        elif seen_share[gap.marker] >= _SEEN_ENOUGH and _fill_rigid(
            result, positions, gap, members.get(gap.marker, [])
        ):
            how = "rigid"
        else:
            how = "left"
        remaining = int(np.isnan(result[gap.start : gap.stop, gap.marker, 0]).sum())
        counts[how].append(f"{labels[gap.marker]} {length / rate:.2f} s")
        if how == "rigid" and remaining:
            counts["left"].append(f"{labels[gap.marker]} {remaining / rate:.2f} s")
    filled = np.isfinite(result).all(axis=2) & ~np.isfinite(positions).all(axis=2)
    treatments = []
    if filled.any():
        parts = [
            f"{len(counts[how])} by {name}" for how, name in (("cubic", "cubic spline"), ("rigid", "rigid segment"))
        ]
        detail = f"{int(filled.sum())} samples filled: {', '.join(parts)}: {_listed(counts['cubic'] + counts['rigid'])}"
        treatments.append(Treatment("gap_filled", detail))
    if counts["left"]:
        treatments.append(Treatment("gap_left", f"too long to fill, left empty: {_listed(counts['left'])}"))
    return result, filled, treatments


def _listed(entries: Sequence[str], most: int = 12) -> str:
    """A sentence-sized list."""
    more = f" and {len(entries) - most} more" if len(entries) > most else ""
    return "; ".join(entries[:most]) + more


def _fill_cubic(result: np.ndarray, positions: np.ndarray, gap: Gap) -> bool:
    """Bridge one gap in place if samples lie on both sides; no extrapolation."""
    first, last = max(gap.start - _SUPPORT, 0), min(gap.stop + _SUPPORT, len(positions))
    frames = np.arange(first, last)
    stretch = positions[first:last, gap.marker]
    seen = np.isfinite(stretch).all(axis=1)
    before, after = seen & (frames < gap.start), seen & (frames >= gap.stop)
    if before.sum() < 2 or after.sum() < 2:
        return False
    spline = CubicSpline(frames[seen], stretch[seen])
    result[gap.start : gap.stop, gap.marker] = spline(np.arange(gap.start, gap.stop))
    return True


def _fill_rigid(result: np.ndarray, positions: np.ndarray, gap: Gap, others: Sequence[int]) -> bool:
    """Place the missing marker from its segment in place, where three others are seen; True if any frame was filled."""
    if len(others) < 3:
        return False
    seen = np.isfinite(positions).all(axis=2)
    inside = np.arange(gap.start, gap.stop)
    # The three or more companions that are seen longest in this gap.
    share = seen[inside][:, others].mean(axis=0)
    company = [other for other, part in zip(others, share, strict=True) if part >= max(0.5, np.sort(share)[-3])]
    if len(company) < 3:
        return False
    usable = inside[seen[inside][:, company].all(axis=1)]
    complete = np.flatnonzero(seen[:, company].all(axis=1) & seen[:, gap.marker])
    before, after = complete[complete < gap.start], complete[complete >= gap.stop]
    templates = ([before[-1]] if len(before) else []) + ([after[0]] if len(after) else [])
    if not len(usable) or not templates:
        return False
    cluster = positions[usable][:, company]
    guesses = [_carried(cluster, positions[k][company], positions[k][gap.marker]) for k in templates]
    if len(guesses) == 2:
        weight = ((usable - templates[0]) / (templates[1] - templates[0]))[:, None]
        result[usable, gap.marker] = (1 - weight) * guesses[0] + weight * guesses[1]
    else:
        result[usable, gap.marker] = guesses[0]
    return True


def _carried(cluster: np.ndarray, template: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Where `point` (3,), fixed to `template` (m, 3), lies when the cluster is at `cluster` (n, m, 3)."""
    centre = cluster.mean(axis=1, keepdims=True)
    middle = template.mean(axis=0)
    covariance = np.einsum("mi,nmj->nij", template - middle, cluster - centre)
    u, _, vt = np.linalg.svd(covariance)
    reflection = np.linalg.det(u @ vt)
    u[:, :, 2] *= reflection[:, None]
    rotation = np.einsum("nij,njk->nki", u, vt)
    return centre[:, 0] + rotation @ (point - middle)
