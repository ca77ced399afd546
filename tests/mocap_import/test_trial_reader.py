"""Trial reader: analytic walks come out in SI and the ground frame, and every doubt is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.export.c3d_writer import write_c3d
from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused
from mocap_import.trial_reader import read_trial

SHIFT = np.array([0.0, 0.0, 0.2])


def _read(tmp_path, made, axes=None, plates=None, **settings):
    path = tmp_path / "trial.c3d"
    write_c3d(path, made.trial, plates=made.plates if plates is None else plates, axes=axes)
    return read_trial(path, **settings)


def _notes(trial):
    return {treatment.what: treatment.detail for treatment in trial.treatments}


def test_an_overground_walk_is_read_whole(tmp_path, walker, z_up):
    made = walker()
    trial = _read(tmp_path, made, z_up)
    assert (trial.task, trial.marker_set, trial.belt_speed) == ("walk", "plug_in_gait", 0.0)
    assert [reaction.foot for reaction in trial.ground_reactions] == ["right", "left"]
    np.testing.assert_allclose(trial.positions, made.trial.positions, atol=1e-6)
    for read, true in zip(trial.ground_reactions, made.trial.ground_reactions, strict=True):
        np.testing.assert_allclose(read.force, true.force, atol=1e-3)
        np.testing.assert_allclose(read.centre_of_pressure, true.centre_of_pressure, atol=1e-5)
        np.testing.assert_allclose(read.free_moment, true.free_moment, atol=1e-4)
    assert set(_notes(trial)) == {"axes_inferred"}


def test_a_calibrated_treadmill_plate_is_of_both_feet(tmp_path, walker):
    made = walker(treadmill=True, duration=6.0)
    calibration = np.diag([500.0, 500.0, 1000.0, 800.0, 250.0, 400.0])
    plate = replace(made.plates[0], kind=4, calibration=calibration)
    trial = _read(tmp_path, made, plates=[plate])
    assert trial.ground_reactions[0].foot == "both"
    np.testing.assert_allclose(trial.ground_reactions[0].force, made.trial.ground_reactions[0].force, atol=1e-3)
    assert trial.belt_speed == pytest.approx(1.25)
    assert not trial.treatments


def test_a_belt_speed_that_is_not_in_the_file_is_inferred_and_said(tmp_path, walker):
    made = walker(treadmill=True, duration=6.0)
    silent = replace(made, trial=replace(made.trial, belt_speed=0.0))
    trial = _read(tmp_path, silent)
    assert trial.belt_speed == pytest.approx(1.25, rel=0.02)
    assert "not in the file" in _notes(trial)["belt_speed_inferred"]
    given = _read(tmp_path, silent, belt_speed=1.3)
    assert given.belt_speed == 1.3
    assert "belt_speed_inferred" not in _notes(given)


def test_a_trial_without_plates_and_events_keeps_markers_and_finds_events(tmp_path, walker):
    made = walker(forces=False, duration=5.0)
    trial = _read(tmp_path, replace(made, trial=replace(made.trial, events=())))
    assert trial.ground_reactions == ()
    assert {event.source for event in trial.events} == {"markers"}
    assert {"no_plates", "events_detected"} <= set(_notes(trial))


def test_an_unknown_marker_set_is_kept_and_its_labels_named(tmp_path, walker):
    made = walker(duration=1.0)
    labels = tuple(f"X{k}" for k in range(len(made.trial.labels)))
    trial = _read(tmp_path, replace(made, trial=replace(made.trial, labels=labels)))
    assert trial.marker_set == "unknown"
    assert trial.n_frames == made.trial.n_frames
    assert "X0, X1, X2" in _notes(trial)["marker_set_unknown"]


def test_markers_that_are_all_occluded_are_refused(tmp_path, walker):
    made = walker(duration=1.0, forces=False)
    blind = replace(made.trial, positions=np.full_like(made.trial.positions, np.nan))
    with pytest.raises(TrialRefused, match=r"trial\.c3d: every one of its 20 markers is occluded"):
        _read(tmp_path, replace(made, trial=blind))


def test_a_marker_never_seen_is_left_out_by_name(tmp_path, walker):
    made = walker(duration=1.0, forces=False)
    positions = made.trial.positions.copy()
    positions[:, made.trial.labels.index("T10")] = np.nan
    trial = _read(tmp_path, replace(made, trial=replace(made.trial, positions=positions)))
    assert "T10" not in trial.labels
    assert "T10" in _notes(trial)["never_seen"]


def test_an_unknown_plate_type_is_refused_by_name_and_the_markers_stay(tmp_path, walker):
    made = walker(duration=2.0)
    odd = replace(made.plates[1], kind=7)
    trial = _read(tmp_path, made, plates=[made.plates[0], odd])
    assert [reaction.name for reaction in trial.ground_reactions] == ["plate 1"]
    assert "plate 2: type 7 is not supported" in _notes(trial)["plate_refused"]
    np.testing.assert_allclose(trial.positions, made.trial.positions, atol=1e-6)


def test_one_plate_stepped_on_by_both_feet_in_turn_becomes_two_records(tmp_path, walker, plate_builder):
    made = walker()
    right, left = made.trial.ground_reactions
    # The left foot's load is moved in time so that both steps are apart, and the plate is long enough for both.
    force = right.force + left.force
    apart = (right.force[:, 1] > 20) & (left.force[:, 1] > 20)
    force[apart] = 0.0
    centre = np.where(
        (right.force[:, 1] > left.force[:, 1])[:, None], right.centre_of_pressure, left.centre_of_pressure
    )
    one = replace(right, force=force, centre_of_pressure=np.where(force[:, 1:2] > 20, centre, np.nan))
    plate = plate_builder(np.nanmean(one.centre_of_pressure, axis=0), 1.6, 0.4)
    joined = replace(made, trial=replace(made.trial, ground_reactions=(one,)))
    trial = _read(tmp_path, joined, plates=[plate])
    assert sorted(reaction.foot for reaction in trial.ground_reactions) == ["left", "right"]
    np.testing.assert_allclose(sum(r.force for r in trial.ground_reactions), force, atol=25.0)
    assert "two records" in _notes(trial)["plate_split"]


def test_facts_that_are_given_win_over_the_file(tmp_path, walker):
    made = walker(duration=1.0)
    trial = _read(tmp_path, made, subject=Subject("P7", mass=71.5, sex="female"), name="first", source="P7/first.c3d")
    assert trial.subject == replace(
        Subject("P7", mass=71.5, height=trial.subject.height, sex="female"), age=trial.subject.age
    )
    assert trial.subject.height == pytest.approx(1.75)
    assert (trial.name, trial.source) == ("first", "P7/first.c3d")


def test_a_wrong_mass_is_noticed_on_a_belt(tmp_path, walker):
    made = walker(treadmill=True, duration=6.0)
    assert "weight_differs" not in _notes(_read(tmp_path, made))
    notes = _notes(_read(tmp_path, made, subject=Subject("S", mass=100.0)))
    assert "70 % of the body weight" in notes["weight_differs"]


def test_plates_in_the_wrong_place_are_noticed(tmp_path, walker):
    made = walker()
    shifted = [replace(plate, corners=plate.corners + SHIFT) for plate in made.plates]
    moved = tuple(
        replace(reaction, centre_of_pressure=reaction.centre_of_pressure + SHIFT)
        for reaction in made.trial.ground_reactions
    )
    far = replace(made, trial=replace(made.trial, ground_reactions=moved))
    assert "pressure_off_foot" in _notes(_read(tmp_path, far, plates=shifted))


def test_nothing_of_the_parameter_section_leaves_but_what_is_listed(tmp_path, walker):
    made = walker(duration=1.0)
    labels = tuple(f"Jane Doe:{label}" for label in made.trial.labels)
    trial = _read(tmp_path, replace(made, trial=replace(made.trial, labels=labels)))
    assert "Jane" not in repr(trial)
    assert trial.marker_set == "plug_in_gait"


CLUSTERS = {
    "HEE": "FT1", "TOE": "FT2", "ANK": "FT3", "THI": "TH1", "KNE": "TH2", "TIB": "SK1"
}  # fmt: skip
WHOLE = {"RASI": "PEL1", "LASI": "PEL2", "RPSI": "PEL3", "LPSI": "PEL4", "CLAV": "TRK1", "C7": "TRK2", "T10": "TRK3"}


def _in_clusters(made):
    labels = tuple(
        WHOLE.get(label) or (label[0] + CLUSTERS[label[1:]] if label[1:] in CLUSTERS else label)
        for label in made.trial.labels
    )
    return replace(made, trial=replace(made.trial, labels=labels))


@pytest.mark.parametrize("treadmill", [False, True])
def test_clusters_without_anatomical_landmarks_still_face_forward(tmp_path, walker, z_up, treadmill):
    made = _in_clusters(walker(treadmill=treadmill, duration=5.0))
    backwards = np.diag([-1.0, -1.0, 1.0]) @ z_up
    trial = _read(tmp_path, made, axes=backwards)
    assert trial.marker_set == "segment_clusters"
    np.testing.assert_allclose(trial.positions, made.trial.positions, atol=1e-6)
    assert trial.belt_speed == pytest.approx(1.25 if treadmill else 0.0)
    assert [r.foot for r in trial.ground_reactions] == (["both"] if treadmill else ["right", "left"])
