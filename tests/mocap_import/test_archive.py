"""Archive: every file ends in one row; interruptions, full disks and bad files leave earlier results intact."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mocap_import.archive import work as archive_work
from mocap_import.archive.run import COLUMNS, convert_archive
from mocap_import.export.c3d_writer import write_c3d
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
    return convert_archive(root, out, **{"n_workers": 0, "codes": "keep"} | settings)


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
    original = archive_work.convert_file
    monkeypatch.setattr(archive_work, "convert_file", lambda **a: done.append(a["relative"]) or original(**a))
    again = _convert(laboratory, out)
    assert done == []
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.trial.h5")} == stamps
    assert again.equals(first)
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
    from mocap_import.archive import conversion

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
    assert there.equals(here)


def test_a_file_that_brings_its_reader_down_is_one_refused_row(laboratory, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_work, "TIME_LIMIT", 20.0)
    monkeypatch.setattr(archive_work, "run_tasks", _crashing(archive_work.run_tasks))
    began = time.monotonic()
    table = _convert(laboratory, tmp_path / "out", n_workers=1)
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


def test_a_file_that_hangs_its_reader_ends_at_a_limit_that_grows_with_its_size(laboratory, tmp_path, monkeypatch):
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
    table = _convert(laboratory, tmp_path / "out", n_workers=1).set_index("file")
    assert "was stopped" in table.reason["S1/S1_walk.c3d"]
    for file, limit in limits.items():
        assert limit == pytest.approx(10.0 + 2e-6 * (laboratory / file).stat().st_size)


def test_a_file_that_crashes_its_reader_is_tried_in_two_runs_and_then_left_alone(laboratory, tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(archive_work, "run_tasks", _crashing(archive_work.run_tasks, tried))
    tables = [_convert(laboratory, tmp_path / "out", n_workers=1) for _ in range(3)]
    assert sum(run.count("S1/S1_walk.c3d") for run in tried) == 2
    assert all(table.equals(tables[0]) for table in tables)


def test_every_entry_named_like_a_recording_ends_in_a_row(laboratory, tmp_path):
    (laboratory / "S1" / "folder.c3d").mkdir()
    (laboratory / "S1" / "folder.c3d" / "inside.C3D").write_bytes(b"x")
    (laboratory / "S2" / ".c3d").write_bytes(b"")
    (laboratory / "S2" / "broken_link.c3d").symlink_to(laboratory / "nowhere")
    (laboratory / "S2" / "linked.c3d").symlink_to(laboratory / "S2" / "S2_walk.c3d")
    os.mkfifo(laboratory / "S2" / "pipe.c3d")
    (laboratory / "loop").symlink_to(laboratory)
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert len(table) == 10
    reasons = table.reason[table.status == "refused"].to_dict()
    assert set(reasons) == {f"S1/{n}" for n in ("folder.c3d", "folder.c3d/inside.C3D")} | {
        f"S2/{n}" for n in (".c3d", "broken_link.c3d", "pipe.c3d")
    }
    assert "found a folder" in reasons["S1/folder.c3d"]
    assert "link that leads nowhere" in reasons["S2/broken_link.c3d"]
    assert "device or pipe" in reasons["S2/pipe.c3d"]


def test_a_folder_that_cannot_be_listed_is_a_row_and_loses_no_trial(laboratory, tmp_path, monkeypatch):
    _convert(laboratory, tmp_path / "out")
    scandir = os.scandir

    def closed(folder):
        if str(folder).endswith("S2"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert "cannot be listed (Permission denied)" in table.reason["S2"]
    assert (tmp_path / "out" / "S2" / "walk.trial.h5").is_file()


def test_trials_of_files_that_are_gone_are_removed_and_named(laboratory, tmp_path):
    _convert(laboratory, tmp_path / "out")
    (laboratory / "S1" / "S1_walk.c3d").unlink()
    table = _convert(laboratory, tmp_path / "out")
    assert table.attrs["gone"] == ["S1/S1_walk.c3d"]
    assert len(table) == 3
    assert not (tmp_path / "out" / "S1" / "walk.trial.h5").exists()
    assert "S1/S1_walk.c3d" in (tmp_path / "out" / "import.html").read_text()
    assert _convert(laboratory, tmp_path / "out").attrs["gone"] == []


def test_an_output_folder_belongs_to_one_archive(laboratory, tmp_path):
    other = tmp_path / "other"
    (other / "S3").mkdir(parents=True)
    (other / "S3" / "walk.c3d").write_bytes((laboratory / "S1" / "S1_walk.c3d").read_bytes())
    _convert(laboratory, tmp_path / "out")
    with pytest.raises(TrialRefused, match="belongs to another archive; give another --out, or --add"):
        _convert(other, tmp_path / "out")
    assert sorted(_convert(other, tmp_path / "out", add=True).subject) == ["S1", "S1", "S2", "S2", "S3"]
    moved = laboratory.rename(tmp_path / "moved")
    assert len(_convert(moved, tmp_path / "out").attrs["gone"]) == 0
    (tmp_path / "foreign" / "S1").mkdir(parents=True)
    (tmp_path / "foreign" / "S1" / "a.trial.h5").write_bytes(b"")
    with pytest.raises(TrialRefused, match="holds trials that no run of this version wrote"):
        _convert(moved, tmp_path / "foreign")


def test_two_runs_do_not_write_into_one_folder_at_once(laboratory, tmp_path):
    with pytest.raises(TrialRefused, match="another run is writing there"):
        _convert(laboratory, tmp_path / "out", progress=lambda row: _convert(laboratory, tmp_path / "out"))


def test_same_size_and_date_are_taken_for_the_same_content_unless_verified(laboratory, tmp_path):
    walk = laboratory / "S1" / "S1_walk.c3d"
    _convert(laboratory, tmp_path / "out")
    status = walk.stat()
    walk.write_bytes(bytes(status.st_size))
    os.utime(walk, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (_convert(laboratory, tmp_path / "out").status != "refused").all()
    assert (_convert(laboratory, tmp_path / "out", verify=True).status == "refused").sum() == 1


def test_a_touched_file_with_the_same_content_is_not_done_again(laboratory, tmp_path, monkeypatch):
    _convert(laboratory, tmp_path / "out")
    os.utime(laboratory / "S1" / "S1_walk.c3d", ns=(1, 1))
    monkeypatch.setattr(archive_work, "convert_file", None)
    assert (_convert(laboratory, tmp_path / "out").status != "refused").all()


def test_a_standing_trial_known_by_its_motion_weighs_the_others(laboratory, tmp_path):
    (laboratory / "S1" / "S1_static.c3d").rename(laboratory / "S1" / "zz05.c3d")
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert table.task["S1/zz05.c3d"] == "static"
    assert table.mass["S1/S1_walk.c3d"] == pytest.approx(60.0, rel=1e-3)
    assert table.mass["S1/zz05.c3d"] == pytest.approx(60.0, rel=1e-3)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")}
    assert _convert(laboratory, tmp_path / "out").set_index("file").equals(table)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")} == stamps


def test_each_session_has_its_own_standing_trial(laboratory, tmp_path):
    for session, source in (("visit1", "S1"), ("visit2", "S2")):
        folder = laboratory / "P" / session
        folder.mkdir(parents=True)
        for kind in ("static", "walk"):
            (laboratory / source / f"{source}_{kind}.c3d").rename(folder / f"{kind}.c3d")
    table = _convert(laboratory, tmp_path / "out").set_index("file")
    assert table.mass["P/visit1/walk.c3d"] == pytest.approx(60.0, rel=1e-3)
    assert table.mass["P/visit2/walk.c3d"] == pytest.approx(80.0, rel=1e-3)
    assert table.session.tolist() == ["visit1", "visit1", "visit2", "visit2"]


def _products(out):
    files = [path for path in out.rglob("*") if path.name.endswith((".trial.h5", "import.csv", "import.html"))]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_runs_and_any_number_of_workers_give_the_same_bytes(laboratory, tmp_path):
    (laboratory / "S2" / "S2_broken.c3d").write_bytes(b"no recording")
    runs = []
    for name, n_workers in (("a", 0), ("b", 1), ("c", 2)):
        _convert(laboratory, tmp_path / name, n_workers=n_workers, codes="new")
        runs.append(_products(tmp_path / name))
    assert len(runs[0]) == 6
    assert runs[0] == runs[1] == runs[2]


def test_refused_files_are_noted_and_copied_only_to_a_folder_apart(laboratory, tmp_path):
    (laboratory / "S2" / "S2_walk.c3d").write_bytes(b"no recording")
    with pytest.raises(TrialRefused, match="must not lie in the output folder"):
        _convert(laboratory, tmp_path / "out", quarantine=tmp_path / "out" / "q")
    _convert(laboratory, tmp_path / "out", codes="new", quarantine=tmp_path / "apart")
    (note,) = (tmp_path / "out" / "quarantine").glob("*")
    assert "not a C3D file" in json.loads(note.read_text())["reason"]
    assert (tmp_path / "apart" / f"{note.stem}.c3d").read_bytes() == b"no recording"
    (laboratory / "S2" / "S2_walk.c3d").write_bytes((laboratory / "S1" / "S1_walk.c3d").read_bytes())
    _convert(laboratory, tmp_path / "out", codes="new")
    assert not (tmp_path / "out" / "quarantine").exists()


def test_the_page_holds_every_row_and_runs_nothing_of_a_name(tmp_path):
    root = tmp_path / "lab"
    root.mkdir()
    (root / "<img src=x onerror=alert(1)>.c3d").write_bytes(b"")
    _convert(root, tmp_path / "out")
    page = (tmp_path / "out" / "import.html").read_text()
    assert page.count("<tr data-status=") == 1
    assert "&lt;img src=x" in page
    assert "<img" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_fifty_truncations_and_absurd_counts_are_rows_with_a_reason(laboratory, tmp_path):
    whole = (laboratory / "S1" / "S1_walk.c3d").read_bytes()
    root = tmp_path / "broken"
    root.mkdir()
    for k in range(50):
        (root / f"cut{k:02d}.c3d").write_bytes(whole[: len(whole) * k // 50])
    for k, place in enumerate((2, 4, 6, 8, 16)):
        (root / f"absurd{k}.c3d").write_bytes(whole[:place] + b"\xff\xff" + whole[place + 2 :])
    table = _convert(root, tmp_path / "out", n_workers=2)
    assert len(table) == 55
    cut = table[table.file.str.startswith("cut")]
    assert (cut.status == "refused").all()
    assert (table.reason.str.len() > 20).all()


KILLED = """
import sys
from mocap_import.archive.run import convert_archive
convert_archive(sys.argv[1], sys.argv[2], n_workers=2)
"""


def _kill_and_resume(root, out, n_kills, repository):
    """Kill runs, two of three soon after they have done a file, then finish; what is on the disk meanwhile is whole."""
    rng = np.random.default_rng(n_kills)
    n_partial, n_files = 0, len(list(root.rglob("*.c3d")))
    journal = out / "import.jsonl"
    for k in range(n_kills):
        size = journal.stat().st_size if journal.is_file() else 0
        run = subprocess.Popen([sys.executable, "-c", KILLED, str(root), str(out)], cwd=repository)
        if k % 3 < 2:
            while run.poll() is None and (not journal.is_file() or journal.stat().st_size == size):
                time.sleep(0.002)
            time.sleep(rng.uniform(0.0, 0.1))
        else:
            time.sleep(rng.uniform(0.1, 1.5))
        run.kill()
        run.wait()
        trials = list(out.glob("*/*.trial.h5"))
        n_partial += 0 < len(trials) < n_files
        for path in trials:
            load_trial(path)
        if (out / "import.csv").is_file():
            pd.read_csv(out / "import.csv")
    assert n_partial > 0.5 * n_kills
    return convert_archive(root, out, n_workers=2)


def _many(laboratory, n):
    """More recordings of both subjects, each with other bytes."""
    for k in range(n):
        for code in ("S1", "S2"):
            source = laboratory / code / f"{code}_walk.c3d"
            (laboratory / code / f"{code}_walk_{k:02d}.c3d").write_bytes(source.read_bytes() + bytes([k]))


def _check_kills(laboratory, tmp_path, n_kills, repository):
    reference = convert_archive(laboratory, tmp_path / "reference", n_workers=0)
    table = _kill_and_resume(laboratory, tmp_path / "out", n_kills, repository)
    assert table.equals(reference)
    assert _products(tmp_path / "out") == _products(tmp_path / "reference")
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_kills_at_five_moments_lose_and_double_nothing(laboratory, tmp_path, repository):
    _many(laboratory, 6)
    _check_kills(laboratory, tmp_path, 5, repository)


@pytest.mark.slow
def test_kills_at_fifty_random_moments_lose_and_double_nothing(laboratory, tmp_path, repository):
    _many(laboratory, 150)
    _check_kills(laboratory, tmp_path, 50, repository)


def test_folders_without_c3d_files_are_refused(tmp_path):
    with pytest.raises(TrialRefused, match="found no folder"):
        _convert(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrialRefused, match=r"expected C3D files \(\*\.c3d\)"):
        _convert(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_marker_set_name_is_an_error_before_any_work(laboratory, tmp_path):
    with pytest.raises(TrialRefused, match="unknown marker set 'no_such_set'"):
        _convert(laboratory, tmp_path / "out", marker_set="no_such_set")
    assert not (tmp_path / "out").exists()


def test_a_laboratorys_own_marker_set_lies_beside_the_trials_without_its_path(laboratory, tmp_path, repository):
    own = tmp_path / "Quixwitz" / "zebulonia.toml"
    own.parent.mkdir()
    own.write_bytes((repository / "mocap_import" / "marker_sets" / "plug_in_gait.toml").read_bytes())
    table = _convert(laboratory, tmp_path / "out", marker_set=own, codes="new")
    assert (tmp_path / "out" / "marker_set.toml").read_bytes() == own.read_bytes()
    assert set(table.marker_set) == {"../marker_set.toml"}
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or not any(word in path.read_bytes() for word in (b"Quixwitz", b"zebulonia"))
    own.write_text(own.read_text() + "\n# another edition\n")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")}
    _convert(laboratory, tmp_path / "out", marker_set=own, codes="new")
    assert all(path.stat().st_mtime_ns != stamp for path, stamp in before.items())


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
