"""Generators whose samples have the spread of new people: without a network, and with a variational autoencoder.

An autoencoder's decoded samples vary too little. What decoding leaves over of the teaching samples makes them vary too
much: latent variables are drawn with their own doubt, and the rest holds that doubt once more. Here the rest is what is
missing: the covariance of a new person's sample (`people_spread`) less that of decoded samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from training.generative.generative_model import GenerativeModel, Generator, Lesson
from training.generative.people_spread import PeopleSpread, people_spread
from training.generative.variational_model import VariationalGenerator, VariationalModel, covariance_root

DECODED = 4000
"""Samples that are decoded to know their mean and covariance."""


@dataclass(frozen=True)
class PeopleGaussian(GenerativeModel):
    """A Gaussian with the spread of new people."""

    def fit(self, lesson: Lesson, seed: int) -> PeopleGenerator:
        """Learn the spread; nothing is random."""
        spread = people_spread(lesson.samples, lesson.people)
        return PeopleGenerator(spread, None, spread.mean, covariance_root(spread.covariance))


@dataclass(frozen=True)
class PeopleVariational(GenerativeModel):
    """A variational autoencoder of the scores of principal components, and what it lacks of the spread of new people.

    Attributes
    ----------
    core : VariationalModel
        Without conditions.
    """

    core: VariationalModel = field(default_factory=VariationalModel)

    def fit(self, lesson: Lesson, seed: int) -> PeopleGenerator:
        """Learn the spread, then teach the network by scores."""
        spread = people_spread(lesson.samples, lesson.people)
        scores = [spread.scores(samples)[:, :, None] for samples in (lesson.samples, lesson.validation)]
        own = Lesson(scores[0], lesson.conditions, scores[1], lesson.validation_conditions)
        network = self.core.fit(own, seed)
        network = replace(network, rest_root=network.rest_root[:, :0])
        decoded = network.generate(DECODED, np.zeros((DECODED, 0)), seed)[..., 0]
        missing = spread.covariance - np.cov(decoded, rowvar=False)
        return PeopleGenerator(spread, network, spread.mean - decoded.mean(axis=0), covariance_root(missing))


@dataclass(frozen=True)
class PeopleGenerator(Generator):
    """A taught model.

    Attributes
    ----------
    spread : PeopleSpread
    network : VariationalGenerator or None
        Decodes scores; None: there are no decoded ones.
    shift : ndarray, shape (k,)
        Added to decoded scores.
    root : ndarray, shape (k, k)
        What is added beside is root @ N(0, 1).
    """

    spread: PeopleSpread
    network: VariationalGenerator | None
    shift: np.ndarray
    root: np.ndarray

    def generate(self, n: int, conditions: np.ndarray, seed: int) -> np.ndarray:
        """New samples; conditions are not used."""
        scores = np.random.default_rng([seed, 1]).standard_normal((n, len(self.shift))) @ self.root.T + self.shift
        if self.network is not None:
            scores = scores + self.network.generate(n, np.zeros((n, 0)), seed)[..., 0]
        return self.spread.samples(scores)
