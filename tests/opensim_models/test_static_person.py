"""The static trial that a user names: it fits its person in any posture, and one wrong trial goes alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, static_of, trial_of, true_skeleton, walk, write_archive

from mocap_import.subject import Subject
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import load_trial, write_trial
from opensim_models.archive.static_person import refuse_other_person
from opensim_models.archive.subject_motion import MotionSettings, solve_archive_motion
from opensim_models.archive.trial_motion import with_exchanged
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.scale_factor import scaled_skeleton

TALL = Subject("P02", 90.0, 1.95, "male", 40.0)


@pytest.fixture
def archive(tmp_path) -> Path:
    """A person with two walks; another one lies in the folder `other` beside it."""
    write_archive(tmp_path / "other", (TALL,), 60)
    archive = write_archive(tmp_path / "trials", (PERSON,), 60)
    trial = load_trial(archive / "P01" / "walk_01.trial.h5")
    write_trial(archive / "P01" / "walk_02.trial.h5", replace(trial, name="walk_02", source="walk_02.c3d"))
    return archive


def solved(archive: Path, **settings):
    """Status and reason of the first person's trials, its own static trial named by the user."""
    settings = MotionSettings(static=archive / "P01" / "static.trial.h5", **settings)
    table = solve_archive_motion(archive, archive.parent / "motion", settings=settings, steps=("ik",))
    table = table[table.trial != ""].set_index("trial")
    return dict(table.status), dict(table.reason)


def hide(trial, *labels):
    positions = trial.positions.copy()
    positions[:, [trial.labels.index(label) for label in labels]] = np.nan
    return replace(trial, positions=positions)


@pytest.mark.parametrize("hip", [30, 60, 90, 110])
def test_a_person_who_bends_the_hips_is_the_same_person(hip):
    """Sitting, cycling, squatting: the spine of the pelvis comes to the knee, and nobody is another one for it."""
    person = true_skeleton()
    motion = walk(person, 30)
    values = motion.values.copy()
    for side in "rl":
        values[:, motion.coordinates.index(f"hip_flexion_{side}")] = np.radians(hip)
        values[:, motion.coordinates.index(f"knee_angle_{side}")] = np.radians(min(hip, 90))
    assert refuse_other_person(static_of(person), trial_of(person, replace(motion, values=values), "squat")) == ""


def test_a_trial_of_one_side_is_compared_with_that_side():
    """A shank 10 % shorter on the left, and only the left in view: the mean of both sides would be another person's."""
    person = scaled_skeleton(true_skeleton(), {"tibia_l": (1.0, 0.9, 1.0)})
    moving = hide(trial_of(person, walk(person, 30), "walk"), "RKNE", "RANK", "RHEE")
    assert refuse_other_person(static_of(person), moving) == ""
    other = hide(trial_of(true_skeleton(), walk(person, 30), "walk"), "RKNE", "RANK", "RHEE")
    with pytest.raises(ModelMismatch, match="knee - ankle, left"):
        refuse_other_person(static_of(person), other)


@pytest.mark.parametrize(
    ("pair", "length"),
    [
        (("RHEE", "RTOE"), "heel - fifth metatarsal, right"),
        (("RANK", "RTIB"), "knee - ankle, right"),
        (("LASI", "LTHI"), "between the anterior spines"),
    ],
)
def test_one_marker_that_stands_elsewhere_is_told_and_no_other_person(data_dir, pair, length):
    folder = data_dir / "mcgill_walk_youth" / "HC002D"
    static, moving = (read_trial(next(folder.rglob(f"{kind}/*.c3d"))) for kind in ("Static", "Straight"))
    assert refuse_other_person(static, moving) == ""
    said = refuse_other_person(static, with_exchanged(moving, (pair,)))
    assert length in said and "is a marker misplaced" in said


def test_most_pairs_of_children_are_told_apart_and_no_child_from_itself(data_dir):
    folders = sorted(path for path in (data_dir / "mcgill_walk_youth").iterdir() if path.is_dir())
    statics = [read_trial(next(folder.rglob("Static/*.c3d"))) for folder in folders]
    walks = [read_trial(next(folder.rglob("Straight/*.c3d"))) for folder in folders]
    refused = 0
    for i, static in enumerate(statics):
        for k, trial in enumerate(walks):
            nobody = replace(static, subject=Subject("")), replace(trial, subject=Subject(""))
            try:
                assert refuse_other_person(*nobody) == "" or i != k
            except ModelMismatch:
                assert i != k, folders[i]
                refused += 1
    assert len(folders) == 6 and refused >= 26


@pytest.mark.parametrize("pair", [("RHEE", "RTOE"), ("RANK", "RKNE"), ("LASI", "LPSI")])
def test_labels_exchanged_in_one_trial_do_not_take_the_others_away(archive, pair):
    path = archive / "P01" / "walk_01.trial.h5"
    write_trial(path, with_exchanged(load_trial(path), (pair,)))
    status, reason = solved(archive)
    assert status["walk_02"] == "solved", reason
    if pair == ("RHEE", "RTOE"):  # of one segment: found and turned round
        assert status["walk_01"] == "solved" and "are exchanged in this trial" in reason["walk_01"]


def test_the_trial_of_somebody_else_is_refused_alone_whatever_came_first(archive):
    """Adding it to a solved folder, and a fresh run, come to the same; when it is gone, so is its refusal."""
    status, _ = solved(archive)
    assert status == {"walk_01": "solved", "walk_02": "solved"}
    for name in ("a_walk", "walk_03"):
        trial = replace(
            load_trial(archive.parent / "other" / "P02" / "walk_01.trial.h5"), name=name, source=f"{name}.c3d"
        )
        write_trial(archive / "P01" / f"{name}.trial.h5", trial)
        status, reason = solved(archive)
        assert status.pop(name) == "refused" and "does not show the person" in reason[name]
        assert set(status.values()) == {"solved"}, reason
        (archive / "P01" / f"{name}.trial.h5").unlink()


def test_a_refused_person_is_asked_again_when_its_trials_change(archive):
    """Only the trials of somebody else: refused; with the right one in their place: solved."""
    kept = [(path, path.read_bytes()) for path in sorted((archive / "P01").glob("walk*"))]
    other = load_trial(archive.parent / "other" / "P02" / "walk_01.trial.h5")
    for path, _ in kept:
        path.unlink()
    write_trial(archive / "P01" / "walk_03.trial.h5", replace(other, name="walk_03", source="walk_03.c3d"))
    status, reason = solved(archive)
    assert status == {"walk_03": "refused"} and "does not show the person" in reason["walk_03"]
    (archive / "P01" / "walk_03.trial.h5").unlink()
    kept[0][0].write_bytes(kept[0][1])
    assert solved(archive)[0]["walk_01"] == "solved"
