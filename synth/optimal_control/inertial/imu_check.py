"""IMU check: records that no movement can be found from, and movements that do not explain their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS

LARGEST_MISFIT, LARGEST_CHANNEL_MISFIT = 2.5, 15.0
"""Misfit, in expected variances, beyond which noise and model error explain no record: the mean of all channels, and
that of one. Virtual walks reach 1.3 and 3, real strides without a measured variance 1.7 and 6.5."""
_CHANNELS = {
    3: ("force along x", "force along y", "angular velocity"),
    6: tuple(f"{what} along {axis}" for what in ("force", "angular velocity") for axis in "xyz"),
}


def check_records(recordings: Sequence[ImuRecording], duration: float, speed: float | None) -> None:
    """Refuse records that no movement can be found from."""
    found = [r.placement.segment for r in recordings]
    missing = [s for s in SENSOR_SEGMENTS if s not in found]
    if missing or len(found) != len(SENSOR_SEGMENTS):
        wrong = f"none is on {', '.join(missing)}" if missing else "there is another one"
        raise ModelMismatch(
            f"IMU tracking needs seven sensors, one each on {', '.join(SENSOR_SEGMENTS)}; {wrong} (found "
            f"{', '.join(found) or 'none'}). Add or choose recordings."
        )
    check_cycle(recordings, duration, speed)


def check_cycle(recordings: Sequence[ImuRecording], duration: float, speed: float | None) -> None:
    """Refuse records that are not one whole cycle of all sensors, and durations and speeds that nobody walks with."""
    lengths = {len(r.specific_force) for r in recordings}
    if len(lengths) != 1 or min(lengths) < 20:
        raise ModelMismatch(
            f"IMU tracking needs the same cycle of all sensors, at least 20 samples; got {sorted(lengths)} samples. "
            "Resample them, e.g. with `imu_cycle.average_cycle`."
        )
    for r in recordings:
        gaps = int((~np.isfinite(np.hstack([r.specific_force, r.angular_velocity])).all(axis=1)).sum())
        if gaps:
            raise ModelMismatch(
                f"sensor {r.placement.sensor} on {r.placement.segment} has {gaps} missing samples within the cycle. "
                "Choose another cycle or fill the gap."
            )
    if not 0.3 <= duration <= 3.0:
        raise ModelMismatch(f"expected a gait cycle of 0.3-3 s, got {duration:.3f} s. Check its unit and its events.")
    if speed is not None and not 0.2 <= speed <= 8.0:
        raise ModelMismatch(f"expected a speed of 0.2-8 m/s, got {speed} m/s. Check its unit, or leave it unknown.")


def check_window(recordings: Sequence[ImuRecording], window: tuple[float, float]) -> None:
    """Refuse a window (s from the first sample) that is not inside the records, or in which samples are missing."""
    start, end = window
    for r in recordings:
        time = np.arange(len(r.specific_force)) / r.rate
        if start < 0.0 or end > len(time) / r.rate:
            raise ModelMismatch(
                f"the window from {start:g} to {end:g} s is not inside the record of sensor {r.placement.sensor}, "
                f"which lasts {len(time) / r.rate:.2f} s. Choose one inside it, in seconds from the first sample."
            )
        missing = ~np.isfinite(np.hstack([r.specific_force, r.angular_velocity])).all(axis=1)
        gaps = int(missing[(time > start - 1.0 / r.rate) & (time < end + 1.0 / r.rate)].sum())
        if gaps:
            raise ModelMismatch(
                f"sensor {r.placement.sensor} on {r.placement.segment} has {gaps} missing samples between {start:g} "
                f"and {end:g} s. Choose another window or fill the gap."
            )


def refusal(misfits: Mapping[str, np.ndarray]) -> str:
    """Why misfits (see `imu_misfit.sensor_misfit`) are more than noise and model error; empty if they are not."""
    mean = float(np.mean(list(misfits.values())))
    worst = max(misfits, key=lambda segment: misfits[segment].max())
    channel = _CHANNELS[len(misfits[worst])][int(np.argmax(misfits[worst]))]
    most = float(misfits[worst].max())
    if mean <= LARGEST_MISFIT and most <= LARGEST_CHANNEL_MISFIT:
        return ""
    return (
        f"the sensors' misfit is {mean:.1f} times what noise and model error explain (limit {LARGEST_MISFIT:g}), worst "
        f"{most:.0f} times: {channel} on {worst} (limit {LARGEST_CHANNEL_MISFIT:g}): a wrong basin or a wrong record. "
        "Try more starts; check that sensor's axes and placement, and the cycle's events."
    )
