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

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from mocap_import.stretch import stretches
from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu

N_BLOCKS = 8
MIN_SECONDS = 2.0
"""Shorter overlaps determine nothing."""
_ITERATIONS = 4
_CUBIC = 3


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


@dataclass(frozen=True)
class _Readings:
    """Real readings, and functions of the motion's time that give those of the segment."""

    time: np.ndarray
    turn: np.ndarray
    force: np.ndarray
    segment_turn: Callable[[np.ndarray], np.ndarray]
    segment_force: tuple[Callable[[np.ndarray], np.ndarray], ...]


@dataclass(frozen=True)
class _Fit:
    lag: float
    mounting: Rotation
    offset: np.ndarray
    force_bias: np.ndarray
    turn_bias: np.ndarray
    turn_share: float
    force_share: float


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
    whole = _fit(readings, shared, lags, step, biases)
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
        partial.append(_fit(readings, kept, near, step, biases))
    return _with_errors(whole, partial)


def _readings(real: ImuRecording, motion: SegmentMotion, motion_start: float, cutoff: float | None) -> _Readings:
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
    return _Readings(
        np.arange(len(turn)) / real.rate,
        turn,
        force,
        over_time(virtual[0].angular_velocity, motion.rate, start),
        tuple(over_time(part, motion.rate, start) for part in parts),
    )


def over_time(values: np.ndarray, rate: float, start: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    """Cubic splines through the known runs of a record (n, k) that begins at `start` (s); NaN between and outside."""
    known = np.isfinite(values).all(axis=1)
    runs = [(a, b) for a, b in zip(*stretches(known), strict=True) if b - a > _CUBIC]
    splines = [make_interp_spline(np.arange(a, b) / rate + start, values[a:b], k=_CUBIC) for a, b in runs]

    def at(time: np.ndarray) -> np.ndarray:
        found = np.full((len(time), values.shape[1]), np.nan)
        for (a, b), spline in zip(runs, splines, strict=True):
            inside = (time >= a / rate + start) & (time <= (b - 1) / rate + start)
            found[inside] = spline(time[inside])
        return found

    return at


def _fit(readings: _Readings, use: np.ndarray, lags: tuple[float, float], step: float, biases: bool) -> _Fit:
    """Lag by the gyroscope, then all the rest; see the module."""
    turn = readings.turn[use]
    time = readings.time[use]

    def loss(lag: float) -> float:
        return _wahba(turn, readings.segment_turn(time - lag))[1]

    if lags[0] == lags[1]:
        return _with_lever(readings, use, lags[0], _wahba(turn, readings.segment_turn(time - lags[0]))[0], biases)
    grid = np.linspace(lags[0], lags[1], max(3, int(np.ceil((lags[1] - lags[0]) / step)) + 1))
    best = grid[int(np.argmin([loss(lag) for lag in grid]))]
    bounds = (max(lags[0], best - 2.0 * step), min(lags[1], best + 2.0 * step))
    lag = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3 * step}).x)
    mounting, _ = _wahba(turn, readings.segment_turn(time - lag))
    return _with_lever(readings, use, lag, mounting, biases)


def _wahba(turn: np.ndarray, segment_turn: np.ndarray) -> tuple[Rotation, float]:
    """Mounting M with centred turn ≈ M^T segment_turn, and the mean squared rest relative to the variance."""
    known = np.isfinite(segment_turn).all(axis=1)
    if known.sum() < 4:
        return Rotation.identity(), np.inf
    a, b = segment_turn[known], turn[known]
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    left, singular, right = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(left @ right))
    matrix = left @ np.diag([1.0, 1.0, sign]) @ right
    energy = float(np.sum(b * b))
    rest = float(np.sum(a * a)) + energy - 2.0 * float(singular @ [1.0, 1.0, sign])
    return Rotation.from_matrix(matrix), rest / energy


def _with_lever(readings: _Readings, use: np.ndarray, lag: float, mounting: Rotation, biases: bool) -> _Fit:
    """Lever arm (and biases) at a given lag, then all of it with the mounting; see the module."""
    time = readings.time[use] - lag
    segment_turn = readings.segment_turn(time)
    origin, *levers = (part(time) for part in readings.segment_force)
    lever = np.stack(levers, axis=2)
    known = np.isfinite(segment_turn + origin + lever.sum(axis=2)).all(axis=1)
    turn, force = readings.turn[use][known], readings.force[use][known]
    segment_turn, origin, lever = segment_turn[known], origin[known], lever[known]
    bias = np.tile(np.eye(3), (len(turn), 1)) * float(biases)
    none = np.zeros_like(bias)
    into = mounting.inv().as_matrix()
    rows = np.hstack([(into @ lever).reshape(-1, 3), bias])
    offset = np.linalg.lstsq(rows, (force - origin @ into.T).ravel(), rcond=None)[0][:3]
    turn_bias = force_bias = np.zeros(3)
    for _ in range(_ITERATIONS):
        into = mounting.inv().as_matrix()
        modelled_turn, modelled_force = segment_turn @ into.T, (origin + lever @ offset) @ into.T
        turn_rest, force_rest = turn - modelled_turn, force - modelled_force
        weights = [1.0 / max(np.sqrt(np.mean(_centred(rest, biases) ** 2)), 1e-9) for rest in (turn_rest, force_rest)]
        # unknowns: small turn of M about the sensor axes, change of r, b_f, b_g; M^T v changes by M^T v × turn
        of_turn = weights[0] * np.hstack([_cross(modelled_turn), none, none, bias])
        of_force = weights[1] * np.hstack([_cross(modelled_force), (into @ lever).reshape(-1, 3), bias, none])
        rest = np.concatenate([weights[0] * turn_rest.ravel(), weights[1] * force_rest.ravel()])
        step = np.linalg.lstsq(np.vstack([of_turn, of_force]), rest, rcond=None)[0]
        mounting, offset = mounting * Rotation.from_rotvec(step[:3]), offset + step[3:6]
        force_bias, turn_bias = step[6:9], step[9:]
    into = mounting.inv().as_matrix()
    turn_rest = turn - segment_turn @ into.T - turn_bias
    force_rest = force - (origin + lever @ offset) @ into.T - force_bias
    shares = residual_share(turn_rest, turn), residual_share(force_rest, force)
    return _Fit(lag, mounting, offset, force_bias, turn_bias, *shares)


def _centred(values: np.ndarray, really: bool) -> np.ndarray:
    return values - values.mean(axis=0) if really else values


def _cross(vectors: np.ndarray) -> np.ndarray:
    """Matrices [v]× of v × (.), stacked to (3 n, 3)."""
    matrix = np.zeros((len(vectors), 3, 3))
    for row, column, axis, sign in _CROSS_ENTRIES:
        matrix[:, row, column] = sign * vectors[:, axis]
    return matrix.reshape(-1, 3)


_CROSS_ENTRIES = ((0, 1, 2, -1.0), (0, 2, 1, 1.0), (1, 0, 2, 1.0), (1, 2, 0, -1.0), (2, 0, 1, -1.0), (2, 1, 0, 1.0))


def residual_share(residual: np.ndarray, signal: np.ndarray) -> float:
    """RMS of a centred residual (n, 3) over that of the centred signal, the three axes taken together."""
    rest, whole = residual - residual.mean(axis=0), signal - signal.mean(axis=0)
    return float(np.sqrt(np.mean(rest**2) / np.mean(whole**2)))


def _with_errors(whole: _Fit, partial: list[_Fit]) -> SensorAlignment:
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
