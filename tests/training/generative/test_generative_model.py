"""Generators repeat by seed, give the distribution that taught them, and a conditional one obeys its condition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.generative.closeness import bend_ratio, covered, nearest_ratio, spread_ratio
from training.generative.compression import component_errors, compression_errors
from training.generative.condition_estimate import condition_ensemble
from training.generative.generative_model import Lesson
from training.generative.latent_map import latent_map, map_figure
from training.generative.plain_model import GaussianModel, InterpolationModel, NoiseModel
from training.generative.variational_model import VariationalModel
from training.sample.fit import FitSettings

SETTINGS = FitSettings(epochs=25, batch=32, learning_rate=4e-3)
SHAPE = (6, 2)


def drawn(n, seed):
    """Samples along two directions, and the condition that sets the first of them."""
    rng = np.random.default_rng(seed)
    told = rng.choice([-1.0, 1.0], size=(n, 1))
    ways = np.random.default_rng(0).normal(size=(2, *SHAPE))
    flat = (told + 0.3 * rng.normal(size=(n, 1))) * ways[0].ravel() + rng.normal(size=(n, 1)) * ways[1].ravel()
    return flat.reshape(n, *SHAPE) + 0.2 * rng.normal(size=(n, *SHAPE)), told


@pytest.fixture(scope="module")
def lesson():
    return Lesson(*drawn(300, 1), *drawn(60, 2))


MODELS = {
    "published": VariationalModel(SETTINGS, hidden=(32, 16), n_latent=4, is_whole=False),
    "whole": VariationalModel(SETTINGS, hidden=(32, 16), n_latent=4),
    "series": VariationalModel(SETTINGS, n_filters=8, n_latent=4),
    "gaussian": GaussianModel(),
    "interpolation": InterpolationModel(),
    "noise": NoiseModel(),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_generator_repeats_by_seed_and_keeps_shape_and_mean(name, lesson):
    short = {"settings": SETTINGS.model_copy(update={"epochs": 4})} if name in ("published", "whole", "series") else {}
    generators = [replace(MODELS[name], **short).fit(lesson, 3) for _ in range(2)]
    told = lesson.conditions[:200]
    first, again = (g.generate(200, told, 5) for g in generators)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, generators[0].generate(200, told, 6))
    assert first.shape == (200, *SHAPE)
    assert np.abs(first.mean(axis=0) - lesson.samples.mean(axis=0)).max() < 0.5 * lesson.samples.std()


def test_whole_samples_vary_as_those_that_taught_and_decoded_means_vary_less(lesson):
    spread = {}
    for name in ("published", "whole"):
        made = MODELS[name].fit(lesson, 3).generate(2000, np.zeros((2000, 1)), 5)
        spread[name] = np.linalg.norm(made.std(axis=0)) / np.linalg.norm(lesson.samples.std(axis=0))
    assert spread["whole"] == pytest.approx(1.0, abs=0.08)
    assert spread["published"] < spread["whole"]


def test_a_conditional_generator_obeys_its_condition(lesson):
    model = VariationalModel(SETTINGS, hidden=(32, 16), n_latent=4, is_conditional=True)
    generator = model.fit(lesson, 3)
    low, high = (generator.generate(100, np.full((100, 1), told), 5).mean(axis=0) for told in (-1.0, 1.0))
    way = np.random.default_rng(0).normal(size=(2, *SHAPE))[0]
    assert np.corrcoef((high - low).ravel(), way.ravel())[0, 1] > 0.9


def test_interpolation_stays_between_and_noise_without_sd_repeats(lesson):
    made = InterpolationModel().fit(lesson, 0).generate(500, np.zeros((500, 1)), 1)
    assert (made.min(axis=0) >= lesson.samples.min(axis=0)).all()
    assert (made.max(axis=0) <= lesson.samples.max(axis=0)).all()
    copies = NoiseModel(0.0).fit(lesson, 0).generate(600, np.zeros((600, 1)), 1)
    assert np.allclose(np.sort(copies.reshape(600, -1), axis=0)[::2], np.sort(lesson.samples.reshape(300, -1), axis=0))


def test_memorised_samples_lie_near_and_new_ones_as_far_as_new_people(lesson):
    assert np.median(nearest_ratio(lesson.samples[:50] + 1e-3, lesson.samples, lesson.validation)) < 0.05
    assert np.median(nearest_ratio(drawn(60, 8)[0], lesson.samples, lesson.validation)) == pytest.approx(1.0, abs=0.2)


def test_coverage_is_full_of_the_same_and_poor_of_one_corner(lesson):
    assert covered(drawn(60, 9)[0], lesson.validation).mean() > 0.85
    assert covered(np.repeat(lesson.validation[:1], 60, axis=0), lesson.validation).mean() < 0.4


def test_components_return_what_lies_in_them_and_a_network_learns_to(lesson):
    plane = lesson.samples.reshape(300, -1) @ np.diag([1.0, 1.0, *[0.0] * 10])
    plane = plane.reshape(300, *SHAPE)
    assert component_errors(plane[:200], plane[200:], 2).max() < 1e-20
    few, many = (
        compression_errors(
            lesson.samples,
            lesson.validation,
            lesson.validation,
            seed=1,
            settings=SETTINGS.model_copy(update={"epochs": epochs}),
            hidden=(32, 16),
            n_latent=4,
        ).mean()
        for epochs in (1, 25)
    )
    assert many < 0.5 * few


def test_a_latent_map_holds_every_sample_of_every_group(lesson):
    generator = MODELS["whole"].fit(lesson, 3)
    groups = {"teaching": (lesson.samples, lesson.conditions), "made": (lesson.samples[:7], lesson.conditions[:7])}
    table = latent_map(generator, groups)
    assert table.groupby("group").size().to_dict() == {"teaching": 300, "made": 7}
    assert np.allclose(table[table.group == "teaching"][["first", "second"]].mean(), 0.0, atol=1e-6)


def test_an_ensemble_estimates_a_condition_and_doubts_far_away(lesson):
    flat = [a.reshape(len(a), -1) for a in (lesson.samples, lesson.validation)]
    people = np.array([f"P{k // 3}" for k in range(300)])
    teaching, held = (flat[0], lesson.conditions[:, 0]), (flat[1], lesson.validation_conditions[:, 0])
    ensemble = condition_ensemble(teaching, people, held, n_members=3, seed=1, settings=SETTINGS)
    estimate, doubt = ensemble.estimate(flat[1])
    assert np.mean(np.sign(estimate) == held[1]) > 0.9
    assert ensemble.estimate(6.0 * flat[1])[1].mean() > 2.0 * doubt.mean()


def test_spread_and_bends_are_those_of_what_was_added():
    """Halved deviations have a quarter of the variance; white noise on straight lines bends by six of its variances."""
    rng, line = np.random.default_rng(0), np.linspace(-1, 1, 40)[None, :, None]
    straight = rng.normal(size=(4000, 1, 1)) * line
    assert spread_ratio(0.5 * straight, straight) == pytest.approx(0.25)
    noisy = [straight + sd * rng.normal(size=(4000, 40, 1)) for sd in (0.1, 0.2)]
    assert bend_ratio(noisy[1], noisy[0]) == pytest.approx(4.0, rel=0.02)
    jump = noisy[0] + np.where(np.arange(4000) == 3, 1e3, 0.0)[:, None, None] * (np.arange(40) > 20)[None, :, None]
    assert bend_ratio(noisy[1], jump) == pytest.approx(4.0, rel=0.02)
    assert np.diff(noisy[0], n=2, axis=1).var(axis=0).mean() == pytest.approx(6 * 0.1**2, rel=0.02)
    assert np.isnan(bend_ratio(straight[:, :2], straight[:, :2]))


@pytest.mark.parametrize(("n_groups", "n_panels"), [(1, 1), (2, 1), (3, 1), (4, 2), (6, 4)])
def test_the_map_shows_every_group_however_few(n_groups, n_panels):
    table = pd.DataFrame({"group": [f"g{k}" for k in range(n_groups)] * 5, "first": 0.0, "second": 1.0})
    figure = map_figure(table, "map")
    seen = [panel for panel in figure.axes if panel.axison]
    assert len(seen) == n_panels
    assert all(len(panel.collections) == min(n_groups, 3) for panel in seen)
    title = figure.get_suptitle()
    assert all(f"g{k}" in title + " ".join(panel.get_title() for panel in seen) for k in range(n_groups))
    assert ("orange" in title) == (n_groups > 2)
