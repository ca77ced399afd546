"""Orientation curve: the cumulative quintic B-spline of given controls on the rotations, at its frames.

At frame k, with controls C (unit quaternions) and increments d[j] = Log(C[j-1]^T C[j]),

    R_k = C[k-2] Exp(119/120 d[k-1]) Exp(93/120 d[k]) Exp(27/120 d[k+1]) Exp(1/120 d[k+2])

(Kim, Kim & Shin, SIGGRAPH 1995). Its angular velocity comes from the same increments, from the inside outwards: w = 0,
then four times w = Exp(b d)^T w + b' d (Sommer et al., CVPR 2020). Beyond the record the increments go on as a
polynomial of degree 4, which is the not-a-knot end of an ordinary quintic spline.

These are the readable versions, for whole arrays; `orientation_kernel` is the same compiled and is tested by them.
"""

from __future__ import annotations

import numpy as np

from synth.imu.differentiation import SLOPE, VALUE
from synth.imu.quaternion_row import exponential, logarithm, product, relative, turned_back, unit

SHARE = np.cumsum(VALUE[::-1])[::-1][1:]
"""Of the four increments at a frame."""
SPEED = np.cumsum(SLOPE[::-1])[::-1][1:]
"""Derivative of the shares, per frame."""
BEYOND = np.array([5.0, -10.0, 10.0, -5.0, 1.0])
"""The next value of a polynomial of degree 4 from the last five."""


def missing_turn(controls: np.ndarray, quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (n, 3) from the curve of controls (n, 4; n >= 6) to unit quaternions (n, 4) at its frames."""
    n = len(controls)
    steps = _steps(controls)
    first = controls[:1]
    earlier = []
    for k in (1, 0):  # C[-1] and C[-2]
        first = product(first, exponential(-steps[k : k + 1]))
        earlier.append(first)
    reached = np.concatenate([*earlier[::-1], controls[: n - 2]])
    for k in range(4):
        reached = product(reached, exponential(SHARE[k] * steps[k : k + n]))
    return logarithm(relative(reached, quaternion))


def turned_controls(controls: np.ndarray, correction: np.ndarray) -> np.ndarray:
    """Controls (n, 4), each turned by a rotation vector (n, 3) in its own axes."""
    return unit(product(controls, exponential(correction)))


def turning_speed(controls: np.ndarray) -> np.ndarray:
    """Angular velocity (n, 3) of the curve at its frames, rad a frame, in the moving axes."""
    n = len(controls)
    steps = _steps(controls)
    speed = np.zeros((n, 3))
    for k in range(4):  # earlier speeds are seen from later axes
        increment = steps[k : k + n]
        speed = turned_back(exponential(SHARE[k] * increment), speed) + SPEED[k] * increment
    return speed


def _steps(controls: np.ndarray) -> np.ndarray:
    """Increments d[-1] .. d[n+1] (n + 3, 3) of n controls, carried on beyond both ends."""
    n = len(controls)
    steps = np.empty((n + 3, 3))
    steps[2 : n + 1] = logarithm(relative(controls[:-1], controls[1:]))
    for k in (1, 0):
        steps[k] = BEYOND @ steps[k + 1 : k + 6]
    for k in (n + 1, n + 2):
        steps[k] = BEYOND @ steps[k - 1 : k - 6 : -1]
    return steps
