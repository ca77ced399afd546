"""Spline on the rotations: exact at constant rate, independent of frames and of the direction of time, and fine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation, RotationSpline

from synth.imu import orientation_curve
from synth.imu.orientation_spline import angular_velocity, spline_speed
from synth.imu.quaternion_row import exponential, logarithm, product, relative, sign_continuous, turned_back

RATE = 100.0
rotation_vectors = st.tuples(*[st.floats(-3.0, 3.0)] * 3).map(np.array)


def wild_turn(seed, n=400, size=0.5):
    """Orientation Exp(r(t)) with harmonics up to 8 Hz, and its angular velocity by the right Jacobian."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / RATE
    w = 2 * np.pi * np.array([1.0, 2.0, 4.0, 8.0])[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, (4, 3, 1))
    amplitude = size / (w / (2 * np.pi)) ** 1.5
    vector = (amplitude * np.sin(w * time + phase)).sum(axis=0).T
    slope = (amplitude * w * np.cos(w * time + phase)).sum(axis=0).T
    angle = np.linalg.norm(vector, axis=1)[:, None]
    turned = np.cross(vector, slope)
    velocity = (
        slope - (1 - np.cos(angle)) / angle**2 * turned + (angle - np.sin(angle)) / angle**3 * np.cross(vector, turned)
    )
    return Rotation.from_rotvec(vector), velocity


@settings(max_examples=20, deadline=None)
@given(axis=rotation_vectors, pose=rotation_vectors, speed=st.floats(0.0, 200.0))
def test_a_constant_rate_is_exact_at_any_speed(axis, pose, speed):
    size = np.linalg.norm(axis)
    rate = speed * axis / size if size > 1e-3 else np.zeros(3)
    turning = Rotation.from_rotvec(pose) * Rotation.from_rotvec(np.outer(np.arange(30) / RATE, rate))
    np.testing.assert_allclose(angular_velocity(turning, RATE), np.tile(rate, (30, 1)), atol=1e-8)


def test_on_motion_up_to_8_hz_it_is_good_to_a_millionth_and_better_than_the_other_curves():
    orientation, truth = wild_turn(1)
    time, inner = np.arange(400) / RATE, slice(20, -20)

    def error(found):
        return np.sqrt(np.mean((found - truth)[inner] ** 2))

    ours = error(angular_velocity(orientation, RATE))
    assert ours < 1e-6 * np.sqrt(np.mean(truth**2))
    quaternion = sign_continuous(orientation.as_quat())
    slope = make_interp_spline(time, quaternion, k=5)(time, 1)
    assert ours < error(2.0 * relative(quaternion, slope)[:, :3])
    in_ground = RotationSpline(time, orientation)(time, 1)
    assert ours < 0.01 * min(error(in_ground), error(orientation.inv().apply(in_ground)))


def test_the_error_falls_with_the_fourth_power_of_the_rate():
    rng = np.random.default_rng(5)
    phase = rng.uniform(0, 6, 3)
    errors = []
    for rate in (100.0, 200.0):
        time = np.arange(int(4 * rate)) / rate
        first = Rotation.from_rotvec(np.outer(np.sin(2 * np.pi * 4 * time + phase[0]), [0.0, 0.0, 0.5]))
        second = Rotation.from_rotvec(np.outer(np.sin(2 * np.pi * 3 * time + phase[1]), [0.6, 0.0, 0.0]))
        speed = [
            np.outer(2 * np.pi * 4 * np.cos(2 * np.pi * 4 * time + phase[0]), [0.0, 0.0, 0.5]),
            np.outer(2 * np.pi * 3 * np.cos(2 * np.pi * 3 * time + phase[1]), [0.6, 0.0, 0.0]),
        ]
        truth = second.inv().apply(speed[0]) + speed[1]
        found = angular_velocity(first * second, rate)
        errors.append(np.sqrt(np.mean((found - truth)[40:-40] ** 2)))
    assert 13.0 < errors[0] / errors[1] < 17.0


@settings(max_examples=10, deadline=None)
@given(laboratory=rotation_vectors, mounting=rotation_vectors, seed=st.integers(0, 99))
def test_frames_and_the_direction_of_time_change_nothing(laboratory, mounting, seed):
    orientation, _ = wild_turn(seed, 40)
    first = angular_velocity(orientation, RATE)
    mount = Rotation.from_rotvec(mounting)
    second = angular_velocity(Rotation.from_rotvec(laboratory) * orientation * mount, RATE)
    np.testing.assert_allclose(mount.apply(second), first, atol=1e-8)
    np.testing.assert_allclose(-angular_velocity(orientation[::-1], RATE)[::-1], first, atol=1e-9)


def test_gaps_are_kept_and_short_runs_have_no_value():
    orientation, _ = wild_turn(3, 60)
    present = np.ones(60, dtype=bool)
    present[[20, 24, 55]] = False
    found = angular_velocity(orientation, RATE, present)
    assert set(np.flatnonzero(np.isnan(found[:, 0]))) == {20, 21, 22, 23, 24, 55, 56, 57, 58, 59}
    np.testing.assert_array_equal(found[:20], angular_velocity(orientation[:20], RATE))


@pytest.mark.parametrize("n", [1, 5, 6, 7, 9])
def test_the_shortest_runs(n):
    found = angular_velocity(Rotation.from_rotvec(np.outer(np.arange(n) / RATE, [1.0, 2.0, 3.0])), RATE)
    if n < 6:
        assert np.isnan(found).all()
    else:
        np.testing.assert_allclose(found, np.tile([1.0, 2.0, 3.0], (n, 1)), atol=1e-9)


def test_orientations_without_any_order_do_not_end_it():
    found = angular_velocity(Rotation.random(50, rng=np.random.default_rng(0)), RATE)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("n", [6, 8, 200])
def test_the_compiled_curve_is_the_readable_one(n):
    quaternion = wild_turn(6, n)[0].as_quat()
    np.testing.assert_allclose(spline_speed(quaternion), spline_speed(quaternion, orientation_curve), atol=1e-11)


def test_quaternion_rows_are_those_of_scipy():
    rng = np.random.default_rng(4)
    first, second = Rotation.random(50, rng=rng), Rotation.random(50, rng=rng)
    vector = rng.standard_normal((50, 3))
    same = Rotation.from_quat(product(first.as_quat(), second.as_quat())) * (first * second).inv()
    assert same.magnitude().max() < 1e-14
    np.testing.assert_allclose(logarithm(first.as_quat()), first.as_rotvec(), atol=1e-12)
    np.testing.assert_allclose(
        Rotation.from_quat(exponential(vector)).as_matrix(), Rotation.from_rotvec(vector).as_matrix()
    )
    np.testing.assert_allclose(turned_back(first.as_quat(), vector), first.inv().apply(vector), atol=1e-12)
    between = Rotation.from_quat(relative(first.as_quat(), second.as_quat()))
    np.testing.assert_allclose(between.as_matrix(), (first.inv() * second).as_matrix(), atol=1e-12)
