"""Ranks: processes that train one network together, each on its share of every batch (started by ``torchrun``)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from training.config import ConfigRefused


@dataclass(frozen=True)
class Ranks:
    """A process among all that train together.

    Attributes
    ----------
    rank : int
        0 .. size - 1; rank 0 writes files.
    size : int
        1 = nobody else.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    @property
    def is_shared(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def share(self, n: int) -> slice:
        """The rank's part of `n` windows: contiguous, sizes differ by at most one.

        Raises
        ------
        ConfigRefused
            If there are fewer windows than ranks.
        """
        if n < self.size:
            raise ConfigRefused(
                f"batch: expected at least one window a process, got {n} for {self.size} processes. "
                "Raise batch in the configuration, or start fewer processes."
            )
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over ranks, through which gradients flow back to all of them; alone, the values themselves."""
        return _Total.apply(values) if self.is_shared else values

    def wait(self) -> None:
        """Wait for the others."""
        if self.is_shared:
            distributed.barrier()

    def agree(self, number: int, what: str) -> None:
        """Refuse to go on if a number differs between ranks.

        Raises
        ------
        ConfigRefused
        """
        if not self.is_shared:
            return
        seen = [None] * self.size
        distributed.all_gather_object(seen, number)
        if len(set(seen)) > 1:
            raise ConfigRefused(
                f"expected the same {what} in all processes, found {', '.join(map(str, seen))}. "
                "All processes must see the same corpus and the same output folder."
            )


ALONE = Ranks()


def is_launched() -> bool:
    """Whether ``torchrun`` started this process with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launched_rank() -> int:
    """Rank of this process, 0 if it is alone; known before the others are met."""
    return int(os.environ.get("RANK", "0")) if is_launched() else 0


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """Meet the other processes that ``torchrun`` started, if any.

    Inside another such block the group of that one is used.

    Parameters
    ----------
    device : torch.device
        Decides the way to talk: gloo between CPUs, NCCL between GPUs.
    """
    if not is_launched():
        yield ALONE
        return
    is_outer = not distributed.is_initialized()
    if is_outer:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        if is_outer:
            distributed.destroy_process_group()


class _Total(torch.autograd.Function):
    """Sum over ranks. What a rank's loss feels of it goes back to every rank's share."""

    @staticmethod
    def forward(ctx: object, values: torch.Tensor) -> torch.Tensor:
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.detach().clone()
        distributed.all_reduce(total)
        return total
