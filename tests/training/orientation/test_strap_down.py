"""Integration of a gyroscope: known motions, the published search, and what it cannot do."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from training.orientation.frame_search import search_frames
from training.orientation.strap_down import frame_turns, integrate_angular_velocity

RATE = 200.0


def test_a_constant_rotation_is_a_screw_about_its_axis():
    velocity = np.array([0.3, -2.0, 1.1])
    start = Rotation.from_euler("ZXY", [0.4, -0.2, 0.9])
    found = integrate_angular_velocity(start, np.tile(velocity, (401, 1)), RATE)
    expected = start * Rotation.from_rotvec(velocity * np.arange(401)[:, None] / RATE)
    assert (found.inv() * expected).magnitude().max() < 1e-12


def test_coning_is_followed_to_second_order():
    """An axis that circles: R = Rz(p t) Rx(a) Rz(-p t); halving the step quarters the error of the mean rule."""
    cone, speed = 0.5, 4.0
    errors = {}
    for rule in ("mean", "later"):
        for rate in (100.0, 200.0):
            t = np.arange(int(rate)) / rate
            spin = Rotation.from_rotvec(speed * t[:, None] * [0, 0, 1])
            true = spin * Rotation.from_rotvec([cone, 0, 0]) * spin.inv()
            # w = Rz(p t) (Rx(-a) z - z) p, in segment axes
            carried = Rotation.from_rotvec([-cone, 0, 0]).apply([0, 0, speed]) - [0, 0, speed]
            found = integrate_angular_velocity(true[0], spin.apply(carried), rate, rule=rule)
            errors[rule, rate] = (found.inv() * true).magnitude().max()
    assert errors["mean", 200.0] < 3e-4
    assert errors["mean", 100.0] / errors["mean", 200.0] == pytest.approx(4.0, rel=0.15)
    assert errors["later", 100.0] / errors["later", 200.0] == pytest.approx(2.0, rel=0.15)


def test_a_bias_grows_with_time():
    bias = np.array([0.0, 0.01, 0.0])
    found = integrate_angular_velocity(Rotation.identity(), np.tile(bias, (2001, 1)), RATE)
    assert found[-1].magnitude() == pytest.approx(0.1, rel=1e-12)


def test_the_turns_of_a_backward_difference_give_the_orientation_back():
    """The published signal and the published rule are inverse to each other, whatever the motion."""
    true = Rotation.from_rotvec(np.cumsum(np.random.default_rng(0).normal(0, 0.05, (300, 3)), axis=0))
    turn = (true[:-1].inv() * true[1:]).as_rotvec() * RATE
    velocity = np.concatenate([turn[:1], turn])
    found = integrate_angular_velocity(true[0], velocity, RATE, rule="later")
    assert (found.inv() * true).magnitude().max() < 1e-12


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_the_ground_frame_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    velocity, turned, start = rng.normal(0, 3, (50, 3)), *Rotation.random(2, random_state=rng)
    found = integrate_angular_velocity(start, velocity, RATE)
    other = integrate_angular_velocity(turned * start, velocity, RATE)
    assert (other.inv() * (turned * found)).magnitude().max() < 1e-12


@pytest.mark.parametrize("rule", ["mean", "later"])
def test_the_closed_form_is_what_the_published_search_finds_and_much_cheaper(rule):
    t = np.arange(13) / RATE
    velocity = np.stack([2 * np.sin(9 * t), np.cos(12 * t), 6 * np.sin(8 * t + 1)], axis=1)
    start = Rotation.from_euler("ZXY", [0.3, 0.1, -0.2])
    began = time.process_time()
    searched, evaluations = search_frames(start, velocity, RATE, rule=rule)
    spent = time.process_time() - began
    closed = integrate_angular_velocity(start, velocity, RATE, rule=rule)
    assert (searched.inv() * closed).magnitude().max() < 1e-5
    assert evaluations > 12 * 10
    many = np.tile(velocity, (2000, 1))
    began = time.process_time()
    integrate_angular_velocity(start, many, RATE, rule=rule)
    per_frame = (time.process_time() - began) / len(many)
    assert per_frame < 1e-3 * spent / 12, "the benchmark has the factor; here only that it is of another order"


@pytest.mark.parametrize(
    ("velocity", "rate", "rule", "said"),
    [
        (np.zeros((5, 2)), RATE, "mean", r"\(5, 2\)"),
        (np.zeros((0, 3)), RATE, "mean", r"\(0, 3\)"),
        (np.zeros((5, 3)), 0.0, "mean", "positive"),
        (np.zeros((5, 3)), np.nan, "mean", "positive"),
        (np.zeros((5, 3)), RATE, "middle", "mean, later"),
    ],
)
def test_what_cannot_be_integrated_is_refused(velocity, rate, rule, said):
    with pytest.raises(ValueError, match=said):
        frame_turns(velocity, rate, rule)


def test_a_gap_and_a_start_of_many_are_refused():
    velocity = np.zeros((10, 3))
    velocity[4, 1] = np.nan
    with pytest.raises(ValueError, match="frame 4"):
        integrate_angular_velocity(Rotation.identity(), velocity, RATE)
    with pytest.raises(ValueError, match="3 rotations"):
        integrate_angular_velocity(Rotation.identity(3), np.zeros((10, 3)), RATE)
