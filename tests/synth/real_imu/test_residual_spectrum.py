"""Spectra of pairs: their estimates against scipy's, their units, their gaps, and the distance between them."""

import numpy as np
import pytest
from scipy.signal import csd

from synth.imu.recording import ImuRecording, SensorPlacement
from synth.real_imu.residual_spectrum import cross_spectra, log_spectral_distance, residual_spectrum
from synth.real_imu.sensor_pair import SensorPair

RATE = 100.0


def pair_of(real, virtual):
    placement = SensorPlacement("shank", "tibia_r")
    sides = [ImuRecording(placement, table[:, :3], table[:, 3:], RATE) for table in (real, virtual)]
    return SensorPair(sides[0], sides[1], alignment=None)


def test_welch_is_that_of_scipy():
    values = np.random.default_rng(0).standard_normal((3000, 2)).cumsum(axis=0)
    frequency, matrix = cross_spectra(values, RATE)
    for a in (0, 1):
        for b in (0, 1):
            theirs_f, theirs = csd(values[:, b], values[:, a], RATE, nperseg=200, noverlap=100, detrend="constant")
            np.testing.assert_allclose(frequency, theirs_f[1:])
            np.testing.assert_allclose(matrix[:, a, b], theirs[1:], rtol=1e-9, atol=1e-12 * np.abs(theirs).max())


@pytest.mark.parametrize("estimator", ["welch", "multitaper"])
def test_white_noise_has_the_density_of_its_variance(estimator):
    values = 3.0 * np.random.default_rng(1).standard_normal((40000, 1))
    frequency, matrix = cross_spectra(values, RATE, estimator=estimator)
    density = matrix[:, 0, 0].real
    assert density[4:-4].mean() == pytest.approx(9.0 / (RATE / 2), rel=0.02)
    assert np.sum(density) * frequency[0] == pytest.approx(9.0, rel=0.03)


def test_multitaper_scatters_less():
    values = np.random.default_rng(2).standard_normal((1600, 1))
    scatter = [cross_spectra(values, RATE, estimator=e)[1][5:-5, 0, 0].real.std() for e in ("welch", "multitaper")]
    assert scatter[1] < 0.75 * scatter[0]


def test_blocks_do_not_cross_gaps():
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((2, 500, 1))
    joined = np.concatenate([first, [[np.nan]], second + 1e6])
    alone = [cross_spectra(part, RATE)[1] for part in (first, second)]
    np.testing.assert_allclose(cross_spectra(joined, RATE)[1], np.mean(alone, axis=0), rtol=1e-6)
    with pytest.raises(ValueError, match="0 blocks of 2 s without a gap"):
        cross_spectra(np.where(np.arange(900) % 150 == 0, np.nan, 1.0)[:, None], RATE)


def test_residual_spectrum_tells_noise_from_distortion():
    """Real = 1.5 × virtual + independent noise: gain shows in the residual, noise in the coherence."""
    rng = np.random.default_rng(4)
    virtual, noise = rng.standard_normal((2, 30000, 6))
    found = residual_spectrum(pair_of(1.5 * virtual + 0.5 * noise, virtual))
    power = 1.0 / (RATE / 2)
    np.testing.assert_allclose(found.residual.mean(axis=0), (0.25 + 0.25) * power, rtol=0.05)
    np.testing.assert_allclose(found.coherence.mean(axis=0), 2.25 / 2.5, rtol=0.02)
    np.testing.assert_allclose(found.share, np.sqrt(0.5 / 2.5), rtol=0.02)


def test_distance_of_spectra_in_decibels():
    frequency = np.arange(1, 51, dtype=float)
    flat = np.ones((50, 2))
    np.testing.assert_allclose(log_spectral_distance(flat, 10.0 * flat, frequency, (1.0, 50.0)), 10.0)
    assert not log_spectral_distance(flat, flat, frequency, (1.0, 50.0)).any()
    bent = np.where(frequency[:, None] > 25, 100.0, 1.0) * flat
    np.testing.assert_allclose(log_spectral_distance(flat, bent, frequency, (1.0, 50.0)), np.sqrt(0.5) * 20.0)
    with pytest.raises(ValueError, match="no frequency"):
        log_spectral_distance(flat, flat, frequency, (60.0, 70.0))


def test_an_unknown_estimator_is_refused():
    with pytest.raises(ValueError, match="'bartlett' is unknown; expected one of welch, multitaper"):
        cross_spectra(np.zeros((1000, 1)), RATE, estimator="bartlett")
