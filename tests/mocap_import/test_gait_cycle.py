"""Gait cycles: file, forces and markers agree; cycles and distances of a known walk come out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mocap_import.c3d.raw_c3d import RawEvent
from mocap_import.event.belt_event import on_one_belt, refine_on_belt
from mocap_import.event.file_event import events_from_file, events_left_out
from mocap_import.event.force_event import events_from_force
from mocap_import.event.gait_cycle import find_gait_cycles, stance_phases
from mocap_import.event.gait_event import events_from_markers, find_events
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.plate.contact import contacts
from mocap_import.spatiotemporal import spatiotemporal
from mocap_import.subject import Subject
from mocap_import.treadmill import belt_speed_from_feet
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial

PLUG_IN_GAIT = load_marker_set("plug_in_gait")


def _matched(found, true):
    """Largest distance (s) from every event found to the true event of its kind and foot."""
    return max(
        min(abs(event.time - other.time) for other in true if (other.kind, other.foot) == (event.kind, event.foot))
        for event in found
    )


@pytest.mark.parametrize(
    "label, context, expected",
    [
        ("Foot Strike", "Left", ("left", "foot_strike")),
        ("Foot Off", "Right", ("right", "foot_off")),
        ("Heel Strike", "Right", ("right", "foot_strike")),
        ("Initial Contact", "Left", ("left", "foot_strike")),
        ("Toe Off", "Left", ("left", "foot_off")),
        ("RHS", "", ("right", "foot_strike")),
        ("LTO", "", ("left", "foot_off")),
        ("FS", "Right", ("right", "foot_strike")),
        ("FO", "Left", ("left", "foot_off")),
        ("Left Foot Strike", "", ("left", "foot_strike")),
        ("Right heel-strike", "General", ("right", "foot_strike")),
        ("Foot Strike", "L", ("left", "foot_strike")),
        ("Toe Off", "r", ("right", "foot_off")),
        ("Event", "General", None),
        ("Foot Strike", "General", None),
    ],
)
def test_spellings_of_events_keep_their_side(label, context, expected):
    found = events_from_file([RawEvent(2.5, label, context)], 1.0, 3.0)
    assert [(event.foot, event.kind) for event in found] == ([expected] if expected else [])
    assert all(event.time == pytest.approx(1.5) for event in found)


def test_events_outside_the_trial_are_left_out():
    assert events_from_file([RawEvent(0.5, "Foot Strike", "Left")], 1.0, 3.0) == ()


def test_events_that_are_left_out_are_counted_without_their_words():
    """Every event of the file is taken or counted, and free text, which can hold a name, is not repeated."""
    taken = [RawEvent(1.0, "Foot Strike", "Left"), RawEvent(4.0, "Foot Off", "Right")]
    others = [RawEvent(2.0, "Mrs Jones stumbles", "General"), RawEvent(2.5, "Event", "Left")]
    outside = [RawEvent(0.5, "Foot Strike", "Left")]
    assert len(events_from_file([*taken, *others, *outside], 1.0, 3.0)) == 2
    (note,) = events_left_out([*taken, *others, *outside], 1.0, 3.0)
    assert note.what == "events_left_out"
    assert "of 5 events of the file 2 are no foot strike" in note.detail
    assert "1 lies before the first frame" in note.detail
    assert "Jones" not in note.detail
    assert events_left_out(taken, 1.0, 3.0) == []


@pytest.mark.parametrize("treadmill", [False, True])
def test_markers_find_every_event_of_a_walk(walker, treadmill):
    made = walker(duration=6.0, treadmill=treadmill)
    found = events_from_markers(made.trial, PLUG_IN_GAIT)
    # A cycloid foot does not roll: it rises fastest a quarter of its swing (0.1 s) after it has left the ground.
    assert _matched(found, made.trial.events) < 0.1
    assert len(found) >= len(made.trial.events) - 4


def test_overground_plates_correct_the_markers(walker):
    made = walker(duration=3.0)
    bare = replace(made.trial, events=())
    by_force = events_from_force(bare, PLUG_IN_GAIT)
    assert {event.foot for event in by_force} == {"right", "left"}
    assert _matched(by_force, made.trial.events) < 0.01
    both = find_events(bare, PLUG_IN_GAIT)
    assert {event.source for event in both} == {"force", "markers"}
    # No event is there twice.
    times = sorted((event.foot, event.kind, event.time) for event in both)
    assert all(b[2] - a[2] > 0.5 for a, b in pairwise(times) if a[:2] == b[:2])


def test_events_of_the_file_come_first(walker):
    trial = walker().trial
    assert find_events(trial, PLUG_IN_GAIT) == trial.events


def test_cycles_are_one_period_and_stance_is_sixty_percent(walker):
    trial = walker(duration=5.0, period=1.1).trial
    for foot in ("right", "left"):
        cycles = find_gait_cycles(trial, foot)
        assert len(cycles) >= 3
        np.testing.assert_allclose([end - start for start, end in cycles], 1.1)
        np.testing.assert_allclose([off - start for start, off in stance_phases(trial, foot)], 0.66)


def test_a_missed_strike_makes_no_double_cycle(walker):
    trial = walker(duration=8.0).trial
    strikes = [event for event in trial.events if (event.foot, event.kind) == ("right", "foot_strike")]
    fewer = replace(trial, events=tuple(event for event in trial.events if event is not strikes[3]))
    assert all(end - start == pytest.approx(1.0) for start, end in find_gait_cycles(fewer, "right"))


@pytest.mark.parametrize("treadmill", [False, True])
def test_spatiotemporal_parameters_of_a_known_walk(walker, treadmill):
    made = walker(duration=6.0, speed=1.4, period=1.05, treadmill=treadmill)
    table = spatiotemporal(made.trial)
    for foot in ("right", "left"):
        row = table.loc[foot]
        assert row.speed == pytest.approx(1.4, rel=0.01)
        assert row.cadence == pytest.approx(120 / 1.05)
        assert row.stride_length == pytest.approx(1.47, rel=0.01)
        assert row.step_length == pytest.approx(made.step_length, abs=0.02)
        assert row.step_width == pytest.approx(made.step_width, abs=0.01)
        assert row.stance_percent == pytest.approx(60.0)


def test_belt_speed_comes_from_the_stance_feet(walker):
    for speed in (0.7, 1.3, 1.9):
        trial = walker(treadmill=True, speed=speed, duration=5.0).trial
        toes = {f"toe_{side.lower()}": trial.marker(f"{side}TOE") for side in "RL"}
        found, spread = belt_speed_from_feet(toes, trial.rate)
        assert found == pytest.approx(speed, rel=0.02)
        assert spread < 0.05 * speed


def test_contacts_have_hysteresis_and_a_shortest_length():
    force = np.zeros(1000)
    force[100:300] = 500
    force[310:320] = 500  # a knock
    force[400:600] = 30  # never passes 50 N
    assert contacts(force, 1000.0) == [(100, 300)]


def test_a_standing_trial_has_no_cycles(walker):
    assert find_gait_cycles(replace(walker().trial, task="static"), "right") == []


def test_a_strike_on_one_belt_is_where_the_pressure_turns_forward():
    """Centre of pressure of a belt: carried back at belt speed, forward again from each strike on (every 0.5 s)."""
    rate, speed, turn = 1000.0, 1.2, 0.1
    time = np.arange(0, 4, 1 / rate)
    share = time % 0.5
    rise = speed * (0.5 - turn) / turn
    forward = np.where(share < turn, rise * share, speed * (0.5 - share))
    pressure = np.stack([forward, 0 * time, 0 * time], axis=1)
    force = np.tile([0.0, 700.0, 0.0], (len(time), 1))
    plate = GroundReaction(force, pressure, 0 * time, rate, "both", "treadmill")
    trial = MarkerTrial(
        "walk", Subject("S"), (), np.zeros((400, 0, 3)), 100.0, "walk", ground_reactions=(plate,), belt_speed=speed
    )
    seen = [GaitEvent(k * 0.5 - 0.03, "right", "foot_strike", "markers") for k in range(1, 7)]
    seen.append(GaitEvent(1.22, "left", "foot_off", "markers"))
    moved = refine_on_belt(seen, trial)
    assert on_one_belt(trial)
    np.testing.assert_allclose([e.time for e in moved[:-1]], np.arange(1, 7) * 0.5, atol=0.008)
    assert {e.source for e in moved[:-1]} == {"force"}
    assert moved[-1] == seen[-1]
