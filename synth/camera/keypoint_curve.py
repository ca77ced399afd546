"""Keypoint curve: the mean waveform over the phase of the cycle, what a network that reads waveforms has to beat."""

from __future__ import annotations

import numpy as np

_BINS = 24


def phase_curves(phase: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """Mean of every wave in each part of the cycle.

    Parameters
    ----------
    phase : ndarray, shape (n, n_instants)
        0 to 1, from `keypoint_geometry.geometric_phase`; NaN where unknown.
    waves : ndarray, shape (n, n_instants, n_waves)
        NaN where unknown.

    Returns
    -------
    ndarray, shape (24, n_waves)
        In the middles of equal parts of the cycle; NaN where nothing is known.
    """
    known = np.isfinite(phase)
    part, values = np.minimum((phase[known] * _BINS).astype(int), _BINS - 1), waves[known].astype(float)
    there = np.isfinite(values)
    sums, counts = np.zeros((_BINS, waves.shape[2])), np.zeros((_BINS, waves.shape[2]))
    np.add.at(sums, part, np.where(there, values, 0.0))
    np.add.at(counts, part, there)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def curves_at(phase: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Curves (n, n_instants, n_waves) at some phases; where the phase is unknown, their mean over the cycle."""
    middles = (np.arange(_BINS) + 0.5) / _BINS
    at = np.nan_to_num(phase)
    own = np.stack([np.interp(at, middles, curve, period=1.0) for curve in curves.T], axis=-1)
    return np.where(np.isfinite(phase)[..., None], own, curves.mean(axis=0))
