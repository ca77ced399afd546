"""Terms of the objective: small pure functions, each a squared misfit or a cost with its weight.

All tracking weights are inverse variances, so that a term is 1 where the misfit equals one standard deviation, and a
missing sample is a weight of 0. Functions work on floats, NumPy arrays and CasADi SX. A new cost is one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from opensim_models.model.multibody import SegmentState, specific_force

Scalar = Any
N_MARKER_MOMENTS = 8


def squared_error(value: Scalar, target: Scalar, weight: Scalar) -> Scalar:
    """Weight × (value - target)²: coordinates, ground reaction, effort (target 0), priors."""
    return weight * (value - target) ** 2


def roughness(value: Scalar, following: Scalar, weight: Scalar) -> Scalar:
    """Weight × squared change between neighbouring nodes: smoothness of accelerations, excitations, torques."""
    return weight * (following - value) ** 2


def track_total_force(forces: Sequence[Scalar], target: Sequence[Scalar], weight: Sequence[Scalar]) -> Scalar:
    """Misfit of the sum of both feet's forces, where a plate cannot tell the feet apart.

    `forces` are forward and vertical of the right, then of the left foot; `target` and `weight` forward and vertical.
    """
    return sum(squared_error(forces[i] + forces[i + 2], target[i], weight[i]) for i in range(2))


def track_centre_of_pressure(
    ankle: tuple[Scalar, Scalar], force: tuple[Scalar, Scalar], moment: Scalar, measured_x: Scalar, weight: Scalar
) -> Scalar:
    """Misfit of the moment that a foot's force has about the measured centre of pressure.

    The moment, unlike the centre of pressure itself, stays finite when the force vanishes.

    Parameters
    ----------
    ankle : tuple of scalar
        Origin of the foot (x, y) over the floor (m).
    force : tuple of scalar
        (forward, vertical).
    moment : scalar
        About the ankle, force unit × m.
    measured_x : scalar
        m.
    weight : scalar
        1 / (force unit × m)².
    """
    about = moment - (measured_x - ankle[0]) * force[1] - ankle[1] * force[0]
    return weight * about**2


def marker_moments(offsets: np.ndarray, positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Condense the markers of one segment into the eight numbers on which their misfit depends.

    For markers p_i fixed in a segment with origin o and rotation R, Σ w_i |o + R p_i - m_i|² depends on the markers
    through a few sums only; so any marker set is tracked by the same compiled equations.

    Parameters
    ----------
    offsets : ndarray, shape (n_markers, 2)
        p_i: x, y in the segment frame (m).
    positions : ndarray, shape (..., n_markers, 2)
        m_i: measured x, y (m); NaN where missing.
    weights : ndarray, shape (n_markers,)
        Inverse variances (1/m²).

    Returns
    -------
    ndarray, shape (..., 8)
        Σw, Σw p_x, Σw p_y, Σw m_x, Σw m_y, Σw p·m, Σw p×m and the constant Σw(|p|² + |m|²).
    """
    seen = np.isfinite(positions).all(axis=-1)
    weight = np.where(seen, weights, 0.0)
    m = np.where(seen[..., None], positions, 0.0)
    p = np.broadcast_to(offsets, m.shape)
    along = p[..., 0] * m[..., 0] + p[..., 1] * m[..., 1]
    across = p[..., 0] * m[..., 1] - p[..., 1] * m[..., 0]
    square = (p**2).sum(axis=-1) + (m**2).sum(axis=-1)
    terms = np.stack([np.ones_like(along), p[..., 0], p[..., 1], m[..., 0], m[..., 1], along, across, square], axis=-1)
    return (weight[..., None] * terms).sum(axis=-2)


def track_markers_of_segment(state: SegmentState, moments: Sequence[Scalar]) -> Scalar:
    """Misfit Σ w |o + R p - m|² of all markers of a segment (see `marker_moments`)."""
    ox, oy, _ = state.origin
    c, s = state.rotation[0][0], state.rotation[1][0]
    total, px, py, mx, my, along, across, square = (moments[i] for i in range(N_MARKER_MOMENTS))
    turned_x, turned_y = c * px - s * py, s * px + c * py
    place = ox * (turned_x - mx) + oy * (turned_y - my)
    return total * (ox * ox + oy * oy) + 2.0 * (place - c * along - s * across) + square


def sagittal_imu(state: SegmentState, offset: tuple[Scalar, Scalar], mounting: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """What a sensor in the sagittal plane reads.

    Parameters
    ----------
    state : SegmentState
        With speeds and accelerations.
    offset : tuple of scalar
        Position (x, y) in the segment frame (m).
    mounting : scalar
        Angle of the sensor's axes relative to the segment's (rad, about Z).

    Returns
    -------
    tuple of scalar
        Specific force along the sensor's x and y (m/s²), angular velocity (rad/s).
    """
    fx, fy, _ = specific_force(state, (offset[0], offset[1], 0.0))
    c, s = np.cos(mounting), np.sin(mounting)
    return c * fx + s * fy, c * fy - s * fx, state.angular_velocity[2]


def track_imu(readings: Sequence[Scalar], measured: Sequence[Scalar], weight: Sequence[Scalar]) -> Scalar:
    """Misfit of the sagittal channels of one sensor."""
    return sum(squared_error(r, m, w) for r, m, w in zip(readings, measured, weight, strict=True))
