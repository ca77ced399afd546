"""Synchronisation: a lag that was put in comes out, between samples, with gaps, with a drift; and real recordings."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from opensim_models.exchange.storage_table import read_table
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.real_imu.convention import HOUSE, RecordingRefused
from synth.real_imu.lag_audit import lag_table, session_lags
from synth.real_imu.sensor_file import read_sensors
from synth.real_imu.sensor_session import SensorSession
from synth.real_imu.shank_event import sagittal_rate, shank_events
from synth.real_imu.synchronisation import correlation_by_lag, event_lag, signal_lag

RATE = 100.0


def movement(rng, seconds: float = 120.0) -> CubicSpline:
    """A smooth random signal up to 5 Hz."""
    knots = np.arange(-5.0, seconds + 5.0, 0.1)
    return CubicSpline(knots, rng.normal(0, 1, len(knots)))


def times(seconds: float = 100.0) -> np.ndarray:
    return np.arange(int(seconds * RATE)) / RATE


@pytest.mark.parametrize("lag", [-0.31, 0.0, 0.0123, 0.5])
def test_a_lag_comes_out_to_a_tenth_of_a_sample(lag):
    signal = movement(np.random.default_rng(1))
    noise = np.random.default_rng(2).normal(0, 0.1, 10_000)
    found = signal_lag(signal(times() - lag) + noise, signal(times()), RATE)
    assert found.seconds == pytest.approx(lag, abs=1e-3)
    assert found.agreement > 0.95
    assert found.sure
    assert abs(found.drift) < 50e-6


def test_missing_samples_do_not_move_the_lag():
    signal = movement(np.random.default_rng(1))
    late, on_time = signal(times() - 0.2), signal(times())
    late[1000:1800], on_time[5000:5500] = np.nan, np.nan
    assert signal_lag(late, on_time, RATE).seconds == pytest.approx(0.2, abs=1e-3)


def test_correlation_is_pearsons_at_every_lag():
    rng = np.random.default_rng(4)
    first, second = rng.normal(2, 1, 80), rng.normal(-1, 3, 70)
    first[10:13] = np.nan
    r = correlation_by_lag(first, second, 6)
    for lag in range(-6, 7):
        k = np.arange(max(0, -lag), min(len(second), len(first) - lag))
        both = np.isfinite(first[k + lag])
        assert r[lag + 6] == pytest.approx(np.corrcoef(first[k + lag][both], second[k][both])[0, 1], abs=1e-10)


def test_clocks_that_run_apart_are_measured():
    signal = movement(np.random.default_rng(1), 210.0)
    t = times(200.0)
    found = signal_lag(signal(t * (1 - 300e-6) - 0.05), signal(t), RATE)
    assert found.drift == pytest.approx(300e-6, abs=20e-6)
    assert found.drifts


def test_a_periodic_signal_is_not_sure():
    t = times()
    found = signal_lag(np.sin(2 * np.pi * t - 0.3), np.sin(2 * np.pi * t), RATE, longest=2.0)
    assert found.peak_ratio < 1.05
    assert not found.sure
    assert "not sure" in lag_table([found])


def test_rates_that_differ_and_signals_that_rest_are_refused():
    signal = movement(np.random.default_rng(1))(times())
    with pytest.raises(RecordingRefused, match="shank: 100 Hz, but the reference has 50 Hz"):
        signal_lag(signal, signal, RATE, reference_rate=50.0, sensor="shank")
    with pytest.raises(RecordingRefused, match="share a moving stretch"):
        signal_lag(signal, np.ones_like(signal), RATE)


def test_events_meet_at_their_lag_and_not_one_stride_further():
    rng = np.random.default_rng(6)
    strikes = np.cumsum(rng.normal(1.1, 0.03, 60))
    seen = np.sort(np.delete(strikes + 0.137 + rng.normal(0, 0.005, 60), [4, 20]))
    found = event_lag(seen, strikes, longest=2.0)
    assert found.seconds == pytest.approx(0.137, abs=0.003)
    assert found.count == 58
    assert found.agreement == pytest.approx(58 / 60, abs=0.001)
    assert abs(found.next_seconds - 0.137) > 0.9
    assert found.sure
    with pytest.raises(RecordingRefused, match="a lag needs three"):
        event_lag(seen[:2], strikes)


def walking_shank(seconds: float = 30.0, stride: float = 1.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turning rate of a tilted sensor whose troughs are known: strikes and offs (s)."""
    t = times(seconds)
    rate = np.zeros_like(t)
    swings = np.arange(2.0, seconds - 2.0, stride)
    for middle in swings:
        rate += 5.0 * np.exp(-0.5 * ((t - middle) / 0.09) ** 2)
        rate -= 2.0 * np.exp(-0.5 * ((t - middle - 0.24) / 0.04) ** 2) + 2.5 * np.exp(
            -0.5 * ((t - middle + 0.3) / 0.07) ** 2
        )
    axis = np.array([0.6, -0.48, 0.64])
    return rate[:, None] * axis, swings + 0.24, swings - 0.3


def test_events_of_a_shank_do_not_depend_on_how_the_sensor_is_mounted():
    turning, strikes, offs = walking_shank()
    for values in (turning, -turning, turning[:, [2, 0, 1]]):
        found = shank_events(values, RATE)
        np.testing.assert_allclose(found.strikes, strikes, atol=0.012)
        np.testing.assert_allclose(found.offs, offs, atol=0.012)
    assert sagittal_rate(turning).max() == pytest.approx(np.abs(turning @ [0.6, -0.48, 0.64]).max(), rel=1e-6)


def test_events_over_missing_samples_are_left_out():
    turning, strikes, _ = walking_shank()
    turning[int(strikes[3] * RATE) - 5 : int(strikes[3] * RATE)] = np.nan
    assert len(shank_events(turning, RATE).strikes) == len(strikes) - 1


def test_every_sensor_of_a_session_is_audited():
    signal = movement(np.random.default_rng(1))
    speed = np.abs(signal(times()))
    late = np.abs(signal(times() - 0.04))[:, None] * np.array([0.0, 0.6, 0.8])
    still = np.full((len(speed), 3), np.nan)
    recordings = tuple(ImuRecording(SensorPlacement(n, ""), still, w, RATE) for n, w in (("a", late), ("b", still)))
    session = SensorSession("trial", recordings, RATE, 0.0, (), HOUSE)
    (lag,) = session_lags(session, {"a": speed[:, None] * np.array([1.0, 0.0, 0.0])}, RATE)
    assert lag.seconds == pytest.approx(0.04, abs=1e-3)
    for sensor, rate, sentence in (("b", RATE, "no gyroscope"), ("c", RATE, "no sensor 'c'"), ("a", 50.0, "50 Hz")):
        with pytest.raises(RecordingRefused, match=sentence):
            session_lags(session, {sensor: speed}, rate)


@pytest.fixture(scope="module")
def audit(repository):
    """Force events of the benchmark."""
    sys.path.insert(0, str(repository))
    from benchmarks.imu_figures import synchronisation

    return synchronisation


@pytest.mark.parametrize(("person", "late"), [("Sub08", 0.1), pytest.param("Sub04", 0.0, marks=pytest.mark.slow)])
def test_a_plate_out_of_step_is_found_by_gyroscopes_and_by_the_plates_alike(person, late, data_dir, audit):
    """CMU Sub08: the right plate is a tenth of a second late against the left one; in Sub04 both are in step."""
    folder = data_dir / "cmu_imu_grf_walk" / person / "CSBaseline"
    session, force = read_sensors(next(folder.glob("*_Accel.trc"))), read_table(next(folder.glob("*_GRF.mot")))
    lags = {}
    for side in "rl":
        strikes, _ = audit.force_events(force.values[:, force.labels.index(f"{side}Fy")], force.rate)
        seen = shank_events(session.of(f"tibia_{side}").angular_velocity, session.rate).strikes
        lags[side] = event_lag(seen, strikes, longest=2.0)
        assert lags[side].sure
        assert lags[side].agreement > 0.95
    assert lags["l"].seconds - lags["r"].seconds == pytest.approx(late, abs=0.01)
    assert -audit.plates_out_of_step(force) == pytest.approx(late, abs=0.01)


def test_a_real_gyroscope_is_two_to_three_samples_late_against_markers(data_dir, audit):
    """NeuRA S02, as its README says."""
    lags = audit._neura(data_dir / "neura_sparse_s02_walk_GPL3")
    assert all(0.015 < lag.seconds < 0.035 and lag.agreement > 0.9 for lag in lags)
