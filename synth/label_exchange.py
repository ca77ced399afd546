"""Label exchange: two markers of one cluster whose labels were exchanged between the static and the moving trial.

Distances within a rigid cluster are the same in both trials. Where they are not, and exchanging two labels makes them
so, the labels were exchanged. One foot of `RBDS001` shows it: 38 mm off as labelled, 3 mm with its first and fifth
metatarsal exchanged. Robust fits cannot tell that from a marker that is simply wrong.
"""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np

FEWEST_MARKERS = 4
"""Three markers have three distances; an exchange of two is then no worse than a cluster of another person."""
WRONG, RIGHT = 0.015, 0.008
"""m: distances as labelled must be off by more than the first, after the exchange by less than the second."""


def find_exchange(reference: np.ndarray, positions: np.ndarray) -> tuple[int, int] | None:
    """Find the two markers of a cluster whose labels are exchanged.

    Parameters
    ----------
    reference : ndarray, shape (n_markers, 3)
        m, segment frame of the static trial.
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, of the moving trial; NaN = not seen.

    Returns
    -------
    tuple of int or None
        Columns; None if the labels fit, or if no single exchange makes them fit.
    """
    n_markers = len(reference)
    if n_markers < FEWEST_MARKERS:
        return None
    expected = np.linalg.norm(reference[:, None] - reference[None], axis=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pairs that are never seen together have no median
        found = np.nanmedian(np.linalg.norm(positions[:, :, None] - positions[:, None], axis=3), axis=0)
    if not np.isfinite(found).all() or np.abs(found - expected).max() < WRONG:
        return None
    misfits = {}
    for i, j in combinations(range(n_markers), 2):
        order = np.arange(n_markers)
        order[[i, j]] = j, i
        misfits[i, j] = np.abs(found[np.ix_(order, order)] - expected).max()
    best = min(misfits, key=misfits.__getitem__)
    others = [misfit for pair, misfit in misfits.items() if pair != best]
    return best if misfits[best] < RIGHT and min(others) > WRONG / 2 else None
