"""Fitting to samples is repeatable, stops by validation, leaves frozen weights; people are kept apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from training.sample.calibration_curve import calibration_curve, doubt_ratio
from training.sample.ensemble import Ensemble, drawn_people, rows_of
from training.sample.fit import FitSettings, fit, seeded

SETTINGS = FitSettings(epochs=60, batch=16, learning_rate=0.05)


def squared(network, batch):
    return ((network(batch["x"]) - batch["y"]) ** 2).mean()


@pytest.fixture
def line(rng=None):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(64, 2))
    return {"x": x, "y": x @ [[2.0], [-1.0]] + 0.5}


def build():
    return nn.Linear(2, 1)


def test_a_line_is_found_and_the_same_seed_finds_the_same(line):
    fits = [fit(seeded(build, 1), squared, line, SETTINGS, seed=4) for _ in range(2)]
    assert torch.equal(fits[0].network.weight, fits[1].network.weight)
    assert np.allclose(fits[0].network.weight.detach(), [[2, -1]], atol=0.02)
    assert fits[0].losses[-1] < 1e-3 * fits[0].losses[0]


def test_the_epoch_that_validates_best_is_kept(line):
    noisy = {"x": line["x"][:8], "y": np.random.default_rng(0).normal(size=(8, 1))}
    done = fit(seeded(build, 1), squared, line, SETTINGS.model_copy(update={"patience": 5}), seed=4, validation=noisy)
    assert len(done.validation) < 60
    assert done.epoch == 1 + int(np.argmin(done.validation))
    data = {k: torch.as_tensor(v, dtype=torch.float32) for k, v in noisy.items()}
    assert float(squared(done.network, data).detach()) == pytest.approx(done.validation.min(), rel=1e-5)


def test_frozen_weights_stay(line):
    network = seeded(build, 1)
    network.weight.requires_grad_(False)
    before = network.weight.clone()
    fit(network, squared, line, SETTINGS, seed=4)
    assert torch.equal(before, network.weight)


def test_arrays_of_unlike_length_and_a_loss_that_bursts_are_refused(line):
    with pytest.raises(ValueError, match="one length"):
        fit(build(), squared, {"x": line["x"], "y": line["y"][:3]}, SETTINGS, seed=0)
    burst = {"x": line["x"], "y": np.full((64, 1), np.inf)}
    with pytest.raises(ValueError, match="epoch 1"):
        fit(build(), squared, burst, SETTINGS, seed=0)


def test_an_ensemble_doubts_where_members_disagree():
    ensemble = Ensemble((lambda x: x, lambda x: -x))
    mean, sd = ensemble.estimate(np.array([0.0, 1.0]))
    assert np.allclose(mean, 0)
    assert sd[0] == 0
    assert sd[1] == pytest.approx(np.sqrt(2))


def test_people_are_drawn_whole():
    people = ["A", "A", "B", "C"]
    for drawn in drawn_people(people, 3, seed=1):
        rows = rows_of(people, drawn)
        for person in "ABC":
            assert sum(people[i] == person for i in rows) == people.count(person) * list(drawn).count(person)


def test_coverage_of_exchangeable_people_is_what_is_stated():
    rng = np.random.default_rng(0)
    scores = {f"P{i}": np.abs(rng.normal(size=50)) * rng.uniform(0.5, 2) for i in range(200)}
    codes = sorted(scores)
    curve = calibration_curve({c: scores[c] for c in codes[:100]}, {c: scores[c] for c in codes[100:]})
    assert np.allclose(curve.coverage, curve.level, atol=0.06)
    assert (np.diff(curve.half_width) > 0).all()
    with pytest.raises(ValueError, match="both have P0"):
        calibration_curve(scores, {"P0": scores["P0"]})


def test_the_doubt_ratio_compares_people_not_frames():
    inside, outside = {"A": np.array([1.0]), "B": np.array([1.0] * 9)}, {"C": np.array([3.0])}
    assert doubt_ratio(inside, outside) == pytest.approx(3)
