"""People of an archive: who was found is said, one person has one code, two have two, no file is lost."""

from __future__ import annotations

import csv
import os
import shutil
from dataclasses import replace

import pytest

from mocap_import.archive import people as archive_people
from mocap_import.archive.run import convert_archive
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import load_trial


def _archive(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"")
    return root


def _codes(table):
    return dict(zip(table.attrs["originals"], table.subject, strict=True))


@pytest.fixture
def walk(tmp_path, walker):
    """One recording."""
    made = walker(duration=1.5, rate=50.0, ratio=4)
    path = tmp_path / "recording.c3d"
    write_c3d(path, replace(made.trial, subject=Subject("x")), plates=made.plates)
    return path


@pytest.mark.parametrize("codes", ["new", "keep"])
@pytest.mark.parametrize("form", ["{}/walk.c3d", "{}_walk.c3d"])
def test_names_that_differ_in_any_letter_are_different_people(tmp_path, codes, form):
    names = ("Müller", "Möller", "Łukasz", "Žukasz", "李", "金", "Kim A", "Kim_A", "Иван", "Олег")
    root = _archive(tmp_path / "lab", *(form.format(name) for name in names))
    table = convert_archive(root, tmp_path / "out", codes=codes, n_workers=0)
    assert table.subject.nunique() == len(names)
    assert table.subject.map(str.isascii).all()
    assert table.groupby("subject").trial.nunique().eq(1).all()


def test_codes_stay_when_a_person_gets_a_second_day_or_a_namesake(tmp_path):
    root = _archive(tmp_path / "lab", "Otto/xx/w.c3d", "a/S1/w.c3d")
    first = _codes(convert_archive(root, tmp_path / "out", n_workers=0))
    _archive(root, "b/S1/w.c3d", "a/S1/v.c3d", "Otto/Tag2/v.c3d", "Otto/xx/v.c3d")
    later = _codes(convert_archive(root, tmp_path / "out", n_workers=0))
    assert {place: later[place] for place in first} == first
    assert later["a/S1/v.c3d"] == first["a/S1/w.c3d"]
    assert later["Otto/xx/v.c3d"] == first["Otto/xx/w.c3d"]
    assert later["b/S1/w.c3d"] not in first.values()


def test_a_folder_keeps_its_code_when_it_comes_to_be_seen_as_a_session(tmp_path):
    root = _archive(tmp_path / "lab", *(f"{name}/{word}/w.c3d" for name in ("Otto", "Anna") for word in ("xx", "yy")))
    first = _codes(convert_archive(root, tmp_path / "out", n_workers=0))
    assert len(set(first.values())) == 4
    _archive(root, "Kai/xx/w.c3d", "Kai/yy/w.c3d", "Otto/xx/v.c3d", "Otto/yy/v.c3d")
    later = _codes(convert_archive(root, tmp_path / "out", n_workers=0))
    assert {place: later[place] for place in first} == first
    assert (later["Otto/xx/v.c3d"], later["Otto/yy/v.c3d"]) == (first["Otto/xx/w.c3d"], first["Otto/yy/w.c3d"])
    assert later["Kai/xx/w.c3d"] == later["Kai/yy/w.c3d"]


def test_a_subject_folder_that_is_given_gives_all_files_their_code_anew(tmp_path, walk):
    root = _archive(tmp_path / "lab", "lab/Otto/xx/w.c3d", "lab/Otto/yy/w.c3d", "lab/Anna/xx/w.c3d")
    shutil.copy(walk, root / "lab/Otto/yy/w.c3d")
    found = convert_archive(root, tmp_path / "out", n_workers=0)
    assert found.subject.nunique() == 3
    assert any("give --subject-folder" in sentence for sentence in found.attrs["people"])
    given = convert_archive(root, tmp_path / "out", n_workers=0, subject_folder=2)
    assert list(_codes(given)) == ["lab/Anna/xx/w.c3d", "lab/Otto/xx/w.c3d", "lab/Otto/yy/w.c3d"]
    assert given.subject[1] == given.subject[2] != given.subject[0]
    outputs = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").glob("*/*.trial.h5")}
    assert outputs == set(given.output.dropna())
    assert all(any(path.iterdir()) for path in (tmp_path / "out").iterdir() if path.is_dir())
    again = convert_archive(root, tmp_path / "out", n_workers=0, subject_folder=2)
    assert _codes(again) == _codes(given)
    with pytest.raises(TrialRefused, match="subject folder 0: expected 1"):
        convert_archive(root, tmp_path / "out", n_workers=0, subject_folder=0)


def test_who_was_found_is_said_with_names_on_the_terminal_only(tmp_path):
    root = _archive(tmp_path / "lab", "Quixwitz/Barfuß/w.c3d", "Quixwitz/Tag1/w.c3d", "Zebulon/Tag1/w.c3d")
    (root / "participants.csv").write_text("subject,mass_kg\nquixwitz,60\nXylander,70\n")
    table = convert_archive(root, tmp_path / "out", n_workers=0)
    said = " ".join(table.attrs["people"])
    assert "2 subjects: 2 from the folder names: Quixwitz -> S001, Zebulon -> S002" in said
    assert "1 of 2 rows of the participants table match no subject: Xylander; subjects are Quixwitz, Zebulon." in said
    page = (tmp_path / "out" / "import.html").read_text()
    assert "2 subjects: 2 from the folder names." in page
    assert "1 of 2 rows of the participants table match no subject." in page
    for path in (tmp_path / "out").rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        assert not any(name in content for name in (b"quixwitz", b"zebulon", b"xylander"))


def test_the_key_names_the_people_as_the_laboratory_writes_them(tmp_path):
    root = _archive(tmp_path / "lab", "Müller Jürgen/w.c3d", "李/w.c3d")
    convert_archive(root, tmp_path / "out", n_workers=0, key=tmp_path / "key.csv")
    with (tmp_path / "key.csv").open(newline="", encoding="utf-8") as file:
        assert {row["original_subject"] for row in csv.DictReader(file)} == {"Müller Jürgen", "李"}


@pytest.mark.parametrize("codes", ["new", "keep"])
def test_a_file_name_that_is_no_text_is_a_row_like_others(tmp_path, codes, walk):
    root = _archive(tmp_path / "lab", "S1/w.c3d")
    for name in (b"m\xfcller 1.c3d", b"S1/m\xfcller 2.c3d"):
        shutil.copy(walk, os.fsencode(root) + b"/" + name)
    (root / os.fsdecode(b"S1/m\xfcller 3.c3d")).write_bytes(b"")
    table = convert_archive(root, tmp_path / "out", n_workers=0, codes=codes, key=tmp_path / "key.csv")
    assert (table.status != "refused").sum() == 2
    assert len(table) == 4
    for output in table.output.dropna():
        load_trial(tmp_path / "out" / output)
    again = convert_archive(root, tmp_path / "out", n_workers=0, codes=codes)
    assert again.file.tolist() == table.file.tolist()


def test_a_recording_that_is_there_twice_says_so_until_it_is_not(tmp_path, walk):
    root = _archive(tmp_path / "lab", "S1/bad.c3d", "S2/bad.c3d")
    for file in ("S1/walk 1.c3d", "S2/walk 2.c3d"):
        shutil.copy(walk, root / file)
    table = convert_archive(root, tmp_path / "out", n_workers=0).set_index("file")
    assert table.doubts["S001/walk_1.c3d"].endswith("duplicate_recording: the same bytes as S002/walk_2.c3d")
    assert table.doubts["S002/walk_2.c3d"].endswith("duplicate_recording: the same bytes as S001/walk_1.c3d")
    assert "duplicate" not in "".join(table.doubts.fillna("")[table.status == "refused"])
    trial = load_trial(tmp_path / "out" / table.output["S001/walk_1.c3d"])
    assert "duplicate_recording" in {note.what for note in trial.treatments}
    (root / "S2" / "walk 2.c3d").unlink()
    alone = convert_archive(root, tmp_path / "out", n_workers=0).set_index("file")
    assert "duplicate" not in alone.doubts["S001/walk_1.c3d"]
    assert alone.status["S001/walk_1.c3d"] == table.status["S001/walk_1.c3d"]


def test_a_run_that_goes_on_does_not_read_again_who_is_in_it(tmp_path, monkeypatch):
    root = _archive(tmp_path / "lab", "P1_walk.c3d", "P2_walk.c3d")
    read = []
    monkeypatch.setattr(archive_people, "stated_subject", lambda path: read.append(path.name))

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_archive(root, tmp_path / "out", n_workers=0, progress=stop)
    assert read == ["P1_walk.c3d", "P2_walk.c3d"]
    read.clear()
    _archive(root, "P3_walk.c3d")
    table = convert_archive(root, tmp_path / "out", n_workers=0)
    assert (read, table.subject.tolist()) == (["P3_walk.c3d"], ["S001", "S002", "S003"])


def test_nothing_is_written_over_a_file_or_into_the_archive(tmp_path):
    root = _archive(tmp_path / "lab", "S1/w.c3d")
    recording = tmp_path / "other.c3d"
    recording.write_bytes(b"a recording")
    out = tmp_path / "out"
    for settings, said in (
        ({"key": recording}, "a file that is no key of an import lies there"),
        ({"key": root / "key.csv"}, "must not lie in the archive"),
        ({"key": tmp_path / "nowhere" / "key.csv"}, "expected a file name in a folder that exists"),
        ({"quarantine": root / "refused"}, "must not lie in the archive"),
        ({"quarantine": out / "refused"}, "must not lie in the output folder"),
    ):
        with pytest.raises(TrialRefused, match=said):
            convert_archive(root, out, n_workers=0, **settings)
    with pytest.raises(TrialRefused, match="is the archive itself"):
        convert_archive(root, root, n_workers=0)
    assert recording.read_bytes() == b"a recording"
    assert [path.name for path in root.rglob("*")] == ["S1", "w.c3d"]
    assert not out.exists()
    for _ in range(2):  # an earlier key is ours
        convert_archive(root, out, n_workers=0, key=tmp_path / "key.csv")


def test_a_place_where_the_key_cannot_be_written_is_said_before_any_work(tmp_path, monkeypatch):
    root = _archive(tmp_path / "lab", "S1/w.c3d")

    def closed(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mocap_import.archive.identity_key.tempfile.TemporaryFile", closed)
    with pytest.raises(TrialRefused, match="cannot be written there"):
        convert_archive(root, tmp_path / "out", n_workers=0, key=tmp_path / "key.csv")
    assert not (tmp_path / "out").exists()
