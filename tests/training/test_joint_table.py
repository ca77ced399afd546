"""Folds share nobody, weights come from teachers, steps obey their laws, the table says what it is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY, Subject
from synth.corpus.schema import CorpusMismatch
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.joint_trial import JointTrial, joint_angles
from training.joint import rapp_run
from training.joint.estimate import JointEstimate, estimate_joint
from training.joint.fold import inner_parting, part_subjects
from training.joint.fold_run import STEPS, JointFold, run_fold
from training.joint.heading import without_heading
from training.joint.joint_record import joint_record, joint_training_set, trial_name
from training.joint.optimisation import (
    SmootherDeviations,
    published_angles,
    self_placed_angles,
    smoothed_angles,
)
from training.joint.published_table import PUBLISHED, published_value
from training.joint.rapp_table import page, summarise
from training.joint.recipe import joint_config
from training.joint.score import score_angles
from training.joint.sound_trial import SoundTrials
from training.joint.step_weight import fit_steps
from training.joint.worn_sensor import wear_sensors
from training.loop import train

RATE = 100.0


def swinging_leg(code: str, seconds: float = 4.0) -> JointTrial:
    """Two segments that turn about three axes about points that stay; everybody's sizes and means differ a little."""
    rng = np.random.default_rng(int.from_bytes(code.encode(), "little") % 2**32)
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * 1.4 * t + rng.uniform(0, 2 * np.pi)
    poses, records = [], []
    for name, sizes in (("proximal", (25, 5, 4)), ("distal", (45, 4, 6))):
        sizes = np.deg2rad(sizes) * rng.normal(1.0, 0.05, 3)
        means = np.deg2rad(rng.normal(0.0, 3.0, 3))
        zxy = means + sizes * np.sin(phase[:, None] + [0.0, 0.7, 1.9] + (0.8 if name == "distal" else 0.0))
        pose = Rotation.from_euler("ZXY", zxy)
        step = (pose[:-1].inv() * pose[1:]).as_rotvec() * RATE
        gyro = np.vstack([step[:1], 0.5 * (step[1:] + step[:-1]), step[-1:]])
        arm = pose.apply([0.0, -0.2, 0.0])
        own = np.gradient(np.gradient(arm, 1 / RATE, axis=0), 1 / RATE, axis=0)
        force = pose.apply(own + np.array([0.0, STANDARD_GRAVITY, 0.0]), inverse=True)
        records.append(ImuRecording(SensorPlacement(name, name), force, gyro, RATE))
        poses.append(pose)
    laboratory = "A" if int(code[1:]) % 2 else "B"
    person = Subject(code, mass=60.0 + int(code[1:]), height=1.7)
    return JointTrial(
        person, "swing", "knee", "r", RATE, *records, *poses, joint_angles("knee", *poses), laboratory, "run"
    )


def truth_as_estimate(trial: JointTrial) -> JointEstimate:
    poses = without_heading(trial.proximal_orientation, trial.distal_orientation)
    return JointEstimate(trial.angles, *poses, np.ones(len(trial.angles), dtype=bool))


def test_folds_score_everybody_once_and_share_nobody():
    laboratories = {f"r{n:02d}": "A" if n < 20 else "B" for n in range(40)}
    folds = part_subjects(laboratories, seed=3)
    grouped = [fold for fold in folds if fold.scheme == "5-fold"]
    assert sorted(code for fold in grouped for code in fold.scored) == sorted(laboratories)
    for fold in folds:
        assert not set(fold.teachers) & set(fold.scored)
        inner = inner_parting(fold, laboratories)
        assert set(inner.teachers) | set(inner.scored) == set(fold.teachers)
        assert not set(inner.teachers) & set(inner.scored)
    assert {len(fold.teachers) for fold in grouped} == {32}
    assert all(sum(laboratories[code] == "A" for code in fold.scored) == 4 for fold in grouped)
    assert [fold.scheme for fold in folds[5:]] == ["A to B", "B to A"]
    assert {laboratories[code] for code in folds[5].teachers} == {"A"}
    assert part_subjects(laboratories, seed=3) == folds
    assert part_subjects(laboratories, seed=4)[0].scored != folds[0].scored


def test_few_subjects_are_left_out_one_by_one_and_two_are_refused():
    folds = part_subjects(dict.fromkeys("abcd", ""))
    assert [fold.scored for fold in folds] == [("a",), ("b",), ("c",), ("d",)]
    with pytest.raises(CorpusMismatch, match="expected three subjects at least, found a, b"):
        part_subjects({"a": "", "b": ""})


def test_records_hold_two_sensors_three_angles_and_two_orientations_without_heading():
    leg = swinging_leg("s1")
    record = joint_record(leg)
    assert (record.inputs.shape, record.labels.shape) == ((400, 12), (400, 15))
    assert np.allclose(record.labels[:, :3], leg.angles, atol=1e-6)
    turn = Rotation.from_euler("Y", 1.0)
    turned = replace(
        leg, proximal_orientation=turn * leg.proximal_orientation, distal_orientation=turn * leg.distal_orientation
    )
    assert np.allclose(joint_record(turned).labels, record.labels, atol=1e-5)
    unknown = leg.angles.copy()
    unknown[5:9] = np.nan
    assert np.isnan(joint_record(replace(leg, angles=unknown)).labels[5:9]).all()
    with pytest.raises(CorpusMismatch, match="one joint at one rate"):
        joint_training_set([leg, replace(leg, joint="hip")])


def test_with_perfect_gyroscopes_every_step_gives_the_truth():
    leg = swinging_leg("s1")
    estimate = truth_as_estimate(leg)
    deviations = SmootherDeviations(np.full((2, 3), 0.1), np.full((2, 3), 0.05), 0.05, is_levelled=True)
    assert np.rad2deg(np.abs(smoothed_angles(leg, estimate, deviations) - leg.angles).max()) < 0.7
    strapped = published_angles(leg, estimate)
    moved = strapped - strapped.mean(axis=0) - (leg.angles - leg.angles.mean(axis=0))
    assert np.rad2deg(moved[:, 0].std()) < 1.0


def test_sensors_turned_on_their_segments_are_found_by_their_mean():
    leg = swinging_leg("s1", seconds=8.0)
    worn = wear_sensors(leg, noise_share=0.0, misplacement_deg=13.5, seed=1)
    deviations = SmootherDeviations(np.full((2, 3), 0.1), np.full((2, 3), 0.02), 0.05, is_levelled=False)
    placed = np.rad2deg(np.abs(self_placed_angles(worn, truth_as_estimate(leg), deviations, 0.24) - leg.angles)).max()
    believed = np.rad2deg(np.abs(smoothed_angles(worn, truth_as_estimate(leg), deviations) - leg.angles)).max()
    assert placed < 1.0 < 3.0 < believed


def test_weights_lean_to_the_better_estimate_and_use_levelling_where_it_helps():
    rng = np.random.default_rng(0)
    trials = [wear_sensors(swinging_leg(f"s{n}"), seed=5) for n in range(6)]
    estimates = []
    for trial in trials:
        truth = truth_as_estimate(trial)
        tilt = Rotation.from_euler("ZXY", rng.normal(0.0, 0.12, 3) * [1, 1, 0])
        noise = Rotation.from_rotvec(rng.normal(0.0, 0.05, (len(trial.angles), 3)))
        proximal, distal = tilt * truth.proximal * noise, truth.distal * noise
        angles = joint_angles("knee", proximal, distal)
        estimates.append(JointEstimate(angles, proximal, distal, truth.known))
    weights = fit_steps(trials, estimates, 0.15)
    assert weights.deviations.is_levelled
    assert weights.smoothed.mean_weight[0] < 0.3
    assert json.loads(json.dumps(weights.card()))["is_levelled"] is True
    error = [
        np.rad2deg(np.abs(smoothed_angles(t, e, weights.deviations) - t.angles).mean())
        for t, e in zip(trials, estimates, strict=True)
    ]
    before = [np.rad2deg(np.abs(e.angles - t.angles).mean()) for t, e in zip(trials, estimates, strict=True)]
    assert np.mean(error) < 0.5 * np.mean(before)


def test_a_fold_is_scored_on_the_left_out_alone_and_read_again(tmp_path):
    trials = [swinging_leg(f"s{n}") for n in range(1, 7)]
    fold = part_subjects({trial.subject.code: "" for trial in trials})[0]
    config = joint_config(steps=12, batch=4, width=8, depth=3)
    task = JointFold("legs", "0" * 64, "knee", fold, config, 0)
    card = run_fold(task, trials, tmp_path)
    assert {row["subject"] for row in card["rows"]} == set(fold.scored)
    assert [*dict.fromkeys(row["step"] for row in card["rows"])] == list(STEPS)
    assert card["movement"] == "run"
    names = sorted(path.name for path in (tmp_path / "checkpoints" / task.name).iterdir())
    assert names == ["augmented.safetensors", "baseline.safetensors", "inner.safetensors"]
    stamp = (tmp_path / "folds" / f"{task.name}.json").stat().st_mtime_ns
    assert run_fold(task, [], tmp_path) == card
    assert (tmp_path / "folds" / f"{task.name}.json").stat().st_mtime_ns == stamp
    other = replace(task, seed=1)
    assert other.mark != task.mark


def test_a_model_refuses_who_taught_it_another_rate_and_another_joint():
    legs = [swinging_leg(f"s{n}") for n in (1, 2)]
    checkpoint = train(joint_training_set(legs), joint_config(steps=2, batch=2, width=4, depth=1))
    estimate = estimate_joint(checkpoint, swinging_leg("s3"))
    assert estimate.angles.shape == (400, 3)
    for wrong, reason in (
        (legs[0], "was trained on this subject"),
        (replace(swinging_leg("s3"), rate=200.0), "expected 100 Hz"),
        (replace(swinging_leg("s3"), joint="ankle"), "expected a model of the ankle"),
    ):
        with pytest.raises(CorpusMismatch, match=reason):
            estimate_joint(checkpoint, wrong)


def test_scores_are_raw_and_about_the_mean():
    leg = swinging_leg("s1")
    (flexion, adduction, _) = score_angles("x", leg, leg.angles + np.deg2rad([2.0, 0.0, 0.0]))
    assert flexion["rmse_deg"] == pytest.approx(2.0)
    assert flexion["rmse_calibrated_deg"] == pytest.approx(0.0, abs=1e-9)
    assert (flexion["bias_deg"], adduction["rmse_deg"]) == (pytest.approx(2.0), pytest.approx(0.0, abs=1e-9))
    assert trial_name(leg) == "swing/knee_r"


def test_the_table_averages_over_subjects_and_stands_beside_the_paper():
    rows = [
        {"corpus": "c", "movement": "run", "scheme": "5-fold", "joint": "knee", "step": "baseline", "angle": "flexion"}
        | {"subject": code, "trial": str(n), "side": "r", "rmse_deg": value, "rmse_calibrated_deg": value / 2}
        for code, values in {"a": (1.0, 3.0, 2.0), "b": (4.0,), "c": (6.0,)}.items()
        for n, value in enumerate(values)
    ]
    summary = summarise(pd.DataFrame(rows))
    raw = summary[summary["measure"] == "raw"].iloc[0]
    assert (raw["mean"], raw["sd"], raw["subjects"], raw["trials"]) == (4.0, 2.0, 3, 5)
    assert raw["low"] < 4.0 < raw["high"]
    assert raw["published"] == 4.25
    text = page(summary, {"c": "Not the data of the paper."})
    assert "Not the data of the paper." in text
    assert "| baseline | raw | 4.00 ± 2.00 [" in text
    assert "*4.25*" in text


def test_a_row_of_the_paper_stands_once_under_what_it_is_the_peer_of():
    facts = {"corpus": "c", "movement": "run", "scheme": "5-fold", "joint": "knee", "angle": "flexion"}
    facts |= {"trial": "t", "side": "r", "rmse_deg": 2.0, "rmse_calibrated_deg": 1.0}
    rows = [{**facts, "step": step, "subject": who} for step in ("optimised", "smoothed") for who in "ab"]
    text = page(summarise(pd.DataFrame(rows)), {})
    assert text.count("*paper: optimisation as published*") == 2  # raw and pseudo-calibrated
    assert "| + smoother | raw |" in text


def test_angles_of_a_hinge_are_not_scored_and_the_page_says_so(tmp_path, monkeypatch):
    """A planar person's knee has no adduction: an estimate of 0 is right by itself, and no error below the paper's."""
    legs = [swinging_leg(f"s{n}", seconds=1.0) for n in range(3)]
    planar = [replace(leg, angles=leg.angles * [1.0, 0.0, 0.0]) for leg in legs]

    def fold(task, trials, out):
        rows = [
            row for t in trials for row in score_angles("smoothed", t, t.angles) if t.subject.code in task.fold.scored
        ]
        facts = {"corpus": task.corpus, "joint": task.joint, "movement": "walk", "scheme": task.fold.scheme}
        return facts | {"fold": task.fold.name, "teachers": ["x"], "rows": rows, "training_seconds": 0.0}

    monkeypatch.setattr(rapp_run, "run_fold", fold)
    monkeypatch.setattr(rapp_run, "file_hash", lambda path: "digest")
    monkeypatch.setattr(rapp_run, "_caption", lambda path: "Virtual.")
    for people, angles in ((planar, ["flexion"]), (legs, ["flexion", "adduction", "rotation"])):
        monkeypatch.setattr(rapp_run, "read_sound_trials", lambda *a: SoundTrials(tuple(people), (), ()))  # noqa: B023
        made = rapp_run.make_rapp_table([tmp_path / "a.h5"], tmp_path, joint_config(), joints=("knee",))
        assert list(dict.fromkeys(made.table["angle"])) == angles
        text = made.page.read_text(encoding="utf-8")
        assert ("knee is a hinge here: adduction and rotation not scored" in text) == (people is planar)
        assert "*paper: optimisation as published*" in text
        assert "*paper: smoother*" not in text


def test_the_printed_tables_are_whole():
    assert all(len(row) == 9 for row in PUBLISHED.values())
    assert published_value("run", "smoothed", False, "ankle", "rotation") == 4.51
    assert np.isnan(published_value("walk", "misplaced_baseline", True, "knee", "flexion"))
