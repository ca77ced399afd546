"""Choice of the noise law: near the one that made the records, by both criteria, on nothing but what it is given."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY
from training.orientation.noise_law import (
    NoiseLaw,
    SegmentRecord,
    choose_noise_law,
    improbability,
    measured_offset,
    orientation_error,
    smooth_segment,
)
from training.orientation.strap_down import integrate_angular_velocity

RATE = 100.0


def record(subject, rng, n=500, deviation=0.12, time=0.1):
    """A leg whose network errs by a Markov process and whose accelerometer sees the leg's accelerations."""
    t = np.arange(n) / RATE
    velocity = np.stack([0.8 * np.sin(8 * t), 0.5 * np.cos(9 * t), 4.0 * np.sin(8.5 * t + 0.4)], axis=1)
    true = integrate_angular_velocity(Rotation.from_euler("y", 0.3), velocity, RATE)
    a, error = math.exp(-1.0 / (RATE * time)), rng.normal(0, deviation, (n, 3))
    for k in range(1, n):
        error[k] = a * error[k - 1] + math.sqrt(1 - a * a) * error[k]
    force = true.inv().apply([0, STANDARD_GRAVITY, 0]) + rng.normal(0, 5.0, (n, 3))
    gyroscope = velocity + rng.normal(0, 0.3, (n, 3))
    return SegmentRecord(subject, gyroscope, force, RATE, true * Rotation.from_rotvec(error), true)


START = NoiseLaw(prior_deviation=0.4, gyroscope_deviation=0.3, prior_correlation=0.5)


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(0)
    return [record(subject, rng) for subject in ("A", "B", "C")]


@pytest.mark.slow
def test_by_likelihood_the_law_that_made_the_records_comes_back(records):
    blind = [replace(r, true=None) for r in records]
    found = choose_noise_law(blind, START, criterion="likelihood")
    assert found.prior_deviation == pytest.approx(0.12, rel=0.15)
    assert found.prior_correlation == pytest.approx(0.1, rel=0.25)
    assert found.gyroscope_deviation == START.gyroscope_deviation
    assert found.tilt_deviation is None, "what is off stays off"
    assert improbability(blind, found) < improbability(blind, START)


def test_by_error_it_is_better_on_subjects_that_it_has_not_seen(records):
    too_sure = replace(START, prior_deviation=0.01, prior_correlation=0.02)
    found = choose_noise_law(records, replace(too_sure, tilt_deviation=0.3), most_evaluations=40)
    rng = np.random.default_rng(9)
    others = [record(subject, rng) for subject in ("D", "E")]
    assert orientation_error(others, found) < 0.8 * orientation_error(others, too_sure)
    alone = np.mean([np.sqrt(np.mean((r.true.inv() * r.prior).magnitude() ** 2)) for r in others])
    assert orientation_error(others, found) < 0.4 * alone


def test_a_subject_with_many_records_weighs_no_more(records):
    law = replace(START, prior_deviation=0.1)
    often = [records[0], *(replace(records[1], subject="B") for _ in range(4))]
    assert orientation_error(often, law) == pytest.approx(orientation_error(records[:2], law))


def test_a_constant_offset_is_measured(records):
    turned = [replace(r, prior=r.true * Rotation.from_rotvec([0.1, -0.2, 0.05]).inv()) for r in records]
    assert measured_offset(turned) == pytest.approx(math.sqrt((0.01 + 0.04 + 0.0025) / 3))
    with pytest.raises(ValueError, match="true orientations"):
        measured_offset([replace(r, true=None) for r in records])


def test_a_criterion_of_ones_own_is_minimised(records):
    def distance(_, law):
        return (math.log(law.prior_deviation) - math.log(0.02)) ** 2

    found = choose_noise_law(records, START, vary=["prior_deviation"], criterion=distance)
    assert found.prior_deviation == pytest.approx(0.02, rel=0.05)


def test_options_pass_on_to_the_smoother(records):
    later = smooth_segment(records[0], START, rule="later").orientation
    assert (later.inv() * smooth_segment(records[0], START).orientation).magnitude().max() > 1e-4


def test_what_cannot_be_chosen_is_refused(records):
    with pytest.raises(ValueError, match="there is none"):
        choose_noise_law([], START)
    with pytest.raises(ValueError, match="prior_deviatoin"):
        choose_noise_law(records, START, vary=["prior_deviatoin"])
    with pytest.raises(ValueError, match="guess"):
        choose_noise_law(records, START, criterion="guess")
    with pytest.raises(ValueError, match="likelihood instead"):
        choose_noise_law([replace(r, true=None) for r in records], START)
    assert choose_noise_law(records, START, vary=[]) == START
