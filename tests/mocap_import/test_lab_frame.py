"""Laboratory frame: 24 orientations and three units of one motion are one trial, or the doubt is said."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap_import.c3d.raw_c3d import RawC3d, RawPlate
from mocap_import.frame.lab_frame import LabFrame, find_lab_frame
from mocap_import.frame.signed_axis import axis_name
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial import TrialRefused

ORIENTATIONS = [
    matrix
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
    if np.linalg.det(matrix := np.array([sign * np.eye(3)[k] for sign, k in zip(signs, order, strict=True)])) > 0
]
PER_METRE = {"mm": 1000.0, "cm": 100.0, "m": 1.0}
PLUG_IN_GAIT = load_marker_set("plug_in_gait")


def as_recorded(made, rotation=None, unit="mm", plates=True, screen=None, stated=None, positions=None, labels=None):
    """The walk as a laboratory with other axes and another unit would have recorded it; rotation ground → file."""
    rotation = np.eye(3) if rotation is None else rotation
    scale = PER_METRE[unit]
    found = made.plates if plates else ()
    points = made.trial.positions if positions is None else positions
    names = ("", "") if screen is None else tuple(axis_name(rotation @ axis) for axis in screen)
    return RawC3d(
        labels=made.trial.labels if labels is None else labels,
        points=scale * points @ rotation.T,
        unit=unit if stated is None else stated,
        rate=made.trial.rate,
        plates=tuple(RawPlate(2, scale * plate.corners @ rotation.T, plate.origin, ()) for plate in found),
        screen=names,
    )


def notes_of(treatments):
    return {treatment.what: treatment.detail for treatment in treatments}


def assert_recovered(raw, rotation, unit, meaning=PLUG_IN_GAIT):
    frame, notes = find_lab_frame(raw, meaning)
    assert not frame.is_ambiguous, frame.detail
    np.testing.assert_allclose(frame.rotation, rotation.T, atol=1e-12)
    assert frame.metres_per_unit == 1.0 / PER_METRE[unit]
    assert frame.confidence >= 0.7
    return frame, notes


def test_there_are_24_orientations():
    assert len(ORIENTATIONS) == 24


@pytest.mark.parametrize("unit", PER_METRE)
@pytest.mark.parametrize("knows", ["marker set", "words"])
def test_every_orientation_and_unit_of_a_walk_is_recovered_whatever_the_file_states(unit, knows, walker):
    made = walker(duration=2.0, rate=50.0, ratio=2)
    meaning = PLUG_IN_GAIT if knows == "marker set" else None
    wrong = {"mm": "m", "cm": "mm", "m": "cm"}[unit]
    for number, rotation in enumerate(ORIENTATIONS):
        other = ORIENTATIONS[(number + 5) % 24]
        for stated, screen in ((unit, np.eye(3)[:2]), ("", None), (wrong, (other @ np.eye(3))[:2])):
            raw = as_recorded(made, rotation, unit, screen=screen, stated=stated)
            _, notes = assert_recovered(raw, rotation, unit, meaning)
            assert ("unit_inferred" in notes_of(notes)) == (stated != unit)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    number=st.integers(0, 23),
    unit=st.sampled_from(["m", "cm", "mm"]),
    treadmill=st.booleans(),
    forces=st.booleans(),
    height=st.floats(0.9, 2.2),
    speed=st.floats(0.6, 1.9),
    stated=st.sampled_from(["m", "cm", "mm", "", "inch"]),
)
def test_turning_and_scaling_the_laboratory_changes_no_position(
    make_walk, number, unit, treadmill, forces, height, speed, stated
):
    made = make_walk(height=height, speed=speed, treadmill=treadmill, duration=2.0, rate=50.0, ratio=2, forces=forces)
    raw = as_recorded(made, ORIENTATIONS[number], unit, stated=stated)
    frame, _ = assert_recovered(raw, ORIENTATIONS[number], unit)
    positions = (raw.points * frame.metres_per_unit) @ frame.rotation.T
    np.testing.assert_allclose(positions, made.trial.positions, atol=1e-9)


def test_a_standing_body_is_recovered_in_every_orientation(walker):
    made = walker(duration=1.0, forces=False)
    still = np.repeat(made.trial.positions[30:31] + np.array([2.0, 0.0, -1.0]), 50, axis=0)
    for rotation in ORIENTATIONS:
        assert_recovered(as_recorded(made, rotation, plates=False, positions=still), rotation, "mm")


def test_a_lying_body_is_never_taken_for_a_standing_one_where_plates_or_the_file_tell(walker):
    made = walker(duration=1.0)
    rng = np.random.default_rng(2)
    standing = np.repeat(made.trial.positions[30:31], 20, axis=0)
    on_the_back = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    upright = []
    for _ in range(150):
        angle = rng.uniform(0, 2 * np.pi)
        about_up = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        lying = (standing - standing.mean(axis=(0, 1))) @ (about_up @ on_the_back).T
        lying += [rng.uniform(-1.5, 1.5), rng.choice([0.0, 0.7]) - lying[:, :, 1].min(), rng.uniform(-1.5, 1.5)]
        for raw in (
            as_recorded(made, positions=lying),
            as_recorded(made, positions=lying, plates=False, screen=np.eye(3)[:2]),
        ):
            frame, notes = find_lab_frame(raw, PLUG_IN_GAIT)
            assert frame.is_ambiguous or frame.axes[2:] == "+Y", frame.detail
            assert frame.is_ambiguous == ("axes_ambiguous" in notes_of(notes))
            upright.append(not frame.is_ambiguous)
    assert any(upright)
    # Without plates and statement it says what it does not know, if the feet are not at zero.
    away = lying - lying.mean(axis=(0, 1)) + [1.5, 0.8, 1.5]
    frame, notes = find_lab_frame(as_recorded(made, positions=away, plates=False), PLUG_IN_GAIT)
    assert frame.is_ambiguous
    assert "--axes" in notes_of(notes)["axes_ambiguous"]


def test_walking_backwards_keeps_the_front_in_front(walker):
    made = walker(duration=3.0, forces=False)
    for rotation in ORIENTATIONS:
        raw = as_recorded(made, rotation, positions=made.trial.positions[::-1])
        _, notes = assert_recovered(raw, rotation, "mm")
        assert "walks_backwards" in notes_of(notes)


def test_a_way_without_a_front_is_open_at_both_ends(walker):
    made = walker(duration=3.0)
    labels = tuple(f"M{k}" for k in range(len(made.trial.labels)))
    for positions in (made.trial.positions, made.trial.positions[::-1]):
        raw = as_recorded(made, labels=labels, positions=positions, screen=np.eye(3)[:2])
        frame, _ = find_lab_frame(raw, None)
        assert frame.is_ambiguous
        assert {frame.axes, *frame.alternatives} == {"+X+Y", "-X+Y"}


@pytest.mark.parametrize("size", [0.5, 0.9])
def test_infants_and_children_keep_their_unit(size, walker):
    made = walker(duration=2.0, forces=False)
    small = made.trial.positions * (size / 1.75)
    for unit, stated in itertools.product(PER_METRE, ("m", "cm", "mm", "")):
        assert_recovered(as_recorded(made, None, unit, stated=stated, positions=small), np.eye(3), unit)


def test_feet_alone_do_not_tell_up_from_front(walker):
    made = walker(duration=2.0, forces=False)
    feet = [k for k, label in enumerate(made.trial.labels) if label[1:] in ("HEE", "TOE")]
    labels = tuple(made.trial.labels[k] for k in feet)
    raw = as_recorded(made, plates=False, positions=made.trial.positions[:, feet], labels=labels)
    for meaning in (None, PLUG_IN_GAIT):
        for screen in (None, np.eye(3)[[0, 2]]):
            stated = raw if screen is None else replace(raw, screen=("+X", "+Z"))
            frame, notes = find_lab_frame(stated, meaning)
            assert frame.is_ambiguous
            assert "axes_ambiguous" in notes_of(notes)
            assert frame.metres_per_unit == 0.001


def test_a_hand_may_be_of_either_size_and_the_unit_is_open(walker):
    made = walker(duration=1.0, forces=False)
    rng = np.random.default_rng(4)
    hand = np.repeat(rng.uniform(0.0, 0.12, (1, 6, 3)), 50, axis=0)
    raw = as_recorded(made, positions=hand, labels=tuple(f"RFIN{k}" for k in range(6)))
    frame, notes = find_lab_frame(raw, None)
    assert frame.metres_per_unit == 0.001
    assert frame.is_ambiguous
    assert "cm" in frame.alternatives
    assert "--unit" in notes_of(notes)["unit_ambiguous"]


def test_a_mirrored_laboratory_is_suspected_and_never_silent(walker):
    made = walker(duration=2.0, forces=False)
    mirrored = made.trial.positions * [1.0, 1.0, -1.0] + [0.0, 0.0, 0.5]
    for rotation in ORIENTATIONS:
        frame, notes = find_lab_frame(as_recorded(made, rotation, positions=mirrored), PLUG_IN_GAIT)
        assert frame.is_ambiguous
        assert "mirrored_suspected" in notes_of(notes)


@pytest.mark.parametrize(("degrees", "expected"), [(10, ""), (30, "walks_diagonally"), (45, "axes_ambiguous")])
def test_a_diagonal_walk_keeps_the_nearest_axis_and_says_so(degrees, expected, walker):
    made = walker(duration=3.0, forces=False)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    frame, notes = find_lab_frame(as_recorded(made, positions=made.trial.positions @ turn.T), PLUG_IN_GAIT)
    assert frame.is_ambiguous == (degrees == 45)
    if degrees < 45:
        assert frame.axes == "+X+Y"
    if expected:
        assert expected in notes_of(notes)
    else:
        assert not notes
    if expected == "walks_diagonally":
        assert "30 degrees" in notes_of(notes)[expected]


def test_an_override_wins_and_the_contradiction_is_said(walker):
    made = walker(duration=2.0)
    frame, notes = find_lab_frame(as_recorded(made), PLUG_IN_GAIT, unit="cm", axes="-Z+Y")
    assert frame.axes == "-Z+Y"
    assert frame.metres_per_unit == 0.01
    assert not frame.is_ambiguous
    assert "+X forward" in notes_of(notes)["axes_given"]
    with pytest.raises(TrialRefused, match=r"'\+Y\+Z'"):
        find_lab_frame(as_recorded(made), PLUG_IN_GAIT, axes="+Y-Y")
    with pytest.raises(TrialRefused, match="--unit mm"):
        find_lab_frame(as_recorded(made), PLUG_IN_GAIT, unit="inch")


def test_a_unit_that_fits_nobody_is_refused_without_and_doubted_with_a_statement(walker):
    made = walker(duration=1.0, forces=False)
    giant = 1e6 * made.trial.positions
    with pytest.raises(TrialRefused, match="--unit mm"):
        find_lab_frame(as_recorded(made, positions=giant, stated=""), PLUG_IN_GAIT)
    frame, notes = find_lab_frame(as_recorded(made, positions=giant), PLUG_IN_GAIT)
    assert frame.is_ambiguous
    assert {"size_implausible", "unit_ambiguous"} <= notes_of(notes).keys()


def test_without_markers_the_plates_and_the_screen_remain(walker):
    made = walker(duration=1.0)
    nobody = np.zeros((len(made.trial.positions), 0, 3))
    raw = as_recorded(made, ORIENTATIONS[9], "cm", positions=nobody, labels=(), screen=np.eye(3)[:2])
    frame, _ = find_lab_frame(raw, None)
    np.testing.assert_allclose(frame.rotation, ORIENTATIONS[9].T)
    assert frame.metres_per_unit == 0.01
    # The direction is only what the file states.
    assert frame.is_ambiguous
    frame, notes = find_lab_frame(replace(raw, plates=()), None)
    assert not notes
    assert not frame.is_ambiguous


def test_markers_that_come_and_go_do_not_move_the_way(walker):
    made = walker(duration=3.0, forces=False)
    positions = made.trial.positions.copy()
    rng = np.random.default_rng(1)
    positions[rng.random(positions.shape[:2]) < 0.5] = np.nan
    positions[:40] = np.nan
    for rotation in ORIENTATIONS[::5]:
        assert_recovered(as_recorded(made, rotation, positions=positions), rotation, "mm")


def test_plates_of_zeros_and_noise_are_no_evidence(walker):
    made = walker(duration=2.0, forces=False)
    raw = as_recorded(made)
    rubbish = (np.zeros((4, 3)), np.full((4, 3), np.nan), np.random.default_rng(3).normal(size=(4, 3)) * 1e9)
    raw = replace(raw, plates=tuple(RawPlate(2, corners, np.zeros(3), ()) for corners in rubbish))
    assert_recovered(raw, np.eye(3), "mm")


def test_nothing_is_written_to_the_raw_file(walker):
    made = walker(duration=1.0)
    raw = as_recorded(made)
    before = raw.points.copy(), raw.plates[0].corners.copy()
    find_lab_frame(raw, PLUG_IN_GAIT)
    np.testing.assert_array_equal(raw.points, before[0])
    np.testing.assert_array_equal(raw.plates[0].corners, before[1])


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3), st.sampled_from([1.0, 0.01, 0.001]))
def test_to_ground_is_the_rotation_in_metres_and_keeps_gaps(order, signs, metres):
    rotation = np.eye(3)[order] * np.array(signs)
    points = np.random.default_rng(0).normal(size=(7, 2, 3))
    points[3, 1] = np.nan
    np.testing.assert_array_equal(LabFrame(rotation, metres).to_ground(points), (points * metres) @ rotation.T)
