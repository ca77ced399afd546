"""Four ways to differentiate: exact where they should be, and as wrong elsewhere as their frequency response says."""

import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from opensim_models.motion import SegmentMotion
from synth.imu.derivative_error import acceleration_response, expected_error, noise_gains
from synth.imu.differentiation import (
    METHODS,
    SMOOTHING,
    filtered_difference,
    quintic_spline,
    second_difference,
    smoothed_derivatives,
    smoothing_spline,
    spline_derivatives,
)
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu

RATE = 100.0
CUTOFF = 10.0
BY_METHOD = {
    "central_difference": second_difference,
    "butterworth": lambda x, rate: filtered_difference(x, rate, CUTOFF),
    "smoothing_spline": lambda x, rate: smoothing_spline(x, rate, CUTOFF),
    "spline": quintic_spline,
}
every_method = pytest.mark.parametrize("method", METHODS)
INNER = slice(60, -60)


def cutoff_of(method):
    return CUTOFF if method in SMOOTHING else None


def rms(values):
    return float(np.sqrt(np.nanmean(np.square(values))))


@every_method
@pytest.mark.parametrize("frequency", [1.0, 8.0, 20.0])
def test_the_acceleration_of_a_sine_has_the_predicted_amplitude(method, frequency):
    w, time = 2 * np.pi * frequency, np.arange(1000) / RATE
    found = BY_METHOD[method](np.sin(w * time + 0.3)[:, None], RATE)[INNER, 0]
    share = float(acceleration_response(method, RATE, np.array(frequency), cutoff_of(method)))
    np.testing.assert_allclose(found, -share * w**2 * np.sin(w * time + 0.3)[INNER], atol=2e-7 * w**2)


def test_central_differences_lose_what_the_formula_says():
    half = np.pi * 8.0 / RATE  # w T / 2
    share = acceleration_response("central_difference", RATE, np.array([8.0]))[0]
    np.testing.assert_allclose(share, (np.sin(half) / half) ** 2, rtol=1e-12)
    np.testing.assert_allclose(noise_gains("central_difference", RATE)[0], np.sqrt(6.0) * RATE**2, rtol=1e-6)
    np.testing.assert_allclose(noise_gains("central_difference", RATE)[1], RATE / np.sqrt(2.0), rtol=1e-6)


@every_method
def test_white_jitter_becomes_the_predicted_noise(method):
    rng = np.random.default_rng(1)
    still = Rotation.identity(20_000)
    shaken = Rotation.from_rotvec(1e-4 * rng.standard_normal((20_000, 3)))
    at_place, jittered = np.zeros((20_000, 3)), 3e-4 * rng.standard_normal((20_000, 3))
    sensor, cutoff = SensorPlacement("s", "tibia_r"), cutoff_of(method)
    settings = {"method": method, "cutoff": cutoff, "gravity": (0.0, 0.0, 0.0)}
    force = simulate_imu(SegmentMotion("tibia_r", jittered, still, RATE), sensor, **settings).specific_force
    turn = simulate_imu(SegmentMotion("tibia_r", at_place, shaken, RATE), sensor, **settings).angular_velocity
    expected = expected_error(method, RATE, band=8.0, cutoff=cutoff, jitter=3e-4, turn_jitter=1e-4)
    np.testing.assert_allclose(rms(force[INNER]), expected.acceleration_noise, rtol=0.02)
    np.testing.assert_allclose(rms(turn[INNER]), expected.angular_velocity_noise, rtol=0.02)


@every_method
def test_the_bias_on_known_harmonics_is_the_expected_one(method):
    rng = np.random.default_rng(2)
    frequency, amplitude = np.array([1.0, 3.0, 5.0, 8.0]), np.array([3.0, 2.0, 1.0, 1.5])
    time, w = np.arange(2200) / RATE, 2 * np.pi * frequency
    waves = np.sin(np.outer(time, w) + rng.uniform(0, 6, 4))
    truth = waves @ amplitude
    found = BY_METHOD[method]((waves @ (-amplitude / w**2))[:, None], RATE)[:, 0]
    inner = slice(100, -100)  # twenty whole seconds
    expected = expected_error(method, RATE, spectrum=(frequency, amplitude), cutoff=cutoff_of(method))
    np.testing.assert_allclose(rms((found - truth)[inner]), expected.acceleration(rms(truth[inner])), rtol=0.01)


def test_the_spline_is_exact_for_quintics_up_to_the_ends():
    time = np.arange(40) / RATE
    polynomial = np.polynomial.Polynomial([0.3, -1.0, 2.0, 5.0, -4.0, 3.0])
    values = polynomial(time)[:, None]
    first, second = spline_derivatives(values, RATE)
    np.testing.assert_allclose(first[:, 0], polynomial.deriv(1)(time), atol=1e-9)
    np.testing.assert_allclose(second[:, 0], polynomial.deriv(2)(time), atol=1e-6)


def test_the_smoothing_spline_keeps_parabolas_and_halves_the_power_at_its_cutoff():
    time = np.arange(300) / RATE
    parabola = (0.2 + 3.0 * time - 4.9 * time**2)[:, None]
    value, first, second = smoothed_derivatives(parabola, RATE, 5.0)
    np.testing.assert_allclose(value, parabola, atol=1e-9)
    np.testing.assert_allclose(first[:, 0], 3.0 - 9.8 * time, atol=1e-8)
    np.testing.assert_allclose(second[:, 0], -9.8, atol=1e-6)
    time = np.arange(3000) / RATE
    wave = np.sin(2 * np.pi * 5.0 * time)[:, None]
    np.testing.assert_allclose(
        smoothed_derivatives(wave, RATE, 5.0)[0][100:-100], wave[100:-100] / np.sqrt(2), atol=1e-8
    )


def test_the_smoothing_spline_costs_no_more_than_any_other_curve():
    """It minimises sum (y - f)² + l ∫ f'''²; scipy's cubic smoothing spline, sampled, is one of the others."""
    rng = np.random.default_rng(3)
    time = np.arange(200) / RATE
    noisy = (np.sin(2 * np.pi * time) + 0.05 * rng.standard_normal(200))[:, None]
    ours = smoothed_derivatives(noisy, RATE, 6.0)[0][:, 0]
    cubic = make_smoothing_spline(time, noisy[:, 0])(time)
    filtered = low_pass(noisy, RATE, 6.0)[:, 0]

    def cost(values):
        penalty = (np.sqrt(2) - 1) / (2 * np.sin(np.pi * 6.0 / RATE)) ** 6  # b = 1 at low frequencies
        return np.sum((noisy[:, 0] - values) ** 2) + penalty * np.sum(np.diff(values, 3) ** 2)

    assert cost(ours) < cost(filtered)
    assert cost(ours) < 1.02 * cost(cubic)


@every_method
def test_a_gap_stays_a_gap_and_reaches_no_further_than_it_must(method):
    time = np.arange(120) / RATE
    values = np.sin(2 * np.pi * time)[:, None].repeat(3, axis=1)
    values[50] = np.nan
    missing = np.isnan(BY_METHOD[method](values, RATE)).any(axis=1)
    touched = {50} if "spline" in method else {0, 49, 50, 51, 119}
    assert set(np.flatnonzero(missing)) == touched


def test_the_expected_error_speaks_and_refuses():
    error = expected_error("central_difference", RATE, band=8.0, jitter=5e-4)
    assert "central difference at 100 Hz" in error.sentence()
    assert "12 m/s²" in error.sentence()
    with pytest.raises(ValueError, match=r"method 'butterworth' smooths: give its cut-off"):
        expected_error("butterworth", RATE, band=8.0)
    with pytest.raises(ValueError, match="either the band"):
        expected_error("spline", RATE)
    with pytest.raises(ValueError, match="half the rate, 50 Hz"):
        expected_error("spline", RATE, band=60.0)
    with pytest.raises(ValueError, match="expected one of central_difference"):
        expected_error("magic", RATE, band=8.0)
    with pytest.raises(ValueError, match="half the rate, 50 Hz"):
        smoothing_spline(np.zeros((50, 3)), RATE, 50.0)
