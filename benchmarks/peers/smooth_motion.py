"""Smooth motion: measured coordinates as a Fourier series up to a band, so that every derivative is known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.dynamics_figures.inverse_dynamics import rajagopal_walk
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics


@dataclass(frozen=True)
class SmoothMotion:
    """Coordinates that repeat with a period, on top of a steady drift.

    Attributes
    ----------
    skeleton : Skeleton
    coordinates : tuple of str
    drift : ndarray, shape (n_q,)
        Per second.
    start : ndarray, shape (n_q,)
        Mean of the periodic part.
    amplitude : complex ndarray, shape (n_harmonics, n_q)
        Of harmonics 1, 2, ...
    period : float
        s.
    """

    skeleton: Skeleton
    coordinates: tuple[str, ...]
    drift: np.ndarray
    start: np.ndarray
    amplitude: np.ndarray
    period: float

    def states(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates, speeds and accelerations (n, n_q) at times (s), exact."""
        turn = 2j * np.pi * np.arange(1, len(self.amplitude) + 1) / self.period
        wave = np.exp(np.outer(time, turn))
        q, qd, qdd = ((wave * turn**order @ self.amplitude).real for order in range(3))
        return q + self.start + np.outer(time, self.drift), qd + self.drift, qdd


def smooth_walk(data: Path, band: float) -> SmoothMotion:
    """The Rajagopal example's walk (1.35 s at 1 kHz), all that is above `band` (Hz) left out."""
    _model, skeleton, kinematics, _reactions = rajagopal_walk(data)
    return smooth_motion(skeleton, kinematics, band)


def smooth_motion(skeleton: Skeleton, kinematics: Kinematics, band: float) -> SmoothMotion:
    """Fourier series of coordinates up to `band` (Hz), made periodic by a steady drift between their ends."""
    values, n = kinematics.values, len(kinematics.values)
    period = n / kinematics.rate
    drift = (values[-1] - values[0]) / (n - 1)
    spectrum = np.fft.rfft(values - np.outer(np.arange(n), drift), axis=0) / n
    highest = int(np.floor(band * period))
    return SmoothMotion(
        skeleton,
        kinematics.coordinates,
        drift * kinematics.rate,
        spectrum[0].real,
        2.0 * spectrum[1 : highest + 1],
        period,
    )


def smooth_harmonics(
    skeleton: Skeleton, rng: np.random.Generator, turn: float = 0.3, shift: float = 0.05, highest: int = 8
) -> SmoothMotion:
    """Harmonics 1, 2, 4 .. `highest` of 1 Hz with random phase in every coordinate.

    Amplitudes are `turn` (rad) or `shift` (m) over the number of the harmonic to the power 1.5.
    """
    n_q, period = len(skeleton.coordinates), 1.0
    amplitude = np.array([turn if c.kind == "rotation" else shift for c in skeleton.coordinates])
    spectrum = np.zeros((highest, n_q), dtype=complex)
    number = 1
    while number <= highest:
        spectrum[number - 1] = amplitude / number**1.5 * np.exp(1j * rng.uniform(0.0, 2.0 * np.pi, n_q))
        number *= 2
    return SmoothMotion(skeleton, skeleton.coordinate_names, np.zeros(n_q), np.zeros(n_q), spectrum, period)
