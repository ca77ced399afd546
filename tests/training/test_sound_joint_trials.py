"""Joint trials that cannot be used are left out with a sentence, doubtful ones are named, by all commands of joints."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import STANDARD_GRAVITY, Subject
from opensim_models.motion import SegmentMotion
from synth.corpus import CorpusTrial, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.imu.recording import ImuRecording, SensorPlacement
from training.cli import evaluate_app
from training.joint import curve_run, network_run
from training.joint.joint_estimates import estimate_corpus
from training.joint.joint_model import train_on
from training.joint.recipe import joint_config
from training.joint.sound_trial import read_sound_trials
from training.network_command import network_app
from training.stored_card import read_card

RATE = 100.0
PEOPLE = {"V0": "sound", "V1": "sound", "V2": "silent", "V3": "broken", "V4": "exchanged"}


def swing(code, state, task="walk"):
    """A right leg whose shank swings further than its thigh, with something wrong with its records."""
    t = np.arange(300) / RATE
    phase = 2 * np.pi * 0.9 * t + int(code[1:])
    segments, records = [], []
    for name, angle in (("femur_r", 0.4 * np.sin(phase)), ("tibia_r", 0.7 * np.sin(phase - 0.6) - 0.3)):
        pose = Rotation.from_rotvec(angle[:, None] * [0.0, 0.0, 1.0])
        turn = np.column_stack([0 * t, 0 * t, np.gradient(angle, 1 / RATE)])
        segments.append(SegmentMotion(name, np.zeros((len(t), 3)), pose, RATE))
        force = pose.apply([0.0, STANDARD_GRAVITY, 0.0], inverse=True)
        records.append(ImuRecording(SensorPlacement(name, name), force, turn, RATE))
    if state == "exchanged":
        thigh, shank = records
        records = [replace(shank, placement=thigh.placement), replace(thigh, placement=shank.placement)]
    if state == "degrees":
        records[1] = replace(records[1], angular_velocity=np.degrees(records[1].angular_velocity))
    if state in ("silent", "broken"):
        force = records[1].specific_force.copy()
        force[slice(None) if state == "silent" else slice(100, 160)] = np.nan
        records[1] = replace(records[1], specific_force=force)
    return CorpusTrial(
        name="trial", subject=Subject(code, 70.0, 1.75), rate=RATE, recordings=tuple(records), segments=tuple(segments),
        task=task, spatiotemporal={"speed": 1.2},
    )  # fmt: skip


def write(path, people, task="walk"):
    with CorpusWriter(path, role="reference", config={}, seed=0) as writer:
        for code, state in people.items():
            writer.append(swing(code, state, task))
    return path


@pytest.fixture(scope="module")
def knees(tmp_path_factory):
    return write(tmp_path_factory.mktemp("knees") / "knees.h5", PEOPLE)


def is_told(left_out, doubts):
    """Whether sentences tell of the three trials what is wrong with each, and of no other but the lacking left legs."""
    right = [s for s in left_out if "side l" not in s]
    return (
        [("V2/trial" in s and "distal holds no value" in s) for s in right] == [True]
        and ["V3/trial" in s and "distal has no value for 0.6 s" in s for s in doubts] == [True, False]
        and "V4/trial" in doubts[1]
        and "proximal and distal sensor of the knee seem exchanged" in doubts[1]
    )


def test_a_silent_trial_is_left_out_a_gap_and_exchanged_sensors_are_named(knees):
    read = read_sound_trials(knees, "knee")
    assert [trial.subject.code for trial in read.trials] == ["V0", "V1", "V3", "V4"]
    assert is_told(read.skipped, read.doubts)


def test_exchanged_sensors_are_named_in_gait_alone(tmp_path):
    """Who squats turns the thigh more than the shank: nothing is said of other movements."""
    for task, named in (("run", True), ("squat", False)):
        path = write(tmp_path / f"{task}.h5", {"V1": "exchanged"}, task)
        assert bool(read_sound_trials(path, "knee").doubts) == named


def test_degrees_are_refused_before_anything_is_trained(tmp_path):
    path = write(tmp_path / "degrees.h5", {"V0": "sound", "V1": "degrees"})
    with pytest.raises(CorpusMismatch, match=r"V1.*distal turns at .*deg/s"):
        read_sound_trials(path, "knee")
    with pytest.raises(CorpusMismatch, match=r"no trial can be used.*holds no value"):
        read_sound_trials(write(tmp_path / "silent.h5", {"V0": "silent"}), "knee")


def test_the_command_that_trains_a_joint_model_tells_it_and_so_does_the_file(knees, tmp_path):
    out = tmp_path / "knee.safetensors"
    words = ["joint", str(knees), str(out), "--steps", "1"]
    done = CliRunner().invoke(network_app, words)
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert is_told([s for s in lines if s.startswith("left out: ")], [s for s in lines if s.startswith("V")])
    about = read_card(out)["about"]
    assert is_told(about["left_out"], about["doubts"])
    told = json.loads(CliRunner().invoke(network_app, [*words, "--json"]).stdout)
    assert is_told(told["left_out"], told["doubts"])


def test_a_silent_trial_is_refused_not_estimated_and_the_rest_is_named(knees, tmp_path):
    own = [
        replace(t, subject=Subject(f"T{k}", 70.0, 1.75)) for k, t in enumerate(read_sound_trials(knees, "knee").trials)
    ]
    path = tmp_path / "knee.safetensors"
    model = train_on(own[:2], joint_config(steps=1, batch=2, width=4, depth=1), path=path)
    made = estimate_corpus(model, knees)
    refused = [sentence for sentence in made.refused if "side l" not in sentence]
    assert (made.n_estimated, len(made.refused), len(refused)) == (4, 6, 1)
    assert "V2" not in set(made.angles["subject"])
    assert "V2" in refused[0] and "distal holds no value" in refused[0]
    assert is_told(["V2/trial: distal holds no value"], made.doubts)
    words = ["apply", str(path), str(knees), str(tmp_path / "angles.csv")]
    shown = CliRunner().invoke(network_app, words)
    assert shown.exit_code == 3 and "4 estimated, 6 refused" in shown.stdout
    lines = [line for line in shown.stderr.splitlines() if "side l" not in line]
    assert [any(code in line for line in lines) for code in PEOPLE] == [False, False, True, True, True]
    said = json.loads(CliRunner().invoke(network_app, [*words, "--json"]).stdout)
    assert (said["estimated"], said["refused"]) == (4, 6) and len(said["doubts"]) == 2
    frames = pd.read_csv(tmp_path / "angles.csv").query("subject == 'V3'")["knee_flexion_deg"]
    assert frames[100:160].isna().all() and frames[:100].notna().all()


@pytest.mark.parametrize(("table", "module"), [("learning", curve_run), ("networks", network_run)])
def test_tables_tell_what_they_leave_out_before_they_train(knees, tmp_path, monkeypatch, table, module):
    def stop(*_, **__):
        raise CorpusMismatch("nothing is trained in this test")

    monkeypatch.setattr(module, "part_subjects", stop)
    done = CliRunner().invoke(evaluate_app, ["--table", table, str(knees), "--out", str(tmp_path)])
    assert "nothing is trained" in done.output
    lines = done.stderr.splitlines()
    assert is_told([s for s in lines if s.startswith("skipped: ")], [s for s in lines if s.startswith("V")])
