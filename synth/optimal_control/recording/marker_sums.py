"""Marker sums: the numbers through which all markers of one segment enter their misfit, whatever the marker set."""

from __future__ import annotations

import numpy as np


def marker_sums(offsets: np.ndarray, positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Condense the markers of one segment into the numbers of `following_blocks.marker_misfit`.

    For markers p_i fixed in a segment with origin o and rotation R, Σ w_i |o + R p_i - m_i|² depends on the markers
    through a few sums only; so any marker set is followed by the same compiled equations.

    Parameters
    ----------
    offsets : ndarray, shape (n_markers, 3)
        p_i in the segment frame (m).
    positions : ndarray, shape (..., n_markers, 3)
        m_i in the ground frame (m); NaN where missing.
    weights : ndarray, shape (n_markers,)
        Inverse variances (1/m²).

    Returns
    -------
    ndarray, shape (..., 17)
        Σw, Σw p, Σw m, the three rows Σw m_j p, and the constant Σw (|p|² + |m|²).
    """
    seen = np.isfinite(positions).all(axis=-1)
    weight = np.where(seen, weights, 0.0)
    m = np.where(seen[..., None], positions, 0.0)
    p = np.broadcast_to(offsets, m.shape)
    products = np.einsum("...k,...ki,...kj->...ij", weight, m, p)
    total = weight.sum(axis=-1)[..., None]
    square = (weight * ((p**2).sum(axis=-1) + (m**2).sum(axis=-1))).sum(axis=-1)[..., None]
    weighted = [np.einsum("...k,...ki->...i", weight, values) for values in (p, m)]
    return np.concatenate([total, *weighted, products.reshape(*products.shape[:-2], 9), square], axis=-1)
