"""Motion of a planar body with its gradient by hand: what `training.physics.motion` computes, time along the last axis.

Tensors are (B, ·, T), so that rows are slices and no small table is gathered. `pull_motion` takes the gradients of what
`push_motion` made back to coordinates, speeds and accelerations; a test holds both to autograd.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Motion(NamedTuple):
    """Turning of all segments and the movement of points; B persons, S segments, P points of which C touch the floor.

    Attributes
    ----------
    state : Tensor, shape (B, 3, n_q, T)
        Coordinates, speeds, accelerations.
    turning : Tensor, shape (B, 3, S, T)
        Absolute angle (rad), its rate and acceleration.
    directions : Tensor, shape (B, 3, 2, S, T)
        Cosines and sines, and their first and second derivatives in time.
    height : Tensor, shape (B, C, T)
        Of the contact points (m).
    velocity : Tensor, shape (B, 2, C, T)
        Of the contact points, forward and upward (m/s).
    felt : Tensor, shape (B, 2, P - C, T)
        Acceleration less gravity (m/s²) of the other points, forward and upward.
    """

    state: Tensor
    turning: Tensor
    directions: Tensor
    height: Tensor
    velocity: Tensor
    felt: Tensor


class Pull(NamedTuple):
    """Gradients of the members of a `Motion`, of the same shapes; `turning` is added to."""

    turning: Tensor
    directions: Tensor
    height: Tensor
    velocity: Tensor
    felt: Tensor


def times(matrix: Tensor, batch: Tensor) -> Tensor:
    """A matrix times each matrix of a batch (..., n, T), without the copies of `torch.matmul`."""
    flat = batch.flatten(0, -3)
    product = torch.bmm(matrix.expand(len(flat), *matrix.shape), flat)
    return product.view(*batch.shape[:-2], matrix.shape[0], batch.shape[-1])


def push_motion(
    state: Tensor, turning: Tensor, points: Tensor, n_contacts: int, root: tuple[int, int], gravity: float
) -> Motion:
    """Motion of a body and of points on it.

    Parameters
    ----------
    state : Tensor, shape (B, 3, n_q, T)
    turning : Tensor, shape (n_q, S)
        `PlanarBody.turning`.
    points : Tensor, shape (B, 2, P, 2 S)
        Levers: the x, then the y of points from cosines and sines; the contact points come first.
    n_contacts : int
    root : tuple of int
        Rows of the root's forward and upward place.
    gravity : float
        m/s².
    """
    turned = times(turning.T, state)
    n, _, segments, frames = turned.shape
    angle, rate, accelerated = turned.unbind(1)
    directions = state.new_empty(n, 3, 2, segments, frames)
    c, s = directions[:, 0, 0], directions[:, 0, 1]
    torch.cos(angle, out=c)
    torch.sin(angle, out=s)
    torch.mul(c, rate, out=directions[:, 1, 1])
    torch.mul(s, rate, out=directions[:, 1, 0]).neg_()
    torch.mul(directions[:, 1, 0], rate, out=directions[:, 2, 1])
    torch.mul(directions[:, 1, 1], rate, out=directions[:, 2, 0]).neg_()
    directions[:, 2, 0].addcmul_(s, accelerated, value=-1.0)
    directions[:, 2, 1].addcmul_(c, accelerated)
    flat = directions.view(n, 3, 2 * segments, frames)
    touching, others = points[:, :, :n_contacts], points[:, :, n_contacts:]
    height = torch.bmm(touching[:, 1], flat[:, 0]) + state[:, 0, root[1], None]
    velocity = torch.bmm(touching.flatten(1, 2), flat[:, 1]).view(n, 2, n_contacts, frames)
    felt = torch.bmm(others.flatten(1, 2), flat[:, 2]).view(n, 2, others.shape[2], frames)
    for axis, row in enumerate(root):
        velocity[:, axis].add_(state[:, 1, row, None])
        felt[:, axis].add_(state[:, 2, row, None])
    felt[:, 1].add_(gravity)
    return Motion(state, turned, directions, height, velocity, felt)


def pull_motion(
    motion: Motion, pull: Pull, turning: Tensor, points: Tensor, root: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Gradients of the state (B, 3, n_q, T) and of the levers, the shape of `points`."""
    n, _, _, segments, frames = motion.directions.shape
    contacts = motion.height.shape[1]
    flat = motion.directions.view(n, 3, 2 * segments, frames)
    moving, felt = pull.velocity.flatten(1, 2), pull.felt.flatten(1, 2)
    touching, others = points[:, :, :contacts], points[:, :, contacts:]
    levers = torch.empty_like(points)
    levers[:, :, :contacts] = torch.bmm(moving, flat[:, 1].transpose(1, 2)).view_as(touching)
    levers[:, 1, :contacts].add_(torch.bmm(pull.height, flat[:, 0].transpose(1, 2)))
    levers[:, :, contacts:] = torch.bmm(felt, flat[:, 2].transpose(1, 2)).view_as(others)
    shape = (n, 2, segments, frames)
    placed = pull.directions.view(n, 2 * segments, frames).baddbmm(touching[:, 1].transpose(1, 2), pull.height)
    g0 = placed.view(shape)
    g1 = torch.bmm(touching.flatten(1, 2).transpose(1, 2), moving).view(shape)
    g2 = torch.bmm(others.flatten(1, 2).transpose(1, 2), felt).view(shape)
    turned = pull.turning
    _, rate, accelerated = motion.turning.unbind(1)
    c, s = motion.directions[:, 0].unbind(1)
    # d' = ω J d and d'' = α J d - ω² d with d = (cos, sin), J d = (-sin, cos)
    across2, along2 = c * g2[:, 1] - s * g2[:, 0], c * g2[:, 0] + s * g2[:, 1]
    across1, along1 = c * g1[:, 1] - s * g1[:, 0], c * g1[:, 0] + s * g1[:, 1]
    turned[:, 2].add_(across2)
    turned[:, 1].add_(across1.addcmul(rate, along2, value=-2.0))
    turned[:, 0].add_(c * g0[:, 1] - s * g0[:, 0])
    turned[:, 0].addcmul_(rate, along1, value=-1.0).addcmul_(accelerated, along2, value=-1.0)
    turned[:, 0].addcmul_(rate * rate, across2, value=-1.0)
    state = times(turning, turned)
    state[:, 0, root[1]].add_(pull.height.sum(1))
    for axis, row in enumerate(root):
        state[:, 1, row].add_(pull.velocity[:, axis].sum(1))
        state[:, 2, row].add_(pull.felt[:, axis].sum(1))
    return state, levers
