"""Plate steps: every contact is a step of a named foot, usable or with the reason why not."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mocap_import.marker.marker_set import landmark_positions, load_marker_set
from mocap_import.plate.contact import assign_feet, contacts
from mocap_import.trial_reader import read_trial


def _assigned(made, reactions=None, plates=None, change=None, treadmill=False, weight=float("nan")):
    marks = dict(landmark_positions(made.trial, load_marker_set("plug_in_gait").for_labels(made.trial.labels)))
    marks |= change(marks) if change else {}
    return assign_feet(
        [replace(r, foot="unknown") for r in (reactions or made.trial.ground_reactions)],
        plates or made.plates,
        marks,
        made.trial.rate,
        treadmill,
        body_weight=weight,
    )


def _keys(notes):
    return [note.what for note in notes]


def test_whole_steps_of_one_foot_are_usable(walker):
    made = walker()
    reactions, steps, notes = _assigned(made, weight=made.trial.subject.body_weight)
    assert [reaction.foot for reaction in reactions] == [reaction.foot for reaction in made.trial.ground_reactions]
    assert notes == []
    assert [step.usable for step in steps] == [True, True]
    for step, true in zip(sorted(steps, key=lambda s: s.plate), made.trial.ground_reactions, strict=True):
        assert step.foot == true.foot
        on = np.flatnonzero(true.force[:, 1] > 20) / true.rate
        assert step.start == pytest.approx(on[0], abs=2e-3)
        assert step.stop == pytest.approx(on[-1], abs=2e-3)


@pytest.mark.parametrize(
    ("shift", "words"), [(-0.22, "heel"), (0.24, "toe")], ids=["strikes before it", "leaves beyond it"]
)
def test_a_foot_partly_beside_the_plate_is_not_usable(shift, words, walker):
    made = walker()
    moved = [replace(p, corners=p.corners - np.array([shift, 0.0, 0.0])) for p in made.plates]
    _, steps, _ = _assigned(made, plates=moved)
    assert not any(step.usable for step in steps)
    assert all(words in step.reason and "beside the plate" in step.reason for step in steps)


def test_a_centre_of_pressure_outside_the_plate_is_not_usable(walker):
    made = walker()
    narrow = [replace(p, corners=p.centre + (p.corners - p.centre) * np.array([0.2, 1.0, 1.0])) for p in made.plates]
    _, steps, _ = _assigned(made, plates=narrow)
    assert all("centre of pressure outside the plate" in step.reason for step in steps)


def test_a_centre_of_pressure_far_from_the_foot_is_not_usable(walker):
    made = walker()
    moved = [
        replace(r, centre_of_pressure=r.centre_of_pressure + np.array([0.0, 0.0, (0.15, -0.15)[k]]))
        for k, r in enumerate(made.trial.ground_reactions)
    ]
    _, steps, _ = _assigned(made, reactions=moved)
    assert all("15 cm from the foot" in step.reason for step in steps)


def test_a_foot_without_markers_is_unknown(walker):
    made = walker()
    reactions, steps, _ = _assigned(
        made, change=lambda marks: {name: np.full_like(marks[name], np.nan) for name in marks}
    )
    assert {reaction.foot for reaction in reactions} == {"unknown"}
    assert all("no heel and toe markers" in step.reason for step in steps)
    assert len(steps) == 2


def test_nobody_near_is_unknown_and_the_distance_is_told(walker):
    made = walker()
    _, steps, _ = _assigned(made, change=lambda marks: {name: marks[name] + [0.0, 0.0, 3.0] for name in marks})
    assert [step.foot for step in steps] == ["unknown", "unknown"]
    # The right foot's plate is 2.8 m from the moved left foot, the left foot's plate 3 m from its own.
    far = [int(re.search(r"no foot within reach \((\d+) cm\)", step.reason)[1]) for step in steps]
    assert far == pytest.approx([283, 300], abs=5)


def test_contacts_cut_by_the_recording_are_not_usable(walker):
    made = walker()
    first, second = made.trial.ground_reactions
    start = int(np.flatnonzero(first.force[:, 1] > 300)[0])
    cut = slice(start, None)
    reactions = [
        replace(r, force=r.force[cut], centre_of_pressure=r.centre_of_pressure[cut], free_moment=r.free_moment[cut])
        for r in (first, second)
    ]
    frame = start // 10
    _, steps, _ = _assigned(
        made, reactions=reactions, change=lambda marks: {name: path[frame:] for name, path in marks.items()}
    )
    assert [step.usable for step in steps] == [False, True]
    assert "begins before the recording" in steps[0].reason
    stop = int(np.flatnonzero(second.force[:, 1] > 300)[-1])
    reactions = [
        replace(
            r, force=r.force[:stop], centre_of_pressure=r.centre_of_pressure[:stop], free_moment=r.free_moment[:stop]
        )
        for r in (first, second)
    ]
    _, steps, _ = _assigned(made, reactions=reactions)
    assert [step.usable for step in steps] == [True, False]
    assert "ends after the recording" in steps[1].reason


def test_a_saturated_plate_is_not_usable(walker):
    made = walker()
    middle = int(np.median(np.flatnonzero(made.trial.ground_reactions[0].force[:, 1] > 100)))
    plates = [replace(made.plates[0], saturated=((middle, middle + 20),)), made.plates[1]]
    _, steps, _ = _assigned(made, plates=plates)
    assert sorted((step.usable, step.reason) for step in steps) == [
        (False, "a channel of the plate is saturated"),
        (True, ""),
    ]


def test_less_than_half_of_body_weight_is_no_whole_step(walker):
    made = walker()
    reactions = [replace(r, force=0.4 * r.force) for r in made.trial.ground_reactions]
    _, steps, _ = _assigned(made, reactions=reactions, weight=made.trial.subject.body_weight)
    assert all("below half of body weight" in step.reason for step in steps)


def test_one_foot_on_two_plates_is_one_step(walker):
    made = walker()
    right, left = made.trial.ground_reactions
    plate, other = made.plates[:2]
    # The right foot's plate is cut in two across the foot; the load is shared out by where it presses.
    front = replace(plate, corners=plate.corners + np.array([0.25, 0, 0]), name="plate 1")
    back = replace(plate, corners=plate.corners - np.array([0.25, 0, 0]), name="plate 3")
    parts = [
        replace(right, force=0.6 * right.force, name="plate 1"),
        left,
        replace(right, force=0.4 * right.force, name="plate 3"),
    ]
    reactions, steps, notes = _assigned(made, reactions=parts, plates=[front, other, back])
    assert [reaction.foot for reaction in reactions] == ["right", "left", "right"]
    assert [step.plate for step in steps if step.foot == "right"] == ["plate 1 + plate 3"]
    assert _keys(notes) == ["plate_shared"]
    # No single plate holds this foot, both together do; the load lies on their common edge at most.
    assert "beside the plate" not in "".join(step.reason for step in steps)


def test_two_feet_on_one_plate_are_both(walker):
    made = walker(duration=4.0, speed=0.02)
    standing = made.trial.ground_reactions[0]
    everything = replace(
        standing,
        force=np.where((np.arange(len(standing.force)) % 3500 > 500)[:, None], [0.0, 700.0, 0.0], 0.0),
        centre_of_pressure=np.tile([0.2, 0.0, 0.0], (len(standing.force), 1)),
    )
    wide = replace(made.plates[0], corners=np.array([[2, 0, 2], [-2, 0, 2], [-2, 0, -2], [2, 0, -2.0]]))
    reactions, steps, _ = _assigned(made, reactions=[everything], plates=[wide])
    assert reactions[0].foot == "both"
    assert all("both feet load the plate" in step.reason for step in steps)


def test_a_plate_stepped_on_by_both_feet_in_turn_and_by_a_stranger_loses_nothing(walker):
    made = walker()
    right, left = made.trial.ground_reactions
    wide = replace(made.plates[0], corners=np.array([[4, 0, 0.5], [0, 0, 0.5], [0, 0, -0.5], [4, 0, -0.5]]))
    apart = [replace(r, force=np.where(r.force[:, 1:2] > 640.0, r.force, 0.0)) for r in (right, left)]
    force = apart[0].force + apart[1].force
    place = np.where(apart[0].force[:, 1:2] > 0, right.centre_of_pressure, left.centre_of_pressure)
    stranger = slice(2700, 2900)
    force[stranger, 1] = 400.0
    place[stranger] = [9.0, 0.0, 5.0]
    whole = replace(right, force=force, centre_of_pressure=place)
    reactions, steps, notes = _assigned(made, reactions=[whole], plates=[wide])
    assert [reaction.foot for reaction in reactions] == ["left", "right", "unknown"]
    assert "plate_split" in _keys(notes)
    kept = sum(reaction.force for reaction in reactions)
    loaded = force[:, 1] > 20.0
    np.testing.assert_allclose(kept[loaded], force[loaded])
    assert len(steps) == len(contacts(force[:, 1], right.rate))


def test_two_belts_keep_their_sides_and_a_crossing_is_a_record_apart(walker):
    made = walker(treadmill=True, duration=8.0)
    total = made.trial.ground_reactions[0]
    n, rate = len(total.force), total.rate
    time = np.arange(n) / rate
    marks = landmark_positions(made.trial, load_marker_set("plug_in_gait").for_labels(made.trial.labels))
    belts, plates = [], []
    for k, (side, strike) in enumerate((("r", 0.2), ("l", 0.7))):
        phase = (time - strike) % 1.0
        load = np.where(phase < 0.6, 700 * np.sin(np.pi * phase / 0.6), 0.0)
        heel = np.stack(
            [
                np.interp(time, np.arange(made.trial.n_frames) / made.trial.rate, marks[f"heel_{side}"][:, c])
                for c in range(3)
            ],
            axis=1,
        )
        place = heel + np.array([0.1, 0.0, 0.0])
        if k == 0:  # one step of the left foot on the right belt
            left = np.stack(
                [
                    np.interp(time, np.arange(made.trial.n_frames) / made.trial.rate, marks["heel_l"][:, c])
                    for c in range(3)
                ],
                axis=1,
            ) + np.array([0.1, 0.0, 0.0])
            crossing = (time > 4.2) & (time < 5.1)
            place = np.where(crossing[:, None], left, place)
        force = np.stack([np.zeros(n), load, np.zeros(n)], axis=1)
        belts.append(replace(total, force=force, centre_of_pressure=place, name=f"plate {k + 1}"))
        plates.append(replace(made.plates[0], name=f"plate {k + 1}"))
    reactions, steps, notes = _assigned(made, reactions=belts, plates=plates, treadmill=True)
    assert [(r.name, r.foot) for r in reactions] == [
        ("plate 1 (left)", "left"),
        ("plate 1 (right)", "right"),
        ("plate 2", "left"),
    ]
    assert _keys(notes) == ["belt_crossed"]
    assert sum(step.plate == "plate 1" and step.foot == "left" for step in steps) == 1


def test_a_silent_plate_is_named(walker):
    made = walker()
    quiet = replace(made.trial.ground_reactions[1], force=np.zeros_like(made.trial.ground_reactions[1].force))
    _, steps, notes = _assigned(made, reactions=[made.trial.ground_reactions[0], quiet])
    assert _keys(notes) == ["plate_silent"]
    assert "plate 2" in notes[0].detail
    assert len(steps) == 1


def test_a_runner_s_steps_alternate_and_all_whole_ones_are_usable(data_dir):
    trial = read_trial(data_dir / "rbds_running" / "RBDS010" / "RBDS010runT35.c3d")
    assert len(trial.steps) > 80
    feet = [step.foot for step in trial.steps]
    assert all(one != next_one for one, next_one in pairwise(feet))
    inside = [step for step in trial.steps if step.start > 0.01 and step.stop < 29.99]
    assert all(step.usable for step in inside)


def test_a_foot_on_the_gap_between_two_real_plates_is_joined(data_dir):
    folder = data_dir / "clinical_labs_anz" / "Sydney" / "dynamic"
    trial = read_trial(folder / "S4-AMGait03.c3d")
    assert [(step.plate, step.foot, step.usable) for step in trial.steps] == [
        ("plate 3", "right", True),
        ("plate 1 + plate 2", "left", True),
    ]
    trial = read_trial(folder / "S4-AMGait04.c3d")
    assert [(step.plate, step.usable) for step in trial.steps] == [
        ("plate 1", True),
        ("plate 2", True),
        ("plate 3", False),
    ]
    assert "toe" in trial.steps[2].reason
