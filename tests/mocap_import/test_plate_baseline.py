"""Plate baseline: an offset is found where the plate is proven unloaded, and never in a standing subject."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.plate.baseline import find_baseline, unloaded_stretches
from mocap_import.trial_reader import read_trial

RATE = 1000.0
OFFSET = np.array([3.0, -4.0, 14.0, 2.0, -1.0, 0.6])


def _walking(seconds=4.0, strikes=(1.0,), stance=0.6, noise=1.0, seed=1, peak=700.0):
    """Wrench of a plate that is loaded for some stances, z up, with white noise."""
    n = int(seconds * RATE)
    time = np.arange(n) / RATE
    load = np.zeros(n)
    for strike in strikes:
        phase = (time - strike) / stance
        load += np.where((phase > 0) & (phase < 1), peak * np.sin(np.pi * np.clip(phase, 0, 1)) ** 0.7, 0.0)
    wrench = np.stack([0.1 * load, -0.05 * load, load, 0.03 * load, 0.06 * load, 0.004 * load], axis=1)
    return wrench + noise * np.random.default_rng(seed).normal(size=wrench.shape) * np.r_[1, 1, 1, 0.2, 0.2, 0.2]


def _find(wrench, zero=None):
    return find_baseline(wrench, wrench[:, 2], RATE, zero, "plate 1")


def _keys(notes):
    return [note.what for note in notes]


@pytest.mark.parametrize("sign", [1, -1])
def test_an_offset_is_found_to_a_tenth_of_a_newton(sign):
    found, notes = _find(_walking() + sign * OFFSET)
    np.testing.assert_allclose(found.level, sign * OFFSET, atol=0.15)
    assert _keys(notes) == ["plate_baseline"]
    assert not found.slope.any()


def test_no_offset_no_change():
    assert _find(_walking()) == (None, [])


def test_noise_alone_is_no_offset():
    assert _find(_walking(noise=8.0, strikes=(0.5, 1.5, 2.5, 3.3), stance=0.4)) == (None, [])


@pytest.mark.parametrize("weight", [60.0, 150.0, 700.0])
def test_a_standing_subject_is_never_subtracted(weight):
    rng = np.random.default_rng(3)
    sway = 2.0 * np.cumsum(rng.normal(size=3000)) / np.sqrt(3000)
    wrench = np.tile([1.0, 1.0, weight, 3.0, 5.0, 0.1], (3000, 1))
    wrench[:, 2] += sway
    assert _find(wrench) == (None, [])
    found, notes = _find(wrench, zero=(0, 100))
    assert found is None
    assert _keys(notes) == ["plate_zero_refused"]
    assert f"{np.median(wrench[:100, 2]):.0f} N" in notes[0].detail


def test_weight_shifted_to_the_other_leg_and_back_is_never_subtracted():
    time = np.arange(8000) / RATE
    shift = 350.0 + 300.0 * np.clip(3 * np.sin(2 * np.pi * time / 4), -1, 1)
    wrench = np.zeros((8000, 6))
    wrench[:, 2] = shift + np.random.default_rng(1).normal(size=8000)
    found, notes = _find(wrench)
    assert found is None
    assert _keys(notes) == ["plate_baseline_unclear"]


def test_zero_frames_are_used_where_they_hold_no_load():
    found, notes = _find(_walking() + OFFSET, zero=(0, 100))
    np.testing.assert_allclose(found.level, OFFSET, atol=0.4)
    assert "FORCE_PLATFORM:ZERO" in notes[0].detail


def test_zero_frames_in_a_stance_are_refused_and_the_swing_is_taken():
    found, notes = _find(_walking() + OFFSET, zero=(1200, 1300))
    np.testing.assert_allclose(found.level, OFFSET, atol=0.15)
    assert _keys(notes) == ["plate_zero_refused", "plate_baseline"]


def test_a_drift_over_the_swings_of_a_treadmill_is_a_line():
    strikes = np.arange(0.3, 39.0, 1.0)
    wrench = _walking(40.0, strikes)
    time = (np.arange(len(wrench)) - 0.5 * (len(wrench) - 1)) / RATE
    slope = np.array([0.0, 0.0, 0.5, 0.0, 0.05, 0.0])
    found, notes = _find(wrench + OFFSET + time[:, None] * slope)
    assert _keys(notes) == ["plate_drift", "plate_baseline"]
    np.testing.assert_allclose(found.slope, slope, atol=0.02)
    rest = wrench - (wrench + OFFSET + time[:, None] * slope - found.over(len(wrench), RATE))
    assert np.abs(rest[:, 2]).max() < 0.5
    assert "plate_drift" not in _keys(_find(wrench + OFFSET)[1])
    with_zero, notes = _find(wrench + OFFSET + time[:, None] * slope, (round(19.95 * RATE), round(20.25 * RATE)))
    np.testing.assert_array_equal(with_zero.level, found.level)
    assert "ZERO" not in notes[1].detail, "the line comes from the swings"


def test_contacts_shorten_the_stretches_by_a_margin():
    wrench = _walking(noise=0.0)
    stretches, level, unclear = unloaded_stretches(wrench[:, 2], RATE)
    assert level == 0.0
    assert not unclear
    assert [wrench[start:stop, 2].max() < 25.0 for start, stop in stretches] == [True, True]
    assert stretches[0][1] <= 1000
    assert stretches[1][0] >= 1600


def test_offsets_of_real_plates_are_gone(data_dir):
    for file, offsets in {
        "c3d_import_cases/bmclab/Gait.c3d": 1,
        "opensim_core/c3d/walking5.c3d": 2,
        "clinical_labs_anz/AUC/dynamic/CB_Dynamic0003.c3d": 2,
    }.items():
        trial = read_trial(data_dir / file)
        stated = [note.detail for note in trial.treatments if note.what == "plate_baseline"]
        assert len(stated) >= offsets
        for reaction in trial.ground_reactions:
            vertical = reaction.force[:, 1]
            assert abs(np.median(vertical[np.abs(vertical) < 30.0])) < 0.6


def test_plates_without_offset_stay_as_they_are_written(data_dir):
    trial = read_trial(data_dir / "mcgill_walk_youth" / "HC033A" / "Straight" / "HC033A10.c3d")
    assert not [note for note in trial.treatments if note.what.startswith("plate_")]
    assert all((reaction.force[:100] == 0).all() for reaction in trial.ground_reactions)
