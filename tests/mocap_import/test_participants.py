"""Participants: codes and names of files, and the table of subjects."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mocap_import.archive.participants import assumed_format, read_participants, subject_for, unmatched_rows
from mocap_import.archive.recording_name import name_files, plain_name
from mocap_import.task_word import task_from_name
from mocap_import.trial import TrialRefused


@pytest.mark.parametrize(
    "file, subject, trial",
    [
        ("RBDS001/RBDS001runT25.c3d", "RBDS001", "runT25"),
        ("HC002D/Straight/HC002D06.c3d", "HC002D", "Straight_06"),
        ("S012_walk_03.c3d", "S012", "walk_03"),
        ("RBDS001static.c3d", "RBDS001", "static"),
        ("Straight/HC002D06.c3d", "HC002D", "Straight_06"),
        ("P1/session2/walk 1.c3d", "P1", "session2_walk_1"),
        ("site/P1/Dynamic/a.c3d", "P1", "Dynamic_a"),
        ("data/P3.c3d", "P3", "data"),
    ],
)
def test_subject_and_trial_come_from_folder_or_file_name(file, subject, trial):
    named = name_files([Path(file)])[Path(file)]
    assert (named.subject, named.trial) == (subject, trial)


def test_names_are_unique_within_a_subject_and_sites_are_kept_apart():
    files = [Path(name) for name in ("a/S1/walk.c3d", "b/S1/walk.c3d", "P/x y.c3d", "P/x-y.c3d", "P/x_y.c3d")]
    named = name_files(files)
    assert len({(name.subject, name.trial) for name in named.values()}) == 5
    assert named[files[0]].subject == "a/S1"
    assert {named[file].trial for file in files[2:]} == {"x_y", "x-y", "x_y_2"}


@pytest.mark.parametrize(
    "file, session",
    [
        ("P1/session2/walk.c3d", "session2"),
        ("P1/2019-03-12/Gait/walk.c3d", "2019-03-12"),
        ("P1/20190312/walk.c3d", "20190312"),
        ("P1/post/Barefoot/walk.c3d", "post"),
        ("P1/walk.c3d", ""),
    ],
)
def test_a_folder_named_after_a_visit_or_a_date_is_a_session_and_no_subject(file, session):
    named = name_files([Path(file)])[Path(file)]
    assert (named.subject, named.session) == ("P1", session)


def test_the_parameters_name_the_subject_where_no_folder_does():
    loose, own = Path("Gait/xyz_01.c3d"), Path("P7/xyz_02.c3d")
    named = name_files([loose, own], {loose: "Miller", own: "Miller"})
    assert (named[loose].subject, named[own].subject) == ("Miller", "P7")


@pytest.mark.parametrize(
    "parts, plain",
    [
        (["Straight", "06"], "Straight_06"),
        (["runT25"], "runT25"),
        (["JaneDoe_walk_12-03-1961_03"], "walk_03"),
        (["S4 AM Cal 01"], "Cal_01"),
        (["dynamic", "CB_Dynamic0003"], "Dynamic0003"),
        (["Doe_1961"], ""),
        (["12031961"], ""),
        (["Walker Runa", "x"], ""),
    ],
)
def test_a_plain_name_keeps_movements_and_trial_numbers_only(parts, plain):
    assert plain_name(parts) == plain


@pytest.mark.parametrize(
    "parts, task",
    [
        (("HC", "Static", "HC02.c3d"), "static"),
        (("HC", "Turn", "HC22.c3d"), "turn"),
        (("RBDS001runT25.c3d",), "run"),
        (("S", "Straight", "5.c3d"), "walk"),
        (("S4 AM Cal 01.c3d",), "static"),
        (("running", "static.c3d"), "static"),
        (("calcaneus", "a.c3d"), None),
        (("x", "trial01.c3d"), None),
    ],
)
def test_tasks_come_from_words(parts, task):
    assert task_from_name(parts) == task


def test_the_table_is_read_in_its_units_and_matched_by_number(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text("subject,age_yr,height_cm,mass_kg,sex,files\n1,22,181.0,62.0,M,RBDS001\n2,,n/a,80,f,\n")
    table = read_participants(path)
    one = subject_for("RBDS001", table)
    assert (one.code, one.mass, one.sex, one.age) == ("RBDS001", 62.0, "male", 22.0)
    assert one.height == pytest.approx(1.81)
    two = subject_for("P002", table)
    assert (two.mass, two.sex) == (80.0, "female")
    assert math.isnan(two.height)
    assert math.isnan(subject_for("P009", table).mass)


@pytest.mark.parametrize(
    "text, words",
    [
        ("name,mass_kg\nA,1\n", "column `subject`"),
        ("subject,mass_kg\nA,heavy\n", "line 2: mass_kg = 'heavy'"),
        ("subject,sex\nA,w\nB,yes\n", "line 3: sex = 'yes' is not understood; write female, male or unknown"),
        ("subject,mass_kg\nA,70\nA,80\n", "line 3: A is listed twice with different facts"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_place(tmp_path, text, words):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(TrialRefused, match=words):
        read_participants(tmp_path / "p.csv")
    with pytest.raises(TrialRefused, match="no such participants table"):
        read_participants(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    "encoding, delimiter, said",
    [
        ("utf-8", ",", ""),
        ("utf-8-sig", ",", ""),
        ("cp1252", ",", "Windows-1252"),
        ("utf-8-sig", ";", "semicolons"),
        ("cp1252", ";", "Windows-1252 (Latin-1), since it is no UTF-8 and with semicolons"),
        ("utf-16", "\t", "UTF-16 and with tabs"),
    ],
)
def test_a_table_of_any_spreadsheet_is_read_and_the_assumption_named(tmp_path, encoding, delimiter, said):
    mass = "70.5" if delimiter == "," else "70,5"
    rows = (("subject", "mass_kg", "height_m", "sex"), ("Müller", mass, mass.replace("70", "1"), "männlich"))
    path = tmp_path / "p.csv"
    path.write_bytes("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    found = read_participants(path)["Müller"]
    assert (found.mass, found.height, found.sex) == (70.5, 1.5, "male")
    assert said in assumed_format(path)
    assert bool(said) == bool(assumed_format(path))


def test_a_decimal_comma_in_quotes_is_no_second_column(tmp_path):
    (tmp_path / "p.csv").write_text('subject,mass_kg\nA,"70,5"\n')
    assert read_participants(tmp_path / "p.csv")["A"].mass == 70.5


def test_rows_that_find_nobody_are_told(tmp_path):
    (tmp_path / "p.csv").write_text(
        "subject,mass_kg,files\n1,60,RBDS001\nMu\u0308ller,70,\nGone,80,\n", encoding="utf-8"
    )
    table = read_participants(tmp_path / "p.csv")
    assert unmatched_rows(table, ["RBDS001", "m\u00fcller", "Otto"]) == ["Gone"]
    assert subject_for("MÜLLER", table).mass == 70.0
