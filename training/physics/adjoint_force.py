"""Forces on a planar body with their gradients by hand: equations of motion, contact law, sliding, shared load.

What `training.physics.loss_term` says of them, time along the last axis; a test holds values and gradients to autograd.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from training.physics.adjoint_motion import Motion, times
from training.physics.estimate import LOAD, NEAR_FLOOR, ONE
from training.physics.loss_term import BEND


class BatchConstants(NamedTuple):
    """Numbers of B persons without a gradient; (B, ·, 1) but `weight` and `size`, (B, 1, 1).

    Attributes
    ----------
    mass, stiffness, damping, friction, slip_speed : Tensor
        As in `PlanarBody`.
    weight, size : Tensor
        Body weight (N), body weight × height (N·m).
    unit : Tensor
        Tolerance of each generalized force.
    """

    mass: Tensor
    stiffness: Tensor
    damping: Tensor
    friction: Tensor
    slip_speed: Tensor
    weight: Tensor
    size: Tensor
    unit: Tensor


def bent(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of Huber's function, doubled, and half its slope by x."""
    slope = x.clamp(-BEND, BEND)
    return torch.dot(slope.reshape(-1), torch.sub(2.0 * x, slope).reshape(-1)) / x.numel(), slope


class Load(NamedTuple):
    """Upward forces as a total and its shares: (B, 1, T), (B, C, T); body weights."""

    argument: Tensor
    total: Tensor
    share: Tensor


def push_load(raw: Tensor, height: Tensor) -> Load:
    """A total, shared by the lowest points unless the raw outputs say otherwise."""
    argument = raw.mean(1, keepdim=True).add_(ONE)
    return Load(
        argument,
        torch.nn.functional.softplus(argument),
        torch.softmax(torch.sub(LOAD * raw, height, alpha=1.0 / NEAR_FLOOR), 1),
    )


def pull_load(load: Load, upward: Tensor) -> Tensor:
    """Gradient of the raw outputs from that of the upward forces (body weights)."""
    mean = (load.share * upward).sum(1, keepdim=True)
    raw = (upward - mean).mul_(load.share).mul_(LOAD * load.total)
    return raw.add_(torch.sigmoid(load.argument).mul_(mean), alpha=1.0 / raw.shape[1])


class Balance(NamedTuple):
    """What the equations of motion leave for their gradient."""

    forces: Tensor
    about: Tensor
    slope: Tensor


def push_balance(
    motion: Motion,
    points: Tensor,
    ground: Tensor,
    torques: Tensor,
    inertia: Tensor,
    turning: Tensor,
    place: Tensor,
    root: tuple[int, int],
    constants: BatchConstants,
) -> tuple[Tensor, Balance]:
    """Cost of the generalized forces that nobody supplies.

    Parameters
    ----------
    motion : Motion
        Its felt points begin with the centres of mass.
    points : Tensor, shape (B, 2, C + S, 2 S)
        Levers of contact points and centres of mass.
    ground : Tensor, shape (B, 2, C, T)
        Forward and upward force on the contact points (N).
    torques : Tensor, shape (B, J, T)
    inertia : Tensor, shape (B, S, 1)
    turning : Tensor, shape (n_q, S)
    place : Tensor, shape (n_q, J)
    root : tuple of int
    constants : BatchConstants
    """
    n, _, contacts, frames = ground.shape
    segments = inertia.shape[1]
    forces = ground.new_empty(n, 2, contacts + segments, frames)
    torch.neg(ground, out=forces[:, :, :contacts])
    torch.mul(motion.felt[:, :, :segments], constants.mass.unsqueeze(1), out=forces[:, :, contacts:])
    about = torch.bmm(points.flatten(1, 2).transpose(1, 2), forces.flatten(1, 2)).view(n, 2, segments, frames)
    c, s = motion.directions[:, 0].unbind(1)
    power = inertia * motion.turning[:, 2]
    power.addcmul_(s, about[:, 0], value=-1.0).addcmul_(c, about[:, 1])
    left = times(turning, power).sub_(times(place, torques))
    for axis, row in enumerate(root):
        left[:, row].add_(forces[:, axis].sum(1))
    cost, slope = bent(left.div_(constants.unit))
    return cost, Balance(forces, about, slope)


class BalancePull(NamedTuple):
    """Gradients by what went into the equations of motion."""

    ground: Tensor
    torques: Tensor
    inertia: Tensor
    accelerated: Tensor
    felt: Tensor
    directions: Tensor
    points: Tensor


def pull_balance(
    kept: Balance,
    gain: Tensor,
    motion: Motion,
    points: Tensor,
    inertia: Tensor,
    turning: Tensor,
    place: Tensor,
    root: tuple[int, int],
    constants: BatchConstants,
) -> BalancePull:
    """Gradients of `push_balance`, `gain` being that of its cost."""
    n, _, both, _ = kept.forces.shape
    segments = inertia.shape[1]
    contacts = both - segments
    left = kept.slope * (2.0 * gain / (kept.slope.numel() * constants.unit))
    power = times(turning.T, left)
    c, s = motion.directions[:, 0].unbind(1)
    about = torch.stack([s * power, c * power], 1)
    about[:, 0].neg_()
    directions = torch.stack([kept.about[:, 1] * power, kept.about[:, 0] * power], 1)
    directions[:, 1].neg_()
    forces = torch.bmm(points.flatten(1, 2), about.flatten(1, 2)).view_as(kept.forces)
    for axis, row in enumerate(root):
        forces[:, axis].add_(left[:, row, None])
    return BalancePull(
        forces[:, :, :contacts].neg(),
        times(place.T, left).neg_(),
        (power * motion.turning[:, 2]).sum(-1, keepdim=True),
        inertia * power,
        forces[:, :, contacts:] * constants.mass.unsqueeze(1),
        directions,
        torch.bmm(kept.forces.flatten(1, 2), about.flatten(1, 2).transpose(1, 2)).view(n, 2, both, 2 * segments),
    )


class Touch(NamedTuple):
    """What contact and sliding leave for their gradient."""

    root: Tensor
    stiff: Tensor
    damped: Tensor
    upward: Tensor
    slowness: Tensor
    slopes: Tensor
    load: Tensor
    slip: Tensor


def push_touch(
    motion: Motion, ground: Tensor, rounding: float, tolerance: float, slip: float, constants: BatchConstants
) -> tuple[Tensor, Tensor, Touch]:
    """Costs of forces against the contact law and of loaded points that slide.

    Parameters
    ----------
    motion : Motion
    ground : Tensor, shape (B, 2, C, T)
        N.
    rounding : float
        m.
    tolerance, slip : float
        Body weights; m/s.
    constants : BatchConstants
    """
    height, (along, rising) = motion.height, motion.velocity.unbind(1)
    root = torch.sqrt(height * height + rounding * rounding)
    stiff = (root - height).mul_(0.5 * constants.stiffness)
    damped = 1.0 - constants.damping * rising
    upward = stiff * damped
    slowness = torch.rsqrt(along * along + constants.slip_speed**2)
    law = torch.stack([-constants.friction * upward * along * slowness, upward], 1)
    cost, slopes = bent((ground - law).div_((tolerance * constants.weight).unsqueeze(1)))
    above = height.clamp(min=0.0).mul_(1.0 / NEAR_FLOOR)
    load = torch.exp(above.square_().mul_(-0.5)).mul_(ground[:, 1]).div_(constants.weight)
    x = along / slip
    slipping = x.clamp(-BEND, BEND)
    sliding = (load * slipping * torch.sub(2.0 * x, slipping)).mean()
    return 2.0 * cost, sliding, Touch(root, stiff, damped, upward, slowness, slopes, load, slipping)


def pull_touch(
    kept: Touch,
    gains: tuple[Tensor, Tensor],
    motion: Motion,
    tolerance: float,
    slip: float,
    constants: BatchConstants,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients by the forces of the ground, the heights and the velocities; `gains` are those of both costs."""
    along = motion.velocity[:, 0]
    size = kept.slip.numel()
    ground = kept.slopes * (2.0 * gains[0] / (size * tolerance * constants.weight)).unsqueeze(1)
    braking = ground[:, 0] * constants.friction * kept.slowness
    upward = (braking * along).sub_(ground[:, 1])
    velocity = torch.empty_like(motion.velocity)
    torch.mul(braking * kept.upward, (kept.slowness * constants.slip_speed).square_(), out=velocity[:, 0])
    velocity[:, 0].addcmul_(kept.load * (2.0 * gains[1] / (size * slip)), kept.slip)
    torch.mul(upward * kept.stiff, -constants.damping, out=velocity[:, 1])
    height = (upward * kept.damped).mul_(kept.stiff).div_(kept.root).neg_()
    return ground, height, velocity
