"""Archive: every file ends in one row; interruptions, full disks and bad files leave earlier results intact."""

from __future__ import annotations

import csv
import time
from dataclasses import replace

import numpy as np
import pytest

from mocap_import import archive as archive_module
from mocap_import.archive import COLUMNS, convert_archive
from mocap_import.c3d import write_c3d
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import load_trial


@pytest.fixture
def laboratory(tmp_path, walker, z_up):
    """Two subjects with a static and a walk each; no masses in the files."""
    root = tmp_path / "lab"
    for code in ("S1", "S2"):
        (root / code).mkdir(parents=True)
        made = walker(duration=2.0, mass=60.0 if code == "S1" else 80.0, rate=50.0, ratio=4)
        nameless = replace(made.trial, subject=Subject(code))
        write_c3d(root / code / f"{code}_walk.c3d", nameless, plates=made.plates, axes=z_up)
        standing, plates = _standing(nameless, made)
        write_c3d(root / code / f"{code}_static.c3d", standing, plates=plates, axes=z_up)
    return root


def _standing(trial, made):
    positions = np.repeat(trial.positions[25:26], 60, axis=0)
    n = 240
    reaction = replace(
        made.trial.ground_reactions[0],
        force=np.tile([0.0, float(sum(r.force[:, 1] for r in made.trial.ground_reactions)[100]), 0.0], (n, 1)),
        centre_of_pressure=np.tile(np.nanmean(made.trial.ground_reactions[0].centre_of_pressure, axis=0), (n, 1)),
        free_moment=np.zeros(n),
    )
    standing = replace(trial, positions=positions, ground_reactions=(reaction,), events=())
    return standing, [made.plates[0]]


def _convert(root, out, **settings):
    return convert_archive(root, out, n_workers=settings.pop("n_workers", 0), **settings)


def test_every_file_ends_in_one_row(laboratory, tmp_path):
    (laboratory / "S2" / "S2_broken.c3d").write_bytes(b"")
    table = _convert(laboratory, tmp_path / "out")
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 5
    assert (table.status == "refused").sum() == 1
    assert "0 bytes" in table.set_index("trial").reason["broken"]
    with (tmp_path / "out" / "import.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == sorted(table.file)
    for row in table[table.status != "refused"].itertuples():
        trial = load_trial(tmp_path / "out" / row.output)
        assert (trial.subject.code, trial.name, trial.source) == (row.subject, row.trial, row.file)


def test_mass_comes_from_the_standing_trial_if_nothing_else_tells(laboratory, tmp_path):
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert table.mass["S1/S1_walk.c3d"] == pytest.approx(60.0, rel=1e-3)
    assert table.mass["S2/S2_walk.c3d"] == pytest.approx(80.0, rel=1e-3)


def test_a_participants_table_in_the_archive_is_used(laboratory, tmp_path):
    (laboratory / "participants.csv").write_text("subject,mass_kg,height_m\nS1,61,1.7\nS2,81,1.8\n")
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert table.mass["S1/S1_walk.c3d"] == 61
    assert table.height["S2/S2_static.c3d"] == 1.8


def test_a_second_run_does_only_what_changed(laboratory, tmp_path, monkeypatch):
    out = tmp_path / "out"
    first = _convert(laboratory, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.trial.h5")}
    done = []
    original = archive_module.convert_file
    monkeypatch.setattr(archive_module, "convert_file", lambda **a: done.append(a["relative"]) or original(**a))
    again = _convert(laboratory, out)
    assert done == []
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.trial.h5")} == stamps
    assert again.drop(columns="seconds").equals(first.drop(columns="seconds"))
    walk = laboratory / "S1" / "S1_walk.c3d"
    walk.write_bytes(walk.read_bytes() + bytes(16))
    next(out.glob("S2/walk.trial.h5")).unlink()
    _convert(laboratory, out)
    assert sorted(done) == ["S1/S1_walk.c3d", "S2/S2_walk.c3d"]


def test_ctrl_c_keeps_what_was_done_and_the_next_run_goes_on(laboratory, tmp_path):
    out = tmp_path / "out"

    def stop_after_two(row, seen=[]):  # noqa: B006
        seen.append(row)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _convert(laboratory, out, progress=stop_after_two)
    finished = sorted(out.rglob("*.trial.h5"))
    assert len(finished) == 2
    assert len((out / "import.csv").read_text().splitlines()) == 3
    stamps = [path.stat().st_mtime_ns for path in finished]
    assert len(_convert(laboratory, out)) == 4
    assert [path.stat().st_mtime_ns for path in finished] == stamps


def test_a_full_disk_stops_with_one_sentence_and_earlier_trials_stay(laboratory, tmp_path, monkeypatch):
    out = tmp_path / "out"
    from mocap_import import conversion

    original = conversion.write_trial

    def full(path, trial):
        if "walk" in str(path):
            raise OSError(28, "No space left on device")
        original(path, trial)

    monkeypatch.setattr(conversion, "write_trial", full)
    with pytest.raises(OSError, match="intact: make room and run the same command again") as caught:
        _convert(laboratory, out)
    assert "No space left" in str(caught.value)
    assert len(list(out.rglob("*.trial.h5"))) == 2
    monkeypatch.setattr(conversion, "write_trial", original)
    assert len(_convert(laboratory, out)) == 4


def test_a_really_full_device_is_said_and_trials_stay(laboratory, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "import.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"import\.jsonl: could not be written \(No space left on device\)"):
        _convert(laboratory, out)
    (trial,) = out.rglob("*.trial.h5")
    assert load_trial(trial).task == "static"


def test_a_file_that_becomes_bad_leaves_no_stale_trial(laboratory, tmp_path):
    _convert(laboratory, tmp_path / "out")
    (laboratory / "S1" / "S1_walk.c3d").write_bytes(b"")
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert table.status["S1/S1_walk.c3d"] == "refused"
    assert not (tmp_path / "out" / "S1" / "walk.trial.h5").exists()


def test_a_line_cut_off_by_a_kill_costs_one_file(laboratory, tmp_path):
    out = tmp_path / "out"
    _convert(laboratory, out)
    journal = out / "import.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    (out / "S1" / "tmpdead.trial.h5.tmp").write_bytes(b"half")
    assert len(_convert(laboratory, out)) == 4
    assert len(_convert(laboratory, out)) == 4
    assert not list(out.rglob("*.tmp"))


def test_worker_processes_give_the_same_rows(laboratory, tmp_path):
    here = _convert(laboratory, tmp_path / "a")
    there = _convert(laboratory, tmp_path / "b", n_workers=1)
    assert there.drop(columns="seconds").equals(here.drop(columns="seconds"))


def test_a_file_that_brings_its_reader_down_is_one_refused_row(laboratory, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "TIME_LIMIT", 20.0)
    monkeypatch.setattr(archive_module, "run_tasks", _crashing(archive_module.run_tasks))
    began = time.monotonic()
    table = _convert(laboratory, tmp_path / "out", n_workers=1)
    assert time.monotonic() - began < 20
    assert sorted(table.status) == ["accepted", "accepted", "accepted", "refused"]
    assert "crashed" in table.set_index("file").reason["S1/S1_walk.c3d"]


def _crashing(run_tasks):
    def run(tasks, **limits):
        dead = {"function": "os:_exit", "arguments": {"status": 9}}
        return run_tasks([replace(t, **dead) if t.key == "S1/S1_walk.c3d" else t for t in tasks], **limits)

    return run


def test_folders_without_c3d_files_are_refused(tmp_path):
    with pytest.raises(TrialRefused, match="found no folder"):
        _convert(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrialRefused, match=r"expected C3D files \(\*\.c3d\)"):
        _convert(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_marker_set_name_is_an_error_before_any_work(laboratory, tmp_path):
    with pytest.raises(TrialRefused, match="unknown marker set 'helen_hayes'"):
        _convert(laboratory, tmp_path / "out", marker_set="helen_hayes")
    assert not (tmp_path / "out").exists()


def test_an_archive_may_hold_its_own_output(laboratory):
    assert len(_convert(laboratory, laboratory / "out")) == 4
    assert len(_convert(laboratory, laboratory / "out")) == 4


def test_text_that_a_spreadsheet_would_run_is_defused(tmp_path):
    root = tmp_path / "lab"
    root.mkdir()
    (root / "=cmd.c3d").write_bytes(b"")
    _convert(root, tmp_path / "out")
    assert "'=cmd.c3d" in (tmp_path / "out" / "import.csv").read_text()


def test_no_word_of_the_parameter_section_reaches_the_output(tmp_path, walker):
    root = tmp_path / "lab"
    root.mkdir()
    made = walker(duration=1.0, forces=False)
    secret = tuple(f"Jane Doe 1961:{label}" for label in made.trial.labels)
    write_c3d(root / "S1_walk.c3d", MarkerTrial("w", Subject("S1"), secret, made.trial.positions, 100.0))
    _convert(root, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert "Jane" not in path.name
        assert path.is_dir() or b"Jane" not in path.read_bytes()
    assert any((tmp_path / "out").rglob("*.trial.h5"))
