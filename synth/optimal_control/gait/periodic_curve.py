"""Periodic curve: derivatives and smoothing of samples that are evenly spaced over one cycle, by Fourier series."""

from __future__ import annotations

import numpy as np


def periodic_derivatives(values: np.ndarray, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second time derivative of periodic samples (n, k) over a cycle of that duration (s)."""
    n = len(values)
    omega = 2j * np.pi * np.fft.rfftfreq(n, duration / n)[:, None]
    spectrum = np.fft.rfft(values, axis=0)
    return np.fft.irfft(omega * spectrum, n, axis=0), np.fft.irfft(omega**2 * spectrum, n, axis=0)


def low_pass_periodic(values: np.ndarray, n_harmonics: int) -> np.ndarray:
    """Keep the mean and the first harmonics of periodic samples (n, …)."""
    spectrum = np.fft.rfft(values, axis=0)
    spectrum[n_harmonics + 1 :] = 0.0
    return np.fft.irfft(spectrum, len(values), axis=0)
