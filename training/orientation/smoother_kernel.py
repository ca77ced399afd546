"""The smoother's normal equations, compiled: their blocks, and their solution and inverse in one sweep each.

Unknowns are a turn (3,) of every frame, in segment axes, and a border of few numbers that all frames share: the
gyroscope's bias at its knots, then the prior's constant offset. The matrix is block tridiagonal with that border (an
arrow). `training.orientation.smoother` says what the residuals are; the tests build the same matrix densely.
"""

from __future__ import annotations

import numpy as np

from opensim_models.kernel.compilation import compiled
from training.orientation.turn_kernel import (
    between,
    exponential,
    inverse_jacobian_into,
    logarithm,
    matrix_into,
    product,
    row,
)


@compiled
def _add(
    main: np.ndarray,
    upper: np.ndarray,
    rhs: np.ndarray,
    corner: np.ndarray,
    slope: np.ndarray,
    k: int,
    before: np.ndarray,
    now: np.ndarray,
    own: np.ndarray,
    columns: tuple[int, int],
    weight: np.ndarray,
    residual: np.ndarray,
    paired: bool,
) -> float:
    """Add a residual (3,): Jacobians at frame k-1 (if paired), at frame k and in some columns of the border."""
    start, width = columns
    half_square = 0.0
    for a in range(3):
        w, r = weight[a], residual[a]
        half_square += 0.5 * w * r * r
        for i in range(3):
            weighed = w * now[a, i]
            for j in range(i, 3):
                main[k, i, j] += weighed * now[a, j]
            rhs[k, i, 0] -= weighed * r
            for j in range(width):
                rhs[k, i, 1 + start + j] += weighed * own[a, j]
        for i in range(width):
            for j in range(width):
                corner[start + i, start + j] += w * own[a, i] * own[a, j]
            slope[start + i] -= w * own[a, i] * r
        if paired:
            for i in range(3):
                weighed = w * before[a, i]
                for j in range(i, 3):
                    main[k - 1, i, j] += weighed * before[a, j]
                for j in range(3):
                    upper[k - 1, i, j] += weighed * now[a, j]
                rhs[k - 1, i, 0] -= weighed * r
                for j in range(width):
                    rhs[k - 1, i, 1 + start + j] += weighed * own[a, j]
    return half_square


@compiled
def _times(a: np.ndarray, b: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Product of two matrices (3, 3), scaled."""
    for i in range(3):
        for j in range(3):
            out[i, j] = scale * (a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j])


@compiled
def assemble(
    quaternion: np.ndarray,
    turn: np.ndarray,
    turn_weight: np.ndarray,
    prior: np.ndarray,
    known: np.ndarray,
    prior_weight: np.ndarray,
    correlation: float,
    tilt: np.ndarray,
    tilt_weight: np.ndarray,
    border: np.ndarray,
    n_knots: int,
    knot: np.ndarray,
    period: float,
    expecting: bool,
    main: np.ndarray,
    upper: np.ndarray,
    rhs: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Blocks of the normal equations about an estimate.

    Parameters
    ----------
    quaternion : (n, 4), the estimate; prior (n, 4), where known (n,)
    turn : (n, 3), measured since the frame before (rad)
    turn_weight : (n, 3), prior_weight (3,), tilt_weight (n,)
        Inverse variances (1/rad²), per axis of the segment.
    correlation : of the prior's error from frame to frame; zero for white.
    tilt : (n, 3), where the accelerometer points (1 = gravity), used where its weight is not zero.
    border : (m,), n_knots biases (rad/s) and, where m > 3 n_knots, the prior's offset (rad)
    knot : (n,), position of every frame between the knots; period, between frames (s).
    expecting : count what the prior tells with the Jacobian at its mean error, the offset: right for the covariance.
        With that at every error, which is Gauss-Newton's and right for a step, an offset and a turn of all frames are
        told apart by nothing but the scatter of the errors.
    main, upper, rhs : (n, 3, 3), (n, 3, 3), (n, 3, 1 + m); written: the matrix' blocks (of the main ones the upper
        triangle) and the right-hand sides, the first minus the gradient by frames, then their coupling to the border.

    Returns
    -------
    Half the weighted sum of squares, the border's own matrix (m, m), and minus the gradient by the border (m,). The
    gradient is exact, the matrix positive definite and near the second derivative.
    """
    n, m = len(quaternion), len(border)
    main[:], upper[:], rhs[:] = 0.0, 0.0, 0.0
    corner, slope = np.zeros((m, m)), np.zeros(m)
    step, jacobian, now, before = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.zeros((3, 3))
    earlier_jacobian, by_bias, spread, own = np.zeros((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.zeros((3, 6))
    residual, error, earlier, weight = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    has_offset = m > 3 * n_knots
    expected, nothing = np.eye(3), np.zeros(3)
    if has_offset:
        inverse_jacobian_into(border[3 * n_knots], border[3 * n_knots + 1], border[3 * n_knots + 2], expected)
    half_square = 0.0
    for k in range(n):
        here = row(quaternion, k)
        if k > 0:
            # gyroscope: r = Log(Exp(-u) R[k-1]^T R[k]) with u the measured turn less the bias
            moved = between(row(quaternion, k - 1), here)
            first = min(int(knot[k]), max(n_knots - 2, 0))
            share = knot[k] - first
            for i in range(3):
                weight[i] = turn_weight[k, i]
                residual[i] = turn[k, i]
                if n_knots == 1:
                    residual[i] -= period * border[i]
                elif n_knots > 1:
                    j = 3 * first + i
                    residual[i] -= period * ((1.0 - share) * border[j] + share * border[j + 3])
            x, y, z = residual[0], residual[1], residual[2]
            r = logarithm(product(exponential(-x, -y, -z), moved))
            residual[0], residual[1], residual[2] = r
            inverse_jacobian_into(r[0], r[1], r[2], now)
            matrix_into((-moved[0], -moved[1], -moved[2], moved[3]), step)
            _times(now, step, -1.0, before)
            width = 0
            if n_knots > 0:
                # d r / d b = period J(r)^T Jr(u), where Jr(u) = 1 - u/2 + u u/6 for the turn of one frame
                for i in range(3):
                    for j in range(3):
                        by_bias[i, j] = period * now[j, i]
                square = x * x + y * y + z * z
                rest = 1.0 - square / 6.0
                spread[0, 0], spread[1, 1], spread[2, 2] = rest + x * x / 6, rest + y * y / 6, rest + z * z / 6
                spread[0, 1], spread[1, 0] = x * y / 6 + z / 2, x * y / 6 - z / 2
                spread[0, 2], spread[2, 0] = x * z / 6 - y / 2, x * z / 6 + y / 2
                spread[1, 2], spread[2, 1] = y * z / 6 + x / 2, y * z / 6 - x / 2
                _times(by_bias, spread, 1.0, step)
                width = 3 if n_knots == 1 else 6
                for i in range(3):
                    for j in range(3):
                        own[i, j] = step[i, j] if n_knots == 1 else (1.0 - share) * step[i, j]
                        own[i, j + 3] = share * step[i, j]
            half_square += _add(
                main, upper, rhs, corner, slope, k, before, now, own, (3 * first, width), weight, residual, True
            )
        if known[k]:
            # prior: e = Log(P^T R) less the offset, whitened by the frame before
            e = logarithm(between(row(prior, k), here))
            inverse_jacobian_into(e[0], e[1], e[2], jacobian)
            paired = k > 0 and known[k - 1] and correlation != 0.0
            last = correlation if paired else 0.0
            for i in range(3):
                error[i] = e[i] - (border[3 * n_knots + i] if has_offset else 0.0)
                residual[i] = error[i] - last * earlier[i]
                weight[i] = prior_weight[i] / (1.0 - last * last)
                for j in range(3):
                    own[i, j] = last - 1.0 if i == j else 0.0
                    now[i, j] = expected[i, j] if expecting else jacobian[i, j]
                    before[i, j] = -last * (expected[i, j] if expecting else earlier_jacobian[i, j])
            columns = (3 * n_knots, 3 if has_offset else 0)
            _add(main, upper, rhs, corner, slope, k, before, now, own, columns, weight, nothing, paired)
            for a in range(3):
                pull = weight[a] * residual[a]
                half_square += 0.5 * pull * residual[a]
                for i in range(3):
                    rhs[k, i, 0] -= jacobian[a, i] * pull
                    if paired:
                        rhs[k - 1, i, 0] += last * earlier_jacobian[a, i] * pull
                if has_offset:
                    slope[3 * n_knots + a] -= own[a, a] * pull
            earlier[:] = error
            earlier_jacobian[:] = jacobian
        if tilt_weight[k] > 0.0:
            # accelerometer: v - t with v = R^T up; d v = v x d
            x, y, z, w = here
            v = (2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w))
            now[0, 0], now[1, 1], now[2, 2] = 0.0, 0.0, 0.0
            now[0, 1], now[1, 0], now[0, 2], now[2, 0], now[1, 2], now[2, 1] = -v[2], v[2], v[1], -v[1], -v[0], v[0]
            for i in range(3):
                residual[i] = v[i] - tilt[k, i]
                weight[i] = tilt_weight[k]
            half_square += _add(main, upper, rhs, corner, slope, k, before, now, own, (0, 0), weight, residual, False)
    return half_square, corner, slope


@compiled
def _inverse_into(a: np.ndarray, out: np.ndarray) -> float:
    """Inverse of a symmetric matrix (3, 3); returns the determinant."""
    c00 = a[1, 1] * a[2, 2] - a[1, 2] * a[1, 2]
    c01 = a[0, 2] * a[1, 2] - a[0, 1] * a[2, 2]
    c02 = a[0, 1] * a[1, 2] - a[0, 2] * a[1, 1]
    determinant = a[0, 0] * c00 + a[0, 1] * c01 + a[0, 2] * c02
    out[0, 0], out[1, 1] = c00 / determinant, (a[0, 0] * a[2, 2] - a[0, 2] * a[0, 2]) / determinant
    out[2, 2] = (a[0, 0] * a[1, 1] - a[0, 1] * a[0, 1]) / determinant
    out[0, 1], out[0, 2] = c01 / determinant, c02 / determinant
    out[1, 2] = (a[0, 1] * a[0, 2] - a[0, 0] * a[1, 2]) / determinant
    out[1, 0], out[2, 0], out[2, 1] = out[0, 1], out[0, 2], out[1, 2]
    return determinant


@compiled
def solve(
    main: np.ndarray,
    upper: np.ndarray,
    rhs: np.ndarray,
    x: np.ndarray,
    pivot: np.ndarray,
    multiplier: np.ndarray,
) -> float:
    """Solve the block tridiagonal part for all right-hand sides, by block elimination.

    Writes the solution x (n, 3, c), inverse pivots (n, 3, 3) and multipliers (n, 3, 3; not the last); returns the
    logarithm of the determinant. Pivots are not finite where the matrix is not positive definite.
    """
    n, width = len(main), rhs.shape[2]
    x[:] = rhs
    block = np.empty((3, 3))
    log_determinant = 0.0
    for k in range(n):
        for i in range(3):
            for j in range(i, 3):  # the upper triangle is all that the inverse reads
                block[i, j] = main[k, i, j]
                if k > 0:
                    for a in range(3):
                        block[i, j] -= upper[k - 1, a, i] * multiplier[k - 1, a, j]
            if k > 0:
                for c in range(width):
                    for a in range(3):
                        x[k, i, c] -= multiplier[k - 1, a, i] * x[k - 1, a, c]
        determinant = _inverse_into(block, pivot[k])
        log_determinant += np.log(determinant)
        if k < n - 1:
            _times(pivot[k], upper[k], 1.0, multiplier[k])
    y = np.empty(3)
    for k in range(n - 1, -1, -1):
        for c in range(width):
            for i in range(3):
                y[i] = 0.0
                for a in range(3):
                    y[i] += pivot[k, i, a] * x[k, a, c]
                    if k < n - 1:
                        y[i] -= multiplier[k, i, a] * x[k + 1, a, c]
            x[k, 0, c], x[k, 1, c], x[k, 2, c] = y[0], y[1], y[2]
    return log_determinant


@compiled
def coupled(rhs: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Products (m, 1 + m) of the coupling to the border with the solutions: what the frames take from the border."""
    m = rhs.shape[2] - 1
    total = np.zeros((m, m + 1))
    for k in range(len(rhs)):
        for i in range(3):
            for a in range(m):
                for c in range(m + 1):
                    total[a, c] += rhs[k, i, 1 + a] * x[k, i, c]
    return total


@compiled
def turn_and_gain(rhs: np.ndarray, x: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, float]:
    """Turn (n, 3) of every frame when the border changes by (m,), and its product with the downhill direction."""
    turn, gain = np.empty((len(x), 3)), 0.0
    for k in range(len(x)):
        for i in range(3):
            value = x[k, i, 0]
            for a in range(len(change)):
                value -= x[k, i, 1 + a] * change[a]
            turn[k, i] = value
            gain += rhs[k, i, 0] * value
    return turn, gain


@compiled
def inverse_blocks(pivot: np.ndarray, multiplier: np.ndarray, x: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Diagonal blocks (n, 3, 3) of the whole inverse.

    S[k] = pivot[k] + G[k] S[k+1] G[k]^T (Takahashi's recursion), and what the border (m, m; its covariance) adds
    through the solutions x (n, 3, 1 + m) of the coupling.
    """
    n, m = len(pivot), len(border)
    tridiagonal, blocks = np.empty((3, 3)), np.empty((n, 3, 3))
    carried, shared = np.empty((3, 3)), np.empty((3, m))
    for k in range(n - 1, -1, -1):
        if k < n - 1:
            _times(multiplier[k], tridiagonal, 1.0, carried)
        for i in range(3):
            for j in range(3):
                value = pivot[k, i, j]
                if k < n - 1:
                    for a in range(3):
                        value += carried[i, a] * multiplier[k, j, a]
                tridiagonal[i, j] = value
            for j in range(m):
                shared[i, j] = 0.0
                for a in range(m):
                    shared[i, j] += x[k, i, 1 + a] * border[a, j]
        for i in range(3):
            for j in range(3):
                value = tridiagonal[i, j]
                for a in range(m):
                    value += shared[i, a] * x[k, j, 1 + a]
                blocks[k, i, j] = value
    return blocks
