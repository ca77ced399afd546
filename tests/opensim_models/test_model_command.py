"""`kinesynth model`: persons nobody is, files that are there, numbers that are none, words for what OpenSim says."""

from __future__ import annotations

import json
import math
import re

import pytest
from typer.testing import CliRunner

from mocap_import.subject import AGE_LIMITS, HEIGHT_LIMITS, MASS_LIMITS, Subject, impossible_fact
from opensim_models.build_command import Sex, Strength, Table, TrackedModel
from opensim_models.cli import model_app
from opensim_models.generic.anthropometry import TABLES
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.generic.generic_model import GENERIC_MODELS, MODELS, generic_model
from opensim_models.generic.muscle_strength import STRENGTH_LAWS
from opensim_models.model.osim_file import LARGEST_FILE
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.report import report_model
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch

PLANAR = MODELS / "planar.osim"


def call(*arguments):
    return CliRunner().invoke(model_app, [str(a) for a in arguments])


def words(result) -> str:
    """What a command said, in one line."""
    return " ".join((result.output + str(result.exception or "")).replace("│", " ").split())


# --- persons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["build", "show"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mass", 62000), ("--mass", "2-400 kg", "62000")),
        (("--mass", "nan"), ("--mass", "2-400 kg")),
        (("--mass", 1.9), ("--mass", "2-400 kg")),
        (("--height", 168), ("--height", "0.4-2.6 m", "in cm?")),
        (("--height", 1680), ("--height", "0.4-2.6 m", "in mm?")),
        (("--height", "nan"), ("--height", "0.4-2.6 m")),
        (("--age", 200, "--table", "elderly"), ("--age", "0-120 years")),
        (("--age", -1), ("--age", "0-120 years")),
        (("--mass", 300, "--height", 1.0), ("body mass index", "300")),
        (("--sex", "x"), ("--sex", "female", "male")),
        (("--table", "nope"), ("--table", "de_leva", "elderly")),
    ],
)
def test_a_person_nobody_is_is_wrong_usage_and_nothing_is_written(command, options, said, tmp_path):
    out = tmp_path / "person.json"
    result = call(command, "lower_body", *options, "--out", out)
    assert result.exit_code == 2, words(result)
    for word in said:
        assert word in words(result)
    assert "participants" not in words(result)
    assert not out.exists()


def test_limits_of_persons_stand_in_one_place():
    assert (MASS_LIMITS, HEIGHT_LIMITS, AGE_LIMITS) == ((2.0, 400.0), (0.4, 2.6), (0.0, 120.0))
    assert impossible_fact(75.0, 1.75, 30.0) is None
    assert impossible_fact(75.0, 1.75) is None  # an unknown age is no fault
    assert impossible_fact(math.nan, math.nan) is None  # nor is an unknown person
    assert impossible_fact(3.2, 0.5, 0.0) is None
    for mass, height, age, fact in ((401, 1.75, 30, "mass"), (75, 0.39, 30, "height"), (75, 1.75, 121, "age")):
        assert impossible_fact(mass, height, age)[0] == fact


@pytest.mark.parametrize("person", [(62000, 1.68, 30), (62, 168, 30), (62, 1.68, 200), (math.inf, 1.7, 30)])
def test_in_python_too(person):
    mass, height, age = person
    for build in (lambda s: generic_model("planar", s), lower_body_skeleton):
        with pytest.raises(ModelMismatch, match=r"P7: .* expected"):
            build(Subject("P7", mass, height, "female", age))


@pytest.mark.parametrize(("word", "sex"), [("f", "female"), ("F", "female"), ("Male", "male"), ("m", "male")])
def test_sex_by_its_letter(word, sex):
    said = json.loads(call("show", "lower_body", "--sex", word, "--json").stdout)
    assert any(note.endswith(sex) for note in said["notes"])


def test_the_choices_of_the_command_are_those_of_the_tables():
    assert tuple(map(str, Table)) == TABLES
    assert tuple(map(str, Strength)) == STRENGTH_LAWS
    assert tuple(map(str, TrackedModel)) == GENERIC_MODELS
    assert {s.value for s in Sex} == {"female", "male", "f", "m", "unknown"}
    for wrong in (("build", "arm"), ("show", "arm"), ("build", "planar", "--strength", "iron")):
        result = call(*wrong, "--out", "x.json")
        assert result.exit_code == 2
        assert "planar" in words(result) or "muscle_volume" in words(result)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["build", "show"])
def test_an_existing_file_stays_unless_forced(command, tmp_path):
    out = tmp_path / "mine.json"
    out.write_text("mine")
    result = call(command, "planar", "--out", out)
    assert result.exit_code == 2
    assert "mine.json" in words(result) and "--force" in words(result)
    assert out.read_text() == "mine"
    out.chmod(0o444)
    result = call(command, "planar", "--out", out, "--force")
    assert result.exit_code == 2 and "write-protected" in words(result)
    assert out.read_text() == "mine"
    out.chmod(0o644)
    result = call(command, "planar", "--out", out, "--force")
    assert result.exit_code == 0
    assert len(load_skeleton(out).coordinates) == 10
    written = [line for line in result.output.splitlines() if line.startswith("written")]
    assert len(written) == 1 and "mine.json" in written[0]


@pytest.mark.parametrize("command", ["build", "show"])
def test_a_place_that_is_no_file(command, tmp_path):
    (tmp_path / "folder.json").mkdir()
    result = call(command, "planar", "--out", tmp_path / "folder.json")
    assert result.exit_code == 2 and "folder" in words(result) and ".tmp" not in words(result)
    (tmp_path / "file").write_text("")
    result = call(command, "planar", "--out", tmp_path / "file" / "model.json")
    assert result.exit_code == 2 and "file" in words(result)
    assert not list(tmp_path.glob("**/*.tmp"))


def test_each_command_writes_its_own_kind(tmp_path):
    result = call("show", "lower_body", "--out", tmp_path / "b" / "sh.osim")
    assert result.exit_code == 2
    assert ".json" in words(result) and "model build" in words(result)
    assert not (tmp_path / "b").exists()
    result = call("build", "lower_body", "--out", tmp_path / "model.xml")
    assert result.exit_code == 2 and ".osim" in words(result)


def test_show_and_build_say_which_model_is_which(tmp_path):
    """The tracked skeleton has no toes and hinged knees; the built one has both, muscles and contact."""
    tracked = call("show", "lower_body").output
    assert "21 coordinates, 8 segments" in tracked and "kinesynth motion" in tracked and "model build" in tracked
    built = call("build", "lower_body", "--out", tmp_path / "model.json").output
    assert "23 coordinates, 10 segments" in built
    said = {name: json.loads(call(*line, "--json").stdout) for name, line in {
        "show": ("show", "lower_body"),
        "build": ("build", "lower_body", "--out", tmp_path / "again.json"),
    }.items()}  # fmt: skip
    assert (said["show"]["kind"], said["build"]["kind"]) == ("tracked", "built")


def test_build_counts_for_machines(tmp_path):
    out = tmp_path / "model.json"
    said = json.loads(call("build", "lower_body", "--out", out, "--json").stdout)
    assert (said["file"], said["n_muscles"], said["n_contacts"]) == (str(out), 92, 10)
    shown = json.loads(call("show", "planar", "--out", tmp_path / "s.json", "--json").stdout)
    assert shown["file"] == str(tmp_path / "s.json")
    assert json.loads(call("show", "planar", "--json").stdout)["file"] is None


# --- numbers ---------------------------------------------------------------------------------------------------------


def changed(tmp_path, pattern, replacement, count=1):
    """Our planar model with another text in its first matches."""
    text, n = re.subn(pattern, replacement, PLANAR.read_text(), count=count)
    assert n
    path = tmp_path / "theirs.osim"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("tag", "written", "owner"),
    [
        ("mass", "9,301", "pelvis"),
        ("mass", "9 301", "pelvis"),
        ("mass", "9.301 kg", "pelvis"),
        ("mass", "", "pelvis"),
        ("mass", "nan", "pelvis"),
        ("mass_center", "0,1 0,2 0,3", "pelvis"),
        ("mass_center", "0.1 0.2", "pelvis"),
        ("mass_center", "(0.1 0.2 0.3)", "pelvis"),
        ("inertia", "0,1 0,1 0,1 0 0 0", "pelvis"),
        ("translation", "0,1 0 0", "offset"),
        ("location", "0,1 0 0", ""),
        ("default_value", "0,95", "pelvis_tilt"),
        ("default_value", "nan", "pelvis_tilt"),
        ("range", "-1,5 1,5", "pelvis_tilt"),
        ("max_isometric_force", "1,000", "hamstrings"),
    ],
)
def test_a_number_that_opensim_would_read_as_another_is_refused(tag, written, owner, tmp_path):
    path = changed(tmp_path, f"<{tag}>[^<]*<", f"<{tag}>{written}<")
    result = call("check", path)
    assert result.exit_code == 1
    assert isinstance(result.exception, ModelMismatch)
    said = str(result.exception)
    for word in ("theirs.osim", f"<{tag}>", f"'{written}'", owner, "line ", "OpenSim"):
        assert word in said, said
    if "," in written:
        assert "decimal point" in said
    with pytest.raises(ModelMismatch):
        read_osim(path)


def test_plain_numbers_in_any_notation_are_numbers(tmp_path):
    path = changed(tmp_path, "<mass_center>[^<]*<", "<mass_center>\n\t+.1 -2.e-1\t3E-1 <")
    assert read_osim(path).segments[0].centre_of_mass == (0.1, -0.2, 0.3)
    path = changed(tmp_path, "<mass_center>[^<]*<", "<mass_center>0.1, 0.2, 0.3<")  # as OpenSim reads it
    assert read_osim(path).segments[0].centre_of_mass == (0.1, 0.2, 0.3)
    path = changed(tmp_path, "<range>[^<]*<", "<range>-inf Infinity<")
    assert read_osim(path).coordinates[0].upper == math.inf


def test_a_list_of_numbers_longer_than_any_buffer_is_read_whole(tmp_path):
    """Text comes in pieces; a number that is cut between two of them stays one."""
    long = " ".join(["0.5", *["0"] * 30000])
    path = changed(tmp_path, "<Model name", f"<x>{long} 1e-</x><Model name")
    with pytest.raises(ModelMismatch, match="1e-"):
        read_osim(path)


def test_a_model_in_millimetres_is_implausible(tmp_path):
    text = PLANAR.read_text()
    for tag in ("translation", "location", "mass_center"):
        text = re.sub(
            f"<{tag}>([^<]*)<", lambda m, t=tag: f"<{t}>{' '.join(repr(1000 * float(x)) for x in m[1].split())}<", text
        )
    path = tmp_path / "mm.osim"
    path.write_text(text)
    result = call("check", path)
    assert result.exit_code == 0
    (row,) = [line for line in result.output.splitlines() if "implausible" in line]
    assert row.startswith("warning:") and "mm" in row and "metres" in row and re.search(r"\d+ m\b", row)
    assert any("implausible" in finding for finding in json.loads(call("check", path, "--json").stdout)["findings"])
    save_skeleton(read_osim(path), tmp_path / "mm.json")
    assert "implausible" in call("check", tmp_path / "mm.json").output


def test_no_real_model_is_implausible(data_dir):
    for name in (
        "opensim_core/rajagopal_walk/subject_walk_scaled.osim",
        "hamner_running/final.osim",
        "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim",
    ):
        assert not [f for f in report_model(data_dir / name).findings if "implausible" in f]
    assert "implausible" not in call("check", PLANAR).output


@pytest.mark.parametrize("value", ["9,301", math.nan, None, True])
def test_a_skeleton_file_with_a_mass_that_is_none(value, tmp_path):
    path = tmp_path / "s.json"
    call("show", "planar", "--out", path)
    content = json.loads(path.read_text())
    content["segments"][0]["mass"] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ModelMismatch, match=r"s\.json.*pelvis"):
        load_skeleton(path)


# --- words -----------------------------------------------------------------------------------------------------------

OPENSIM_SAYS = {
    "a missing body": (("/bodyset/tibia_r", "/bodyset/nobody"), ("/bodyset/nobody", "add")),
    "a negative mass": (("<mass>[^<]*<", "<mass>-3<"), ("mass", "above zero")),
}


@pytest.mark.parametrize("name", OPENSIM_SAYS)
def test_what_opensim_says_comes_after_what_to_do(name, tmp_path):
    change, expected = OPENSIM_SAYS[name]
    path = changed(tmp_path, *change)
    with pytest.raises(ModelMismatch) as caught:
        read_osim(path)
    said = str(caught.value)
    ours, _, theirs = said.partition("OpenSim says:")
    assert theirs and ours.startswith(str(path))
    for word in expected:
        assert word in ours, said


def test_a_model_saved_as_utf16(tmp_path):
    path = tmp_path / "wide.osim"
    path.write_bytes(PLANAR.read_text().replace("UTF-8", "UTF-16").encode("utf-16"))
    with pytest.raises(ModelMismatch, match=r"wide\.osim.*UTF-16.*UTF-8"):
        read_osim(path)


def test_no_mass_anywhere_says_what_to_do(tmp_path):
    path = changed(tmp_path, "<mass>[^<]*<", "<mass>0<", 0)
    with pytest.raises(ModelMismatch, match=r"no mass; give"):
        read_osim(path)


@pytest.mark.parametrize("name", ["huge.osim", "huge.json"])
def test_a_huge_file_is_refused_with_the_limit(name, tmp_path):
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(3_000_000_000)  # takes no room on the disk
    with pytest.raises(ModelMismatch, match=r"at most 500 MB.*3000 MB"):
        (load_skeleton if name.endswith("json") else read_osim)(path)
    assert LARGEST_FILE == 500_000_000


def test_the_help_of_check_explains_its_words():
    said = words(call("check", "--help"))
    for word in ("in the skeleton:", "described:", "left out:"):
        assert word in said.lower()


def test_findings_of_our_own_models_are_none():
    assert report_model(PLANAR).findings == ()
