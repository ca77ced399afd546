"""Metrics are identities on curves whose errors are known in closed form."""

import numpy as np
import pytest

from training.metric import bias, correlation, coverage, rmse, rmse_mean_removed

PHASE = np.linspace(0, 2 * np.pi, 200, endpoint=False)


def test_rmse_of_two_sines_out_of_phase_is_the_closed_form():
    for lag in (0.1, 0.7, np.pi):
        difference = 2 * np.sin(lag / 2) / np.sqrt(2)
        assert rmse(np.sin(PHASE), np.sin(PHASE + lag)) == pytest.approx(difference, abs=1e-12)


def test_an_offset_is_all_bias_and_no_shape():
    truth = np.cos(PHASE)
    assert rmse(truth, truth + 5) == pytest.approx(5)
    assert bias(truth, truth + 5) == pytest.approx(5)
    assert rmse_mean_removed(truth, truth + 5) == pytest.approx(0, abs=1e-12)
    assert correlation(truth, truth + 5) == pytest.approx(1)


def test_raw_error_splits_into_bias_and_shape():
    rng = np.random.default_rng(0)
    truth, estimate = rng.normal(size=(2, 300))
    assert rmse(truth, estimate) ** 2 == pytest.approx(
        bias(truth, estimate) ** 2 + rmse_mean_removed(truth, estimate) ** 2
    )


def test_correlation_of_orthogonal_mirrored_and_constant_curves():
    assert correlation(np.sin(PHASE), np.cos(PHASE)) == pytest.approx(0, abs=1e-12)
    assert correlation(np.sin(PHASE), -3 * np.sin(PHASE)) == pytest.approx(-1)
    assert np.isnan(correlation(np.sin(PHASE), np.full(200, 0.1)))


def test_missing_frames_have_no_influence_but_are_counted():
    truth, estimate = np.sin(PHASE), np.sin(PHASE) + 1
    truth[:50] = np.nan
    estimate[150:] = np.nan
    assert rmse(truth, estimate) == pytest.approx(1)
    assert coverage(truth, estimate) == pytest.approx(100 / 150)
    assert np.isnan(rmse(truth, np.full(200, np.nan)))
    assert np.isnan(rmse_mean_removed(truth, np.full(200, np.nan)))


def test_waveforms_of_different_length_are_refused():
    with pytest.raises(ValueError, match="same length"):
        rmse(np.zeros(3), np.zeros(4))
