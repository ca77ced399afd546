"""Error of a derivative: what each way to differentiate loses of the motion, and what it makes of marker jitter.

Far from the ends of a record every method of `simulate_imu` is a filter, so its error follows from its response. With
s = 2 pi f / rate, b = (66 + 52 cos s + 2 cos 2s) / 120 (the quintic B-spline at the knots) and l the weight of the
smoothing spline, the ratio of the derivative found to the true one is

==================  ====================================================  ===========================================
method              second derivative                                     first derivative (of the rotation)
==================  ====================================================  ===========================================
central_difference  (sin(s/2) / (s/2))²                                   sin(s) / s
butterworth         the same × gain of the low-pass                       the same × gain of the low-pass
spline              (3 - 2 cos s - cos 2s) / (3 s² b)                     (10 sin s + sin 2s) / (12 s b)
smoothing_spline    that of spline × b / (b + l (2 sin(s/2))⁶)            that of spline × b / (b + l (2 sin(s/2))⁶)
==================  ====================================================  ===========================================

White jitter of standard deviation j per axis becomes noise of j times the root mean square over frequency of the
response to a sample: sqrt(6) j rate² and j rate / sqrt(2) for central differences.

A rotation is counted as a small one about each axis; what large rotations add is not in these numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synth.imu.cutoff import filter_gain
from synth.imu.differentiation import METHODS, SMOOTHING, sampled_basis, smoothing_penalty

_BINS = 4096


@dataclass(frozen=True)
class ExpectedError:
    """What a method errs on motion of a known band, root mean square per axis, away from the ends of a record.

    Attributes
    ----------
    method : str
    rate : float
        Hz.
    band : float
        Hz; NaN where a spectrum was given.
    cutoff : float, optional
        Hz.
    acceleration_share, angular_velocity_share : float
        Bias as a share of the true signal's root mean square.
    acceleration_noise : float
        m/s², from the jitter of the position.
    angular_velocity_noise : float
        rad/s, from the jitter of the orientation.
    """

    method: str
    rate: float
    band: float
    cutoff: float | None
    acceleration_share: float
    angular_velocity_share: float
    acceleration_noise: float
    angular_velocity_noise: float

    def acceleration(self, size: float) -> float:
        """Error (m/s² RMS) on motion whose acceleration has this size (m/s² RMS)."""
        return math.hypot(self.acceleration_share * size, self.acceleration_noise)

    def angular_velocity(self, size: float) -> float:
        """Error (rad/s RMS) on motion whose angular velocity has this size (rad/s RMS)."""
        return math.hypot(self.angular_velocity_share * size, self.angular_velocity_noise)

    def sentence(self) -> str:
        """One line for people."""
        how = self.method.replace("_", " ") + ("" if self.cutoff is None else f" (cut-off {self.cutoff:.1f} Hz)")
        motion = "the given motion" if math.isnan(self.band) else f"motion up to {self.band:g} Hz"
        return (
            f"{how} at {self.rate:g} Hz: expected error on {motion} {100 * self.acceleration_share:.2g} % of the "
            f"acceleration and {100 * self.angular_velocity_share:.2g} % of the angular velocity; from marker jitter "
            f"{self.acceleration_noise:.2g} m/s² and {self.angular_velocity_noise:.2g} rad/s (RMS per axis)"
        )


def expected_error(
    method: str,
    rate: float,
    *,
    band: float | None = None,
    spectrum: tuple[np.ndarray, np.ndarray] | None = None,
    cutoff: float | None = None,
    jitter: float = 0.0,
    turn_jitter: float = 0.0,
) -> ExpectedError:
    """Compute what a method is expected to err.

    Parameters
    ----------
    method : str
        One of `simulation.METHODS`.
    rate : float
        Frames per second (Hz).
    band : float, optional
        Highest frequency (Hz) of the motion, whose acceleration and angular velocity are taken to be spread evenly
        below it (assumption; measured motion has more of it at low frequencies and errs less).
    spectrum : tuple of ndarray, optional
        Instead of `band`: frequencies (Hz) and the amplitude of the signal at each, any unit.
    cutoff : float, optional
        Hz; needed by ``butterworth`` and ``smoothing_spline``, a low-pass beforehand for the others.
    jitter : float
        White noise of the position (m, RMS per axis).
    turn_jitter : float
        White noise of the orientation (rad, RMS per axis).

    Raises
    ------
    ValueError
        Unknown method, no or both of band and spectrum, a missing cut-off, or a frequency above half the rate.
    """
    if (band is None) == (spectrum is None):
        raise ValueError("expected error: give either the band (Hz) of the motion or its spectrum.")
    if spectrum is None:
        frequency, weight = (np.arange(_BINS) + 0.5) * (band / _BINS), np.full(_BINS, 1.0 / _BINS)
    else:
        frequency, power = np.asarray(spectrum[0], dtype=float), np.square(np.asarray(spectrum[1], dtype=float))
        weight = power / power.sum()
    if not (frequency.min() >= 0 and frequency.max() <= rate / 2):
        raise ValueError(
            f"expected error: motion of {frequency.max():g} Hz is not in samples at {rate:g} Hz; expected frequencies "
            f"from 0 to half the rate, {rate / 2:g} Hz."
        )
    lost = [
        math.sqrt(weight @ (1.0 - response(method, rate, frequency, cutoff)) ** 2)
        for response in (acceleration_response, angular_velocity_response)
    ]
    gains = noise_gains(method, rate, cutoff)
    return ExpectedError(
        method, rate, math.nan if band is None else band, cutoff, *lost, gains[0] * jitter, gains[1] * turn_jitter
    )


def acceleration_response(method: str, rate: float, frequency: np.ndarray, cutoff: float | None = None) -> np.ndarray:
    """Second derivative that a method finds, as a share of the true one, at frequencies (Hz)."""
    s = 2.0 * np.pi * np.asarray(frequency, dtype=float) / rate
    if method in ("central_difference", "butterworth"):
        share = np.sinc(s / (2.0 * np.pi)) ** 2
    else:
        small = s < 1e-3  # where the quotient loses its digits; it is 1 there to 1e-12
        safe = np.where(small, 1.0, s)
        curve = (3.0 - 2.0 * np.cos(safe) - np.cos(2.0 * safe)) / (3.0 * safe**2 * sampled_basis(safe))
        share = np.where(small, 1.0, curve)
    return share * _smoothing(method, rate, frequency, cutoff)


def angular_velocity_response(
    method: str, rate: float, frequency: np.ndarray, cutoff: float | None = None
) -> np.ndarray:
    """First derivative that a method finds, as a share of the true one, at frequencies (Hz)."""
    s = 2.0 * np.pi * np.asarray(frequency, dtype=float) / rate
    share = np.sinc(s / np.pi)
    if method not in ("central_difference", "butterworth"):
        share = (10.0 * share + 2.0 * np.sinc(2.0 * s / np.pi)) / (12.0 * sampled_basis(s))
    return share * _smoothing(method, rate, frequency, cutoff)


def noise_gains(method: str, rate: float, cutoff: float | None = None) -> tuple[float, float]:
    """Noise in the acceleration (1/s²) and in the angular velocity (1/s) per unit of white jitter."""
    frequency = (np.arange(_BINS) + 0.5) * (0.5 * rate / _BINS)
    w = 2.0 * np.pi * frequency
    second = w**2 * acceleration_response(method, rate, frequency, cutoff)
    first = w * angular_velocity_response(method, rate, frequency, cutoff)
    return float(np.sqrt(np.mean(second**2))), float(np.sqrt(np.mean(first**2)))


def _smoothing(method: str, rate: float, frequency: np.ndarray, cutoff: float | None) -> np.ndarray | float:
    """Gain of the smoothing that belongs to a method, or goes before it."""
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)}.")
    if cutoff is None:
        if method in SMOOTHING:
            raise ValueError(f"method {method!r} smooths: give its cut-off (Hz), e.g. of `cutoff.residual_cutoff`.")
        return 1.0
    if method != "smoothing_spline":
        return filter_gain(frequency, cutoff, rate)
    s = 2.0 * np.pi * np.asarray(frequency, dtype=float) / rate
    basis = sampled_basis(s)
    return basis / (basis + smoothing_penalty(rate, cutoff) * (2.0 * np.sin(s / 2.0)) ** 6)
