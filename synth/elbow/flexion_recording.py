"""A recording of sustained flexion: what a laboratory has of it, with the faults of electrodes and effort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from synth.elbow.sustained_flexion import SustainedFlexion


@dataclass(frozen=True)
class RecordingNoise:
    """How good a recording is.

    Attributes
    ----------
    gain : float
        SD of the logarithm of each channel's scale in a trial: the maximum that it was divided by was not the maximum.
    amplitude : float
        SD of the estimated amplitude at an instant, over itself: noise of the estimate, coloured by `memory`.
    baseline : float
        Amplitude of a silent muscle.
    crosstalk : float
        Part of each channel that comes from the mean of all others.
    torque : float
        SD of tremor and transducer, over the torque.
    strength : tuple of float
        Mean and SD of the logarithm of the measured over the true maximum torque.
    memory : float
        Correlation of neighbouring instants.
    """

    gain: float
    amplitude: float
    baseline: float
    crosstalk: float
    torque: float
    strength: tuple[float, float]
    memory: float = 0.7


SIMULATED = RecordingNoise(0.10, 0.06, 0.01, 0.0, 0.01, (0.0, 0.05))
"""Of the factorial: the drives with modest faults, so that a network learns not to trust them blindly."""
SECOND = RecordingNoise(0.15, 0.10, 0.03, 0.08, 0.02, (-0.05, 0.08))
"""Of the second laboratory: more of each, and people who did not quite reach their maximum. Assumptions."""


@dataclass(frozen=True)
class FlexionRecording:
    """What a laboratory has, one row a trial.

    Attributes
    ----------
    activations : ndarray, shape (n, n_frames, n_muscles)
        Over those of a maximal effort.
    torque : ndarray, shape (n, n_frames)
        N·m.
    strength : ndarray, shape (n,)
        Measured maximum torque (N·m) of the rested arm at the trial's angle.
    rate : float
        Hz.
    """

    activations: np.ndarray
    torque: np.ndarray
    strength: np.ndarray
    rate: float


def record(
    flexion: SustainedFlexion, noise: RecordingNoise, rng: np.random.Generator, person: np.ndarray | None = None
) -> FlexionRecording:
    """Record simulated contractions.

    Parameters
    ----------
    flexion : SustainedFlexion
    noise : RecordingNoise
    rng : Generator
    person : ndarray of int, shape (n,), optional
        0, 1, ...: whose trial it is; one person has one measured strength for each capacity. Default: all others.
    """
    n, n_frames, n_muscles = flexion.drives.shape
    person = np.arange(n) if person is None else person
    gain = np.exp(noise.gain * rng.normal(size=(n, 1, n_muscles)))
    wobble = 1.0 + noise.amplitude * _coloured(rng.normal(size=(n, n_frames, n_muscles)), noise.memory)
    others = (flexion.drives.sum(axis=2, keepdims=True) - flexion.drives) / (n_muscles - 1)
    heard = (1.0 - noise.crosstalk) * flexion.drives + noise.crosstalk * others
    activations = gain * np.maximum(wobble, 0.0) * np.hypot(heard, noise.baseline)
    tremor = 1.0 + noise.torque * _coloured(rng.normal(size=(n, n_frames, 1)), noise.memory)[..., 0]
    effort = np.exp(noise.strength[0] + noise.strength[1] * rng.normal(size=int(person.max()) + 1))
    return FlexionRecording(activations, flexion.torque * tremor, flexion.capacity * effort[person], flexion.rate)


def _coloured(white: np.ndarray, memory: float) -> np.ndarray:
    """First-order noise of unit SD along the second axis."""
    first = white[:, :1]
    rest, _ = lfilter([np.sqrt(1.0 - memory**2)], [1.0, -memory], white[:, 1:], axis=1, zi=memory * first)
    return np.concatenate([first, rest], axis=1)
