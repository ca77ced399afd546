"""Gap: a stretch in which a marker was occluded, filled where that is honest and named where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.gap.candidate import FillPolicy
from mocap_import.gap.gap_class import Gap, GapClass, classify_gaps, find_gaps, gaps_of, segment_mates
from mocap_import.gap.marker import Fill, fill_marker
from mocap_import.trial import Treatment

__all__ = ["FILL_METHODS", "LONGEST_GAP", "Filling", "Gap", "GapClass", "fill_gaps", "find_gaps"]

FILL_METHODS = ("", "spline", "rigid", "low_rank", "kalman")
"""Names of the numbers in `Filling.method`; the first stands for samples that were not filled."""
LONGEST_GAP = {"spline": 0.5, "rigid": 5.0, "low_rank": 5.0, "kalman": 0.5}
"""Longest gap (s) that each method may fill; a large uncertainty refuses many of them before."""


@dataclass(frozen=True)
class Filling:
    """Positions with their gaps filled, and how each sample came about.

    Attributes
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m; NaN = still missing. Measured samples are those of the input, bit for bit; the input itself if nothing was
        filled.
    filled : ndarray of bool, shape (n_frames, n_markers)
        Samples that are estimates.
    method : ndarray of uint8, shape (n_frames, n_markers)
        Index into `FILL_METHODS`; 0 where nothing was filled.
    uncertainty : ndarray of float32, shape (n_frames, n_markers)
        Standard uncertainty (m) of each coordinate; 0 where measured, NaN where missing.
    treatments : tuple of Treatment
        ``gap_filled`` and ``gap_left``, with markers and lengths.
    """

    positions: np.ndarray
    filled: np.ndarray
    method: np.ndarray
    uncertainty: np.ndarray
    treatments: tuple[Treatment, ...] = ()


def fill_gaps(
    positions: np.ndarray,
    labels: Sequence[str],
    segments: Mapping[str, Sequence[str]],
    rate: float,
    *,
    longest_gap: float | Mapping[str, float] | None = None,
    method: str | None = None,
) -> Filling:
    """Fill each gap by the method that does best where the same gap is opened elsewhere in the same trial.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m; NaN = occluded. Not changed.
    labels : sequence of str
    segments : mapping
        Body → labels that move with it; empty if the marker set is unknown.
    rate : float
        Frames per second (Hz).
    longest_gap : float or mapping, optional
        Longest gap (s) that may be filled, for all methods or by name; `LONGEST_GAP` if not given.
    method : str, optional
        Use only this one of `FILL_METHODS`.

    Returns
    -------
    Filling

    Raises
    ------
    ValueError
        Unknown method.

    Notes
    -----
    Each candidate predicts the marker (not at all, as rigidly fixed to its nearest companions, or by its correlations
    with them), and bridges what the prediction leaves over at both edges of the gap (cubic spline, Kalman smoother), so
    that the result joins the measured samples. Each is rehearsed at up to 16 other places of the trial; the least error
    wins and becomes the uncertainty. At the beginning and end of a trial only companions fill, up to one second.
    """
    if method is not None and method not in FILL_METHODS[1:]:
        raise ValueError(f"method must be one of {', '.join(FILL_METHODS[1:])} or None, got {method!r}")
    # A sum is not finite if any term is not: one pass over memory instead of three for the common trial without gaps.
    with np.errstate(invalid="ignore", over="ignore"):
        whole = bool(np.isfinite(positions.sum()))
    shape = positions.shape[:2]
    if whole or not positions.size:
        return Filling(positions, np.zeros(shape, bool), np.zeros(shape, np.uint8), np.zeros(shape, np.float32))
    finite = np.isfinite(positions)
    seen = np.asfortranarray(finite[:, :, 0] & finite[:, :, 1] & finite[:, :, 2])  # read marker by marker
    mates = segment_mates(labels, segments)
    classes = classify_gaps(gaps_of(seen), seen, mates, rate)
    limits = dict(LONGEST_GAP)
    if longest_gap is not None:
        limits |= longest_gap if isinstance(longest_gap, Mapping) else dict.fromkeys(limits, float(longest_gap))
    policy = FillPolicy(FILL_METHODS[1:] if method is None else (method,), limits)
    by_marker: dict[int, list[GapClass]] = {}
    for each in classes:
        if each.seen_share > 0:
            by_marker.setdefault(each.gap.marker, []).append(each)
    fills = [
        fill
        for marker, own in by_marker.items()
        for fill in fill_marker(positions, seen, own, mates.get(marker, ()), rate, policy)
    ]
    return _assembled(positions, seen, labels, rate, fills)


def _assembled(
    positions: np.ndarray, seen: np.ndarray, labels: Sequence[str], rate: float, fills: Sequence[Fill]
) -> Filling:
    """Copies of the positions with the estimates in place, their masks, and the notes."""
    result = positions.copy()
    method = np.zeros(seen.shape, np.uint8)
    uncertainty = np.where(seen, np.float32(0), np.float32(np.nan))
    for fill in fills:
        marker = fill.gap.marker
        result[fill.frames, marker] = fill.values
        method[fill.frames, marker] = FILL_METHODS.index(fill.method)
        uncertainty[fill.frames, marker] = fill.uncertainty
    return Filling(result, method > 0, method, uncertainty, _notes(fills, labels, rate))


def _notes(fills: Sequence[Fill], labels: Sequence[str], rate: float) -> tuple[Treatment, ...]:
    """What was filled by which method, and what was left and why."""
    done: dict[str, list[str]] = {name: [] for name in FILL_METHODS[1:]}
    left: dict[str, list[str]] = {}
    samples, worst = 0, 0.0
    for fill in sorted(fills, key=lambda fill: (fill.gap.marker, fill.gap.start)):
        label, length = labels[fill.gap.marker], fill.gap.stop - fill.gap.start
        if fill.method:
            done[fill.method].append(f"{label} {len(fill.frames) / rate:.2f} s")
            samples, worst = samples + len(fill.frames), max(worst, float(fill.uncertainty.max()))
        if len(fill.frames) < length:
            reason = fill.reason or "companions hidden too"
            left.setdefault(reason, []).append(f"{label} {(length - len(fill.frames)) / rate:.2f} s")
    notes = []
    if samples:
        parts = [f"{len(entries)} by {name.replace('_', ' ')}" for name, entries in done.items() if entries]
        which = _listed([entry for entries in done.values() for entry in entries])
        detail = f"{samples} samples filled, uncertain by at most {1000 * worst:.1f} mm: {', '.join(parts)}: {which}"
        notes.append(Treatment("gap_filled", detail))
    if left:
        parts = [f"{_listed(entries)} ({reason})" for reason, entries in left.items()]
        notes.append(Treatment("gap_left", f"left empty: {'; '.join(parts)}"))
    return tuple(notes)


def _listed(entries: Sequence[str], most: int = 12) -> str:
    """A sentence-sized list."""
    more = f" and {len(entries) - most} more" if len(entries) > most else ""
    return "; ".join(entries[:most]) + more
