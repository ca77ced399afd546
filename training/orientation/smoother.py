"""The smoother: orientation of a segment over a whole trial from its gyroscope and a network's estimate of every frame.

It is the maximum a posteriori estimate of all frames' orientations R[k] (segment → ground), of the gyroscope's bias b
and of the constant offset c of the network, under the Gaussian laws (errors in segment axes, T the frame period)

    gyroscope      Log(Exp(-T (w[k] - b)) R[k-1]^T R[k])      ~ N(0, (T gyroscope_deviation)^2)
    network        e[k] = Log(P[k]^T R[k]) - c,  e[k] - a e[k-1] ~ N(0, (1 - a^2) prior_deviation^2)
    accelerometer  R[k]^T up - f[k] / g                       ~ N(0, tilt_deviation^2), frames at about 1 g only
    bias           b ~ N(0, bias_deviation^2), constant or a random walk between knots
    offset         c ~ N(0, prior_offset_deviation^2), of the network or of the sensor on its segment

with a = exp(-T / prior_correlation). The published step (see `strap_down`) has no such anchor and drifts. The minimum
is found by Gauss-Newton on SO(3) (Forster et al., IEEE T Robot 33:1, 2017, on-manifold factors and their Jacobians)
with a block tridiagonal matrix bordered by bias and offset, hence in time proportional to the frames; its inverse
gives the covariance of every frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY
from opensim_models.kernel.compilation import announce_compilation
from training.orientation.lasting_error import bias_course, bias_knots, border_precision, positive_deviation, unmounted
from training.orientation.smoother_kernel import assemble, coupled, inverse_blocks, solve, turn_and_gain
from training.orientation.strap_down import frame_turns
from training.orientation.turn_kernel import turned_rows

_MOST_ITERATIONS = 30
_SMALLEST_SHARE = 1.0 / 64.0
_LONGEST_STRIDE = 12.0
_ROUNDING = 1e-9


class UnsettledSmoother(ValueError):  # noqa: N818 - what happened, as TrialRefused
    """The iteration did not come to rest: what was given contradicts itself."""


@dataclass(frozen=True)
class SmoothedOrientation:
    """Orientation of a segment over a trial, with what is not known about it.

    Attributes
    ----------
    orientation : Rotation, length n_frames
        Segment → ground.
    bias : ndarray, shape (3,)
        Mean bias of the gyroscope over the trial (rad/s, segment axes); zero where none was asked for.
    covariance : ndarray, shape (n_frames, 3, 3)
        Of the error vector Log(R^T R_true), rad², segment axes.
    bias_course : ndarray, shape (n_frames, 3)
        Bias at every frame (rad/s): equal rows unless a walk was asked for.
    log_likelihood : float
        Logarithm of the probability density of the records under the assumed laws (Laplace's approximation, exact for
        small errors): the larger, the better the deviations fit. Comparable where records and frames are the same.
    misfit : float
        Weighted sum of squares over its expectation: 1 where the assumed laws are right, well above where an axis or a
        pair of sensors is wrong. NaN where nothing is left over to judge by.
    iterations : int
    n_tilt_frames : int
        Frames whose accelerometer was believed.
    """

    orientation: Rotation
    bias: np.ndarray
    covariance: np.ndarray
    bias_course: np.ndarray
    log_likelihood: float
    misfit: float
    iterations: int
    n_tilt_frames: int


def smooth_orientation(
    angular_velocity: np.ndarray,
    rate: float,
    prior: Rotation,
    *,
    prior_deviation: float | np.ndarray,
    gyroscope_deviation: float | np.ndarray,
    prior_correlation: float = 0.0,
    prior_offset_deviation: float = 0.0,
    mounting_deviation: float = 0.0,
    prior_known: np.ndarray | None = None,
    specific_force: np.ndarray | None = None,
    tilt_deviation: float | None = None,
    tilt_tolerance: float = 0.1,
    bias_deviation: float | None = None,
    bias_walk: float | None = None,
    bias_interval: float = 10.0,
    rule: str = "mean",
    tolerance: float = 0.1,
) -> SmoothedOrientation:
    """Estimate a segment's orientation over a whole trial.

    Parameters
    ----------
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s, sensor frame = segment frame. A missing sample (NaN) is bridged: its neighbours' line, believed as far as
        the record's own SD.
    rate : float
        Hz.
    prior : Rotation, length n_frames
        The network's estimate, segment → ground.
    prior_deviation : float or ndarray, shape (3,)
        SD of its error (rad) about each segment axis, without the constant offset.
    gyroscope_deviation : float or ndarray, shape (3,)
        SD of the white noise of a sample (rad/s).
    prior_correlation : float
        Time constant (s) of the prior's error; 0 for an error that is new in every frame. Networks err slowly: without
        this time the covariance is too small.
    prior_offset_deviation : float
        SD (rad) of an offset of the prior that lasts the whole trial; 0 for none.
    mounting_deviation : float
        SD (rad), about each axis, of a turn of the sensor on its segment that nobody knows. Gyroscope and prior tell
        only its sum with the prior's offset; both share it by their variances. An offset without it takes every
        misplaced sensor for a mistake of the network.
    prior_known : ndarray of bool, shape (n_frames,), optional
        Frames where the prior counts; all by default.
    specific_force : ndarray, shape (n_frames, 3), optional
        m/s², sensor frame; used with `tilt_deviation`. NaN frames are left out.
    tilt_deviation : float, optional
        SD (rad) of the direction of gravity that a believed frame tells.
    tilt_tolerance : float
        A frame is believed where the specific force is within this share of 1 g; infinite to believe every frame and
        let accelerations average out (with a deviation of their size over g).
    bias_deviation : float, optional
        SD (rad/s) of the gyroscope's bias; none by default.
    bias_walk : float, optional
        rad/s/sqrt(s): the bias walks, linear between knots `bias_interval` (s) apart; constant by default.
    bias_interval : float
    rule : str
        See `strap_down.frame_turns`.
    tolerance : float
        The last step's length in posterior deviations, over all unknowns together. A tenth is far below what
        anybody could see; the error that is left is smaller still.

    Returns
    -------
    SmoothedOrientation

    Raises
    ------
    ValueError
        Lengths that differ, deviations that are not positive, a gyroscope or a prior without any frame, tilt without
        its records.
    UnsettledSmoother
        The iteration does not come to rest.
    """
    announce_compilation(assemble, "orientation smoother", 15)
    turn, turn_weight = _turns(angular_velocity, rate, gyroscope_deviation, rule)
    n = len(turn)
    known = _known(prior, prior_known, n)
    tilt, tilt_weight = _tilt(specific_force, tilt_deviation, tilt_tolerance, n)
    n_knots, knot = bias_knots(bias_deviation, bias_walk, bias_interval, n, rate)
    lasting = math.hypot(prior_offset_deviation, mounting_deviation)
    precision = border_precision(n_knots, bias_deviation, bias_walk, bias_interval, lasting)
    if not (math.isfinite(prior_correlation) and prior_correlation >= 0):
        raise ValueError(f"prior_correlation must be a time in seconds, 0 for white errors, got {prior_correlation}.")
    correlation = math.exp(-1.0 / (rate * prior_correlation)) if prior_correlation > 0 else 0.0
    prior_weight = 1.0 / positive_deviation(prior_deviation, "prior_deviation", "rad") ** 2
    start = _start(prior, known, turn)
    fixed = (turn, turn_weight, start, known, prior_weight, correlation, tilt, tilt_weight)
    found = _gauss_newton(start, fixed, precision, n_knots, knot, 1.0 / rate, tolerance)
    quaternion, border, covariance, log_determinant, inverse, solution, objective, iterations = found
    if mounting_deviation:
        own = mounting_deviation**2 / lasting**2
        quaternion, covariance = unmounted(
            quaternion, covariance, border[-3:], solution, inverse, own, own * prior_offset_deviation**2
        )
    n_tilt = int(np.count_nonzero(tilt_weight))
    follows = known[1:] & known[:-1] if correlation else np.zeros(0, dtype=bool)
    weights = 0.5 * (
        np.log(turn_weight[1:]).sum()
        + known.sum() * np.log(prior_weight).sum()
        - 3.0 * follows.sum() * math.log1p(-(correlation**2))
        + 2.0 * np.log(tilt_weight[tilt_weight > 0]).sum()
        + (np.linalg.slogdet(precision)[1] if len(precision) else 0.0)
    )
    freedom = 3 * (n - 1) + 3 * int(known.sum()) + 2 * n_tilt - 3 * n
    likelihood = weights - objective - 0.5 * log_determinant - 0.5 * freedom * math.log(2.0 * math.pi)
    course = bias_course(border[: 3 * n_knots].reshape(-1, 3), knot)
    orientation = Rotation.from_quat(quaternion)
    misfit = 2.0 * objective / freedom if freedom > 0 else math.nan
    return SmoothedOrientation(
        orientation, course.mean(axis=0), covariance, course, float(likelihood), misfit, iterations, n_tilt
    )


def _gauss_newton(
    start: np.ndarray,
    fixed: tuple,
    precision: np.ndarray,
    n_knots: int,
    knot: np.ndarray,
    period: float,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray, np.ndarray, float, int]:
    """Orientation (n, 4), border (m,), what `_information` gives, the solutions (n, 3, 1 + m), objective, steps."""
    quaternion, border = start, np.zeros(len(precision))
    work = _work(len(start), len(precision))

    def about(at: np.ndarray, beside: np.ndarray, expecting: bool = False) -> tuple[float, np.ndarray, np.ndarray]:
        half_square, corner, slope = assemble(at, *fixed, beside, n_knots, knot, period, expecting, *work[:3])
        pull = precision @ beside
        return half_square + 0.5 * float(beside @ pull), corner + precision, slope - pull

    objective, corner, slope = about(quaternion, border)
    last = math.inf
    for iteration in range(1, _MOST_ITERATIONS + 1):
        turn, change, gain = _step(work, corner, slope)
        if not math.isfinite(gain):
            break
        if gain < tolerance**2:
            quaternion, border = turned_rows(quaternion, turn, 1.0), border + change
            if len(border) > 3 * n_knots:  # an offset: see the kernel's `expecting`
                _, corner, _ = about(quaternion, border, True)
            return quaternion, border, *_information(work, corner), work[3], objective, iteration
        share = _stride(gain, last)
        last = gain if share == 1.0 else math.inf
        while True:
            trial, beside = turned_rows(quaternion, turn, share), border + share * change
            reached, corner, slope = about(trial, beside)
            if reached <= objective * (1.0 + _ROUNDING) or share <= _SMALLEST_SHARE:
                break
            share *= 0.5
        quaternion, border, objective = trial, beside, reached
    raise UnsettledSmoother(
        f"the smoother did not come to rest in {_MOST_ITERATIONS} steps: prior and gyroscope contradict each other by "
        "far more than their deviations. Check units (rad/s), the frame of the sensor and the rate."
    )


def _work(n: int, m: int) -> tuple[np.ndarray, ...]:
    """Memory of one solution: main and upper blocks, right-hand sides, solutions, pivots, multipliers."""
    blocks, columns = (n, 3, 3), (n, 3, 1 + m)
    return tuple(np.empty(shape) for shape in (blocks, blocks, columns, columns, blocks, blocks))


def _step(work: tuple[np.ndarray, ...], corner: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Gauss-Newton's turn of every frame (n, 3), change of the border (m,), and their squared length in deviations."""
    solve(*work)
    rhs, x = work[2], work[3]
    taken = coupled(rhs, x)
    change = np.linalg.solve(corner - taken[:, 1:], slope - taken[:, 0])
    turn, gain = turn_and_gain(rhs, x, change)
    return turn, change, gain + float(slope @ change)


def _information(work: tuple[np.ndarray, ...], corner: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Covariance of every frame (n, 3, 3), logarithm of the information's determinant, covariance of the border."""
    log_determinant = solve(*work)
    _, _, rhs, x, pivot, multiplier = work
    matrix = corner - coupled(rhs, x)[:, 1:]
    if len(matrix):
        log_determinant += np.linalg.slogdet(matrix)[1]
    inverse = np.linalg.inv(matrix)
    return inverse_blocks(pivot, multiplier, x, inverse), log_determinant, inverse


def _stride(gain: float, last: float) -> float:
    """How many steps to take at once: 1 / (1 - c) where steps shrink slowly, each c times the one before.

    Gauss-Newton does so where residuals are large (accelerations taken for gravity); this is Lyusternik's acceleration.
    """
    shrinking = math.sqrt(gain / last)
    return min(1.0 / (1.0 - shrinking), _LONGEST_STRIDE) if 0.5 < shrinking < 1.0 else 1.0


def _turns(
    angular_velocity: np.ndarray, rate: float, deviation: float | np.ndarray, rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """Measured turns (n, 3) without gaps, and their inverse variances (n, 3)."""
    spread = positive_deviation(deviation, "gyroscope_deviation", "rad/s")
    lost = ~np.isfinite(frame_turns(angular_velocity, rate, rule)).all(axis=1)
    velocity = np.array(angular_velocity, dtype=float)
    there = np.isfinite(velocity).all(axis=1)
    if not there.any():
        raise ValueError("the gyroscope has no sample in any frame; expected one that was worn. Leave the segment out.")
    weight = np.broadcast_to((rate / spread) ** 2, velocity.shape).copy()
    if not there.all():
        frames = np.arange(len(velocity))
        own = np.maximum(velocity[there].std(axis=0), spread)
        for axis in range(3):
            velocity[~there, axis] = np.interp(frames[~there], frames[there], velocity[there, axis])
        weight[lost] = (rate / own) ** 2
    return frame_turns(velocity, rate, rule), weight


def _known(prior: Rotation, prior_known: np.ndarray | None, n: int) -> np.ndarray:
    """Frames (n,) where the prior counts."""
    if prior.single or len(prior) != n:
        found = 1 if prior.single else len(prior)
        raise ValueError(f"the prior has {found} orientations, the gyroscope {n} frames; expected one a frame.")
    known = np.ones(n, dtype=bool) if prior_known is None else np.asarray(prior_known, dtype=bool)
    if known.shape != (n,):
        raise ValueError(f"prior_known has the shape {known.shape}, expected ({n},).")
    if not known.any():
        raise ValueError("the prior is known in no frame; the orientation in the ground needs one at least.")
    return known


def _tilt(
    specific_force: np.ndarray | None, deviation: float | None, tolerance: float, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Specific force over g (n, 3), and its inverse variance (n,), zero where it is not believed."""
    if deviation is None:
        return np.zeros((n, 3)), np.zeros(n)
    spread = float(positive_deviation(deviation, "tilt_deviation", "rad")[0])
    if specific_force is None:
        raise ValueError("tilt_deviation needs specific_force: the accelerometer of the same sensor (m/s²).")
    force = np.asarray(specific_force, dtype=float) / STANDARD_GRAVITY
    if force.shape != (n, 3):
        raise ValueError(f"specific force has the shape {force.shape}, expected ({n}, 3) as the gyroscope.")
    there = np.isfinite(force).all(axis=1)
    force = np.where(there[:, None], force, 0.0)
    believed = there & (np.abs(np.linalg.norm(force, axis=1) - 1.0) <= tolerance)
    return force, np.where(believed, spread**-2, 0.0)


def _start(prior: Rotation, known: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Quaternions (n, 4): the prior; where it is unknown, the gyroscope from the frame before (or from the first)."""
    quaternion = np.ascontiguousarray(prior.as_quat())
    if known.all():
        return quaternion
    quaternion = quaternion.copy()
    first = int(np.argmax(known))
    for k in range(first - 1, -1, -1):
        quaternion[k] = (Rotation.from_quat(quaternion[k + 1]) * Rotation.from_rotvec(-turn[k + 1])).as_quat()
    for k in np.flatnonzero(~known[first:]) + first:
        quaternion[k] = (Rotation.from_quat(quaternion[k - 1]) * Rotation.from_rotvec(turn[k])).as_quat()
    return quaternion
