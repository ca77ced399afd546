"""The noise of a still sensor: white, flicker (bias instability) and random walk, at any rate.

Flicker noise has the one-sided density ``B² / (pi f)`` (IEEE Std 952-1997, Annex C). It is made by one filter on white
noise: a ladder of poles and zeros, evenly spaced in the logarithm of frequency, whose slope is on average that of
1/f (the idea is Keshner's, Proc IEEE 70:212, 1982). From a decade above `LOWEST` up to a tenth of the Nyquist frequency
it follows 1/f within 0.05 dB [measured]; below it is flat, at the Nyquist frequency 3 dB too large, where white noise
hides it. Every noise starts at zero: what a sensor shows at switching on is its turn-on bias.

Each term has a random stream of its own, drawn frame by frame, so the first frames of a long record are the short
record, and a term that is switched off changes no other.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.signal import sosfilt, sosfreqz, zpk2sos

from synth.imu.allan_deviation import FLOOR_OF_FLICKER, AllanTerms

LOWEST = 1e-5
"""Frequency (Hz) below which flicker noise is flat: a day."""
_POLES_PER_DECADE = 1.75


def draw_noise(
    terms: AllanTerms, n_frames: int, rate: float, rng: np.random.Generator, n_channels: int = 3
) -> np.ndarray:
    """Draw the noise of a still sensor.

    Parameters
    ----------
    terms : AllanTerms
        Of every channel.
    n_frames : int
    rate : float
        Hz; the noise has the same density at every rate (as behind an anti-aliasing filter at the Nyquist frequency).
    rng : numpy.random.Generator
        Spawns one stream for each term.
    n_channels : int

    Returns
    -------
    ndarray, shape (n_frames, n_channels)
        In the unit of the terms.
    """
    white, flicker, walk = rng.spawn(3)
    noise = np.zeros((n_frames, n_channels))
    if terms.noise_density > 0:
        noise += terms.noise_density * math.sqrt(rate / 2.0) * white.standard_normal((n_frames, n_channels))
    if terms.bias_instability > 0:
        coefficient = terms.bias_instability / FLOOR_OF_FLICKER
        noise += coefficient * sosfilt(flicker_filter(rate), flicker.standard_normal((n_frames, n_channels)), axis=0)
    if terms.random_walk > 0:
        step = terms.random_walk / math.sqrt(rate)
        noise += step * np.cumsum(walk.standard_normal((n_frames, n_channels)), axis=0)
    return noise


@lru_cache(maxsize=16)
def flicker_filter(rate: float) -> np.ndarray:
    """Second-order sections that turn white noise of SD 1 into flicker noise with the coefficient B = 1.

    Parameters
    ----------
    rate : float
        Hz.

    Returns
    -------
    ndarray, shape (n_sections, 6)
        As `scipy.signal.sosfilt` takes them.
    """
    decades = math.log10(0.5 * rate / LOWEST)
    n_poles = max(2, 2 * math.ceil(0.5 * _POLES_PER_DECADE * decades))
    ratio = (0.5 * rate / LOWEST) ** (1.0 / n_poles)
    corners = LOWEST * ratio ** np.arange(n_poles)
    poles, zeros = (np.exp(-2.0 * np.pi * f / rate) for f in (corners, corners * math.sqrt(ratio)))
    sections = zpk2sos(zeros, poles, 1.0)
    # The gain that fits best over the band whose Allan deviation a record can show.
    f = np.geomspace(100.0 * LOWEST, rate / 20.0, 400)
    response = np.abs(sosfreqz(sections, f, fs=rate)[1]) ** 2 * 2.0 / rate
    gain = math.exp(0.5 * float(np.mean(np.log(1.0 / (np.pi * f) / response))))
    sections[0, :3] *= gain
    return sections
