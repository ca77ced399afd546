"""A recipe refuses wrong settings, remembers its stages, and never lets one person teach and be scored."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import Field

import kinesynth
from recipes import catalogue
from recipes.catalogue import RECIPES, find_recipe
from recipes.people import ROLES, check_people, people_table, write_people
from recipes.recipe import PEOPLE, RESULTS, Recipe, RecipeSettings, resolve_settings, run_recipe
from recipes.result import Result, mean_result, write_results
from recipes.run import Run, SettingNotNamed, Stage
from recipes.single_camera import filming
from recipes.single_camera.teaching import teach_networks
from synth.corpus.schema import CorpusMismatch
from synth.impairment import Impairment
from training.config import ConfigRefused
from training.sample import fit as fitting
from training.sample.fit import FitSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_gait


class Made(RecipeSettings):
    n_people: int = Field(6, ge=3, description="People.")


def work(run):
    codes = [f"P{i}" for i in range(run.settings.n_people)]
    write_people(run.folder / PEOPLE, {"one": {"teach": codes[1:], "score": codes[:1]}})
    rows = [mean_result([1.0, 2.0, 3.0], task="t", method="m", measure="error", unit="deg", goal="<= 1", note="x")]
    write_results(run.folder, rows, title="Made", notes=["a note"])
    return "made"


MADE = Recipe("made", Made, {"n_people": 3}, (Stage("all", RESULTS, (), work),))


def test_settings_come_from_small_then_file_then_options(tmp_path):
    file = tmp_path / "made.toml"
    file.write_text("n_people = 5\n")
    assert resolve_settings(MADE).n_people == 6
    assert resolve_settings(MADE, small=True).n_people == 3
    assert resolve_settings(MADE, small=True, config=file).n_people == 5
    assert resolve_settings(MADE, small=True, config=file, n_people=4).n_people == 4


@pytest.mark.parametrize(("text", "said"), [("n_peple = 3", "n_people"), ("n_people = 1", "3"), ("n_people =", "TOML")])
def test_wrong_settings_are_refused_in_a_sentence(tmp_path, text, said):
    file = tmp_path / "made.toml"
    file.write_text(text)
    with pytest.raises(ConfigRefused, match=said):
        resolve_settings(MADE, config=file)
    with pytest.raises(ConfigRefused, match="is a folder, not a file"):
        resolve_settings(MADE, config=tmp_path)


@pytest.mark.parametrize(("n", "said"), [(3, "over 3 to 3 persons are too narrow"), (11, "11 to 11"), (12, "")])
def test_intervals_over_few_persons_say_that_they_are_too_narrow(tmp_path, n, said):
    row = mean_result(np.arange(float(n)), task="t", method="m", measure="error", unit="deg")
    write_results(tmp_path, [row, Result("t", "m", "no interval", "", 1.0, n_persons=4)], title="Made")
    text = (tmp_path / RESULTS).with_suffix(".md").read_text()
    assert said in text
    assert ("too narrow" in text) == bool(said)


def test_one_person_has_one_role_in_a_split():
    with pytest.raises(CorpusMismatch, match="A is in score and teach"):
        people_table({"s": {"teach": ["A", "B"], "score": ["A"]}})
    with pytest.raises(CorpusMismatch, match="nobody has the role score"):
        people_table({"s": {"teach": ["A"]}})
    with pytest.raises(CorpusMismatch, match="roles"):
        people_table({"s": {"learn": ["A"], "score": ["B"]}})
    assert len(people_table({"s": {"teach": ["A"], "score": ["B"]}, "t": {"teach": ["B"], "score": ["A"]}})) == 4


def test_a_recipe_runs_once_and_shows_what_missed(tmp_path):
    run_recipe(MADE, tmp_path, resolve_settings(MADE), shown=False)
    first = (tmp_path / "stages.json").read_text()
    run_recipe(MADE, tmp_path, resolve_settings(MADE), shown=False)
    assert (tmp_path / "stages.json").read_text() == first
    text = (tmp_path / "results.md").read_text()
    assert "**missed**" in text
    assert "a note" in text
    assert pd.read_csv(tmp_path / RESULTS).met.tolist() == ["no"]


class Cheap(Made):
    n_shown: int = Field(1, ge=1, description="Of the cheap stage alone.")


def written(name, *settings):
    def made(run):
        text = " ".join(str(getattr(run.settings, s)) for s in settings)
        (run.folder / name).write_text(text)
        return text

    return made


def cheap_and_dear(dear_reads=("seed", "n_people"), dear=("n_people",), cheap_reads=("n_shown",)):
    stages = (
        Stage("dear", "dear.txt", (), written("dear.txt", *dear), reads=dear_reads),
        Stage("cheap", "cheap.txt", ("dear",), written("cheap.txt", "n_shown"), reads=cheap_reads),
    )
    return Recipe("cheap", Cheap, {}, stages)


def finished(folder, recipe, **chosen):
    stages = run_recipe(recipe, folder, resolve_settings(recipe, **chosen), shown=False).stages
    return [stages[name]["finished"] for name in ("dear", "cheap")]


def test_a_setting_makes_those_stages_anew_that_read_it_and_what_follows_them(tmp_path):
    recipe = cheap_and_dear()
    dear, cheap = finished(tmp_path, recipe)
    again = finished(tmp_path, recipe, n_shown=2)
    assert again[0] == dear, "the dear stage reads no n_shown"
    assert again[1] > cheap
    assert (tmp_path / "cheap.txt").read_text() == "2"
    both = finished(tmp_path, recipe, n_shown=2, n_people=4)
    assert both[0] > dear, "it reads n_people"
    assert both[1] > again[1], "what depends on it follows"
    everything = cheap_and_dear(None, cheap_reads=None)
    first = finished(tmp_path / "all", everything)
    assert finished(tmp_path / "all", everything, n_shown=2)[0] > first[0], "without names a stage reads all"


def test_a_stage_may_not_read_what_it_does_not_name(tmp_path):
    with pytest.raises(SettingNotNamed, match="stage dear: reads n_shown"):
        finished(tmp_path, cheap_and_dear(dear=("n_shown",)))
    assert not (tmp_path / "dear.txt").exists()
    with pytest.raises(SettingNotNamed, match="n_peple in its `reads`, which is no setting"):
        finished(tmp_path, cheap_and_dear(dear_reads=("n_peple",)))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_stages_name_settings_that_there_are(name):
    recipe = find_recipe(name)
    for stage in recipe.stages:
        assert set(stage.reads or ()) <= set(recipe.settings.model_fields), stage.name
    if all(stage.reads is not None for stage in recipe.stages):
        unread = set(recipe.settings.model_fields) - {r for s in recipe.stages for r in s.reads}
        assert not unread, "a setting that no stage reads"


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_one_network_knows_no_doubt_and_is_no_ensemble(name):
    """Its SD is nothing, inside and outside the population: a goal that nobody can miss is refused."""
    known = {"members", "n_members"} & set(find_recipe(name).settings.model_fields)
    for setting in known:
        with pytest.raises(ConfigRefused, match=setting):
            resolve_settings(find_recipe(name), **{setting: 1})
    assert known or name == "posture", "its ensemble is a constant"


def test_a_goal_is_met_on_its_side():
    assert Result("t", "m", "r", "1", 0.9, goal=">= 0.9").met == "yes"
    assert Result("t", "m", "r", "1", 0.1, goal=">= 0.9").met == "no"
    assert Result("t", "m", "r", "1", 0.1).met == ""


def test_the_command_runs_a_recipe_and_describes_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(catalogue.RECIPES, "made", ("recipes.made", "A made recipe."))
    monkeypatch.setattr("recipes.catalogue.find_recipe", lambda name: MADE)
    assert kinesynth.main(["recipe", "made", "--settings", "--json"]) == 0
    shown = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert shown["n_people"]["small"] == 3
    call = ["recipe", "made", "--small", "--out", str(tmp_path / "made"), "--set", "n_people=4", "--json"]
    assert kinesynth.main(call) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["method"] == "m"
    assert len(pd.read_csv(tmp_path / "made" / PEOPLE)) == 4
    assert kinesynth.main(["recipe", "made", "--set", "n_people"]) == 2


def test_recipes_are_listed_without_what_runs_them(repository):
    """`kinesynth recipe` is a light command: no network library is loaded to print names."""
    heavy = "any(name in sys.modules for name in ('torch', 'sklearn'))"
    code = f"import sys, kinesynth; kinesynth.main(['recipe']); sys.exit({heavy})"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(summary in done.stdout for _, summary in RECIPES.values())


def test_an_unknown_recipe_names_the_known_ones(capsys):
    assert kinesynth.main(["recipe", "no-such"]) == 1
    assert "there is none of this name" in capsys.readouterr().err


READ_BY_VALIDATORS = ("single-camera",)
"""Recipes in which those who validate teach a head on the networks' answers: progression."""


def assert_as_written(name, witness, owner, people):
    """Every fit seen is that of one split: its people teach and validate, and only others of it are asked about.

    A method whose fit nobody stops (a regression) may learn from those who validate, too; and where they teach what
    reads the networks' answers (`READ_BY_VALIDATORS`), the networks are asked about them, never about who taught.
    """
    splits = {split: {r: set(own.person) for r, own in rows.groupby("role")} for split, rows in people.groupby("split")}
    written = set(people.person)
    teaching = set()
    for number, one in enumerate(witness.fits):
        teach, validate, asked = (witness.people(rows, owner) for rows in (one.teach, one.validate, one.asked))
        if name != "posture":  # there, made samples teach, too
            assert "" not in teach | validate, f"fit {number}: rows of nobody"
        assert teach & written, f"fit {number}: nobody of {PEOPLE} teaches"
        found = [
            split
            for split, roles in splits.items()
            if teach - {""} <= (roles["teach"] if validate else roles["teach"] | roles.get("validate", set()))
            and validate - {""} <= roles.get("validate", set())
            and not asked & (roles["teach"] | (set() if name in READ_BY_VALIDATORS else roles.get("validate", set())))
        ]
        assert found, (
            f"fit {number}: no split of {PEOPLE} has these people: {sorted(teach)[:5]}, {sorted(validate)[:5]}"
        )
        teaching |= teach - {""}
    stated = set(people.person[people.role == "teach"])
    assert len(teaching & stated) > 0.5 * len(stated), "most of those who teach by the table were fitted"
    assert any(witness.people(one.asked, owner) & set(people.person[people.role == "score"]) for one in witness.fits)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_small_form_ends_in_a_table_and_fits_whom_it_says(name, tmp_path, witness, monkeypatch):
    """Every recipe, as `kinesynth recipe NAME --small` runs it: rows that are fitted are those of a split's people."""
    recipe = find_recipe(name)
    witness.watch(monkeypatch)
    run = run_recipe(recipe, tmp_path, resolve_settings(recipe, small=True), shown=False)
    people = pd.read_csv(tmp_path / PEOPLE, dtype=str)
    check_people(people)
    assert set(people.role) <= set(ROLES)
    assert_as_written(name, witness, witness.owners(name, run), people)
    results = pd.read_csv(tmp_path / RESULTS)
    # a number of people that no tried number reaches is no number, and says so
    unreached = results[results.value.isna()]
    assert (unreached.unit == "people").all()
    assert unreached.note.str.match("more than|fewer than").all()
    assert results.method.nunique() > 1, "a table has a row to beat"
    assert (results.n_persons > 2).any(), "intervals are over persons"
    assert sum(stage["cpu_seconds"] for stage in run.stages.values()) < 60, "the small form is under a minute"


def test_people_in_space_are_fitted_as_the_table_of_people_says(tmp_path, witness, monkeypatch):
    """The small form has nobody in 3-D: here, planar people and those in 3-D teach, and both kinds are scored."""
    flat, sways = (replace(g, waves=np.nan_to_num(g.waves)) for g in (made_gait(3.0), made_gait(3.0, sway=0.1)))
    people = {
        "people.h5": [replace(flat, person=f"V{i}", impairment=Impairment("crouch", 0.5)) for i in range(9)],
        "spatial.h5": [replace(sways, person=f"V{i}") for i in range(9)],
    }
    monkeypatch.setattr(filming, "_gaits", lambda path, *told: people[path.name])
    monkeypatch.setattr(filming, "population_seed", lambda path: 21)
    witness.watch(monkeypatch)
    given = {"people": "people.h5", "spatial": ("spatial.h5",), "n_other": 0, "n_far": 0}
    few = {"clips": 1, "spatial_clips": 1, "members": 2, "epochs": 1, "width": 4}
    run = Run(tmp_path, resolve_settings(find_recipe("single-camera"), **given, **few), shown=False)
    filming.film_everything(run)
    teach_networks(run)
    table = pd.read_csv(tmp_path / PEOPLE, dtype=str)
    assert {split: own.person.str.startswith("spatial").any() for split, own in table.groupby("split")} == {
        "people": True,
        "spatial": True,
    }
    owner = witness.owners("single-camera", run)
    assert_as_written("single-camera", witness, owner, table)
    in_space = [any(p.startswith("spatial") for p in witness.people(one.teach, owner)) for one in witness.fits]
    assert in_space == [True, True, False, False], "two networks see nobody in 3-D, to tell what these are worth"


@pytest.mark.parametrize("leak", ["", "taught", "asked"])
def test_a_row_of_who_is_scored_is_found_where_it_is_fitted(witness, monkeypatch, leak):
    """The witness itself: one row too many in teaching, or a question about who taught, does not pass."""
    values = np.arange(12.0).reshape(6, 2)
    people = people_table({"one": {"teach": "ABC", "validate": "D", "score": "EF"}})
    owner = dict(zip([row.astype(np.float32).tobytes() for row in values], "ABCDEF", strict=True))
    witness.watch(monkeypatch)
    taught = values[[0, 1, 2, 4]] if leak == "taught" else values[:3]
    network = torch.nn.Linear(2, 2)
    fitting.fit(
        network,
        lambda n, b: n(b["x"]).mean(),
        {"x": taught},
        FitSettings(epochs=1),
        seed=0,
        validation={"x": values[3:4]},
    )
    with torch.no_grad():
        network(torch.tensor(values[2:] if leak == "asked" else values[4:], dtype=torch.float32))
    if not leak:
        return assert_as_written("made", witness, owner, people)
    with pytest.raises(AssertionError, match="fit 0"):
        assert_as_written("made", witness, owner, people)
