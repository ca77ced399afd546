"""What sensors read and how coordinates follow their speeds, with the gradients by hand; time along the last axis."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from training.physics.adjoint_motion import Motion
from training.physics.term_table import TermTable


class Readings(NamedTuple):
    """What the reconstruction of readings leaves for its gradient: sensors' axes (B, K, T), readings, deviations."""

    cosines: Tensor
    sines: Tensor
    expected: Tensor
    off: Tensor


def push_readings(motion: Motion, turns: Tensor, first: int, read: Tensor, table: TermTable) -> tuple[Tensor, Readings]:
    """Cost of what sensors would read against what they read.

    Parameters
    ----------
    motion : Motion
        Its felt points from `first` on are the sensors.
    turns : Tensor, shape (B, K)
        rad.
    first : int
    read : Tensor, shape (B, 3, K, T)
    table : TermTable
    """
    c, s = motion.directions[:, 0].index_select(2, table.sensed).unbind(1)
    over, across = torch.cos(turns).unsqueeze(-1), torch.sin(turns).unsqueeze(-1)
    cosines, sines = c * over - s * across, s * over + c * across
    ahead, up = motion.felt[:, :, first:].unbind(1)
    expected = torch.empty_like(read)
    torch.mul(cosines, ahead, out=expected[:, 0]).addcmul_(sines, up)
    torch.mul(cosines, up, out=expected[:, 1]).addcmul_(sines, ahead, value=-1.0)
    expected[:, 2] = motion.turning[:, 1].index_select(1, table.sensed)
    off = (expected - read).mul_(table.sharpness)
    return torch.linalg.vector_norm(off).square() / off.numel(), Readings(cosines, sines, expected, off)


def pull_readings(
    kept: Readings, gain: Tensor, motion: Motion, first: int, centres: Tensor, table: TermTable
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients by the turning (B, 3, S, T), the felt points (those of `centres` first) and the sensors' angles."""
    pull = kept.off * (table.sharpness * (2.0 * gain / kept.off.numel()))
    x, y, rate = pull.unbind(1)
    felt = torch.empty_like(motion.felt)
    felt[:, :, :first] = centres
    torch.mul(kept.cosines, x, out=felt[:, 0, first:]).addcmul_(kept.sines, y, value=-1.0)
    torch.mul(kept.sines, x, out=felt[:, 1, first:]).addcmul_(kept.cosines, y)
    angle = (x * kept.expected[:, 1]).addcmul_(y, kept.expected[:, 0], value=-1.0)
    turning = torch.zeros_like(motion.turning)
    turning[:, 0].index_add_(1, table.sensed, angle)
    turning[:, 1].index_add_(1, table.sensed, rate)
    return turning, felt, angle.sum(-1)


def push_temporal(state: Tensor, rate: float, price: Tensor) -> tuple[Tensor, Tensor]:
    """Cost of coordinates and speeds (B, 3, n_q, T) that are not each other's integrals, by the trapezoidal rule."""
    step = (state[:, :2, :, 1:] - state[:, :2, :, :-1]).mul_(rate)
    off = step.sub_(state[:, 1:, :, 1:], alpha=0.5).sub_(state[:, 1:, :, :-1], alpha=0.5)
    frames = off.shape[0] * off.shape[3]
    return torch.linalg.vector_norm(off * price.sqrt()).square() / frames, off


def pull_temporal(off: Tensor, gain: Tensor, rate: float, price: Tensor, state: Tensor) -> None:
    """Add its gradient to that of the state."""
    pull = off * (price * (2.0 * gain / (off.shape[0] * off.shape[3])))
    state[:, :2, :, 1:].add_(pull, alpha=rate)
    state[:, :2, :, :-1].sub_(pull, alpha=rate)
    state[:, 1:, :, 1:].sub_(pull, alpha=0.5)
    state[:, 1:, :, :-1].sub_(pull, alpha=0.5)
