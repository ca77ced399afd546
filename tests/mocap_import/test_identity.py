"""Identity: codes are stable and name nobody; nothing of names, dates, paths and free text is in any product."""

from __future__ import annotations

import contextlib
import csv
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mocap_import.archive.identity import is_code
from mocap_import.archive.private_text import private_words, without_private_text
from mocap_import.archive.run import convert_archive
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.subject import Subject
from mocap_import.trial import Treatment, TrialRefused
from mocap_import.trial_store import load_trial

SECRETS = (
    *("Zebulonia", "Quixwitz", "19610312", "12-03-1961", "Wendigostreet", "Dr-Xylander", "Ovrkill-knee", "KLINIKUMQX"),
    *("4711885", "Pompelmoos"),
)
"""Strings that no program would write by itself: name, family name, birth date twice, address, operator, diagnosis,
clinic, patient number, and a word in a file name."""


@pytest.fixture
def hospital(tmp_path, walker):
    """An archive that is full of people: in folders, file names and parameters, accepted and refused files."""
    import ezc3d

    root = tmp_path / "KLINIKUMQX archive" / "recordings"
    person = root / "Quixwitz_Zebulonia_19610312"
    visit = person / "12-03-1961"
    visit.mkdir(parents=True)
    made = walker(duration=1.5, rate=50.0, ratio=4)
    labels = tuple(f"Zebulonia_{label}" for label in made.trial.labels)
    trial = replace(made.trial, labels=labels, subject=Subject("x"), analog={}, marker_set="unknown")
    for name, path in (
        ("Quixwitz Zebulonia", visit / "Quixwitz walk Pompelmoos 03.c3d"),
        ("", root / "loose4711885.c3d"),
    ):
        write_c3d(path, trial if name else replace(made.trial, subject=Subject("x")), plates=made.plates)
        content = ezc3d.c3d(str(path))
        for group, parameter, text in (
            ("SUBJECTS", "NAMES", name or "Zebulonia"),
            ("SUBJECTS", "BIRTHDATE", "12-03-1961"),
            ("PATIENT", "ADDRESS", "Wendigostreet 7"),
            ("TRIAL", "OPERATOR", "Dr-Xylander"),
            ("POINT", "DESCRIPTIONS", "Ovrkill-knee"),
            ("ANALOG", "DESCRIPTIONS", "Ovrkill-knee"),
            ("MANUFACTURER", "COMPANY", "KLINIKUMQX"),
        ):
            content.add_parameter(group, parameter, [text])
        content.write(str(path))
    (visit / "Zebulonia 4711885.c3d").write_bytes(b"")
    (person / "Dr-Xylander.c3d").mkdir()
    whole = (root / "loose4711885.c3d").read_bytes()
    (person / "Pompelmoos.C3D").write_bytes(whole[: len(whole) // 2])
    return root


def _bytes_found(folder: Path, words) -> list[tuple[str, str]]:
    """Where words stand in names and bytes of a folder, in any case, as UTF-8 and UTF-16."""
    found = []
    for path in folder.rglob("*"):
        content = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        content = content.lower()
        for word in words:
            forms = (word.lower().encode(), word.lower().encode("utf-16-le"), word.lower().encode("utf-16-be"))
            if any(form in content for form in forms):
                found.append((path.name, word))
    return found


@pytest.mark.parametrize("n_workers", [0, 1])
def test_no_name_date_path_or_free_text_is_in_any_byte_of_the_output(hospital, tmp_path, n_workers):
    out = tmp_path / "out"
    table = convert_archive(hospital, out, n_workers=n_workers)
    assert len(table) == 5
    assert (table.status == "refused").sum() == 3
    assert _bytes_found(out, [*SECRETS, str(tmp_path)]) == []
    # The same search finds them where they are kept on purpose, so that it can fail.
    convert_archive(hospital, tmp_path / "kept", n_workers=0, codes="keep")
    assert {word for _, word in _bytes_found(tmp_path / "kept", SECRETS)} >= {"Quixwitz", "4711885"}


def test_a_crash_reason_and_an_interrupted_run_name_nobody_either(hospital, tmp_path, monkeypatch):
    from mocap_import.archive import conversion

    def broken(**arguments):
        quoted = " ".join(private_words(Path(arguments["path"])))
        raise ValueError(f"cannot read {arguments['path']} of {quoted}")

    monkeypatch.setattr(conversion, "convert_file", broken)
    table = convert_archive(hospital, tmp_path / "out", n_workers=0)
    assert (table.status == "refused").all()
    assert table.reason.str.contains("reading failed").sum() == 4
    assert _bytes_found(tmp_path / "out", [*SECRETS, str(tmp_path)]) == []

    def stop(_):
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        convert_archive(hospital, tmp_path / "out2", n_workers=0, progress=stop)
    assert _bytes_found(tmp_path / "out2", SECRETS) == []


def test_labels_lose_the_name_and_keep_their_meaning(hospital, tmp_path):
    table = convert_archive(hospital, tmp_path / "out", n_workers=0)
    row = table[table.trial.str.endswith("walk_03")].iloc[0]
    trial = load_trial(tmp_path / "out" / row.output)
    assert {"RASI", "LHEE"} <= set(trial.labels)
    assert (trial.source, trial.session) == (row.file, "session_1")


def test_every_kind_of_label_loses_the_name_and_stays_unique(walker):
    made = walker(duration=0.5, forces=False).trial
    named = {"Zebulonia_EMG": 1, "EMG": 2}
    trial = replace(
        made,
        **dict.fromkeys(("analog", "model_outputs", "segment_rotations", "emg_envelopes"), named),
        analog_units={"Zebulonia_EMG": "V"},
        treatments=(Treatment("labels_unmapped", "in /home/x/Quixwitz.c3d: ZEBULONIA_EMG"),),
    )
    plain = without_private_text(trial, ("Zebulonia",), ("/home/x/Quixwitz.c3d",), "S001/walk.c3d")
    for field in ("analog", "model_outputs", "segment_rotations", "emg_envelopes"):
        assert getattr(plain, field) == {"EMG": 1, "EMG_2": 2}
    assert plain.analog_units == {"EMG": "V"}
    assert plain.labels == made.labels
    assert plain.treatments[0].detail == "in S001/walk.c3d: (subject)_EMG"


def test_the_key_is_written_only_on_request_and_apart(hospital, tmp_path):
    with pytest.raises(TrialRefused, match="must not lie in the output folder"):
        convert_archive(hospital, tmp_path / "out", n_workers=0, key=tmp_path / "out" / "key.csv")
    assert not (tmp_path / "out").exists()
    table = convert_archive(hospital, tmp_path / "out", n_workers=0, key=tmp_path / "key.csv")
    assert stat.S_IMODE((tmp_path / "key.csv").stat().st_mode) == 0o600
    with (tmp_path / "key.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {f"{row['subject']}/{row['trial']}.c3d": row["original_file"] for row in rows} == dict(
        zip(table.file, table.attrs["originals"], strict=True)
    )
    assert all((hospital / row["original_file"]).exists() for row in rows)


def _empty_archive(root, names):
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "walk 1.c3d").write_bytes(b"")
    return root


def test_codes_follow_the_order_of_names_and_later_files_renumber_nobody(tmp_path):
    root = _empty_archive(tmp_path / "lab", ["Miller", "Abel"])
    first = convert_archive(root, tmp_path / "out", n_workers=0)
    assert first.file.tolist() == ["S001/walk_1.c3d", "S002/walk_1.c3d"]
    _empty_archive(root, ["Aaron", "Zoe"])
    (root / "Abel" / "walk  1.c3d").write_bytes(b"")
    later = convert_archive(root, tmp_path / "out", n_workers=0)
    by_place = dict(zip(later.attrs["originals"], later.file, strict=True))
    assert by_place["Abel/walk 1.c3d"] == "S001/walk_1.c3d"
    assert by_place["Abel/walk  1.c3d"] == "S001/walk_1_2.c3d"
    assert by_place["Miller/walk 1.c3d"] == "S002/walk_1.c3d"
    assert (by_place["Aaron/walk 1.c3d"], by_place["Zoe/walk 1.c3d"]) == ("S003/walk_1.c3d", "S004/walk_1.c3d")


def test_the_state_between_runs_is_private_and_holds_no_name(tmp_path):
    root = _empty_archive(tmp_path / "lab", ["Quixwitz"])
    convert_archive(root, tmp_path / "out", n_workers=0)
    state = tmp_path / "out" / "import_identity.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert _bytes_found(tmp_path / "out", ["Quixwitz"]) == []
    salt = json.loads(state.read_text())["salt"]
    convert_archive(root, tmp_path / "out2", n_workers=0)
    assert json.loads((tmp_path / "out2" / "import_identity.json").read_text())["salt"] != salt
    state.write_text("{")
    with pytest.raises(TrialRefused, match="state of earlier runs is damaged"):
        convert_archive(root, tmp_path / "out", n_workers=0)


def test_codes_that_the_participants_table_lists_stay_and_names_do_not(tmp_path):
    root = _empty_archive(tmp_path / "lab", ["RBDS001", "P02", "Miller", "S001"])
    (root / "participants.csv").write_text("subject,files\n1,RBDS001\nMiller,\nS001,\n")
    table = convert_archive(root, tmp_path / "out", n_workers=0)
    codes = {place.split("/")[0]: code for place, code in zip(table.attrs["originals"], table.subject, strict=True)}
    assert codes == {"RBDS001": "RBDS001", "S001": "S001", "Miller": "S002", "P02": "S003"}
    kept = convert_archive(root, tmp_path / "kept", n_workers=0, codes="keep")
    assert sorted(kept.subject) == ["Miller", "P02", "RBDS001", "S001"]
    with pytest.raises(TrialRefused, match="made with --codes keep, not new"):
        convert_archive(root, tmp_path / "kept", n_workers=0)


@pytest.mark.parametrize("text", ["S01", "RBDS001", "HC030A", "sub-01", "P_12", "007", "CP12", "subject3"])
def test_a_participants_code_looks_like_one(text):
    assert is_code(text)


@pytest.mark.parametrize("text", ["Miller", "Anna2", "JD120361", "19610312", "4711885", "miller01", "", "A" * 5 + "1"])
def test_names_dates_and_hospital_numbers_are_no_codes(text):
    assert not is_code(text)
