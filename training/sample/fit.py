"""Fitting a network to samples in memory: Adam(W), batches of rows, the epoch chosen by people who do not teach."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

Arrays = Mapping[str, np.ndarray]
"""Named arrays with samples along the first axis: inputs, targets, weights, masks."""
LossOf = Callable[[nn.Module, dict[str, torch.Tensor]], torch.Tensor]
"""``loss(network, batch)`` → one number to minimise, a mean over the samples of the batch."""


class FitSettings(BaseModel):
    """How a network is fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(200, ge=1, le=100_000, description="Passes over the samples, at most.")
    steps: int = Field(
        0,
        ge=0,
        description="Steps, in the place of epochs: each of exactly `batch` samples, passes running on; 0 = none.",
    )
    batch: int = Field(64, ge=1, description="Samples a step.")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Of AdamW; the peak where the schedule is one_cycle.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Decoupled weight decay.")
    schedule: Literal["constant", "one_cycle"] = Field("constant", description="Course of the learning rate.")
    patience: int = Field(0, ge=0, description="Epochs without a better validation before the end; 0 = none.")
    gradient_norm: float = Field(5.0, gt=0, description="Gradients are scaled down to this norm.")


@dataclass(frozen=True)
class Fit:
    """A fitted network and how it came about.

    Attributes
    ----------
    network : Module
        In evaluation mode, with the weights of the best epoch where people validate, else of the last.
    epoch : int
        That epoch, from 1.
    losses, validation : ndarray, shape (epochs done,)
        Mean loss of teaching and of validation; the latter empty without validation.
    """

    network: nn.Module
    epoch: int
    losses: np.ndarray
    validation: np.ndarray


def fit(
    network: nn.Module,
    loss: LossOf,
    teaching: Arrays,
    settings: FitSettings,
    *,
    seed: int,
    validation: Arrays | None = None,
) -> Fit:
    """Fit a network; equal seeds give equal weights.

    Parameters
    ----------
    network : Module
        Changed in place. Parameters with ``requires_grad = False`` stay as they are. Build it under a seed of its own
        (`seeded`), as its first weights are drawn when it is made.
    loss : callable
    teaching : mapping of str to ndarray
        Floats become float32, integers int64.
    settings : FitSettings
    seed : int
        Of the order of samples and of whatever the network draws (dropout, latent variables).
    validation : mapping of str to ndarray, optional
        Of people who neither teach nor are scored.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        Arrays of unlike length, no sample, or a loss that is not finite (names the epoch).
    """
    data, held = _tensors(teaching, "teaching"), None if validation is None else _tensors(validation, "validation")
    n_samples = len(next(iter(data.values())))
    learnable = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learnable, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = _schedule(optimiser, settings, settings.steps or settings.epochs * -(-n_samples // settings.batch))
    order = np.random.default_rng(seed)
    losses: list[float] = []
    held_losses: list[float] = []
    best: tuple[float, int, dict] = (np.inf, 0, {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for epoch, batches in enumerate(_passes(n_samples, settings, order), start=1):
            losses.append(_finite(_epoch(network, loss, data, optimiser, schedule, settings, batches), epoch))
            if held is not None:
                held_losses.append(mean_loss(network, loss, held))
                if held_losses[-1] < best[0]:
                    best = (held_losses[-1], epoch, copy.deepcopy(network.state_dict()))
                elif settings.patience and epoch - best[1] >= settings.patience:
                    break
    if best[2]:
        network.load_state_dict(best[2])
    network.eval()
    return Fit(network, best[1] or len(losses), np.array(losses), np.array(held_losses))


def mean_loss(network: nn.Module, loss: LossOf, data: Mapping[str, torch.Tensor]) -> float:
    """Loss over all samples at once, in evaluation mode."""
    network.eval()
    with torch.no_grad():
        return float(loss(network, dict(data)))


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A network whose first weights come from a seed; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _epoch(
    network: nn.Module,
    loss: LossOf,
    data: Mapping[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler | None,
    settings: FitSettings,
    batches: Sequence[torch.Tensor],
) -> float:
    """One pass in the order of its batches of rows; the mean loss."""
    network.train()
    total = 0.0
    for batch in batches:
        value = loss(network, {name: array[batch] for name, array in data.items()})
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], settings.gradient_norm)
        optimiser.step()
        if schedule is not None:
            schedule.step()
        total += float(value.detach()) * len(batch)
    return total / sum(map(len, batches))


def _passes(n: int, settings: FitSettings, order: np.random.Generator) -> Iterator[Sequence[torch.Tensor]]:
    """Batches of rows, pass by pass, every pass in a new order; with `steps`, as many of `batch` rows as are asked."""
    if not settings.steps:
        for _ in range(settings.epochs):
            yield torch.as_tensor(order.permutation(n)).split(settings.batch)
        return
    wanted, a_pass = settings.steps * settings.batch, -(-n // settings.batch)
    rows = np.concatenate([order.permutation(n) for _ in range(-(-wanted // n))])[:wanted]
    batches = torch.as_tensor(rows).split(settings.batch)
    for first in range(0, settings.steps, a_pass):
        yield batches[first : first + a_pass]


def _finite(value: float, epoch: int) -> float:
    if not np.isfinite(value):
        raise ValueError(f"the loss is {value} in epoch {epoch}; lower the learning rate or scale the data.")
    return value


def _schedule(
    optimiser: torch.optim.Optimizer, settings: FitSettings, total: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if settings.schedule == "constant":
        return None
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=total)


def _tensors(arrays: Arrays, what: str) -> dict[str, torch.Tensor]:
    """Arrays as tensors of one length."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1 or not next(iter(lengths.values())):
        raise ValueError(f"{what} samples: expected arrays of one length above 0, found {lengths}.")
    found = {name: torch.as_tensor(np.ascontiguousarray(array)) for name, array in arrays.items()}
    return {n: t.float() if t.is_floating_point() else t.long() for n, t in found.items()}
