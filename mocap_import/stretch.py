"""Stretch: frames in a row for which something holds, as first frame and the frame after the last."""

from __future__ import annotations

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
