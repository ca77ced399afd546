"""Gap rehearsal: the same gap opened elsewhere in the trial tells which method would fill it best, and how well.

Every method ends as a linear map from the seen samples beside the gap to the missing ones, so a rehearsal is one matrix
product over some places of the trial where nothing is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap_import.stretch import stretches

PLACES = 16
"""Places in the trial at which a gap is rehearsed."""
DENSE = 16
"""Longest gap (frames) of which every frame is rehearsed; of longer ones as many spread evenly."""


@dataclass(frozen=True)
class Rehearsal:
    """Where a gap is opened.

    Attributes
    ----------
    frames : ndarray of int, shape (n_places, n_columns)
        Frames around each opened gap, in which everything needed was seen; no places if there are none.
    offsets : ndarray of int, shape (n_columns,)
        Their distance from the first missing frame, ascending.
    length : int
        Frames of the longest gap that fits; shorter than asked for if the trial is too short.
    """

    frames: np.ndarray
    offsets: np.ndarray
    length: int

    @property
    def n_places(self) -> int:
        """Number of places."""
        return len(self.frames)

    def span(self, place: int) -> tuple[int, int]:
        """First frame of a place and the frame after its last."""
        return int(self.frames[place, 0]), int(self.frames[place, -1]) + 1

    def columns(self, offsets: tuple[int, ...]) -> np.ndarray:
        """Columns in which the offsets stand."""
        return np.searchsorted(self.offsets, offsets)

    def missing(self, length: int) -> slice:
        """Columns of the rehearsed frames of a gap of `length` ≤ `self.length` frames."""
        return slice(*np.searchsorted(self.offsets, (0, length)).tolist())


def plan_rehearsal(usable: np.ndarray, length: int, reach: int) -> Rehearsal:
    """Places where a gap of `length` frames with `reach` seen frames on each side can be opened.

    Parameters
    ----------
    usable : ndarray of bool, shape (n_frames,)
        Frames in which everything needed was seen.
    length, reach : int
        Frames.
    """
    first, last = stretches(usable)
    longest = int((last - first).max()) if len(first) else 0
    # Where the trial has no room, a shorter gap must do; it keeps some freedom where to open it.
    length = max(min(length, int(0.7 * (longest - 2 * reach))), 1)
    room = last - first - (length + 2 * reach) + 1
    runs = np.flatnonzero(room > 0)
    starts = np.concatenate([np.arange(first[k], first[k] + room[k]) for k in runs]) if len(runs) else np.zeros(0, int)
    if len(starts) > PLACES:
        starts = starts[np.linspace(0, len(starts) - 1, PLACES).round().astype(int)]
    inner = np.unique(np.linspace(0, length - 1, min(length, DENSE)).round().astype(int))
    offsets = np.concatenate([np.arange(-reach, 0), inner, np.arange(length, length + reach)])
    return Rehearsal(starts[:, None] + reach + offsets, offsets, length)
