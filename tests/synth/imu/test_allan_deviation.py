"""Allan deviation: the estimator is the published one, the noise has the deviation it was asked for."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.imu.allan_deviation import (
    FLOOR_OF_FLICKER,
    AllanTerms,
    allan_deviation,
    density_of_random_walk,
    fit_terms,
    random_walk_of_density,
)
from synth.imu.sensor_noise import draw_noise

NBS14 = np.array([892.0, 809.0, 823.0, 798.0, 671.0, 644.0, 883.0, 903.0, 677.0])
"""Frequency data of NIST SP 1065, section 12.4, with its overlapping Allan deviations at 1 and 2."""


def test_the_estimator_gives_the_published_values():
    curve = allan_deviation(NBS14, 1.0, np.array([1.0, 2.0]))
    np.testing.assert_allclose(curve.deviation[:, 0], [91.22945, 85.95287], rtol=1e-7)


def test_a_constant_and_a_ramp():
    """A constant has no deviation; a ramp of slope R has R tau / sqrt(2) (IEEE Std 952)."""
    time = np.arange(1000) / 50.0
    curve = allan_deviation(np.column_stack([np.full(1000, 5.0), 0.3 * time]), 50.0)
    np.testing.assert_allclose(curve.deviation[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(curve.deviation[:, 1], 0.3 * curve.tau / np.sqrt(2.0), rtol=1e-9)


def test_a_gap_is_left_out_and_not_filled():
    values = np.random.default_rng(0).standard_normal((4000, 1))
    whole = allan_deviation(values, 100.0, np.array([0.01, 0.1]))
    gappy = values.copy()
    gappy[1000:1500] = np.nan
    found = allan_deviation(gappy, 100.0, np.array([0.01, 0.1]))
    np.testing.assert_allclose(found.deviation, whole.deviation, rtol=0.1)
    pieces = [values[:1000], values[1500:]]
    squares = np.concatenate([np.diff(piece, axis=0) ** 2 for piece in pieces])
    assert found.deviation[0, 0] == pytest.approx(np.sqrt(squares.mean() / 2.0))
    assert np.isnan(allan_deviation(np.full((10, 1), np.nan), 1.0).deviation).all()
    gappy[::3] = np.nan
    assert np.isnan(allan_deviation(gappy, 100.0, np.array([0.1])).deviation).all()


@settings(max_examples=15, deadline=None)
@given(density=st.floats(1e-5, 1.0), rate=st.sampled_from([50.0, 100.0, 285.714, 1000.0]))
def test_white_noise_has_the_density_at_every_rate(density, rate):
    noise = draw_noise(AllanTerms(noise_density=density), 60_000, rate, np.random.default_rng(1))
    curve = allan_deviation(noise, rate, np.array([10.0 / rate]))
    found = np.sqrt(np.mean(curve.deviation**2) * curve.tau[0])
    assert found == pytest.approx(random_walk_of_density(density), rel=0.03)
    assert noise.std() == pytest.approx(density * np.sqrt(rate / 2.0), rel=0.02)


def test_density_and_random_walk_are_one_number_in_two_conventions():
    assert random_walk_of_density(density_of_random_walk(0.3)) == pytest.approx(0.3)
    # The MPU-9250's sheet: 0.01 °/s/sqrt(Hz), and 0.1 °/s RMS behind its 92 Hz low-pass.
    assert 0.01 * np.sqrt(92.0) == pytest.approx(0.1, rel=0.05)


def test_flicker_noise_is_flat_at_its_floor_and_a_random_walk_rises():
    floor = draw_noise(AllanTerms(bias_instability=0.02), 200_000, 10.0, np.random.default_rng(2), 6)
    curve = allan_deviation(floor, 10.0, np.array([3.0, 10.0, 30.0, 100.0]))
    np.testing.assert_allclose(np.sqrt(np.mean(curve.deviation**2, axis=1)), 0.02, rtol=0.05)
    walk = draw_noise(AllanTerms(random_walk=0.01), 200_000, 10.0, np.random.default_rng(3), 6)
    curve = allan_deviation(walk, 10.0, np.array([10.0, 100.0]))
    expected = AllanTerms(random_walk=0.01).deviation(curve.tau)
    np.testing.assert_allclose(np.sqrt(np.mean(curve.deviation**2, axis=1)), expected, rtol=0.06)
    assert pytest.approx(0.664, abs=1e-3) == FLOOR_OF_FLICKER


def test_the_fit_finds_the_terms_again():
    terms = AllanTerms(0.01, 0.003, 1e-4)
    noise = draw_noise(terms, 200_000, 10.0, np.random.default_rng(4))
    curve = allan_deviation(noise, 10.0)
    found = [fit_terms(curve, channel) for channel in range(3)]
    assert np.mean([f.noise_density for f in found]) == pytest.approx(0.01, rel=0.02)
    assert np.mean([f.bias_instability for f in found]) == pytest.approx(0.003, rel=0.15)
    assert np.mean([f.random_walk for f in found]) == pytest.approx(1e-4, rel=0.3)
    assert fit_terms(allan_deviation(np.zeros((100, 1)), 1.0)) == AllanTerms()


def test_the_first_frames_of_long_noise_are_the_short_noise():
    terms = AllanTerms(0.1, 0.2, 0.3)
    long, short = (draw_noise(terms, n, 100.0, np.random.default_rng(5)) for n in (500, 200))
    np.testing.assert_array_equal(long[:200], short)
    without = draw_noise(AllanTerms(0.1, 0.0, 0.3), 200, 100.0, np.random.default_rng(5))
    flicker = draw_noise(AllanTerms(0.0, 0.2, 0.0), 200, 100.0, np.random.default_rng(5))
    np.testing.assert_allclose(without + flicker, short, atol=1e-14)


def test_times_that_the_record_cannot_show_are_refused():
    with pytest.raises(ValueError, match=r"averaging times must be from 0\.01 s"):
        allan_deviation(np.zeros(100), 100.0, np.array([0.6]))
    with pytest.raises(ValueError, match="needs 3 frames"):
        allan_deviation(np.zeros(2), 100.0)


def test_a_real_sensor_at_rest_has_a_white_slope(data_dir):
    """The board of BROAD before it is moved: gyroscope noise between 0.001 and 0.05 °/s/sqrt(Hz), slope -1/2."""
    with h5py.File(data_dir / "broad_imu_vs_optical" / "07_undisturbed_fast_rotation_B.hdf5") as file:
        rate, moving, turn = file.attrs["sampling_rate"], file["movement"][:].astype(bool), file["imu_gyr"][:]
    still = turn[: int(np.argmax(moving)) - int(rate)]
    curve = allan_deviation(still, float(rate), np.array([0.02, 0.2]))
    density = np.rad2deg(density_of_random_walk(np.sqrt(np.mean(curve.deviation[0] ** 2) * curve.tau[0])))
    assert 0.001 < density < 0.05
    slope = np.log10(curve.deviation[1].mean() / curve.deviation[0].mean()) / np.log10(curve.tau[1] / curve.tau[0])
    assert slope == pytest.approx(-0.5, abs=0.2)
