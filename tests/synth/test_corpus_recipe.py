"""A corpus says how it was made, and its recipe makes it again, bit for bit; a changed source is named."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from synth.cli import corpus_app, imu_app
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter, check_corpus, merge_corpora
from synth.corpus.provenance import file_hash
from synth.corpus.recipe import CorpusRecipe, PlacementRecipe, read_recipe, recipe_of
from synth.imu.placement import SEVEN_SENSORS

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import write_person

SENSORS = """
[[sensor]]
name = "lateral_shank"
segment = "tibia_r"
offset = [0.013, -0.17, 0.047]
rotation_vector_deg = [10.0, 20.0, 33.3]
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    write_person(root, "S01", names=("walk_01",))
    write_person(root, "S02", names=("walk_01",))
    run(imu_app, root / "trials", root / "motion", root / "c.h5", "--noise", "0.2", "--seed", "3")
    return root


def run(app, *arguments, code=0):
    made = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert made.exit_code == code, made.output
    return made


def rebuild(corpus, folder, *arguments):
    """Build anew from the recipe that a corpus holds, by way of a file."""
    recipe = folder / "recipe.json"
    run(corpus_app, "recipe", corpus, "--out", recipe)
    made = run(corpus_app, "build", recipe, "--out", folder / "again.h5", "--json", *arguments)
    answer = json.loads(made.stdout)
    assert answer["sha256"] == file_hash(folder / "again.h5") and answer["other_versions"] == []
    assert not [finding for finding in check_corpus(folder / "again.h5") if finding.level == "error"]
    return answer["sha256"]


@pytest.mark.parametrize(
    "options",
    [
        ("--noise", "0.1", "--cutoff", "auto", "--sensor", "bmi270", "--soft-tissue", "spring", "--swap", "0.5"),
        ("--noise-scope", "training_set", "--training", "S02", "--source", "model", "--method", "butterworth"),
        ("--bake", "--set", "sparse_foot", "--cutoff", "8.5", "--allow-gaps"),
        ("--placements", "sensors.toml", "--position-sd", "0.01"),
    ],
)
def test_the_corpus_of_an_archive_is_rebuilt_bit_for_bit(archive, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sensors.toml").write_text(SENSORS)
    run(imu_app, archive / "trials", archive / "motion", tmp_path / "c.h5", *options)
    (tmp_path / "sensors.toml").unlink()  # placements are in the recipe, number by number
    places = ("--trials", archive / "trials", "--motion", archive / "motion")
    assert rebuild(tmp_path / "c.h5", tmp_path, *places) == file_hash(tmp_path / "c.h5")
    assert not list(tmp_path.glob("*.parts"))


@pytest.mark.parametrize(
    "options",
    [
        ("--sensor", "mpu_9250", "--seed", "11"),
        ("--set", "sparse_shank", "--noise-scope", "subject"),
        ("--bake", "--learnt"),
    ],
)
def test_a_rewritten_corpus_is_rebuilt_bit_for_bit(archive, tmp_path, options):
    """The source lies beside the recipe, under its name."""
    (tmp_path / "c.h5").write_bytes((archive / "c.h5").read_bytes())
    run(imu_app, tmp_path / "c.h5", "--out", tmp_path / "other.h5", *options)
    assert rebuild(tmp_path / "other.h5", tmp_path) == file_hash(tmp_path / "other.h5")
    config = Corpus(tmp_path / "other.h5").provenance.config
    assert config["recipe"]["kind"] == "rewrite" and config["source_recipe"]["kind"] == "motion"


def test_sensors_placed_anew_are_rebuilt_bit_for_bit(archive, tmp_path):
    run(imu_app, archive / "c.h5", "--motion", archive / "motion", "--out", tmp_path / "other.h5", "--cutoff", "6")
    places = ("--corpus", archive / "c.h5", "--motion", archive / "motion")
    assert rebuild(tmp_path / "other.h5", tmp_path, *places) == file_hash(tmp_path / "other.h5")
    recipe = recipe_of(tmp_path / "other.h5")
    assert set(recipe.sources["motion"]) == {"S01/skeleton.json", "S02/skeleton.json"}


def test_sensors_at_other_places_sit_on_the_skeletons_of_the_corpus(archive, tmp_path, monkeypatch):
    """No motion folder is needed, and the records are those that one gives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sensors.toml").write_text(SENSORS)
    (tmp_path / "c.h5").write_bytes((archive / "c.h5").read_bytes())
    run(imu_app, tmp_path / "c.h5", "--placements", "sensors.toml", "--out", tmp_path / "own.h5", "--cutoff", "6")
    named = ("--motion", archive / "motion", "--cutoff", "6")
    run(imu_app, tmp_path / "c.h5", "--placements", "sensors.toml", "--out", tmp_path / "named.h5", *named)
    own, other = (Corpus(tmp_path / name).read("S01", "walk_01").recordings for name in ("own.h5", "named.h5"))
    assert [record.placement.sensor for record in own] == ["lateral_shank"]
    np.testing.assert_array_equal(own[0].specific_force, other[0].specific_force)
    assert rebuild(tmp_path / "own.h5", tmp_path) == file_hash(tmp_path / "own.h5")


@pytest.mark.parametrize(
    "options", [(), ("--bake", "--noise-scope", "subject"), ("--sensor", "bmi270", "--cutoff", "7")]
)
def test_the_corpus_of_one_trial_is_rebuilt_bit_for_bit(archive, tmp_path, options):
    trial, motion = archive / "trials/S01/walk_01.trial.h5", archive / "motion"
    run(imu_app, trial, "--motion", motion, "--out", tmp_path / "c.h5", *options)
    assert set(recipe_of(tmp_path / "c.h5").sources["motion"]) == {"S01/skeleton.json", "S01/walk_01.mot"}
    assert rebuild(tmp_path / "c.h5", tmp_path, "--trial", trial, "--motion", motion) == file_hash(tmp_path / "c.h5")


def test_the_corpus_of_a_trial_beside_its_skeleton_and_of_coordinates_is_rebuilt(archive, tmp_path):
    for name in ("trials/S01/walk_01.trial.h5", "motion/S01/skeleton.json", "motion/S01/walk_01.mot"):
        (tmp_path / Path(name).name).write_bytes((archive / name).read_bytes())
    for name in ("walk_01.trial.h5", "walk_01.mot"):
        run(imu_app, tmp_path / name, "--model", tmp_path / "skeleton.json", "--out", tmp_path / "c.h5", "--force")
        assert rebuild(tmp_path / "c.h5", tmp_path) == file_hash(tmp_path / "c.h5")
        run(imu_app, tmp_path / name, "--out", tmp_path / "c.h5", "--force")  # the skeleton beside it
        (tmp_path / "again.h5").unlink()
        assert rebuild(tmp_path / "c.h5", tmp_path) == file_hash(tmp_path / "c.h5")
        (tmp_path / "again.h5").unlink()
    (tmp_path / "skeleton.json").write_text("{}")
    said = run(corpus_app, "build", tmp_path / "c.h5", "--out", tmp_path / "x.h5", code=1).stderr
    assert "trial: skeleton.json changed" in said


def test_a_merged_corpus_is_rebuilt_bit_for_bit_in_whatever_order(archive, tmp_path):
    (tmp_path / "parts/b").mkdir(parents=True)
    (tmp_path / "parts/a").mkdir()
    for code in ("a", "b"):
        write_person(tmp_path / code, f"S{code}")
        run(imu_app, tmp_path / code / "trials", tmp_path / code / "motion", tmp_path / "parts" / code / "c.h5")
    parts = [tmp_path / "parts" / code / "c.h5" for code in ("a", "b")]
    merge_corpora(parts, tmp_path / "all.h5", config={"licence": "CC0"}, seed=4, with_recipe=True)
    merge_corpora(parts[::-1], tmp_path / "same.h5", config={"licence": "CC0"}, seed=4, with_recipe=True)
    assert file_hash(tmp_path / "all.h5") == file_hash(tmp_path / "same.h5")
    recipe = recipe_of(tmp_path / "all.h5")
    assert recipe.kind == "merge" and set(recipe.sources["parts"]) == {"a/c.h5", "b/c.h5"}
    assert rebuild(tmp_path / "all.h5", tmp_path, "--parts", tmp_path / "parts") == file_hash(tmp_path / "all.h5")
    parts[0].write_bytes(parts[1].read_bytes())
    said = run(corpus_app, "build", tmp_path / "all.h5", "--parts", tmp_path / "parts", "--out", "x.h5", code=1).stderr
    assert "parts: a/c.h5 changed" in said


def test_what_changed_is_named_before_anything_is_made(archive, tmp_path):
    write_person(tmp_path, "S01", names=("walk_01",))
    write_person(tmp_path, "S02", names=("walk_02",))  # another trial, and walk_01 is missing
    (tmp_path / "empty").mkdir()
    recipe = tmp_path / "empty" / "recipe.json"
    recipe.write_text(recipe_of(archive / "c.h5").to_json())
    arguments = ("build", recipe, "--out", tmp_path / "again.h5", "--trials", tmp_path / "trials")
    said = run(corpus_app, *arguments, "--motion", tmp_path / "motion", code=1).stderr
    assert "trials: S02/walk_01.trial.h5 is missing, and 2 more" in said
    file = tmp_path / "trials/S02/walk_02.trial.h5"
    file.unlink()
    (file.with_name("walk_01.trial.h5")).write_bytes((archive / "trials/S02/walk_01.trial.h5").read_bytes())
    (tmp_path / "motion/S02/walk_01.mot").write_text("other")
    said = run(corpus_app, *arguments, "--motion", tmp_path / "motion", code=1).stderr
    assert "motion: S02/walk_01.mot changed." in said
    said = run(corpus_app, *arguments, code=1).stderr
    assert "expected the place 'motion' of the recipe, with 4 files such as S01/skeleton.json" in said
    assert not list(tmp_path.glob("again*"))


def test_other_versions_are_named_and_a_corpus_that_is_there_stays(archive, tmp_path):
    recipe = json.loads(recipe_of(archive / "c.h5").to_json())
    recipe["software"] |= {"numpy": "1.0.0", "kinesynth": "0.0.1"}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    places = ("--trials", archive / "trials", "--motion", archive / "motion", "--out", tmp_path / "c.h5")
    said = run(corpus_app, "build", tmp_path / "recipe.json", *places)
    assert "other versions than in the recipe, so bytes may differ: kinesynth 0.0.1 then" in said.stderr
    assert "numpy 1.0.0 then" in said.stderr and "2 accepted" in said.stdout
    said = run(corpus_app, "build", tmp_path / "recipe.json", *places, code=2)
    assert "replace it with --force" in said.stderr


def test_a_recipe_is_read_from_toml_and_printed_as_json(archive, tmp_path):
    recipe = recipe_of(archive / "c.h5")
    printed = run(corpus_app, "recipe", archive / "c.h5").stdout
    assert CorpusRecipe.model_validate(json.loads(printed)) == recipe
    lines = ['kind = "motion"', "cutoff = 6.5", "bake = true", '[sources.trials]\n"S01/a.trial.h5" = "ff"']
    (tmp_path / "r.toml").write_text("\n".join([*lines, "[sources.motion]", "[errors]", *_toml(recipe.errors)]))
    read = read_recipe(tmp_path / "r.toml")
    assert read.sources["trials"] == {"S01/a.trial.h5": "ff"} and read.errors == recipe.errors
    assert read.settings().cutoff == 6.5 and read.settings().errors == recipe.settings().errors


def _toml(table):
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colour": 1}, r"colour: Extra inputs are not permitted \(found 1\)"),
        ({"kind": "dream"}, r"kind: expected one of motion, rewrite, trial, .* \(found 'dream'\)"),
        ({"version": 2}, "version: Input should be 1"),
        ({"errors": {"recipe": "unheard"}}, "errors: "),
        ({"sources": {"moon": {}}}, "sources.moon"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_sentence(archive, tmp_path, change, sentence):
    plain = json.loads(recipe_of(archive / "c.h5").to_json()) | change
    (tmp_path / "r.json").write_text(json.dumps(plain))
    with pytest.raises(CorpusMismatch, match=sentence):
        read_recipe(tmp_path / "r.json")


def test_a_corpus_without_a_recipe_says_so(tmp_path):
    with CorpusWriter(tmp_path / "c.h5"):
        pass
    assert "holds no recipe" in run(corpus_app, "recipe", tmp_path / "c.h5", code=1).stderr
    (tmp_path / "r.toml").write_text("{")
    assert "neither JSON nor TOML" in run(corpus_app, "build", tmp_path / "r.toml", "--out", "x.h5", code=1).stderr


def test_placements_survive_to_the_last_bit():
    for placement in SEVEN_SENSORS:
        text = PlacementRecipe.of(placement).model_dump_json()
        again = PlacementRecipe.model_validate_json(text).placement()
        assert (again.mounting.as_quat() == placement.mounting.as_quat()).all()
        assert tuple(again.offset) == tuple(placement.offset)


def test_a_recipe_holds_no_path(archive):
    assert str(archive) not in recipe_of(archive / "c.h5").to_json()
    assert str(archive).encode() not in (archive / "c.h5").read_bytes()
