"""Conformal factors: exact where they are fitted, right for new subjects of the same kind, subjects weigh alike."""

import numpy as np
import pytest

from training.orientation.angle_interval import AngleError, conformal_factor, interval_coverage


def errors(rng, n_subjects, true_over_promised=2.0, n=300):
    made = []
    for k in range(n_subjects):
        deviation = rng.uniform(1, 3, (n, 2))
        # heavy tails: no normal distribution is assumed
        error = true_over_promised * deviation * rng.standard_t(4, (n, 2)) * rng.uniform(0.8, 1.2)
        made.append(AngleError(f"S{k}", error, deviation))
    return made


def test_where_it_is_fitted_the_level_is_held_exactly():
    made = errors(np.random.default_rng(0), 5)
    for level in (0.5, 0.9):
        np.testing.assert_allclose(interval_coverage(made, level, conformal_factor(made, level)), level, atol=0.001)


def test_on_new_subjects_of_the_same_kind_it_is_held():
    rng = np.random.default_rng(1)
    factor, others = conformal_factor(errors(rng, 40)), errors(rng, 40)
    plain, scaled = interval_coverage(others), interval_coverage(others, factor=factor)
    assert (plain < 0.7).all()
    assert ((scaled > 0.88) & (scaled < 0.92)).all()


def test_a_subject_with_many_trials_weighs_no_more():
    rng = np.random.default_rng(2)
    (easy,), (hard,) = errors(rng, 1, 0.5), errors(rng, 1, 5.0)
    hard = AngleError("B", hard.error, hard.deviation)
    np.testing.assert_allclose(conformal_factor([easy, hard]), conformal_factor([easy, *(5 * [hard])]))
    np.testing.assert_allclose(interval_coverage([easy, hard]), interval_coverage([easy, *(5 * [hard])]))


def test_nothing_to_fit_on_is_refused():
    with pytest.raises(ValueError, match="there is none"):
        conformal_factor([])
    with pytest.raises(ValueError, match="not positive"):
        conformal_factor([AngleError("S", np.ones((3, 1)), np.zeros((3, 1)))])
