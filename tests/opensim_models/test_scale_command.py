"""`kinesynth model scale`: from a file to a file, with a report beside it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, static_of, trial_of, true_skeleton, walk

from mocap_import.trial_store import load_trial, write_trial
from opensim_models.cli import model_app
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.report import read_report

RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"


def scale(*arguments):
    return CliRunner().invoke(model_app, ["scale", *map(str, arguments)])


@pytest.fixture
def static(tmp_path) -> Path:
    path = tmp_path / "static.trial.h5"
    write_trial(path, static_of(true_skeleton()))
    return path


def test_an_osim_becomes_the_subjects_osim(data_dir, static, tmp_path):
    out = tmp_path / "subject.osim"
    done = scale(data_dir / RAJAGOPAL, "--static", static, "--out", out)
    assert done.exit_code == 0, done.output
    scaled, generic = read_osim(out), read_osim(data_dir / RAJAGOPAL)
    assert scaled.mass == pytest.approx(PERSON.mass)
    names = [m.name for m in scaled.markers]
    assert names[: len(generic.markers)] == [m.name for m in generic.markers], "none is dropped"
    assert {"RTHI", "LTIB"} <= set(names), "clusters of the trial are put on the model"
    report = read_report(tmp_path / "subject_scaling.json")
    assert report.method == "static" and report.factors["femur_r"] == report.factors["femur_l"]
    assert "hip_r - knee_r" in done.output


def test_our_own_model_by_mass_and_height_by_static_and_by_movement(static, tmp_path):
    for name, arguments in {
        "stature": ("--mass", 68, "--height", 1.72),
        "static": ("--static", static),
        "movement": ("--moving", tmp_path / "walk.trial.h5"),
    }.items():
        person = true_skeleton()
        write_trial(tmp_path / "walk.trial.h5", trial_of(person, walk(person, 120), "walk"))
        done = scale("lower_body", *arguments, "--out", tmp_path / f"{name}.json", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["mass"] == pytest.approx(68.0)
        assert load_skeleton(tmp_path / f"{name}.json").mass == pytest.approx(68.0)


def test_our_own_model_as_osim(static, tmp_path):
    assert scale("lower_body", "--static", static, "--out", tmp_path / "own.osim").exit_code == 0
    assert read_osim(tmp_path / "own.osim").mass == pytest.approx(68.0)


@pytest.mark.parametrize("wrong", [("--mass", -70), ("--mass", "nan"), ("--height", 0), ("--out", "model.stl")])
def test_wrong_numbers_and_endings_are_wrong_usage(wrong, tmp_path):
    given = {"--mass": 70, "--height": 1.8, "--out": tmp_path / "a.json"} | {wrong[0]: wrong[1]}
    done = scale("lower_body", *(str(x) for pair in given.items() for x in pair))
    assert done.exit_code == 2


def test_the_sex_may_be_a_letter_and_is_not_that_of_both(tmp_path):
    """`f` gave the mean of both without a word, and so did any other word."""
    made = {}
    for sex in ("f", "FEMALE", "unknown"):
        out = tmp_path / f"{sex}.json"
        assert scale("lower_body", "--mass", 62, "--height", 1.68, "--sex", sex, "--out", out).exit_code == 0
        made[sex] = [segment.mass for segment in load_skeleton(out).segments]
    assert made["f"] == made["FEMALE"] and made["f"] != made["unknown"]


@pytest.mark.parametrize("wrong", [("--sex", "banana"), ("--hip", "banana"), ("--hip", "bell")])
def test_a_word_that_is_unknown_or_that_nothing_looks_at_is_wrong_usage(wrong, tmp_path):
    done = scale("lower_body", "--mass", 62, "--height", 1.68, *wrong, "--out", tmp_path / "a.json")
    assert done.exit_code == 2 and wrong[0] in done.output and not (tmp_path / "a.json").exists()


def test_a_sex_or_a_hip_that_nobody_would_look_at_is_refused(data_dir, static, tmp_path):
    done = scale(data_dir / RAJAGOPAL, "--static", static, "--sex", "male", "--out", tmp_path / "a.osim")
    assert done.exit_code == 2 and "--sex" in done.output
    done = scale("lower_body", "--static", static, "--hip", "banana", "--out", tmp_path / "a.json")
    assert done.exit_code == 2 and "harrington" in done.output


HOSTILE = '<!DOCTYPE a [<!ENTITY b "c">]><OpenSimDocument>&b;</OpenSimDocument>'


@pytest.mark.parametrize("content", ["", "<a/>", "hello", HOSTILE])
def test_a_file_that_is_no_model_is_refused(content, tmp_path):
    path = tmp_path / "bad.osim"
    path.write_text(content)
    done = scale(path, "--mass", 70, "--height", 1.8, "--out", tmp_path / "a.osim")
    assert isinstance(done.exception, ModelMismatch) and "bad.osim" in str(done.exception)
    assert not (tmp_path / "a.osim").exists()


def test_the_height_of_somebody_else_is_refused(static, tmp_path, data_dir):
    done = scale(data_dir / RAJAGOPAL, "--static", static, "--height", 1.1, "--mass", 40, "--out", tmp_path / "a.osim")
    assert isinstance(done.exception, ModelMismatch) and "somebody else" in str(done.exception)


def test_our_own_model_by_the_users_marker_map(static, tmp_path):
    """`--markers` says what unknown labels are, and the model is the one that known labels give."""
    assert scale("lower_body", "--static", static, "--out", tmp_path / "known.json").exit_code == 0
    trial = load_trial(static)
    write_trial(static, replace(trial, labels=tuple("spine" if name == "RASI" else name for name in trial.labels)))
    (tmp_path / "map.toml").write_text('[markers]\nasis_r = "spine"\n')
    arguments = ("lower_body", "--static", static, "--out", tmp_path / "mapped.json")
    assert isinstance(scale(*arguments).exception, ModelMismatch)
    done = scale(*arguments, "--markers", tmp_path / "map.toml")
    assert done.exit_code == 0, done.output
    known, mapped = (load_skeleton(tmp_path / f"{name}.json") for name in ("known", "mapped"))
    for a, b in zip(known.segments, mapped.segments, strict=True):
        assert a.offset == pytest.approx(b.offset)


@pytest.mark.parametrize("option", ["--asymmetrical", "--move-landmarks"])
def test_what_scaling_our_own_model_cannot_do_is_refused(static, tmp_path, option):
    done = scale("lower_body", "--static", static, option, "--out", tmp_path / "own.json")
    assert done.exit_code == 2 and option in done.output
    assert not (tmp_path / "own.json").exists()


def test_a_marker_map_without_a_trial_is_refused(tmp_path):
    (tmp_path / "map.toml").write_text('[markers]\nasis_r = "spine"\n')
    given = ("--mass", 68, "--height", 1.72, "--markers", tmp_path / "map.toml")
    done = scale("lower_body", *given, "--out", tmp_path / "own.json")
    assert done.exit_code == 2 and "--markers" in done.output


def test_a_file_that_exists_is_replaced_only_by_force_and_what_is_read_never(static, tmp_path):
    out = tmp_path / "own.json"
    out.write_text("a model that took a week")
    out.chmod(0o444)
    done = scale("lower_body", "--mass", 68, "--height", 1.72, "--out", out)
    assert done.exit_code == 2 and "--force" in done.output
    assert out.read_text() == "a model that took a week" and not (tmp_path / "own_scaling.json").exists()
    done = scale("lower_body", "--mass", 68, "--height", 1.72, "--out", out, "--force")
    assert done.exit_code == 2 and "write-protected" in done.output, "as `model build` has it"
    out.chmod(0o644)
    assert scale("lower_body", "--mass", 68, "--height", 1.72, "--out", out, "--force").exit_code == 0
    assert load_skeleton(out).mass == pytest.approx(68.0)
    done = scale(out, "--static", static, "--out", out, "--force")
    assert done.exit_code == 2 and "read from" in done.output
    out.rename(tmp_path / "kept.json")
    done = scale("lower_body", "--mass", 68, "--height", 1.72, "--out", out)
    assert done.exit_code == 2 and "own_scaling.json" in done.output.replace("\n", ""), "the report is a file, too"


def test_doubts_are_printed_and_in_the_report(data_dir, tmp_path):
    """A planar model, whose legs cannot splay as the person's do."""
    folder, out = data_dir / "opensim_core" / "gait10dof18musc_subject01", tmp_path / "planar.json"
    model, static = folder / "gait10dof18musc_subject01.osim", folder / "subject01_static.trc"
    done = scale(model, "--static", static, "--mass", 72.6, "--height", 1.8, "--out", out)
    assert done.exit_code == 0 and "doubt: scaling: the model moves in one plane" in done.output
    report = read_report(tmp_path / "planar_scaling.json")
    assert len(report.doubts) == 1 and "R.Heel" in report.doubts[0]


def test_help_names_no_python_types():
    done = scale("--help")
    assert "list[" not in done.output and "--moving" in done.output and "TRIAL" in done.output
