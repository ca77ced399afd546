"""`kinesynth labels`: a file, an archive, a draft for a set nobody knows, and the three documented commands."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.c3d.reader import read_c3d
from mocap_import.cli import import_app
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.frame.lab_frame import find_lab_frame
from mocap_import.label_command import labels_app
from mocap_import.marker.marker_set import load_marker_set, recognise_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from mocap_import.trial_reader import read_trial

GERMAN = {
    "ASI": "SIAS", "PSI": "SIPS", "THI": "Oberschenkel", "KNE": "Knie", "TIB": "Unterschenkel", "ANK": "Knoechel",
    "HEE": "Ferse", "TOE": "Zehe",
}  # fmt: skip


def _labels(*words):
    return CliRunner().invoke(labels_app, [str(word) for word in words])


@pytest.fixture
def laboratory(tmp_path, walker):
    """Two walks of a laboratory whose words are German, and a broken file."""
    root = tmp_path / "labor"
    root.mkdir()
    for number, speed in ((1, 1.2), (2, 1.5)):
        trial = walker(speed=speed, duration=3.0, rate=100.0, ratio=4).trial
        labels = tuple(
            f"{GERMAN[label[1:]]}_{'re' if label[0] == 'R' else 'li'}" if label[1:] in GERMAN else label
            for label in trial.labels
        )
        write_c3d(root / f"Gang{number}.c3d", replace(trial, labels=labels, ground_reactions=(), events=()))
    (root / "kaputt.c3d").write_bytes(b"")
    return root


def test_from_an_unknown_archive_to_trials_in_three_commands(laboratory, tmp_path):
    toml = tmp_path / "labor.toml"
    first = _labels(laboratory, "--draft", toml, "--workers", "0")
    assert first.exit_code == 3, "one file is broken"
    assert "marker set unknown: 2 of 2 files" in first.output
    assert "not read: kaputt.c3d" in first.output
    assert f"--marker-set {toml}" in " ".join(first.output.split())
    own = load_marker_set(toml)
    for landmark, word in (("asis", "SIAS"), ("knee_lateral", "Knie"), ("heel", "Ferse"), ("toe", "Zehe")):
        assert (own.landmarks[f"{landmark}_r"], own.landmarks[f"{landmark}_l"]) == (f"{word}_re", f"{word}_li")
    trial = read_trial(laboratory / "Gang1.c3d", marker_set=toml)
    assert trial.marker_set != "unknown"
    assert len(trial.events) >= 4 and trial.task == "walk"
    assert read_trial(laboratory / "Gang1.c3d").marker_set == "unknown"


def test_a_mistyped_label_of_an_own_set_is_named_once_a_run(laboratory, tmp_path):
    """No file is to blame, so the run says it: the label is in no recording, and which one was meant."""
    toml, out = tmp_path / "labor.toml", tmp_path / "trials"
    _labels(laboratory, "--draft", toml, "--workers", "0")
    toml.write_text(toml.read_text().replace("Knie_re", "Knnie_re").replace("CHECK", ""))
    command = [str(laboratory), "--out", str(out), "--marker-set", str(toml), "--workers", "0"]
    said = CliRunner().invoke(import_app, command)
    assert said.exit_code == 3, said.output
    wanted = "label 'Knnie_re' of labor.toml is in no recording; did you mean 'Knie_re'?"
    assert said.output.count(wanted) == 1
    answer = json.loads(CliRunner().invoke(import_app, [*command, "--json"]).output)
    assert answer["labels_in_no_recording"] == [wanted]
    doubts = [row["doubts"] or "" for row in answer["rows"]]
    assert not any("labels_absent" in doubt or "marker_set_unchecked" in doubt for doubt in doubts)
    assert all("lower_limb_incomplete" in row["verdict_reasons"] for row in answer["rows"] if row["task"] == "static")
    toml.write_text(toml.read_text().replace("Knnie_re", "Knie_re"))
    assert "in no recording" not in CliRunner().invoke(import_app, command).output


def test_a_draft_that_nobody_read_makes_every_trial_doubtful(laboratory, tmp_path):
    """The line is a word without any meaning; `checked = true` settles it without another edit."""
    for path in laboratory.glob("Gang*.c3d"):
        trial = read_trial(path)
        labels = tuple({"Knie_re": "XQ7", "Knie_li": "XQ8"}.get(label, label) for label in trial.labels)
        labels = tuple(label.replace("Oberschenkel", "meinoberschenkelding") for label in labels)
        write_c3d(path, replace(trial, labels=labels, ground_reactions=(), events=()))
    toml, out = tmp_path / "labor.toml", tmp_path / "trials"
    _labels(laboratory, "--draft", toml, "--workers", "0")
    command = [str(laboratory), "--out", str(out), "--marker-set", str(toml), "--workers", "0", "--json"]
    rows = json.loads(CliRunner().invoke(import_app, command).output)["rows"]
    read = [row for row in rows if row["status"] != "refused"]
    assert read and all("marker_set_unchecked" in row["verdict_reasons"] for row in read)
    assert all(row["verdict"] in ("doubtful", "unusable") for row in read)
    toml.write_text(toml.read_text().replace("checked = false", "checked = true"))
    rows = json.loads(CliRunner().invoke(import_app, command).output)["rows"]
    assert not any("marker_set_unchecked" in (row["doubts"] or "") for row in rows if row["status"] != "refused")


def test_json_has_every_label_with_its_files_and_meaning(laboratory, tmp_path):
    toml = tmp_path / "labor.toml"
    answer = json.loads(_labels(laboratory, "--draft", toml, "--json", "--workers", "0").output)
    assert (answer["files"], answer["read"], answer["marker_sets"]) == (3, 2, {"unknown": 2})
    assert answer["labels"]["Ferse_re"] == {"files": 2, "meaning": []}
    assert answer["draft"]["recordings"] == 2 and "kaputt.c3d" in answer["refused"]
    known = json.loads(_labels(laboratory, "--marker-set", toml, "--json", "--workers", "0").output)
    assert known["labels"]["Ferse_re"]["meaning"] == ["heel_r", "calcn_r"]
    assert known["marker_sets"] == {"labor": 2}


def test_a_full_disk_leaves_no_half_of_a_draft(laboratory, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    result = _labels(laboratory, "--draft", tmp_path / "lab.toml", "--workers", "0")
    assert (result.exit_code, "No space left" in result.output) == (1, True)
    assert not (tmp_path / "lab.toml").exists()


def test_worker_processes_say_the_same(laboratory):
    here, there = (_labels(laboratory, "--json", "--workers", n).output for n in ("0", "1"))
    assert json.loads(here)["labels"] == json.loads(there)["labels"]


def test_labels_reads_the_files_that_import_would(laboratory, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (laboratory / "Gang1.c3d").rename(elsewhere / "Gang1.c3d")
    before = json.loads(_labels(laboratory, "--json").output)["files"]
    (laboratory / "linked").symlink_to(elsewhere)
    (laboratory / "lost.c3d").symlink_to(tmp_path / "nowhere")
    answer = json.loads(_labels(laboratory, "--json").output)
    assert answer["files"] == before + 2, "one behind a linked folder, one behind a broken link"
    assert sorted(answer["refused"]) == ["kaputt.c3d", "lost.c3d"]


def test_a_file_lists_its_labels(laboratory):
    result = _labels(laboratory / "Gang1.c3d")
    assert result.exit_code == 0
    assert "marker set: unknown (nearest:" in result.output
    assert "Ferse_re                 unknown" in result.output


def test_a_laboratory_s_model_outputs_are_counted_apart(data_dir):
    file = data_dir / "clinical_labs_anz" / "FMC" / "static" / "MH0222_BP08.c3d"
    answer = json.loads(_labels(file, "--json").output)
    assert answer["marker_set"] == "plug_in_gait"
    assert answer["labels"]["RKNE"] == ["knee_lateral_r", "femur_r"]
    assert len(answer["model_outputs"]) >= 50 and not set(answer["model_outputs"]) & set(answer["labels"])


def test_wrong_usage_is_told_apart_from_wrong_data(laboratory, tmp_path):
    (tmp_path / "there.toml").write_text("# mine")
    (tmp_path / "empty").mkdir()
    for words, sentence in (
        ((tmp_path / "nowhere",), "no such file or folder"),
        ((laboratory, "--marker-set", "plug_in_gate"), "Did you mean 'plug_in_gait'"),
        ((laboratory, "--marker-set", "labels.csv"), "is a .toml file, got .csv"),
        ((laboratory, "--draft", tmp_path / "there.toml"), "may hold your corrections"),
        ((laboratory, "--draft", tmp_path / "lab.csv"), "ends in .toml"),
        ((laboratory, "--draft", tmp_path / "no" / "lab.toml"), "no such folder"),
    ):
        result = _labels(*words)
        assert (result.exit_code, sentence in result.output) == (2, True), (words, result.output)
    assert (tmp_path / "there.toml").read_text() == "# mine"
    empty = _labels(tmp_path / "empty")
    assert (empty.exit_code, "found none" in empty.output) == (1, True)
    broken = _labels(laboratory / "kaputt.c3d", "--json")
    assert (broken.exit_code, "empty" in json.loads(broken.output)["error"]) == (4, True)


def test_an_archive_of_a_known_set_needs_no_draft(tmp_path, walker):
    write_c3d(tmp_path / "walk.c3d", walker(duration=1.0, forces=False).trial)
    result = _labels(tmp_path, "--draft", tmp_path / "x.toml", "--workers", "0")
    assert (result.exit_code, "no draft written" in result.output) == (0, True)
    assert not (tmp_path / "x.toml").exists()


FRENCH = {
    "ASIS": "EIAS", "PSIS": "EIPS", "Iliac.Crest": "crête iliaque", "Heel.Bottom": "talon bas",
    "Heel.Top": "talon haut", "Heel.Lateral": "talon lat", "MT1": "meta1", "MT5": "meta5", "MT2": "mt2",
    "Knee": "genou ext", "Knee.Medial": "genou int", "Ankle": "cheville ext", "Ankle.Medial": "cheville int",
    "GTR": "trochanter", "TT": "tuberosité", "Thigh": "cuisse", "Shank": "jambe",
}  # fmt: skip


def _in_french(label):
    side, _, core = label.partition(".")
    if side not in ("R", "L"):
        return label
    for word in sorted(FRENCH, key=len, reverse=True):
        if core == word or core.startswith(word + "."):
            return f"{FRENCH[word]}{core[len(word) :].replace('.', ' ')} {'D' if side == 'R' else 'G'}"
    return f"{core} {'D' if side == 'R' else 'G'}"


def test_a_real_laboratory_in_another_language_is_drafted(data_dir, tmp_path):
    """Two RBDS recordings with every label in French: what the draft gets right of the shipped set."""
    root = tmp_path / "laboratoire"
    root.mkdir()
    for name in ("RBDS002static", "RBDS002runT25"):
        raw = read_c3d(data_dir / "rbds_running" / "RBDS002" / f"{name}.c3d")
        frame, _ = find_lab_frame(raw, recognise_marker_set(raw.labels))
        positions = (raw.points[:450] * frame.metres_per_unit) @ frame.rotation.T
        labels = tuple(_in_french(label) for label in raw.labels)
        trial = MarkerTrial(name=name, subject=Subject("X"), labels=labels, positions=positions, rate=raw.rate)
        write_c3d(root / f"{name}.c3d", trial, axes=np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]))
    toml = tmp_path / "lab.toml"
    assert _labels(root, "--draft", toml, "--workers", "0").exit_code == 0
    shipped, own = load_marker_set("ufabc_running"), load_marker_set(toml)
    truth = {mark: _in_french(label) for mark, label in shipped.landmarks.items()}
    wrong = {mark: label for mark, label in own.landmarks.items() if truth.get(mark) != label}
    assert not wrong
    assert len(own.landmarks) >= 24, f"{len(own.landmarks)} of {len(truth)}"
    moved = [
        label
        for body, labels in shipped.segments.items()
        for label in labels
        if _in_french(label) in own.segments.get(body, ())
    ]
    assert len(moved) >= 30
