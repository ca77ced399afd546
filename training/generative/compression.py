"""Compression to few numbers and back: the published use of made samples, beside principal components of the same size.

An autoencoder 54-500-250-50-15-50-250-500-54 (batches of 64, learning rate 0.001, at most 1000 epochs, the best
epoch by
people who validate, after 10 epochs without a better one the end) learns from measured samples (RTD), from as many made
ones beside them (RTSD), or from three times as many (RT3SD).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from training.generative.autoencoder import dense_layers
from training.sample.fit import FitSettings, fit, seeded

HIDDEN = (500, 250, 50)
LATENT = 15
PUBLISHED_FIT = FitSettings(epochs=1000, batch=64, learning_rate=1e-3, patience=10)


class Compression(nn.Module):
    """Dense layers to ``n_latent`` numbers and back."""

    def __init__(self, size: int, hidden: Sequence[int], n_latent: int) -> None:
        super().__init__()
        self.inwards = dense_layers([size, *hidden, n_latent])
        self.outwards = dense_layers([n_latent, *reversed(hidden), size])

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples (n, size) after compression."""
        return self.outwards(self.inwards(samples))


def compression_errors(
    teaching: np.ndarray,
    validation: np.ndarray,
    scored: np.ndarray,
    *,
    seed: int,
    settings: FitSettings = PUBLISHED_FIT,
    hidden: Sequence[int] = HIDDEN,
    n_latent: int = LATENT,
) -> np.ndarray:
    """Mean squared error of each scored sample by a network taught here.

    Parameters
    ----------
    teaching, validation, scored : ndarray, shape (n, n_points, n_channels)
        Standardised; those who validate are measured, whatever teaches.
    seed : int
    settings : FitSettings
    hidden, n_latent
        Sizes.

    Returns
    -------
    ndarray, shape (n_scored,)
    """
    flat = [a.reshape(len(a), -1).astype(np.float32) for a in (teaching, validation, scored)]
    network = seeded(lambda: Compression(flat[0].shape[1], hidden, n_latent), seed)
    fit(network, _squared, {"x": flat[0]}, settings, seed=seed, validation={"x": flat[1]})
    with torch.no_grad():
        returned = network(torch.as_tensor(flat[2])).numpy()
    return ((returned - flat[2]) ** 2).mean(axis=1).astype(float)


def component_errors(teaching: np.ndarray, scored: np.ndarray, n_components: int = LATENT) -> np.ndarray:
    """Mean squared error (n_scored,) of each scored sample by principal components of those who teach."""
    flat, unseen = (a.reshape(len(a), -1) for a in (teaching, scored))
    mean = flat.mean(axis=0)
    rows = np.linalg.svd(flat - mean, full_matrices=False)[2][:n_components]
    left = (unseen - mean) - (unseen - mean) @ rows.T @ rows
    return (left**2).mean(axis=1)


def _squared(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return ((network(batch["x"]) - batch["x"]) ** 2).mean()
