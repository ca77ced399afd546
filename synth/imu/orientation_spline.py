"""Orientation spline: a smooth curve through sampled orientations, and the angular velocity along it.

A cumulative B-spline of degree 5 on the rotations (`orientation_curve`): four times continuously differentiable,
independent of the frame it is expressed in, and exact at constant angular velocity. Its controls are corrected by what
is missing at the frames, expressed in coefficients of the ordinary spline, until nothing is.

Rotations do not commute, so the curve run backwards is another one, and what it errs is nearly the opposite: the mean
of both (three to ten times as exact on motion band-limited to 8 Hz at 100 Hz) is what `angular_velocity` gives. Its
error is about a millionth of the angular velocity there and falls with the fourth power of the rate.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from scipy.linalg.lapack import dgbtrf, dgbtrs
from scipy.spatial.transform import Rotation

from opensim_models.kernel.compilation import announce_compilation
from synth.imu import orientation_kernel
from synth.imu.differentiation import DEGREE, VALUE, runs

EXACT = 1e-11
"""rad; a curve this near to every sample goes through it."""
MOST_CORRECTIONS = 30
SECONDS_TO_COMPILE = 4
_BEYOND_COEFFICIENTS = np.array([6.0, -15.0, 20.0, -15.0, 6.0, -1.0])


def angular_velocity(orientation: Rotation, rate: float, present: np.ndarray | None = None) -> np.ndarray:
    """Angular velocity of the spline through sampled orientations.

    Parameters
    ----------
    orientation : Rotation, length n
        Body → ground.
    rate : float
        Samples per second (Hz).
    present : bool array, shape (n,), optional
        False where the orientation is missing; each unbroken run is a spline of its own.

    Returns
    -------
    ndarray, shape (n, 3)
        rad/s in the body's axes; NaN where missing and in runs of fewer than six frames.
    """
    quaternion = np.atleast_2d(orientation.as_quat())
    velocity = np.full((len(quaternion), 3), np.nan)
    for run in runs(np.ones(len(quaternion), dtype=bool) if present is None else present):
        announce_compilation(orientation_kernel.missing_turn, "orientation spline", SECONDS_TO_COMPILE)
        velocity[run] = rate * spline_speed(np.ascontiguousarray(quaternion[run]))
    return velocity


def spline_speed(quaternion: np.ndarray, curve: ModuleType = orientation_kernel) -> np.ndarray:
    """Angular velocity (n, 3; rad a frame, moving axes) of the spline through unit quaternions (n, 4; n >= 6), no gaps.

    `curve` is `orientation_kernel` or, for comparison, `orientation_curve`.
    """
    system = _factored_system(len(quaternion))
    controls = _controls(quaternion, quaternion, system, curve)
    reversed_controls = _controls(_reversed(controls), _reversed(quaternion), system, curve)
    return 0.5 * (curve.turning_speed(controls) - curve.turning_speed(reversed_controls)[::-1])


def _controls(
    controls: np.ndarray, quaternion: np.ndarray, system: tuple[np.ndarray, np.ndarray], curve: ModuleType
) -> np.ndarray:
    """Controls (n, 4) of the curve through unit quaternions (n, 4), from a first guess."""
    best, nearest = controls, np.inf
    for _ in range(MOST_CORRECTIONS):
        missing = curve.missing_turn(controls, quaternion)
        farthest = float(np.abs(missing).max())
        if farthest >= nearest:  # rounding, or frames turned too far apart for one curve
            break
        best, nearest = controls, farthest
        if farthest < EXACT:
            break
        correction = dgbtrs(system[0], DEGREE, DEGREE, missing, system[1])[0]
        controls = curve.turned_controls(controls, np.ascontiguousarray(correction))
    return best


def _reversed(rows: np.ndarray) -> np.ndarray:
    """Rows from the last to the first."""
    return np.ascontiguousarray(rows[::-1])


def _factored_system(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (n, n) from coefficients to values of a quintic spline with not-a-knot ends, factored by LAPACK.

    There the sixth differences of the coefficients vanish, which gives those outside.
    """
    first = np.zeros((8, 6))  # c[-2] .. c[5] from c[0] .. c[5]
    first[2:] = np.eye(6)
    for k in (1, 0):
        first[k] = _BEYOND_COEFFICIENTS @ first[k + 1 : k + 7]
    end = np.stack([VALUE @ first[k : k + 5] for k in range(2)])
    main = 2 * DEGREE  # row of the main diagonal; the first five are room for the factors
    bands = np.zeros((3 * DEGREE + 1, n))
    bands[main - 2 : main + 3] = VALUE[:, None]
    for row in range(2):
        for column in range(6):
            bands[main + row - column, column] = end[row, column]
            bands[main - row + column, n - 1 - column] = end[row, column]
    factors, pivots, _ = dgbtrf(bands, DEGREE, DEGREE)
    return factors, pivots
