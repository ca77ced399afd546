"""What the network is worth on real people beside simple methods: paired over persons, in error and in r."""

import numpy as np
import pandas as pd
import pytest

from recipes.single_camera.agreement import MEAN, correlation
from recipes.single_camera.person_agreement import (
    ALIKE,
    FITTED,
    GEOMETRY,
    NETWORK,
    even_correlation,
    more_correlation,
    person_results,
)


def told(errors: dict[str, np.ndarray], truth: np.ndarray, people: list[str]) -> pd.DataFrame:
    """Step lengths of some clips by some methods, each wrong by its errors."""
    clip = pd.Series(people).groupby(people).cumcount()
    rows = {"person": people, "trial": "walk", "clip": clip, "truth": truth, "parameter": "step_length"}
    return pd.concat(
        [pd.DataFrame({**rows, "estimate": truth + own, "method": name}) for name, own in errors.items()],
        ignore_index=True,
    )


def by_measure(table: pd.DataFrame) -> dict[tuple[str, str], object]:
    return {(r.method, r.measure): r for r in person_results(table, "recorded, overground", 0)}


def test_the_network_is_held_against_each_simple_method_on_the_same_people():
    """Of nine people, one with many clips: each counts once, and the sign says who was better."""
    rng = np.random.default_rng(0)
    people = [f"p{i}" for i in range(8)] + ["many"] * 12
    truth = rng.uniform(0.5, 0.8, 20)
    errors = {NETWORK: np.full(20, 0.02), MEAN: np.full(20, 0.05), GEOMETRY: np.full(20, -0.01), FITTED: -truth / 9}
    errors[MEAN][8:] = 0.3
    errors[GEOMETRY][0] = np.nan
    found = by_measure(told(errors, truth, people))
    less = found[NETWORK, f"step_length: mean absolute error less that of {MEAN}"]
    assert less.value == pytest.approx((8 * -0.03 - 0.28) / 9), "the one with many clips counts once"
    assert (less.n_persons, less.unit, less.note) == (9, "m", "p 0.0039"), "2 of the 2^9 patterns of signs"
    assert less.high < 0
    worse = found[NETWORK, f"step_length: mean absolute error less that of {GEOMETRY}"]
    assert worse.value == pytest.approx(0.01), "losing has the other sign"
    assert worse.n_persons == 8, "who has no answer of one method is in no pair"
    assert found[NETWORK, f"step_length: r more than that of {FITTED}"].value == pytest.approx(0.0, abs=1e-12)


def test_a_network_that_knows_the_stature_alone_has_no_r_of_its_own():
    """Both say the same but for a factor: whatever r is, the difference is none."""
    rng = np.random.default_rng(1)
    people, stature = [f"p{i}" for i in range(12)], rng.uniform(1.2, 1.9, 12)
    truth = 0.4 * stature + 0.03 * rng.normal(size=12)
    table = told({NETWORK: 0.42 * stature - truth, MEAN: 0.38 * stature - truth}, truth, people)
    more = by_measure(table)[NETWORK, f"step_length: r more than that of {MEAN}"]
    assert (more.value, more.low, more.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    sees = told({NETWORK: 0.005 * rng.normal(size=12), MEAN: 0.38 * stature - truth}, truth, people)
    assert by_measure(sees)[NETWORK, f"step_length: r more than that of {MEAN}"].low > 0


def test_who_has_many_clips_weighs_no_more_where_people_are_weighted_alike():
    """Thirty copies of one person's clip change r over clips, and not r of people weighted alike."""
    truth, said = np.array([0.5, 0.6, 0.7, 0.8]), np.array([0.55, 0.58, 0.72, 0.60])
    many = np.r_[[0, 1, 2], np.full(30, 3)]
    assert even_correlation(truth[many], said[many], many) == pytest.approx(correlation(truth, said, np.arange(4)))
    assert abs(correlation(truth[many], said[many], many) - correlation(truth, said, np.arange(4))) > 0.05
    assert np.isnan(even_correlation(truth, np.ones(4), np.arange(4)))
    assert np.isnan(more_correlation(truth, np.stack([said, np.ones(4)], axis=1), np.arange(4)))
    row = by_measure(told({NETWORK: (said - truth)[many]}, truth[many], [f"p{i}" for i in many]))
    assert row[NETWORK, f"step_length: {ALIKE}"].note == "33 clips, 1 to 30 of a person"
