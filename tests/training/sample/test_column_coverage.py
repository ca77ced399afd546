"""Column coverage: every quantity has an interval that holds what it states, and what is held least is named."""

from __future__ import annotations

import numpy as np
import pytest

from training.conformal_interval import subject_quantile
from training.sample.calibration_curve import calibration_curve, refuse_shared
from training.sample.column_coverage import all_held, half_widths, least_held, shares_held

NAMES = ("small", "usual", "large")


def people(rng, n, sd=(0.3, 1.0, 3.0), prefix="C"):
    """Errors of twelve values in three columns of unlike size."""
    return {f"{prefix}{i}": np.abs(rng.normal(size=(12, 3)) * sd) for i in range(n)}


def test_each_column_has_the_quantile_that_it_has_alone():
    rng = np.random.default_rng(0)
    scores = people(rng, 15)
    scores["C3"][2:, 1], scores["C4"][:, 2] = np.nan, np.nan
    scores["C5"] = scores["C5"][:1]
    found = half_widths(scores, (0.5, 0.9, 0.95))
    alone = [
        [subject_quantile([s[:, k] for s in scores.values()], level) for k in range(3)] for level in (0.5, 0.9, 0.95)
    ]
    np.testing.assert_allclose(found, alone)
    assert np.isinf(found[2]).all(), "fifteen persons bound no 95 %"


def test_one_value_a_person_is_a_column_vector_as_well():
    rng = np.random.default_rng(1)
    flat = {f"P{i}": np.abs(rng.normal(size=3)) for i in range(30)}
    np.testing.assert_allclose(half_widths(flat), half_widths({p: s[None] for p, s in flat.items()}))
    assert shares_held(half_widths(flat), {"Q": np.zeros(3)}).tolist() == [[[1.0] * 3]] * 5


def test_columns_hold_what_one_width_for_all_holds_on_average_only():
    rng = np.random.default_rng(2)
    calibrating, scored = people(rng, 200), people(rng, 200, prefix="S")
    shares = shares_held(half_widths(calibrating, (0.9,)), scored)[0]
    assert all_held(shares).coverage == pytest.approx(0.9, abs=0.02)
    worst = least_held(shares, NAMES)
    assert worst.coverage == pytest.approx(0.9, abs=0.03)
    assert worst.low < worst.coverage < worst.high
    pooled = calibration_curve(calibrating, scored, (0.9,)).half_width[0]
    of_one_width = shares_held(np.full((1, 3), pooled), scored)[0]
    assert all_held(of_one_width).coverage == pytest.approx(0.9, abs=0.02)
    assert least_held(of_one_width, NAMES).name == "large"
    assert least_held(of_one_width, NAMES).coverage < 0.75


def test_who_knows_nothing_of_a_column_does_not_count_in_it():
    shares = np.array([[1.0, np.nan], [0.0, 0.2], [np.nan, np.nan]])
    assert all_held(shares).coverage == pytest.approx((1.0 + 0.1) / 2)
    worst = least_held(shares, ("a", "b"))
    assert (worst.name, worst.coverage) == ("b", pytest.approx(0.2))
    with pytest.raises(ValueError, match="both have A"):
        refuse_shared({"A": shares}, {"A": shares})
