"""Hostile files: one that crashes, hangs, is cut off or lies about its size is one row with a reason."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from mocap_import.archive import work as archive_work
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.trial import TrialRefused


def test_a_file_that_brings_its_reader_down_is_one_refused_row(laboratory, tmp_path, monkeypatch, convert):
    monkeypatch.setattr(archive_work, "TIME_LIMIT", 20.0)
    monkeypatch.setattr(archive_work, "run_tasks", _crashing(archive_work.run_tasks))
    began = time.monotonic()
    table = convert(laboratory, tmp_path / "out", n_workers=1)
    assert time.monotonic() - began < 20
    assert (table.status == "refused").tolist() == [False, True, False, False]
    assert "crashed" in table.set_index("file").reason["S1/S1_walk.c3d"]


def _crashing(run_tasks, tried=None):
    def run(tasks, **limits):
        tasks = list(tasks)
        if tried is not None:
            tried.append([task.arguments["relative"] for task in tasks])
        dead = {"function": "os:_exit", "arguments": {"status": 9}}
        return run_tasks(
            [replace(t, **dead) if t.arguments["relative"] == "S1/S1_walk.c3d" else t for t in tasks], **limits
        )

    return run


def test_a_file_that_hangs_its_reader_ends_at_a_limit_that_grows_with_its_size(
    laboratory, tmp_path, monkeypatch, convert
):
    limits = {}

    def hanging(tasks, **settings):
        tasks = list(tasks)
        limits.update({task.arguments["relative"]: task.timeout for task in tasks})
        stuck = {"function": "signal:pause", "arguments": {}, "timeout": 0.3}
        tasks = [replace(t, **stuck) if t.arguments["relative"] == "S1/S1_walk.c3d" else t for t in tasks]
        return run_tasks(tasks, **settings)

    run_tasks = archive_work.run_tasks
    monkeypatch.setattr(archive_work, "run_tasks", hanging)
    monkeypatch.setattr(archive_work, "TIME_LIMIT", 10.0)
    table = convert(laboratory, tmp_path / "out", n_workers=1).set_index("file")
    assert "was stopped" in table.reason["S1/S1_walk.c3d"]
    for file, limit in limits.items():
        assert limit == pytest.approx(10.0 + 2e-6 * (laboratory / file).stat().st_size)


def test_a_file_that_crashes_its_reader_is_tried_in_two_runs_and_then_left_alone(
    laboratory, tmp_path, monkeypatch, convert
):
    tried = []
    monkeypatch.setattr(archive_work, "run_tasks", _crashing(archive_work.run_tasks, tried))
    tables = [convert(laboratory, tmp_path / "out", n_workers=1) for _ in range(3)]
    assert sum(run.count("S1/S1_walk.c3d") for run in tried) == 2
    assert all(table.equals(tables[0]) for table in tables)


def test_fifty_truncations_and_absurd_counts_are_rows_with_a_reason(laboratory, tmp_path, convert):
    whole = (laboratory / "S1" / "S1_walk.c3d").read_bytes()
    root = tmp_path / "broken"
    root.mkdir()
    for k in range(50):
        (root / f"cut{k:02d}.c3d").write_bytes(whole[: len(whole) * k // 50])
    for k, place in enumerate((2, 4, 6, 8, 16)):
        (root / f"absurd{k}.c3d").write_bytes(whole[:place] + b"\xff\xff" + whole[place + 2 :])
    table = convert(root, tmp_path / "out", n_workers=2)
    assert len(table) == 55
    cut = table[table.file.str.startswith("cut")]
    assert (cut.status == "refused").all()
    assert (table.reason.str.len() > 20).all()


def test_refused_files_are_noted_and_copied_only_to_a_folder_apart(laboratory, tmp_path, convert):
    (laboratory / "S2" / "S2_walk.c3d").write_bytes(b"no recording")
    with pytest.raises(TrialRefused, match="must not lie in the output folder"):
        convert(laboratory, tmp_path / "out", quarantine=tmp_path / "out" / "q")
    convert(laboratory, tmp_path / "out", codes="new", quarantine=tmp_path / "apart")
    (note,) = (tmp_path / "out" / "quarantine").glob("*")
    assert "not a C3D file" in json.loads(note.read_text())["reason"]
    assert (tmp_path / "apart" / f"{note.stem}.c3d").read_bytes() == b"no recording"
    (laboratory / "S2" / "S2_walk.c3d").write_bytes((laboratory / "S1" / "S1_walk.c3d").read_bytes())
    convert(laboratory, tmp_path / "out", codes="new")
    assert not (tmp_path / "out" / "quarantine").exists()


def test_every_refused_file_has_a_note_and_a_copy_of_its_own(tmp_path, walker, convert):
    root = tmp_path / "lab"
    for place, content in (("S1/fast/a.c3d", b"one"), ("S1_fast/a.c3d", b"two")):
        (root / place).parent.mkdir(parents=True)
        (root / place).write_bytes(content)
    write_c3d(root / "S1" / "walk.c3d", walker(duration=1.0, forces=False).trial)
    table = convert(root, tmp_path / "out", quarantine=tmp_path / "apart")
    notes = [json.loads(path.read_text()) for path in (tmp_path / "out" / "quarantine").iterdir()]
    assert sorted(note["file"] for note in notes) == sorted(table.file[table.status == "refused"])
    assert sorted(path.read_bytes() for path in (tmp_path / "apart").iterdir()) == [b"one", b"two"]
