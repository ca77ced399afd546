"""Intervals calibrated by persons hold for persons never seen, however alike the frames of one person are."""

import numpy as np
import pytest

from training.conformal_interval import WAVEFORMS, ConformalBand, calibrate, coverage_table, subject_quantile


def people(rng, n, frames=200):
    """Errors whose size differs far more between persons than within one."""
    sizes = rng.lognormal(0.0, 0.6, n)
    return [np.abs(rng.normal(0.0, size, frames)) for size in sizes]


def test_unseen_persons_are_covered_as_stated():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(300):
        half = subject_quantile(people(rng, 30), 0.9)
        held.append(np.mean(people(rng, 1)[0] <= half))
    assert 0.88 < np.mean(held) < 0.95


def test_frames_taken_for_persons_would_promise_too_much():
    rng = np.random.default_rng(2)
    by_person, by_frame = [], []
    for _ in range(400):
        some = people(rng, 10)
        new = people(rng, 1)[0]
        by_person.append(np.mean(new <= subject_quantile(some, 0.9)))
        by_frame.append(np.mean(new <= np.quantile(np.concatenate(some), 0.9)))
    assert np.mean(by_person) >= 0.9 > np.mean(by_frame)


def test_too_few_persons_give_no_finite_width():
    rng = np.random.default_rng(3)
    assert np.isinf(subject_quantile(people(rng, 8), 0.9)) and np.isfinite(subject_quantile(people(rng, 9), 0.9))
    assert np.isinf(subject_quantile([], 0.9)) and np.isinf(subject_quantile([np.full(4, np.nan)], 0.9))


def test_a_person_with_many_frames_weighs_no_more_than_another():
    few, many = [np.full(10, 1.0)] * 18, [np.full(10_000, 5.0)]
    assert subject_quantile(few + many, 0.9) == 1.0  # 18 of 20 shares reach 0.9 without the one


def test_bands_and_their_table():
    rng = np.random.default_rng(4)
    knee = next(t for t in WAVEFORMS if t.coordinate == "knee_angle_r")
    errors = {}
    for k, own in enumerate(people(rng, 40)):
        errors[f"P{k:02d}"] = {t: (np.radians(own) if t == knee else np.full(len(own), np.nan)) for t in WAVEFORMS}
    band = calibrate(errors, sorted(errors)[:30])
    assert isinstance(band, ConformalBand) and band.n_subjects == 30 and set(band.half_widths) == {knee}
    limits = band.interval(knee, np.zeros(3), sd=np.array([1.0, 2.0, 1.0]))
    assert limits.shape == (3, 2) and limits[1, 1] == pytest.approx(2 * limits[0, 1])
    (row,) = coverage_table(errors, "net").to_dict("records")
    assert row["unit"] == "deg" and row["persons"] == 40 and 0.86 < row["coverage"] < 0.95
    assert row["half_width"] == pytest.approx(np.degrees(band.half_widths[knee]), rel=0.3)
