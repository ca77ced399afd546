"""Alignment of a real sensor with the motion of its segment: lag, mounting, lever arm and biases.

A sensor that is mounted by the rotation M (sensor → segment) at the offset r of its segment, whose clock reads ``lag``
more than the clock of the motion when both see the same instant, reads

    g(t) = M^T w(t - lag) + b_g
    f(t) = M^T [s_0(t - lag) + S(t - lag) r] + b_f

where w is the angular velocity of the segment in its own axes, s_0 the specific force at its origin, and the columns
of S the change of specific force for one metre along each segment axis, S r = dw/dt × r + w × (w × r). All of them
come from `simulate_imu`, so that the fit and the virtual sensor share every filter.

1. Gyroscope: at a given lag the best M of the centred readings is Wahba's problem (SIAM Rev 7:409, 1965), solved by
   singular value decomposition (Kabsch, Acta Cryst A32:922, 1976). The lag is searched on a grid of half samples and
   then continuously, the virtual readings being interpolated by cubic splines (they are band-limited, the real ones
   are not).
2. Accelerometer: r and b_f by linear least squares.
3. Both: M, r, b_f and b_g together by Gauss-Newton, each sensor weighted by the inverse variance of its residual.
   Walking turns a segment mostly about one axis, about which the gyroscope says little of M; gravity tells it.

Standard errors are those of the delete-one-block jackknife over contiguous blocks (Künsch, Ann Stat 17:1217, 1989),
because the residual is coloured and formulas for white noise would be several times too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.mounting_fit import MountingFit, Readings, fit_mounting, over_time

N_BLOCKS = 8
MIN_SECONDS = 2.0
"""Shorter overlaps determine nothing."""


@dataclass(frozen=True)
class SensorAlignment:
    """How a real sensor sits on a moving segment, with standard errors (`_se`).

    Attributes
    ----------
    lag : float
        Time of the real clock minus time of the motion (s).
    mounting : Rotation
        Sensor → segment.
    offset : ndarray, shape (3,)
        Position (m) in the segment frame.
    gyroscope_bias, accelerometer_bias : ndarray, shape (3,)
        rad/s and m/s², sensor axes.
    lag_se : float
        s.
    mounting_se, offset_se, gyroscope_bias_se, accelerometer_bias_se : ndarray, shape (3,)
        rad about the sensor axes, m, rad/s, m/s².
    gyroscope_share, accelerometer_share : float
        RMS of what is left over, as a share of the SD of the real signal (all three axes together), in the band of the
        fit.
    """

    lag: float
    mounting: Rotation
    offset: np.ndarray
    gyroscope_bias: np.ndarray
    accelerometer_bias: np.ndarray
    lag_se: float
    mounting_se: np.ndarray
    offset_se: np.ndarray
    gyroscope_bias_se: np.ndarray
    accelerometer_bias_se: np.ndarray
    gyroscope_share: float
    accelerometer_share: float


def align_sensor(
    real: ImuRecording,
    motion: SegmentMotion,
    *,
    motion_start: float = 0.0,
    lags: tuple[float, float] = (-0.2, 0.2),
    lag: float | None = None,
    biases: bool = True,
    cutoff: float | None = None,
    use: np.ndarray | None = None,
) -> SensorAlignment:
    """Fit lag, mounting, lever arm and biases of a real sensor on the motion of its segment.

    Parameters
    ----------
    real : ImuRecording
        What the sensor read, its own axes; its placement names the sensor and the segment.
    motion : SegmentMotion
        Of that segment; its rate may differ.
    motion_start : float
        Nominal time (s) of the motion's first frame on the real clock, whose first sample is at 0.
    lags : tuple
        Range (s) in which the lag is searched.
    lag : float, optional
        Known lag (s), not searched: sensors of one station share a clock (`trial_lag`).
    biases : bool
        Fit them, which needs a sensor that turns through many attitudes (a board in the hand). On a walking person a
        free accelerometer bias only hides a wrong mounting (fits of 2 to 4 m/s² were seen, while the bias of a
        calibrated sensor is below 0.3 m/s²); leave them at zero there, and gravity tells the mounting.
    cutoff : float, optional
        Zero-lag low-pass (Hz) of both sides for the fit.
    use : ndarray of bool, shape (n_samples,), optional
        Samples of the real recording to fit on.

    Returns
    -------
    SensorAlignment
        Its lag is relative to `motion_start`.

    Raises
    ------
    ValueError
        If the segments differ, the overlap is too short, or the best lag lies at the end of the range.
    """
    if real.placement.segment != motion.segment:
        raise ValueError(
            f"sensor {real.placement.sensor!r} is worn on {real.placement.segment!r}, but the motion is that of "
            f"{motion.segment!r}. Pass the motion of the segment that carries the sensor."
        )
    readings = _readings(real, motion, motion_start, cutoff)
    shared = np.isfinite(readings.segment_turn(readings.time) + readings.turn + readings.force).all(axis=1)
    if use is not None:
        shared &= use
    if shared.sum() < MIN_SECONDS * real.rate:
        raise ValueError(
            f"sensor {real.placement.sensor!r}: {shared.sum() / real.rate:.1f} s are known of both the sensor and the "
            f"segment, expected at least {MIN_SECONDS:g} s. Check motion_start ({motion_start:g} s)."
        )
    step = 0.5 / real.rate
    if lag is not None:
        lags = (lag, lag)
    whole = fit_mounting(readings, shared, lags, step, biases)
    if lag is None and not lags[0] + step < whole.lag < lags[1] - step:
        raise ValueError(
            f"sensor {real.placement.sensor!r}: the best lag {whole.lag:.3f} s lies at the end of the range "
            f"{lags[0]:g} to {lags[1]:g} s. Widen it, or the recordings are not of the same movement."
        )
    near = lags if lag is not None else (whole.lag - 2.0 * step, whole.lag + 2.0 * step)
    blocks = np.array_split(np.flatnonzero(shared), N_BLOCKS)
    partial = []
    for block in blocks:
        kept = shared.copy()
        kept[block] = False
        partial.append(fit_mounting(readings, kept, near, step, biases))
    return _with_errors(whole, partial)


def _readings(real: ImuRecording, motion: SegmentMotion, motion_start: float, cutoff: float | None) -> Readings:
    start = motion_start
    virtual = [
        simulate_imu(
            motion, SensorPlacement(real.placement.sensor, motion.segment, offset), method="spline", cutoff=cutoff
        )
        for offset in np.vstack([np.zeros(3), np.eye(3)])
    ]
    origin = virtual[0].specific_force
    parts = [origin, *(v.specific_force - origin for v in virtual[1:])]
    turn, force = real.angular_velocity, real.specific_force
    if cutoff is not None and cutoff < 0.5 * real.rate:
        turn, force = low_pass(turn, real.rate, cutoff), low_pass(force, real.rate, cutoff)
    return Readings(
        np.arange(len(turn)) / real.rate,
        turn,
        force,
        over_time(virtual[0].angular_velocity, motion.rate, start),
        tuple(over_time(part, motion.rate, start) for part in parts),
    )


def _with_errors(whole: MountingFit, partial: list[MountingFit]) -> SensorAlignment:
    turns = [(whole.mounting.inv() * fit.mounting).as_rotvec() for fit in partial]
    errors = (
        _spread(turns),
        *(_spread([getattr(f, key) for f in partial]) for key in ("offset", "turn_bias", "force_bias")),
    )
    return SensorAlignment(
        lag=whole.lag,
        mounting=whole.mounting,
        offset=whole.offset,
        gyroscope_bias=whole.turn_bias,
        accelerometer_bias=whole.force_bias,
        lag_se=float(_spread([[fit.lag] for fit in partial])[0]),
        mounting_se=errors[0],
        offset_se=errors[1],
        gyroscope_bias_se=errors[2],
        accelerometer_bias_se=errors[3],
        gyroscope_share=whole.turn_share,
        accelerometer_share=whole.force_share,
    )


def trial_lag(alignments: Sequence[SensorAlignment]) -> float:
    """Lag (s) of a station whose sensors share one clock: the median over its sensors.

    Soft tissue that lags behind the bone, or a segment that hardly turns, moves the lag of a single sensor by tens of
    milliseconds.
    """
    return float(np.median([found.lag for found in alignments]))


def _spread(values: list) -> np.ndarray:
    """Jackknife standard error, sqrt((n - 1) / n Σ (x_i - mean)²)."""
    table = np.asarray(values, dtype=float)
    return np.sqrt((len(table) - 1) * np.var(table, axis=0))
