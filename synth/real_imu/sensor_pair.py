"""A pair: what a real sensor read, and what a virtual one reads on the measured motion of the same segment.

Both on the real clock. The virtual side is interpolated, because it is band-limited; interpolating the real side would
filter the very errors that are to be studied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from opensim_models.motion import SegmentMotion
from synth.imu.learnt_error import MIRROR
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.alignment import SensorAlignment, align_sensor
from synth.real_imu.mounting_fit import over_time

CHANNELS = ("force_x", "force_y", "force_z", "turn_x", "turn_y", "turn_z")
"""Columns of `channels`: specific force (m/s²) and angular velocity (rad/s)."""


@dataclass(frozen=True)
class SensorPair:
    """A real and a virtual recording of one sensor, sample by sample.

    Attributes
    ----------
    real : ImuRecording
        In sensor axes, biases of the alignment removed; its placement is the fitted one.
    virtual : ImuRecording
        Same placement, rate and length; NaN where the motion is unknown.
    alignment : SensorAlignment
    """

    real: ImuRecording
    virtual: ImuRecording
    alignment: SensorAlignment


def make_pair(
    real: ImuRecording,
    motion: SegmentMotion,
    *,
    motion_start: float = 0.0,
    lags: tuple[float, float] = (-0.2, 0.2),
    lag: float | None = None,
    biases: bool = False,
    fit_cutoff: float | None = 10.0,
    force_cutoff: float | None = 10.0,
    turn_cutoff: float | None = 10.0,
    use: np.ndarray | None = None,
    alignment: SensorAlignment | None = None,
) -> SensorPair:
    """Align a real sensor with the motion of its segment and put the virtual one beside it.

    Parameters
    ----------
    real : ImuRecording
        Own axes; its placement names sensor and segment.
    motion : SegmentMotion
    motion_start, lags, lag, biases, use
        See `align_sensor`.
    fit_cutoff : float, optional
        Low-pass (Hz) of both sides for the alignment.
    force_cutoff, turn_cutoff : float, optional
        Low-pass (Hz) of the motion for the virtual accelerometer and gyroscope. The real side is never filtered.
    alignment : SensorAlignment, optional
        Found before (with the same `motion_start`), not fitted again.

    Returns
    -------
    SensorPair
        As long as the part of the real recording that the motion spans.

    Raises
    ------
    ValueError
        As of `align_sensor`.
    """
    found = alignment or align_sensor(
        real, motion, motion_start=motion_start, lags=lags, lag=lag, biases=biases, cutoff=fit_cutoff, use=use
    )
    placement = SensorPlacement(real.placement.sensor, motion.segment, found.offset, found.mounting)
    force = simulate_imu(motion, placement, method="spline", cutoff=force_cutoff).specific_force
    turn = simulate_imu(motion, placement, method="spline", cutoff=turn_cutoff).angular_velocity
    start = motion_start + found.lag
    time = np.arange(len(real.specific_force)) / real.rate
    inside = (time >= start) & (time <= start + (len(motion.origin) - 1) / motion.rate)
    return SensorPair(
        replace(
            real,
            placement=placement,
            specific_force=real.specific_force[inside] - found.accelerometer_bias,
            angular_velocity=real.angular_velocity[inside] - found.gyroscope_bias,
        ),
        ImuRecording(
            placement,
            over_time(force, motion.rate, start)(time[inside]),
            over_time(turn, motion.rate, start)(time[inside]),
            real.rate,
        ),
        found,
    )


def mirrored_channels(recording: ImuRecording) -> np.ndarray:
    """Channels (n, 6) in segment axes, a left sensor reflected to the right side."""
    return channels(recording) * (MIRROR if recording.placement.segment.endswith("_l") else 1.0)


def part(pair: SensorPair, start: int, stop: int) -> SensorPair:
    """Samples `start` to `stop` of a pair: a contiguous block."""

    def cut(recording: ImuRecording) -> ImuRecording:
        force, turn = recording.specific_force[start:stop], recording.angular_velocity[start:stop]
        return replace(recording, specific_force=force, angular_velocity=turn)

    return SensorPair(cut(pair.real), cut(pair.virtual), pair.alignment)


def channels(recording: ImuRecording) -> np.ndarray:
    """The six channels (n, 6) of a recording in *segment* axes, in the order of `CHANNELS`.

    Sensor axes are whatever the maker chose; the errors of skin and model follow the body, so spectra of different
    laboratories are compared in segment axes.
    """
    mounting = recording.placement.mounting
    known = np.isfinite(recording.specific_force + recording.angular_velocity).all(axis=1)
    table = np.full((len(known), 6), np.nan)
    table[known, :3] = mounting.apply(recording.specific_force[known])
    table[known, 3:] = mounting.apply(recording.angular_velocity[known])
    return table
