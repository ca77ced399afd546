"""Running again: only what is new or changed is done, what is gone is removed, a folder belongs to one archive."""

from __future__ import annotations

import os

import pytest

from mocap_import.archive import conversion
from mocap_import.trial import TrialRefused


def test_a_second_run_does_only_what_changed(laboratory, tmp_path, monkeypatch, convert):
    out = tmp_path / "out"
    first = convert(laboratory, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.trial.h5")}
    done = []
    original = conversion.convert_file
    monkeypatch.setattr(conversion, "convert_file", lambda **a: done.append(a["relative"]) or original(**a))
    again = convert(laboratory, out)
    assert done == []
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.trial.h5")} == stamps
    assert again.equals(first)
    walk = laboratory / "S1" / "S1_walk.c3d"
    walk.write_bytes(walk.read_bytes() + bytes(16))
    next(out.glob("S2/walk.trial.h5")).unlink()
    convert(laboratory, out)
    assert sorted(done) == ["S1/S1_walk.c3d", "S2/S2_walk.c3d"]


def test_a_file_that_becomes_bad_leaves_no_stale_trial(laboratory, tmp_path, convert):
    convert(laboratory, tmp_path / "out")
    (laboratory / "S1" / "S1_walk.c3d").write_bytes(b"")
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert table.status["S1/S1_walk.c3d"] == "refused"
    assert not (tmp_path / "out" / "S1" / "walk.trial.h5").exists()


def test_a_folder_that_cannot_be_listed_is_a_row_and_loses_no_trial(laboratory, tmp_path, monkeypatch, convert):
    convert(laboratory, tmp_path / "out")
    scandir = os.scandir

    def closed(folder):
        if str(folder).endswith("S2"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)
    table = convert(laboratory, tmp_path / "out").set_index("file")
    assert "cannot be listed (Permission denied)" in table.reason["S2"]
    assert (tmp_path / "out" / "S2" / "walk.trial.h5").is_file()


def test_trials_of_files_that_are_gone_are_removed_and_named(laboratory, tmp_path, convert):
    convert(laboratory, tmp_path / "out")
    (laboratory / "S1" / "S1_walk.c3d").unlink()
    table = convert(laboratory, tmp_path / "out")
    assert table.attrs["gone"] == ["S1/S1_walk.c3d"]
    assert len(table) == 3
    assert not (tmp_path / "out" / "S1" / "walk.trial.h5").exists()
    assert "S1/S1_walk.c3d" in (tmp_path / "out" / "import.html").read_text()
    assert convert(laboratory, tmp_path / "out").attrs["gone"] == []


def test_an_output_folder_belongs_to_one_archive(laboratory, tmp_path, convert):
    other = tmp_path / "other"
    (other / "S3").mkdir(parents=True)
    (other / "S3" / "walk.c3d").write_bytes((laboratory / "S1" / "S1_walk.c3d").read_bytes())
    convert(laboratory, tmp_path / "out")
    with pytest.raises(TrialRefused, match="belongs to another archive; give another --out, or --add"):
        convert(other, tmp_path / "out")
    assert sorted(convert(other, tmp_path / "out", add=True).subject) == ["S1", "S1", "S2", "S2", "S3"]
    moved = laboratory.rename(tmp_path / "moved")
    assert len(convert(moved, tmp_path / "out").attrs["gone"]) == 0
    (tmp_path / "foreign" / "S1").mkdir(parents=True)
    (tmp_path / "foreign" / "S1" / "a.trial.h5").write_bytes(b"")
    with pytest.raises(TrialRefused, match="holds trials that no run of this version wrote"):
        convert(moved, tmp_path / "foreign")


def test_two_runs_do_not_write_into_one_folder_at_once(laboratory, tmp_path, convert):
    with pytest.raises(TrialRefused, match="another run is writing there"):
        convert(laboratory, tmp_path / "out", progress=lambda row: convert(laboratory, tmp_path / "out"))


def test_same_size_and_date_are_taken_for_the_same_content_unless_verified(laboratory, tmp_path, convert):
    walk = laboratory / "S1" / "S1_walk.c3d"
    convert(laboratory, tmp_path / "out")
    status = walk.stat()
    walk.write_bytes(bytes(status.st_size))
    os.utime(walk, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (convert(laboratory, tmp_path / "out").status != "refused").all()
    assert (convert(laboratory, tmp_path / "out", verify=True).status == "refused").sum() == 1


def test_a_touched_file_with_the_same_content_is_not_done_again(laboratory, tmp_path, monkeypatch, convert):
    convert(laboratory, tmp_path / "out")
    os.utime(laboratory / "S1" / "S1_walk.c3d", ns=(1, 1))
    monkeypatch.setattr(conversion, "convert_file", None)
    assert (convert(laboratory, tmp_path / "out").status != "refused").all()
