"""Run of spatial IMU tracking: whose model it is, what is held, which sensors are used, and the folder it writes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from killed_run import kill_in_solve
from sensor_files import write_sensor_files
from spatial_walk import DURATION, sensors

from benchmarks.peers.virtual_stride import SEGMENTS, true_stride, worn_sensors
from mocap_import.subject import Subject
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.cli import gait_app
from synth.optimal_control.command.imu_wish import ImuWish
from synth.optimal_control.command.spatial_imu_run import explain_in_space, seen_model, sensors_in_space
from synth.optimal_control.result.solution_file import load_solution


def test_the_model_of_somebody_else_is_refused(data_dir: Path, tmp_path: Path) -> None:
    model = data_dir / "opensim_core" / "rajagopal_walk" / "subject_walk_scaled.osim"
    cycles = 4
    long = tuple(
        ImuRecording(
            r.placement, np.tile(r.specific_force, (cycles, 1)), np.tile(r.angular_velocity, (cycles, 1)), r.rate
        )
        for r in sensors()
    )
    wish = ImuWish(long, Subject("subject", 40.0, 1.5), window=(0.0, DURATION))
    with pytest.raises(ModelMismatch, match="but --mass is 40 kg"):
        explain_in_space(wish, model, tmp_path)
    with pytest.raises(ModelMismatch, match="joint torques"):
        explain_in_space(replace(wish, muscles=True), model, tmp_path)
    assert not list(tmp_path.iterdir())
    kept, notes = sensors_in_space([*long, replace(long[0], placement=replace(long[0].placement, segment="hand_r"))])
    assert kept == long and notes == ("left out: pelvis",)


def test_what_no_sensor_sees_is_held_but_for_the_trunk(data_dir: Path) -> None:
    model = data_dir / "opensim_core" / "rajagopal_walk" / "subject_walk_scaled.osim"
    prepared = seen_model(model, SEGMENTS)
    moving = prepared.skeleton.coordinate_names
    assert len(moving) == 19 and "lumbar_bending" in moving and "mtp_angle_r" not in moving
    assert not any(c.startswith(("arm", "elbow")) for c in moving)


@pytest.mark.slow
def test_a_recording_becomes_a_folder_and_a_killed_run_goes_on(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "opensim_core" / "rajagopal_walk"
    stride = true_stride(folder)
    worn = worn_sensors(stride, np.random.default_rng(5), mounting_sd=np.radians(5.0))
    channels = {
        r.placement.segment: np.tile(np.hstack([r.specific_force, r.angular_velocity]), (5, 1)) for r in worn.recordings
    }
    offsets = {r.placement.segment: r.placement.offset for r in worn.recordings}
    write_sensor_files(tmp_path, worn.recordings[0].rate, channels, offsets)
    out = tmp_path / "out"
    person = ("--mass", 75, "--height", stride.height, "--model", folder / "subject_walk_scaled.osim")
    table = ("--table", tmp_path / "sensors.toml", "--picture", "none", "--starts", 1)
    command = list(map(str, ["imu", tmp_path / "walk.csv", *table, *person, "--out", out]))
    # the last rung alone has more than 4000 variables
    kill_in_solve(command, size=4000)
    assert [path.name for path in out.iterdir()] == ["last_iterate_0.npz"]
    done = CliRunner().invoke(gait_app, command)
    assert done.exit_code == 0, done.output
    assert "went on with nominal contact where an earlier run was ended" in done.stdout
    solution, _ = load_solution(out / "solution.npz")
    assert solution.converged, solution.reason
    assert solution.duration == pytest.approx(stride.duration, rel=0.02)
    assert abs(solution.speed - stride.speed) < 0.15
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert [rung["name"] for rung in report["rungs"]] == ["nominal contact"]
    assert report["imu"]["misfit"] < 2.0
    assert set(report["imu"]["mounting_deg"]) == set(SEGMENTS)
    assert any(path.suffix == ".mot" for path in out.iterdir())
    assert not list(out.glob("last_iterate*"))
