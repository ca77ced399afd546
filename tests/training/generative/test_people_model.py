"""Made samples spread as samples of new people do, with and without a network; curves stay as smooth as they were."""

from __future__ import annotations

import numpy as np
import pytest

from training.generative.generative_model import Lesson
from training.generative.people_model import PeopleGaussian, PeopleVariational
from training.generative.people_spread import people_spread
from training.generative.variational_model import VariationalModel
from training.sample.fit import FitSettings

BETWEEN = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, 0.2], [0.0, 0.2, 0.3]])
WITHIN = np.diag([0.3, 0.5, 0.6])


def drawn(n_people, per_person, seed):
    """Samples (n, 3, 1) of people, and whose they are."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.multivariate_normal(np.zeros(3), BETWEEN, n_people), per_person, axis=0)
    samples = own + rng.multivariate_normal(np.zeros(3), WITHIN, len(own))
    return samples[..., None], np.repeat(np.arange(n_people).astype(str), per_person)


def curves(n_people, per_person, seed):
    """Smooth curves (n, 101, 2): each person's own, and small deviations."""
    rng, phase = np.random.default_rng(seed), np.linspace(0, 2 * np.pi, 101)[None, :, None]
    own = np.repeat(rng.normal(size=(n_people, 4, 1, 2)), per_person, axis=0)
    own = own + 0.2 * rng.normal(size=own.shape)
    found = sum(own[:, j] * np.sin((j // 2 + 1) * phase + j % 2) for j in range(4))
    return found, np.repeat(np.arange(n_people).astype(str), per_person)


def lesson(samples, people):
    held = people < people[len(people) // 4]
    none = np.zeros((len(samples), 0))
    return Lesson(samples[~held], none[~held], samples[held], none[held], people[~held], people[held])


@pytest.mark.parametrize("per_person", [1, 3, 40])
def test_the_spread_is_that_of_a_new_persons_one_sample_however_many_samples_each_gave(per_person):
    found = []
    for seed in range(30):
        samples, people = drawn(60, per_person, seed)
        spread = people_spread(samples, people, share=1.0)
        found.append(spread.axes.T @ spread.covariance @ spread.axes)
    assert np.allclose(np.mean(found, axis=0), (1 + 1 / 60) * (BETWEEN + WITHIN), atol=0.25)


def test_scores_return_the_samples_that_they_are_of():
    samples, people = curves(20, 3, 1)
    spread = people_spread(samples, people, share=1.0)
    assert np.allclose(spread.samples(spread.scores(samples)), samples, atol=1e-8)
    assert np.allclose(spread.scores(samples).std(axis=0), 1.0)


@pytest.mark.parametrize("model", [PeopleGaussian(), PeopleVariational(VariationalModel(FitSettings(epochs=40)))])
def test_made_samples_have_the_mean_and_covariance_of_new_people_and_their_smoothness(model):
    taught = lesson(*curves(60, 4, 2))
    spread = people_spread(taught.samples, taught.people)
    made = model.fit(taught, 0).generate(6000, np.zeros((6000, 0)), 3)
    scores = spread.scores(made)
    assert np.allclose(scores.mean(axis=0), spread.mean, atol=0.08)
    assert np.allclose(np.cov(scores, rowvar=False), spread.covariance, atol=0.15)
    rough = [np.diff(values, n=2, axis=1).std() for values in (made, taught.samples)]
    assert rough[0] == pytest.approx(rough[1], rel=0.25)
    assert np.array_equal(made[:5], model.fit(taught, 0).generate(6000, np.zeros((6000, 0)), 3)[:5])
