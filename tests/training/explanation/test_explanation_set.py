"""Patterns find what a cause changes where weights do not; located causes are found by who points at them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.explanation.attribution import integrated_gradients
from training.explanation.explanation_set import (
    BY_NETWORK,
    GROUPS,
    MEAN,
    PATTERN,
    SUCH,
    WITHOUT,
    Question,
    best_explanation,
    explanations_by_network,
    explanations_without_network,
    usual_of_such,
)
from training.explanation.located_cause import MEASURES, agreement
from training.explanation.pattern import patterns

N_PHASES = 4


@pytest.fixture(scope="module")
def two_groups():
    """Correlated entries of which a cause moves the first two; the best classifier of them is linear."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6)) + 2 * np.ones((6, 1)) * rng.normal(size=(1, 6))
    covariance = mixing @ mixing.T
    cause = np.array([1.0, 0.7, 0.0, 0.0, 0.0, 0.0]) * np.sqrt(np.diag(covariance))
    well = rng.multivariate_normal(np.zeros(6), covariance, 20_000)
    altered = rng.multivariate_normal(np.zeros(6), covariance, 50) + cause
    weights = torch.as_tensor(np.linalg.solve(covariance, cause), dtype=torch.float32)
    return well, altered, cause, (lambda x: x @ weights)


def test_the_pattern_of_the_best_classifier_is_the_cause_and_its_gradient_is_not(two_groups):
    well, altered, cause, answer = two_groups
    gradient = integrated_gradients(answer, altered, well.mean(axis=0), per_unit=True)
    found = patterns(gradient, well) / well.std(axis=0)
    truth = cause / well.std(axis=0)
    assert np.corrcoef(found[0], truth)[0, 1] > 0.999
    assert abs(np.corrcoef((gradient * well.std(axis=0))[0], truth)[0, 1]) < 0.9


def test_every_way_of_explaining_is_there_and_the_pattern_is_chosen_where_it_is_right(two_groups):
    well, altered, cause, answer = two_groups
    parts = np.arange(6)
    such = np.repeat(well.mean(axis=0)[None], len(altered), axis=0)
    question = Question(altered, {MEAN: well.mean(axis=0), SUCH: such}, well, well.std(axis=0), parts, np.abs)
    found = explanations_by_network(answer, question)
    assert tuple(found) == BY_NETWORK
    truth = np.repeat(cause[None], len(altered), axis=0)
    assert best_explanation(found, truth) == PATTERN
    others = explanations_without_network(question, altered.mean(axis=0))
    assert tuple(others) == WITHOUT
    np.testing.assert_allclose(others[GROUPS][0], np.abs(altered.mean(axis=0) - well.mean(axis=0)) / well.std(axis=0))


def test_mean_gradients_times_the_distance_add_up_to_the_difference_of_the_answers():
    rng = np.random.default_rng(1)
    inputs, base = rng.normal(size=(3, 4)), rng.normal(size=4)
    found = integrated_gradients(lambda x: (x**3).sum(dim=1), inputs, base, n_steps=64, batch=2, per_unit=True)
    np.testing.assert_allclose((found * (inputs - base)).sum(axis=1), (inputs**3 - base**3).sum(axis=1), atol=5e-3)


def test_what_is_usual_for_a_person_follows_known_numbers():
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(50, 2))
    records = np.einsum("nk,kij->nij", numbers, rng.normal(size=(2, 3, 4))) + 1.0
    np.testing.assert_allclose(usual_of_such(numbers, records, numbers[:5]), records[:5], atol=1e-9)


def test_who_points_at_the_true_sensor_and_phase_is_right_and_others_are_not():
    truth = np.zeros((1, 3, N_PHASES))
    truth[0, 1, 2], truth[0, 1, 3] = 2.0, 0.5
    flat = truth.reshape(1, -1)
    same = agreement(-flat, flat, N_PHASES)
    assert [same[m][0] for m in MEASURES] == pytest.approx([1.0, 1.0, 1.0, 1.0])
    other = np.roll(truth, 1, axis=1).reshape(1, -1)
    moved = agreement(other, flat, N_PHASES)
    assert moved["top sensor is right"][0] == 0.0
    assert moved["top phase is right"][0] == 1.0
    assert moved["AUC of changed parts"][0] < 0.5
    guess = np.random.default_rng(0).random((4000, 3 * N_PHASES))
    chance = agreement(guess, np.repeat(flat, 4000, axis=0), N_PHASES)
    assert chance["top sensor is right"].mean() == pytest.approx(1 / 3, abs=0.03)
    assert chance["top phase is right"].mean() == pytest.approx(1 / 4, abs=0.03)
    assert chance["AUC of changed parts"].mean() == pytest.approx(0.5, abs=0.02)
    flat_says_nothing = agreement(np.ones((1, 12)), flat, N_PHASES)
    assert flat_says_nothing["top phase is right"][0] == pytest.approx(1 / N_PHASES)
