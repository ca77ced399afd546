"""What `kinesynth motion` tells: every subject and trial has a row, every option is used or refused."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, static_of, true_skeleton, write_archive

from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import load_trial, write_trial
from opensim_models.archive import motion_run
from opensim_models.archive.motion_table import refused_row, write_tables
from opensim_models.archive.subject_motion import MotionSettings, solve_archive_motion
from opensim_models.exchange.storage import read_motion
from opensim_models.model.skeleton import load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion_command import motion_app
from opensim_models.scaling.subject_scaling import scale_our_own

SECOND = Subject("P02", 80.0, 1.85, "male", 40.0)


@pytest.fixture
def archive(tmp_path) -> Path:
    return write_archive(tmp_path / "trials", n_frames=60)


def relabelled(path: Path, names: dict[str, str]) -> None:
    trial = load_trial(path)
    write_trial(path, replace(trial, labels=tuple(names.get(label, label) for label in trial.labels)))


def test_samples_left_out_are_told_beside_the_error_that_they_made_small(archive, tmp_path):
    path = archive / "P01" / "walk_01.trial.h5"
    trial = load_trial(path)
    positions = trial.positions.copy()
    positions[:15, trial.labels.index("RTHI")] += 0.4
    write_trial(path, replace(trial, positions=positions))
    table = solve_archive_motion(archive, tmp_path / "motion", steps=("ik",))
    assert list(table.status) == ["solved"] and table.marker_error_mm[0] < 5.0
    markers = {m.name for m in load_skeleton(tmp_path / "motion" / "P01" / "skeleton.json").markers}
    used = [label in markers for label in trial.labels]
    assert table.left_out_percent[0] == pytest.approx(100 * 15 / np.isfinite(positions[:, used, 0]).sum())
    columns = list(pd.read_csv(tmp_path / "motion" / "motion.csv").columns)
    assert columns.index("left_out_percent") == columns.index("marker_error_mm") + 1


def test_nothing_left_out_is_zero(archive, tmp_path):
    assert list(solve_archive_motion(archive, tmp_path / "motion", steps=("ik",)).left_out_percent) == [0.0]


def test_a_table_of_an_earlier_version_keeps_the_columns_of_this_one(tmp_path):
    write_tables(tmp_path, {}, [refused_row("P01", "a", "why")])
    table = pd.read_csv(tmp_path / "motion.csv")
    table.drop(columns="left_out_percent").to_csv(tmp_path / "motion.csv", index=False)
    write_tables(tmp_path, {}, [refused_row("P02", "b", "why")], keep=True)
    assert list(pd.read_csv(tmp_path / "motion.csv").columns) == list(table.columns)


def test_a_subject_without_moving_trials_is_a_row(tmp_path):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    moving = archive / "P02" / "walk_01.trial.h5"
    kept = moving.read_bytes()
    moving.unlink()
    table = solve_archive_motion(archive, out).set_index("subject")
    assert table.status["P01"] == "solved" and table.status["P02"] == "refused"
    assert "P02" in table.reason["P02"] and "static" in table.reason["P02"]
    assert list(pd.read_csv(out / "motion.csv").subject) == ["P01", "P02"]
    moving.write_bytes(kept)
    solve_archive_motion(moving, out)
    assert list(pd.read_csv(out / "motion.csv").status) == ["solved", "solved"], "its row without a trial is outdated"


def test_an_unexpected_exception_in_this_process_is_one_row(tmp_path, monkeypatch):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    solve = motion_run.trial_task

    def broken(**arguments):
        if arguments["code"] == "P01":
            raise KeyError("nobody thought of this")
        return solve(**arguments)

    monkeypatch.setattr(motion_run, "trial_task", broken)
    table = solve_archive_motion(archive, out).set_index("subject")
    assert table.status["P01"] == "refused" and table.status["P02"] == "solved"
    assert "KeyError" in table.reason["P01"] and "nobody thought of this" in table.reason["P01"]
    assert table.dynamics["P01"] == "refused"


def test_an_unexpected_exception_while_scaling_is_one_row(tmp_path, monkeypatch):
    archive, out = write_archive(tmp_path / "trials", (PERSON, SECOND), 60), tmp_path / "motion"
    scale = motion_run.scale_task

    def broken(**arguments):
        if arguments["code"] == "P01":
            raise ZeroDivisionError("by nothing")
        return scale(**arguments)

    monkeypatch.setattr(motion_run, "scale_task", broken)
    table = solve_archive_motion(archive, out).set_index("subject")
    assert table.status["P01"] == "refused" and table.status["P02"] == "solved"
    assert "ZeroDivisionError: by nothing" in table.reason["P01"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, PermissionError])
def test_an_interrupt_and_an_output_that_cannot_be_written_end_the_run(archive, tmp_path, monkeypatch, error):
    def ended(**arguments):
        raise error("stop")

    monkeypatch.setattr(motion_run, "trial_task", ended)
    with pytest.raises((KeyboardInterrupt, OSError)):
        solve_archive_motion(archive, tmp_path / "motion")


def test_a_moving_trial_called_static_does_not_overwrite_the_standing_pose(archive, tmp_path):
    out = tmp_path / "motion"
    solve_archive_motion(archive, out)
    own = archive / "P01"
    before = {name: (out / "P01" / name).read_bytes() for name in ("static.mot", "scaling.json", "skeleton.json")}
    (own / "static.trial.h5").rename(own / "standing.trial.h5")
    (own / "walk_01.trial.h5").rename(own / "static.trial.h5")
    table = solve_archive_motion(archive, out).set_index("trial")
    assert table.status["static"] == "refused" and "static.mot" in table.reason["static"]
    assert "rename" in table.reason["static"]
    assert len(read_motion(out / "P01" / "static.mot").values) == 1, "one frame: the pose of the person standing"
    for name, content in before.items():
        assert (out / "P01" / name).read_bytes() == content


@pytest.mark.parametrize("name", ["scaling", "skeleton", "Scaling.done"])
def test_other_names_of_the_subjects_files_are_no_harm(archive, tmp_path, name):
    (archive / "P01" / "walk_01.trial.h5").rename(archive / "P01" / f"{name}.trial.h5")
    out = tmp_path / "motion"
    table = solve_archive_motion(archive, out)
    assert list(table.status) == ["solved"] and list(table.trial) == [name]
    assert load_skeleton(out / "P01" / "skeleton.json").mass == pytest.approx(PERSON.mass)
    assert list(solve_archive_motion(archive, out).status) == ["solved"]


@pytest.mark.parametrize("method", ["automatic", "stature", "as_is"])
def test_a_static_trial_that_a_way_of_scaling_does_not_use_is_refused(archive, tmp_path, method):
    given = archive / "P01" / "static.trial.h5"
    with pytest.raises(ModelMismatch, match="static trial"):
        settings = MotionSettings(scale=method, static=given, model=true_skeleton())
        solve_archive_motion(archive, tmp_path / "motion", settings=settings)


ODD = {"RASI": "hip spine", "LASI": "L spine", "RKNE": "outer knee"}


@pytest.mark.parametrize(
    "given",
    [
        {"asis_r": "hip spine", "asis_l": "L spine", "knee_lateral_r": "outer knee"},
        {"RASI": "hip spine", "LASI": "L spine", "RKNE": "outer knee"},
    ],
    ids=["landmarks", "labels of the set"],
)
def test_our_own_model_is_scaled_by_the_users_marker_map(archive, tmp_path, given):
    """Labels that no set knows: with the map the skeleton is the one that known labels give."""
    solve_archive_motion(archive, tmp_path / "known")
    for path in (archive / "P01").glob("*.trial.h5"):
        relabelled(path, ODD)
    table = solve_archive_motion(archive, tmp_path / "odd")
    assert list(table.status) == ["refused"], "spines without a known label"
    table = solve_archive_motion(archive, tmp_path / "given", settings=MotionSettings(markers=given))
    assert list(table.status) == ["solved"], table.reason[0]
    known, found = (load_skeleton(tmp_path / name / "P01" / "skeleton.json") for name in ("known", "given"))
    for a, b in zip(known.segments, found.segments, strict=True):
        np.testing.assert_allclose(a.offset, b.offset, atol=1e-9)
    assert len(known.markers) == len(found.markers)
    angle = [read_motion(tmp_path / name / "P01" / "walk_01.mot").of("hip_flexion_r") for name in ("known", "given")]
    np.testing.assert_allclose(angle[0], angle[1], atol=1e-6)
    planar = load_skeleton(tmp_path / "given" / "P01" / "planar_skeleton.json")
    assert len(planar.markers) == len(load_skeleton(tmp_path / "known" / "P01" / "planar_skeleton.json").markers)


def test_a_marker_map_goes_before_the_meaning_of_the_set():
    """Two markers near the knee: the map decides which one is the landmark, and the other one stays a marker."""
    person = true_skeleton()
    static = static_of(person)
    labels = list(static.labels)
    positions = np.concatenate([static.positions, static.marker("RKNE")[:, None]], axis=1)
    wrong = positions.copy()
    wrong[:, labels.index("RKNE")] += (0.0, 0.03, 0.0)
    odd = replace(
        static, labels=(*static.labels, "TRUE"), positions=wrong, filled=np.zeros(wrong.shape[:2], dtype=bool)
    )
    truth = scale_our_own([static], "harrington")[0]
    found = scale_our_own([odd], "harrington", {"knee_lateral_r": "TRUE"})[0]
    at = [s.segments[s.segment_index("tibia_r")].offset for s in (truth, found)]
    np.testing.assert_allclose(*at, atol=1e-9)
    assert {"RKNE", "knee_lateral_r"} <= {m.name for m in found.markers}


def test_a_marker_map_that_names_nothing_of_our_model_is_refused_with_near_names():
    with pytest.raises(ModelMismatch, match=r"knee_laterel_r.*knee_lateral_r"):
        scale_our_own([static_of(true_skeleton())], "harrington", {"knee_laterel_r": "RKNE"})
    with pytest.raises(ModelMismatch, match="two markers"):
        scale_our_own([static_of(true_skeleton())], "harrington", {"heel_r": "RHEE", "toe_r": "RHEE"})


def test_a_mapped_label_that_the_static_trial_lacks_is_told_and_the_set_stands_in(archive, tmp_path):
    """A label that one subject's trials lack is no mistake: the set's own label is taken, and the row says so."""
    given = {"asis_r": "hip spine"}
    table = solve_archive_motion(archive, tmp_path / "motion", settings=MotionSettings(markers=given))
    assert list(table.status) == ["solved"], table.reason[0]
    assert "hip spine" in table.reason[0] and "asis_r" in table.reason[0]


def test_a_trial_of_unknown_labels_is_scaled_by_a_whole_map(archive, tmp_path):
    """Landmarks named one by one, where no set is known at all."""
    truth = load_trial(archive / "P01" / "static.trial.h5")
    from mocap_import.marker.marker_set import load_marker_set

    marks = load_marker_set("plug_in_gait").for_labels(truth.labels).landmarks
    given = {mark: f"point {k}" for k, mark in enumerate(marks)}
    for path in (archive / "P01").glob("*.trial.h5"):
        relabelled(path, {marks[mark]: label for mark, label in given.items()})
        write_trial(path, replace(load_trial(path), marker_set="unknown"))
    table = solve_archive_motion(archive, tmp_path / "motion", settings=MotionSettings(markers=given))
    assert list(table.status) == ["solved"], table.reason[0]
    with pytest.raises((ModelMismatch, TrialRefused)):
        scale_our_own([replace(truth, marker_set="unknown")], "harrington")


def test_a_marker_map_serves_scaling_by_movement_and_the_trials_after_it(archive, tmp_path):
    for path in (archive / "P01").glob("*.trial.h5"):
        relabelled(path, ODD)
    given = {"asis_r": "hip spine", "asis_l": "L spine", "knee_lateral_r": "outer knee"}
    settings = MotionSettings(scale="automatic", markers=given)
    table = solve_archive_motion(archive, tmp_path / "motion", settings=settings, steps=("ik",))
    assert list(table.status) == ["solved"], table.reason[0]


def test_the_command_takes_no_filter_as_zero_and_refuses_less(archive, tmp_path):
    out = tmp_path / "motion"
    done = CliRunner().invoke(motion_app, [str(archive), str(out), "--cutoff", "0", "--workers", "0"])
    assert done.exit_code == 0, done.output
    assert list(pd.read_csv(out / "motion.csv").cutoff_hz) == [0.0]
    done = CliRunner().invoke(motion_app, ["id", str(archive), str(out), "--cutoff", "-1", "--workers", "0"])
    assert isinstance(done.exception, ModelMismatch) and "cut-off" in str(done.exception)


def test_the_marker_map_of_the_document_is_one(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "motion.md").read_text(encoding="utf-8")
    maps = [block.split("```")[0] for block in text.split("```toml\n")[1:]]
    assert maps and all(tomllib.loads(block)["markers"] for block in maps)
