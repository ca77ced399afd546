"""Laws of moment files: joint moments are read as they stand, followed on request, and refused in one sentence."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import (
    DURATION,
    PLANAR,
    made_up_walk,
    planar_skeleton,
    smooth_solution,
)

from opensim_models.exchange.storage_table import StorageTable, read_table, write_table
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.cli import gait_app
from synth.optimal_control.recording.followed_moments import read_followed_moments
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import RecordedMotion
from synth.optimal_control.recording.trial_samples import MotionFiles
from synth.optimal_control.result.solution_export import export_solution
from synth.optimal_control.result.solution_picture import recorded_reference

JOINTS = tuple(name for name in planar_skeleton().coordinate_names if not name.startswith("pelvis"))


def moment_table(**changes):
    """A file of inverse dynamics of 1.1 s at 100 Hz."""
    time = np.linspace(0.0, 1.1, 111)
    columns = {"pelvis_tilt_moment": 9.0 + 0.0 * time, "pelvis_ty_force": 700.0 + 0.0 * time}
    columns |= {"hip_flexion_r_moment": 80.0 * np.sin(6.0 * time), "knee_angle_r_moment": 40.0 * time}
    columns |= {name: value + 0.0 * time for name, value in changes.items()}
    return StorageTable(tuple(columns), np.stack(list(columns.values()), axis=1), 100.0)


def read(tmp_path, table, held=()):
    write_table(tmp_path / "moments.sto", table)
    return read_followed_moments(tmp_path / "moments.sto", planar_skeleton(), held)


def test_file_gives_moments_of_joints_at_any_time(tmp_path):
    skeleton = planar_skeleton()
    followed = read(tmp_path, moment_table(mtp_angle_r_moment=1.0), held=("mtp_angle_r",))
    assert followed.coordinates == ("hip_flexion_r", "knee_angle_r")
    assert "not followed: pelvis_tilt, pelvis_ty, mtp_angle_r" in followed.note
    found = followed.at(np.array([0.105, 0.5]), len(skeleton.coordinates))
    np.testing.assert_allclose(found[:, skeleton.coordinate_index("knee_angle_r")], [4.2, 20.0], atol=1e-9)
    known = np.isfinite(found).all(axis=0)
    assert [name for name, is_known in zip(skeleton.coordinate_names, known, strict=True) if is_known] == [
        "hip_flexion_r",
        "knee_angle_r",
    ]


def scaled(factor):
    table = moment_table()
    return replace(table, values=factor * table.values)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (moment_table(kneecap_moment=1.0), "has a moment of kneecap, which .* does not have; it has pelvis_tilt"),
        (scaled(1.0 / 75.0), r"moment of hip_flexion_r is 1\.067 N·m, .* expected 0\.1 to 20\. Give moments of"),
        (scaled(1000.0), r"hip_flexion_r is 8e\+04 N·m, .* in N·m, not in N·m/kg or N·mm"),
        (replace(moment_table(), labels=("a", "b", "c", "d")), "is it a file of inverse dynamics"),
        (
            StorageTable(("pelvis_tilt_moment", "pelvis_ty_force"), np.ones((20, 2)), 100.0),
            "holds no moment of a joint of .*hip_flexion_r",
        ),
    ],
)
def test_wrong_files_are_refused(tmp_path, table, said):
    with pytest.raises(ModelMismatch, match=said):
        read(tmp_path, table)


def test_gap_and_other_time_range_are_named(tmp_path):
    table = moment_table()
    table.values[40:43, 3] = np.nan
    followed = read(tmp_path, table)
    with pytest.raises(ModelMismatch, match=r"moment of knee_angle_r has no number at 0\.4 s \(3 rows of the window\)"):
        followed.at(np.array([0.1, 1.0]), 10)
    with pytest.raises(ModelMismatch, match=r"no number at 0\.42 s \(1 rows"):
        followed.at(np.array([0.425, 1.0]), 10)
    with pytest.raises(ModelMismatch, match=r"no number at 0\.4 s \(1 rows"):
        followed.at(np.array([0.1, 0.395]), 10)
    assert np.isfinite(followed.at(np.array([0.1, 0.39]), 10)[:, 3:]).any()
    assert np.isfinite(followed.at(np.array([0.43, 1.1]), 10)[:, 3:]).any()
    with pytest.raises(ModelMismatch, match=r"moments reach from 0 to 1\.1 s, but 0\.5 to 1\.2 s are wanted"):
        followed.at(np.array([0.5, 1.2]), 10)


def test_stride_of_a_real_trial_has_the_moments_of_its_file(data_dir):
    folder = data_dir / "opensim_core/rajagopal_walk"
    held = {"mtp_angle_r": 0.0, "mtp_angle_l": 0.0}
    model = prepare_model(folder / "subject_walk_scaled.osim", hold=held, muscles=False, show_progress=False)
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml", moments=folder / "id_walk.sto")
    cycle = recorded_cycle(files, model.skeleton, 21, cutoff=6.0, force_cutoff=20.0, held=model.held)
    table = read_table(folder / "id_walk.sto")
    own = table.start_time + np.arange(len(table.values)) / table.rate
    for name in ("hip_adduction_l", "ankle_angle_r", "elbow_flex_l"):
        there = np.interp(cycle.motion.time, own, table.values[:, table.labels.index(f"{name}_moment")])
        here = cycle.motion.moments[:, model.skeleton.coordinate_index(name)]
        np.testing.assert_allclose(here, there, atol=1e-9)
    assert np.isfinite(cycle.motion.moments).all(axis=0).sum() == 23
    assert any("not followed: pelvis_tilt" in note and "knee_angle_r_beta" in note for note in cycle.motion.notes)


def test_picture_has_the_followed_moments():
    motion = made_up_motion()
    assert recorded_reference(motion, DURATION).moments == {}
    drawn = recorded_reference(replace(motion, moments=np.full((6, 10), 3.0)), DURATION).moments
    assert list(drawn) == list(motion.coordinates)


def made_up_motion():
    time = np.linspace(0.0, DURATION, 6)
    values = made_up_walk(planar_skeleton(), time / DURATION)
    return RecordedMotion(planar_skeleton().coordinate_names, time, values, 0 * values, 0 * values, {}, 100.0)


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """Files of a made-up walk: coordinates, loads and the moments that they demand."""
    return export_solution(smooth_solution(), PLANAR, tmp_path_factory.mktemp("trial"), name="walk")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is compiled for such small problems."""
    monkeypatch.setenv("KINESYNTH_COMPILER", "none")


def track(trial, out, *more):
    plain = ["track", PLANAR, trial.coordinates, "--loads", trial.loads, "--out", out, "--torques", "--no-contact"]
    plain += ["--mesh", "8", "--cutoff", "0", "--force-cutoff", "0", "--window", f"0,{DURATION}", "--period", "cycle"]
    return CliRunner().invoke(gait_app, [str(word) for word in (*plain, "--picture", "none", *more)])


def test_command_follows_a_file_and_reports_its_errors(trial, tmp_path):
    errors = {}
    for deviation in (300.0, 5.0):
        out = tmp_path / str(deviation)
        done = track(trial, out, "--moments", trial.moments, "--moment-deviation", deviation)
        assert done.exit_code == 0, done.output
        report = json.loads((out / "report.json").read_text())
        errors[deviation] = report["from_recording"]["followed_moments_mean"]
        assert set(report["from_recording"]["followed_moments"]) == set(JOINTS)
        assert f"joint moments differ from the followed ones by {errors[deviation]:.1f} N·m RMS, most at" in done.stdout
        assert sum(report["objective_shares"].values()) == pytest.approx(report["solution"]["objective"], rel=1e-6)
        assert "moments" in report["recipe"]["sources"]
        assert any("joints of walk_moments.sto are followed" in note for note in report["notes"])
    assert errors[5.0] < 0.7 * errors[300.0]
    assert track(trial, tmp_path / "plain").exit_code == 0
    plain = json.loads((tmp_path / "plain" / "report.json").read_text())
    assert "followed_moments" not in plain["from_recording"]


def test_command_refuses_in_one_sentence(trial, tmp_path):
    table = read_table(trial.moments)
    later = tmp_path / "later.sto"
    write_table(later, replace(table, start_time=50.0))
    for options, code, said in (
        (("--moments", later), 1, "moments reach from 50 to 51.1 s, but 0 to 1.1 s are wanted"),
        (("--moments", trial.coordinates), 1, "is it a file of inverse dynamics"),
        (("--moments", tmp_path / "none.sto"), 2, "none.sto: no such file or folder"),
        (("--moments", trial.moments, "--moment-deviation", 0), 2, "--moment-deviation is 0; expected a number above"),
    ):
        done = track(trial, tmp_path / "out", *options)
        assert done.exit_code == code, done.output
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        assert said in lines[0]
        assert "Traceback" not in done.output
