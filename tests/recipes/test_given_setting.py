"""What a user gives a recipe is refused in a sentence before anything runs, and one value is a list of one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import BaseModel, Field

import kinesynth
from recipes.catalogue import RECIPES, find_recipe
from recipes.recipe import RecipeSettings, resolve_settings, run_recipe
from recipes.run import Run, Stage, read_stages
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused, describe_config
from training.csv_table import ERROR_TABLE, read_csv


class Table(BaseModel):
    path: str = Field(description="A file.")
    teach: tuple[int, ...] = Field((1,), description="Numbers.")


class Lists(RecipeSettings):
    names: tuple[str, ...] = Field((), description="Names.")
    own: tuple[Table, ...] = Field((), description="Tables.")
    shares: tuple[float, float] = Field((0.5, 0.5), description="Two.")


def never(_run):
    raise AssertionError("a stage ran")


def unstarted(name):
    """A recipe whose stages may not run."""
    return replace(find_recipe(name), stages=(Stage("all", "results.csv", (), never),))


def refused(name, folder, words, **chosen):
    recipe = unstarted(name)
    with pytest.raises((CorpusMismatch, ConfigRefused), match=words):
        run_recipe(recipe, folder / "run", resolve_settings(recipe, **chosen), shown=False)
    assert not (folder / "run").exists()


def made(settings=Lists, name="made"):
    return replace(unstarted("posture"), name=name, settings=settings, check=None, small={})


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        ({"names": "a"}, {"names": ("a",)}),
        ({"names": ["a", "b"]}, {"names": ("a", "b")}),
        ({"own": "x.csv"}, {"own": (Table(path="x.csv"),)}),
        ({"own": {"path": "x.csv", "teach": 2}}, {"own": (Table(path="x.csv", teach=(2,)),)}),
    ],
)
def test_one_value_where_a_list_is_meant_is_a_list_of_one(chosen, taken):
    settings = resolve_settings(made(), **chosen)
    assert {name: getattr(settings, name) for name in taken} == taken


@pytest.mark.parametrize(
    ("name", "chosen", "words"),
    [
        ("few-people", {"targets": "x.h5"}, r"expected tables, such as --set 'targets=\[\{name = .*, path = \"x.h5\""),
        ("pinch", {"prevalence": 0.5}, r"expected a list, such as --set 'prevalence=\[0.8, 0.12, 0.08\]', got 0.5"),
        ("single-camera", {"beside": ""}, r"expected a list, such as --set 'beside=\[\"x\"\]', got ''"),
        ("single-camera", {"own": {"pth": "x"}}, "own.0.pth: there is no such key; expected some of path, rate"),
        ("single-camera", {"own": {"rate": 25.0}}, "own.0.path: missing, got rate"),
        ("single-camera", {"impairments": "limp"}, "impairments: impairment 'limp' is none of .*crouch"),
        ("single-camera", {"impairments": ["limp"], "people": "p.h5"}, "impairment 'limp' is none of"),
        ("few-people", {"impairments": ["crouch", "limp"]}, "impairment 'limp' is none of"),
        ("single-camera", {"shortest": 5.0, "seconds": 2.0}, r"shortest: expected at most `seconds` \(2 s\), got 5 s"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_how_to_write_it(name, chosen, words):
    with pytest.raises(ConfigRefused, match=words):
        resolve_settings(find_recipe(name), **chosen)


def test_brief_clips_need_no_shortest():
    assert resolve_settings(find_recipe("single-camera"), seconds=1.0).seconds == 1.0


def test_settings_are_shown_as_json_with_the_keys_of_their_tables(capsys):
    assert kinesynth.main(["recipe", "single-camera", "--settings", "--json"]) == 0
    shown = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert shown["impairments"]["default"][0] == "weak_plantarflexors"
    assert shown["impairments"]["small"] == ["equinus", "crouch"]
    assert (shown["without_spatial"]["default"], shown["own"]["default"]) == (True, [])
    assert shown["own[].path"]["default"] is None
    assert {"own[].rate", "real[].loads"} <= set(shown)
    assert "small" not in shown["seconds"]
    assert kinesynth.main(["recipe", "few-people", "--settings"]) == 0
    text = capsys.readouterr().out
    assert "targets[].estimate\n" in text
    assert "teach_other = [1, 2, 4]  (--small: [1, 2])" in text


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_default_can_be_typed_as_it_is_shown(name):
    """`--settings` prints values as `--set` reads them."""
    settings = find_recipe(name).settings
    plain = {key: value for key, value, _ in describe_config(settings) if "[]" not in key}
    assert resolve_settings(find_recipe(name), **json.loads(json.dumps(plain))) == settings()


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("name", [name for name in sorted(RECIPES) if find_recipe(name).check])
def test_what_is_set_without_a_user_passes_the_check(name, small):
    recipe = find_recipe(name)
    assert recipe.check(resolve_settings(recipe, small=small)) is None


@pytest.fixture
def other_kind(tmp_path):
    """A corpus without a trial."""
    path = tmp_path / "other.h5"
    with CorpusWriter(path):
        pass
    return path


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"target": "nothere.h5"}, "setting target: nothere.h5 is not there"),
        ({"target": "."}, "setting target: . is a folder, not a file"),
        ({"target": "keypoints.csv"}, "setting target: .*keypoints.csv is not a readable HDF5 file"),
        ({"target": "other.h5"}, "setting target: .*no trial to learn from"),
        ({"arms": ["nonsense"]}, "arms nonsense: unknown. Known: no simulations"),
        ({"n_target": 12}, "setting n_target: 12 people: 20 who teach and 5"),
    ],
)
def test_fatigue_looks_at_everything_before_it_simulates(tmp_path, monkeypatch, other_kind, chosen, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keypoints.csv").write_text("person,x\na,1\n")
    refused("fatigue", tmp_path, words, **chosen)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *(("single-camera", word) for word in ("people", "other", "far", "predicted", "beside", "spatial", "real")),
        ("few-people", "people"),
        ("few-people", "targets"),
        ("gait-cause", "people"),
    ],
)
def test_what_is_no_corpus_is_refused_by_the_name_of_its_setting(tmp_path, monkeypatch, name, setting):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keypoints.csv").write_text("person,x\na,1\n")
    (tmp_path / "other.hdf").mkdir()
    for path, words in (
        ("none.h5", "none.h5 is not there"),
        ("other.hdf", "other.hdf is a folder, not a file"),
        ("keypoints.csv", "keypoints.csv is not a readable HDF5 file"),
    ):
        given = {"name": "task", "path": path, "estimate": "force"} if setting == "targets" else path
        recipe = find_recipe(name)
        settings = resolve_settings(recipe, **{setting: given})
        stage = next(one for one in recipe.stages if one.inputs is not None)
        with pytest.raises(CorpusMismatch, match=rf"setting {setting}: {words}.* Give a corpus"):
            stage.inputs(Run(tmp_path, settings, shown=False))


def test_posture_looks_at_everything_before_it_makes_samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "keys", "foreign"):
        (tmp_path / folder).mkdir()
    (tmp_path / "keys" / "rating.key.json").write_text("{}")
    (tmp_path / "foreign" / "a.json").write_text('{"format": "something else"}')
    (tmp_path / "nobody.csv").write_text("sagittal.T12\n1\n")
    for chosen, words in (
        ({"ratings": "empty"}, "setting ratings: empty holds no answers"),
        ({"ratings": "keys"}, "setting ratings: keys holds no answers .* Open rating.html"),
        ({"ratings": "foreign"}, "setting ratings: foreign/a.json: expected answers that a rating page exported"),
        ({"estimated": "wealth"}, "setting estimated: no table has a column wealth, .*spine: .*age"),
        ({"curves": "empty"}, "setting curves: empty: expected stride tables .* and metadata.tsv beside them"),
        (
            {"table": "nobody.csv"},
            "setting table: nobody.csv: .* person missing, .* Give a CSV file with a column person",
        ),
    ):
        refused("posture", tmp_path, words, **chosen)
    assert unstarted("posture").check(resolve_settings(find_recipe("posture"), estimated="height")) is None


def test_who_gave_another_table_hears_what_to_give(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    recipe = find_recipe("pinch")
    for setting, words in (("own_file", "pinch records, a row an instant"), ("ratings", "sheet for experts")):
        run = Run(tmp_path, resolve_settings(recipe, **{setting: str(path)}), shown=False)
        with pytest.raises(CorpusMismatch, match=f"x.csv: expected the columns .* Give .*{words}"):
            recipe.stages[0].inputs(run)
    for given in ((path, ["c"]), (tmp_path / "none.csv", []), (tmp_path, [])):
        with pytest.raises(CorpusMismatch) as plain:
            read_csv(*given)
        with pytest.raises(CorpusMismatch, match="kinesynth evaluate"):
            read_csv(*given, ERROR_TABLE)
        assert "evaluate" not in str(plain.value)


def test_two_recipes_do_not_share_a_folder(tmp_path):
    def work(run):
        (run.folder / "results.csv").write_text("done")
        return "done"

    first = replace(made(name="first"), stages=(Stage("all", "results.csv", (), work),))
    run_recipe(first, tmp_path, Lists(), shown=False)
    before = (tmp_path / "stages.json").read_bytes()
    with pytest.raises(ConfigRefused, match=r"holds a run of recipe first; second would .* another folder"):
        run_recipe(replace(first, name="second"), tmp_path, Lists(), shown=False)
    assert (tmp_path / "stages.json").read_bytes() == before
    assert set(read_stages(tmp_path)) == {"all"}
    assert set(run_recipe(first, tmp_path, Lists(), shown=False).stages) == {"all"}


def test_a_folder_has_its_name_before_the_first_stage_is_done(tmp_path):
    with pytest.raises(AssertionError, match="a stage ran"):
        run_recipe(made(name="first"), tmp_path, Lists(), shown=False)
    with pytest.raises(ConfigRefused, match="holds a run of recipe first"):
        run_recipe(made(name="second"), tmp_path, Lists(), shown=False)


def test_a_run_that_is_refused_does_not_take_the_folder(tmp_path):
    def refuse(_run):
        raise CorpusMismatch("no")

    first = replace(made(name="first"), stages=(Stage("all", "results.csv", (), never, refuse),))
    with pytest.raises(CorpusMismatch, match="no"):
        run_recipe(first, tmp_path, Lists(), shown=False)
    assert not (tmp_path / "stages.json").exists()


def test_a_folder_of_an_earlier_version_goes_on_and_gets_the_name(tmp_path):
    def work(run):
        (run.folder / "results.csv").write_text("done")
        return "done"

    recipe = replace(made(name="first"), stages=(Stage("all", "results.csv", (), work),))
    run_recipe(recipe, tmp_path, Lists(), shown=False)
    record = json.loads((tmp_path / "stages.json").read_text())
    assert record.pop("recipe") == "first"
    (tmp_path / "stages.json").write_text(json.dumps(record))
    again = run_recipe(recipe, tmp_path, Lists(), shown=False).stages["all"]
    assert again == record["all"], "done before"
    assert json.loads((tmp_path / "stages.json").read_text())["recipe"] == "first"
