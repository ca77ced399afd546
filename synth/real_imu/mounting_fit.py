"""Mounting fit: lag, mounting, lever arm and biases of a sensor on a moving segment, the equations of `alignment`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from mocap_import.stretch import stretches

_ITERATIONS = 4
_CUBIC = 3
_CROSS_ENTRIES = ((0, 1, 2, -1.0), (0, 2, 1, 1.0), (1, 0, 2, 1.0), (1, 2, 0, -1.0), (2, 0, 1, -1.0), (2, 1, 0, 1.0))


@dataclass(frozen=True)
class Readings:
    """Real readings (n, 3) at `time` (s), and functions of the motion's time that give those of the segment.

    `segment_force` are that of the origin and its changes for one metre along each segment axis.
    """

    time: np.ndarray
    turn: np.ndarray
    force: np.ndarray
    segment_turn: Callable[[np.ndarray], np.ndarray]
    segment_force: tuple[Callable[[np.ndarray], np.ndarray], ...]


@dataclass(frozen=True)
class MountingFit:
    """Lag (s), mounting (sensor → segment), offset (m), biases (m/s², rad/s), what is left over as shares of SD."""

    lag: float
    mounting: Rotation
    offset: np.ndarray
    force_bias: np.ndarray
    turn_bias: np.ndarray
    turn_share: float
    force_share: float


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


def fit_mounting(
    readings: Readings, use: np.ndarray, lags: tuple[float, float], step: float, biases: bool
) -> MountingFit:
    """Lag by the gyroscope, then all the rest; see the module."""
    turn = readings.turn[use]
    time = readings.time[use]

    def loss(lag: float) -> float:
        return _wahba(turn, readings.segment_turn(time - lag))[1]

    if lags[0] == lags[1]:
        return _with_lever(readings, use, lags[0], _mounting(turn, readings.segment_turn(time - lags[0])), biases)
    grid = np.linspace(lags[0], lags[1], max(3, int(np.ceil((lags[1] - lags[0]) / step)) + 1))
    best = grid[int(np.argmin([loss(lag) for lag in grid]))]
    bounds = (max(lags[0], best - 2.0 * step), min(lags[1], best + 2.0 * step))
    lag = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3 * step}).x)
    return _with_lever(readings, use, lag, _mounting(turn, readings.segment_turn(time - lag)), biases)


def _mounting(turn: np.ndarray, segment_turn: np.ndarray) -> Rotation:
    return Rotation.from_matrix(_wahba(turn, segment_turn)[0])


def _wahba(turn: np.ndarray, segment_turn: np.ndarray) -> tuple[np.ndarray, float]:
    """Mounting matrix M with centred turn ≈ M^T segment_turn, and the mean squared rest relative to the variance."""
    known = np.isfinite(segment_turn).all(axis=1)
    if known.sum() < 4:
        return np.eye(3), np.inf
    a, b = segment_turn[known], turn[known]
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    left, singular, right = np.linalg.svd(a.T @ b)
    proper = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    energy = float(np.vdot(b, b))
    rest = float(np.vdot(a, a)) + energy - 2.0 * float(singular @ proper)
    return left * proper @ right, rest / energy


def _with_lever(readings: Readings, use: np.ndarray, lag: float, mounting: Rotation, biases: bool) -> MountingFit:
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
    offset = _least_squares(rows, (force - origin @ into.T).ravel())[:3]
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
        step = _least_squares(np.vstack([of_turn, of_force]), rest)
        mounting, offset = mounting * Rotation.from_rotvec(step[:3]), offset + step[3:6]
        force_bias, turn_bias = step[6:9], step[9:]
    into = mounting.inv().as_matrix()
    turn_rest = turn - segment_turn @ into.T - turn_bias
    force_rest = force - (origin + lever @ offset) @ into.T - force_bias
    shares = residual_share(turn_rest, turn), residual_share(force_rest, force)
    return MountingFit(lag, mounting, offset, force_bias, turn_bias, *shares)


def _least_squares(rows: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """By the normal equations, columns brought to one length; 0 for a bias not asked for."""
    size = np.linalg.norm(rows, axis=0)
    scaled = rows / np.where(size > 0.0, size, 1.0)
    return np.linalg.lstsq(scaled.T @ scaled, scaled.T @ rest, rcond=None)[0] / np.where(size > 0.0, size, 1.0)


def _centred(values: np.ndarray, really: bool) -> np.ndarray:
    return values - values.mean(axis=0) if really else values


def _cross(vectors: np.ndarray) -> np.ndarray:
    """Matrices [v]× of v × (.), stacked to (3 n, 3)."""
    matrix = np.zeros((len(vectors), 3, 3))
    for row, column, axis, sign in _CROSS_ENTRIES:
        matrix[:, row, column] = sign * vectors[:, axis]
    return matrix.reshape(-1, 3)


def residual_share(residual: np.ndarray, signal: np.ndarray) -> float:
    """RMS of a centred residual (n, 3) over that of the centred signal, the three axes taken together."""
    rest, whole = residual - residual.mean(axis=0), signal - signal.mean(axis=0)
    return float(np.sqrt(np.mean(rest**2) / np.mean(whole**2)))
