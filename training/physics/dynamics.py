"""Equations of motion of a planar body, as tensors: what the movement demands beyond gravity, ground and torques.

Source: d'Alembert's principle with the partial velocities of Kane's method: each mass centre carries -m (a - g), each
contact point its force, each segment -I α; their powers per unit speed of each coordinate add up to the generalized
forces. A test holds the residual to the optimal control's own equations (`synth.optimal_control.movement`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.physics.body import PlanarBody, chosen, levers
from training.physics.motion import PlanarMotion, lever_product, of_points


def demanded_forces(
    body: PlanarBody,
    motion: PlanarMotion,
    forward: Tensor,
    upward: Tensor,
    products: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Generalized forces that the motion demands beyond gravity and the forces of the ground: inverse dynamics.

    Parameters
    ----------
    body : PlanarBody
    motion : PlanarMotion
    forward, upward : Tensor, shape (..., T, n_contacts)
        Force of the ground on each contact point (N).
    products : tuple of Tensor, optional
        From `dynamics_products`, where they are used more than once.

    Returns
    -------
    Tensor, shape (..., T, n_q)
        N·m for rotations, N for translations, positive in the coordinate's direction.
    """
    to_centres, to_all = dynamics_products(body) if products is None else products
    ax, ay = of_points(motion.second, motion.root_acceleration, to_centres)
    mass = body.mass.unsqueeze(-2)
    fx = torch.cat([mass * ax, -forward], -1)
    fy = torch.cat([mass * (ay + body.gravity), -upward], -1)
    # ∂x/∂φ = -(a s + b c), ∂y/∂φ = a c - b s: with A = Σ fx a + fy b, B = Σ fx b - fy a the power is -s A - c B
    both = torch.cat([fx, fy], -1) @ to_all.transpose(-1, -2)
    n = len(body.segments)
    about = body.inertia.unsqueeze(-2) * motion.angular_accelerations
    about = about - motion.sines * both[..., :n] + motion.cosines * both[..., n:]
    forces = about @ body.turning.T
    root = chosen(len(body.coordinates), (body.travel, body.height), forces.dtype, forces.device)
    return forces + torch.stack([fx.sum(-1), fy.sum(-1)], -1) @ root.T


def dynamics_products(body: PlanarBody) -> tuple[Tensor, Tensor]:
    """Lever products of the centres of mass, and of these and the contact points."""
    every = list(range(len(body.segments)))
    to_centres = lever_product(levers(body, every, body.centres))
    points = torch.cat([body.centres, body.contacts], -2)
    return to_centres, lever_product(levers(body, [*every, *body.contact_segments], points))


def dynamics_residual(demanded: Tensor, torques: Tensor, body: PlanarBody) -> Tensor:
    """Generalized forces that nobody supplies.

    Parameters
    ----------
    demanded : Tensor, shape (..., T, n_q)
        From `demanded_forces`.
    torques : Tensor, shape (..., T, n_joints)
        N·m of the coordinates `PlanarBody.joint_columns`.
    body : PlanarBody

    Returns
    -------
    Tensor, shape (..., T, n_q)
    """
    place = chosen(demanded.shape[-1], tuple(body.joint_columns), demanded.dtype, demanded.device)
    return demanded - torques @ place.T
