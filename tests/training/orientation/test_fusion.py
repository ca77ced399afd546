"""Fusion of two estimates: known weights come back, the published preparation is what it says, subjects weigh alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.orientation.fusion import GRID, FusionTrial, fit_fusion


def wave(rng, n=400):
    t = np.arange(n) / 100.0
    return np.stack([a * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for a, f in ((30, 1), (5, 2), (8, 1))], axis=1)


def trials(rng, shape=(2.0, 1.0), mean=(0.0, 0.0), n_trials=40):
    """Independent errors of alpha and beta, SD of shape (deg) and mean (deg)."""
    made = []
    for k in range(n_trials):
        true = wave(rng) + rng.normal(0, 5, 3)
        errors = [rng.normal(0, s, true.shape) + rng.normal(0, m, 3) for s, m in zip(shape, mean, strict=True)]
        made.append(FusionTrial(f"S{k}", true + errors[0], true + errors[1], true))
    return made


def test_independent_errors_are_weighed_by_their_variances():
    fusion = fit_fusion(trials(np.random.default_rng(0), shape=(2.0, 1.0), mean=(1.0, 3.0)))
    np.testing.assert_allclose(fusion.shape_weight, 1.0 / 5.0, atol=0.02)
    np.testing.assert_allclose(fusion.mean_weight, 9.0 / 10.0, atol=0.1)
    np.testing.assert_array_equal(fusion.scale, 1.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), published=st.booleans())
def test_on_the_training_trials_no_weight_of_the_grid_is_better(seed, published):
    rng = np.random.default_rng(seed)
    made = trials(rng, shape=rng.uniform(0.5, 4, 2), mean=rng.uniform(0, 4, 2), n_trials=4)
    fusion = fit_fusion(made, published=published)

    def loss(weights):
        fused = [weights.fuse(trial.alpha, trial.beta) - trial.true for trial in made]
        return np.mean([np.mean(error**2, axis=0) for error in fused], axis=0)

    best = loss(fusion)
    for weight in GRID[::10]:
        other = type(fusion)(np.full(3, weight), fusion.mean_weight, fusion.scale)
        assert (best <= loss(other) + 1e-9).all()


def test_the_published_variant_takes_alphas_mean_and_scales_beta():
    rng = np.random.default_rng(1)
    made = [FusionTrial(t.subject, t.alpha, 0.5 * t.true + 20.0, t.true) for t in trials(rng)]
    fusion = fit_fusion(made, published=True)
    np.testing.assert_allclose(fusion.scale, 2.0, rtol=1e-6)
    np.testing.assert_array_equal(fusion.shape_weight, 0.0)
    np.testing.assert_array_equal(fusion.mean_weight, 1.0)
    fused = fusion.fuse(made[0].alpha, made[0].beta)
    np.testing.assert_allclose(fused.mean(axis=0), made[0].alpha.mean(axis=0))


def test_one_weight_for_all_is_the_same_for_all():
    fusion = fit_fusion(trials(np.random.default_rng(2)), shared=True)
    assert len(set(fusion.shape_weight)) == 1


def test_a_subject_with_many_trials_weighs_no_more():
    rng = np.random.default_rng(3)
    good_alpha, good_beta = trials(rng, (0.1, 3.0), n_trials=1), trials(rng, (3.0, 0.1), n_trials=1)
    once = fit_fusion(good_alpha + [FusionTrial("B", t.alpha, t.beta, t.true) for t in good_beta])
    often = fit_fusion(good_alpha + 9 * [FusionTrial("B", t.alpha, t.beta, t.true) for t in good_beta])
    np.testing.assert_array_equal(once.shape_weight, often.shape_weight)


def test_no_trial_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match="there is none"):
        fit_fusion([])
    with pytest.raises(ValueError, match="different shapes"):
        fit_fusion([FusionTrial("S1", np.zeros((5, 3)), np.zeros((5, 3)), np.zeros((4, 3)))])
