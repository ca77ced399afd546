"""Cycle samples: measured samples of a gait cycle, brought to the nodes of a mesh."""

from __future__ import annotations

import numpy as np

from synth.optimal_control.program.collocation import Mesh


def sample_at(phase: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Linear interpolation of evenly spaced samples of a cycle (n, …) at phases in [0, 1); NaN spreads."""
    position = np.asarray(phase) * len(samples)
    below = np.minimum(np.floor(position).astype(int), len(samples) - 1)
    above = np.minimum(below + 1, len(samples) - 1)
    share = (position - below).reshape(-1, *[1] * (samples.ndim - 1))
    exact = share < 1e-9
    return np.where(exact, samples[below], samples[below] * (1.0 - share) + samples[above] * share)


def smoothed_at(mesh: Mesh, samples: np.ndarray) -> np.ndarray:
    """Average of samples (n, k) over each node's share of the cycle; NaN where any of them is."""
    n, width = len(samples), max(1, round(len(samples) / mesh.n_nodes))
    centre = np.round(mesh.phase * n).astype(int)
    around = centre[:, None] + np.arange(width) - (width - 1) // 2
    return samples[np.mod(around, n)].mean(axis=1)


def at_phase(values: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Periodic linear interpolation of evenly spaced samples (n, k) at phases in [0, 1)."""
    grid = np.arange(len(values) + 1) / len(values)
    closed = np.vstack([values, values[:1]])
    return np.stack([np.interp(phase, grid, column) for column in closed.T], axis=1)
