"""Subject folder: people are never taken for one; sessions of one person stay one where something shows it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mocap_import.archive.folder_word import is_group_word, is_known_word, is_person_code, is_session_word
from mocap_import.archive.recording_name import name_files
from mocap_import.archive.subject_folder import StatedSubject, subject_folders


def _people(*files, **settings):
    """Subjects of files, in their order, and how it was found."""
    paths = [Path(file) for file in files]
    found = subject_folders(paths, **settings)
    named = name_files(paths, folders=found.of)
    return [named[path].subject for path in paths], found


@pytest.mark.parametrize("leaf", ["Barfuß", "Orthese", "Kontrolle", "Messung 1", "T1", "Tag10", "Termin2", "pieds nus"])
def test_a_condition_or_day_in_another_language_is_no_person(leaf):
    assert _people(f"Otto/{leaf}/walk.c3d", "Otto/Schuhe/walk.c3d")[0] == ["Otto", "Otto"]


def test_ten_days_are_one_person_with_ten_sessions_in_their_order():
    files = [f"Zehn/Tag{day}/walk.c3d" for day in range(1, 11)]
    assert set(_people(*files)[0]) == {"Zehn"}
    assert len({named.session for named in name_files([Path(file) for file in files]).values()}) == 10


@pytest.mark.parametrize(
    "files",
    [
        ("controls/P01/w.c3d", "controls/P02/w.c3d"),
        ("controls/T1/w.c3d", "controls/T2/w.c3d"),
        ("T1/w.c3d", "T2/w.c3d"),
        ("Gruppe A/Otto/w.c3d", "Gruppe A/Anna/w.c3d"),
        ("lab/Otto/w.c3d", "lab/Anna/w.c3d"),
        ("lab/Runner1/w.c3d", "lab/Runner2/w.c3d", "lab/Runner3/w.c3d"),
        ("2018/Anna/w.c3d", "2018/Bert/w.c3d", "2019/Anna/w.c3d", "2020/Anna/w.c3d"),
        ("StudyA/S01/w.c3d", "StudyB/S01/w.c3d", "StudyC/S01/w.c3d"),
        ("controls/P01_walk.c3d", "controls/P02_walk.c3d"),
        ("controls/Barfuß/P01_walk.c3d", "controls/Barfuß/P02_walk.c3d"),
        ("lab/Preuß/w.c3d", "lab/Postel/w.c3d", "lab/Dayan/w.c3d"),
        ("x/Müller/w.c3d", "x/Möller/w.c3d"),
    ],
)
def test_people_below_a_group_stay_people(files):
    assert len(set(_people(*files)[0])) == len(files)


def test_unknown_words_that_recur_below_more_people_than_there_are_words_are_sessions():
    files = [f"{person}/{word}/w.c3d" for person in ("Otto", "Anna", "Kai") for word in ("Alpha", "Beta")]
    people, found = _people(*files)
    assert people == ["Otto", "Otto", "Anna", "Anna", "Kai", "Kai"]
    assert found.joined == {"recurs": 6}
    # Names that the files state have the last word: these may be three towns with an Alpha and a Beta each.
    stated = _stated(("Alpha", StatedSubject("A", 60.0, 1.6)), ("Beta", StatedSubject("B", 70.0, 1.8)))
    assert _people(*files, stated=stated)[1].apart == 6
    two = [file for file in files if "Kai" not in file]
    assert _people(*two)[1].apart == 4


def _stated(*people):
    answers = dict(people)
    return lambda file: answers[file.parts[1]]


def test_what_the_files_state_decides_where_names_do_not():
    files = ("Otto Maier/xx/w.c3d", "Otto Maier/yy/w.c3d")
    one = StatedSubject("Maier", 70.0, 1.75)
    assert _people(*files, stated=_stated(("xx", one), ("yy", one)))[1].joined == {"stated": 2}
    # One placeholder in all files is no person, unless mass and height agree too.
    new = StatedSubject("New Patient", math.nan, math.nan)
    assert _people(*files, stated=_stated(("xx", new), ("yy", new)))[1].apart == 2
    weighed = StatedSubject("New Patient", 70.0, 1.75)
    heavier = StatedSubject("New Patient", 80.0, 1.75)
    assert _people(*files, stated=_stated(("xx", weighed), ("yy", weighed)))[1].joined == {"stated": 2}
    assert _people(*files, stated=_stated(("xx", weighed), ("yy", heavier)))[1].apart == 2
    other = StatedSubject("Huber", 70.0, 1.75)
    assert _people(*files, stated=_stated(("xx", one), ("yy", other)))[1].apart == 2
    assert _people(*files, stated=_stated(("xx", one), ("yy", None)))[1].apart == 2


def test_files_are_asked_only_where_names_do_not_decide():
    def never(file):
        raise AssertionError(file)

    for files in (
        ("P1/a/w.c3d",),
        ("controls/P01/w.c3d", "controls/P02/w.c3d"),
        ("Otto/Tag1/w.c3d", "Otto/Tag2/w.c3d"),
    ):
        assert _people(*files, stated=never)[0] == _people(*files)[0]


def test_the_participants_table_decides():
    files = ("lab/xx/w.c3d", "lab/yy/w.c3d")
    assert _people(*files, listed=("LAB",))[0] == ["lab", "lab"]
    assert _people(*files, listed=("xx", "lab"))[0] == ["xx", "yy"]
    assert _people("Otto/T1/w.c3d", "Otto/T2/w.c3d", listed=("T1",))[0] == ["T1", "Otto"]


def test_a_level_that_is_given_decides_everything():
    files = ("lab/Otto/xx/w.c3d", "lab/Otto/yy/w.c3d", "lab/w.c3d", "loose_w.c3d")
    assert _people(*files, level=2)[0] == ["Otto", "Otto", "lab", "loose"]
    assert _people(*files, level=1)[0][:3] == ["lab"] * 3
    assert _people(*files, level=3)[0][:2] == ["xx", "yy"]


@pytest.mark.parametrize(
    "names",
    [("Müller", "Möller"), ("Łukasz", "Žukasz"), ("李", "金"), ("Kim A", "Kim_A"), ("Иван", "Олег"), ("Ö1", "Ü1")],
)
@pytest.mark.parametrize("form", ["{}/walk.c3d", "{}_walk01.c3d"])
def test_every_letter_of_a_name_counts(names, form):
    named = name_files([Path(form.format(name)) for name in names])
    assert len({name.person for name in named.values()}) == 2


def test_one_name_in_two_encodings_or_capitals_is_one_person():
    files = [Path("M\u00fcller/a.c3d"), Path("Mu\u0308ller/b.c3d"), Path("MÜLLER/c.c3d")]
    assert len({name.person for name in name_files(files).values()}) == 1


def test_days_above_the_people_are_days_of_the_same_people():
    files = [Path(file) for file in ("pre/P01/w.c3d", "post-op/P01/w.c3d", "T3/P01/w.c3d", "siteB/P01/w.c3d")]
    named = list(name_files(files).values())
    assert [name.person for name in named] == ["p01", "p01", "p01", "siteb/p01"]
    assert [name.session for name in named] == ["pre", "post-op", "T3", ""]
    assert len({name.trial for name in named[:3]}) == 3


def test_words_are_words_whole():
    assert is_session_word("post-op 2")
    for name in ("Preuß", "Testa", "Schnell", "Boden", "Dag", "Schuh", "Postel", "Dayan"):
        assert not is_known_word(name)
    assert not is_known_word("Tagore")
    assert is_group_word("Kontrollgruppe")
    assert not is_person_code("Tag1x2")
    assert is_person_code("HC002D")
