"""An archive is solved from one command: known angles come back, a second run does nothing, every refusal is a row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, static_of, trial_of, true_skeleton, walk, with_plates, write_archive

from mocap_import.batch import ExitCode
from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import load_trial, write_trial
from opensim_models.archive.motion_run import MotionRun
from opensim_models.archive.steady_trunk import with_steady_trunk
from opensim_models.archive.subject_motion import MotionSettings, solve_archive_motion
from opensim_models.archive.task_work import TaskWork
from opensim_models.archive.trial_motion import (
    segment_weights,
    solve_trial_kinematics,
    solve_trial_kinetics,
    with_exchanged,
)
from opensim_models.exchange.marker_file import read_markers
from opensim_models.exchange.storage import read_generalized_forces, read_motion
from opensim_models.inverse.dynamics import solve_trial_dynamics
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch

SECOND = Subject("P02", 80.0, 1.85, "male", 40.0)


@pytest.fixture
def archive(tmp_path) -> Path:
    return write_archive(tmp_path / "trials")


def kinesynth(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kinesynth", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def products(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.glob("P0*/*")}


def change(path: Path, **fields) -> None:
    write_trial(path, replace(load_trial(path), **fields))


def test_angles_and_lengths_of_a_known_person_come_back(archive, tmp_path):
    out = tmp_path / "motion"
    table = solve_archive_motion(archive, out)
    assert list(table.status) == ["solved"] and list(table.dynamics) == ["solved"]
    person = true_skeleton()
    truth, found = walk(person, 150), read_motion(out / "P01" / "walk_01.mot")
    for name in ("hip_flexion_r", "knee_angle_r", "ankle_angle_l", "hip_adduction_l"):
        error = np.degrees(found.of(name) - truth.of(name))
        assert np.sqrt(np.mean(error**2)) < 2.5, name
        assert np.std(error) < 0.7, name
    assert table.marker_error_mm[0] < 3.0
    assert read_generalized_forces(out / "P01" / "walk_01_forces.sto").of("hip_flexion_r").shape == (150,)


def test_every_marker_and_segment_has_its_residual(archive, tmp_path):
    solve_archive_motion(archive, tmp_path / "motion")
    residuals = pd.read_csv(tmp_path / "motion" / "residuals.csv")
    own = residuals[residuals.what == "marker"]
    assert set(own.name) >= {"RASI", "RTHI", "LTIB", "RHEE"} and own.rms_mm.notna().all()
    assert {"pelvis", "femur_r", "calcn_l"} <= set(residuals[residuals.what == "segment"].name)
    scaling = pd.read_csv(tmp_path / "motion" / "scaling.csv")
    assert {"factor", "residual"} <= set(scaling.what) and set(scaling.subject) == {"P01"}
    assert json.loads((tmp_path / "motion" / "motion.json").read_text())[0]["status"] == "solved"


def test_a_second_run_does_nothing_and_a_changed_trial_is_done_again(tmp_path):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    first = solve_archive_motion(archive, out)
    before = products(out)
    again = solve_archive_motion(archive, out)
    assert products(out) == before
    pd.testing.assert_frame_equal(first, again)
    change(archive / "P02" / "walk_01.trial.h5", task="run")
    solve_archive_motion(archive, out)
    touched = {name for name, when in products(out).items() if before.get(name) != when}
    assert touched and all(name.startswith("P02/walk_01") for name in touched)


def test_a_changed_static_trial_scales_and_solves_its_subject_again(tmp_path):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    solve_archive_motion(archive, out)
    before = products(out)
    change(archive / "P01" / "static.trial.h5", subject=replace(PERSON, mass=70.0))
    solve_archive_motion(archive, out)
    touched = {name for name, when in products(out).items() if before.get(name) != when}
    assert {"P01/skeleton.json", "P01/walk_01.mot", "P01/walk_01_forces.sto"} <= touched
    assert all(name.startswith("P01/") for name in touched)


def test_a_lost_product_is_made_again(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    (out / "P01" / "walk_01.mot").unlink()
    solve_archive_motion(archive, out)
    assert (out / "P01" / "walk_01.mot").is_file()


def test_kinematics_then_dynamics_is_what_both_at_once_is(archive, tmp_path):
    both = solve_archive_motion(archive, tmp_path / "both")
    ik = solve_archive_motion(archive, tmp_path / "apart", steps=("ik",))
    assert list(ik.dynamics) == [""] and list(ik.status) == ["solved"]
    apart = solve_archive_motion(archive, tmp_path / "apart", steps=("id",))
    columns = [c for c in both.columns if c != "seconds"]
    pd.testing.assert_frame_equal(both[columns], apart[columns])
    name = "P01/walk_01_forces.sto"
    assert (tmp_path / "both" / name).read_bytes() == (tmp_path / "apart" / name).read_bytes()


def test_one_trial_takes_no_rows_of_an_archive_away(tmp_path):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    solve_archive_motion(archive, out)
    table = solve_archive_motion(archive / "P02" / "walk_01.trial.h5", out)
    assert list(table.subject) == ["P02"] and list(table.status) == ["solved"]
    assert list(pd.read_csv(out / "motion.csv").subject) == ["P01", "P02"]
    assert set(pd.read_csv(out / "residuals.csv").subject) == {"P01", "P02"}
    assert set(pd.read_csv(out / "scaling.csv").subject) == {"P01", "P02"}


def test_dynamics_without_kinematics_says_what_to_do_first(archive, tmp_path):
    table = solve_archive_motion(archive, tmp_path / "motion", steps=("id",))
    assert list(table.status) == ["refused"] and "motion ik" in table.reason[0]


def test_no_static_trial_is_refused_unless_movement_may_scale(archive, tmp_path):
    (archive / "P01" / "static.trial.h5").unlink()
    table = solve_archive_motion(archive, tmp_path / "motion")
    assert list(table.status) == ["refused"] and "--scale automatic" in table.reason[0]
    table = solve_archive_motion(archive, tmp_path / "motion", settings=MotionSettings(scale="automatic"))
    assert list(table.status) == ["solved"], table.reason[0]
    thigh = load_skeleton(tmp_path / "motion" / "P01" / "skeleton.json")
    own = [np.linalg.norm(s.segments[s.segment_index("tibia_r")].offset) for s in (thigh, true_skeleton())]
    assert own[0] == pytest.approx(own[1], rel=0.03)


def test_another_model_by_landmark_meaning(archive, tmp_path, data_dir):
    """Rajagopal's model has markers of other names; anatomical ones find their partners by meaning."""
    from opensim_models.model.osim_skeleton import read_osim

    model = read_osim(data_dir / "opensim_core" / "rajagopal_walk" / "subject_walk_scaled.osim")
    table = solve_archive_motion(archive, tmp_path / "motion", settings=MotionSettings(model=model))
    assert list(table.status) == ["solved"], table.reason[0]
    truth, found = walk(true_skeleton(), 150), read_motion(tmp_path / "motion" / "P01" / "walk_01.mot")
    error = np.degrees(found.of("knee_angle_r") - truth.of("knee_angle_r"))
    assert np.std(error) < 6.0
    assert load_skeleton(tmp_path / "motion" / "P01" / "skeleton.json").mass == pytest.approx(PERSON.mass)


def test_exchanged_labels_of_a_segment_are_found_and_taken_the_right_way_round():
    person = true_skeleton()
    trial = trial_of(person, walk(person, 80), "walk_01")
    labels = list(trial.labels)
    a, b = labels.index("RTHI"), labels.index("RTHAP")
    labels[a], labels[b] = labels[b], labels[a]
    found = solve_trial_kinematics(person, replace(trial, labels=tuple(labels)))
    assert [set(pair) for pair in found.exchanged] == [{"RTHI", "RTHAP"}]
    assert found.solution.rms_error < 1e-4


def test_every_segment_counts_alike_however_many_markers_it_carries():
    person = true_skeleton()
    weights = segment_weights(person, tuple(m.name for m in person.markers))
    total = {}
    for marker in person.markers:
        total[marker.segment] = total.get(marker.segment, 0.0) + weights[marker.name]
    assert total["calcn_r"] == pytest.approx(total["tibia_r"]) == pytest.approx(total["femur_r"] / 2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"positions": np.full((60, 0, 3), np.nan), "labels": ()}, "walk_01"),
        ({"positions": None}, "no marker is seen"),
        ({"marker_set": "unknown", "labels": None}, "share 0 markers"),
    ],
    ids=["no markers", "nothing seen", "other labels"],
)
def test_a_trial_that_cannot_be_solved_is_a_row_and_leaves_no_motion(tmp_path, fields, said):
    archive, out = write_archive(tmp_path / "trials", n_frames=60), tmp_path / "motion"
    solve_archive_motion(archive, out)
    path = archive / "P01" / "walk_01.trial.h5"
    trial = load_trial(path)
    if "positions" in fields and fields["positions"] is None:
        fields = {"positions": np.full_like(trial.positions, np.nan)}
    if "labels" in fields and fields["labels"] is None:
        fields = fields | {"labels": tuple(f"P{k}" for k in range(len(trial.labels)))}
    filled = {name: None for name in ("filled", "fill_method", "fill_uncertainty")}
    write_trial(path, replace(trial, **fields, **filled))
    table = solve_archive_motion(archive, out)
    assert list(table.status) == ["refused"] and said in table.reason[0]
    assert not (out / "P01" / "walk_01.mot").exists(), "motion of an earlier run does not survive"
    assert list(table.dynamics) == ["refused"]


def test_markers_filled_with_zeros_are_refused_by_name(tmp_path):
    archive = write_archive(tmp_path / "trials", n_frames=60)
    path = archive / "P01" / "walk_01.trial.h5"
    trial = load_trial(path)
    positions = trial.positions.copy()
    positions[10:20, trial.labels.index("RTHI")] = 0.0
    write_trial(path, replace(trial, positions=positions))
    table = solve_archive_motion(archive, tmp_path / "motion")
    assert list(table.status) == ["refused"] and "RTHI" in table.reason[0] and "(0, 0, 0)" in table.reason[0]


def test_coordinates_with_a_gap_give_forces_of_the_longest_stretch(tmp_path):
    archive = write_archive(tmp_path / "trials", n_frames=150)
    path = archive / "P01" / "walk_01.trial.h5"
    trial = load_trial(path)
    positions = trial.positions.copy()
    positions[30:40] = np.nan
    write_trial(path, replace(trial, positions=positions))
    table = solve_archive_motion(archive, tmp_path / "motion")
    assert list(table.dynamics) == ["solved"] and "2 complete stretches" in table.dynamics_reason[0]
    assert "10 frames" in table.reason[0]
    forces = read_generalized_forces(tmp_path / "motion" / "P01" / "walk_01_forces.sto").of("knee_angle_r")
    assert np.isnan(forces[:40]).all() and len(forces) == 150


def test_a_trunk_without_markers_is_taken_as_upright_and_the_legs_do_not_notice():
    """Held against the pelvis it would shake; leg moments stay the same, only the root's residual differs."""
    person = true_skeleton()
    bare = person.with_markers(tuple(m for m in person.markers if m.segment != "torso"))
    trial = with_plates(trial_of(bare, walk(person, 150), "walk_01"))
    motion = solve_trial_kinematics(bare, trial).solution.kinematics
    steady = solve_trial_kinetics(bare, motion, trial)
    held = solve_trial_dynamics(bare, motion, trial)
    assert any("upright" in reason for reason in steady.mask_reasons)
    for name in ("knee_angle_r", "hip_flexion_l"):
        np.testing.assert_allclose(steady.of(name), held.of(name), atol=1e-6)
    assert not np.allclose(steady.of("lumbar_extension"), held.of("lumbar_extension"), equal_nan=True)


def test_an_interrupted_run_keeps_the_rows_of_the_one_before(archive, tmp_path, monkeypatch):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)

    def interrupted(run, bar):
        raise KeyboardInterrupt

    monkeypatch.setattr(MotionRun, "scale", interrupted)
    with pytest.raises(KeyboardInterrupt):
        solve_archive_motion(archive, out)
    assert list(pd.read_csv(out / "motion.csv").status) == ["solved"]


def test_a_process_lost_in_dynamics_takes_no_coordinates_away(archive, tmp_path, monkeypatch):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    monkeypatch.setattr(TaskWork, "outcomes", lambda work, tasks, what: [(t.key, None, "killed") for t in tasks])
    table = solve_archive_motion(archive, out, settings=MotionSettings(cutoff=8.0))
    assert list(table.status) == ["solved"] and list(table.dynamics) == ["refused"]
    assert "killed" in table.dynamics_reason[0]


def test_a_person_called_na_stays_in_the_tables(tmp_path):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    (archive / "P01").rename(archive / "NA")
    solve_archive_motion(archive, out)
    solve_archive_motion(archive / "P02" / "walk_01.trial.h5", out)
    solve_archive_motion(archive / "NA" / "walk_01.trial.h5", out)
    assert sorted(pd.read_csv(out / "motion.csv", keep_default_na=False).subject) == ["NA", "P02"]


def test_labels_exchanged_across_segments_cost_only_themselves():
    """A wrong marker drags the pose along; the good ones that it displaces must not be left out in its place."""
    person = true_skeleton()
    truth = walk(person, 40)
    trial = trial_of(person, truth, "walk_01", noise=0.002)
    wrong = with_exchanged(trial, (("LASI", "RTIB"),))
    found = solve_trial_kinematics(person, wrong)
    assert set(found.left_out) == {"LASI", "RTIB"}
    for name in ("hip_flexion_r", "knee_angle_r", "hip_adduction_l"):
        assert np.degrees(np.abs(found.solution.kinematics.of(name) - truth.of(name))).max() < 3.0, name


def test_a_trial_whose_labels_are_mostly_wrong_is_refused_however_small_the_rest_is():
    person = true_skeleton()
    trial = trial_of(person, walk(person, 20), "walk_01")
    order = np.random.default_rng(0).permutation(len(trial.labels))
    with pytest.raises(ModelMismatch, match="walk_01"):
        solve_trial_kinematics(person, replace(trial, positions=trial.positions[:, order]))


def test_a_static_trial_alone_is_refused_and_not_passed_over(archive, tmp_path):
    with pytest.raises(TrialRefused, match="static"):
        solve_archive_motion(archive / "P01" / "static.trial.h5", tmp_path / "motion")


def test_a_trunk_with_markers_keeps_its_motion_though_a_frame_is_missing():
    person = true_skeleton()
    motion = walk(person, 60)
    values = motion.values.copy()
    values[:, motion.coordinates.index("lumbar_extension")] = 0.1 * np.sin(np.arange(60) / 9)
    values[7] = np.nan
    motion = replace(motion, values=values)
    kept, changed = with_steady_trunk(person, motion)
    assert not changed
    np.testing.assert_array_equal(kept.values, values)


def test_frames_without_a_pose_do_not_turn_an_upright_trunk():
    """The person faces -X; what is not seen must not count as facing X."""
    person = true_skeleton()
    motion = walk(person, 60)
    motion.values[:, motion.coordinates.index("pelvis_rotation")] = np.pi
    whole = with_steady_trunk(person, motion)[0].values
    values = motion.values.copy()
    values[:10] = np.nan
    found, changed = with_steady_trunk(person, replace(motion, values=values))
    assert changed
    np.testing.assert_allclose(found.values[10:], whole[10:], atol=1e-9)


def test_new_coordinates_void_the_forces_of_old_ones(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    change(archive / "P01" / "static.trial.h5", subject=replace(PERSON, mass=70.0))
    table = solve_archive_motion(archive, out, steps=("ik",))
    assert list(table.status) == ["solved"] and list(table.dynamics) == [""]
    assert not (out / "P01" / "walk_01_forces.sto").exists()
    again = solve_archive_motion(archive, out, steps=("ik",))
    assert list(again.dynamics) == [""]


def test_a_subject_of_whom_nothing_can_be_read_is_a_row(tmp_path):
    archive = write_archive(tmp_path / "trials", n_frames=60)
    for path in (archive / "P01").glob("*.trial.h5"):
        path.write_bytes(b"no trial")
    table = solve_archive_motion(archive, tmp_path / "motion", settings=MotionSettings(scale="stature"))
    assert set(table.status) == {"refused"} and "can be read" in table.reason[0]


def test_a_damaged_neighbour_does_not_refuse_a_single_trial(archive, tmp_path):
    (archive / "P01" / "walk_02.trial.h5").write_bytes(b"no trial")
    table = solve_archive_motion(archive / "P01" / "walk_01.trial.h5", tmp_path / "motion")
    assert list(table.trial) == ["walk_01"] and list(table.status) == ["solved"]


def test_plates_that_nobody_stepped_on_refuse_the_forces_not_the_motion(tmp_path):
    archive = write_archive(tmp_path / "trials", n_frames=60)
    path = archive / "P01" / "walk_01.trial.h5"
    trial = load_trial(path)
    empty = tuple(replace(r, force=np.zeros_like(r.force)) for r in trial.ground_reactions)
    write_trial(path, replace(trial, ground_reactions=empty, steps=()))
    table = solve_archive_motion(archive, tmp_path / "motion")
    assert list(table.status) == ["solved"] and list(table.dynamics) == ["refused"]
    assert "walk_01" in table.dynamics_reason[0]


def test_the_static_trial_of_somebody_else_refuses_its_subject_only(tmp_path):
    archive = write_archive(tmp_path / "trials", (PERSON, SECOND), 60)
    child = replace(PERSON, height=1.20)
    write_trial(archive / "P02" / "static.trial.h5", replace(static_of(true_skeleton(child), child), subject=SECOND))
    table = solve_archive_motion(archive, tmp_path / "motion").set_index("subject")
    assert table.status["P01"] == "solved" and table.status["P02"] == "refused"
    assert "somebody else" in table.reason["P02"]
    assert not (tmp_path / "motion" / "P02" / "skeleton.json").exists()


def test_a_damaged_trial_is_a_row(tmp_path):
    archive = write_archive(tmp_path / "trials", n_frames=60)
    (archive / "P01" / "walk_02.trial.h5").write_bytes(b"no trial")
    table = solve_archive_motion(archive, tmp_path / "motion").set_index("trial")
    assert table.status["walk_01"] == "solved" and table.status["walk_02"] == "refused"
    assert "walk_02" in table.reason["walk_02"]


WRONG = (
    {"mass": -3.0},
    {"height": float("nan")},
    {"scale": "somehow"},
    {"hip_method": "x"},
    {"scale": "as_is"},
    {"cutoff": -6.0},
)


@pytest.mark.parametrize("settings", WRONG)
def test_settings_that_mean_nothing_are_refused(archive, tmp_path, settings):
    with pytest.raises(ModelMismatch):
        solve_archive_motion(archive, tmp_path / "motion", settings=MotionSettings(**settings))


@pytest.mark.slow
def test_the_command_works_in_parallel_and_has_exit_codes(tmp_path):
    archive = write_archive(tmp_path / "trials", (PERSON, SECOND), 60)
    done = kinesynth("motion", archive, tmp_path / "motion", "--workers", 2)
    assert done.returncode == ExitCode.ALL, done.stderr
    assert "2 trials solved, 0 refused" in done.stdout
    (archive / "P02" / "static.trial.h5").unlink()
    done = kinesynth("motion", archive, tmp_path / "motion", "--workers", 0, "--json")
    assert done.returncode == ExitCode.SOME
    told = json.loads(done.stdout)
    assert told["solved"] == 1 and told["refused"][0]["subject"] == "P02"
    (archive / "P01" / "static.trial.h5").unlink()
    assert kinesynth("motion", "ik", archive, tmp_path / "motion", "--workers", 0).returncode == ExitCode.NONE
    done = kinesynth("motion", "ik", tmp_path / "nothing", tmp_path / "motion")
    assert done.returncode == ExitCode.ERROR and "kinesynth import" in done.stderr
    assert kinesynth("motion", "ik", archive).returncode == ExitCode.USAGE


def test_one_trc_with_a_model_that_is_the_subjects_already(tmp_path):
    person = true_skeleton()
    save_skeleton(person, tmp_path / "person.json")
    from mocap_import.export.trc import write_trc

    write_trc(tmp_path / "walk.trc", trial_of(person, walk(person, 40), "walk"))
    assert read_markers(tmp_path / "walk.trc").rate == 100.0
    model = ("--model", tmp_path / "person.json", "--scale", "as-is", "--workers", 0)
    done = kinesynth("motion", "ik", tmp_path / "walk.trc", tmp_path / "out", *model)
    assert done.returncode == ExitCode.ALL, done.stderr + done.stdout
    found = read_motion(next((tmp_path / "out").glob("*/walk.mot")))
    truth = walk(person, 40)
    np.testing.assert_allclose(found.of("knee_angle_r"), truth.of("knee_angle_r"), atol=1e-3)


def test_what_was_put_right_in_a_trc_stands_in_its_row(tmp_path):
    person = true_skeleton()
    save_skeleton(person, tmp_path / "person.json")
    from mocap_import.export.trc import write_trc

    trial = trial_of(person, walk(person, 40), "walk")
    positions = trial.positions.copy()
    positions[5:9, 3] = np.nan
    write_trc(tmp_path / "walk.trc", replace(trial, positions=positions))
    lines = (tmp_path / "walk.trc").read_text().split("\n")
    filled = [line.replace("\t\t\t", "\t0.0\t0.0\t0.0") for line in lines[5:]]
    (tmp_path / "walk.trc").write_text("\n".join(lines[:5] + filled))
    model = ("--model", tmp_path / "person.json", "--scale", "as-is", "--workers", 0)
    done = kinesynth("motion", "ik", tmp_path / "walk.trc", tmp_path / "out", *model)
    assert done.returncode == ExitCode.ALL, done.stderr + done.stdout
    row = pd.read_csv(tmp_path / "out" / "motion.csv").iloc[0]
    assert "4 samples at exactly 0, 0, 0 are gaps" in row.reason


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path):
    """Killed in the middle: what is there is whole, and the next run ends with every trial solved."""
    people = tuple(replace(PERSON, code=f"P{k:02d}") for k in range(1, 5))
    archive, out = write_archive(tmp_path / "trials", people, 120), tmp_path / "motion"
    command = [sys.executable, "-m", "kinesynth", "motion", str(archive), str(out), "--workers", "1"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(out.glob("*/*.mot")) and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=30)
    for path in out.glob("P0*/walk_01.mot"):
        assert len(read_motion(path).values) == 120
    table = solve_archive_motion(archive, out)
    assert list(table.status) == ["solved"] * 4
    assert not [p for p in out.rglob("*.tmp")]


@pytest.mark.slow
def test_control_c_ends_in_a_sentence(tmp_path):
    people = tuple(replace(PERSON, code=f"P{k:02d}") for k in range(1, 7))
    archive, out = write_archive(tmp_path / "trials", people, 150), tmp_path / "motion"
    command = [sys.executable, "-m", "kinesynth", "motion", str(archive), str(out), "--workers", "1"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    deadline = time.monotonic() + 60
    while not list(out.glob("*/skeleton.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode in (ExitCode.INTERRUPTED, ExitCode.ALL)
    assert "Traceback" not in said


def test_events_and_plates_of_the_made_archive_are_a_walk():
    """The archive that these tests rest on: the skeleton carries its weight on two steps."""
    trial = with_plates(trial_of(true_skeleton(), walk(true_skeleton(), 150), "walk_01"))
    assert len(trial.steps) == 2 and len(trial.events) == 4
