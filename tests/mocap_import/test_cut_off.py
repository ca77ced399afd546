"""Cut-off: residual analysis finds the noise that was added and a frequency between movement and noise."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.cut_off import marker_noise, residual_cut_off
from mocap_import.low_pass import low_pass
from mocap_import.trial_reader import read_trial


def gait_like(rate, seconds=10.0):
    """A marker of a walker: harmonics of 1 Hz up to 6 Hz (n,)."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * time) + 0.05 * np.sin(6 * np.pi * time + 1) + 0.01 * np.sin(12 * np.pi * time)


@pytest.mark.parametrize("rate", [100.0, 150.0, 1000.0])
@pytest.mark.parametrize("noise", [1e-4, 3e-4, 1e-3, 3e-3])
def test_the_noise_that_was_added_is_found_within_a_tenth(rate, noise):
    rng = np.random.default_rng(0)
    path = gait_like(rate)[:, None, None] + noise * rng.normal(size=(round(10 * rate), 8, 3))
    np.testing.assert_allclose(np.median(marker_noise(path, rate)), noise, rtol=0.1)


def test_a_clean_movement_has_next_to_no_noise():
    assert marker_noise(np.tile(gait_like(100.0)[:, None, None], (1, 2, 3)), 100.0).max() < 1e-4


def test_the_cut_off_lies_above_the_movement_and_falls_with_the_noise():
    rng = np.random.default_rng(1)
    white = rng.normal(size=(1000, 12))
    found = [residual_cut_off(gait_like(100.0)[:, None] + noise * white, 100.0) for noise in (1e-4, 1e-3, 3e-3)]
    assert np.all(np.diff(found) < 0)
    assert 6.0 < found[-1] < found[0] < 50.0


def test_filtering_at_the_cut_off_brings_the_signal_nearer_to_the_truth():
    rng = np.random.default_rng(2)
    truth = gait_like(200.0)
    raw = truth + 2e-3 * rng.normal(size=truth.shape)
    found = low_pass(raw, 200.0, residual_cut_off(raw, 200.0))
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.5 * np.sqrt(np.mean((raw - truth) ** 2))


def test_a_gap_costs_only_its_own_marker_and_too_little_is_said_so():
    rng = np.random.default_rng(3)
    path = gait_like(100.0)[:, None, None] + 1e-3 * rng.normal(size=(1000, 3, 3))
    holed = path.copy()
    holed[200, 1] = np.nan
    holed[20:, 2] = np.nan
    whole, found = marker_noise(path, 100.0), marker_noise(holed, 100.0)
    assert found[0] == pytest.approx(whole[0], rel=1e-9)
    assert found[1] == pytest.approx(1e-3, rel=0.15)
    assert np.isnan(found[2])
    assert np.isnan(residual_cut_off(holed[:, 2], 100.0))
    assert np.isfinite(residual_cut_off(holed, 100.0))


def test_real_markers_jitter_by_fractions_of_a_millimetre(data_dir):
    trial = read_trial(data_dir / "rbds_running/RBDS010/RBDS010runT25.c3d")
    noise = marker_noise(trial.positions, trial.rate)
    assert 2e-5 < np.nanmedian(noise) < 1e-3
    assert 10.0 < residual_cut_off(trial.positions, trial.rate) < 60.0
