"""Residual spectrum: by how much, at which frequencies, and how coherently a real sensor differs from the virtual one.

Per channel in segment axes: one-sided power spectral densities of the real, the virtual and the residual signal
(real - virtual), their coherence |S_rv|² / (S_rr S_vv), and the residual's RMS as a share of the real signal's SD. The
15 % rule says that this share is 0.15, that the residual is white and that it has nothing to do with the signal.

Estimates: Welch's (IEEE Trans Audio Electroacoust 15:70, 1967) averages Hann-tapered blocks with half overlap;
Thomson's multitaper (Proc IEEE 70:1055, 1982) averages K = 2 NW - 1 orthogonal Slepian tapers of each block as well,
which halves the variance of a short record at the price of a resolution of NW / block length on either side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal.windows import dpss, hann

from mocap_import.stretch import stretches
from synth.real_imu.sensor_pair import SensorPair, channels

ESTIMATORS = ("welch", "multitaper")
TIME_HALF_BANDWIDTH = 2.5
"""NW of the Slepian tapers: resolution ± NW / block length."""
BLOCK = 2.0
"""Length of a block (s): about two strides; a stride's harmonics, 1 Hz apart, still show."""
MIN_BLOCKS = 3
LEAST = BLOCK * (MIN_BLOCKS + 1) / 2
"""Seconds without a gap that hold so many blocks, half of each overlapping the next."""


@dataclass(frozen=True)
class ResidualSpectrum:
    """Spectra of one pair, six channels in segment axes (`sensor_pair.CHANNELS`).

    Attributes
    ----------
    frequency : ndarray, shape (n_f,)
        Hz, without 0.
    real, virtual, residual : ndarray, shape (n_f, 6)
        Power spectral densities, (m/s²)²/Hz and (rad/s)²/Hz.
    coherence : ndarray, shape (n_f, 6)
        Squared coherence of real and virtual, 0..1.
    share : ndarray, shape (6,)
        RMS of the centred residual over the SD of the real channel.
    """

    frequency: np.ndarray
    real: np.ndarray
    virtual: np.ndarray
    residual: np.ndarray
    coherence: np.ndarray
    share: np.ndarray


def residual_spectrum(pair: SensorPair, *, estimator: str = "welch", block: float = BLOCK) -> ResidualSpectrum:
    """Spectra of a pair.

    Parameters
    ----------
    pair : SensorPair
    estimator : {"welch", "multitaper"}
    block : float
        Length of a block (s).

    Raises
    ------
    ValueError
        If fewer than three blocks without a gap are known of both sides.
    """
    real, virtual = channels(pair.real), channels(pair.virtual)
    both = np.isfinite(real + virtual).all(axis=1)
    table = np.where(both[:, None], np.hstack([real, virtual]), np.nan)
    frequency, matrix = cross_spectra(table, pair.real.rate, estimator=estimator, block=block)
    auto = np.einsum("fcc->fc", matrix).real
    cross = np.stack([matrix[:, c, c + 6] for c in range(6)], axis=1)
    rest = (real - virtual)[both]
    return ResidualSpectrum(
        frequency,
        auto[:, :6],
        auto[:, 6:],
        auto[:, :6] + auto[:, 6:] - 2.0 * cross.real,
        np.abs(cross) ** 2 / np.maximum(auto[:, :6] * auto[:, 6:], np.finfo(float).tiny),
        rest.std(axis=0) / real[both].std(axis=0),
    )


def cross_spectra(
    values: np.ndarray, rate: float, *, estimator: str = "welch", block: float = BLOCK
) -> tuple[np.ndarray, np.ndarray]:
    """Cross-spectral density matrices, E[X Y*] one-sided, from blocks without gaps.

    Parameters
    ----------
    values : ndarray, shape (n_samples, n_channels)
        NaN = missing; no block crosses a gap.
    rate : float
        Hz.
    estimator : {"welch", "multitaper"}
    block : float
        s; each block is freed of its mean.

    Returns
    -------
    frequency : ndarray, shape (n_f,)
        Hz, without 0.
    matrix : ndarray, shape (n_f, n_channels, n_channels)
        Unit of the channels, squared, per Hz; Hermitian.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator {estimator!r} is unknown; expected one of {', '.join(ESTIMATORS)}.")
    length = round(block * rate)
    tapers = _tapers(estimator, length)
    total, count = 0.0, 0
    for piece in whole_blocks(values, length, length // 2):
        centred = piece - piece.mean(axis=0)
        lines = np.fft.rfft(tapers[:, :, None] * centred, axis=1)[:, 1:]
        total = total + np.einsum("kfa,kfb->fab", lines, lines.conj())
        count += 1
    if count < MIN_BLOCKS:
        raise ValueError(
            f"{count} block{'' if count == 1 else 's'} of {block:g} s without a gap, expected at least {MIN_BLOCKS} "
            f"({block * (MIN_BLOCKS + 1) / 2:g} s in one piece are enough); pass a longer record."
        )
    density = 2.0 / (rate * count * len(tapers))
    matrix = density * total
    if length % 2 == 0:
        matrix[-1] *= 0.5  # the line at half the rate has no mirror image
    return np.fft.rfftfreq(length, 1.0 / rate)[1:], matrix


def _tapers(estimator: str, length: int) -> np.ndarray:
    """Tapers (k, length) of unit energy."""
    if estimator == "multitaper":
        return dpss(length, TIME_HALF_BANDWIDTH, int(2 * TIME_HALF_BANDWIDTH) - 1)
    taper = hann(length, sym=False)
    return (taper / np.linalg.norm(taper))[None]


def whole_blocks(values: np.ndarray, length: int, step: int) -> Iterator[np.ndarray]:
    """Blocks of `length` samples every `step` samples, none of which crosses a missing sample."""
    for start, stop in zip(*stretches(np.isfinite(values).all(axis=1)), strict=True):
        for first in range(start, stop - length + 1, step):
            yield values[first : first + length]


def log_spectral_distance(
    first: np.ndarray, second: np.ndarray, frequency: np.ndarray, band: tuple[float, float]
) -> np.ndarray:
    """Log-spectral distance (dB) of two sets of power spectral densities, channel by channel.

    sqrt(mean over the band of (10 log10 first / second)²), Gray and Markel, IEEE Trans ASSP 24:380, 1976.

    Parameters
    ----------
    first, second : ndarray, shape (n_f, n_channels)
        Positive.
    frequency : ndarray, shape (n_f,)
        Hz.
    band : tuple
        Lowest and highest frequency (Hz), both included.

    Returns
    -------
    ndarray, shape (n_channels,)
    """
    inside = (frequency >= band[0]) & (frequency <= band[1])
    if not inside.any():
        raise ValueError(f"no frequency of {frequency[0]:g} to {frequency[-1]:g} Hz lies in the band {band}.")
    return np.sqrt(np.mean((10.0 * np.log10(first[inside] / second[inside])) ** 2, axis=0))
