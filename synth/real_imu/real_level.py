"""Real levels: spectra of real sensors of persons of whom no motion was measured, for the table of learnt errors.

Gain and coherence need a pair; the level (`error_learning`) needs only to know which way the sensor sits. That follows
from the walk itself: the mean specific force of a walk is nearly vertical, and a leg segment turns mostly about one
axis, the signed principal axis of its angular velocity. Both directions are known in segment axes from a pair of the
same kind of sensor; the mounting that brings the person's directions onto them is Wahba's, the vertical counted ten
times. A segment without a dominant axis (the pelvis) keeps the mounting of the pair, turned the shortest way onto the
vertical. That persons carry their segments as the pair's person does is an assumption; it is right within some ten
degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.frequency_band import band_power_mean
from synth.imu.learnt_error import activity
from synth.imu.recording import ImuRecording
from synth.real_imu.residual_spectrum import cross_spectra
from synth.real_imu.sensor_pair import SensorPair, channels, mirrored_channels

DOMINANT = 0.7
"""Share of the variance of angular velocity about its principal axis from which on the axis is one."""
_VERTICAL_WEIGHT = 10.0


@dataclass(frozen=True)
class SegmentDirections:
    """Mean specific force (unit vector) and signed principal turning axis in some axes, and the axis' share."""

    up: np.ndarray
    axis: np.ndarray
    share: float


def directions(recording: ImuRecording) -> SegmentDirections:
    """Directions of a walk in sensor axes; the axis points the way in which the fast turning is (third moment)."""
    known = np.isfinite(recording.specific_force + recording.angular_velocity).all(axis=1)
    force, turn = recording.specific_force[known].mean(axis=0), recording.angular_velocity[known]
    turn = turn - turn.mean(axis=0)
    values, vectors = np.linalg.eigh(turn.T @ turn)
    axis = vectors[:, -1] * np.sign(np.mean((turn @ vectors[:, -1]) ** 3))
    return SegmentDirections(force / np.linalg.norm(force), axis, float(values[-1] / values.sum()))


def functional_mounting(recording: ImuRecording, pair: SensorPair) -> Rotation:
    """Mounting (sensor → segment) of a walking person's sensor, by a pair of the same segment.

    Of the axis' two signs, the one that is nearer to the pair's mounting counts where the third moment is weak.
    """
    own, known, mounting = directions(recording), directions(pair.real), pair.real.placement.mounting
    up, axis = mounting.apply(known.up), mounting.apply(known.axis)
    if known.share < DOMINANT:
        turned = mounting.apply(own.up)
        return Rotation.align_vectors([up], [turned])[0] * mounting
    weights = [_VERTICAL_WEIGHT, 1.0]
    found = [Rotation.align_vectors([up, axis], [own.up, sign * own.axis], weights=weights)[0] for sign in (1.0, -1.0)]
    return min(found, key=lambda rotation: (mounting.inv() * rotation).magnitude())


def real_level(recording: ImuRecording, pair: SensorPair, edges: np.ndarray, reference_cutoff: float) -> np.ndarray:
    """Level (n_bands, 6), 1/Hz, of a real sensor without a pair of its own.

    The activity is that of the real signal below the reference cut-off, times the ratio of virtual to real activity in
    the pair.
    """
    placement = replace(recording.placement, mounting=functional_mounting(recording, pair))
    own = mirrored_channels(replace(recording, placement=placement))
    frequency, matrix = cross_spectra(own, recording.rate)
    power = np.einsum("fcc->fc", matrix).real
    real, virtual = (_whole(channels(side)) for side in (pair.real, pair.virtual))
    ratio = activity(virtual, pair.real.rate, reference_cutoff) / activity(real, pair.real.rate, reference_cutoff)
    return band_power_mean(power, frequency, edges) / (ratio * activity(_whole(own), recording.rate, reference_cutoff))


def _whole(table: np.ndarray) -> np.ndarray:
    return table[np.isfinite(table).all(axis=1)]


def mean_level(by_person: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Geometric mean over persons of each person's geometric mean."""
    return np.exp(np.mean([np.mean(np.log(levels), axis=0) for levels in by_person], axis=0))
