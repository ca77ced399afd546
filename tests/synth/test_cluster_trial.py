"""Segments from marker clusters: poses, records and angles that agree with each other, a model and stride tables."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import write_trial
from opensim_models.clinical.clinical_motion import calibrate_static
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.motion import SegmentMotion
from opensim_models.scaling.skeleton_scaling import scale_skeleton
from synth.cli import corpus_app
from synth.cluster_corpus import build_cluster_corpus
from synth.cluster_trial import LABELS_EXCHANGED, cluster_trial
from synth.corpus import Corpus, CorpusMismatch, check_corpus
from synth.joint_trial import joint_angles, joint_trial, read_joint_trials, segment_poses
from synth.label_exchange import find_exchange
from synth.pose_jump import without_jumps
from synth.strides.stride_duration import stride_duration
from synth.strides.stride_table import read_runners, read_strides, table_rotation

N = 1200


def _cut(trial, n=N):
    return replace(
        trial,
        positions=trial.positions[:n],
        filled=None,
        fill_method=None,
        fill_uncertainty=None,
        ground_reactions=(),
        steps=(),
        analog={},
        analog_units={},
        events=tuple(event for event in trial.events if event.time < (n - 1) / trial.rate),
    )


@pytest.fixture(scope="module")
def runner(data_dir):
    """A runner whose right foot lost the order of its labels, eight seconds at 2.5 m/s."""
    folder = data_dir / "rbds_running/RBDS001"
    static, run = (read_trial(folder / f"RBDS001{name}.c3d") for name in ("static", "runT25"))
    return replace(static, task="static"), _cut(replace(run, task="run"))


@pytest.fixture(scope="module")
def walker(data_dir):
    folder = data_dir / "mcgill_walk_youth/HC033A"
    static, walk = (read_trial(folder / name) for name in ("Static/HC033A01.c3d", "Straight/HC033A10.c3d"))
    return replace(static, task="static"), walk


@pytest.fixture(scope="module")
def made(runner):
    static, run = runner
    calibration = calibrate_static(static, load_marker_set(static.marker_set))
    return *cluster_trial(run, calibration, static=static.name), calibration


@pytest.fixture(scope="module")
def archive(runner, walker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clusters") / "trials"
    for code, trials in (("RUN", runner), ("WALK", walker)):
        (folder / code).mkdir(parents=True)
        for trial in trials:
            own = replace(trial, subject=Subject(code, mass=60.0, height=1.7), name=trial.task)
            write_trial(folder / code / f"{trial.task}.trial.h5", own)
    return folder


def _exchange(positions, first, second):
    other = positions.copy()
    other[:, [first, second]] = other[:, [second, first]]
    return other


def test_exchanged_labels_of_a_cluster_are_found():
    rng = np.random.default_rng(3)
    foot = np.array([[-70, -20, 0], [-80, -70, 0], [-50, -50, 50], [140, -50, -40], [120, -60, 70]]) / 1000
    turns = Rotation.from_rotvec(rng.standard_normal((50, 3)))
    seen = np.stack([turns.apply(corner) for corner in foot], axis=1) + 0.001 * rng.standard_normal((50, 5, 3))
    assert find_exchange(foot, seen) is None
    assert find_exchange(foot, _exchange(seen, 3, 4)) == (3, 4)
    assert find_exchange(foot, _exchange(_exchange(seen, 3, 4), 0, 3)) is None  # three labels went round: not one pair
    assert find_exchange(foot * 1.2, seen) is None  # another foot
    assert find_exchange(foot[:3], _exchange(seen[:, :3], 0, 2)) is None  # too few to tell
    square = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]])
    still = np.tile(square, (9, 1, 1))
    assert find_exchange(square, _exchange(still, 0, 1)) is None  # exchanging either pair of sides fits alike


def test_the_foot_with_exchanged_labels_is_repaired_and_named(made):
    trial, facts, _ = made
    (said,) = [t.detail for t in trial.treatments if t.what == LABELS_EXCHANGED]
    assert "R.MT1 and R.MT5" in said and said in facts["repairs"]
    assert max(facts[f"residual_calcn_{side}"] for side in "rl") < 0.003
    poses = segment_poses(trial)
    right, left = (joint_trial(trial, poses, "ankle", side) for side in "rl")
    assert np.degrees(np.abs(right.angles.mean(axis=0) - left.angles.mean(axis=0))).max() < 8.0


def test_a_jump_of_a_pose_is_unknown_and_the_rest_stays():
    rate = 100.0
    angle = np.linspace(0, 6, 300)
    angle[100:104] += 2.0
    motion = SegmentMotion("tibia_r", np.zeros((300, 3)), Rotation.from_rotvec(np.outer(angle, [0, 0, 1])), rate)
    found, n = without_jumps(motion)
    left = np.isfinite(found.origin[:, 0])
    assert n == 6 and not left[99:105].any() and left[:99].all() and left[105:].all()
    assert without_jumps(found)[1] == 0


@pytest.mark.parametrize("whose", ("runner", "walker"))
def test_records_and_poses_are_one_movement(request, whose):
    static, moving = request.getfixturevalue(whose)
    trial, facts = cluster_trial(moving, calibrate_static(static, load_marker_set(static.marker_set)))
    assert facts["joints"] == "hip_r hip_l knee_r knee_l ankle_r ankle_l"
    for record, motion in zip(trial.recordings, trial.segments, strict=True):
        middle = Rotation.from_rotvec((record.angular_velocity[1:] + record.angular_velocity[:-1]) / 2 / trial.rate)
        turned = (motion.orientation[:-1] * middle).inv() * motion.orientation[1:]
        assert np.degrees(np.quantile(turned.magnitude(), 0.99)) < 0.25  # deg a frame, of up to 8
        held = motion.orientation.apply(record.specific_force).mean(axis=0)
        if whose == "runner":  # eight seconds on a belt; somebody who walks through a room speeds up and slows down
            assert held == pytest.approx([0.0, 9.80665, 0.0], abs=0.35)


@pytest.mark.slow
def test_flexion_is_that_of_inverse_kinematics(walker):
    """Second path: a scaled skeleton with hinged knees, fitted to all markers at once."""
    static, walk = walker
    meaning = load_marker_set(static.marker_set)
    trial, _ = cluster_trial(walk, calibrate_static(static, meaning))
    scaled = scale_skeleton(walk.subject, static, meaning, lower_body_skeleton).skeleton
    fitted = solve_inverse_kinematics(scaled, walk.labels, walk.positions, walk.rate).kinematics
    poses = segment_poses(trial)
    for joint, coordinate in (("hip", "hip_flexion"), ("knee", "knee_angle"), ("ankle", "ankle_angle")):
        for side in "rl":
            own, other = joint_trial(trial, poses, joint, side).angles[:, 0], fitted.of(f"{coordinate}_{side}")
            known = np.isfinite(own) & np.isfinite(other)
            assert np.corrcoef(own[known], other[known])[0, 1] > 0.97
            assert np.degrees(np.std(own[known] - other[known])) < 2.0


def test_stride_tables_have_the_signs_and_the_duration_of_the_same_runner(made, data_dir):
    """g01s01 has the age, height, mass and speed of RBDS001: his table against his markers, leg by leg."""
    trial, _, _ = made
    folder = data_dir / "bmc_ric_running"
    strides = read_strides(folder / "g01s01.tsv", read_runners(folder))
    table = np.median(strides.angles, axis=0)
    follows = np.ones(len(strides.numbers) - 1, dtype=bool)
    follows[[3, 4]] = False  # around the spoiled stride
    strikes = np.array([e.time for e in trial.events if (e.kind, e.foot) == ("foot_strike", "right")])
    duration = float(np.median(np.diff(strikes)))
    assert stride_duration(strides.angles, follows, 150.0).duration == pytest.approx(duration, rel=0.01)
    still = Rotation.identity(101)
    poses, time = segment_poses(trial), np.arange(trial.n_frames) / trial.rate
    for k, joint in enumerate(("hip", "knee", "ankle")):
        angles = joint_trial(trial, poses, joint, "r").angles
        inside = [start + np.arange(101) / 100 * duration for start in strikes if start + duration < time[-1]]
        mean = np.median([[np.interp(at, time, column) for column in angles.T] for at in inside], axis=0)
        told = joint_angles(joint, still, table_rotation(table[:, 3 * k : 3 * k + 3]))
        away = mean.T - told
        assert np.degrees(away.std(axis=0)).max() < 2.6 and np.degrees(np.abs(away.mean(axis=0))).max() < 12.0
        alike = [np.corrcoef(mean[i], told[:, i])[0, 1] for i in range(3)]
        assert alike[0] > 0.99 and min(alike) > (0.8 if joint == "hip" else 0.94)


def test_an_archive_becomes_a_corpus(archive, tmp_path):
    out = tmp_path / "clusters.h5"
    table = build_cluster_corpus(archive, out, laboratory="here")
    assert dict(zip(table.subject + "/" + table.trial, table.status, strict=True)) == {
        "RUN/run": "repaired",
        "RUN/static": "static",
        "WALK/static": "static",
        "WALK/walk": "accepted",
    }
    assert check_corpus(out) == []
    trials = read_joint_trials(out, "hip")
    assert [(t.subject.code, t.side, t.task, t.laboratory) for t in trials] == [
        ("RUN", "r", "run", "here"),
        ("RUN", "l", "run", "here"),
        ("WALK", "r", "walk", "here"),
        ("WALK", "l", "walk", "here"),
    ]
    assert all(t.known.mean() > 0.95 for t in trials)
    assert [split.test for split in Corpus(out).splits] == [("RUN",), ("WALK",)]
    again = tmp_path / "again.h5"
    build_cluster_corpus(archive, again, laboratory="here")
    assert again.read_bytes() == out.read_bytes()
    assert pd.read_csv(out.with_suffix(".csv")).status.tolist() == table.status.tolist()


def test_the_command_names_what_it_cannot_use(archive, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(archive, bare)
    (bare / "WALK" / "static.trial.h5").unlink()
    run = CliRunner().invoke(corpus_app, ["clusters", str(bare), str(tmp_path / "c.h5"), "--json"])
    assert run.exit_code == 3 and json.loads(run.stdout)["counts"] == {"refused": 1, "repaired": 1, "static": 1}
    assert "no static trial" in pd.read_csv(tmp_path / "c.csv").reason.dropna().iloc[-1]
    (bare / "RUN" / "run.trial.h5").unlink()
    with pytest.raises(CorpusMismatch, match="no static trial"):
        build_cluster_corpus(bare, tmp_path / "d.h5")
    empty = CliRunner().invoke(corpus_app, ["clusters", str(tmp_path / "bare" / "WALK"), str(tmp_path / "e.h5")])
    assert empty.exit_code == 1
