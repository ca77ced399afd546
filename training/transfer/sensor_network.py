"""Sensor network: a dilated network over a gait window, whose head can be exchanged for another task's."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from training.config import resolve_config
from training.networks.registry import build_network
from training.sample.fit import seeded
from training.transfer.gait_window import RATE, TARGETS

DEPTH = 5


class SensorNetwork(nn.Module):
    """`training.networks.temporal` on some channels of a window.

    Parameters
    ----------
    channels : sequence of int
        Of the 42; see `training.transfer.worn_window`.
    width : int
    n_outputs : int
    """

    def __init__(self, channels: Sequence[int], width: int, n_outputs: int = len(TARGETS)) -> None:
        super().__init__()
        config = resolve_config({"network": "temporal", "width": width, "depth": DEPTH, "dropout": 0.1})
        self.trunk = build_network(len(channels), n_outputs, RATE, config)
        self.register_buffer("channels", torch.tensor(list(channels)))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (n, T, 42) to (n, T, n_outputs)."""
        return self.trunk(inputs[..., self.channels])


def new_network(channels: Sequence[int], width: int, n_outputs: int, seed: int) -> SensorNetwork:
    """A network with weights drawn from a seed."""
    return seeded(lambda: SensorNetwork(channels, width, n_outputs), seed)


def weights_of(network: SensorNetwork) -> dict[str, np.ndarray]:
    """Weights and statistics as arrays, for a file."""
    return {key: value.numpy() for key, value in network.state_dict().items()}


def restored(network: SensorNetwork, weights: Mapping[str, np.ndarray]) -> SensorNetwork:
    """The network with weights of `weights_of`, in evaluation mode; changed in place."""
    network.load_state_dict({key: torch.as_tensor(value) for key, value in weights.items()})
    return network.eval()


def with_new_head(network: SensorNetwork, n_outputs: int, seed: int) -> SensorNetwork:
    """A copy whose head knows nothing yet."""
    made = copy.deepcopy(network)
    made.trunk.head = seeded(lambda: nn.Linear(network.trunk.head.in_features, n_outputs), seed)
    return made


def frozen_but_head(network: SensorNetwork) -> SensorNetwork:
    """A copy of which only the head learns."""
    made = copy.deepcopy(network)
    for name, weight in made.named_parameters():
        weight.requires_grad = name.startswith("trunk.head")
    return made
