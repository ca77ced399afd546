"""Archive: every file ends in one row, whatever it is; subjects, masses, folders and products."""

from __future__ import annotations

import csv
import os

import pytest

from mocap_import.archive.run import COLUMNS
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import load_trial


def test_every_file_ends_in_one_row(laboratory, tmp_path, convert):
    (laboratory / "S2" / "S2_broken.c3d").write_bytes(b"")
    table = convert(laboratory, tmp_path / "out")
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 5
    assert (table.status == "refused").sum() == 1
    assert "0 bytes" in table.set_index("trial").reason["broken"]
    with (tmp_path / "out" / "import.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == sorted(table.file)
    for row in table[table.status != "refused"].itertuples():
        trial = load_trial(tmp_path / "out" / row.output)
        assert (trial.subject.code, trial.name, trial.source) == (row.subject, row.trial, row.file)


def test_mass_comes_from_the_standing_trial_if_nothing_else_tells(laboratory, tmp_path, convert):
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert table.mass["S1/S1_walk.c3d"] == pytest.approx(60.0, rel=1e-3)
    assert table.mass["S2/S2_walk.c3d"] == pytest.approx(80.0, rel=1e-3)


def test_a_participants_table_in_the_archive_is_used(laboratory, tmp_path, convert):
    (laboratory / "participants.csv").write_text("subject,mass_kg,height_m\nS1,61,1.7\nS2,81,1.8\n")
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert table.mass["S1/S1_walk.c3d"] == 61
    assert table.height["S2/S2_static.c3d"] == 1.8


def test_worker_processes_give_the_same_rows(laboratory, tmp_path, convert):
    here = convert(laboratory, tmp_path / "a")
    there = convert(laboratory, tmp_path / "b", n_workers=1)
    assert there.equals(here)


def test_every_entry_named_like_a_recording_ends_in_a_row(laboratory, tmp_path, convert):
    (laboratory / "S1" / "folder.c3d").mkdir()
    (laboratory / "S1" / "folder.c3d" / "inside.C3D").write_bytes(b"x")
    (laboratory / "S2" / ".c3d").write_bytes(b"")
    (laboratory / "S2" / "broken_link.c3d").symlink_to(laboratory / "nowhere")
    (laboratory / "S2" / "linked.c3d").symlink_to(laboratory / "S2" / "S2_walk.c3d")
    os.mkfifo(laboratory / "S2" / "pipe.c3d")
    (laboratory / "loop").symlink_to(laboratory)
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert len(table) == 10
    reasons = table.reason[table.status == "refused"].to_dict()
    assert set(reasons) == {f"S1/{n}" for n in ("folder.c3d", "folder.c3d/inside.C3D")} | {
        f"S2/{n}" for n in (".c3d", "broken_link.c3d", "pipe.c3d")
    }
    assert "found a folder" in reasons["S1/folder.c3d"]
    assert "link that leads nowhere" in reasons["S2/broken_link.c3d"]
    assert "device or pipe" in reasons["S2/pipe.c3d"]


def test_a_standing_trial_known_by_its_motion_weighs_the_others(laboratory, tmp_path, convert):
    (laboratory / "S1" / "S1_static.c3d").rename(laboratory / "S1" / "zz05.c3d")
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert table.task["S1/zz05.c3d"] == "static"
    assert table.mass["S1/S1_walk.c3d"] == pytest.approx(60.0, rel=1e-3)
    assert table.mass["S1/zz05.c3d"] == pytest.approx(60.0, rel=1e-3)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")}
    assert convert(laboratory, tmp_path / "out").set_index("file").equals(table)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")} == stamps


def test_each_session_has_its_own_standing_trial(laboratory, tmp_path, convert):
    for session, source in (("visit1", "S1"), ("visit2", "S2")):
        folder = laboratory / "P" / session
        folder.mkdir(parents=True)
        for kind in ("static", "walk"):
            (laboratory / source / f"{source}_{kind}.c3d").rename(folder / f"{kind}.c3d")
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert table.mass["P/visit1/walk.c3d"] == pytest.approx(60.0, rel=1e-3)
    assert table.mass["P/visit2/walk.c3d"] == pytest.approx(80.0, rel=1e-3)
    assert table.session.tolist() == ["visit1", "visit1", "visit2", "visit2"]


def test_two_runs_and_any_number_of_workers_give_the_same_bytes(laboratory, tmp_path, convert, products):
    (laboratory / "S2" / "S2_broken.c3d").write_bytes(b"no recording")
    runs = []
    for name, n_workers in (("a", 0), ("b", 1), ("c", 2)):
        convert(laboratory, tmp_path / name, n_workers=n_workers, codes="new")
        runs.append(products(tmp_path / name))
    assert len(runs[0]) == 6
    assert runs[0] == runs[1] == runs[2]


def test_folders_without_c3d_files_are_refused(tmp_path, convert):
    with pytest.raises(TrialRefused, match="found no folder"):
        convert(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrialRefused, match=r"expected C3D files \(\*\.c3d\)"):
        convert(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_marker_set_name_is_an_error_before_any_work(laboratory, tmp_path, convert):
    with pytest.raises(TrialRefused, match="unknown marker set 'no_such_set'"):
        convert(laboratory, tmp_path / "out", marker_set="no_such_set")
    assert not (tmp_path / "out").exists()


def test_a_laboratorys_own_marker_set_lies_beside_the_trials_without_its_path(
    laboratory, tmp_path, repository, convert
):
    own = tmp_path / "Quixwitz" / "zebulonia.toml"
    own.parent.mkdir()
    own.write_bytes((repository / "mocap_import" / "marker_sets" / "plug_in_gait.toml").read_bytes())
    table = convert(laboratory, tmp_path / "out", marker_set=own, codes="new")
    assert (tmp_path / "out" / "marker_set.toml").read_bytes() == own.read_bytes()
    assert set(table.marker_set) == {"../marker_set.toml"}
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or not any(word in path.read_bytes() for word in (b"Quixwitz", b"zebulonia"))
    own.write_text(own.read_text() + "\n# another edition\n")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")}
    convert(laboratory, tmp_path / "out", marker_set=own, codes="new")
    assert all(path.stat().st_mtime_ns != stamp for path, stamp in before.items())


def test_a_marker_set_that_does_not_fit_leaves_no_path_of_this_computer(laboratory, tmp_path, convert):
    own = tmp_path / "lab.toml"
    own.write_text('name = "lab"\n[segments]\npelvis = ["NOBODY"]\n')
    out = tmp_path / "Quixwitz"
    table = convert(laboratory, out, marker_set=own, codes="new")
    assert all("marker_set_unknown" in doubts for doubts in table.doubts)
    for path in out.rglob("*"):
        assert path.is_dir() or b"Quixwitz" not in path.read_bytes()


def test_an_archive_may_hold_its_own_output(laboratory, convert):
    assert len(convert(laboratory, laboratory / "out")) == 4
    assert len(convert(laboratory, laboratory / "out")) == 4


def test_no_word_of_the_parameter_section_reaches_the_output(tmp_path, walker, convert):
    root = tmp_path / "lab"
    root.mkdir()
    made = walker(duration=1.0, forces=False)
    secret = tuple(f"Jane Doe 1961:{label}" for label in made.trial.labels)
    write_c3d(root / "S1_walk.c3d", MarkerTrial("w", Subject("S1"), secret, made.trial.positions, 100.0))
    convert(root, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert "Jane" not in path.name
        assert path.is_dir() or b"Jane" not in path.read_bytes()
    assert any((tmp_path / "out").rglob("*.trial.h5"))
