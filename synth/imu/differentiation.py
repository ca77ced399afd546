"""Differentiation: evenly sampled signals → their first and second derivatives, four ways.

``central_difference``
    Second central difference, the literature's (Rapp, Shin et al. 2021; IMUSim).
``butterworth``
    The same after a zero-lag fourth-order Butterworth low-pass.
``smoothing_spline``
    Quintic smoothing spline: the curve f with the least sum (y - f)² + l ∫ f'''² dt (Schoenberg 1964; Woltring, Adv
    Eng Softw 8:104, 1986). Its l is given as the frequency at which its amplitude falls to 1/√2.
``spline``
    Quintic spline through every sample, exact for quintics up to both ends (not-a-knot).

What each costs in bias and noise: `synth.imu.derivative_error`. Gaps (NaN) stay gaps: differences leave NaN in every
frame that touches one, splines are one a run of at least six frames.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.linalg import solveh_banded

from mocap_import.low_pass import low_pass
from mocap_import.stretch import stretches

METHODS = ("central_difference", "butterworth", "smoothing_spline", "spline")
SMOOTHING = ("butterworth", "smoothing_spline")
"""Methods that have a cut-off."""
DEGREE = 5
SHORTEST_RUN = DEGREE + 1
"""Frames that a spline needs."""
VALUE = np.array([1.0, 26.0, 66.0, 26.0, 1.0]) / 120.0
"""Quintic B-spline at the knots, on a grid of step 1 (de Boor, A Practical Guide to Splines, 2001, ch. IX)."""
SLOPE = np.array([-1.0, -10.0, 0.0, 10.0, 1.0]) / 24.0
CURVATURE = np.array([1.0, 2.0, -6.0, 2.0, 1.0]) / 6.0
_PENALTY = np.array([[6.0, 13.0, 1.0], [13.0, 54.0, 13.0], [1.0, 13.0, 6.0]]) / 120.0
"""Integrals of products of the three quadratic B-splines that live on one step: f''' is made of them."""


def second_difference(position: np.ndarray, rate: float) -> np.ndarray:
    """Acceleration by the second central difference.

    Parameters
    ----------
    position : ndarray, shape (n, ...)
        Evenly sampled, any unit.
    rate : float
        Samples per second (Hz).

    Returns
    -------
    ndarray
        Same shape, per s²; NaN in the first and last frame and wherever one of the three samples is missing.
    """
    acceleration = np.full(np.shape(position), np.nan)
    acceleration[1:-1] = (position[2:] - 2.0 * position[1:-1] + position[:-2]) * rate**2
    return acceleration


def filtered_difference(position: np.ndarray, rate: float, cutoff: float) -> np.ndarray:
    """Acceleration by the second central difference of the low-passed signal (`mocap_import.low_pass`, cut-off in Hz).

    Arguments and result as of `second_difference`.
    """
    return second_difference(low_pass(position, rate, cutoff), rate)


def quintic_spline(position: np.ndarray, rate: float) -> np.ndarray:
    """Acceleration by the quintic spline through every sample; arguments and result as of `second_difference`."""
    return spline_derivatives(position, rate)[1]


def smoothing_spline(position: np.ndarray, rate: float, cutoff: float) -> np.ndarray:
    """Acceleration by the quintic smoothing spline; arguments and result as of `filtered_difference`."""
    return smoothed_derivatives(position, rate, cutoff)[2]


def spline_derivatives(values: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of the quintic spline through samples.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        A row with a NaN is missing.
    rate : float
        Samples per second (Hz).

    Returns
    -------
    tuple of ndarray, each (n, m)
        NaN in missing rows and in runs of fewer than six frames.
    """
    first, second = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for run in runs(np.isfinite(values).all(axis=1)):
        time = np.arange(run.stop - run.start) / rate
        spline = make_interp_spline(time, values[run], k=DEGREE)
        first[run], second[run] = spline(time, 1), spline(time, 2)
    return first, second


def smoothed_derivatives(values: np.ndarray, rate: float, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, first and second derivative of the quintic smoothing spline.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        A row with a NaN is missing.
    rate : float
        Samples per second (Hz).
    cutoff : float
        Frequency (Hz) at which the amplitude is 1/√2; below rate / 2.

    Returns
    -------
    tuple of ndarray, each (n, m)
        NaN in missing rows and in runs of fewer than six frames.
    """
    penalty = smoothing_penalty(rate, cutoff)
    found = tuple(np.full(values.shape, np.nan) for _ in range(3))
    for run in runs(np.isfinite(values).all(axis=1)):
        coefficients = _smoothing_coefficients(values[run] - values[run][:1], penalty)
        for table, weights, order in zip(found, (VALUE, SLOPE, CURVATURE), range(3), strict=True):
            table[run] = weighted(coefficients, weights) * rate**order
        found[0][run] += values[run][:1]
    return found


def smoothing_penalty(rate: float, cutoff: float) -> float:
    """Weight l (samples⁵) of the smoothing spline whose amplitude is 1/√2 at the cut-off (Hz).

    Far from the ends the spline is the filter b / (b + l (2 sin(wT/2))⁶) with b = (66 + 52 cos wT + 2 cos 2wT) / 120:
    l ∫ f'''² is a sixth difference of the samples' own B-spline sum.
    """
    if not 0 < cutoff < rate / 2:
        raise ValueError(
            f"cut-off {cutoff:g} Hz of a smoothing spline at {rate:g} Hz: expected between 0 and half the rate, "
            f"{rate / 2:g} Hz. Choose a lower cut-off."
        )
    angle = 2.0 * np.pi * cutoff / rate
    return float((np.sqrt(2.0) - 1.0) * sampled_basis(angle) / (2.0 * np.sin(angle / 2.0)) ** 6)


def sampled_basis(angle: np.ndarray | float) -> np.ndarray | float:
    """Fourier transform of the quintic B-spline's samples at an angular frequency per sample (rad)."""
    return (66.0 + 52.0 * np.cos(angle) + 2.0 * np.cos(2.0 * angle)) / 120.0


def weighted(coefficients: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of five neighbouring coefficients (n + 4, m) → (n, m)."""
    n = len(coefficients) - 4
    return sum(weight * coefficients[k : k + n] for k, weight in enumerate(weights) if weight)


def runs(present: np.ndarray) -> Iterator[slice]:
    """Unbroken runs of True that are long enough for a spline."""
    for start, stop in zip(*stretches(present), strict=True):
        if stop - start >= SHORTEST_RUN:
            yield slice(int(start), int(stop))


def _smoothing_coefficients(values: np.ndarray, penalty: float) -> np.ndarray:
    """B-spline coefficients (n + 4, m) of the smoothing spline of gap-free samples (n, m) at step 1.

    The least squares problem over all quintic splines with a knot at every sample; its solution is the natural
    smoothing spline, because that one is among them.
    """
    n = len(values)
    third = np.array(
        [[-1.0, 3.0, -3.0, 1.0, 0.0, 0.0], [0.0, -1.0, 3.0, -3.0, 1.0, 0.0], [0.0, 0.0, -1.0, 3.0, -3.0, 1.0]]
    )
    each_step = penalty * third.T @ _PENALTY @ third
    system = np.zeros((6, n + 4))  # upper diagonals, the main one last
    for below in range(6):
        for i in range(6 - below):
            system[5 - below, i + below : i + below + n - 1] += each_step[i, i + below]
            if i + below < 5:
                system[5 - below, i + below : i + below + n] += VALUE[i] * VALUE[i + below]
    right = np.zeros((n + 4, values.shape[1]))
    for i, weight in enumerate(VALUE):
        right[i : i + n] += weight * values
    return solveh_banded(system, right, check_finite=False)
