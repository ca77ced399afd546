"""Spectral gap: how far virtual sensors with drawn errors are from the real ones of the same pairs.

Log-spectral distance between two-second Welch spectra in segment axes, and whether a fixed classifier can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.peers.paired_sensors import PairedWalk
from benchmarks.peers.real_or_virtual import accuracy
from synth.imu.learnt_error import SEGMENT_CLASSES
from synth.imu.recording import ImuRecording
from synth.real_imu.residual_spectrum import cross_spectra, log_spectral_distance
from synth.real_imu.sensor_pair import SensorPair, mirrored_channels, part

CLASSES = ("pelvis", "thigh", "shank", "foot")
BAND = (0.5, 45.0)
"""Hz: from the first line that two-second blocks resolve to 0.9 of half the rate."""
LOW_BAND = (0.5, 12.0)
"""Hz, where markers see something."""
N_DRAWS = 5

Drawing = Callable[[ImuRecording, np.random.Generator], ImuRecording]


@dataclass(frozen=True)
class Row:
    """Results of one error model on one set of pairs: per class and channel (4, 6), and accuracy per class (4,)."""

    distance: np.ndarray
    low_distance: np.ndarray
    accuracy: np.ndarray


def walking(walk: PairedWalk, pairs: Sequence[SensorPair]) -> list[SensorPair]:
    """The part of each pair in which the person walks."""
    return [part(pair, *walk.walking) for pair in pairs]


def measure(testing: Sequence[SensorPair], draw: Drawing, *, told: Sequence[SensorPair] | None = None) -> Row:
    """Distances of one error model, and accuracies of the classifier on `told` (the same pairs by default).

    A walk of ten seconds is too short for a classifier; it gets the whole trial.
    """
    distance, low, share = np.zeros((4, 6)), np.zeros((4, 6)), np.zeros(4)
    told = by_class(testing if told is None else told)
    for index, (name, pairs) in enumerate(by_class(testing).items()):
        for seed in range(N_DRAWS):
            for table in _tables(pairs, draw, (seed, index)):
                frequency, matrix = cross_spectra(table, pairs[0].real.rate)
                power = np.einsum("fcc->fc", matrix).real
                weight = 1.0 / (N_DRAWS * len(pairs))
                distance[index] += weight * log_spectral_distance(power[:, :6], power[:, 6:], frequency, BAND)
                low[index] += weight * log_spectral_distance(power[:, :6], power[:, 6:], frequency, LOW_BAND)
            if told[name]:
                worn = [(table[:, :6], table[:, 6:]) for table in _tables(told[name], draw, (seed, index))]
                share[index] += accuracy(worn, pairs[0].real.rate) / N_DRAWS
    return Row(distance, low, share)


def _tables(pairs: Sequence[SensorPair], draw: Drawing, seed: Sequence[int]) -> list[np.ndarray]:
    """Channels of the real sensor and of the virtual one with drawn errors (n, 12), NaN where either is unknown."""
    found = []
    for number, pair in enumerate(pairs):
        rng = np.random.default_rng([*seed, number])
        table = np.hstack([mirrored_channels(pair.real), mirrored_channels(draw(pair.virtual, rng))])
        table[~np.isfinite(table).all(axis=1)] = np.nan
        found.append(table)
    return found


def by_class(pairs: Sequence[SensorPair]) -> dict[str, list[SensorPair]]:
    """Pairs of each segment class."""
    return {name: [p for p in pairs if SEGMENT_CLASSES[p.real.placement.segment] == name] for name in CLASSES}
