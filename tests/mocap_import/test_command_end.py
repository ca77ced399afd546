"""Ends of the archive's commands: wrong usage is 2, an error 1, each in one sentence, before anything is written."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mocap_import.cli import import_app
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.export_command import export_app
from mocap_import.label_command import labels_app
from mocap_import.quality_command import quality_app


@pytest.fixture
def run(tmp_path, walker):
    """A command on an archive `lab` and its trials `trials`; OUT stands for a folder that is not there yet."""
    (tmp_path / "lab").mkdir()
    write_c3d(tmp_path / "lab" / "S1_walk.c3d", walker(duration=1.5, rate=50.0, forces=False).trial)
    runner = CliRunner()
    words = [str(tmp_path / "lab"), "--out", str(tmp_path / "trials"), "--workers", "0"]
    assert runner.invoke(import_app, words).exit_code == 0
    (tmp_path / "empty").mkdir()
    places = {"LAB": "lab", "TRIALS": "trials", "EMPTY": "empty", "OUT": "out", "NOWHERE": "nowhere", "TOML": "x.toml"}

    def invoke(app, *words):
        return runner.invoke(app, [str(tmp_path / places[word]) if word in places else word for word in words])

    yield invoke
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "x.toml").exists()


WRONG = [
    (import_app, ("LAB", "--out", "OUT", "--unit", "inch"), "unit 'inch': expected mm, cm or m"),
    (import_app, ("LAB", "--out", "OUT", "--axes", "nonsense"), "axes 'nonsense': expected the laboratory's forward"),
    (import_app, ("LAB", "--out", "OUT", "--axes=+X-X"), "such as +Y+Z"),
    (import_app, ("LAB", "--out", "OUT", "--codes", "x"), "codes 'x': expected new or keep"),
    (import_app, ("LAB", "--out", "OUT", "--reader", "x"), "reader 'x': expected direct, ezc3d or py-c3d"),
    (import_app, ("LAB", "--out", "OUT", "--marker-set", "x"), "unknown marker set 'x'"),
    (import_app, ("NOWHERE", "--out", "OUT"), "no such file or folder"),
    (import_app, ("LAB", "--out", "OUT", "--workers", "-1"), "--workers"),
    (import_app, ("LAB", "--out", "OUT", "--belt-speed", "fast"), "--belt-speed"),
    (import_app, ("LAB",), "--out"),
    (labels_app, ("NOWHERE",), "no such file or folder"),
    (labels_app, ("LAB", "--marker-set", "x", "--draft", "TOML"), "unknown marker set 'x'"),
    (labels_app, ("LAB", "--draft", "OUT"), "a marker set is a .toml file"),
    (quality_app, ("NOWHERE", "--out", "OUT"), "no such file or folder"),
    (quality_app, ("TRIALS", "--unknown"), "--unknown"),
    (export_app, ("NOWHERE", "--to", "trc", "--out", "OUT"), "no such file or folder"),
    (export_app, ("TRIALS", "--to", "x", "--out", "OUT"), "'x' is not one of"),
    (export_app, ("TRIALS", "--out", "OUT"), "--to"),
]


@pytest.mark.parametrize(("app", "words", "said"), WRONG)
def test_wrong_usage_is_two_and_says_what_was_expected(run, app, words, said):
    result = run(app, *words)
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("app", "words", "said"),
    [
        (import_app, ("EMPTY", "--out", "OUT"), "expected C3D files"),
        (labels_app, ("EMPTY",), "expected C3D files"),
        (quality_app, ("EMPTY", "--out", "OUT"), "made by `kinesynth import`"),
        (export_app, ("EMPTY", "--to", "trc", "--out", "OUT"), "made by `kinesynth import`"),
        (export_app, ("TRIALS", "--to", "trc", "--subject", "S9", "--out", "OUT"), "no trial of subject 'S9'"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_is_one_and_one_sentence(run, app, words, said, as_json):
    result = run(app, *words, *(("--json",) if as_json else ()))
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert said in (json.loads(result.output)["error"] if as_json else result.output)


def test_the_last_lines_count_files_and_verdicts(run):
    result = run(import_app, "LAB", "--out", "TRIALS", "--workers", "0")
    assert "1 files: 1 accepted, 0 repaired, 0 refused" in result.output
    assert result.output.strip().splitlines()[-1] == "verdicts: 0 good, 1 usable, 0 doubtful, 0 unusable"
