"""Doubt about muscle parameters: intervals hold what they state inside, and what states no doubt has no ratio of it."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.pinch.parameter_doubt import CONSTANT, LEAST, UNSEEN, parameter_doubt, parameter_scores
from recipes.pinch.population_stage import CALIBRATE, SECOND
from synth.thumb.pinch_parameter import ASKED
from synth.thumb.pinch_population import PinchSamples

K = len(ASKED)
UNIT = np.resize([0.5, 2.0], K)
INTERVALS = "coverage of 90% intervals"
SD = {CALIBRATE: 1.0, UNSEEN: 1.0, SECOND: 3.0}


def told_people(rng, name, n=300):
    """People, what is said of them, off by the SD of their group, and doubts that know it (all in SDs of a unit)."""
    sd = SD[name] * rng.uniform(0.5, 1.5, size=(n, K))
    truth = rng.normal(size=(n, K)) * UNIT
    code, none = np.array([f"{name}{k:03d}" for k in range(n)]), np.zeros((n, 0))
    people = PinchSamples(code, none, truth, np.zeros(n, dtype=int), none, none, none, none)
    return people, truth + sd * UNIT * rng.normal(size=(n, K)), sd


def test_scores_are_errors_over_doubt_whatever_the_unit():
    people, _, _ = told_people(np.random.default_rng(0), UNSEEN, 2)
    off = np.zeros((2, K))
    off[:, :2] = [[1.0, -4.0], [0.0, 2.0]]
    scores = parameter_scores(people, people.parameters + off, np.full((2, K), 2.0), UNIT)
    assert list(scores) == people.code.tolist()
    np.testing.assert_allclose(np.stack(list(scores.values()))[:, :2], [[1.0, 1.0], [0.0, 0.5]])


def test_intervals_hold_what_they_state_and_doubt_that_knows_holds_outside_too():
    rng = np.random.default_rng(1)
    made = {name: told_people(rng, name) for name in SD}
    told = {
        "knows": {name: (said, sd) for name, (_, said, sd) in made.items()},
        "one": {name: (said, np.ones(sd.shape)) for name, (_, said, sd) in made.items()},
    }
    rows, curves, _ = parameter_doubt(told, {name: people for name, (people, _, _) in made.items()}, UNIT, "knows", 0)
    inside, outside = "intervals of parameters", "outside the population"
    value = {(r.task, r.method, r.measure): r.value for r in rows}
    for level in (0.5, 0.6, 0.7, 0.8, 0.9):
        assert value[inside, "knows", f"coverage of {level:.0%} intervals"] == pytest.approx(level, abs=0.06)
    shown = [r for r in rows if r.task == inside and r.method == "one" and r.measure.startswith("coverage")]
    assert [r.measure for r in shown] == [INTERVALS, INTERVALS + LEAST], "of other methods than the one that is shown"
    assert value[outside, f"knows: {SECOND}", INTERVALS] == pytest.approx(0.9, abs=0.05)
    assert value[outside, f"one: {SECOND}", INTERVALS] < 0.6
    ratios = {r.method: r.value for r in rows if r.measure == "stated doubt over that inside"}
    assert list(ratios) == [f"knows: {SECOND}"], "who states one doubt of all has no ratio"
    assert ratios[f"knows: {SECOND}"] == pytest.approx(3.0, rel=0.1)
    assert {r.method.partition(":")[0] for r in rows if CONSTANT in r.note} == {"one"}
    assert set(curves.group) == {UNSEEN, SECOND}


def test_the_half_width_is_that_of_the_people_of_the_population():
    """Errors of exactly one stated doubt inside: the half width is the doubt, though others stand outside."""
    rng = np.random.default_rng(2)
    made = {name: told_people(rng, name, 40)[0] for name in SD}
    doubt = {name: np.full((40, K), 0.4) for name in SD}
    told = {name: (made[name].parameters + SD[name] * 0.4 * UNIT, doubt[name]) for name in SD}
    rows, *_ = parameter_doubt({"m": told}, made, UNIT, "m", 0)
    assert [r.value for r in rows if r.measure == "half width of 90% intervals"] == [pytest.approx(0.4)]


def test_a_parameter_whose_doubt_is_too_small_has_wider_intervals_and_no_other_pays():
    """One parameter errs by four stated doubts and all others by one: of one width, it would be held by half."""
    rng = np.random.default_rng(3)
    unlike = np.where(np.arange(K) == 9, 4.0, 1.0)
    made = {name: told_people(rng, name)[0] for name in (CALIBRATE, UNSEEN)}
    told = {
        n: (p.parameters + unlike * UNIT * rng.normal(size=p.parameters.shape), np.ones((300, K)))
        for n, p in made.items()
    }
    rows, curves, columns = parameter_doubt({"m": told}, made, UNIT, "m", 0)
    held = columns[columns.level == 0.9].set_index("parameter").coverage
    assert list(held.index) == [p.name for p in ASKED]
    assert held[ASKED[9].name] == pytest.approx(0.9, abs=0.06)
    assert held.drop(ASKED[9].name).between(0.82, 0.97).all()
    (least,) = (r for r in rows if r.measure == INTERVALS + LEAST)
    assert least.value == pytest.approx(held.min())
    assert held.mean() == pytest.approx(curves.coverage[curves.level == 0.9].item())
    assert least.note.startswith(held.idxmin())
    wide = columns[columns.level == 0.9].set_index("parameter").half_width_sd
    assert wide[ASKED[9].name] == pytest.approx(4 * 1.645, rel=0.2)


def test_the_one_altered_parameter_is_named_where_all_others_are_held():
    """A palsy: 31 of 32 parameters as usual, one 25 SD off; together they look right."""
    rng = np.random.default_rng(4)
    made = {name: told_people(rng, name)[0] for name in SD}
    off = {name: UNIT * rng.normal(size=made[name].parameters.shape) for name in SD}
    off[SECOND][:, 11] += 25.0 * UNIT[11]
    told = {name: (made[name].parameters + off[name], np.ones((300, K))) for name in SD}
    rows, *_ = parameter_doubt({"m": told}, made, UNIT, "m", 0)
    outside = {r.measure: r for r in rows if r.task == "outside the population"}
    assert outside[INTERVALS].value > 0.84
    assert (outside[INTERVALS + LEAST].value, outside[INTERVALS + LEAST].high) == (0.0, 0.0)
    assert outside[INTERVALS + LEAST].note.startswith(ASKED[11].name)
