"""`kinesynth import`: help with an example, JSON, exit codes, one sentence an error."""

from __future__ import annotations

import errno
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mocap_import.cli import import_app
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.trial_store import load_trial


@pytest.fixture
def laboratory(tmp_path, walker):
    root = tmp_path / "lab"
    root.mkdir()
    made = walker(duration=1.5, rate=50.0, ratio=4)
    write_c3d(root / "S1_walk.c3d", made.trial, plates=made.plates)
    return root


def _import(*words):
    archive, out, *options = (str(word) for word in words)
    return CliRunner().invoke(import_app, [archive, "--out", out, *options])


def test_help_shows_an_example():
    result = CliRunner().invoke(import_app, ["--help"])
    assert result.exit_code == 0
    assert "Example: kinesynth import recordings/ --out trials/" in " ".join(result.output.split())


def test_the_output_folder_is_an_option_that_must_be_given(laboratory, tmp_path):
    result = CliRunner().invoke(import_app, [str(laboratory), str(tmp_path / "out")])
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "option, word, said",
    [("--axes", "+Y+Y", "such as +Y+Z"), ("--unit", "inch", "expected mm, cm or m"), ("--codes", "x", "new or keep")],
)
def test_an_option_that_fits_no_file_is_an_error_before_any_work(laboratory, tmp_path, option, word, said):
    result = _import(laboratory, tmp_path / "out", option, word)
    assert (result.exit_code, said in result.output) == (2, True)
    assert not (tmp_path / "out").exists()


def test_the_terminal_names_the_file_that_the_table_must_not_name(laboratory, tmp_path):
    (laboratory / "Miller").mkdir()
    (laboratory / "Miller" / "walk.c3d").write_bytes(b"")
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert "Miller/walk.c3d -> S001/walk.c3d" in result.output
    assert "Miller" not in (tmp_path / "out" / "import.csv").read_text()
    (laboratory / "Miller" / "walk.c3d").unlink()
    assert "gone      S001/walk.c3d" in _import(laboratory, tmp_path / "out", "--workers", "0").output


def test_all_some_and_none_have_their_own_exit_codes(laboratory, tmp_path):
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert (result.exit_code, "1 files: 1 accepted" in result.output) == (0, True)
    (laboratory / "S1_bad.c3d").write_bytes(b"")
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert result.exit_code == 3
    assert "S1_bad.c3d -> S001/trial.c3d\n          S001/trial.c3d: the file is empty" in result.output
    (laboratory / "S1_walk.c3d").unlink()
    assert _import(laboratory, tmp_path / "out2", "--workers", "0").exit_code == 4


def test_json_is_for_machines(laboratory, tmp_path):
    result = _import(laboratory, tmp_path / "out", "--workers", "0", "--json")
    answer = json.loads(result.output)
    assert (answer["files"], answer["accepted"], answer["rows"][0]["subject"]) == (1, 1, "S001")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_an_error_is_one_sentence_without_traceback(tmp_path, words):
    result = _import(tmp_path, tmp_path / "out", *words)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert "expected C3D files" in result.output


def test_ctrl_c_says_that_results_are_kept(laboratory, tmp_path, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mocap_import.archive.conversion.convert_file", interrupted)
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.output


def test_ctrl_c_ends_a_run_with_workers_at_once_and_leaves_whole_products(laboratory, tmp_path, repository):
    for k in range(60):
        (laboratory / f"S1_walk_{k:02d}.c3d").write_bytes((laboratory / "S1_walk.c3d").read_bytes() + bytes([k]))
    command = [sys.executable, "-m", "kinesynth", "import", str(laboratory), "--out", str(tmp_path / "out")]
    run = subprocess.Popen(command, cwd=repository, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    journal, deadline = tmp_path / "out" / "import.jsonl", time.monotonic() + 60
    # With two lines in the journal the row of the first has been taken.
    while (not journal.is_file() or journal.read_bytes().count(b"\n") < 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=20)
    assert run.returncode == 130
    assert (output, errors.count("\n")) == ("", 1)
    assert "the same command goes on from there" in errors
    with (tmp_path / "out" / "import.csv").open() as file:
        n_rows = sum(1 for _ in file) - 1
    assert 0 < n_rows < 61
    for path in (tmp_path / "out").glob("*/*.trial.h5"):
        load_trial(path)


def test_work_in_this_process_gives_the_bytes_of_worker_processes(data_dir, tmp_path, products, monkeypatch):
    """Gaps are filled by products of matrices, whose last digits depend on the number of threads."""
    root = tmp_path / "lab"
    root.mkdir()
    shutil.copy(data_dir / "mcgill_walk_youth/HC033A/Straight/HC033A10.c3d", root / "S1_walk.c3d")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    for workers in ("0", "1"):
        command = ["-m", "kinesynth", "import", root, "--out", tmp_path / workers, "--workers", workers]
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
    assert products(tmp_path / "0") == products(tmp_path / "1")


@pytest.mark.parametrize("speed", ["0", "nan", "inf", "-1", "15.1", "-inf"])
def test_a_belt_speed_that_no_belt_has_is_wrong_usage(laboratory, tmp_path, speed):
    result = _import(laboratory, tmp_path / "out", f"--belt-speed={speed}")
    assert (result.exit_code, "expected m/s above 0 and up to 15" in result.output) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_word_too_many_and_a_file_are_named_as_what_they_are(laboratory, tmp_path):
    result = CliRunner().invoke(import_app, [str(laboratory), "extra", "--out", str(tmp_path / "out")])
    assert (result.exit_code, "unexpected argument 'extra'" in result.output) == (2, True)
    assert "No such command" not in result.output
    result = _import(laboratory / "S1_walk.c3d", tmp_path / "out")
    assert (result.exit_code, "is a file, expected a folder" in result.output) == (2, True)
    assert not (tmp_path / "out").exists()


def test_people_and_unknown_marker_sets_are_said_at_the_end(laboratory, tmp_path, walker):
    made = walker(duration=1.0, rate=50.0, forces=False)
    strange = tuple(f"q{k}" for k in range(len(made.trial.labels)))
    write_c3d(laboratory / "S2_walk.c3d", replace(made.trial, labels=strange, marker_set="unknown", events=()))
    output = _import(laboratory, tmp_path / "out", "--workers", "0").output
    assert "2 subjects: 2 from the files' own parameters or the beginning of their names: " in output
    assert f"draft one with `kinesynth labels {laboratory} --draft lab.toml`" in output
    (laboratory / "S2_walk.c3d").unlink()
    assert "--draft" not in _import(laboratory, tmp_path / "out", "--workers", "0").output


def test_a_result_folder_inside_the_archive_is_said(laboratory):
    assert "never searched for recordings" in _import(laboratory, laboratory / "out", "--workers", "0").output


@pytest.mark.parametrize(
    "problem, remedy",
    [
        (PermissionError(errno.EACCES, "Permission denied"), "get the right to write there"),
        (OSError(errno.ENOSPC, "No space left on device"), "make room"),
        (FileExistsError(errno.EEXIST, "File exists"), "move what lies there away"),
        (
            OSError(
                errno.ENOSPC,
                "Can't synchronously write data (file write failed: time = x, filename = 'tmp1', errno = 28, ...)",
            ),
            "could not be written (No space left on device); trials written before are intact: make room",
        ),
    ],
)
def test_what_keeps_a_trial_from_being_written_is_said_with_what_helps(
    laboratory, tmp_path, monkeypatch, problem, remedy
):
    def failing(*_):
        raise problem

    monkeypatch.setattr("mocap_import.archive.conversion.write_trial", failing)
    result = _import(laboratory, tmp_path / "out", "--workers", "0")
    assert (result.exit_code, remedy in result.output) == (1, True)
    assert "filename" not in result.output
    monkeypatch.undo()
    (tmp_path / "file").write_text("")
    assert "make room" not in _import(laboratory, tmp_path / "file" / "out", "--workers", "0").output


def test_the_page_links_to_the_judgement_of_the_trials(laboratory, tmp_path):
    from mocap_import.quality_command import quality_app

    _import(laboratory, tmp_path / "out", "--workers", "0")
    [target] = re.findall(r'href="(quality[^"]*)"', (tmp_path / "out" / "import.html").read_text())
    CliRunner().invoke(quality_app, [str(tmp_path / "out")])
    assert (tmp_path / "out" / target).is_file()
