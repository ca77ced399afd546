"""Laws of origins: every array says where it comes from, what trials share is stored once, and nothing is lost."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent
from opensim_models.motion import Kinematics
from synth.cli import corpus_app, imu_app
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, check_corpus, merge_corpora
from synth.corpus.array_origin import ArrayOrigin, SourceFile, arrays_of, origins_of, with_origins
from synth.corpus.corpus_facts import corpus_facts
from synth.corpus.provenance import file_hash, versions
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.motion_account import read_account

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import write_person

RECORD = SourceFile("S01/walk.trial.h5", "ab" * 32)


def small_trial(name="walk_01", origins=None):
    n = 20
    still = np.tile([0.0, 9.81, 0.0], (n, 1))
    record = ImuRecording(SensorPlacement("pelvis", "pelvis"), still, 0 * still, 100.0)
    made = (
        ArrayOrigin(("imu/pelvis",), "simulated", {"cutoff_hz": {"pelvis": 10.0}}, {}, (RECORD,), {"numpy": "2.0"}),
        ArrayOrigin(("kinematics", "events"), "solved", {}, {"rms": 0.01}, (RECORD,), warnings=("knee is uncertain",)),
    )
    return CorpusTrial(
        name,
        Subject("S01", 70.0, 1.75),
        100.0,
        (record,),
        kinematics=Kinematics(("knee_angle_r",), np.zeros((n, 1)), 100.0),
        events=(GaitEvent(0.1, "right", "foot_strike", "force"),),
        origins=made if origins is None else origins,
    )


def write(path, *trials):
    with CorpusWriter(path) as corpus:
        for trial in trials:
            corpus.append(trial)
    return path


def spoil(path, change):
    """Change the root of a corpus and its first trial by hand."""
    with h5py.File(path, "r+") as file:
        change(file, file["subjects/S01/trials/walk_01"])


def run(app, *arguments, code=0):
    made = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert made.exit_code == code, made.output
    return made


def test_origins_survive_a_corpus_a_merge_and_a_copy(tmp_path):
    trial = small_trial()
    path = write(tmp_path / "c.h5", trial)
    assert Corpus(path).read("S01", "walk_01").origins == trial.origins == Corpus(path).origins("S01", "walk_01")
    assert check_corpus(path) == []
    merge_corpora([path], tmp_path / "m.h5")
    assert Corpus(tmp_path / "m.h5").read("S01", "walk_01").origins == trial.origins


def test_what_trials_share_is_stored_once(tmp_path):
    trials = [small_trial(f"walk_{i:02d}") for i in range(5)]
    with h5py.File(write(tmp_path / "c.h5", *trials)) as file:
        assert len(file["origins"]) == 1
        (name,) = file["origins"]
        assert json.loads(file["origins"][name].asstr()[()])[0]["method"] == "simulated"
        own = file["subjects/S01/trials/walk_03"].attrs["origin_facts"]
        assert json.loads(own)["sources"] == [[RECORD.name, RECORD.sha256]] and "simulated" not in own


def test_an_origin_costs_a_trial_less_than_a_kilobyte(tmp_path):
    """A hundred trials with and without: the difference, everything counted."""
    trials = [small_trial(f"walk_{i:03d}") for i in range(100)]
    with_them = write(tmp_path / "with.h5", *trials).stat().st_size
    without = write(tmp_path / "without.h5", *(replace(trial, origins=()) for trial in trials)).stat().st_size
    assert 0 < (with_them - without) / 100 < 1000


def test_arrays_that_are_not_there_have_no_origin_and_new_ones_replace_the_old(tmp_path):
    trial = replace(small_trial(), kinematics=None)
    stored = Corpus(write(tmp_path / "c.h5", trial)).read("S01", "walk_01").origins
    assert [origin.arrays for origin in stored] == [("imu/pelvis",), ("events",)]
    again = with_origins(small_trial(), ArrayOrigin(("kinematics",), "network"))
    assert [(o.arrays, o.method) for o in again.origins] == [
        (("imu/pelvis",), "simulated"),
        (("events",), "solved"),
        (("kinematics",), "network"),
    ]
    assert origins_of(again.origins, ()) == ()
    assert arrays_of(trial) == ("imu/pelvis", "events")


@pytest.mark.parametrize(
    ("origins", "sentence"),
    [
        ((ArrayOrigin(("imu/pelvis",), "a", sources=(SourceFile("x", "12"),)),), "has the SHA-256 '12'"),
        ((ArrayOrigin(("imu/pelvis",), ""),), "names no method"),
        ((ArrayOrigin(("events",), "a"), ArrayOrigin(("events",), "b")), "two origins of events"),
    ],
)
def test_the_check_finds_what_is_no_origin(tmp_path, origins, sentence):
    found = check_corpus(write(tmp_path / "c.h5", small_trial(origins=origins)))
    assert any(sentence in f.what for f in found if f.level == "error")
    assert any("nothing says how" in f.what for f in found if f.level == "warning")


def test_origins_that_cannot_be_stored_are_refused_before_anything_is_written(tmp_path):
    with CorpusWriter(tmp_path / "c.h5") as corpus:
        with pytest.raises(CorpusMismatch, match="cannot be stored as JSON"):
            corpus.append(small_trial(origins=(ArrayOrigin(("events",), "a", {"x": float("nan")}),)))
        corpus.append(small_trial())
    assert check_corpus(tmp_path / "c.h5") == []


def _other_text(file, trial):
    name = trial.attrs["origins"]
    del file["origins"][name]
    file["origins"][name] = "[]"


def _no_text(file, trial):
    del file["origins"][trial.attrs["origins"]]


def _no_hash(file, trial):
    trial.attrs["origins"] = "../splits"


def _no_json(file, trial):
    trial.attrs["origin_facts"] = "{"


def _other_number(file, trial):
    facts = json.loads(trial.attrs["origin_facts"])
    trial.attrs["origin_facts"] = json.dumps(facts | {"each": facts["each"][:1]})


@pytest.mark.parametrize("change", [_other_text, _no_text, _no_hash, _no_json, _other_number])
def test_spoiled_origins_are_refused_and_found_by_the_check(tmp_path, change):
    path = write(tmp_path / "c.h5", small_trial())
    spoil(path, change)
    with pytest.raises(CorpusMismatch, match=r"origins|requires"):
        Corpus(path).read("S01", "walk_01")
    assert any(f.level == "error" for f in check_corpus(path))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A converted and solved archive of one person; inverse kinematics and dynamics had their doubts."""
    root = tmp_path_factory.mktemp("archive")
    write_person(root, "S01")
    folder = root / "motion" / "S01"
    rows = {
        "walk_01.ik.json": {
            "status": "solved",
            "marker_error_mm": 23.456789,
            "doubts": "markers 23 mm RMS",
            "seconds": 7.0,
        },
        "walk_01.id.json": {"status": "solved", "residual_force_percent": 31.0, "reason": "plate 1 begins late"},
        "scaling.done.json": {"status": "scaled", "doubts": "pelvis by no marker"},
    }
    for name, row in rows.items():
        content = {"fingerprint": "f", "row": row, "software": {"kinesynth": "0.9"}}
        (folder / name).write_text(json.dumps(content))
    run(imu_app, root / "trials", root / "motion", root / "c.h5", "--cutoff", "auto")
    return root


def test_a_measured_trial_names_its_files_choices_versions_and_doubts(archive):
    trial = Corpus(archive / "c.h5").read("S01", "walk_01")
    by_array = {array: origin for origin in trial.origins for array in origin.arrays}
    assert set(by_array) == set(arrays_of(trial))
    recorded = archive / "trials/S01/walk_01.trial.h5"
    pelvis, solved = by_array["imu/pelvis"], by_array["kinematics"]
    assert SourceFile("S01/walk_01.trial.h5", file_hash(recorded)) in pelvis.sources
    assert "marker cluster" in pelvis.method and pelvis.software == versions()
    assert pelvis.parameters["derivatives"] == "central_difference" and pelvis.parameters["low_pass"] == "auto"
    assert set(pelvis.found["cutoff_hz"]) >= {"pelvis", "calcn_l"}
    mot = archive / "motion/S01/walk_01.mot"
    assert SourceFile("S01/walk_01.mot", file_hash(mot)) in solved.sources
    assert solved.found == {"marker_error_mm": 23.4568, "residual_force_percent": 31.0}
    assert solved.software == {"kinesynth": "0.9"}
    assert solved.warnings == (
        "scaling: pelvis by no marker",
        "inverse kinematics: markers 23 mm RMS",
        "inverse dynamics: plate 1 begins late",
    )
    assert by_array["events"].parameters == {"from": ["markers"]}
    assert not [finding for finding in check_corpus(archive / "c.h5") if "nothing says" in finding.what]


def test_an_account_is_what_was_found_and_not_how_long_it_took(archive, tmp_path):
    folder = archive / "motion" / "S01"
    before = read_account(folder, "walk_01").sha256()
    for name in ("walk_01.ik.json", "walk_01.id.json", "walk_01.mot", "scaling.done.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    told = json.loads((tmp_path / "walk_01.ik.json").read_text())
    told["row"]["seconds"] = 99.0
    (tmp_path / "walk_01.ik.json").write_text(json.dumps(told))
    assert read_account(tmp_path, "walk_01").sha256() == before
    told["row"]["doubts"] = "none"
    (tmp_path / "walk_01.ik.json").write_text(json.dumps(told))
    assert read_account(tmp_path, "walk_01").sha256() != before
    told["product"] = "00" * 32
    (tmp_path / "walk_01.ik.json").write_text(json.dumps(told))
    assert any("not those that" in warning for warning in read_account(tmp_path, "walk_01").warnings)


def test_records_made_anew_and_records_with_errors_say_so(archive, tmp_path):
    run(imu_app, archive / "c.h5", "--motion", archive / "motion", "--out", tmp_path / "anew.h5", "--bake")
    trial = Corpus(tmp_path / "anew.h5").read("S01", "walk_01")
    by_array = {array: origin for origin in trial.origins for array in origin.arrays}
    assert set(by_array) == set(arrays_of(trial))
    pelvis = by_array["imu/pelvis"]
    assert "skeleton by its coordinates" in pelvis.method and pelvis.method.endswith("with sensor errors")
    assert pelvis.parameters["errors"]["noise_share"] == 0.15
    assert "scaling: pelvis by no marker" in pelvis.warnings


def test_the_command_and_the_datasheet_show_origins(archive):
    said = run(corpus_app, "origins", archive / "c.h5").stdout
    assert "inverse kinematics of `kinesynth motion`" in said and "1 trials, 1 with warnings" in said
    one = run(corpus_app, "origins", archive / "c.h5", "S01/walk_01").stdout
    assert "warning  inverse dynamics: plate 1 begins late" in one and "S01/walk_01.mot" in one
    plain = json.loads(run(corpus_app, "origins", archive / "c.h5", "S01/walk_01", "--json").stdout)
    assert len(plain["origins"][0]["sources"][0]["sha256"]) == 64
    assert "holds no trial" in run(corpus_app, "origins", archive / "c.h5", "S01/run", code=1).stderr
    facts = corpus_facts(archive / "c.h5")
    assert facts["warnings"]["scaling: pelvis by no marker"] >= 1
    assert facts["origins"]["kinematics: inverse kinematics of `kinesynth motion`"] == 1


def test_no_path_is_in_an_origin(archive):
    assert str(archive).encode() not in (archive / "c.h5").read_bytes()
