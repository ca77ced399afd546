"""Transfer: a network taught by simulated people goes on learning from a few others.

What may change is a *schedule* (``none`` is frozen, the ``recurrent`` part is, or ``all_but_head``). What holds it back
is an *anchor*: a penalty on the distance of the weights from those of the simulation, equal for all (``plain``; L2-SP,
X. Li, Y. Grandvalet and F. Davoine, ICML 2018), or weighted by how surely the simulation taught each weight
(``covariance``): the inverse of its posterior variance, taken as the diagonal of the empirical Fisher information
(J. Kirkpatrick et al., PNAS 114:3521, 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from training.fatigue.torque_network import torque_loss
from training.sample.fit import Arrays, LossOf

Schedule = Literal["none", "recurrent", "all_but_head"]
AnchorKind = Literal["off", "plain", "covariance"]
LEAST_WEIGHT = 0.05
"""Of the anchor of a weight that the simulation says nothing of; the mean is 1."""


@dataclass(frozen=True)
class Anchor:
    """What holds weights back.

    Attributes
    ----------
    place : dict of str to Tensor
        Weights of the simulation.
    weight : dict of str to Tensor
        How much the square of each distance counts; the mean over all is about 1.
    strength : float
    """

    place: dict[str, torch.Tensor]
    weight: dict[str, torch.Tensor]
    strength: float

    def penalty(self, network: nn.Module) -> torch.Tensor:
        """Sum of weighted squares of distances, times the strength."""
        total = sum((self.weight[n] * (p - self.place[n]) ** 2).sum() for n, p in network.named_parameters())
        return self.strength * total


def freeze(network: nn.Module, schedule: Schedule) -> nn.Module:
    """Forbid some parameters to change; in place."""
    for name, parameter in network.named_parameters():
        if schedule == "recurrent":
            parameter.requires_grad_(not name.startswith(network.recurrent))
        else:
            parameter.requires_grad_(schedule == "none" or name.startswith(network.head))
    return network


def fisher_information(network: nn.Module, arrays: Arrays, n_samples: int, seed: int) -> dict[str, torch.Tensor]:
    """Diagonal of the empirical Fisher information over some samples: mean 1, then within `LEAST_WEIGHT` and 20."""
    total = len(next(iter(arrays.values())))
    chosen = np.random.default_rng(seed).permutation(total)[:n_samples]
    summed = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    for i in chosen:
        one = {name: torch.as_tensor(np.asarray(a[i : i + 1]), dtype=torch.float32) for name, a in arrays.items()}
        network.zero_grad()
        torque_loss(network, one).backward()
        for name, p in network.named_parameters():
            if p.grad is not None:
                summed[name] += p.grad.detach() ** 2
    network.zero_grad()
    mean = sum(float(s.sum()) for s in summed.values()) / sum(s.numel() for s in summed.values())
    return {name: (s / max(mean, 1e-30)).clamp(LEAST_WEIGHT, 20.0) for name, s in summed.items()}


def anchor_at(network: nn.Module, kind: AnchorKind, strength: float, information: Mapping[str, torch.Tensor]) -> Anchor:
    """The anchor at the present weights of a network; ``information`` is used by ``covariance`` only."""
    place = {name: p.detach().clone() for name, p in network.named_parameters()}
    ones = {name: torch.ones_like(p) for name, p in place.items()}
    weight = dict(information) if kind == "covariance" else ones
    return Anchor(place, weight, 0.0 if kind == "off" else strength)


def anchored_loss(anchor: Anchor) -> LossOf:
    """Loss of the torque, plus the anchor's penalty while it learns: validation is judged by the torque alone."""

    def loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        value = torque_loss(network, batch)
        return value + anchor.penalty(network) if network.training and anchor.strength else value

    return loss
