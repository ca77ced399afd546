"""Laws of the virtual inertial sensor: stillness, free fall, screw motion, constant rotation, rotated laboratory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from opensim_models.motion import SegmentMotion
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import METHODS, simulate_imu

G = 9.80665
RATE = 100.0
TIME = np.arange(200) / RATE
rotation_vectors = st.tuples(*[st.floats(-3.0, 3.0)] * 3).map(np.array)
offsets = st.tuples(*[st.floats(-0.5, 0.5)] * 3).map(np.array)
both_methods = pytest.mark.parametrize("method", ("central_difference", "spline"))


def constant(rotation, n=len(TIME)):
    return Rotation.from_quat(np.tile(rotation.as_quat(), (n, 1)))


def wild_motion(rng, time=TIME, highest=8.0):
    """Position and orientation with all harmonics up to `highest` Hz, whose exact derivatives are known."""
    frequency = np.array([1.0, 2.0, 4.0, highest])[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, (4, 3, 1))

    def series(amplitude, order=0):
        size = amplitude / frequency**1.5 * (2 * np.pi * frequency) ** order
        return (size * np.sin(2 * np.pi * frequency * time + phase + order * np.pi / 2)).sum(axis=0).T

    return series


@both_methods
@settings(max_examples=15, deadline=None)
@given(mounting=rotation_vectors, pose=rotation_vectors, offset=offsets)
def test_a_still_sensor_reads_g_along_up_for_any_mounting(method, mounting, pose, offset):
    placement = SensorPlacement("s", "tibia_r", offset, Rotation.from_rotvec(mounting))
    motion = SegmentMotion("tibia_r", np.full((12, 3), 0.7), constant(Rotation.from_rotvec(pose), 12), RATE)
    record = simulate_imu(motion, placement, method=method)
    up = (Rotation.from_rotvec(pose) * placement.mounting).inv().apply([0.0, G, 0.0])
    np.testing.assert_allclose(record.specific_force[1:-1], np.tile(up, (10, 1)), atol=1e-8)
    np.testing.assert_allclose(record.angular_velocity[1:-1], 0.0, atol=1e-12)


@both_methods
def test_free_fall_reads_zero(method):
    origin = np.array([0.3, 0.0, -0.2]) * TIME[:, None] + np.array([0.0, -G / 2, 0.0]) * TIME[:, None] ** 2
    motion = SegmentMotion("pelvis", origin, constant(Rotation.from_rotvec([0.4, 1.0, -2.0])), RATE)
    record = simulate_imu(motion, SensorPlacement("s", "pelvis"), method=method)
    assert np.nanmax(np.abs(record.specific_force)) < 1e-8


@both_methods
def test_constant_rotation_gives_the_exact_rate(method):
    rate = np.array([0.5, 3.0, -2.0])
    pose, mounting = Rotation.from_rotvec([0.3, -0.8, 0.1]), Rotation.from_rotvec([1.0, 0.2, -0.5])
    turning = Rotation.from_rotvec(TIME[:, None] * rate) * pose  # `rate` in ground, a fixed axis
    motion = SegmentMotion("pelvis", np.zeros((len(TIME), 3)), turning, RATE)
    record = simulate_imu(motion, SensorPlacement("s", "pelvis", mounting=mounting), method=method)
    expected = (turning * mounting).inv().apply(rate)
    np.testing.assert_allclose(record.angular_velocity[1:-1], expected[1:-1], atol=1e-9)


@both_methods
def test_the_sign_of_the_quaternion_means_nothing(method):
    turning = Rotation.from_rotvec(np.outer(TIME, [2.0, 5.0, -3.0]))  # two whole turns
    placement = SensorPlacement("s", "pelvis", np.array([0.1, 0.0, 0.0]))
    jumping = Rotation.from_quat(turning.as_quat(canonical=True))
    first = simulate_imu(SegmentMotion("pelvis", np.zeros((len(TIME), 3)), turning, RATE), placement, method=method)
    second = simulate_imu(SegmentMotion("pelvis", np.zeros((len(TIME), 3)), jumping, RATE), placement, method=method)
    np.testing.assert_allclose(second.angular_velocity[1:-1], np.tile([2.0, 5.0, -3.0], (198, 1)), atol=1e-7)
    np.testing.assert_allclose(second.specific_force, first.specific_force, atol=1e-9)


def test_screw_motion_reads_r_omega_squared():
    radius, omega = 0.3, 4.0
    turning = Rotation.from_rotvec(np.outer(TIME, [0.0, omega, 0.0]))
    motion = SegmentMotion("pelvis", np.outer(TIME, [0.0, 0.2, 0.0]), turning, RATE)  # rises while it turns
    record = simulate_imu(motion, SensorPlacement("s", "pelvis", np.array([radius, 0.0, 0.0])), method="spline")
    expected = np.tile([-radius * omega**2, G, 0.0], (len(TIME), 1))  # towards the axis, in the sensor frame
    np.testing.assert_allclose(record.specific_force[20:-20], expected[20:-20], atol=1e-7)
    coarse = simulate_imu(motion, record.placement).specific_force[1:-1]
    theory = 1 - (omega / RATE) ** 2 / 12  # of the second central difference of a circle
    np.testing.assert_allclose(coarse[:, 0], -radius * omega**2 * theory, rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(turn=rotation_vectors, shift=offsets, seed=st.integers(0, 99))
def test_rotating_the_laboratory_with_gravity_changes_no_reading(turn, shift, seed):
    series = wild_motion(np.random.default_rng(seed), TIME[:30])
    laboratory = Rotation.from_rotvec(turn)
    pose = Rotation.from_rotvec(series(0.5))
    placement = SensorPlacement("s", "calcn_r", np.array([0.1, 0.0, 0.02]))
    for method in METHODS:
        first = simulate_imu(SegmentMotion("calcn_r", series(0.1), pose, RATE), placement, method=method)
        turned = SegmentMotion("calcn_r", laboratory.apply(series(0.1)) + shift, laboratory * pose, RATE)
        second = simulate_imu(turned, placement, method=method, gravity=laboratory.apply([0.0, -G, 0.0]))
        np.testing.assert_allclose(second.specific_force, first.specific_force, atol=1e-7)
        np.testing.assert_allclose(second.angular_velocity, first.angular_velocity, atol=1e-7)


def test_a_vertical_turn_of_the_laboratory_changes_no_filtered_reading():
    series = wild_motion(np.random.default_rng(3))
    heading = Rotation.from_rotvec([0.0, 2.5, 0.0])
    pose = Rotation.from_rotvec(series(0.5))
    placement = SensorPlacement("s", "calcn_r", np.array([0.1, 0.0, 0.02]))
    first = simulate_imu(SegmentMotion("calcn_r", series(0.1), pose, RATE), placement, cutoff=10.0)
    turned = SegmentMotion("calcn_r", heading.apply(series(0.1)), heading * pose, RATE)
    second = simulate_imu(turned, placement, cutoff=10.0)
    np.testing.assert_allclose(second.specific_force, first.specific_force, atol=1e-6)
    np.testing.assert_allclose(second.angular_velocity, first.angular_velocity, atol=1e-6)


def test_spline_and_central_difference_reach_their_expected_error():
    """On motion band-limited to 8 Hz at 100 Hz the spline is far below 0.002 m/s², differences are at (w dt)² / 12."""
    series = wild_motion(np.random.default_rng(1))
    motion = SegmentMotion("tibia_r", series(0.05), constant(Rotation.identity()), RATE)
    placement = SensorPlacement("s", "tibia_r")
    truth = series(0.05, order=2) + np.array([0.0, G, 0.0])
    inner = slice(20, -20)
    error = {m: simulate_imu(motion, placement, method=m).specific_force[inner] - truth[inner] for m in METHODS}
    assert np.sqrt(np.mean(error["spline"] ** 2)) < 2e-3
    leading = series(0.05, order=4)[inner] / 12 / RATE**2
    np.testing.assert_allclose(
        np.sqrt(np.mean(error["central_difference"] ** 2)), np.sqrt(np.mean(leading**2)), rtol=0.1
    )


@both_methods
def test_the_angular_velocity_is_that_of_the_rotation(method):
    series = wild_motion(np.random.default_rng(2), TIME, highest=5.0)
    step = 1e-5
    pose = Rotation.from_rotvec(series(0.4))
    later = Rotation.from_rotvec(series(0.4) + step * series(0.4, order=1))
    earlier = Rotation.from_rotvec(series(0.4) - step * series(0.4, order=1))
    truth = (earlier.inv() * later).as_rotvec() / (2 * step)
    motion = SegmentMotion("tibia_r", np.zeros((len(TIME), 3)), pose, RATE)
    found = simulate_imu(motion, SensorPlacement("s", "tibia_r"), method=method).angular_velocity
    error = np.sqrt(np.mean((found - truth)[20:-20] ** 2))
    assert error < {"spline": 1e-5, "central_difference": 0.03}[method]


def test_one_missing_sample_changes_only_what_depends_on_it():
    series = wild_motion(np.random.default_rng(4))
    pose = Rotation.from_rotvec(series(0.5))
    origin = series(0.1)
    placement = SensorPlacement("s", "pelvis", np.array([0.1, 0.0, 0.0]))
    whole = simulate_imu(SegmentMotion("pelvis", origin, pose, RATE), placement)
    holed = origin.copy()
    holed[77] = np.nan
    record = simulate_imu(SegmentMotion("pelvis", holed, pose, RATE), placement)
    untouched = np.ones(len(TIME), dtype=bool)
    untouched[76:79] = False
    for name in ("specific_force", "angular_velocity"):
        assert np.isnan(getattr(record, name)[~untouched]).all()
        np.testing.assert_array_equal(getattr(record, name)[untouched], getattr(whole, name)[untouched])
    spline = simulate_imu(SegmentMotion("pelvis", holed, pose, RATE), placement, method="spline")
    assert np.flatnonzero(np.isnan(spline.specific_force[:, 0])).tolist() == [77]


@both_methods
@pytest.mark.parametrize("n_frames", [0, 1, 2, 5])
def test_too_short_a_record_has_no_value_and_no_crash(method, n_frames):
    motion = SegmentMotion("pelvis", np.zeros((n_frames, 3)), constant(Rotation.identity(), max(n_frames, 1)), RATE)
    if n_frames:
        record = simulate_imu(motion, SensorPlacement("s", "pelvis"), method=method)
        assert record.specific_force.shape == (n_frames, 3)


def test_a_low_pass_removes_marker_jitter_and_keeps_the_motion():
    rng = np.random.default_rng(5)
    series = wild_motion(rng, highest=6.0)
    placement = SensorPlacement("s", "tibia_r")
    still = constant(Rotation.identity())
    clean = simulate_imu(SegmentMotion("tibia_r", series(0.05), still, RATE), placement).specific_force
    jittered = SegmentMotion("tibia_r", series(0.05) + 5e-4 * rng.standard_normal((len(TIME), 3)), still, RATE)
    inner = slice(30, -30)
    raw = simulate_imu(jittered, placement).specific_force[inner] - clean[inner]
    filtered = simulate_imu(jittered, placement, cutoff=10.0).specific_force[inner] - clean[inner]
    assert np.sqrt(np.mean(filtered**2)) < 0.2 * np.sqrt(np.mean(raw**2))


def test_a_sensor_on_another_segment_is_refused():
    motion = SegmentMotion("pelvis", np.zeros((9, 3)), constant(Rotation.identity(), 9), RATE)
    with pytest.raises(ValueError, match=r"'thigh_r' is mounted on 'femur_r', but the motion is that of 'pelvis'"):
        simulate_imu(motion, SensorPlacement("thigh_r", "femur_r"))
    with pytest.raises(ValueError, match="expected one of central_difference, butterworth, smoothing_spline, spline"):
        simulate_imu(motion, SensorPlacement("s", "pelvis"), method="magic")
