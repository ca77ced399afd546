"""Spatiotemporal table: a known walk, a known asymmetry, a belt, flight; units in the headers; nothing ignored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mocap_import.event.gait_event import find_events
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.spatiotemporal import (
    UNITS,
    cycle_parameters,
    spatiotemporal,
    spatiotemporal_table,
    symmetry_index,
    write_spatiotemporal_table,
)
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import write_trial


@pytest.mark.parametrize("treadmill", [False, True])
def test_every_parameter_of_a_known_walk(walker, treadmill):
    made = walker(duration=8.0, speed=1.2, period=1.1, treadmill=treadmill)
    table = spatiotemporal_table([made.trial])
    assert table.side.tolist() == ["right", "left"]
    expected = {
        "speed_m_per_s": 1.2,
        "cadence_steps_per_min": 120 / 1.1,
        "stride_time_s": 1.1,
        "stride_length_m": 1.32,
        "step_time_s": 0.55,
        "step_length_m": 0.66,
        "step_width_m": 0.18,
        "stance_percent": 60.0,
        "swing_percent": 40.0,
        "double_support_percent": 20.0,
    }
    for column, value in expected.items():
        assert table[column].to_numpy() == pytest.approx(value, rel=0.01), column
    assert (table.flight_percent.abs() < 1e-9).all()
    assert (table.filter(like="symmetry_index").abs() < 0.5).all(axis=None)
    assert (table.stride_time_sd_s < 1e-9).all()
    assert (table.n_cycles >= 5).all()
    assert table.belt_speed_m_per_s.tolist() == [1.2 if treadmill else 0.0] * 2


def _running(period=0.7, stance=0.3, lag=0.5, n=8):
    """Events of a runner whose left foot strikes a share `lag` of a stride after the right."""
    made = []
    for k in range(n):
        for foot, late in (("right", 0.0), ("left", lag)):
            strike = 0.1 + (k + late) * period
            made += [GaitEvent(strike, foot, "foot_strike", "force")]
            made += [GaitEvent(strike + stance * period, foot, "foot_off", "force")]
    return tuple(sorted(made, key=lambda event: event.time))


def test_running_has_flight_and_no_double_support(walker):
    trial = replace(walker(duration=6.0).trial, events=_running(), task="run")
    table = spatiotemporal_table([trial])
    np.testing.assert_allclose(table.flight_percent, 40.0)
    np.testing.assert_allclose(table.double_support_percent, 0.0, atol=1e-9)
    np.testing.assert_allclose(table.stance_percent, 30.0)


def test_symmetry_is_signed_by_the_larger_side(walker):
    """Right steps take 0.6, left steps 0.4 of a stride: 100 (0.6 - 0.4) / 0.5 = 40 %."""
    trial = replace(walker(duration=6.0).trial, events=_running(lag=0.4), task="run")
    table = spatiotemporal_table([trial])
    np.testing.assert_allclose(table.symmetry_index_step_time_percent, 40.0)
    np.testing.assert_allclose(table.step_time_s, [0.42, 0.28])
    assert symmetry_index(1.0, 1.0) == 0.0
    assert symmetry_index(0.9, 1.1) == -symmetry_index(1.1, 0.9)
    assert np.isnan(symmetry_index(0.0, 0.0))


def test_unknown_belt_speed_makes_lengths_unknown_and_keeps_times(walker):
    trial = replace(walker(duration=6.0, treadmill=True).trial, belt_speed=float("nan"))
    table = spatiotemporal_table([trial])
    lengths = ["speed_m_per_s", "stride_length_m", "step_length_m", "step_width_m"]
    assert table[lengths].isna().all(axis=None)
    assert table[["stride_time_s", "cadence_steps_per_min", "stance_percent"]].notna().all(axis=None)


def test_a_cycle_without_the_other_foot_has_no_support(walker):
    trial = walker(duration=5.0).trial
    alone = replace(trial, events=tuple(event for event in trial.events if event.foot == "right"))
    table = cycle_parameters(alone)
    assert set(table.side) == {"right"}
    assert table[["double_support_percent", "flight_percent", "step_length"]].isna().all(axis=None)
    assert table[["stride_length", "stance_percent"]].notna().all(axis=None)


def test_speed_is_that_of_the_strides_whose_length_is_known(walker):
    made = walker(duration=6.0)
    last = max((e for e in made.trial.events if (e.foot, e.kind) == ("right", "foot_strike")), key=lambda e: e.time)
    late = replace(last, time=last.time + 0.3)
    positions = made.trial.positions.copy()
    positions[round(last.time * 100) :, made.trial.labels.index("RHEE")] = np.nan
    trial = replace(
        made.trial, positions=positions, events=tuple(late if event is last else event for event in made.trial.events)
    )
    assert cycle_parameters(trial).query("side == 'right'").stride_length.isna().sum() == 1
    assert spatiotemporal(trial).loc["right", "speed"] == pytest.approx(made.speed, rel=1e-3)


def test_a_missing_strike_of_the_other_foot_leaves_the_support_unknown(walker):
    trial = walker(duration=5.0).trial
    support = cycle_parameters(trial).double_support_percent
    left = [event for event in trial.events if event.foot == "left" and event.kind == "foot_strike"]
    for missing in left:
        lacking = replace(trial, events=tuple(event for event in trial.events if event is not missing))
        found = cycle_parameters(lacking)
        right = found[found.side == "right"].double_support_percent
        assert right.isna().any() or missing is left[-1]
        assert right.dropna().between(support.min() - 1e-6, support.max() + 1e-6).all()


def test_the_short_table_is_the_mean_of_the_cycles(walker):
    trial = walker(duration=6.0).trial
    by_cycle, table = cycle_parameters(trial), spatiotemporal(trial)
    for foot in ("right", "left"):
        mine = by_cycle[by_cycle.side == foot]
        assert table.loc[foot, "n_cycles"] == len(mine)
        assert table.loc[foot, "step_length"] == pytest.approx(mine.step_length.mean())


def test_a_folder_becomes_one_csv_with_units_in_its_headers(walker, tmp_path):
    walk = walker(duration=5.0).trial
    odd = replace(walk, name="=1+1", subject=Subject("S02"), session="day 2")
    still = replace(walk, name="static", task="static")
    for k, trial in enumerate((walk, odd, still)):
        write_trial(tmp_path / f"{k}.trial.h5", trial)
    table = write_spatiotemporal_table(tmp_path, tmp_path / "table.csv")
    assert len(table) == 4
    back = pd.read_csv(tmp_path / "table.csv")
    assert list(back.columns) == list(table.columns)
    assert {*UNITS.values()} <= set(back.columns)
    assert back.trial.tolist()[2:] == ["'=1+1"] * 2
    np.testing.assert_allclose(back.step_length_m, table.step_length_m, rtol=1e-5)
    assert spatiotemporal_table([]).columns.tolist() == table.columns.tolist()


def test_a_full_disk_leaves_the_old_table(walker, tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    write_spatiotemporal_table([walker().trial], path)
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_spatiotemporal_table([replace(walker().trial, name="other")], path)
    assert path.read_bytes() == before


def test_a_gait_trial_without_a_cycle_has_a_row_that_says_so(walker):
    table = spatiotemporal_table([replace(walker().trial, events=())])
    assert table.n_cycles.tolist() == [0, 0]
    assert table.step_length_m.isna().all()


def test_real_walk_and_run_are_those_of_people(data_dir):
    walk = read_trial(data_dir / "clinical_labs_anz" / "FMC" / "dynamic" / "MH0222_BP06.c3d")
    run = read_trial(data_dir / "rbds_running" / "RBDS010" / "RBDS010runT35.c3d")
    table = spatiotemporal_table([walk, run])
    walking, running = table[table.task == "walk"], table[table.task == "run"]
    assert walking.double_support_percent.between(15, 30).all()
    assert (walking.flight_percent < 0.5).all()
    assert running.flight_percent.between(20, 50).all()
    assert (running.double_support_percent < 0.5).all()
    assert running.speed_m_per_s.between(3.4, 3.6).all()
    assert (running.n_cycles > 40).all()
    assert (running.stride_time_sd_s < 0.03).all()
    own = replace(walk, events=find_events(walk, load_marker_set(walk.marker_set).for_labels(walk.labels)))
    assert own.events == walk.events
