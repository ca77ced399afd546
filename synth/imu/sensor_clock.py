"""The clock of a sensor: when its samples are really taken, and which of them never arrive.

Sample k of a record is labelled k / rate. A sensor whose clock is off by an offset o, runs fast or slow by a share d
and trembles by a jitter j takes it at  k / rate (1 + d) + o + j_k.  What it reads there is found by a cubic spline
through the unbroken stretches of the record; outside them nothing is known and the sample is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline

from mocap_import.stretch import stretches

_DEGREE = 3


@dataclass(frozen=True)
class ClockErrors:
    """How clocks and radio links of a kind of sensor differ from perfect ones.

    Attributes
    ----------
    offset : float
        SD (s) of the constant offset, drawn per sensor and trial.
    drift : float
        SD of the rate error as a share (20e-6 for 20 ppm), drawn per sensor and trial.
    jitter : float
        SD (s) of the instant of each sample, independent from sample to sample.
    dropped_share : float
        Expected share of samples that are lost, 0 to below 1.
    dropped_length : float
        Mean number of samples lost in a row, >= 1.
    """

    offset: float = 0.0
    drift: float = 0.0
    jitter: float = 0.0
    dropped_share: float = 0.0
    dropped_length: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no clock."""
        for name in ("offset", "drift", "jitter"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(f"clock {name} must be a standard deviation >= 0; got {getattr(self, name)!r}.")
        if not 0.0 <= self.dropped_share < 1.0:
            raise ValueError(f"dropped_share must be a share from 0 to below 1; got {self.dropped_share!r}.")
        if not 1.0 <= self.dropped_length < np.inf:
            raise ValueError(f"dropped_length must be 1 sample or more; got {self.dropped_length!r}.")

    @property
    def is_perfect(self) -> bool:
        """Whether samples are taken when they are labelled (some may still be lost)."""
        return self.offset == self.drift == self.jitter == 0.0


def sample_times(n_frames: int, rate: float, *, offset: float, drift: float, jitter: np.ndarray | float) -> np.ndarray:
    """When the samples of a record are really taken.

    Parameters
    ----------
    n_frames : int
    rate : float
        Nominal rate (Hz).
    offset, drift : float
        s, share.
    jitter : ndarray, shape (n_frames,), or float
        s.

    Returns
    -------
    ndarray, shape (n_frames,)
        s after the first nominal sample.
    """
    return np.arange(n_frames) / rate * (1.0 + drift) + offset + jitter


def read_at(values: np.ndarray, rate: float, times: np.ndarray) -> np.ndarray:
    """What a record reads at other times.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_channels)
        At k / rate; NaN where missing.
    rate : float
        Hz.
    times : ndarray, shape (n_times,)
        s.

    Returns
    -------
    ndarray, shape (n_times, n_channels)
        NaN outside the unbroken stretches of four frames or more.
    """
    read = np.full((len(times), values.shape[1]), np.nan)
    position = np.asarray(times) * rate
    nearest = np.rint(position)
    # On a sample to within rounding: its own value, so a perfect clock changes nothing.
    position = np.where(np.abs(position - nearest) < 1e-9, nearest, position)
    for start, stop in zip(*stretches(np.isfinite(values).all(axis=1)), strict=True):
        inside = (position >= start) & (position <= stop - 1)
        if inside.any() and stop - start > _DEGREE:
            spline = make_interp_spline(np.arange(stop - start, dtype=float), values[start:stop], k=_DEGREE)
            read[inside] = spline(position[inside] - start)
    return read


def draw_dropped(n_frames: int, errors: ClockErrors, rng: np.random.Generator) -> np.ndarray:
    """Draw which samples are lost: stretches of geometric length with geometric stretches between them.

    Returns
    -------
    ndarray of bool, shape (n_frames,)
        True where lost. The first frames of a long record are the short record.
    """
    lost = np.zeros(n_frames, dtype=bool)
    if errors.dropped_share == 0.0:
        return lost
    kept_length = errors.dropped_length * (1.0 / errors.dropped_share - 1.0)
    # A mean below one kept sample between two losses is one longer loss: geometric lengths that may be zero.
    at, is_lost = 0, bool(rng.random() < errors.dropped_share)
    while at < n_frames:
        if is_lost:
            length = int(rng.geometric(1.0 / errors.dropped_length))
            lost[at : at + length] = True
        else:
            length = int(rng.geometric(1.0 / (1.0 + kept_length))) - 1
        at += length
        is_lost = not is_lost
    return lost
