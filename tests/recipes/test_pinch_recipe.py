"""The pinch recipe: parts of a record are complete, real records come in by the same door, wrong ones are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recipes.catalogue import find_recipe
from recipes.pinch.estimate_stage import linear_estimates
from recipes.pinch.explanation import concordance_rows, untaught_rows, ways_of_counting
from recipes.pinch.record import HELD, INPUTS, OWN_COLUMNS, network_inputs, part_names, part_of_each, read_own_file
from recipes.pinch.wrist_stage import equal_prevalence
from recipes.recipe import resolve_settings, run_recipe
from synth.corpus.schema import CorpusMismatch
from synth.thumb.force_profile import N_FRAMES, TIMES
from synth.thumb.wrist_condition import CONDITIONS
from training.config import ConfigRefused
from training.explanation.attribution import group_sums


def own_record(person: str = "A", sex: str = "female") -> pd.DataFrame:
    times = np.arange(0, 2.0, 0.01)
    palmar = np.where((times > 0.25) & (times < 1.6), 70.0, 0.0)
    person_facts = dict(zip(OWN_COLUMNS[:6], (person, sex, 45, 1.65, 62, 0.178), strict=True))
    return pd.DataFrame(person_facts | {"time": times, "palmar": palmar, "distal": -3.0, "ulnar": 0.5})


def test_every_entry_of_a_record_has_a_part_and_every_part_an_entry():
    parts, names = part_of_each(), part_names()
    inputs = network_inputs("vector", np.zeros((2, N_FRAMES, 3)), np.arange(10).reshape(2, 5))
    assert inputs.shape == (2, len(parts))
    assert set(parts) == set(range(len(names)))
    np.testing.assert_array_equal(inputs[:, -5:], np.arange(10).reshape(2, 5))
    forces = np.zeros((1, N_FRAMES, 3))
    forces[0, (TIMES > 0.5) & (TIMES < 0.8), 2] = 1.0
    used = network_inputs("vector", forces, np.zeros((1, 5)))[0]
    assert {names[k] for k in parts[used > 0]} == {"ulnar early hold"}
    widths = [network_inputs(n, forces, np.zeros((1, 5))).shape[1] for n in INPUTS]
    assert widths == [5, 6, 5 + N_FRAMES, 5 + 3 * N_FRAMES]


def test_a_linear_law_is_found_by_the_row_to_beat():
    rng = np.random.default_rng(0)
    inputs = rng.normal(10.0, 2.0, (300, 4))
    targets = inputs @ rng.normal(size=(4, 2)) + 5.0
    found = linear_estimates(inputs[:200], targets[:200], inputs[200:])
    np.testing.assert_allclose(found, targets[200:], atol=0.05)


def test_own_records_are_read_and_wrong_ones_named(tmp_path):
    file = tmp_path / "own.csv"
    pd.concat([own_record("A"), own_record("B", "male")]).to_csv(file, index=False)
    codes, forces, demographics = read_own_file(file)
    assert codes == ["A", "B"]
    assert forces.shape == (2, N_FRAMES, 3)
    assert forces[0, 40, 0] == pytest.approx(70.0)
    np.testing.assert_allclose(demographics[:, 0], [0, 1])
    wrong = {
        "from 0 to": own_record().query("time < 1"),
        "column palmar": own_record().assign(palmar="strong"),
        "sex female or male": own_record().assign(sex="x"),
        "mass missing": own_record().drop(columns="mass"),
        "at most 50 ms apart, found 1990 ms": own_record().iloc[[0, -1]],
        "at most 50 ms apart, found 110 ms": own_record().drop(index=range(50, 60)),
        "height from 0.8 to 2.3 m, found 165": own_record().assign(height=165),
        "mass from 10 to 250 kg, found 62000": own_record().assign(mass=62000),
        "hand_length from 0.08 to 0.26 m, found 178": own_record().assign(hand_length=178),
        "age from 5 to 110 years, found 2": own_record().assign(age=2),
        "largest palmar force from 2 to 500 N, found -70": own_record().assign(palmar=-70.0),
        "one height, found 2": own_record().assign(height=[1.6] * 100 + [1.7] * 100),
    }
    for said, table in wrong.items():
        table.to_csv(file, index=False)
        with pytest.raises(CorpusMismatch, match=said):
            read_own_file(file)


def test_files_of_a_user_are_looked_at_before_anything_costs_time(tmp_path):
    recipe, wrong = find_recipe("pinch"), tmp_path / "own.csv"
    own_record().assign(height=165).to_csv(wrong, index=False)
    given = {
        "own_file=.*is no file": {"own_file": str(tmp_path / "none.csv")},
        "ratings=.*is no file": {"ratings": str(tmp_path / "none.csv")},
        "height from 0.8": {"own_file": str(wrong)},
    }
    for said, chosen in given.items():
        with pytest.raises((ConfigRefused, CorpusMismatch), match=said):
            run_recipe(recipe, tmp_path / "out", resolve_settings(recipe, small=True, **chosen), shown=False)
    assert not (tmp_path / "out" / "simulated").exists()


def test_an_explanation_that_is_the_cause_agrees_with_it_in_both_ways_of_counting():
    truth = np.random.default_rng(1).random((6, len(part_names())))
    for row in concordance_rows("t", "itself", truth, truth, seed=0):
        assert row.value == pytest.approx(1.0), row.measure
    alike = np.ones((6, len(part_of_each())))  # every entry matters the same
    sums = group_sums(alike, part_of_each())
    for size in ways_of_counting().values():
        assert set(np.ptp(sums / size, axis=1)) in ({0.0}, {float(np.bincount(part_of_each()).max() - 1)})
    blank = [np.random.default_rng(k).random(truth.shape) for k in range(12)]
    for row in untaught_rows("t", blank, truth):
        means = [{r.measure: r.value for r in concordance_rows("t", "", b, truth, 0)}[row.measure] for b in blank]
        assert row.value == pytest.approx(np.mean(means))
        assert min(means) <= row.low < row.value < row.high <= max(means)


def test_thresholds_of_a_rare_class_move_no_explanation():
    """Other thresholds are constants among the logits: an attribution of their difference stays as it is."""
    from training.explanation.attribution import integrated_gradients

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    shares = np.array([0.8, 0.12, 0.08])
    moved = np.log(equal_prevalence(probabilities, shares)) - np.log(probabilities)
    np.testing.assert_allclose(np.ptp(moved[:, 1] - moved[:, 0]), 0.0, atol=1e-12)
    assert equal_prevalence(np.tile(shares, (2, 1)), shares) == pytest.approx(1 / 3), "nothing known: all alike"
    inputs = rng.normal(size=(4, 3))
    found = [integrated_gradients(lambda x, c=c: (x**2).sum(dim=1) + c, inputs, np.zeros(3)) for c in (0.0, 2.0)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_held_forces_stand_before_the_demographics():
    forces, numbers = np.zeros((2, N_FRAMES, 3)), np.arange(10).reshape(2, 5)
    inputs = network_inputs(HELD, forces, numbers, np.arange(12).reshape(2, 2, 3))
    np.testing.assert_array_equal(inputs[:, -11:-5], np.arange(12).reshape(2, 6))
    np.testing.assert_array_equal(inputs[:, -5:], numbers)


def test_prevalences_must_add_up():
    with pytest.raises(ConfigRefused, match="add up to 1"):
        resolve_settings(find_recipe("pinch"), prevalence=[0.5, 0.2, 0.2])


@pytest.mark.slow
def test_own_records_and_ratings_get_their_answers(tmp_path):
    own, ratings, out = tmp_path / "own.csv", tmp_path / "ratings.csv", tmp_path / "out"
    own_record().to_csv(own, index=False)
    ratings.write_text("item,rater,part,rating\npinch 001,r,palmar late hold,4\npinch 001,r,age,0\n")
    few = {"n_teach": 500, "n_score": 200, "n_second": 100, "n_outside": 50, "n_members": 2, "epochs": 2}
    few |= {
        "n_identified": 5,
        "n_explained": 10,
        "n_choose": 20,
        "n_rated": 2,
        "own_file": str(own),
        "ratings": str(ratings),
    }
    recipe = find_recipe("pinch")
    without = run_recipe(recipe, out, resolve_settings(recipe, **few | {"own_file": "", "ratings": ""}), shown=False)
    before = {name: stage["finished"] for name, stage in without.stages.items()}
    after = run_recipe(recipe, out, resolve_settings(recipe, **few), shown=False).stages
    anew = {name for name, stage in after.items() if stage["finished"] != before[name]}
    assert anew == {"explanations", "own", "table"}, "files to be answered teach nothing anew"
    estimates = pd.read_csv(out / "own_estimates.csv").set_index("parameter")
    force = estimates.loc["max_force FPL"]
    assert force.low < force.estimate < force.high
    wrists = pd.read_csv(out / "own_wrists.csv")
    assert wrists.filter(like="probability").sum(axis=1)[0] == pytest.approx(1.0)
    assert set(wrists["90% set"][0].split(" or ")) <= {*CONDITIONS, "none of them"}
    assert (pd.read_csv(out / "results.csv").task == "explain, experts").any()
