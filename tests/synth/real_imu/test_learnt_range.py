"""Learnt errors say where they were learnt: a movement unlike it is named, the one they were learnt from is not."""

from dataclasses import replace

import numpy as np

from synth.imu.error_recipe import ImuErrors
from synth.imu.learnt_error import LearntErrors, rms_activity, shipped_errors, unlike_learnt
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.measured_trial import BEYOND_LEARNT, learnt_note
from synth.real_imu.error_learning import REFERENCE_CUTOFF
from synth.trial_source import read_source, source_motions

RATE = 100.0
TIME = np.arange(1000) / RATE


def shank(force: float, turn: float, segment: str = "tibia_r") -> ImuRecording:
    """Ten seconds of a 1 Hz swing with these RMS (m/s², rad/s), gravity on y."""
    swing = np.sqrt(2.0) * np.sin(2 * np.pi * TIME)[:, None]
    unit = np.array([0.6, 0.0, 0.8])
    return ImuRecording(
        SensorPlacement("shank_r", segment), force * swing * unit + [0.0, 9.81, 0.0], turn * swing * unit, RATE
    )


def test_the_activity_is_the_rms_below_the_cutoff_of_the_longest_run_without_a_gap():
    recording = shank(3.5, 2.0)
    np.testing.assert_allclose(rms_activity(recording, REFERENCE_CUTOFF), [3.5, 2.0], rtol=0.01)
    torn = recording.specific_force.copy()
    torn[600:650] = np.nan
    np.testing.assert_allclose(rms_activity(replace(recording, specific_force=torn), 5.0), [3.5, 2.0], rtol=0.01)
    torn[::50] = np.nan
    assert rms_activity(replace(recording, specific_force=torn), 5.0) is None


def test_a_movement_unlike_the_learnt_one_is_named():
    assert unlike_learnt([shank(3.5, 2.2)]) == ""
    said = unlike_learnt([shank(3.5, 2.2), shank(14.0, 4.0)])
    assert "0.73 m/s" in said and "shank_r moves 3.0 times as much" in said and said.count("moves") == 1
    assert "shank_r moves 0.034 times as much" in unlike_learnt([shank(0.1, 0.1)])
    assert unlike_learnt([shank(14.0, 4.0, "torso")]) == ""  # of which nothing was learnt


def test_a_table_without_activity_says_nothing():
    table = replace(shipped_errors(), activity={})
    assert unlike_learnt([shank(14.0, 4.0)], table) == ""
    again = LearntErrors.from_json(shipped_errors().to_json()).activity
    assert set(again) == set(shipped_errors().segments)
    assert all((shown[0] <= shown[1]).all() for shown in again.values())


def test_a_real_run_is_named_and_a_real_walk_is_not(data_dir):
    """Runs were learnt by nobody (m/s² by the dozen would be drawn); a walk of usual speed is near enough."""
    run, walk = data_dir / "hamner_running", data_dir / "opensim_core" / "rajagopal_walk"
    said = []
    for coordinates, model in (
        (run / "run300_ik.mot", run / "final.osim"),
        (walk / "coordinates.sto", walk / "subject_walk_scaled.osim"),
    ):
        moved = source_motions(read_source(coordinates, None, model), {p.segment for p in SEVEN_SENSORS})
        said.append(
            unlike_learnt([simulate_imu(moved[p.segment], p, method="spline", cutoff=10.0) for p in SEVEN_SENSORS])
        )
    assert all(f"{placement.sensor} moves" in said[0] for placement in SEVEN_SENSORS)
    assert said[1] == ""


def test_a_trial_notes_that_its_recipe_is_stretched_only_where_it_has_learnt_errors():
    fast = [shank(14.0, 4.0)]
    (note,) = learnt_note(fast, ImuErrors(noise_share=0.0, learnt="shipped"))
    assert note.what == BEYOND_LEARNT and "shank_r" in note.detail
    assert learnt_note(fast, ImuErrors()) == learnt_note(fast, None) == ()
    assert learnt_note([shank(3.5, 2.2)], ImuErrors(noise_share=0.0, learnt="shipped")) == ()
