"""The spine and pelvis as eighteen links, and how they stand: three angles a link, and where that puts each vertebra.

Links from below: pelvis, L5 to L1, T12 to T1. Each has a *sagittal* inclination (forward positive), a *frontal* one (to
the right positive) and an *axial* rotation (to the left positive, as Y points up), all against the ground frame (X
forward, Y up, Z right): 54 numbers, as many as surface topography gives in Dindorf et al. (Front Bioeng Biotechnol
12:1350135, 2024).
"""

from __future__ import annotations

import numpy as np

LEVELS = ("pelvis", *(f"L{k}" for k in range(5, 0, -1)), *(f"T{k}" for k in range(12, 0, -1)))
"""The links, from below."""
PLANES = ("sagittal", "frontal", "axial")
TRUNK_SHARE = 0.30
"""Pelvis to T1 over stature. Assumption: the cervicale stands at 0.86 and the hips at 0.53 of stature, the pelvic link
starts some 3 % above the hips."""
_HEIGHTS = np.array([2.6, 1.15, 1.15, 1.15, 1.12, 1.1, *np.linspace(1.05, 0.7, 12)])
LENGTH_SHARES = _HEIGHTS / _HEIGHTS.sum()
"""Of each link in the trunk. Assumption: vertebrae with their discs grow from T1 to L5 by some two thirds."""


def link_lengths(height: np.ndarray | float) -> np.ndarray:
    """Lengths (..., 18) in m of the links of people of a stature (...) in m."""
    return np.asarray(height, dtype=float)[..., None] * TRUNK_SHARE * LENGTH_SHARES


def level_places() -> np.ndarray:
    """Middle of each link (18,) along the spine: 0 at its foot, 1 at its top."""
    top = np.cumsum(LENGTH_SHARES)
    return top - LENGTH_SHARES / 2.0


def link_tops(angles: np.ndarray, height: np.ndarray | float) -> np.ndarray:
    """Upper end of each link in the ground frame.

    Parameters
    ----------
    angles : ndarray, shape (..., 18, 3)
        Sagittal, frontal, axial in rad.
    height : float or ndarray, shape (...)
        Stature (m).

    Returns
    -------
    ndarray, shape (..., 18, 3)
        m from the foot of the pelvic link. An axial rotation turns a link about itself and moves nothing.
    """
    sagittal, frontal = angles[..., 0], angles[..., 1]
    direction = np.stack([np.tan(sagittal), np.ones_like(sagittal), np.tan(frontal)], axis=-1)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    return np.cumsum(direction * link_lengths(height)[..., None], axis=-2)
