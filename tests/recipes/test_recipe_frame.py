"""A recipe refuses wrong settings, remembers its stages, and never lets one person teach and be scored."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from pydantic import Field

import kinesynth
from recipes import catalogue
from recipes.catalogue import PLACES, find_recipe
from recipes.people import ROLES, check_people, people_table, write_people
from recipes.recipe import PEOPLE, RESULTS, Recipe, RecipeSettings, resolve_settings, run_recipe
from recipes.result import Result, mean_result, write_results
from recipes.run import Stage
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused


class Made(RecipeSettings):
    n_people: int = Field(6, ge=3, description="People.")


def work(run):
    codes = [f"P{i}" for i in range(run.settings.n_people)]
    write_people(run.folder / PEOPLE, {"one": {"teach": codes[1:], "score": codes[:1]}})
    rows = [mean_result([1.0, 2.0, 3.0], task="t", method="m", measure="error", unit="deg", goal="<= 1", note="x")]
    write_results(run.folder, rows, title="Made", notes=["a note"])
    return "made"


MADE = Recipe("made", "A made recipe.", Made, {"n_people": 3}, (Stage("all", RESULTS, (), work),))


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


def test_a_goal_is_met_on_its_side():
    assert Result("t", "m", "r", "1", 0.9, goal=">= 0.9").met == "yes"
    assert Result("t", "m", "r", "1", 0.1, goal=">= 0.9").met == "no"
    assert Result("t", "m", "r", "1", 0.1).met == ""


def test_the_command_runs_a_recipe_and_describes_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(catalogue.PLACES, "made", "recipes.made")
    monkeypatch.setattr("recipes.catalogue.find_recipe", lambda name: MADE)
    assert kinesynth.main(["recipe", "made", "--settings", "--json"]) == 0
    shown = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert shown["n_people"]["small"] == 3
    call = ["recipe", "made", "--small", "--out", str(tmp_path / "made"), "--set", "n_people=4", "--json"]
    assert kinesynth.main(call) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["method"] == "m"
    assert len(pd.read_csv(tmp_path / "made" / PEOPLE)) == 4
    assert kinesynth.main(["recipe", "made", "--set", "n_people"]) == 2


def test_an_unknown_recipe_names_the_known_ones(capsys):
    assert kinesynth.main(["recipe", "no-such"]) == 1
    assert "there is none of this name" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(PLACES))
def test_the_small_form_ends_in_a_table_and_no_split_mixes_people(name, tmp_path):
    """Every recipe, as `kinesynth recipe NAME --small` runs it: nobody teaches and is scored in one split."""
    recipe = find_recipe(name)
    run = run_recipe(recipe, tmp_path, resolve_settings(recipe, small=True), shown=False)
    people = pd.read_csv(tmp_path / PEOPLE, dtype=str)
    check_people(people)
    assert set(people.role) <= set(ROLES)
    results = pd.read_csv(tmp_path / RESULTS)
    assert results.value.notna().all()
    assert results.method.nunique() > 1, "a table has a row to beat"
    assert (results.n_persons > 2).any(), "intervals are over persons"
    assert sum(stage["cpu_seconds"] for stage in run.stages.values()) < 60, "the small form is under a minute"
