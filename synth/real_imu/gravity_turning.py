"""Gravity turning: whether the gyroscope says the same as the gravity that the accelerometer feels.

Turn every reading of an accelerometer by the gyroscope's integral into the sensor's frame at the start of a stretch
of some seconds. Gravity then stands still and what the person accelerates averages out (a change of speed of 1 m/s in
3 s adds 0.06 % to the length of the mean), so that the mean is as long as gravity at rest, if unit, signs and axes of
the gyroscope are right. With a wrong sign or axis, gravity is smeared (too short) or the accelerations of every step
are turned the same way (too long). Measured on Xsens sensors of walking people that rest for a second: 54 sensors as
recorded are off by 0.6 % (median) to 1.6 %, 17 miscalibrated ones by up to 4.3 %; with all signs reversed shanks and
feet are off by 4 to 19 %.

What it cannot tell: the accelerometer's sign (-a obeys the same law), turning about gravity itself, the scale of
sensors that hardly turn, and mirrored axes from a left-hand rule.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

_STRETCH, _STRETCHES = 3.0, 24
"""Seconds of one stretch, and how many (those that turn most) are used."""
_HIGHEST = 60.0
"""Hz; faster recordings are averaged down before they are integrated."""
_AGREES, _WRONG = 0.03, 0.05
"""Part of gravity by which the mean may be off, RMS over the stretches, to agree; and from which on it contradicts."""
_OTHER_SCALES = (np.pi / 180.0, 180.0 / np.pi)
_REVERSED = 42
"""Place of minus the identity among the signed permutations."""
_LEAST_TURN = 0.35
"""Radians of turning about every axis before orientations tell the axes."""


@dataclass(frozen=True)
class TurningAgreement:
    """How a gyroscope agrees with a second witness of the same turning.

    Attributes
    ----------
    declared_error : float
        Misfit of the gyroscope as declared; NaN if nothing was recorded. By gravity: RMS part of gravity by which the
        mean is off. By orientations: part of the turning that is not explained.
    best_error : float
        The same for the best of the 48 ways to permute and reverse its axes and three units.
    best_axes : tuple of 3 str
        That way: the sensor's x, y, z as signed columns of the gyroscope; as declared where that is as good.
    scale : float
        Factor to the declared unit: 1, 0.0175 if the numbers are in deg/s but called rad/s, 57.3 the other way round.
    ways : int
        How many of the 48 ways at that scale fit as well; 1 if the movement tells all axes.
    agrees, contradicts : bool
        The declaration fits; or it does not while another way does. Neither: the movement does not tell.
    """

    declared_error: float
    best_error: float
    best_axes: tuple[str, str, str]
    scale: float
    ways: int
    agrees: bool
    contradicts: bool


UNTOLD = TurningAgreement(np.nan, np.nan, ("x", "y", "z"), 1.0, 48, False, False)
"""Nothing to compare."""


def signed_permutations() -> np.ndarray:
    """All 48 ways to permute and reverse three axes, shape (48, 3, 3); the first is the identity."""
    signs = itertools.product((1.0, -1.0), repeat=3)
    return np.array([np.diag(s)[list(p)] for s in signs for p in itertools.permutations(range(3))])


def turning_by_gravity(
    acceleration: np.ndarray, angular_velocity: np.ndarray, rate: float, rest: float
) -> TurningAgreement:
    """Compare a gyroscope with the gravity that its accelerometer feels.

    Parameters
    ----------
    acceleration : ndarray, shape (n_frames, 3)
        In any unit, gravity included; NaN allowed.
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s as declared, its bias removed; NaN allowed.
    rate : float
        Hz.
    rest : float
        |acceleration| at rest, in its unit.

    Returns
    -------
    TurningAgreement
        Neither agrees nor contradicts where every way fits, because the sensor hardly turned.
    """
    force, turn, step = _stretches(acceleration, angular_velocity, rate)
    if not len(force) or not rest > 0:
        return UNTOLD
    ways = signed_permutations()
    scale, errors = 1.0, _misfit(force / rest, turn, step, ways)
    declared = float(errors[0])
    if errors.min() > _AGREES:  # another unit only where no axes fit: a sensor that hardly turns fits any small scale
        other = {s: _misfit(force / rest, turn * s, step, ways[:1])[0] for s in _OTHER_SCALES}
        likely = min(other, key=other.get)
        if other[likely] < _AGREES:
            scale, errors = likely, _misfit(force / rest, turn * likely, step, ways)
    good = np.flatnonzero(errors < max(_AGREES, 1.5 * errors.min()))
    best = next((int(k) for k in (0, _REVERSED) if k in good), int(errors.argmin()))
    return TurningAgreement(
        declared_error=declared,
        best_error=float(errors[best]),
        best_axes=_named(ways[best]),
        scale=scale,
        ways=len(good),
        agrees=bool(len(good) < len(ways) and declared < _AGREES),
        contradicts=bool(declared > _WRONG and errors[best] < min(_AGREES, 0.5 * declared)),
    )


def _stretches(force: np.ndarray, turn: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Stretches that turn most, without missing samples: (n_stretches, n, 3) twice, and the step (s)."""
    block = max(1, int(np.ceil(rate / _HIGHEST)))
    n = int(_STRETCH * rate / block)
    known = np.isfinite(force).all(axis=1) & np.isfinite(turn).all(axis=1)
    starts = [s for s in range(0, len(force) - n * block + 1, n * block) if known[s : s + n * block].all()]
    starts = sorted(starts, key=lambda s: -float(np.abs(turn[s : s + n * block]).sum()))[:_STRETCHES]
    parts = [
        np.array([values[s : s + n * block].reshape(n, block, 3).mean(axis=1) for s in starts]).reshape(-1, n, 3)
        for values in (force, turn)
    ]
    return parts[0], parts[1], block / rate


def _misfit(force: np.ndarray, turn: np.ndarray, step: float, ways: np.ndarray) -> np.ndarray:
    """RMS over stretches of |mean of the turned force| - 1, for every way, shape (n_ways,)."""
    angle = np.einsum("pij,wnj->npwi", ways, turn) * step
    steps = Rotation.from_rotvec(angle.reshape(-1, 3)).as_matrix().reshape(*angle.shape, 3)
    pose = np.broadcast_to(np.eye(3), (len(ways), len(force), 3, 3))
    total = np.zeros((len(ways), len(force), 3))
    for k in range(force.shape[1]):
        middle = pose @ steps[k]
        total += np.einsum("pwij,wj->pwi", 0.5 * (pose + middle), force[:, k])
        pose = middle
    return np.sqrt(np.mean((np.linalg.norm(total, axis=2) / force.shape[1] - 1.0) ** 2, axis=1))


def turning_by_orientation(quaternions: np.ndarray, angular_velocity: np.ndarray, rate: float) -> TurningAgreement:
    """Compare a gyroscope with the turning of the orientations that the maker's filter gives.

    Parameters
    ----------
    quaternions : ndarray, shape (n_frames, 4)
        Scalar first, sensor → world; NaN allowed.
    angular_velocity : ndarray, shape (n_frames, 3)
    rate : float
        Hz.
    """
    known = np.isfinite(quaternions).all(axis=1) & np.isfinite(angular_velocity).all(axis=1)
    pairs = np.flatnonzero(known[1:] & known[:-1])
    if len(pairs) < 2 * rate:
        return UNTOLD
    first, second = (Rotation.from_quat(quaternions[pairs + k], scalar_first=True) for k in (0, 1))
    motion = (first.inv() * second).as_rotvec() * rate
    turn = 0.5 * (angular_velocity[pairs] + angular_velocity[pairs + 1])
    terms = (np.eye(3)[None, :, None, :] * turn[:, None, :, None]).reshape(len(turn), 9, 3)
    gram = np.einsum("nac,nbc->ab", terms, terms)
    power = float((motion**2).sum())
    flat = signed_permutations().reshape(-1, 9)
    size, along = np.einsum("wa,ab,wb->w", flat, gram, flat), flat @ np.einsum("nac,nc->a", terms, motion)
    if power <= 0 or not (size > 0).all():
        return UNTOLD
    error = np.where(along > 0, 1.0 - along**2 / size / power, 1.0)
    enough = bool((np.abs(motion).sum(axis=0) / rate > _LEAST_TURN).all())
    best = int(error.argmin())
    scale = float(along[best] / size[best])
    near = min((1.0, *_OTHER_SCALES), key=lambda s: abs(np.log(scale / s)) if scale > 0 else np.inf)
    as_good = int((error < error[best] + _AGREES).sum())
    right = best == 0 and near == 1.0
    fits = enough and error[best] < 0.3 and abs(np.log(max(scale, 1e-9) / near)) < 0.3
    return TurningAgreement(
        declared_error=float(error[0]),
        best_error=float(error[best]),
        best_axes=_named(signed_permutations()[best]),
        scale=near,
        ways=as_good,
        agrees=bool(fits and right),
        contradicts=bool(fits and not right and (as_good == 1 or near != 1.0)),
    )


def _named(matrix: np.ndarray) -> tuple[str, str, str]:
    columns = np.abs(matrix).argmax(axis=1)
    return tuple(("-" if matrix[row, c] < 0 else "") + "xyz"[c] for row, c in enumerate(columns))
