"""Least activations that give the moments of a frame: the compiled form of static optimisation.

The steps of `static_optimisation.least_activations_readable`, which is its test; a frame starts from the one before.
"""

from __future__ import annotations

import numpy as np

from opensim_models.kernel.compilation import compiled

MOST_STEPS = 200
TOLERANCE = 1e-9
"""N·m left, relative to the largest moment, plus one."""


@compiled
def height_of(pull: np.ndarray, x: np.ndarray, moment: np.ndarray, scale: float, lower: float) -> float:
    """The convex function of the multipliers whose minimum is sought."""
    total = 0.0
    for value in pull:
        a = min(max(value, lower), 1.0)
        total += a * value - 0.5 * a * a
    for j in range(len(x)):
        total += 0.5 * scale * x[j] * x[j] - moment[j] * x[j]
    return total


@compiled
def solve_in_place(matrix: np.ndarray, side: np.ndarray) -> None:
    """Solve a symmetric positive definite system by Cholesky factors; the solution replaces the right-hand side."""
    n = len(side)
    for j in range(n):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        matrix[j, j] = np.sqrt(max(matrix[j, j], 1e-300))
        for i in range(j + 1, n):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for i in range(n):
        for k in range(i):
            side[i] -= matrix[i, k] * side[k]
        side[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            side[i] -= matrix[k, i] * side[k]
        side[i] /= matrix[i, i]


@compiled
def least_activations(
    gains: np.ndarray, demand: np.ndarray, reserve: float, lower: float
) -> tuple[np.ndarray, np.ndarray]:
    """Activations (n, n_muscles) and reserves (n, n_coordinates) of frames.

    Parameters
    ----------
    gains : (n, n_muscles, n_coordinates) array
        Moment of a full activation (N·m).
    demand : (n, n_coordinates) array
        N·m.
    reserve, lower : float
        Moment that costs as much as a full activation; lower bound of activations.
    """
    n, n_muscles, n_coordinates = gains.shape
    scale = reserve * reserve
    activations, reserves = np.empty((n, n_muscles)), np.empty((n, n_coordinates))
    x, slope, step = np.zeros(n_coordinates), np.empty(n_coordinates), np.empty(n_coordinates)
    matrix = np.empty((n_coordinates, n_coordinates))
    for frame in range(n):
        gain, moment = gains[frame], demand[frame]
        largest = 0.0
        for j in range(n_coordinates):
            largest = max(largest, abs(moment[j]))
        pull = gain @ x
        for _ in range(MOST_STEPS):
            for j in range(n_coordinates):
                slope[j] = scale * x[j] - moment[j]
                for k in range(n_coordinates):
                    matrix[j, k] = scale if j == k else 0.0
            for i in range(n_muscles):
                a = min(max(pull[i], lower), 1.0)
                inside = lower < pull[i] < 1.0
                for j in range(n_coordinates):
                    if gain[i, j] != 0.0:
                        slope[j] += a * gain[i, j]
                        if inside:
                            for k in range(j + 1):
                                matrix[j, k] += gain[i, j] * gain[i, k]
            worst, descent = 0.0, 0.0
            for j in range(n_coordinates):
                worst = max(worst, abs(slope[j]))
                step[j] = -slope[j]
            if worst <= TOLERANCE * (1.0 + largest):
                break
            solve_in_place(matrix, step)
            for j in range(n_coordinates):
                descent += slope[j] * step[j]
            turn = gain @ step
            here, size = height_of(pull, x, moment, scale, lower), 1.0
            while size > 1e-12:
                if height_of(pull + size * turn, x + size * step, moment, scale, lower) <= here + 1e-4 * size * descent:
                    break
                size *= 0.5
            x += size * step
            pull = gain @ x
        for i in range(n_muscles):
            activations[frame, i] = min(max(pull[i], lower), 1.0)
        for j in range(n_coordinates):
            reserves[frame, j] = scale * x[j]
    return activations, reserves
