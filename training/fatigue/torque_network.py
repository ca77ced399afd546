"""Networks of the torque of a tiring arm: as three modules that can be looked at one by one, or as one joined network.

`ModularTorque` follows the mechanics: torque = capacity x drive x freshness. The *capacity* (N·m) comes from what does
not change (size, sex, age, angle, measured strength), the *drive* from the activity of the muscles at the instant, the
*freshness* from what they did before: 1 in the beginning, and falling at a rate that a recurrent network states.
`JoinedTorque` is the published form (Kearney et al. 2024): a recurrent network and a feed-forward branch of static
features, concatenated.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from training.fatigue.flexion_arrays import TORQUE_UNIT

_TYPICAL_RATE = 0.006
"""1/s: where the rate of fatigue begins."""


class Drive(nn.Module):
    """Activity of the channels (..., 4), the triceps last → share of the capacity that is asked for (...)."""

    def __init__(self, n_flexors: int) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.zeros(n_flexors))
        self.exponent = nn.Parameter(torch.zeros(n_flexors))
        self.opposed = nn.Parameter(torch.tensor(-2.0))

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """Share of the capacity, at most about 1, without a floor."""
        flexors = channels[..., :-1].clamp(min=1e-3) ** self.exponent.exp()
        return flexors @ self.share.softmax(0) - functional.softplus(self.opposed) * channels[..., -1]


class Freshness(nn.Module):
    """Inputs (B, T, n) and features (B, f) → share of the capacity that is left (B, T), never rising.

    The state of an arm that rests would rise again; it cannot here.
    """

    def __init__(self, n_inputs: int, n_features: int, width: int, interval: float) -> None:
        super().__init__()
        self.memory = nn.LSTM(n_inputs, width, batch_first=True)
        self.person = nn.Linear(n_features, width)
        self.rate = nn.Linear(width, 1)
        nn.init.zeros_(self.rate.weight)
        nn.init.zeros_(self.rate.bias)
        self.interval = interval

    def forward(self, inputs: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Share that is left, 1 in the first frame."""
        start = torch.tanh(self.person(features))[None]
        hidden, _ = self.memory(inputs, (start, torch.zeros_like(start)))
        rate = functional.softplus(self.rate(hidden)[..., 0]) * (_TYPICAL_RATE / math.log(2.0))
        spent = torch.cumsum(rate, dim=1) - rate  # before the first interval nothing is spent
        return torch.exp(-spent * self.interval)


class Capacity(nn.Module):
    """Features (B, f) and measured strength (B,) in N·m → torque (B,) of the rested, fully active flexors."""

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, width), nn.Tanh(), nn.Linear(width, 1))
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, features: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Torque of each person (N·m)."""
        return scale * torch.exp(self.layers(features)[..., 0])


class ModularTorque(nn.Module):
    """Torque (B, T) in N·m as the product of three modules.

    Parameters
    ----------
    n_inputs : int
        Of the recurrent network (channels, or what a front end makes of them).
    n_channels, n_features : int
    width : int
        Of the recurrent network; the capacity has half.
    interval : float
        Seconds between frames.
    """

    recurrent = ("freshness.memory", "freshness.person")
    head = ("capacity",)

    def __init__(self, n_inputs: int, n_channels: int, n_features: int, width: int, interval: float) -> None:
        super().__init__()
        self.drive = Drive(n_channels - 1)
        self.freshness = Freshness(n_inputs, n_features, width, interval)
        self.capacity = Capacity(n_features, width // 2)

    def parts(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``capacity`` (B,) N·m, ``drive`` (B, T) and ``freshness`` (B, T)."""
        return {
            "capacity": self.capacity(batch["features"], batch["scale"]),
            "drive": self.drive(batch["channels"]),
            "freshness": self.freshness(batch["inputs"], batch["features"]),
        }

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Estimate from the named arrays of `flexion_arrays`."""
        parts = self.parts(batch)
        return parts["capacity"][:, None] * parts["drive"] * parts["freshness"]


class JoinedTorque(nn.Module):
    """The published form: LSTM of the activity, feed-forward branch of static features, joined by two layers.

    Parameters as of `ModularTorque`; the output is in measured strengths, then N·m.
    """

    recurrent = ("memory",)
    head = ("joined",)

    def __init__(self, n_inputs: int, n_channels: int, n_features: int, width: int, interval: float) -> None:
        super().__init__()
        self.memory = nn.LSTM(n_inputs, width, batch_first=True)
        self.static = nn.Sequential(nn.Linear(n_features, width // 2), nn.Tanh())
        self.joined = nn.Sequential(nn.Linear(width + width // 2, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Estimate from the named arrays of `flexion_arrays`."""
        hidden, _ = self.memory(batch["inputs"])
        person = self.static(batch["features"])[:, None].expand(-1, hidden.shape[1], -1)
        return batch["scale"][:, None] * self.joined(torch.cat([hidden, person], dim=-1))[..., 0]


NETWORKS = {"modular": ModularTorque, "joined": JoinedTorque}


def torque_loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean squared error of the known frames, in (10 N·m)²."""
    error = (network(batch) - batch["torque"]) / TORQUE_UNIT
    return (batch["known"] * error**2).sum() / batch["known"].sum()
