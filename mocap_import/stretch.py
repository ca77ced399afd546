"""Stretch: frames in a row for which something holds, as first frame and the frame after the last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stretches(holds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a mask holds.

    Parameters
    ----------
    holds : ndarray of bool, shape (n_frames,)

    Returns
    -------
    starts, stops : ndarray of int, shape (n_stretches,)
        First frame of every stretch, and the frame after its last; ascending.
    """
    edges = np.flatnonzero(np.diff(np.r_[0, holds.astype(np.int8), 0]))
    return edges[::2], edges[1::2]


def first_named(names: Sequence[str], most: int = 6) -> str:
    """Name the first of many, and say how many more there are: ``"a, b and 3 more"``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def stretches_named(holds: np.ndarray, rate: float | None = None, *, most: int = 6, digits: int = 2) -> str:
    """Name where a mask holds.

    Parameters
    ----------
    holds : ndarray of bool, shape (n_frames,)
    rate : float, optional
        Hz, for seconds from first frame to the frame after the last; without, first and last frame.
    most : int
        Stretches named; of more, their number.
    digits : int
        Decimals of the seconds.
    """
    ends = list(zip(*stretches(holds), strict=True))
    if rate is None:
        return first_named([f"{a}-{b - 1}" for a, b in ends], most)
    return first_named([f"{a / rate:.{digits}f}-{b / rate:.{digits}f} s" for a, b in ends], most)
