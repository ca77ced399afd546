"""Products of `kinesynth motion` belong to the input that lies there now: stale ones are refused, redone or removed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, static_of, trial_of, true_skeleton, walk, with_plates, write_archive

from mocap_import.subject import Subject
from mocap_import.trial_store import load_trial, write_trial
from opensim_models.archive.subject_motion import MotionSettings, solve_archive_motion
from opensim_models.archive.task_work import TaskWork
from opensim_models.archive.trial_motion import solve_trial_kinematics, solve_trial_kinetics
from opensim_models.exchange.storage import read_generalized_forces
from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from opensim_models.motion import Kinematics

SECOND = Subject("P02", 80.0, 1.85, "male", 40.0)
TRIAL_FILES = ("walk_01.mot", "walk_01_forces.sto", "walk_01.ik.json", "walk_01.id.json")
SUBJECT_FILES = ("skeleton.json", "planar_skeleton.json", "static.mot", "scaling.json")


@pytest.fixture
def archive(tmp_path) -> Path:
    return write_archive(tmp_path / "trials", n_frames=60)


def change(path: Path, **fields) -> None:
    write_trial(path, replace(load_trial(path), **fields))


def present(folder: Path, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if (folder / name).exists()]


def test_dynamics_alone_refuse_the_motion_of_an_earlier_trial_file(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    path = archive / "P01" / "walk_01.trial.h5"
    change(path, positions=load_trial(path).positions + 0.001)
    table = solve_archive_motion(archive, out, steps=("id",))
    assert list(table.dynamics) == ["refused"] and list(table.status) == ["refused"]
    said = table.dynamics_reason[0]
    assert "walk_01.mot" in said and "walk_01.trial.h5" in said and "run `kinesynth motion ik` again" in said
    assert not (out / "P01" / "walk_01_forces.sto").exists(), "forces of the earlier trial do not stay"
    assert list(solve_archive_motion(archive, out, steps=("ik",)).status) == ["solved"]
    assert list(solve_archive_motion(archive, out, steps=("id",)).dynamics) == ["solved"]


def test_dynamics_alone_refuse_the_motion_of_an_earlier_skeleton(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, steps=("ik",))
    path = out / "P01" / "skeleton.json"
    skeleton = load_skeleton(path)
    save_skeleton(replace(skeleton, notes=(*skeleton.notes, "changed")), path)
    table = solve_archive_motion(archive, out, steps=("id",))
    assert list(table.dynamics) == ["refused"]
    assert "skeleton.json" in table.dynamics_reason[0] and "motion ik" in table.dynamics_reason[0]


def test_a_motion_that_is_not_the_recorded_one_is_refused_by_dynamics_and_made_again_by_kinematics(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, steps=("ik",))
    motion = out / "P01" / "walk_01.mot"
    own = motion.read_bytes()
    motion.write_bytes(own.replace(b"1", b"2"))
    table = solve_archive_motion(archive, out, steps=("id",))
    assert list(table.dynamics) == ["refused"] and "walk_01.mot" in table.dynamics_reason[0]
    solve_archive_motion(archive, out, steps=("ik",))
    assert motion.read_bytes() == own


def test_forces_go_with_lost_coordinates_and_are_made_again(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    own = (out / "P01" / "walk_01_forces.sto").read_bytes()
    (out / "P01" / "walk_01.mot").unlink()
    table = solve_archive_motion(archive, out)
    assert list(table.dynamics) == ["solved"] and (out / "P01" / "walk_01_forces.sto").read_bytes() == own
    (out / "P01" / "walk_01.mot").unlink()
    table = solve_archive_motion(archive, out, steps=("ik",))
    assert list(table.dynamics) == [""] and not (out / "P01" / "walk_01_forces.sto").exists()


def test_dynamics_alone_without_a_record_of_the_motion_are_refused(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, steps=("ik",))
    (out / "P01" / "walk_01.ik.json").unlink()
    table = solve_archive_motion(archive, out, steps=("id",))
    assert list(table.dynamics) == ["refused"] and "motion ik" in table.dynamics_reason[0]


def test_a_skeleton_that_has_gone_is_a_row(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, steps=("ik",))
    (out / "P01" / "skeleton.json").unlink()
    table = solve_archive_motion(archive, out, steps=("id",))
    assert list(table.trial) == ["walk_01"] and "motion ik" in table.reason[0]


@pytest.mark.parametrize("settings", [MotionSettings(), MotionSettings(mass=70.0, height=1.74)])
def test_nothing_is_done_again_whichever_way_the_steps_are_asked_for(archive, tmp_path, settings):
    """Dynamics alone know the mass and the height with which the motion was solved."""
    out = tmp_path / "motion"
    both = solve_archive_motion(archive, out, settings=settings)
    before = {p.name: p.stat().st_mtime_ns for p in (out / "P01").iterdir()}
    solve_archive_motion(archive, out, steps=("id",))
    solve_archive_motion(archive, out, settings=settings, steps=("ik",))
    again = solve_archive_motion(archive, out, settings=settings)
    assert {p.name: p.stat().st_mtime_ns for p in (out / "P01").iterdir()} == before
    pd.testing.assert_frame_equal(both, again)


def test_a_whole_number_is_the_same_cut_off(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, settings=MotionSettings(cutoff=8))
    before = (out / "P01" / "walk_01.id.json").stat().st_mtime_ns
    solve_archive_motion(archive, out, settings=MotionSettings(cutoff=8.0))
    assert (out / "P01" / "walk_01.id.json").stat().st_mtime_ns == before


def test_forces_of_another_cut_off_stay_with_their_row_when_kinematics_are_asked_for(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, settings=MotionSettings(cutoff=9.0))
    table = solve_archive_motion(archive, out, steps=("ik",))
    assert list(table.dynamics) == ["solved"] and list(table.cutoff_hz) == [9.0]


def test_a_refused_scaling_leaves_nothing_of_its_subject(tmp_path):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    solve_archive_motion(archive, out)
    assert len(present(out / "P02", TRIAL_FILES + SUBJECT_FILES)) == 8
    child = replace(PERSON, height=1.20)
    write_trial(archive / "P02" / "static.trial.h5", replace(static_of(true_skeleton(child), child), subject=SECOND))
    (out / "P02" / "notes.mot").write_text("of the user")
    table = solve_archive_motion(archive, out).set_index("subject")
    assert table.status["P02"] == "refused"
    assert present(out / "P02", TRIAL_FILES + SUBJECT_FILES) == [] and (out / "P02" / "notes.mot").exists()
    assert len(present(out / "P01", TRIAL_FILES + SUBJECT_FILES)) == 8


def test_another_way_of_scaling_leaves_no_products_of_the_first(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out, steps=("ik",))
    solve_archive_motion(archive, out, settings=MotionSettings(scale="stature"), steps=("ik",))
    assert present(out / "P01", SUBJECT_FILES) == ["skeleton.json", "scaling.json"]


def test_a_scaling_whose_process_was_lost_leaves_nothing_of_its_subject(archive, tmp_path, monkeypatch):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    monkeypatch.setattr(TaskWork, "outcomes", lambda work, tasks, what: [(t.key, None, "killed") for t in tasks])
    table = solve_archive_motion(archive, out, settings=MotionSettings(hip_method="bell"))
    assert list(table.status) == ["refused"] and "killed" in table.reason[0]
    assert present(out / "P01", TRIAL_FILES + SUBJECT_FILES) == []


def test_a_trial_whose_process_was_lost_leaves_no_older_motion(archive, tmp_path, monkeypatch):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    change(archive / "P01" / "walk_01.trial.h5", task="run")
    monkeypatch.setattr(TaskWork, "outcomes", lambda work, tasks, what: [(t.key, None, "killed") for t in tasks])
    table = solve_archive_motion(archive, out)
    assert list(table.status) == ["refused"] and list(table.dynamics) == ["refused"]
    assert present(out / "P01", TRIAL_FILES) == [] and len(present(out / "P01", SUBJECT_FILES)) == 4


def test_a_trial_of_one_subject_refused_with_its_scaling_tells_of_the_others_that_went(tmp_path):
    """One trial with a wrong static trial voids the subject's skeleton, and with it the other trials' motion."""
    archive, out = write_archive(tmp_path / "trials", n_frames=60), tmp_path / "motion"
    person = true_skeleton()
    other = with_plates(trial_of(person, walk(person, 60), "walk_02"))
    write_trial(archive / "P01" / "walk_02.trial.h5", other)
    solve_archive_motion(archive, out)
    (archive / "P01" / "static.trial.h5").unlink()
    table = solve_archive_motion(archive / "P01" / "walk_01.trial.h5", out)
    assert set(table.status) == {"refused"} and sorted(table.trial) == ["walk_01", "walk_02"]
    assert set(pd.read_csv(out / "motion.csv").status) == {"refused"}
    assert not list((out / "P01").glob("*.mot"))


def test_a_trial_that_is_a_static_one_now_leaves_no_motion(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    person = true_skeleton()
    write_trial(archive / "P01" / "walk_01.trial.h5", replace(static_of(person), name="walk_01"))
    solve_archive_motion(archive, out)
    assert present(out / "P01", TRIAL_FILES) == []


def test_no_cut_off_leaves_motion_and_forces_as_they_are(archive, tmp_path):
    """A cut-off of 0 is no filter: the forces are those of the unfiltered inverse dynamics, and the row says 0."""
    out = tmp_path / "motion"
    table = solve_archive_motion(archive, out, settings=MotionSettings(cutoff=0))
    assert list(table.dynamics) == ["solved"] and list(table.cutoff_hz) == [0.0]
    assert list(pd.read_csv(out / "motion.csv").cutoff_hz) == [0.0]
    raw = read_generalized_forces(out / "P01" / "walk_01_forces.sto").of("knee_angle_r")
    solve_archive_motion(archive, out, settings=MotionSettings(cutoff=6.0))
    smooth = read_generalized_forces(out / "P01" / "walk_01_forces.sto").of("knee_angle_r")
    assert np.nanstd(np.diff(raw, 2)) > 3 * np.nanstd(np.diff(smooth, 2))
    person = true_skeleton()
    trial = with_plates(trial_of(person, walk(person, 60), "walk_01"))
    motion: Kinematics = solve_trial_kinematics(person, trial).solution.kinematics
    found = solve_trial_kinetics(person, motion, trial, 0.0)
    assert found.cutoff is None
    truth = solve_inverse_dynamics(person, motion, trial.ground_reactions, None)
    both = np.isfinite(found.of("knee_angle_r")) & np.isfinite(truth.of("knee_angle_r"))
    assert both.sum() > 20
    np.testing.assert_allclose(found.of("knee_angle_r")[both], truth.of("knee_angle_r")[both], atol=1e-6)
