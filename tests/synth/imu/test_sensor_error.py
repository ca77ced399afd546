"""Datasheet errors: each term does what its name says, at every rate, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.sensor_clock import ClockErrors, draw_dropped, read_at
from synth.imu.sensor_error import SensorModel, TriadErrors, add_sensor_errors
from synth.imu.sensor_preset import PRESETS, sensor_preset


def record(n=4000, rate=100.0, seed=0):
    """Smooth motion, band-limited to 3 Hz."""
    rng, time = np.random.default_rng(seed), np.arange(n) / rate
    waves = np.sin(2 * np.pi * np.array([0.7, 1.3, 3.0])[:, None] * time + rng.uniform(0, 6, (6, 3, 1))).sum(axis=1).T
    return ImuRecording(SensorPlacement("s", "tibia_r"), 3.0 * waves[:, :3] + [0.0, 9.8, 0.0], waves[:, 3:], rate)


def still(n, rate=100.0):
    return ImuRecording(SensorPlacement("s", "tibia_r"), np.tile([0.0, 9.8, 0.0], (n, 1)), np.zeros((n, 3)), rate)


def gyro(**terms):
    return SensorModel(gyroscope=TriadErrors(**terms))


def test_a_perfect_sensor_reads_the_truth():
    clean = record()
    read = add_sensor_errors(clean, SensorModel(), np.random.default_rng(0))
    np.testing.assert_array_equal(read.specific_force, clean.specific_force)
    np.testing.assert_array_equal(read.angular_velocity, clean.angular_velocity)
    assert read.placement is clean.placement and read.rate == clean.rate


def test_constants_are_drawn_with_the_requested_standard_deviations():
    model = SensorModel(
        accelerometer=TriadErrors(turn_on_bias=0.3, scale_error=0.02, cross_axis=0.01),
        g_sensitivity=1e-3,
        clock=ClockErrors(offset=0.01, drift=2e-5),
    )
    sensors = [model.draw(np.random.default_rng(i)) for i in range(3000)]
    bias = np.array([sensor.accelerometer.bias for sensor in sensors])
    matrix = np.array([sensor.accelerometer.sensitivity for sensor in sensors]) - np.eye(3)
    off = ~np.eye(3, dtype=bool)
    for found, sd in (
        (bias, 0.3),
        (np.diagonal(matrix, axis1=1, axis2=2), 0.02),
        (matrix[:, off], 0.01),
        (np.array([sensor.g_response for sensor in sensors]), 1e-3),
        (np.array([sensor.clock_offset for sensor in sensors]), 0.01),
        (np.array([sensor.clock_drift for sensor in sensors]), 2e-5),
    ):
        assert found.std() == pytest.approx(sd, rel=0.05) and abs(found.mean()) < 0.1 * sd
    assert (np.array([sensor.gyroscope.bias for sensor in sensors]) == 0).all()


def test_bias_scale_and_cross_axis_are_linear_and_constant():
    terms = TriadErrors(turn_on_bias=0.2, scale_error=0.05, cross_axis=0.03)
    clean, sensor = record(), SensorModel(accelerometer=terms, gyroscope=terms).draw(np.random.default_rng(1))
    read = sensor.read(clean, np.random.default_rng(2))
    for channel, drawn in (("specific_force", sensor.accelerometer), ("angular_velocity", sensor.gyroscope)):
        expected = getattr(clean, channel) @ drawn.sensitivity.T + drawn.bias
        np.testing.assert_allclose(getattr(read, channel), expected)
        assert np.abs(drawn.sensitivity - np.eye(3)).min() > 0
    assert not np.allclose(sensor.accelerometer.bias, sensor.gyroscope.bias)


def test_g_sensitivity_turns_specific_force_into_rotation():
    sensor = SensorModel(g_sensitivity=1e-3).draw(np.random.default_rng(1))
    read = sensor.read(still(10), np.random.default_rng(2))
    np.testing.assert_allclose(read.angular_velocity, np.tile(9.8 * sensor.g_response[:, 1], (10, 1)))


def test_saturation_and_rounding():
    clean = record()
    read = add_sensor_errors(clean, gyro(full_range=0.5), np.random.default_rng(0)).angular_velocity
    np.testing.assert_array_equal(read, np.clip(clean.angular_velocity, -0.5, 0.5))
    read = add_sensor_errors(clean, gyro(resolution=0.01), np.random.default_rng(0)).angular_velocity
    np.testing.assert_allclose(read / 0.01, np.round(read / 0.01), atol=1e-9)
    rounding = read - clean.angular_velocity
    assert np.abs(rounding).max() <= 0.005 + 1e-12
    assert rounding.std() == pytest.approx(0.01 / np.sqrt(12.0), rel=0.02)


@pytest.mark.parametrize("rate", [100.0, 400.0])
def test_the_bandwidth_is_where_the_signal_has_half_its_power(rate):
    time = np.arange(int(40 * rate)) / rate
    for frequency, gain in ((1.0, 1.0), (20.0, np.sqrt(0.5))):
        wave = np.tile(np.sin(2 * np.pi * frequency * time)[:, None], (1, 3))
        clean = ImuRecording(SensorPlacement("s", "b"), wave, wave, rate)
        read = add_sensor_errors(clean, gyro(bandwidth=20.0), np.random.default_rng(0))
        tail = slice(len(time) // 2, None)
        assert read.angular_velocity[tail].std() / wave[tail].std() == pytest.approx(gain, rel=0.01)
        np.testing.assert_array_equal(read.specific_force, wave)  # the accelerometer has no low-pass
    high = add_sensor_errors(record(), gyro(bandwidth=50.0), np.random.default_rng(0))
    np.testing.assert_array_equal(high.angular_velocity, record().angular_velocity)


def test_a_still_sensor_behind_a_low_pass_starts_at_rest():
    read = add_sensor_errors(
        still(50), SensorModel(accelerometer=TriadErrors(bandwidth=10.0)), np.random.default_rng(0)
    )
    np.testing.assert_allclose(read.specific_force, still(50).specific_force, atol=1e-12)


def test_a_clock_that_is_late_reads_what_happens_later():
    clean = record()
    model = SensorModel(clock=ClockErrors(offset=0.02, drift=1e-4))
    sensor = replace(model.draw(np.random.default_rng(0)), clock_offset=0.02, clock_drift=0.0)
    read = sensor.read(clean, np.random.default_rng(1))
    np.testing.assert_allclose(read.specific_force[:-2], clean.specific_force[2:], atol=1e-12)
    assert np.isnan(read.specific_force[-2:]).all() and np.isnan(read.angular_velocity[-2:]).all()
    drifting = replace(sensor, clock_offset=0.0, clock_drift=1e-3).read(clean, np.random.default_rng(1))
    at = 3000  # 30 s, so 30 ms late
    np.testing.assert_allclose(drifting.angular_velocity[at], clean.angular_velocity[at + 3], atol=1e-5)


def test_reading_between_samples_follows_the_motion_and_keeps_gaps():
    time = np.arange(400) / 100.0
    values = np.sin(2 * np.pi * 2.0 * time)[:, None]
    values[100:110] = np.nan
    at = time[:-1] + 0.004
    read = read_at(values, 100.0, at)[:, 0]
    assert np.isnan(read[99:110]).all() and np.isfinite(np.delete(read, np.arange(99, 110))).all()
    inner = np.r_[5:90, 120:390]
    np.testing.assert_allclose(read[inner], np.sin(2 * np.pi * 2.0 * at[inner]), atol=2e-5)
    np.testing.assert_allclose(read_at(values, 100.0, time), values, atol=1e-14)


def test_jitter_is_noise_where_the_signal_is_steep():
    model = SensorModel(clock=ClockErrors(jitter=1e-3))
    clean = record()
    error = add_sensor_errors(clean, model, np.random.default_rng(0)).angular_velocity - clean.angular_velocity
    slope = np.gradient(clean.angular_velocity, 0.01, axis=0)
    inner = slice(5, -5)
    expected = 1e-3 * np.sqrt(np.mean(slope[inner] ** 2))
    assert np.sqrt(np.nanmean(error[inner] ** 2)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("share", "length"), [(0.05, 1.0), (0.05, 8.0), (0.6, 2.0)])
def test_lost_samples_have_the_share_and_the_length(share, length):
    lost = draw_dropped(200_000, ClockErrors(dropped_share=share, dropped_length=length), np.random.default_rng(0))
    assert lost.mean() == pytest.approx(share, rel=0.05)
    if share < 0.1:  # losses that touch make longer ones, rarely at a small share
        edges = np.flatnonzero(np.diff(np.r_[0, lost.astype(int), 0]))
        assert np.mean(edges[1::2] - edges[::2]) == pytest.approx(length, rel=0.1)
    model = SensorModel(clock=ClockErrors(dropped_share=share, dropped_length=length))
    read = add_sensor_errors(record(), model, np.random.default_rng(0))
    assert (np.isnan(read.specific_force) == np.isnan(read.angular_velocity)).all()


def test_gaps_stay_and_everything_follows_from_the_seed():
    clean = record()
    clean.specific_force[200:220] = np.nan
    model = sensor_preset("mpu_9250")
    first, again, other = (add_sensor_errors(clean, model, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.specific_force, again.specific_force)
    assert not np.allclose(first.specific_force, other.specific_force, equal_nan=True)
    assert np.isnan(first.specific_force[200:220]).all()
    louder = replace(model, gyroscope=replace(model.gyroscope, noise_density=1.0))
    changed = add_sensor_errors(clean, louder, np.random.default_rng(1))
    np.testing.assert_array_equal(changed.specific_force, first.specific_force)


def test_the_same_sensor_at_another_rate_has_the_same_density():
    model = sensor_preset("xsens_mti_300").without("turn_on_bias", "bandwidth")
    model = replace(model, clock=ClockErrors(), g_sensitivity=0.0)
    for rate in (60.0, 240.0):
        read = add_sensor_errors(still(40_000, rate), model, np.random.default_rng(0)).angular_velocity
        density = read.std() / np.sqrt(rate / 2.0)
        assert density == pytest.approx(model.gyroscope.noise_density, rel=0.03)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_sensors_with_a_source(name):
    model = sensor_preset(name)
    assert model.name == name and "ssumed" in model.source and len(model.source) > 80
    assert 30e-6 * 9.8 < model.accelerometer.noise_density < 500e-6 * 9.8
    assert np.deg2rad(0.002) < model.gyroscope.noise_density < np.deg2rad(0.05)
    read = add_sensor_errors(record(500), model, np.random.default_rng(0))
    assert np.nanmax(np.abs(read.specific_force - record(500).specific_force)) < 6.0


def test_numbers_of_the_datasheets():
    """Spot checks in the units of the sheets."""
    mpu, bosch = sensor_preset("mpu_9250"), sensor_preset("bmi270")
    assert np.rad2deg(mpu.gyroscope.noise_density) == pytest.approx(0.01)
    assert mpu.accelerometer.noise_density / 9.80665 == pytest.approx(300e-6)
    assert np.rad2deg(mpu.gyroscope.turn_on_bias) == pytest.approx(5.0)
    assert np.rad2deg(bosch.gyroscope.noise_density) == pytest.approx(0.007)
    assert 2.0 * bosch.accelerometer.full_range / bosch.accelerometer.resolution == pytest.approx(2**16)


def test_wrong_sensors_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="did you mean mpu_9250"):
        sensor_preset("MPU-9520")
    with pytest.raises(ValueError, match="noise_density of a sensor must be >= 0"):
        TriadErrors(noise_density=-1.0)
    with pytest.raises(ValueError, match="full_range of a sensor must be > 0"):
        TriadErrors(full_range=0.0)
    with pytest.raises(ValueError, match="no error term 'bias'; known are noise_density"):
        sensor_preset("bmi270").without("bias")
    with pytest.raises(ValueError, match="dropped_share must be a share"):
        ClockErrors(dropped_share=1.0)
    with pytest.raises(ValueError, match="dropped_length must be 1"):
        ClockErrors(dropped_length=0.5)
