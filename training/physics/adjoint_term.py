"""All physics losses in one step, with their gradient by hand: a third of the time that autograd takes for them.

The definitions stand in `training.physics.loss_term`, one pure function each; a test holds values and gradients here to
theirs. What is not written by hand (levers of points that are learnt, the network itself) is autograd's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from training.physics.adjoint_force import (
    Balance,
    BatchConstants,
    Load,
    Touch,
    bent,
    pull_balance,
    pull_load,
    pull_touch,
    push_balance,
    push_load,
    push_touch,
)
from training.physics.adjoint_motion import Motion, Pull, pull_motion, push_motion, times
from training.physics.adjoint_signal import (
    Readings,
    pull_readings,
    pull_temporal,
    push_readings,
    push_temporal,
)
from training.physics.estimate import BENT, FORWARD, TORQUE
from training.physics.term_table import TermTable

NAMES = ("dynamics", "temporal", "imu", "contact", "effort", "limits", "sliding", "transfer", "posture")
"""Order of the terms in what `PhysicsTerms` returns."""
_EFFORT = (TORQUE / 0.05) ** 2


class Told(NamedTuple):
    """What a batch is told, without gradients.

    Attributes
    ----------
    tilts : Tensor, shape (B, K, T)
    pace : Tensor, shape (B, T)
    readings : Tensor, shape (B, 3, K, T)
    share : Tensor, shape (B, T)
        Of the load on the right foot, 0 where unknown.
    is_told : Tensor, shape (B, T)
        1 where the share is known.
    """

    tilts: Tensor
    pace: Tensor
    readings: Tensor
    share: Tensor
    is_told: Tensor


@dataclass(frozen=True)
class _Kept:
    """What the backward pass needs."""

    raw: Tensor
    motion: Motion
    load: Load
    share: tuple[Tensor, Tensor, Tensor]
    balance: Balance
    touch: Touch
    readings: Readings
    slopes: Tensor
    beyond: Tensor


class PhysicsTerms(torch.autograd.Function):
    """Raw outputs of a network to the terms of the loss (n_terms,), in the order of `NAMES`."""

    @staticmethod
    def forward(
        ctx: Any,
        raw: Tensor,
        turns: Tensor,
        standing: Tensor,
        points: Tensor,
        inertia: Tensor,
        told: Told,
        constants: BatchConstants,
        table: TermTable,
    ) -> Tensor:
        """Terms of a batch.

        Parameters
        ----------
        ctx
            Of torch.
        raw : Tensor, shape (B, T, n_outputs)
        turns : Tensor, shape (B, K)
            Angles of the sensors on their segments (rad).
        standing : Tensor, shape (B,)
            Height of the root in standing (m).
        points : Tensor, shape (B, 2, C + S + K, 2 S)
            Levers of contact points, centres of mass and sensors.
        inertia : Tensor, shape (B, S)
        told : Told
        constants : BatchConstants
        table : TermTable
        """
        raw = raw.transpose(1, 2).contiguous()
        pieces = raw.split(table.sizes, 1)
        state = _state(pieces, told.tilts - turns.unsqueeze(-1), told.pace, standing, table)
        weights, contacts, bodies = table.weights, table.n_contacts, inertia.shape[1]
        motion = push_motion(state, table.turning, points, contacts, table.root, table.gravity)
        load = push_load(pieces[4], motion.height)
        ground = torch.stack([pieces[3] * FORWARD, load.share * load.total], 1).mul_(constants.weight.unsqueeze(1))
        transfer, *share = _push_transfer(load, told, table)
        rows = points[:, :, : contacts + bodies]
        torques = pieces[2] * (TORQUE * constants.size)
        mass = inertia.unsqueeze(-1)
        dynamics, balance = push_balance(
            motion, rows, ground, torques, mass, table.turning, table.place, table.root, constants
        )
        contact, sliding, touch = push_touch(
            motion, ground, table.rounding, weights.contact_sd, weights.slip_sd, constants
        )
        imu, readings = push_readings(motion, turns, bodies, told.readings, table)
        temporal, slopes = push_temporal(state, table.rate, table.price)
        beyond = (state[:, 0] - state[:, 0].clamp(table.lower, table.upper)).mul_(1.0 / weights.limit_sd)
        lean = torch.linalg.vector_norm(motion.turning[:, 0] * table.unseen).square()
        effort = torch.linalg.vector_norm(pieces[2]).square() * (_EFFORT / pieces[2].numel())
        frames = raw.shape[0] * raw.shape[2]
        limits = torch.linalg.vector_norm(beyond).square() / (frames * table.n_angles)
        posture = lean / (frames * table.n_unseen * weights.trunk_sd**2)
        ctx.kept = _Kept(raw, motion, load, tuple(share), balance, touch, readings, slopes, beyond)
        ctx.given = (points, inertia, told, constants, table)
        return torch.stack([dynamics, temporal, imu, contact, effort, limits, sliding, transfer, posture])

    @staticmethod
    def backward(ctx: Any, gains: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of raw outputs, turns, standing height, levers and inertia."""
        kept, (points, inertia, told, constants, table) = ctx.kept, ctx.given
        gain = dict(zip(NAMES, gains.unbind(), strict=True))
        weights, contacts, bodies = table.weights, table.n_contacts, inertia.shape[1]
        motion, rows = kept.motion, points[:, :, : contacts + bodies]
        ground, height, velocity = pull_touch(
            kept.touch, (gain["contact"], gain["sliding"]), motion, weights.contact_sd, weights.slip_sd, constants
        )
        by = pull_balance(
            kept.balance,
            gain["dynamics"],
            motion,
            rows,
            inertia.unsqueeze(-1),
            table.turning,
            table.place,
            table.root,
            constants,
        )
        ground += by.ground
        turned, felt, turns = pull_readings(kept.readings, gain["imu"], motion, bodies, by.felt, table)
        turned[:, 2].add_(by.accelerated)
        frames = height.shape[0] * height.shape[2]
        share = 2.0 * gain["posture"] / (frames * table.n_unseen * weights.trunk_sd**2)
        turned[:, 0].addcmul_(motion.turning[:, 0], share * table.unseen)
        state, levers = pull_motion(
            motion, Pull(turned, by.directions, height, velocity, felt), table.turning, points, table.root
        )
        levers[:, :, : contacts + bodies].add_(by.points)
        pull_temporal(kept.slopes, gain["temporal"], table.rate, table.price, state)
        state[:, 0].add_(kept.beyond * (2.0 * gain["limits"] / (frames * table.n_angles * weights.limit_sd)))
        ground *= constants.weight.unsqueeze(1)
        upward = ground[:, 1] + _pull_transfer(kept.load, kept.share, gain["transfer"], told, table)
        raw = torch.empty_like(kept.raw)
        pieces = raw.split(table.sizes, 1)
        pieces[0].copy_(times(table.onto.T, state[:, 0]))
        torch.mul(state[:, 1:].flatten(1, 2), table.units, out=pieces[1])
        effort = 2.0 * gain["effort"] * _EFFORT / pieces[2].numel()
        pieces[2].copy_(by.torques.mul_(TORQUE * constants.size).addcmul_(kept.raw.split(table.sizes, 1)[2], effort))
        torch.mul(ground[:, 0], FORWARD, out=pieces[3])
        pieces[4].copy_(pull_load(kept.load, upward))
        along = state[:, 0].sum(-1)
        turns -= along @ table.from_tilts.T
        return raw.transpose(1, 2), turns, along[:, table.root[1]], levers, by.inertia[..., 0], None, None, None


def _state(pieces: tuple[Tensor, ...], tilts: Tensor, pace: Tensor, standing: Tensor, table: TermTable) -> Tensor:
    """Coordinates, speeds and accelerations (B, 3, n_q, T)."""
    n, _, frames = tilts.shape
    state = tilts.new_empty(n, 3, table.turning.shape[0], frames)
    torch.add(times(table.onto, pieces[0]), times(table.from_tilts.T, tilts), out=state[:, 0])
    state[:, 0, table.root[1]].add_(standing[:, None] - BENT)
    torch.mul(pieces[1], table.units, out=state[:, 1:].flatten(1, 2))
    state[:, 1, table.root[0]].add_(pace)
    return state


def _push_transfer(load: Load, told: Told, table: TermTable) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cost of the right foot's share against what is told; what its gradient needs."""
    found = (load.share * table.right).sum(1)
    known = load.total[:, 0].clamp(max=1.0) * told.is_told / table.weights.transfer_sd
    cost, slope = bent((found - told.share) * known)
    return cost, known, slope, found


def _pull_transfer(
    load: Load, kept: tuple[Tensor, Tensor, Tensor], gain: Tensor, told: Told, table: TermTable
) -> Tensor:
    """Gradient of the upward forces (body weights) that moves the share and leaves the total."""
    known, slope, found = kept
    share = slope * known * (2.0 * gain / slope.numel())
    return (table.right - found.unsqueeze(1)) * (share.unsqueeze(1) / load.total)
