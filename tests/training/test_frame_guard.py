"""What is wrong with the readings of a stream is refused or named whenever it comes, not in the first seconds alone."""

import time

import numpy as np
import pytest

from synth.corpus.schema import CorpusMismatch
from training.input_check import fit_signature, wearing_of
from training.mirror import other_side
from training.stream.frame_guard import FrameGuard
from training.stream.running_check import CHECKED_SECONDS, ENOUGH_WINDOWS, RunningCheck

RATE = 100
SENSORS = ("pelvis", "thigh_r", "thigh_l")


def walking(seconds, rng=None, turned_by=1.0):
    """Records of a walk whose thighs turn about x and y in step with z, with opposite signs right and left."""
    rng = rng or np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    columns = []
    for side in (0.0, 1.0, -1.0):
        z = np.sin(2 * np.pi * (t + 0.25 * side)) * rng.uniform(0.8, 1.2)
        turn = turned_by * 3 * np.column_stack([0.3 * side * z, 0.2 * side * z, z])
        force = np.array([0.0, 9.81, 0.0]) + np.column_stack([3 * z, 2 * np.sin(4 * np.pi * t), 0.5 * side * z])
        columns += [force, turn]
    return np.hstack(columns) + 0.05 * rng.standard_normal((len(t), 18))


def standing(seconds):
    """Records of somebody who stands and sways."""
    rows = 0.03 * np.random.default_rng(1).standard_normal((round(seconds * RATE), 18))
    rows[:, 1::6] += 9.81
    return rows


def degrees(rows, sensors=range(3)):
    rows = rows.copy()
    for i in sensors:
        rows[:, 6 * i + 3 : 6 * i + 6] = np.degrees(rows[:, 6 * i + 3 : 6 * i + 6])
    return rows


def exchanged(rows):
    places = [SENSORS.index(other_side(name)) for name in SENSORS]
    return np.hstack([rows[:, 6 * i : 6 * i + 6] for i in places])


def guarded(rows, **options):
    """A guard that has taken the rows one by one."""
    guard = FrameGuard(SENSORS, float(RATE), "network", **options)
    for row in rows:
        guard.take(row)
    return guard


def n_taken(rows):
    """Frames that a guard takes before it refuses."""
    guard = FrameGuard(SENSORS, float(RATE), "network")
    for k, row in enumerate(rows):
        try:
            guard.take(row)
        except CorpusMismatch as error:
            assert "deg/s" in str(error)
            with pytest.raises(CorpusMismatch, match="deg/s"):
                guard.take(row)  # it goes on to refuse
            return k
    return None


@pytest.mark.parametrize("stood", [4.5, 61.0])
def test_walking_in_degrees_is_refused_however_long_standing_came_before(stood):
    rows = degrees(np.vstack([standing(stood), walking(30.0)]))
    assert stood * RATE < n_taken(rows) < (stood + 2 * CHECKED_SECONDS) * RATE


def test_a_sensor_in_degrees_that_is_silent_at_first_is_refused_when_it_speaks():
    rows = degrees(walking(20.0), [1])
    rows[: 6 * RATE, 6:12] = np.nan
    assert 6 * RATE < n_taken(rows) < (6 + 2 * CHECKED_SECONDS) * RATE


def test_a_sensor_that_speaks_now_and_then_is_judged_once_enough_has_come():
    rows = degrees(walking(60.0), [1])
    rows[np.arange(len(rows)) % 10 > 0, 6:12] = np.nan  # bridged, ten times a second
    assert n_taken(rows) is not None


def test_a_recording_shorter_than_a_window_is_judged_at_its_end():
    guard = guarded(degrees(walking(2.5)))
    with pytest.raises(CorpusMismatch, match="deg/s"):
        guard.finish()
    guarded(walking(2.5)).finish()


def test_a_sound_walk_is_left_in_peace_once_every_sensor_has_moved_and_not_before():
    check = RunningCheck(SENSORS, float(RATE))
    strike = walking(CHECKED_SECONDS)
    strike[100:110, 9:12] = 60.0  # a tenth of a second, as of a blow
    for rows in (standing(40.0), walking(ENOUGH_WINDOWS * CHECKED_SECONDS), strike):
        assert [reason for row in rows for reason in check.add(row)] == []
    check.reset()
    assert any("thigh_r turns at" in reason for row in strike for reason in check.add(row))


def test_exchanged_sides_are_named_of_moving_frames_only():
    rng = np.random.default_rng(3)
    signature = fit_signature([wearing_of(walking(8.0, rng)) for _ in range(6)], SENSORS)
    still = standing(9.0)
    assert guarded(np.vstack([still, walking(20.0, rng)]), signature=signature).findings == ()
    guard = guarded(np.vstack([still, exchanged(walking(2.0, rng))]), signature=signature)
    assert guard.findings == ()
    for row in exchanged(walking(12.0, rng)):
        guard.take(row)
    assert ["exchanged" in sentence for sentence in guard.findings] == [True]


def test_a_long_silence_is_named_by_sensor_with_its_beginning_and_length_wherever_it_is():
    rows = walking(30.0)
    rows[1000:1500, 6:12] = np.nan
    rows[2000:2020, :6] = np.nan  # bridged
    guard = guarded(rows[:1300])
    assert guard.findings == (
        "thigh_r: no value for 3.0 s, from 10.0 s after the first frame on and to the last; nothing is estimated there",
    )
    for row in rows[1300:]:
        guard.take(row)
    assert guard.findings == (
        "thigh_r: no value for 5.0 s, from 10.0 s after the first frame on; nothing is estimated there",
    )
    rows[2500:2600, 6:] = np.nan
    several = guarded(rows).findings
    assert any(s.startswith("thigh_r: no value 2 times, 6.0 s in all, 5.0 s at longest, from 10.0 s") for s in several)
    assert any(s.startswith("thigh_l: no value for 1.0 s, from 25.0 s") for s in several)
    guard.reset()
    assert guard.findings == ()


def test_every_frame_without_an_estimate_is_named():
    """Sensors that are silent in turn, each for less than is bridged, and frames lost between time stamps."""
    rows = walking(20.0)
    rows[1000:1025, :6], rows[1025:1050, 6:12] = np.nan, np.nan
    assert guarded(rows).findings == (
        "the sensors in turn: no value for 0.5 s, from 10.0 s after the first frame on; nothing is estimated there",
    )
    guard = FrameGuard(SENSORS, float(RATE), "network")
    for k in [*range(500), *range(700, 1500)]:
        guard.take(walking(20.0)[k], 7.0 + k / RATE) if k < 3 else guard.take(rows[k % 900], 7.0 + k / RATE)
    assert guard.findings == (
        "pelvis, thigh_r, thigh_l: no value for 2.0 s, from 5.0 s after the first frame on; nothing is estimated there",
    )


def test_the_guard_costs_little_a_frame():
    """p50 of a whole frame is to stay within 0.05 ms: the guard takes a small part of that, standing or walking."""
    guard, rows = FrameGuard(SENSORS, float(RATE), "network"), np.vstack([standing(10.0), walking(20.0)])
    seconds = []
    for row in rows.astype(np.float32):
        began = time.thread_time()
        guard.take(row)
        seconds.append(time.thread_time() - began)
    assert np.median(seconds) < 2e-5
