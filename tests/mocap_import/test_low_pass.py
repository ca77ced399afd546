"""Low-pass filter: half power at the cutoff, no lag, gaps stay gaps."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.low_pass import low_pass

RATE = 200.0
TIME = np.arange(2000) / RATE


@pytest.mark.parametrize("order", [2, 4, 8])
@pytest.mark.parametrize("cutoff", [3.0, 6.0, 20.0])
def test_amplitude_at_the_cutoff_is_one_over_root_two(cutoff, order):
    wave = np.sin(2 * np.pi * cutoff * TIME)
    result = low_pass(wave, RATE, cutoff, order)[600:1400]
    assert np.sqrt(2 * np.mean(result**2)) == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_there_is_no_lag_and_slow_motion_passes():
    wave = np.sin(2 * np.pi * 0.5 * TIME)
    np.testing.assert_allclose(low_pass(wave, RATE, 10.0)[200:-200], wave[200:-200], atol=1e-4)


def test_constants_and_ramps_pass():
    ramp = np.stack([3.0 + 0 * TIME, 2.0 * TIME], axis=1)
    np.testing.assert_allclose(low_pass(ramp, RATE, 6.0), ramp, atol=1e-9)


def test_a_gap_touches_only_its_own_channel_and_stays():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 2, 3))
    holed = values.copy()
    holed[100:110, 0, 1] = np.nan
    whole, result = low_pass(values, RATE, 6.0), low_pass(holed, RATE, 6.0)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(holed))
    untouched = np.ones((2, 3), dtype=bool)
    untouched[0, 1] = False
    np.testing.assert_array_equal(result[:, untouched], whole[:, untouched])
    np.testing.assert_array_equal(result[110:, 0, 1], low_pass(values[110:, 0, 1], RATE, 6.0))


def test_short_stretches_survive():
    assert low_pass(np.array([1.0]), RATE, 6.0).tolist() == [1.0]
    np.testing.assert_allclose(low_pass(np.array([2.0, 2.0, 2.0]), RATE, 6.0), 2.0)
    assert np.isnan(low_pass(np.full(5, np.nan), RATE, 6.0)).all()


@pytest.mark.parametrize("cutoff, order, words", [(100.0, 4, "half the rate"), (0.0, 4, "cutoff"), (6.0, 3, "even")])
def test_impossible_settings_are_refused(cutoff, order, words):
    with pytest.raises(ValueError, match=words):
        low_pass(TIME, RATE, cutoff, order)


def test_a_missing_sample_changes_nothing_further_away_than_the_filter_rings():
    rng = np.random.default_rng(4)
    values = np.cumsum(rng.normal(size=(800, 3)), axis=0)
    holed = values.copy()
    holed[400] = np.nan
    whole, result = low_pass(values, RATE, 6.0), low_pass(holed, RATE, 6.0)
    assert np.isnan(result[400]).all()
    assert np.isfinite(np.delete(result, 400, axis=0)).all()
    away = np.abs(np.arange(800) - 400) > 4 * RATE / 6.0
    np.testing.assert_allclose(result[away], whole[away], atol=1e-2 * values.std())


def test_each_stretch_between_gaps_is_filtered_as_if_alone():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(300, 2))
    values[40:43] = values[150:151] = values[297:299] = np.nan
    result = low_pass(values, RATE, 6.0)
    for start, stop in ((0, 40), (43, 150), (151, 297), (299, 300)):
        np.testing.assert_allclose(result[start:stop], low_pass(values[start:stop], RATE, 6.0), atol=1e-12)
