"""Sets of classes hold a new person's own class as often as they state, however many samples a person has."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.class_doubt import INSIDE, class_doubt
from training.sample.conformal_set import (
    ClassAnswers,
    class_doubt_ratio,
    confidence,
    named_classes,
    set_curve,
    set_edges,
)

SHARES = (0.85, 0.1, 0.05)


def answers(rng, n_people, name, n_samples=1, shift=0.0, told=1.5):
    """A classifier that knows something: samples of one person err alike; `shift` moves everybody off."""
    truth = rng.choice(3, n_people, p=SHARES)
    own = rng.normal(size=(n_people, 3)) + told * np.eye(3)[truth]
    logits = np.repeat(own, n_samples, axis=0) + 0.1 * rng.normal(size=(n_people * n_samples, 3)) + [shift, 0.0, 0.0]
    odds = np.exp(logits) * SHARES
    person = np.repeat([f"{name}{k:05d}" for k in range(n_people)], n_samples)
    spread = np.full(odds.shape, 0.02)
    return ClassAnswers(person, np.repeat(truth, n_samples), odds / odds.sum(axis=1, keepdims=True), spread)


def test_sets_hold_what_they_state_on_exchangeable_people():
    rng = np.random.default_rng(1)
    for by_class in (False, True):
        curves = [
            set_curve([(answers(rng, 300, "C", 2), answers(rng, 300, "S", 2))], by_class=by_class) for _ in range(12)
        ]
        found = np.mean([c.coverage for c in curves], axis=0)
        stated = curves[0].level.to_numpy()
        assert (found > stated - 0.015).all()
        assert (found < stated + 0.05).all()
        assert (np.diff(curves[0].named) >= 0).all(), "more certainty costs classes"


def test_class_by_class_the_rare_one_is_held_too():
    rng = np.random.default_rng(2)
    calibrating, scored = answers(rng, 2000, "C"), answers(rng, 4000, "S")
    together, each = (set_curve([(calibrating, scored)], (0.9,), by_class=b).iloc[0] for b in (False, True))
    assert together.worst_coverage < 0.6, "one edge for all is paid by the rare class"
    assert each.worst_coverage > 0.86
    assert each.named > together.named


def test_a_person_with_many_samples_weighs_no_more_than_another():
    """Eighteen people who are told well and one with a thousand samples, told badly: 18 of 20 shares reach 0.9."""
    n = 1000
    person = np.array([f"P{k:02d}" for k in range(18)] + ["many"] * n)
    right = np.concatenate([np.full(18, 0.8), np.full(n, 0.1)])
    truth = np.zeros(len(person), dtype=int)
    own = ClassAnswers(person, truth, np.stack([right, 1 - right], axis=1), np.zeros((len(person), 2)))
    np.testing.assert_allclose(set_edges(own, 0.9), 0.2)
    scored = ClassAnswers(np.array(["a", "b", "b", "b"]), np.zeros(4, dtype=int), own.probabilities[[0, -1, -1, -1]],
                          np.zeros((4, 2)))  # fmt: skip
    assert set_curve([(own, scored)], (0.9,)).coverage[0] == 0.5, "one of two persons, not one of four samples"


def test_too_few_people_rule_nothing_out_and_it_is_said():
    rng = np.random.default_rng(3)
    few, scored = answers(rng, 8, "C"), answers(rng, 50, "S")
    assert np.isinf(set_edges(few, 0.9)).all()
    row = set_curve([(few, scored)], (0.9,)).iloc[0]
    assert (row.coverage, row.named, row.full_sets, row.empty_sets) == (1.0, 3.0, 1.0, 0.0)
    many = answers(rng, 60, "C")
    edges = set_edges(many.of(0), 0.9, by_class=True)
    assert np.isfinite(edges[0])
    assert np.isinf(edges[1:]).all(), "nobody calibrates these classes"
    with pytest.raises(ValueError, match="other persons"):
        set_curve([(many, many)])


def test_class_by_class_the_fewest_who_calibrate_a_class_count_and_it_is_said():
    """200 calibrate the common class, 12 and 4 the others: 4 at least, and of 90 % sets one class is always named."""
    rng = np.random.default_rng(6)
    truth = np.repeat([0, 1, 2], [200, 12, 4])
    told = rng.dirichlet([1, 1, 1], len(truth))
    calibrating = ClassAnswers(np.array([f"C{k:03d}" for k in range(len(truth))]), truth, told, 0.0 * told)
    scored = answers(rng, 60, "S")
    each, together = (set_curve([(calibrating, scored)], by_class=b).set_index("level") for b in (True, False))
    assert (each.n_calibrating == 4).all()
    assert (together.n_calibrating == 216).all()
    assert each.always_named.to_dict() == {0.5: 0, 0.6: 0, 0.7: 0, 0.8: 0, 0.9: 1}
    assert (together.always_named == 0).all()
    two = ClassAnswers(calibrating.person[:214], truth[:214], told[:214], 0.0 * told[:214])
    folds = set_curve([(calibrating, scored), (two, answers(rng, 60, "T"))], by_class=True).set_index("level")
    assert (folds.n_calibrating == 2).all(), "in a fold, at least"
    assert folds.always_named[0.7] == 1, "in a fold, at most"
    notes = {r.method: r.note for r in class_doubt("tell", "m", [(calibrating, {INSIDE: scored})], "abc", 0)[0]
             if r.measure == f"{INSIDE}: coverage of 90% sets"}  # fmt: skip
    assert notes["m"].startswith("216 people calibrate; least held")
    assert notes["m, class by class"].startswith("at least 4 people calibrate a class, 1 of 3 classes always named; ")


def test_sets_may_name_nothing():
    sure = ClassAnswers(np.array([f"C{k}" for k in range(40)]), np.zeros(40, dtype=int), np.tile([0.99, 0.01], (40, 1)),
                        np.zeros((40, 2)))  # fmt: skip
    torn = np.array([[0.5, 0.5]])
    assert not named_classes(torn, set_edges(sure, 0.9)).any()
    told = ClassAnswers(np.array(["S"]), np.array([0]), torn, np.zeros((1, 2)))
    assert set_curve([(sure, told)], (0.9,)).empty_sets[0] == 1.0


def test_outside_the_population_rows_show_less_coverage_and_more_doubt():
    rng = np.random.default_rng(4)
    calibrating, inside, outside = answers(rng, 300, "C"), answers(rng, 300, "S"), answers(rng, 300, "O", shift=-4.0)
    outside = ClassAnswers(outside.person, outside.truth, outside.probabilities, 3 * outside.spread)
    rows, table = class_doubt("tell", "m", [(calibrating, {INSIDE: inside, "far": outside})], ("a", "b", "c"), 0)
    value = {(r.method, r.measure): r.value for r in rows}
    assert value["m", "far: coverage of 90% sets"] < value["m", f"{INSIDE}: coverage of 90% sets"] - 0.2
    ratio = value["m", f"far: members' disagreement over that of people {INSIDE}"]
    assert ratio == pytest.approx(class_doubt_ratio(inside, outside)) == pytest.approx(3.0)
    sure = value["m", "far: probability of the class that is named"]
    assert sure == pytest.approx(confidence(outside).mean())
    assert set(table.worst) <= {"a", "b", "c"}
    assert len(table) == 2 * 2 * 5


def test_of_several_folds_each_has_its_own_edges_and_persons_are_pooled():
    """One ensemble is sure, the other torn: each calibrates its own sets, and a person asked by both counts once."""
    person, truth, none = np.array([f"C{k}" for k in range(40)]), np.zeros(40, dtype=int), np.zeros((40, 2))
    sure, torn = (ClassAnswers(person, truth, np.tile([p, 1 - p], (40, 1)), none) for p in (0.9, 0.4))
    asked = [ClassAnswers(np.array(["S"]), np.array([0]), np.array([[p, 1 - p]]), none[:1]) for p in (0.5, 0.5)]
    row = set_curve(list(zip((sure, torn), asked, strict=True)), (0.9,)).iloc[0]
    assert (row.coverage, row.named, row.empty_sets, row.n_scored) == (0.5, 1.0, 0.5, 1)
