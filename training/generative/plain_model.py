"""Generators without a network, which a network must beat: a Gaussian, interpolation between neighbours, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from training.generative.generative_model import GenerativeModel, Generator, Lesson


@dataclass(frozen=True)
class GaussianModel(GenerativeModel):
    """Principal components, each drawn from a normal distribution of its variance.

    Attributes
    ----------
    share : float
        Of the variance that the kept components hold.
    """

    share: float = 0.99

    def fit(self, lesson: Lesson, seed: int) -> GaussianGenerator:
        """Learn mean and components; nothing is random."""
        flat = lesson.samples.reshape(len(lesson.samples), -1)
        mean = flat.mean(axis=0)
        _, values, rows = np.linalg.svd(flat - mean, full_matrices=False)
        variance = values**2 / max(len(flat) - 1, 1)
        kept = 1 + int(np.searchsorted(np.cumsum(variance) / variance.sum(), self.share - 1e-12))
        return GaussianGenerator(mean, rows[:kept], np.sqrt(variance[:kept]), lesson.samples.shape[1:])


@dataclass(frozen=True)
class GaussianGenerator(Generator):
    """Mean (d,), components (k, d), their SD (k,) and the shape of a sample."""

    mean: np.ndarray
    components: np.ndarray
    sd: np.ndarray
    shape: tuple[int, ...]

    def generate(self, n: int, conditions: np.ndarray, seed: int) -> np.ndarray:
        """New samples; conditions are not used."""
        scores = np.random.default_rng(seed).standard_normal((n, len(self.sd))) * self.sd
        return (self.mean + scores @ self.components).reshape(n, *self.shape)


@dataclass(frozen=True)
class InterpolationModel(GenerativeModel):
    """Points between a sample and one of its neighbours, as SMOTE makes them (Chawla et al., J Artif Intell Res 2002).

    Attributes
    ----------
    n_neighbours : int
    """

    n_neighbours: int = 5

    def fit(self, lesson: Lesson, seed: int) -> InterpolationGenerator:
        """Find the neighbours of each sample."""
        flat = lesson.samples.reshape(len(lesson.samples), -1)
        k = min(self.n_neighbours, len(flat) - 1)
        found = NearestNeighbors(n_neighbors=k + 1).fit(flat).kneighbors(flat, return_distance=False)
        return InterpolationGenerator(lesson.samples, found[:, 1:])


@dataclass(frozen=True)
class InterpolationGenerator(Generator):
    """Samples (n, points, channels) and the neighbours (n, k) of each."""

    samples: np.ndarray
    neighbours: np.ndarray

    def generate(self, n: int, conditions: np.ndarray, seed: int) -> np.ndarray:
        """New samples; conditions are not used."""
        rng = np.random.default_rng(seed)
        first = rng.integers(len(self.samples), size=n)
        second = self.neighbours[first, rng.integers(self.neighbours.shape[1], size=n)]
        share = rng.uniform(size=(n, 1, 1))
        return self.samples[first] + share * (self.samples[second] - self.samples[first])


@dataclass(frozen=True)
class NoiseModel(GenerativeModel):
    """Copies with white noise.

    Attributes
    ----------
    sd : float
        Of the noise, in SD of each number.
    """

    sd: float = 0.1

    def fit(self, lesson: Lesson, seed: int) -> NoiseGenerator:
        """Keep the samples."""
        return NoiseGenerator(lesson.samples, self.sd)


@dataclass(frozen=True)
class NoiseGenerator(Generator):
    """Samples (n, points, channels) and the SD of the noise; an SD of 0 repeats them."""

    samples: np.ndarray
    sd: float

    def generate(self, n: int, conditions: np.ndarray, seed: int) -> np.ndarray:
        """New samples; conditions are not used. Every sample is copied before any is copied again."""
        rng = np.random.default_rng(seed)
        rounds = -(-n // len(self.samples))
        rows = np.concatenate([rng.permutation(len(self.samples)) for _ in range(rounds)])[:n]
        return self.samples[rows] + self.sd * rng.standard_normal((n, *self.samples.shape[1:]))
