"""A variational autoencoder as a generative model, as published or with what a sample has beside its decoded mean.

As published (Dindorf et al. 2024), latent variables are drawn from N(0, 1) and decoded, which gives means: smoother and
less varied than what was measured. *Whole* samples draw latent variables as the teaching samples' own are distributed
(Ghosh et al., ICLR 2020) and add what decoding leaves over, drawn from its covariance (shrunk: Ledoit and Wolf 2004)
over teaching and validating samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

from training.generative.autoencoder import Autoencoder, DenseAutoencoder, SeriesAutoencoder, variational_loss
from training.generative.generative_model import GenerativeModel, Generator, Lesson
from training.sample.fit import FitSettings, fit, seeded

PUBLISHED_HIDDEN = (256, 108)
PUBLISHED_LATENT = 15
PUBLISHED_FIT = FitSettings(epochs=400, batch=128, learning_rate=1e-3)


@dataclass(frozen=True)
class VariationalModel(GenerativeModel):
    """Settings of a variational autoencoder.

    Attributes
    ----------
    settings : FitSettings
    hidden : tuple of int
        Sizes of the dense layers before the latent variables.
    n_filters : int
        Above 0: convolutions along the points in the place of dense layers.
    n_latent : int
    is_whole : bool
        See the module.
    is_conditional : bool
        Whether conditions are told.
    """

    settings: FitSettings = field(default_factory=lambda: PUBLISHED_FIT)
    hidden: tuple[int, ...] = PUBLISHED_HIDDEN
    n_filters: int = 0
    n_latent: int = PUBLISHED_LATENT
    is_whole: bool = True
    is_conditional: bool = False

    def build(self, shape: tuple[int, int], width: int) -> Autoencoder:
        """The network for samples of a shape and so many conditions."""
        if self.n_filters:
            return SeriesAutoencoder(shape, width, self.n_filters, self.n_latent, learns_scale=self.is_whole)
        return DenseAutoencoder(shape, width, self.hidden, self.n_latent, learns_scale=self.is_whole)

    def fit(self, lesson: Lesson, seed: int) -> VariationalGenerator:
        """Learn; people who validate choose the epoch of a whole model, the published one learns all its epochs."""
        teaching = self._arrays(lesson.samples, lesson.conditions)
        held = self._arrays(lesson.validation, lesson.validation_conditions)
        width = teaching["conditions"].shape[1]
        network = seeded(lambda: self.build(lesson.samples.shape[1:], width), seed)
        validation = held if self.is_whole and len(lesson.validation) else None
        fit(network, variational_loss, teaching, self.settings, seed=seed, validation=validation)
        spread = _spread(network, {n: np.concatenate([teaching[n], held[n]]) for n in teaching}, teaching, seed)
        return VariationalGenerator(network, *(spread if self.is_whole else _normal(network)), self.is_conditional)

    def _arrays(self, samples: np.ndarray, conditions: np.ndarray) -> dict[str, np.ndarray]:
        told = conditions if self.is_conditional else np.zeros((len(samples), 0))
        return {"samples": samples.astype(np.float32), "conditions": told.astype(np.float32)}


@dataclass(frozen=True)
class VariationalGenerator(Generator):
    """A taught autoencoder.

    Attributes
    ----------
    network : Autoencoder
    latent_mean, latent_root : ndarray, shapes (k,) and (k, k)
        Latent variables are mean + root @ N(0, 1).
    rest_root : ndarray, shape (d, r)
        What is added to a decoded sample is root @ N(0, 1); r = 0 adds nothing.
    is_conditional : bool
    """

    network: Autoencoder
    latent_mean: np.ndarray
    latent_root: np.ndarray
    rest_root: np.ndarray
    is_conditional: bool

    def generate(self, n: int, conditions: np.ndarray, seed: int) -> np.ndarray:
        """New samples, drawn from latent variables."""
        rng = np.random.default_rng(seed)
        latent = self.latent_mean + rng.standard_normal((n, len(self.latent_mean))) @ self.latent_root.T
        told = conditions if self.is_conditional else np.zeros((n, 0))
        made = _decoded(self.network, latent, told)
        rest = rng.standard_normal((n, self.rest_root.shape[1])) @ self.rest_root.T
        return made + rest.reshape(made.shape)

    def latent(self, samples: np.ndarray, conditions: np.ndarray) -> np.ndarray:
        """Means (n, k) of the latent variables of samples."""
        told = conditions if self.is_conditional else np.zeros((len(samples), 0))
        return _encoded(self.network, samples, told)[0]


def _normal(network: Autoencoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latent variables from N(0, 1), and nothing beside the decoded mean."""
    size = network.shape[0] * network.shape[1]
    return np.zeros(network.n_latent), np.eye(network.n_latent), np.zeros((size, 0))


def _spread(
    network: Autoencoder, every: dict[str, np.ndarray], teaching: dict[str, np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How latent variables of the teaching samples lie, and what decoding leaves over of all samples."""
    means, variances = _encoded(network, teaching["samples"], teaching["conditions"])
    covariance = np.cov(means, rowvar=False) + np.diag(variances.mean(axis=0))
    mean, variance = _encoded(network, every["samples"], every["conditions"])
    drawn = mean + np.sqrt(variance) * np.random.default_rng(seed).standard_normal(mean.shape)
    rest = (every["samples"] - _decoded(network, drawn, every["conditions"])).reshape(len(mean), -1)
    left = LedoitWolf(assume_centered=True).fit(rest).covariance_
    return means.mean(axis=0), covariance_root(covariance), covariance_root(left)


def covariance_root(covariance: np.ndarray) -> np.ndarray:
    """A matrix whose product with its transpose is the covariance, without its negative part if it has one."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _evaluated(network: Autoencoder, work: Callable[..., object], *arrays: np.ndarray) -> object:
    network.eval()
    with torch.no_grad():
        return work(*(torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float32) for a in arrays))


def _encoded(network: Autoencoder, samples: np.ndarray, conditions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (n, k)."""
    mean, log_variance = _evaluated(network, network.encode, samples, conditions)
    return mean.numpy().astype(float), np.exp(log_variance.clamp(-12.0, 8.0).numpy().astype(float))


def _decoded(network: Autoencoder, latent: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Samples (n, points, channels)."""
    return _evaluated(network, network.decode, latent, conditions).numpy().astype(float)
