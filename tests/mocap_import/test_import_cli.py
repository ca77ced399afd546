"""`kinesynth import` and `kinesynth labels`: help with an example, JSON, exit codes, one sentence an error."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mocap_import.c3d import write_c3d
from mocap_import.cli import import_app, labels_app


@pytest.fixture
def laboratory(tmp_path, walker):
    root = tmp_path / "lab"
    root.mkdir()
    made = walker(duration=1.5, rate=50.0, ratio=4)
    write_c3d(root / "S1_walk.c3d", made.trial, plates=made.plates)
    return root


def _import(*words):
    return CliRunner().invoke(import_app, [str(word) for word in words])


def test_help_shows_an_example():
    for app, command in ((import_app, "kinesynth import"), (labels_app, "kinesynth labels")):
        result = CliRunner().invoke(app, ["--help"])
        assert result.exit_code == 0
        assert f"Example: {command}" in " ".join(result.output.split())


def test_all_some_and_none_have_their_own_exit_codes(laboratory, tmp_path):
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert (result.exit_code, "1 files: 1 accepted" in result.output) == (0, True)
    (laboratory / "S1_bad.c3d").write_bytes(b"")
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert result.exit_code == 3
    assert "S1_bad.c3d: the file is empty" in result.output
    (laboratory / "S1_walk.c3d").unlink()
    assert _import(laboratory, tmp_path / "out2", "--workers", "0").exit_code == 4


def test_json_is_for_machines(laboratory, tmp_path):
    result = _import(laboratory, tmp_path / "out", "--workers", "0", "--json")
    answer = json.loads(result.output)
    assert (answer["files"], answer["accepted"], answer["rows"][0]["subject"]) == (1, 1, "S1")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_an_error_is_one_sentence_without_traceback(tmp_path, words):
    result = _import(tmp_path, tmp_path / "out", *words)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert "expected C3D files" in result.output


def test_ctrl_c_says_that_results_are_kept(laboratory, tmp_path, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mocap_import.archive.convert_file", interrupted)
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.output


def test_labels_say_what_each_label_means(laboratory):
    file = str(laboratory / "S1_walk.c3d")
    result = CliRunner().invoke(labels_app, [file])
    assert result.exit_code == 0
    assert "marker set: plug_in_gait" in result.output
    assert "RASI                     asis_r, pelvis" in result.output
    other = CliRunner().invoke(labels_app, [file, "--marker-set", "ufabc_running", "--json"])
    assert json.loads(other.output)["labels"]["RASI"] == []
    bad = CliRunner().invoke(labels_app, [str(laboratory)])
    assert (bad.exit_code, "no regular file" in bad.output) == (1, True)
