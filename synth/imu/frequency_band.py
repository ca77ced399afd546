"""Frequency bands: what is learnt or measured per band, and how it becomes a function of frequency again."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np


def band_centres(edges: np.ndarray) -> np.ndarray:
    """Geometric centres of the bands (Hz)."""
    return np.sqrt(edges[1:] * edges[:-1])


def band_of(frequency: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Index of the band of each frequency; what lies outside belongs to the first or last band."""
    return np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, len(edges) - 2)


def band_power(values: np.ndarray, rate: float, edges: np.ndarray) -> np.ndarray:
    """Mean one-sided power spectral density (n_bands, k) in each band, from the Hann-tapered periodogram."""
    taper = np.hanning(len(values) + 2)[1:-1, None]
    lines = np.fft.rfft(taper * (values - values.mean(axis=0)), axis=0)
    density = 2.0 * np.abs(lines) ** 2 / (rate * np.sum(taper**2))
    return band_power_mean(density, np.fft.rfftfreq(len(values), 1.0 / rate), edges)


def band_power_mean(density: np.ndarray, frequency: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean (n_bands, ...) of a spectrum (n_f, ...) in each band; of one without a line of its own, the nearest line."""
    found = []
    for low, high in itertools.pairwise(edges):
        inside = (frequency >= low) & (frequency < high)
        if not inside.any():  # a run too short to resolve the band, or a band above half the rate
            inside = np.arange(len(frequency)) == np.argmin(np.abs(frequency - np.sqrt(low * high)))
        found.append(density[inside].mean(axis=0))
    return np.stack(found)


def over_frequency(values: np.ndarray, edges: np.ndarray, at_zero: float | None) -> Callable[[np.ndarray], np.ndarray]:
    """Linear interpolation in log frequency of band values (n_bands, k), constant beyond the outer centres.

    `at_zero` is the value at half the lowest limit and below (the gain of posture and gravity is one).
    """
    centre = band_centres(edges)
    points, table = np.log(centre), np.asarray(values, dtype=float)
    if at_zero is not None:
        points = np.concatenate([[np.log(0.5 * edges[0])], points])
        table = np.vstack([np.full(table.shape[1], at_zero), table])

    def at(frequency: np.ndarray) -> np.ndarray:
        logarithm = np.log(np.maximum(frequency, 1e-6))
        return np.stack([np.interp(logarithm, points, column) for column in table.T], axis=1)

    return at


def filtered(
    values: np.ndarray, rate: float, gain: Callable[[np.ndarray], np.ndarray], edges: np.ndarray
) -> np.ndarray:
    """Zero-phase filter with a real gain over frequency; the run is continued by point reflection at its ends."""
    edge = min(len(values) - 1, int(np.ceil(rate / edges[0])))
    ahead, behind = 2.0 * values[:1] - values[edge:0:-1], 2.0 * values[-1:] - values[-2 : -(edge + 2) : -1]
    long = np.concatenate([ahead, values, behind])
    lines = np.fft.rfft(long, axis=0) * gain(np.fft.rfftfreq(len(long), 1.0 / rate))
    return np.fft.irfft(lines, len(long), axis=0)[edge : edge + len(values)]
