"""The recipe few-people: nested people, refusals before hours of teaching, measured people by the same interface."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from recipes.few_people import RECIPE, doubt, source_stage
from recipes.few_people.doubt import QUANTITIES, by_quantity, feasible_levels
from recipes.few_people.nested_people import folds, splits, virtual_roles
from recipes.few_people.person_error import errors_by_draw, paired
from recipes.few_people.settings import check_settings, tasks_of, teaching_numbers
from recipes.few_people.source_stage import given_files
from recipes.few_people.table_stage import against_baselines, exchange_results, reductions
from recipes.few_people.tuning_stage import alone_name, pace_of, tuned_parts
from recipes.people import people_table
from recipes.recipe import resolve_settings
from recipes.result import markdown, result_table
from recipes.run import Run
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused
from training.transfer.arm import SCRATCH, TRANSFER
from training.transfer.gait_window import GaitWindows

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_trial

PEOPLE = [f"P{i}" for i in range(7)]
TARGET = {"name": "task", "path": "none.h5", "estimate": "force"}


def run_of(tmp_path, **chosen) -> Run:
    return Run(tmp_path, resolve_settings(RECIPE, small=True, **chosen), 1, False)


def test_everybody_is_left_out_and_who_teaches_is_nested():
    made = folds("task", PEOPLE, (1, 2, 4), 3, 7)
    assert [f.scored for f in made] == PEOPLE * 3
    assert all(f.scored not in f.order and sorted((*f.order, f.scored)) == PEOPLE for f in made)
    assert len({f.order for f in made if f.scored == "P0"}) > 1, "draws differ"
    virtual = virtual_roles([f"V{i}" for i in range(30)], 7)
    assert {role: len(people) for role, people in virtual.items()} == {
        "score": 3,
        "validate": 3,
        "calibrate": 3,
        "teach": 21,
    }
    table = people_table(splits(virtual, made, {"task": (1, 2, 4)}, {"task": PEOPLE}))
    assert table.split.nunique() == 2 + 21 * 3
    one = table[table.split == made[0].split(2)]
    assert set(one[one.role == "teach"].person) - set(virtual["teach"]) == set(made[0].order[:2])
    assert len(one[one.role == "calibrate"]) == 4
    with pytest.raises(CorpusMismatch, match="need 8"):
        folds("task", PEOPLE, (1, 7), 1, 7)


def test_what_cannot_be_taught_is_refused_beforehand(tmp_path):
    with pytest.raises(ConfigRefused, match="rising"):
        check_settings(resolve_settings(RECIPE, virtual=(30, 10)))
    with pytest.raises(ConfigRefused, match="ablated"):
        check_settings(resolve_settings(RECIPE, ablated=3))
    with pytest.raises(ConfigRefused, match="200 people are more than the 190 who can be counted on"):
        check_settings(resolve_settings(RECIPE, n_people=285))
    with pytest.raises(ConfigRefused, match="need 5"):
        check_settings(resolve_settings(RECIPE, n_other=4))
    for wrong in ({"virtual": ()}, {"teach_other": ()}):
        with pytest.raises(ConfigRefused, match="at least 1"):
            resolve_settings(RECIPE, **wrong)
    check_settings(resolve_settings(RECIPE))
    check_settings(resolve_settings(RECIPE, small=True))
    with pytest.raises(ConfigRefused, match="rising numbers"):
        resolve_settings(RECIPE, targets=[TARGET | {"teach": (2, 1)}])
    with pytest.raises(ConfigRefused, match="another name"):
        resolve_settings(RECIPE, targets=[TARGET, TARGET])
    with pytest.raises(CorpusMismatch, match=r"none\.h5 is not there"):
        given_files(run_of(tmp_path, targets=[TARGET]))
    settings = resolve_settings(RECIPE, targets=[TARGET])
    assert tasks_of(settings) == {"task": "force"}
    assert teaching_numbers(settings) == {"task": (1, 2, 4)}


def test_a_network_that_knows_nothing_learns_faster_and_no_longer():
    """Arms of one comparison are taught for as many steps: what is starved loses, whichever it is."""
    settings = resolve_settings(RECIPE)
    fresh, known = ([pace_of(settings, s) for s in starts] for starts in (("nothing", "signals"), ("labels", "both")))
    assert set(fresh) == {(settings.new_steps, settings.new_rate)}
    assert set(known) == {(settings.tuned_steps, settings.tuned_rate)}
    assert settings.new_steps == settings.tuned_steps
    assert settings.new_rate > settings.tuned_rate


def test_a_target_of_too_few_people_is_refused_before_anybody_is_solved(tmp_path, monkeypatch):
    class OnePerson:
        def __init__(self, path):
            pass

        def trials(self):
            return [("A", "walk"), ("A", "again"), ("B", "walk")]

    monkeypatch.setattr(source_stage, "Corpus", OnePerson)
    monkeypatch.setattr(source_stage, "_solved", lambda *given: pytest.fail("somebody was solved"))
    with pytest.raises(CorpusMismatch, match="task: 2 people"):
        source_stage.make_people(run_of(tmp_path, targets=[TARGET]))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Corpora of virtual people by the seed they are drawn from; no walk of theirs is read."""
    folder = tmp_path_factory.mktemp("drawn")
    for seed in (7, 8, 9):
        with CorpusWriter(folder / f"{seed}.h5", config={"subjects": 6, "seed": seed}) as writer:
            for i in range(6):
                writer.append(made_trial(1.0, person=f"V{i:05d}", sway=0.0))
    shutil.copy(folder / "8.h5", folder / "copy.h5")
    return folder


@pytest.mark.parametrize(
    ("people", "target", "said"),
    [
        ("9", "", "setting people: .*9.h5 is drawn from seed 9, as other.h5 of this run of setting n_other is"),
        ("", "7", "setting targets: .*7.h5 is drawn from seed 7, as people.h5 of this run of setting people is"),
        ("9", "9", "setting targets: .*9.h5 is .*9.h5 of setting people: the same people in two roles"),
        ("8", "copy", "setting targets: .*copy.h5 is .*8.h5 of setting people: the same people in two roles"),
        ("8", "", ""),
        ("8", "7", ""),
        ("", "8", ""),
    ],
)
def test_one_virtual_person_has_one_role_before_anybody_is_solved(tmp_path, monkeypatch, drawn, people, target, said):
    """Who is drawn from one seed has one body, whatever stands before the code."""
    monkeypatch.setattr(source_stage, "_solved", lambda *given: "solved")
    chosen = {"people": str(drawn / f"{people}.h5")} if people else {}
    chosen |= {"targets": [TARGET | {"path": str(drawn / f"{target}.h5")}]} if target else {}
    run = run_of(tmp_path, seed=7, other_laws=True, **chosen)
    if not said:
        source_stage.make_people(run)
        return
    monkeypatch.setattr(source_stage, "_solved", lambda *given: pytest.fail("somebody was solved"))
    with pytest.raises(CorpusMismatch, match=said):
        source_stage.make_people(run)


def test_a_fold_that_is_missing_is_said_and_stays_to_be_made(tmp_path, monkeypatch):
    """The table writes nothing in its place, which teaching would take as done."""
    monkeypatch.setattr("recipes.few_people.tuning_stage.pretrained_parts", lambda run: SimpleNamespace(key="k"))
    run = run_of(tmp_path, targets=[TARGET | {"teach": (1,)}])
    person, frames = np.array(["A", "B", "C"]), (3, 2)
    inputs, labels, core = np.zeros((*frames, 42)), np.zeros((*frames, 8)), np.ones(frames, dtype=bool)
    windows = GaitWindows(inputs, labels, core, np.zeros(frames), person, person)
    parts = tuned_parts(run, "task", windows)
    parts.get(alone_name("task"), lambda: {"x|0|sd": np.zeros((3, 2, 1))})
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match=r"folds/task_0_A_.* is not there.*Remove stages\.json"):
            errors_by_draw(run, "task", windows)
    assert [path.name.startswith("task_nobody") for path in (tmp_path / "folds").iterdir()] == [True]


def once(errors):
    """Errors of one draw of who teaches."""
    return {key: {person: [error] for person, error in people.items()} for key, people in errors.items()}


def test_draws_of_who_teaches_are_a_mean_for_each_person_and_single_ones_are_said(tmp_path):
    """30 % less in one draw and 10 % more in the other: 10 % less on average, without doubt over persons."""
    run = run_of(tmp_path, targets=[TARGET], draws=2)
    scratch = {p: [10.0 + i, 10.0 + i] for i, p in enumerate(PEOPLE)}
    tuned = {p: [0.7 * first, 1.1 * second] for p, (first, second) in scratch.items()}
    row = reductions(run, "task", {(SCRATCH, 2): scratch, (TRANSFER, 2): tuned})[0]
    assert [row.value, row.low, row.high] == pytest.approx([10.0] * 3)
    assert row.n_persons == len(PEOPLE)
    assert "in single draws -10.0 to 30.0 %" in row.note


def test_a_reduction_keeps_a_persons_two_errors_together(tmp_path):
    run = run_of(tmp_path, targets=[TARGET], tuned_steps=12)  # as many as from scratch: a goal is judged
    scratch = {p: 10.0 + 5.0 * i for i, p in enumerate(PEOPLE)}
    errors = {(SCRATCH, 2): scratch, (TRANSFER, 2): {p: 0.7 * e for p, e in scratch.items()}}
    rows = reductions(run, "task", once(errors))
    assert rows[0].value == pytest.approx(30.0)
    assert rows[0].low == pytest.approx(30.0)
    assert rows[0].met == "yes"
    assert "better for 7 of 7" in rows[0].note
    assert rows[1].met == "yes"
    assert paired(scratch, {"P6": 1.0, "P0": 2.0}).tolist() == [[10.0, 40.0], [2.0, 1.0]]


def test_pre_training_is_held_against_what_needs_no_network(tmp_path):
    run = run_of(tmp_path)
    errors = {(TRANSFER, 1): {p: 8.0 for p in PEOPLE}, ("ridge", 1): {p: 4.0 for p in PEOPLE}}
    (row,) = against_baselines(run, "task", errors)
    assert (row.measure, row.value, row.low) == ("error less than ridge, 1 person teaches", -100.0, -100.0)
    scratch = errors | {(SCRATCH, 2): errors[TRANSFER, 1], (TRANSFER, 2): errors["ridge", 1]}
    assert [r.goal for r in reductions(run, "task", once(scratch))] == [""], "stand-ins meet no goal"


def test_that_no_number_of_virtual_people_is_enough_is_an_answer(tmp_path):
    run = run_of(tmp_path, targets=[TARGET], virtual=(10, 100))
    flat = {p: 20.0 for p in PEOPLE}
    errors = {(SCRATCH, n): {p: 12.0 - n for p in PEOPLE} for n in (1, 2, 4)}
    errors |= {(f"virtual {v}", 0): flat for v in (10, 100)} | {(TRANSFER, 1): {p: 10.0 for p in PEOPLE}}
    rows = {r.measure: r for r in exchange_results(run, "task", errors)}
    assert "more than 100" in rows["virtual people worth the step from 0 to 1 measured"].note
    assert rows["as good as so many people from scratch, 1 person teaches"].value == pytest.approx(2.0)
    never = rows["virtual people worth the step from 0 to 1 measured"]
    assert np.isnan([never.value, never.low, never.high]).all(), "what is not reached is no number"
    assert "reached in 0 %" in never.note
    assert "no number" in markdown(result_table([never]), "Few")
    errors[TRANSFER, 1] = {p: 20.0 for p in PEOPLE}
    row = next(r for r in exchange_results(run, "task", errors) if "1 person teaches" in r.measure)
    assert "fewer than 1" in row.note
    assert np.isnan(row.value)


def test_intervals_are_stated_where_enough_people_calibrate():
    assert feasible_levels(4) == [0.5, 0.6, 0.7, 0.8]
    assert feasible_levels(1) == [0.5]
    assert feasible_levels(0) == []


def test_hip_knee_and_ankle_have_intervals_of_their_own_and_both_sides_share_them():
    assert QUANTITIES == {"force": ("ground_force_y",), "angle": ("hip_flexion", "knee_angle", "ankle_angle")}
    sides = np.array([[[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]]])
    assert by_quantity(sides, "angle").tolist() == [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]
    assert by_quantity(sides[..., :2], "force").tolist() == [[1.0], [2.0]]


def test_a_knee_that_errs_more_than_an_ankle_is_held_as_often_and_what_is_held_least_is_named(tmp_path, monkeypatch):
    """Of one width, the knee (three times the ankle's error) would be held by far less than is stated."""
    rng, people = np.random.default_rng(5), [f"P{i:02d}" for i in range(40)]
    person = np.repeat(people, 4)
    wrong = np.abs(rng.normal(size=(len(person), 96, 6))) * [1.0, 3.0, 1.0, 1.0, 3.0, 1.0]
    frames = (len(person), 96)
    windows = GaitWindows(np.zeros((*frames, 42)), np.zeros((*frames, 8)), np.ones(frames, bool), np.zeros(frames),
                          person, person)  # fmt: skip
    run = run_of(tmp_path, targets=[TARGET | {"estimate": "angle", "teach": (1, 2)}])
    arm = doubt.DOUBTED[0]

    def read(name):
        fold = next(f for f in source_stage.folds_of(run, "task", windows) if f.name == name)
        own, others = (np.isin(person, who) for who in ([fold.scored], fold.order[2:]))
        kept = {f"{arm}|2|mean": wrong[own], f"{arm}|2|calibrate mean": wrong[others]}
        return kept | {key.replace("mean", "sd"): np.ones(value.shape) for key, value in kept.items()}

    monkeypatch.setattr(doubt, "DOUBTED", (arm,))
    monkeypatch.setattr(doubt, "tuned_parts", lambda *given: SimpleNamespace(read=read))
    rows, curve = doubt.measured_coverage(run, "task", windows)
    at = {r.measure: r for r in rows if "90 %" in r.measure}
    whole, least = at["truth within the 90 % interval"], at["truth within the 90 % interval, held least"]
    assert whole.value == pytest.approx(90.0, abs=3.0)
    assert 86.0 < least.value <= whole.value
    assert least.note.partition(";")[0] in QUANTITIES["angle"]
    held = curve[curve.level == 0.9].set_index("quantity").coverage
    assert list(held.index) == ["all", *QUANTITIES["angle"]]
    assert held["knee_angle"] == pytest.approx(0.9, abs=0.03)
