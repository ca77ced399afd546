"""The table of one camera counts gaits and people as it says, and parts people, not trials."""

import numpy as np
import pytest

from recipes.single_camera.agreement import correlation, half_limits, mean_absolute_error, with_interval
from recipes.single_camera.filming import SHARES, parted
from recipes.single_camera.impairment_score import area_under_curve, r_squared


def test_people_have_one_role_each_and_shares_hold():
    roles = parted([f"V{i}" for i in range(200)], 7)
    assert len(roles) == 200
    for role, share in SHARES.items():
        assert list(roles.values()).count(role) == pytest.approx(200 * share, abs=1)
    assert parted([f"V{i}" for i in range(200)], 7) == roles
    assert set(parted([f"V{i}" for i in range(12)], 7).values()) == set(SHARES)


def test_a_person_with_many_gaits_counts_once():
    truth, said = np.zeros(5), np.array([1.0, 1.0, 1.0, 1.0, 3.0])
    assert mean_absolute_error(truth, said, np.array([0, 0, 0, 0, 1])) == pytest.approx(2.0)


def test_limits_of_agreement_are_196_sd_of_the_differences():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    said = truth + 0.2 + 0.1 * rng.normal(size=4000)
    assert half_limits(truth, said, np.arange(4000)) == pytest.approx(0.196, rel=0.05)
    assert correlation(truth, said, np.arange(4000)) > 0.99
    assert np.isnan(correlation(truth, np.ones(4000), np.arange(4000)))


def test_intervals_are_over_people_not_gaits():
    """Thirty copies of each of four people's gaits tell no more than the four."""
    rng = np.random.default_rng(1)
    people, error = np.array(["a", "b", "c", "d"]), rng.normal(size=4)
    few = with_interval(np.zeros(4), error, people, mean_absolute_error, 3)
    many = with_interval(np.zeros(120), np.repeat(error, 30), np.repeat(people, 30), mean_absolute_error, 3)
    assert np.allclose(few, many)
    assert np.isnan(with_interval(np.zeros(2), np.ones(2), people[:2], mean_absolute_error, 3)[1])


def test_severity_and_detection_are_scored_by_their_laws():
    truth = np.array([0.0, 0.5, 1.0])
    assert r_squared(truth, truth, np.arange(3)) == 1.0
    assert r_squared(truth, np.full(3, 0.5), np.arange(3)) == pytest.approx(0.0)
    assert area_under_curve(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.6, 0.4, 0.9]), np.arange(4)) == 0.75
