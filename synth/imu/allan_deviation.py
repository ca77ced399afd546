"""Allan deviation: how much the mean over a time tau of a still sensor changes from one stretch to the next.

The overlapping estimator (Riley, NIST Special Publication 1065, 2008) and the three terms that inertial sensors are
described by (IEEE Std 952-1997, Annex C; El-Sheimy, Hou and Niu, IEEE Trans Instrum Meas 57:140, 2008):

    sigma²(tau) = N² / tau  +  (2 ln 2 / pi) B²  +  K² tau / 3

N is the angle (velocity) random walk, B the coefficient of the flicker noise, K the rate random walk. Datasheets
give N as a *one-sided* noise density (white noise of density D over a bandwidth W has the RMS D sqrt(W); the MPU-9250's
0.01 °/s/sqrt(Hz) makes its 0.1 °/s RMS over 92 Hz), which is sqrt(2) N, and the bias instability mostly as the *floor*
of the curve, 0.664 B. Both are what the types here hold. Programs that discretise the density as D sqrt(rate) take it
for two-sided and make sqrt(2) times the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

FLOOR_OF_FLICKER = math.sqrt(2.0 * math.log(2.0) / math.pi)
"""Allan floor over flicker coefficient B, 0.664."""
_FEWEST_DIFFERENCES = 3


@dataclass(frozen=True)
class AllanCurve:
    """Allan deviation of the channels of a record.

    Attributes
    ----------
    tau : ndarray, shape (n_tau,)
        Averaging times (s), ascending.
    deviation : ndarray, shape (n_tau, n_channels)
        In the unit of the record; NaN where gaps leave fewer than three differences.
    n_independent : ndarray, shape (n_tau,)
        Stretches of length tau that fit into the record; the relative error of a deviation is about
        1 / sqrt(2 n_independent).
    """

    tau: np.ndarray
    deviation: np.ndarray
    n_independent: np.ndarray


@dataclass(frozen=True)
class AllanTerms:
    """The three noise terms of a channel, as datasheets give them.

    Attributes
    ----------
    noise_density : float
        One-sided density of the white noise, unit/sqrt(Hz).
    bias_instability : float
        Floor of the Allan deviation (unit), 0.664 times the flicker coefficient B.
    random_walk : float
        Coefficient K of the random walk of the bias, unit/s/sqrt(Hz) = unit/sqrt(s).
    """

    noise_density: float = 0.0
    bias_instability: float = 0.0
    random_walk: float = 0.0

    def deviation(self, tau: np.ndarray | float) -> np.ndarray:
        """Expected Allan deviation (unit) at the averaging times `tau` (s)."""
        tau = np.asarray(tau, dtype=float)
        white = random_walk_of_density(self.noise_density) ** 2 / tau
        return np.sqrt(white + self.bias_instability**2 + self.random_walk**2 * tau / 3.0)


def random_walk_of_density(noise_density: float) -> float:
    """Angle (velocity) random walk N, unit·sqrt(s), of a one-sided noise density in unit/sqrt(Hz).

    Of a gyroscope in rad/s/sqrt(Hz) it is rad/sqrt(s); times 180/pi × 60 it is °/sqrt(h).
    """
    return noise_density / math.sqrt(2.0)


def density_of_random_walk(random_walk: float) -> float:
    """One-sided noise density, unit/sqrt(Hz), of an angle (velocity) random walk in unit·sqrt(s)."""
    return random_walk * math.sqrt(2.0)


def allan_deviation(values: np.ndarray, rate: float, tau: np.ndarray | None = None) -> AllanCurve:
    """Overlapping Allan deviation of a record.

    Parameters
    ----------
    values : ndarray, shape (n_frames,) or (n_frames, n_channels)
        Readings of a still sensor; NaN where missing. A stretch that touches a gap is left out, nothing is filled.
    rate : float
        Hz.
    tau : ndarray, optional
        Averaging times (s), rounded to whole frames; by default eight a decade, up to a third of the record.

    Returns
    -------
    AllanCurve

    Raises
    ------
    ValueError
        If the record is shorter than three frames or shorter than 2 tau.
    """
    values = np.asarray(values, dtype=float).reshape(len(values), -1)
    n_frames = len(values)
    if n_frames < _FEWEST_DIFFERENCES or not rate > 0:
        raise ValueError(f"an Allan deviation needs 3 frames or more and a rate in Hz; got {n_frames} at {rate} Hz.")
    if tau is None:
        most = max(1, n_frames // 3)
        frames = np.unique(np.geomspace(1, most, int(8 * math.log10(most)) + 2).round().astype(int))
    else:
        frames = np.unique(np.rint(np.asarray(tau, dtype=float) * rate).astype(int))
        if frames[0] < 1 or 2 * frames[-1] > n_frames:
            raise ValueError(
                f"averaging times must be from {1 / rate:g} s (one frame) to {n_frames / rate / 2:g} s (half of the "
                f"record); got {frames[0] / rate:g} to {frames[-1] / rate:g} s."
            )
    present = np.isfinite(values)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0.0).sum(axis=0) / count  # taken off first, so that long sums keep their digits
    total = _summed(np.where(present, values - mean, 0.0))
    missing = None if present.all() else _summed((~present).astype(float))
    deviation = np.stack([_deviation(total, missing, int(m)) for m in frames])
    return AllanCurve(frames / rate, deviation, n_frames / frames)


def _summed(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _deviation(total: np.ndarray, missing: np.ndarray | None, m: int) -> np.ndarray:
    """Allan deviation (n_channels,) at m frames, from running sums of values and of missing samples."""
    change = (total[2 * m :] - 2.0 * total[m:-m] + total[: -2 * m]) / m
    if missing is None:
        return np.sqrt(np.mean(change**2, axis=0) / 2.0)
    whole = missing[2 * m :] == missing[: -2 * m]
    n_whole = whole.sum(axis=0)
    mean = np.where(whole, change**2, 0.0).sum(axis=0) / np.maximum(n_whole, 1)
    return np.where(n_whole >= _FEWEST_DIFFERENCES, np.sqrt(mean / 2.0), np.nan)


def fit_terms(curve: AllanCurve, channel: int = 0) -> AllanTerms:
    """Fit the three noise terms to a measured curve by non-negative least squares.

    Each point counts relative to its value and with the number of independent stretches behind it, so the white slope,
    which is known best, does not hide the floor.

    Parameters
    ----------
    curve : AllanCurve
    channel : int

    Returns
    -------
    AllanTerms
    """
    known = np.isfinite(curve.deviation[:, channel]) & (curve.deviation[:, channel] > 0)
    if not known.any():
        return AllanTerms()
    tau, variance = curve.tau[known], curve.deviation[known, channel] ** 2
    weight = np.sqrt(np.minimum(curve.n_independent[known], 1000.0)) / variance
    columns = np.column_stack([1.0 / tau, np.ones_like(tau), tau / 3.0])
    size = np.linalg.norm(columns * weight[:, None], axis=0)
    white, floor, walk = nnls(columns * weight[:, None] / size, variance * weight)[0] / size
    return AllanTerms(density_of_random_walk(math.sqrt(white)), math.sqrt(floor), math.sqrt(walk))
