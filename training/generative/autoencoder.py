"""Variational autoencoders as networks: a dense one of the published sizes, and a convolutional one along the points.

Both give the mean and log variance of the latent variables of samples (n, points, channels), and samples from latent
variables; conditions stand beside the input and beside the latent variables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


class Autoencoder(nn.Module, ABC):
    """What both have: latent size, and a spread of each number about what is decoded.

    ``log_scale`` (points, channels) is the logarithm of that spread. Held at 0, the loss is the published one (squared
    error and divergence); learnt, it weighs both by the data (Rybkin, Daniilidis and Levine, ICML 2021).
    """

    def __init__(self, shape: tuple[int, int], n_latent: int, learns_scale: bool) -> None:
        super().__init__()
        self.shape, self.n_latent = tuple(shape), n_latent
        self.log_scale = nn.Parameter(torch.zeros(self.shape), requires_grad=learns_scale)

    @abstractmethod
    def encode(self, samples: torch.Tensor, conditions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance (n, n_latent)."""

    @abstractmethod
    def decode(self, latent: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Samples (n, points, channels)."""


def dense_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of the sizes, ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class DenseAutoencoder(Autoencoder):
    """All numbers at once: 54-256-108-15-108-256-54 as published."""

    def __init__(
        self, shape: tuple[int, int], width: int, hidden: Sequence[int], n_latent: int, *, learns_scale: bool
    ) -> None:
        super().__init__(shape, n_latent, learns_scale)
        size = shape[0] * shape[1]
        self.encoder = dense_layers([size + width, *hidden, 2 * n_latent])
        self.decoder = dense_layers([n_latent + width, *reversed(hidden), size])

    def encode(self, samples: torch.Tensor, conditions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As `Autoencoder`."""
        return self.encoder(torch.cat([samples.flatten(1), conditions], dim=1)).chunk(2, dim=1)

    def decode(self, latent: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """As `Autoencoder`."""
        return self.decoder(torch.cat([latent, conditions], dim=1)).unflatten(1, self.shape)


class SeriesAutoencoder(Autoencoder):
    """Convolutions along the points, halving them twice; back by linear interpolation between them."""

    def __init__(
        self, shape: tuple[int, int], width: int, n_filters: int, n_latent: int, *, learns_scale: bool
    ) -> None:
        super().__init__(shape, n_latent, learns_scale)
        points, channels = shape
        self.lengths = (points, -(-points // 2), -(-points // 4))
        inner = 2 * n_filters * self.lengths[2]
        padded = {"padding": 2, "padding_mode": "replicate"}
        self.convolve = nn.Sequential(
            nn.Conv1d(channels, n_filters, 5, stride=2, **padded),
            nn.ReLU(),
            nn.Conv1d(n_filters, 2 * n_filters, 5, stride=2, **padded),
            nn.ReLU(),
        )
        self.to_latent = nn.Linear(inner + width, 2 * n_latent)
        self.from_latent = nn.Linear(n_latent + width, inner)
        self.middle = nn.Conv1d(2 * n_filters, n_filters, 5, **padded)
        self.last = nn.Conv1d(n_filters, n_filters, 5, **padded)
        self.out = nn.Conv1d(n_filters, channels, 1)

    def encode(self, samples: torch.Tensor, conditions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As `Autoencoder`."""
        inner = self.convolve(samples.transpose(1, 2)).flatten(1)
        return self.to_latent(torch.cat([inner, conditions], dim=1)).chunk(2, dim=1)

    def decode(self, latent: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """As `Autoencoder`."""
        inner = torch.relu(self.from_latent(torch.cat([latent, conditions], dim=1)))
        inner = inner.unflatten(1, (-1, self.lengths[2]))
        for layer, length in ((self.middle, self.lengths[1]), (self.last, self.lengths[0])):
            longer = functional.interpolate(inner, size=length, mode="linear", align_corners=True)
            inner = torch.relu(layer(longer))
        return self.out(inner).transpose(1, 2)


def variational_loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Squared error over twice the squared spread, its logarithm, and the divergence from N(0, 1): a mean over samples.

    The latent variables are drawn while the network learns, their means while it is validated.
    """
    mean, log_variance = network.encode(batch["samples"], batch["conditions"])
    log_variance = log_variance.clamp(-12.0, 8.0)
    latent = mean
    if network.training:
        latent = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    error = batch["samples"] - network.decode(latent, batch["conditions"])
    scale = network.log_scale.clamp(-4.0, 2.0)
    seen = (0.5 * (error * torch.exp(-scale)) ** 2 + scale).sum(dim=(1, 2))
    divergence = 0.5 * (mean**2 + torch.exp(log_variance) - 1.0 - log_variance).sum(dim=1)
    return (seen + divergence).mean()
