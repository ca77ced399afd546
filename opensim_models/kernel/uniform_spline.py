"""Uniform spline: speeds and accelerations of evenly sampled coordinates by the natural quintic spline through them.

On an even grid the spline is a sum of cardinal B-splines, whose coefficients solve one system of five diagonals
(Schoenberg, Cardinal Spline Interpolation, 1973; de Boor, A Practical Guide to Splines, 2001, ch. IX). Third and fourth
derivatives vanish at both ends, as those of OpenSim's do, which gives the coefficients outside: c[-1] = 3 c[0] - 3 c[1]
+ c[2] and c[-2] = 6 c[0] - 8 c[1] + 3 c[2].
"""

from __future__ import annotations

import numpy as np

from opensim_models.kernel.compilation import compiled

SHORTEST = 6
"""Samples that the spline needs."""


@compiled
def _coefficients(values: np.ndarray) -> np.ndarray:
    """Coefficients (n + 4, m) of the B-splines, by elimination without pivoting: the matrix is diagonally dominant."""
    n, m = values.shape
    c = np.empty((n + 4, m))
    upper, second = np.empty(n), np.empty(n)  # of the rows after elimination, whose diagonal is 1
    for i in range(n):
        e, a, d, b, f = 1.0, 26.0, 66.0, 26.0, 1.0  # c[i - 2] .. c[i + 2]
        if i == 0:
            e, a, d, b, f = 0.0, 0.0, 150.0, -60.0, 30.0
        elif i == 1:
            e, a, d, b, f = 0.0, 29.0, 63.0, 27.0, 1.0
        elif i == n - 2:
            e, a, d, b, f = 1.0, 27.0, 63.0, 29.0, 0.0
        elif i == n - 1:
            e, a, d, b, f = 30.0, -60.0, 150.0, 0.0, 0.0
        if i > 1:
            a -= e * upper[i - 2]
            d -= e * second[i - 2]
        if i > 0:
            d -= a * upper[i - 1]
            b -= a * second[i - 1]
        upper[i], second[i] = b / d, f / d
        for j in range(m):
            right = 120.0 * values[i, j]
            if i > 1:
                right -= e * c[i, j]
            if i > 0:
                right -= a * c[i + 1, j]
            c[i + 2, j] = right / d
    for i in range(n - 2, -1, -1):
        for j in range(m):
            c[i + 2, j] -= upper[i] * c[i + 3, j]
            if i < n - 2:
                c[i + 2, j] -= second[i] * c[i + 4, j]
    for j in range(m):
        c[1, j] = 3.0 * c[2, j] - 3.0 * c[3, j] + c[4, j]
        c[0, j] = 6.0 * c[2, j] - 8.0 * c[3, j] + 3.0 * c[4, j]
        c[n + 2, j] = 3.0 * c[n + 1, j] - 3.0 * c[n, j] + c[n - 1, j]
        c[n + 3, j] = 6.0 * c[n + 1, j] - 8.0 * c[n, j] + 3.0 * c[n - 1, j]
    return c


@compiled
def spline_derivatives(values: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative (n, m) with respect to time of samples (n, m), at least 6, at a rate (Hz)."""
    n, m = values.shape
    c = _coefficients(values)
    first, second = np.empty((n, m)), np.empty((n, m))
    for i in range(n):
        for j in range(m):
            outer, inner = c[i + 4, j] - c[i, j], c[i + 3, j] - c[i + 1, j]
            first[i, j] = (outer + 10.0 * inner) * (rate / 24.0)
            even = c[i, j] + c[i + 4, j] + 2.0 * (c[i + 1, j] + c[i + 3, j])
            second[i, j] = (even - 6.0 * c[i + 2, j]) * (rate * rate / 6.0)
    return first, second
