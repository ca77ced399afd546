"""An archive converted on a Dask cluster: the same trials and tables as on this machine, also with a worker killed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mocap_import.archive import work as archive_work
from mocap_import.archive.run import convert_archive
from mocap_import.engine import open_engine

STATE = ("import.jsonl", "import_identity.json")
"""Files that hold times and a random salt."""


def files(folder):
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: content for name, content in found.items() if name not in STATE and not name.endswith(".lock")}


@pytest.mark.slow
def test_trials_and_tables_have_the_same_bytes_on_a_cluster_with_a_worker_killed(
    laboratory, tmp_path, monkeypatch, dask_scheduler, dask_killer
):
    (laboratory / "S1" / "S1_odd.c3d").write_bytes(b"not a recording")
    convert_archive(laboratory, tmp_path / "here", n_workers=1)
    killed = []

    def progress(_row):
        if not killed:
            killed.append(dask_killer())

    monkeypatch.chdir(tmp_path)
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        table = convert_archive(laboratory.relative_to(tmp_path), "there", engine=engine, progress=progress)
    assert len(killed) == 1
    assert (table.status == "refused").sum() == 1
    here, there = files(tmp_path / "here"), files(tmp_path / "there")
    assert sorted(there) == sorted(here)
    assert [name for name in here if here[name] != there[name]] == []
    assert sum(name.endswith(".trial.h5") for name in here) == 4


def test_a_trial_that_was_changed_is_made_again_and_nothing_else_is(laboratory, tmp_path, convert):
    out = tmp_path / "out"
    convert(laboratory, out)
    before = {path: path.read_bytes() for path in out.rglob("*.trial.h5")}
    first, *others = sorted(before)
    times = {path: path.stat().st_mtime_ns for path in others}
    first.write_bytes(before[first][:-1] + b"?")
    convert(laboratory, out)
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in others} == times


@pytest.mark.slow
def test_a_file_that_was_given_up_is_tried_again_on_request(laboratory, tmp_path, monkeypatch, convert):
    run_tasks, tried = archive_work.run_tasks, []

    def crashing(tasks, **limits):
        tasks = [
            replace(t, function="os:_exit", arguments={"status": 9}) if "S1_walk" in t.arguments["relative"] else t
            for t in tasks
        ]
        tried.append(sum(t.function == "os:_exit" for t in tasks))
        return run_tasks(tasks, **limits)

    monkeypatch.setattr(archive_work, "run_tasks", crashing)
    for _ in range(3):
        table = convert(laboratory, tmp_path / "out", n_workers=1)
    assert (sum(tried), list(table.status).count("refused")) == (2, 1)
    monkeypatch.setattr(archive_work, "run_tasks", run_tasks)
    table = convert(laboratory, tmp_path / "out", n_workers=1, retry=True)
    assert "refused" not in set(table.status)


def test_an_engine_that_cannot_be_had_ends_the_command_in_one_sentence(laboratory, tmp_path):
    from typer.testing import CliRunner

    from mocap_import.cli import import_app

    words = [str(laboratory), "--out", str(tmp_path / "out"), "--engine", "cloud"]
    result = CliRunner().invoke(import_app, words)
    assert result.exit_code == 1
    assert "expected one of local, dask" in result.output
    assert not (tmp_path / "out").exists()


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Limits of time are not what these tests are about."""
    monkeypatch.setattr(archive_work, "TIME_LIMIT", 60.0)
