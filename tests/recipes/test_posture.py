"""Recipe posture goes on where it was cut, takes a user's own table and raters' answers, and lets nobody leak."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browser_page import BrowserPage

from recipes import remembered_part
from recipes.class_doubt import INSIDE
from recipes.posture import RECIPE, doubt, made_samples, samples, use_case
from recipes.posture.generator_name import NOISE
from recipes.posture.models import models
from recipes.posture.samples import OWN_TABLE, folds_of, read_tables, spine_table
from recipes.posture.unlike import unlike_rows
from recipes.recipe import RESULTS, resolve_settings, run_recipe
from recipes.run import Run
from training.config import ConfigRefused
from training.generative.sample_table import read_sample_table, write_sample_table

TINY = {
    "people": 40,
    "samples": 1,
    "folds": 2,
    "trees": 10,
    "epochs": 2,
    "repeats": 2,
    "compression_epochs": 1,
    "permutations": 200,
    "members": 2,
    "rated": 4,
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A tiny run on a user's own table, cut in the second fold and started again."""
    folder = tmp_path_factory.mktemp("posture")
    write_sample_table(folder / "own.csv", spine_table(40, 2, 5))
    settings = resolve_settings(RECIPE, **TINY, spine=False, table=str(folder / "own.csv"))
    make, calls, n = made_samples.make, [], len(models(settings))

    def cut(run, table, k, fold, model, number, lesson):
        calls.append((k, number))
        if len(calls) == n + 3:
            raise KeyboardInterrupt
        return make(run, table, k, fold, model, number, lesson)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_samples, "make", cut)
        with pytest.raises(KeyboardInterrupt):
            run_recipe(RECIPE, folder / "run", settings, shown=False)
        run_recipe(RECIPE, folder / "run", settings, shown=False)
    every = [(k, number) for k in range(2) for number in range(n)]
    assert calls == sorted([*every, (1, 2)]), "what was made before the cut is not made again"
    return folder, settings


def test_a_users_table_ends_in_a_table_of_its_own(done):
    folder, settings = done
    results = pd.read_csv(folder / "run" / RESULTS)
    assert results.task.str.startswith("your table").all()
    for task in ("told apart", "means along the curve", "new or repeated", "coverage"):
        assert set(results[results.task == f"your table: {task}"].method) == set(models(settings)), task
    taught = results[results.task.str.contains("compression")].method
    assert {f"RT3SD, {name}" for name in models(settings)} <= set(taught), "every generator's samples teach"
    assert (folder / "run" / "latent_map.png").stat().st_size > 1000
    places = pd.read_csv(folder / "run" / "latent_map.csv").groupby("group").size()
    assert places.drop("teaching").to_dict() == dict.fromkeys(["scored people", *models(settings)], 8)
    made = read_sample_table(folder / "run" / "samples" / "made_your_table.csv")
    assert made.conditions.groupby("generator").size().tolist() == [16] * 9
    assert made.values.shape[1:] == (18, 3)
    people = pd.read_csv(folder / "run" / "people.csv")
    assert people.split.nunique() == 3  # two folds and the estimate


def clicked(page, rater, key, folder):
    """Rate every curve of a page in a browser with the mouse, press Export, and wait for the file."""
    with BrowserPage() as browser:
        browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        browser.open(page)
        browser.value(f"(e => {{e.value = {rater!r}; e.dispatchEvent(new Event('input'))}})(rater)")
        for _ in key:
            browser.click("#" + key[browser.value("study.items[state.at].id")])
        browser.value("document.getElementById('export').scrollIntoView({behavior: 'instant'})")
        browser.click("#export")
        file = folder / f"answers-{rater}.json"
        end = time.monotonic() + 30.0
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert browser.errors == []
    return file


def test_raters_who_click_through_the_page_become_rows_without_another_training(done, monkeypatch):
    """Two raters judge all eight curves by mouse, one right of all, one of half; their files are read as exported."""
    folder, settings = done
    key = json.loads((folder / "run" / "rating.key.json").read_text())["key"]
    answers = folder / "answers"
    answers.mkdir()
    half = {item: "real" for item in key}
    files = [clicked(folder / "run" / "rating.html", who, said, answers) for who, said in (("A", key), ("B", half))]
    assert [json.loads(file.read_text())["rater"] for file in files] == ["A", "B"]
    monkeypatch.setattr(made_samples, "make", lambda *a: pytest.fail("taught again"))
    monkeypatch.setattr(use_case, "compression_errors", lambda *a, **k: pytest.fail("taught again"))
    run_recipe(RECIPE, folder / "run", settings.model_copy(update={"ratings": str(answers)}), shown=False)
    results = pd.read_csv(folder / "run" / RESULTS)
    rated = results[results.task.str.endswith("told apart by people")].set_index("measure").value
    assert (rated["right answers of A"], rated["right answers of B"]) == (100.0, 50.0)
    assert rated["right answers of the majority"] == 75.0  # ties count half
    assert rated["Fleiss' kappa"] == pytest.approx(-1 / 3)  # 12 of 16 said real; pairs agree on 4 of 8, 0.625 by chance


def test_samples_of_the_leak_come_from_another_fold_and_honest_ones_from_none_who_is_scored(done):
    folder, settings = done
    table = next(iter(read_tables(Run(folder / "run", settings, 1, False)).values()))
    first, second = folds_of(table, settings)
    for fold in (first, second):
        lesson, _, teach = made_samples.lesson_of(table, fold, settings)
        assert set(teach.people) <= set(fold.teach)
        assert len(lesson.samples) == len(teach)
    assert set(second.score) & set(first.teach), "what makes the leaky row leak"


def test_an_upgrade_finds_no_samples_of_an_older_version_and_another_seed_makes_others(done, monkeypatch):
    folder, settings = done
    run = Run(folder / "run", settings, 1, False)
    assert made_samples.read_made(run, OWN_TABLE, 0, NOISE)["one"].shape == (2, 8, 18, 3)
    monkeypatch.setattr(remembered_part, "kinesynth_version", lambda: "99.0")
    with pytest.raises(FileNotFoundError):
        made_samples.read_made(run, OWN_TABLE, 0, NOISE)
    seeds = {x for s in (7, 8) for k in (0, 1) for n in range(7) for x in made_samples.made_seeds(s, k, n)}
    assert len(seeds) == 2 * 2 * 7 * 2


def own_run(folder, table):
    write_sample_table(folder / "own.csv", table)
    settings = resolve_settings(RECIPE, **TINY, spine=False, table=str(folder / "own.csv"))
    run = Run(folder / "run", settings, 1, True)
    run.folder.mkdir()
    return run


def test_who_has_no_age_stays_out_of_the_estimate_and_is_counted(tmp_path, capsys):
    table = spine_table(40, 1, 5)
    ages = table.conditions.age.to_numpy(float).copy()
    ages[[3, 17]] = np.nan
    run = own_run(tmp_path, replace(table, conditions=table.conditions.assign(age=ages)))
    samples.work(run)
    doubt.work(run)
    assert "age is not known of 2 of 40 samples" in capsys.readouterr().err
    assert pd.read_csv(run.folder / "doubt.csv").value.notna().all()


def test_as_many_new_people_are_flagged_as_unlike_as_stated_and_more_from_outside():
    table = spine_table(300, 2, 5)
    settings = resolve_settings(RECIPE, **TINY | {"compression_epochs": 2, "members": 2})
    parts = {role: table.of_people(codes) for role, codes in doubt.doubt_roles(table, 3).items()}
    outside = doubt._outside("own", table, parts["score"], 3, 300)
    rows, curves = unlike_rows("own", parts, outside, settings)
    flagged = {r.method: r.value for r in rows if r.measure.startswith(f"{INSIDE}: flagged")}
    far = {r.method: r.value for r in rows if r.measure.startswith("deviations x 3: flagged")}
    assert len(flagged) == 2, "autoencoders and components"
    for method, share in flagged.items():
        assert share < 25.0, "of 45 people, 10 % stated"
        assert far[method] > share + 50.0
    assert (curves.n_calibrating == 45).all()
    assert set(curves.group) == {INSIDE, *outside}


@pytest.mark.parametrize(("n", "age", "said"), [(40, "unknown", "expected numbers in the column age"), (30, 1, "35")])
def test_a_table_that_would_fail_after_the_training_is_refused_before(tmp_path, n, age, said):
    table = spine_table(n, 1, 5)
    ages = table.conditions.age.astype(object)
    ages.iloc[2] = age
    run = own_run(tmp_path, replace(table, conditions=table.conditions.assign(age=ages)))
    with pytest.raises(ConfigRefused, match=said):
        samples.work(run)


@pytest.mark.parametrize("wrong", [{"spine": False}, {"curves": "no/such/folder"}, {"table": "no_such.csv"}])
def test_what_is_not_there_is_refused_in_a_sentence(tmp_path, wrong):
    with pytest.raises(ConfigRefused, match="posture:"):
        run_recipe(RECIPE, tmp_path, resolve_settings(RECIPE, **TINY, **wrong), shown=False)


def test_whom_the_forest_leaves_out_is_told():
    table = spine_table(40, 2, 5)
    stay = table.rows(np.arange(80) >= 4)
    assert made_samples.left_out(table, stay) == (
        "the forest leaves out 5 % of the teaching samples, and all those of 2 people."
    )
