"""Pseudo-calibration: both errors together, and what the second one does not see."""

import numpy as np
import pytest

from training.orientation.pseudo_calibration import about_its_mean, paired_error


def test_an_offset_is_in_the_raw_error_alone():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 10, (500, 3))
    noise = about_its_mean(rng.normal(0, 1, (500, 3)))
    found = paired_error(true, true + noise + [3.0, -4.0, 0.0])
    spread = np.sqrt((noise**2).mean(axis=0))
    np.testing.assert_allclose(found.pseudo_calibrated, spread)
    np.testing.assert_allclose(found.raw, np.hypot(spread, [3.0, 4.0, 0.0]))
    assert list(found.rows()) == ["raw", "pseudo-calibrated (uses the true mean)"]


def test_missing_frames_count_for_neither():
    true = np.arange(20.0).reshape(10, 2)
    estimate = true + 1.0
    true[3], estimate[5, 0] = np.nan, np.nan
    found = paired_error(true, estimate)
    np.testing.assert_allclose(found.raw, 1.0)
    np.testing.assert_allclose(found.pseudo_calibrated, 0.0, atol=1e-12)
    np.testing.assert_allclose(np.nanmean(about_its_mean(estimate), axis=0), 0.0, atol=1e-12)


def test_series_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 2\)"):
        paired_error(np.zeros((4, 2)), np.zeros((5, 2)))
