"""Laboratory frame: 24 orientations and three units of one walk are one trial."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap_import.c3d import write_c3d
from mocap_import.lab_frame import infer_lab_frame, length_unit
from mocap_import.marker_set import load_marker_set
from mocap_import.trial import TrialRefused
from mocap_import.trial_reader import read_trial

ORIENTATIONS = [
    matrix
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
    if np.linalg.det(matrix := np.array([sign * np.eye(3)[k] for sign, k in zip(signs, order, strict=True)])) > 0
]


def test_there_are_24_orientations():
    assert len(ORIENTATIONS) == 24


@pytest.fixture(scope="module")
def written_lab(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    axes=st.integers(0, 23),
    unit=st.sampled_from(["m", "cm", "mm"]),
    treadmill=st.booleans(),
    height=st.floats(1.0, 2.0),
    speed=st.floats(0.6, 1.9),
)
def test_every_orientation_and_unit_of_a_walk_is_the_same_trial(
    written_lab, make_walk, axes, unit, treadmill, height, speed
):
    made = make_walk(height=height, speed=speed, treadmill=treadmill, duration=2.0, rate=50.0, ratio=2)
    path = written_lab / "walk.c3d"
    write_c3d(path, made.trial, plates=made.plates, unit=unit, axes=ORIENTATIONS[axes])
    trial = read_trial(path)
    np.testing.assert_allclose(trial.positions, made.trial.positions, atol=1e-5)
    for read, true in zip(trial.ground_reactions, made.trial.ground_reactions, strict=True):
        np.testing.assert_allclose(read.force, true.force, atol=1e-2)
        np.testing.assert_allclose(read.centre_of_pressure, true.centre_of_pressure, atol=1e-4)
        assert read.foot == true.foot


@pytest.mark.parametrize("number", range(24))
def test_the_inverse_of_every_orientation_is_found(number, walker):
    made = walker(duration=2.0, rate=50.0, ratio=2, forces=False)
    marker_set = load_marker_set("plug_in_gait")
    frame = infer_lab_frame(made.trial.positions @ ORIENTATIONS[number].T, made.trial.labels, marker_set)
    np.testing.assert_allclose(frame.rotation, ORIENTATIONS[number].T)
    assert frame.confidence > 0.95


def test_a_missing_or_impossible_unit_is_inferred_and_said(walker):
    points = walker(duration=1.0, forces=False).trial.positions
    assert length_unit(points * 1000, "mm", "a") == (0.001, [])
    for factor, expected in ((1.0, 1.0), (100.0, 0.01), (1000.0, 0.001)):
        found, notes = length_unit(points * factor, "", "a")
        assert found == expected
        assert notes[0].what == "unit_inferred"
    found, notes = length_unit(points * 1000, "m", "a")
    assert found == 0.001
    assert "'m'" in notes[0].detail
    with pytest.raises(TrialRefused, match="POINT:UNITS"):
        length_unit(points * 1e6, "", "a.c3d")


def test_without_a_marker_set_the_confidence_says_so(walker):
    trial = walker(duration=1.0, forces=False).trial
    frame = infer_lab_frame(trial.positions, tuple(f"M{k}" for k in range(len(trial.labels))), None, ("+X", "+Y"))
    np.testing.assert_allclose(frame.rotation, np.eye(3))
    assert frame.confidence < 0.7


def test_walking_backwards_keeps_the_front_in_front(walker):
    trial = walker(duration=3.0, forces=False).trial
    positions = trial.positions[::-1]
    frame = infer_lab_frame(positions, trial.labels, load_marker_set("plug_in_gait"))
    np.testing.assert_allclose(frame.rotation, np.eye(3))
    assert "turns away" in frame.detail
    assert replace(frame, confidence=1.0).is_ground
