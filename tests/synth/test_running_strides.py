"""Running from tables of strides: what is real stays as it was recorded, the rest is drawn for each runner alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from opensim_models.motion import SegmentMotion
from synth.cli import corpus_app
from synth.corpus import Corpus, CorpusMismatch, check_corpus
from synth.joint_trial import read_joint_trials
from synth.strides.pelvis_motion import draw_pelvis, pelvis_coordinates
from synth.strides.runner_body import draw_body, foot_flat_tilt, leg_motions, without_shaking
from synth.strides.stride_corpus import build_stride_corpus, running_splits
from synth.strides.stride_curve import stride_curve
from synth.strides.stride_duration import StrideDuration, stride_duration
from synth.strides.stride_quality import FASTEST, stride_faults, unbroken_runs
from synth.strides.stride_table import COLUMNS, read_runners, read_strides
from synth.strides.upright_leg import upright_pelvis

RUNNERS = ("g01s04", "g01s17", "g02s10")


@pytest.fixture(scope="module")
def tables(data_dir, tmp_path_factory):
    """Three runners of two laboratories, two of them with spoiled strides."""
    folder = tmp_path_factory.mktemp("strides")
    for name in (*(f"{code}.tsv" for code in RUNNERS), "metadata.tsv"):
        shutil.copyfile(data_dir / "bmc_ric_running" / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def built(tables, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "running.h5"
    return out, build_stride_corpus(tables, out, seed=3)


def _recorded(duration, rate, n_strides=12, seed=0):
    """Strides (n, 101, 9) as a laboratory cuts them from a recording of a periodic movement."""
    rng = np.random.default_rng(seed)
    size, shift = rng.uniform(0.05, 0.5, (4, 9)), rng.uniform(0, 6, (4, 9))
    n = round(duration * rate)
    found = []
    for k in range(n_strides):
        at = np.linspace(k * n / rate, (k * n + n - 1) / rate, 101)  # last frame: the one before the next strike
        waves = (size[h] * np.sin(2 * np.pi * (h + 1) * at[:, None] * rate / n + shift[h]) for h in range(4))
        found.append(sum(waves))
    return np.array(found), n / rate


@pytest.mark.parametrize("rate", (150.0, 200.0))
@pytest.mark.parametrize("duration", (0.64, 0.72, 0.86))
def test_the_seams_tell_the_duration_of_a_stride(duration, rate):
    angles, true = _recorded(duration, rate)
    noisy = angles + np.radians(0.02) * np.random.default_rng(1).standard_normal(angles.shape)
    for given, margin in ((angles, 0.002), (noisy, 0.02)):
        found = stride_duration(given, np.ones(len(given) - 1, dtype=bool), rate)
        assert found.duration == pytest.approx(true, rel=margin)
        assert found.is_known


def test_strides_that_do_not_follow_each_other_tell_nothing():
    angles, _ = _recorded(0.72, 200.0)
    apart = stride_duration(angles, np.zeros(len(angles) - 1, dtype=bool), 200.0)
    assert not apart.is_known and apart.n_seams == 0
    shuffled = angles * np.random.default_rng(2).uniform(0.6, 1.4, (len(angles), 1, 1))
    assert not stride_duration(shuffled, np.ones(len(angles) - 1, dtype=bool), 200.0).is_known


def test_the_curve_goes_through_every_row():
    angles, duration = _recorded(0.72, 200.0)
    timing = StrideDuration(duration, 0.0, 100 / (duration * 200 - 1), 0.0, 11)
    curve = stride_curve(angles, timing)
    np.testing.assert_allclose(curve.angles(curve.row_times), angles, atol=1e-12)
    step = np.diff(curve.row_times.ravel())
    assert step[100] == pytest.approx(1 / 200.0)  # between two strides lies one frame of the recording
    assert curve.phase(curve.row_times[3, 0]) == pytest.approx(3.0)


def test_a_spoiled_stride_is_named_and_never_bridged():
    angles, duration = _recorded(0.72, 200.0, n_strides=6)
    angles *= 0.3
    angles[2, 40, 4] += FASTEST[4] * duration / 100 * 1.5
    angles[4, 10, 0] = np.nan
    faults = stride_faults(angles, duration)
    assert [bool(fault) for fault in faults] == [False, False, True, False, True, False]
    assert "knee adduction" in faults[2] and "missing" in faults[4]
    good = np.array([not fault for fault in faults])
    assert unbroken_runs(np.arange(1, 7), good) == [slice(0, 2), slice(3, 4), slice(5, 6)]
    assert unbroken_runs(np.array([1, 2, 4, 5]), np.ones(4, bool)) == [slice(0, 2), slice(2, 4)]


def test_counts_add_up_and_say_why(built):
    _, table = built
    assert list(table.status) == ["accepted"] * 3
    assert table.rejected.tolist() == [6, 5, 0]
    assert (table.rejected[:2] + 1 == table.reason[:2].str.count("stride ") + 1).all()
    corpus = Corpus(built[0])
    for row in table.itertuples():
        strides = sum(len(corpus.read(*key).events) for key in corpus.trials() if key[0] == row.subject)
        assert strides + row.rejected + row.short == row.strides


def _as_the_clinic(r):
    """Angles about Z, X and Y (n, 3) by the three lines of the clinic's code."""
    x = np.arctan2(r[:, 1, 2], np.hypot(r[:, 0, 2], r[:, 2, 2]))
    return np.stack([np.arctan2(-r[:, 1, 0], r[:, 1, 1]), x, np.arctan2(-r[:, 0, 2], r[:, 2, 2])], axis=1)


def test_angles_are_those_of_the_table(built, tables):
    """Second path: the spline through the rows of the file, straight from its degrees."""
    path, table = built
    for code in RUNNERS:
        strides = read_strides(tables / f"{code}.tsv", read_runners(tables))
        raw = pd.read_csv(tables / f"{code}.tsv", sep="\t")
        assert np.allclose(strides.angles.reshape(-1, 9), -np.radians(raw[list(COLUMNS)]), atol=1e-15)
        duration = table.stride_duration[table.subject == code].item()
        gap = 100 / (duration * strides.recording_rate - 1)
        trials = [read_joint_trials(path, joint, sides=("r",), subjects=[code]) for joint in ("hip", "knee", "ankle")]
        for parts in zip(*trials, strict=True):
            turned = [part.proximal_orientation.inv() * part.distal_orientation for part in parts]
            found = np.hstack([_as_the_clinic(rotation.as_matrix()) for rotation in turned])
            first, last = (int(word) for word in parts[0].trial.split("_")[1:])
            own = (strides.numbers >= first) & (strides.numbers <= last)
            rows = (np.arange(own.sum())[:, None] * (100 + gap) + np.arange(101)).ravel() * duration / (100 + gap)
            curve = stride_curve(strides.angles[own], StrideDuration(duration, 0.0, gap, 0.0, 9))
            np.testing.assert_allclose(curve.row_times.ravel(), rows, atol=1e-12)
            np.testing.assert_allclose(found, -curve.angles(np.arange(len(found)) / 200.0), atol=1e-6)


def test_records_are_those_of_the_movement(built):
    """The gyroscope turns each segment as it turns, and over whole strides the mean specific force holds the weight."""
    corpus = Corpus(built[0])
    for code, name in corpus.trials():
        trial = corpus.read(code, name, clean=True)
        n = int(trial.events[-1].time * trial.rate)
        for record, motion in zip(trial.recordings, trial.segments, strict=True):
            middle = Rotation.from_rotvec((record.angular_velocity[1:] + record.angular_velocity[:-1]) / 2 / trial.rate)
            turned = (motion.orientation[:-1] * middle).inv() * motion.orientation[1:]
            assert np.degrees(turned.magnitude().max()) < 0.06  # a frame; a body turns by up to 4 deg in it
            held = motion.orientation.apply(record.specific_force)[:n].mean(axis=0)
            assert held == pytest.approx([0.0, 9.80665, 0.0], abs=0.5)  # m/s²: the pelvis wanders from stride to stride


def test_errors_are_those_of_the_recipe(built):
    corpus = Corpus(built[0])
    key = corpus.trials()[0]
    clean, noisy = corpus.read(*key, clean=True), corpus.read(*key)
    for a, b in zip(clean.recordings, noisy.recordings, strict=True):
        added = (b.angular_velocity - a.angular_velocity).std(axis=0) / a.angular_velocity.std(axis=0)
        assert added == pytest.approx(0.15, rel=0.1)
    assert check_corpus(built[0]) == []


def test_no_two_runners_share_a_pelvis_and_none_depends_on_the_others(built, tables, tmp_path):
    corpus = Corpus(built[0])
    first = {code: corpus.read(code, name).kinematics.values[:300, :6] for code, name in reversed(corpus.trials())}
    waves = [values - values.mean(axis=0) for values in first.values()]
    for i, one in enumerate(waves):
        for other in waves[:i]:
            assert (np.abs(one - other).max(axis=0) > np.radians(1.0) * np.array([1, 1, 1, 0.1, 0.1, 0.1])).all()
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("g02s10.tsv", "metadata.tsv"):
        shutil.copyfile(tables / name, alone / name)
    build_stride_corpus(alone, tmp_path / "alone.h5", seed=3)
    build_stride_corpus(alone, tmp_path / "other.h5", seed=4)
    same, other = (Corpus(tmp_path / f"{name}.h5").read("g02s10", "run_01_21") for name in ("alone", "other"))
    np.testing.assert_array_equal(same.kinematics.values, corpus.read("g02s10", "run_01_21").kinematics.values)
    assert np.abs(same.kinematics.values - other.kinematics.values)[:, :6].max() > 0.01
    np.testing.assert_allclose(same.kinematics.values[:, 6:], other.kinematics.values[:, 6:], atol=1e-12)  # real


def test_a_pelvis_stays_within_its_ranges_and_is_smooth():
    rng = np.random.default_rng(5)
    strides = np.arange(0, 20, 1 / 150)
    for _ in range(20):
        q = pelvis_coordinates(draw_pelvis(rng), strides, rng)
        spread = np.ptp(q, axis=0)
        assert (np.degrees(spread[:3]) < [20, 20, 30]).all() and 0.06 < spread[4] < 0.16
        assert np.abs(np.diff(q, 2, axis=0) * 200**2).max(axis=0)[3:].max() < 40.0  # m/s²


def test_the_mean_tilt_lays_the_foot_flat():
    body = draw_body(1.8, np.random.default_rng(1))
    angles = np.zeros((3, 101, 9))
    angles[:, :, 0], angles[:, :, 3], angles[:, :, 6] = 0.30, -0.55, 0.20  # foot 0.05 rad downwards
    tilt = foot_flat_tilt(body, angles)
    assert tilt == pytest.approx(0.05)
    pelvis = np.zeros((101, 6))
    pelvis[:, 0] = tilt
    foot = leg_motions(body, pelvis, angles[0], 100.0)[-1]
    assert foot.orientation.apply([1.0, 0.0, 0.0])[:, 1] == pytest.approx(0.0, abs=1e-12)


def test_a_leg_that_swings_in_its_plane_tells_list_and_rotation():
    body = draw_body(1.8, np.random.default_rng(1))
    phase = 2 * np.pi * np.arange(101) / 100
    true = np.array([[3.0 * np.exp(-1.2j), 0, 0], [5.0 * np.exp(2.5j), 0, 1.0 * np.exp(0.4j)]]) * np.pi / 180
    waves = [(row[:, None] * np.exp(-1j * np.arange(1, 4)[:, None] * phase)).real.sum(axis=0) for row in true]
    pelvis = Rotation.from_euler("ZXY", np.stack([0 * phase, *waves], axis=1))
    swing = np.stack([0.3 * np.cos(phase) + 0.1, 0.9 - 0.6 * np.cos(phase - 1), 0.2 * np.sin(phase)], axis=1)
    chain = ([[1], [0], [0]], [[1], [-1], [0]], [[1], [-1], [1]])
    thigh, shank, foot = (Rotation.from_euler("Z", swing @ turned) for turned in chain)
    joints = (pelvis.inv() * thigh, thigh.inv() * shank, shank.inv() * foot)
    angles = np.hstack([-_as_the_clinic(rotation.as_matrix()) for rotation in joints])
    found = upright_pelvis(body, angles[None], 0.0)
    assert np.abs(found - true).max() < np.radians(1.0)  # the pull takes a part of each
    assert np.abs(np.angle(found[:, 0] / true[:, 0])).max() < np.radians(10)


def test_joints_do_not_shake_sideways_and_nothing_else_changes():
    time = np.arange(400) / 200
    path = np.stack([0.1 * np.sin(30 * time), 0.05 * np.cos(40 * time), 0.01 * np.sin(2 * np.pi * time)], axis=1)
    shaken = path + 0.01 * np.sin(2 * np.pi * 12 * time)[:, None] * [0, 0, 1]
    still = Rotation.from_rotvec(0.1 * shaken)
    (found,) = without_shaking([SegmentMotion("tibia_r", shaken, still, 200.0)])
    np.testing.assert_array_equal(found.origin[:, :2], path[:, :2])
    assert found.orientation is still
    assert np.abs(found.origin[80:-80, 2] - path[80:-80, 2]).max() < 0.001


def test_splits_are_by_runner_and_by_laboratory():
    places = {f"g{g:02d}s{s:02d}": f"lab {g}" for g in (1, 2) for s in range(1, 11)}
    splits = {split.name: split for split in running_splits(places, 0)}
    folds = [split for name, split in splits.items() if name.startswith("fold")]
    assert sorted(code for split in folds for code in split.test) == sorted(places)
    for split in folds:
        assert {places[code] for code in split.test} == {"lab 1", "lab 2"}
    across = splits["train_lab_1"]
    assert {places[c] for c in (*across.train, *across.validation)} == {"lab 1"}
    assert {places[c] for c in across.test} == {"lab 2"} and len(across.test) == 10


def test_the_command_says_what_was_left_out_and_makes_the_same_bytes(built, tables, tmp_path):
    run = CliRunner().invoke(corpus_app, ["strides", str(tables), str(tmp_path / "c.h5"), "--seed", "3", "--json"])
    told = json.loads(run.stdout)
    assert run.exit_code == 0 and told["runners"] == 3 and told["strides_rejected"] == 11
    assert "Not the data of the paper" in told["caption"]
    assert (tmp_path / "c.h5").read_bytes() == built[0].read_bytes()
    twice = CliRunner().invoke(corpus_app, ["strides", str(tables), str(tmp_path / "c.h5"), "--json"])
    assert twice.exit_code == 2 and "--force" in json.loads(twice.stdout)["error"]
    slow = CliRunner().invoke(corpus_app, ["strides", str(tables), str(tmp_path / "d.h5"), "--rate", "10", "--json"])
    assert slow.exit_code == 1 and "50 to 1000" in json.loads(slow.stdout)["error"]


def test_another_layout_is_refused(tmp_path, tables):
    with pytest.raises(CorpusMismatch, match="metadata"):
        build_stride_corpus(tmp_path, Path(tmp_path / "no.h5"))
    runners = read_runners(tables)
    text = (tables / "g02s10.tsv").read_text().splitlines()
    short = tmp_path / "g02s10.tsv"
    short.write_text("\n".join(text[:-3]) + "\n")
    with pytest.raises(CorpusMismatch, match="101 rows"):
        read_strides(short, runners)
    with pytest.raises(CorpusMismatch, match="not in metadata"):
        read_strides(tables / "g02s10.tsv", {})
