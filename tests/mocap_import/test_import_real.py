"""Real laboratories: overground children and treadmill runners come out as people who move under gravity."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.archive.run import convert_archive
from mocap_import.event.force_event import events_from_force
from mocap_import.event.gait_event import events_from_markers
from mocap_import.marker.marker_set import landmark_positions, load_marker_set
from mocap_import.plate.contact import contacts, foot_distances
from mocap_import.spatiotemporal import spatiotemporal
from mocap_import.subject import Subject
from mocap_import.trial_reader import read_trial


def _body_faces_forward(trial):
    """Feet at the bottom, right side at +Z, front at +X."""
    marks = {name: np.nanmean(place, axis=0) for name, place in landmark_positions(trial, _set(trial)).items()}
    assert marks["heel_r"][1] < 0.5 * marks["asis_r"][1]
    assert marks["toe_r"][1] < 0.25 * marks["asis_r"][1]
    assert marks["asis_r"][2] > marks["asis_l"][2]
    assert marks["toe_r"][0] > marks["heel_r"][0]
    assert marks["toe_l"][0] > marks["heel_l"][0]
    return marks


def _set(trial):
    return load_marker_set(trial.marker_set)


def test_a_child_walks_overground(data_dir):
    path = data_dir / "mcgill_walk_youth" / "HC039A" / "Straight" / "HC039A17.c3d"
    trial = read_trial(path)
    assert (trial.marker_set, trial.task, trial.belt_speed) == ("plug_in_gait", "walk", 0.0)
    assert (trial.subject.mass, trial.subject.height) == (pytest.approx(39.7), pytest.approx(1.59))
    _body_faces_forward(trial)
    assert [reaction.foot for reaction in trial.ground_reactions] == ["left", "right"]
    assert not [label for label in trial.labels if "Angle" in label or "Force" in label]
    landmarks = landmark_positions(trial, _set(trial))
    for reaction in trial.ground_reactions:
        assert 1.0 < np.nanmax(reaction.force[:, 1]) / trial.subject.body_weight < 1.4
        (start, stop), *_ = contacts(reaction.force[:, 1], reaction.rate)
        distance = foot_distances(landmarks, reaction, start, stop, trial.rate)[reaction.foot]
        assert np.nanmedian(distance) < 0.04
    table = spatiotemporal(trial)
    assert table.speed.between(1.3, 1.6).all()
    assert table.stance_percent.between(55, 65).all()
    assert table.step_length.between(0.55, 0.8).all()
    assert table.step_width.between(0.02, 0.2).all()


def test_events_of_file_forces_and_markers_agree(data_dir):
    errors = {"force": [], "markers": []}
    for code, number in (("HC002D", "06"), ("HC033A", "10"), ("HC039A", "17")):
        trial = read_trial(data_dir / "mcgill_walk_youth" / code / "Straight" / f"{code}{number}.c3d")
        for source, find in (("force", events_from_force), ("markers", events_from_markers)):
            for event in find(trial, _set(trial)):
                same = [e.time for e in trial.events if (e.foot, e.kind) == (event.foot, event.kind)]
                nearest = min(abs(event.time - time) for time in same)
                if nearest < 0.3:  # an event outside the labelled steps has no partner
                    errors[source].append(nearest)
    assert np.median(errors["force"]) < 0.02
    assert np.median(errors["markers"]) < 0.03
    assert len(errors["markers"]) >= 20


def test_a_runner_on_a_treadmill(data_dir):
    path = data_dir / "rbds_running" / "RBDS002" / "RBDS002runT35.c3d"
    trial = read_trial(path, subject=Subject("RBDS002", mass=80.0, height=1.83))
    assert (trial.marker_set, trial.task) == ("ufabc_running", "run")
    _body_faces_forward(trial)
    # The file does not state the belt's speed; the protocol says 3.5 m/s.
    assert trial.belt_speed == pytest.approx(3.5, rel=0.02)
    assert "belt_speed_inferred" in {treatment.what for treatment in trial.treatments}
    reaction = trial.ground_reactions[0]
    assert reaction.foot == "both"
    assert 2.0 < np.nanpercentile(reaction.force[:, 1], 99.5) / trial.subject.body_weight < 3.2
    assert np.mean(reaction.force[:, 1]) / trial.subject.body_weight == pytest.approx(1.0, abs=0.05)
    landmarks = landmark_positions(trial, _set(trial))
    distances = []
    for start, stop in contacts(reaction.force[:, 1], reaction.rate)[:40]:
        distances.append(np.fmin(*foot_distances(landmarks, reaction, start, stop, trial.rate).values()))
    assert np.nanmedian(np.concatenate(distances)) < 0.06
    table = spatiotemporal(trial)
    assert table.speed.between(3.4, 3.6).all()
    assert table.cadence.between(145, 190).all()
    assert table.stance_percent.between(25, 45).all()
    assert abs(table.step_length["right"] - table.step_length["left"]) < 0.08


def test_standing_weighs_what_the_file_says(data_dir):
    trial = read_trial(data_dir / "mcgill_walk_youth" / "HC033A" / "Static" / "HC033A01.c3d")
    assert trial.task == "static"
    total = sum(reaction.force[:, 1].mean() for reaction in trial.ground_reactions)
    assert total / trial.subject.body_weight == pytest.approx(1.0, abs=0.03)
    _body_faces_forward(trial)


def test_foreign_laboratories_end_in_one_row_each(data_dir, tmp_path):
    table = convert_archive(data_dir / "c3d_import_cases", tmp_path / "out", n_workers=0, codes="keep")
    assert len(table) == len(list((data_dir / "c3d_import_cases").rglob("*.c3d")))
    assert set(table.status) <= {"accepted", "repaired"}
    rotations = table[table.file == "others/C3DRotationExample.c3d"].iloc[0]
    assert "no_markers" in rotations.reason
    assert rotations.n_markers == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "archive, refused", [("rbds_running", 0), ("mcgill_walk_youth", 0), ("clinical_labs_anz", 0), ("c3d_odd", None)]
)
def test_whole_archives_end_in_one_row_a_file(data_dir, tmp_path, archive, refused):
    table = convert_archive(data_dir / archive, tmp_path / "out", n_workers=2)
    assert len(table) == sum(path.suffix.lower() == ".c3d" for path in (data_dir / archive).rglob("*"))
    assert table.status.isin(["accepted", "repaired", "refused"]).all()
    if refused is not None:
        assert (table.status == "refused").sum() == refused
        assert table.marker_set.isin(["plug_in_gait", "ufabc_running"]).all()
