"""From converted trials and solved motion to a corpus: cluster and model agree, and every file ends in one row."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.trial_store import load_trial, write_trial
from opensim_models.model.skeleton import load_skeleton
from opensim_models.motion import Kinematics
from synth.cli import corpus_app, imu_app
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter, ImuErrors, check_corpus
from synth.corpus.provenance import file_hash
from synth.imu.placement import SEVEN_SENSORS
from synth.measured_trial import make_corpus_trial, segment_cutoff
from synth.motion_corpus import build_motion_corpus
from synth.record_settings import RecordSettings

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import RATE, make_motion, make_person, make_trial, write_person


def build(root, **options):
    settings = RecordSettings(ImuErrors(seed=7), **{"source": "both"} | options)
    return build_motion_corpus(root / "trials", root / "motion", root / "c.h5", settings)


@pytest.fixture
def archive(tmp_path):
    write_person(tmp_path, "S01", names=("walk_01", "walk_02"))
    write_person(tmp_path, "S02")
    return tmp_path


def test_cluster_and_model_give_the_same_sensors(archive):
    rows = build(archive)
    assert rows["status"].value_counts().to_dict() == {"accepted": 3, "static": 2}
    moving = rows[rows.status == "accepted"]
    assert moving["force_difference"].max() < 1e-3 and moving["turn_difference"].max() < 1e-4
    corpus = Corpus(archive / "c.h5")
    assert corpus.trials() == [("S01", "walk_01"), ("S01", "walk_02"), ("S02", "walk_01")]
    assert check_corpus(corpus.path) == []
    trial = corpus.read("S01", "walk_02")
    assert [r.placement.sensor for r in trial.recordings] == [p.sensor for p in SEVEN_SENSORS]
    assert trial.errors == ImuErrors(seed=7) and trial.events[0].time == 0.2
    assert trial.kinematics.values.shape == (150, len(trial.kinematics.coordinates))
    assert (archive / "c.csv").is_file()


def test_a_trial_carries_its_skeleton_its_session_and_when_it_began(archive):
    file = archive / "trials" / "S01" / "walk_01.trial.h5"
    write_trial(file, replace(load_trial(file), start_time=7.25, session="visit 2"))
    build(archive)
    corpus = Corpus(archive / "c.h5")
    for code, name in corpus.trials():
        trial = corpus.read(code, name)
        assert trial.skeleton == load_skeleton(archive / "motion" / code / "skeleton.json")
        assert trial.skeleton.coordinate_names == trial.kinematics.coordinates
    assert (corpus.read("S01", "walk_01").start_time, corpus.read("S01", "walk_01").session) == (7.25, "visit 2")
    assert (corpus.read("S01", "walk_02").start_time, corpus.read("S01", "walk_02").session) == (0.0, "")
    with h5py.File(archive / "c.h5") as file:
        assert len(file["skeletons"]) == 2  # one a person


def test_the_same_inputs_give_the_same_bytes(archive):
    build(archive)
    first = file_hash(archive / "c.h5")
    build(archive)
    assert file_hash(archive / "c.h5") == first


def test_segments_without_a_cluster_use_the_model_and_say_so(tmp_path):
    write_person(tmp_path, "S01", n_foot_markers=2)
    rows = build(tmp_path)
    assert rows[rows.trial == "walk_01"].status.item() == "repaired"
    treatment = Corpus(tmp_path / "c.h5").read("S01", "walk_01").treatments[-1]
    assert treatment.what == "model_motion" and treatment.detail.startswith("foot_r, foot_l")
    with pytest.raises(CorpusMismatch, match="no motion of calcn_r for sensor foot_r"):
        build(tmp_path, source="cluster")


def test_every_file_ends_in_one_row(archive):
    (archive / "motion" / "S01" / "walk_02.mot").unlink()
    (archive / "motion" / "S02" / "skeleton.json").write_text("{}")
    (archive / "trials" / "S01" / "torn.trial.h5").write_bytes(b"not HDF5")
    rows = build(archive)
    assert len(rows) == len(list((archive / "trials").glob("*/*.trial.h5")))
    assert rows["status"].value_counts().to_dict() == {"refused": 3, "static": 2, "accepted": 1}
    assert (rows[rows.status == "refused"].reason.str.len() > 20).all()
    assert Corpus(archive / "c.h5").trials() == [("S01", "walk_01")]


def test_motion_of_another_trial_is_refused():
    subject, skeleton = make_person("S01")
    kinematics = make_motion(skeleton)
    trial = make_trial(subject, skeleton, kinematics)
    short = Kinematics(kinematics.coordinates, kinematics.values[:-1], RATE)
    with pytest.raises(Exception, match=r"the motion file has 149 frames at 100 Hz, the trial 150"):
        make_corpus_trial(trial, skeleton, short, SEVEN_SENSORS)


def test_occluded_frames_stay_missing_and_are_counted():
    subject, skeleton = make_person("S01")
    kinematics = make_motion(skeleton)
    trial = make_trial(subject, skeleton, kinematics)
    columns = [i for i, label in enumerate(trial.labels) if label.startswith("tibia_r")]
    trial.positions[60:70, columns[:2]] = np.nan
    made, facts = make_corpus_trial(trial, skeleton, kinematics, SEVEN_SENSORS, RecordSettings(source="cluster"))
    shank = made.recordings[2].specific_force
    assert np.isnan(shank[59:71]).all() and np.isfinite(shank[1:59]).all() and np.isfinite(shank[71:-1]).all()
    assert facts["missing"] == pytest.approx((7 * 2 + 12) / (7 * 150))


def test_muscle_activity_travels_from_trial_to_corpus(tmp_path):
    subject, skeleton = make_person("S01")
    kinematics = make_motion(skeleton)
    trial = make_trial(subject, skeleton, kinematics)
    envelopes = {"Voltage.LRectus": np.linspace(0, 1, trial.n_frames), "EMG 9": np.linspace(1, 0, trial.n_frames)}
    trial = replace(trial, emg_envelopes=envelopes, analog_units={"Voltage.LRectus": "V"})
    made, _ = make_corpus_trial(trial, skeleton, kinematics, SEVEN_SENSORS)
    with CorpusWriter(tmp_path / "emg.h5", role="motion", seed=1, config={}) as corpus:
        corpus.append(made)
    found = Corpus(tmp_path / "emg.h5").read("S01", trial.name).activity
    assert found.channels == tuple(envelopes) and found.muscles[0] == "rectus_femoris" and found.sides[0] == "left"
    np.testing.assert_array_equal(found.envelopes, np.stack(list(envelopes.values()), axis=1))
    assert check_corpus(tmp_path / "emg.h5") == []


def test_a_constant_belt_speed_changes_no_reading():
    subject, skeleton = make_person("S01")
    kinematics = make_motion(skeleton)
    trial = make_trial(subject, skeleton, kinematics)
    moving = make_trial(subject, skeleton, kinematics)
    moving.positions[:] += np.outer(trial.time, [1.3, 0.0, 0.0])[:, None]
    for a, b in zip(
        *(make_corpus_trial(t, skeleton, kinematics, SEVEN_SENSORS)[0].recordings for t in (trial, moving)), strict=True
    ):
        np.testing.assert_allclose(a.specific_force[20:-20], b.specific_force[20:-20], atol=1e-4)


def test_cut_offs_follow_the_segment_and_stay_below_the_rate():
    assert [segment_cutoff(name, 200.0) for name in ("pelvis", "tibia_r", "calcn_l", "torso")] == [10, 10, 15, 10]
    assert segment_cutoff("calcn_r", 25.0) == 10.0


def test_the_commands_write_show_and_check_a_corpus(archive):
    runner, folder = CliRunner(), archive
    arguments = [str(folder / "trials"), str(folder / "motion"), str(folder / "c.h5")]
    run = runner.invoke(imu_app, [*arguments, "--noise", "0.2", "--seed", "3", "--json"])
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert answer["counts"] == {"accepted": 3, "static": 2} and answer["cutoffs_hz"]["calcn_r"] == 15.0
    assert Corpus(folder / "c.h5").read("S01", "walk_01").errors == ImuErrors(0.2, 13.5, 3)
    shown = json.loads(runner.invoke(corpus_app, ["show", str(folder / "c.h5"), "--json"]).stdout)
    assert shown["role"] == "motion" and len(shown["trials"]) == 3
    assert "walk_02" in runner.invoke(corpus_app, ["show", str(folder / "c.h5")]).stdout
    checked = runner.invoke(corpus_app, ["check", str(folder / "c.h5")])
    assert checked.exit_code == 0 and "0 errors, 0 warnings" in checked.stdout
    assert "feet at 15 Hz" in runner.invoke(imu_app, ["--help"]).stdout
    said = runner.invoke(imu_app, [*arguments, "--force"])
    assert said.exit_code == 0
    assert any("pelvis" in row and "10.0 Hz" in row for row in said.stdout.splitlines())  # its low-pass
    (folder / "motion" / "S01" / "walk_02.mot").unlink()
    assert runner.invoke(imu_app, [*arguments, "--force"]).exit_code == 3  # some


def test_the_commands_say_what_is_wrong_in_one_sentence(tmp_path):
    runner = CliRunner()
    nothing = runner.invoke(imu_app, [str(tmp_path), str(tmp_path), str(tmp_path / "c.h5")])
    assert nothing.exit_code == 1 and "expected converted trials" in nothing.stderr
    write_person(tmp_path, "S01")
    (tmp_path / "motion" / "S01" / "skeleton.json").unlink()
    none = runner.invoke(imu_app, [str(tmp_path / "trials"), str(tmp_path / "motion"), str(tmp_path / "c.h5")])
    assert none.exit_code == 4 and "none of 2 files could be used" in none.stderr
    assert not list(tmp_path.glob("*c.h5*"))
    (tmp_path / "bad.h5").write_text("x")
    for command in ("show", "check"):
        run = runner.invoke(corpus_app, [command, str(tmp_path / "bad.h5")])
        assert run.exit_code == 1 and "not a readable HDF5 file" in run.output
    assert json.loads(runner.invoke(corpus_app, ["show", str(tmp_path / "bad.h5"), "--json"]).stdout)["error"]
