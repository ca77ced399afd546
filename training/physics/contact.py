"""Contact of points with a level floor, as tensors: the penetration law that the optimal control uses for points.

Source: the explicit contact of biosym (`synth.optimal_control.law.point_contact`, to which a test holds this one); the
constants are those of the body's contact points.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.physics.body import PlanarBody


def contact_force(
    body: PlanarBody, height: Tensor, forward_velocity: Tensor, upward_velocity: Tensor, rounding: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Force of the floor on the contact points.

    Parameters
    ----------
    body : PlanarBody
        Its constants apply to the last axis.
    height, forward_velocity, upward_velocity : Tensor, shape (..., T, n_points)
        m, m/s, ground frame.
    rounding : float or Tensor
        Length (m) over which the surface is rounded.

    Returns
    -------
    forward, upward : Tensor, shape (..., T, n_points)
        N.
    """
    stiffness, damping, friction, slip = (
        constant.unsqueeze(-2) for constant in (body.stiffness, body.damping, body.friction, body.slip_speed)
    )
    depth = 0.5 * (torch.sqrt(height * height + rounding * rounding) - height)
    upward = stiffness * depth * (1.0 - damping * upward_velocity)
    return -friction * upward * forward_velocity / torch.sqrt(forward_velocity**2 + slip * slip), upward
