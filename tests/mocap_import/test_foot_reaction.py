"""Foot reactions: plates are shared out by events, and what is not measured is NaN, not zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.plate.foot_reaction import foot_reactions, stance_mask
from mocap_import.trial import PlateStep
from mocap_import.trial_reader import read_trial


def test_overground_a_step_on_a_plate_is_known_and_a_step_beside_it_is_nan(walker):
    made = walker()
    found = foot_reactions(made.trial)
    for true in made.trial.ground_reactions:
        read = found[true.foot]
        loaded = true.force[:, 1] > 20
        np.testing.assert_allclose(read.force[loaded], true.force[loaded])
        np.testing.assert_allclose(read.centre_of_pressure[loaded], true.centre_of_pressure[loaded])
        np.testing.assert_allclose(read.free_moment[loaded], true.free_moment[loaded])
        state = stance_mask(made.trial, true.foot, len(true.force), true.rate)
        assert np.isnan(read.force[(state == 1) & ~loaded, 1]).mean() > 0.8
        assert (read.force[(state == 0)] == 0).all()


def test_nobody_who_walks_flies(walker):
    """A stance whose events lie beyond the record, or were left out, is unknown, not zero."""
    made = walker()
    off = max((event for event in made.trial.events if event.kind == "foot_off"), key=lambda event: event.time)
    before = max(event.time for event in made.trial.events if event.foot != off.foot and event.kind == "foot_strike")
    few = [event for event in made.trial.events if event.foot == off.foot or event.time < min(before, off.time)]
    few = replace(made.trial, events=tuple(few))
    n_samples = len(made.trial.ground_reactions[0].force)
    masks = [stance_mask(few, foot, n_samples, 1000.0) for foot in ("right", "left")]
    flying = (masks[0] == 0) & (masks[1] == 0)
    assert flying.sum() > 50
    for found, is_nan in ((foot_reactions(few), True), (foot_reactions(replace(few, task="run")), False)):
        lost = np.all([np.isnan(found[foot].force[:, 1]) for foot in ("right", "left")], axis=0)
        assert lost[flying].all() == is_nan
        assert lost[flying].any() == is_nan


def test_a_belt_in_double_support_is_nan_and_single_support_is_the_whole_force(walker):
    made = walker(treadmill=True, duration=4.0)
    whole = made.trial.ground_reactions[0].force
    found = foot_reactions(made.trial)
    state = {foot: stance_mask(made.trial, foot, len(whole), 1000.0) for foot in found}
    single = (state["right"] == 1) & (state["left"] == 0)
    np.testing.assert_allclose(found["right"].force[single], whole[single])
    assert (found["left"].force[single] == 0).all()
    double = (state["right"] == 1) & (state["left"] == 1)
    assert np.isnan(found["right"].force[double]).all()
    assert np.isnan(found["left"].force[double]).all()
    assert 0.15 < double.mean() < 0.25


def test_two_plates_under_one_foot_add_up_with_their_moment(walker):
    made = walker()
    right = made.trial.ground_reactions[0]
    parts = []
    for share, shift in ((0.25, 0.03), (0.75, -0.01)):
        moved = right.centre_of_pressure + np.array([shift, 0.0, 0.0])
        parts.append(
            replace(right, force=share * right.force, centre_of_pressure=moved, free_moment=share * right.free_moment)
        )
    read = foot_reactions(replace(made.trial, ground_reactions=tuple(parts)))["right"]
    loaded = right.force[:, 1] > 20
    np.testing.assert_allclose(read.force[loaded], right.force[loaded])
    np.testing.assert_allclose(read.centre_of_pressure[loaded], right.centre_of_pressure[loaded], atol=1e-12)
    # Equal directions of both parts: the moments of the two arms cancel.
    np.testing.assert_allclose(read.free_moment[loaded], right.free_moment[loaded], atol=1e-9)


def test_a_spoiled_step_is_nan_and_one_cut_by_the_recording_is_not(walker):
    made = walker()
    right, left = made.trial.ground_reactions
    on = np.flatnonzero(right.force[:, 1] > 20)
    whole = foot_reactions(made.trial)["right"].force
    for reason, spoiled in (
        ("toe 6 cm beside the plate", True),
        ("begins before the recording; heel 5 cm beside the plate", True),
        ("begins before the recording", False),
        ("is loaded through the whole recording", False),
    ):
        step = PlateStep("plate 1", "right", on[0] / 1000, (on[-1] + 1) / 1000, False, reason)
        found = foot_reactions(replace(made.trial, steps=(step,)))
        assert np.isnan(found["right"].force[on]).all() == spoiled
        if not spoiled:
            np.testing.assert_allclose(found["right"].force, whole)
        loaded = left.force[:, 1] > 20
        np.testing.assert_allclose(found["left"].force[loaded], left.force[loaded])


def test_a_real_foot_half_beside_its_plate_has_no_known_force(data_dir):
    trial = read_trial(data_dir / "clinical_labs_anz" / "Sydney" / "dynamic" / "S4-AMGait04.c3d")
    found = foot_reactions(trial)
    rate = found["right"].rate
    first, second, third = trial.steps
    assert (first.foot, second.foot, third.foot) == ("right", "left", "right")
    middle = {step: round(0.5 * (step.start + step.stop) * rate) for step in (first, second, third)}
    assert found["right"].force[middle[first], 1] > 300
    assert found["left"].force[middle[second], 1] > 300
    assert np.isnan(found["right"].force[middle[third], 1])


def test_no_plates_no_reactions(walker):
    assert foot_reactions(walker(forces=False).trial) == {}


def test_a_runner_has_one_foot_on_the_belt_at_a_time(data_dir):
    trial = read_trial(data_dir / "rbds_running" / "RBDS010" / "RBDS010runT35.c3d")
    found = foot_reactions(trial)
    total = trial.ground_reactions[0].force[:, 1]
    both = np.nansum([found["right"].force[:, 1], found["left"].force[:, 1]], axis=0)
    loaded = total > 50
    assert np.mean(np.abs(both[loaded] - total[loaded]) < 1.0) > 0.99
    peaks = [np.nanpercentile(found[foot].force[:, 1], 99) for foot in ("right", "left")]
    assert peaks[0] == pytest.approx(peaks[1], rel=0.1)
