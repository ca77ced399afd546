"""Arms that are compared learn for as long from whom they share, or the row says so and judges no goal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recipes import fatigue, few_people
from recipes.equal_lesson import unequal_lessons, with_lessons
from recipes.fatigue import table_stage as fatigue_table
from recipes.few_people import pretraining_stage, tuning_stage
from recipes.few_people.measured_lesson import lesson_by_measured
from recipes.few_people.table_stage import exchange_results, notes_of, reductions
from recipes.posture import use_case
from recipes.posture.use_case import ALONE, COMPONENTS, REPEATED
from recipes.recipe import resolve_settings
from recipes.run import Run
from recipes.single_camera.clip_sets import lessons_with
from training.transfer.arm import ARMS, SCRATCH, TRANSFER
from training.transfer.gait_window import GaitWindows
from training.transfer.sensor_network import new_network
from training.transfer.worn_window import SAGITTAL

PEOPLE = [f"P{i}" for i in range(7)]
TARGET = {"name": "task", "path": "none.h5", "estimate": "force"}
OWN_SIGNALS = "self-supervised, on their signals, too"
EQUAL, STARVED = {"tuned_steps": 800, "new_steps": 800}, {"tuned_steps": 80, "new_steps": 800}


def run_of(tmp_path, shown=False, **chosen) -> Run:
    settings = resolve_settings(few_people.RECIPE, targets=[TARGET], virtual=(10, 100), **chosen)
    return Run(tmp_path, settings, 1, shown)


def errors_of(names, n=2):
    """Errors of one draw: from scratch 10 to 16, all others 30 % less."""
    scratch = {p: 10.0 + i for i, p in enumerate(PEOPLE)}
    return {(m, n): {p: [e if m == SCRATCH else 0.7 * e] for p, e in scratch.items()} for m in names}


def rows_of(tmp_path, **steps):
    rows = reductions(run_of(tmp_path, **steps), "task", errors_of(arm.name for arm in ARMS))
    return {(row.method, row.measure): row for row in rows}


LESS, LEAST = "error less than from scratch, 2 people teach", "lower end of that interval"


def test_a_reduction_by_unequal_lessons_says_so_and_judges_no_goal(tmp_path):
    rows = rows_of(tmp_path, **STARVED)
    said = "unequal lessons: 80 steps against 800"
    for key in ((TRANSFER, LESS), (TRANSFER, LEAST), ("synthetic labels", LESS), ("both, head alone learns", LESS)):
        assert rows[key].note.endswith(said), key
        assert rows[key].goal == rows[key].met == "", key
    assert rows[TRANSFER, LESS].value == pytest.approx(30.0), "the row is there, whatever it is worth"
    assert "unequal" not in rows["self-supervised", LESS].note, "its head is new, as from scratch: 800 steps"


def test_rows_of_equal_lessons_are_what_they_were(tmp_path):
    rows = rows_of(tmp_path, **EQUAL)
    assert rows[TRANSFER, LESS].note == "better for 7 of 7; paired p = 0.016"
    assert (rows[TRANSFER, LESS].goal, rows[TRANSFER, LESS].met) == (">= 25", "yes")
    assert (rows[TRANSFER, LEAST].goal, rows[TRANSFER, LEAST].note) == (">= 0", "")
    assert [m for (m, _), row in rows.items() if "unequal" in row.note] == [OWN_SIGNALS]
    assert rows[OWN_SIGNALS, LESS].note.endswith("unequal lessons: 1600 steps against 800"), "signals, then labels"


@pytest.mark.parametrize(("steps", "said"), [(EQUAL, ""), (STARVED, "unequal lessons: 80 steps against 800")])
def test_exchange_rates_say_it_where_measured_people_teach_both_sides(tmp_path, steps, said):
    flat = dict.fromkeys(PEOPLE, 9.0)
    errors = {(SCRATCH, n): {p: 12.0 - n for p in PEOPLE} for n in (1, 2, 4)}
    errors |= {(f"virtual {v}", n): flat for v in (10, 100) for n in (0, 1)}
    errors |= {(TRANSFER, n): flat for n in (0, 1, 2)}
    rows = {row.measure: row.note for row in exchange_results(run_of(tmp_path, **steps), "task", errors)}
    both = [
        "as good as so many people from scratch, 1 person teaches",
        "as good as so many people from scratch, 2 people teach",
        "virtual people worth the step from 1 to 2 measured",
    ]
    assert len(rows) == 5
    assert all(note.endswith(said) for measure, note in rows.items() if measure in both)
    assert not any("unequal" in note for measure, note in rows.items() if measure not in both or not said)


@pytest.mark.parametrize(("stage", "work"), [(pretraining_stage, "pretrain"), (tuning_stage, "tune")])
def test_it_is_said_before_anything_is_taught(tmp_path, monkeypatch, capsys, stage, work):
    def begin(run):
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "read_sets", begin)
    for steps in (STARVED, EQUAL):
        with pytest.raises(KeyboardInterrupt):
            getattr(stage, work)(run_of(tmp_path, shown=True, options=(), **steps))
        said = capsys.readouterr().err
        assert ("both pre-trainings (80 steps against 800)" in said) == (steps is STARVED)
        assert bool(said) == (steps is STARVED)


def test_the_page_says_which_arms_learnt_for_unequally_long(tmp_path):
    starved, equal = (" ".join(notes_of(run_of(tmp_path, options=(), **s).settings)) for s in (STARVED, EQUAL))
    assert "synthetic labels (80 steps against 800), both pre-trainings (80 steps against 800)" in starved
    assert "no goal is judged" in starved
    assert "nequal" not in equal


def test_the_lesson_that_is_stated_is_the_one_that_is_taught(tmp_path, monkeypatch):
    """Steps of every arm as the rows know them are those of its fits, in batches of one size."""
    taught = []
    monkeypatch.setattr(tuning_stage, "learn", lambda *given, **more: taught.append(given[4]))
    monkeypatch.setattr(tuning_stage, "pretrained_network", lambda run, *which: new_network(SAGITTAL, 4, 8, 0))
    run = run_of(tmp_path, width=4, tuned_steps=5, new_steps=7)
    zeros = [np.zeros((1, 96, c), dtype=np.float32) for c in (42, 8, 1, 1)]
    windows = GaitWindows(*zeros, np.array(["A"]), np.array(["walk"]))
    expected = {"labels": 5, "both": 5, "nothing": 7, "signals": 7}
    for arm in ARMS:
        taught.clear()
        tuning_stage._tuned(run, arm, windows, (0, 1), 0)
        stated = lesson_by_measured(run.settings, arm.name)
        assert sum(lesson.steps for lesson in taught) == stated.steps == expected[arm.start] + 5 * arm.own_signals
        assert {lesson.batch for lesson in taught} == {run.settings.batch}
    assert lesson_by_measured(run.settings, "virtual 30").steps == 5
    assert lesson_by_measured(run.settings, "ridge") is None, "fitted to its end"


def test_more_passes_at_most_are_said_where_others_choose_the_epoch():
    """Recipe fatigue: its goals stay, as who validates ends each lesson; the row says how long it could have been."""
    truth = np.zeros((7, 5))
    fold = {"persons": np.array(PEOPLE), "truth": truth, "transfer|2|torque": truth + 1.0}
    errors = fatigue_table.errors_of([fold | {"no simulations|2|torque": truth + np.arange(2.0, 9.0)[:, None]}])
    settings = resolve_settings(fatigue.RECIPE)
    first, _ = fatigue_table.reductions(errors, settings)
    assert first.note.endswith("; unequal lessons: 150 passes at most against 400")
    assert first.goal == ">= 25"
    equal = settings.model_copy(update={"tuned_epochs": settings.direct_epochs})
    assert [row.note for row in fatigue_table.reductions(errors, equal)] == [
        "against no simulations; paired p = 0.016",
        "",
    ]
    assert [sum("passes at most" in note for note in fatigue_table.notes_of(s)) for s in (settings, equal)] == [1, 0]


def test_passes_over_more_samples_are_a_longer_lesson():
    """Recipe posture: RT3SD and measured samples four times each learn as long as each other, measured alone less."""
    methods = {ALONE: 50, REPEATED: 200, "RT3SD, noise": 200, "RTSD, VAE as published": 100, COMPONENTS: 0}
    errors = pd.DataFrame(
        [(m, p, n, 1.0) for m, n in methods.items() for p in PEOPLE], columns=["method", "person", "taught", "error"]
    )
    rows = {row.method: row.note for row in use_case._rows("own", errors, 0) if "gain" in row.task}
    assert rows[REPEATED] == "unequal lessons: 200 samples a pass against 50"
    assert rows["RT3SD, noise"].endswith("; unequal lessons: 200 samples a pass against 50")
    assert rows["RTSD, VAE as published"].endswith("; unequal lessons: 100 samples a pass against 50")
    assert rows[COMPONENTS] == "", "no network"


def test_people_beside_make_a_pass_longer():
    """Recipe single-camera: networks without one company of people have as many passes over fewer clips."""
    sets = {"teach": range(30), "beside_teach": range(12), "spatial_teach": range(5), "score": range(9)}
    assert lessons_with(sets, "beside") == "unequal lessons: 47 clips a pass against 35"
    assert lessons_with(sets, "spatial") == "unequal lessons: 47 clips a pass against 42"
    assert lessons_with({"teach": range(30)}, "beside") == ""


def test_a_note_stays_as_it_is_where_lessons_are_equal():
    assert unequal_lessons(8, 8) == ""
    assert with_lessons("10 clips", "") == "10 clips"
    assert with_lessons("", unequal_lessons(1, 2)) == "unequal lessons: 1 steps against 2"
