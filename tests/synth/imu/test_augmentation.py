"""Laws of augmentation: warped, resized and turned movements read what physics says they read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu.augmentation import (
    change_kinematics_speed,
    change_speed,
    similar_motion,
    similar_placement,
    similar_recording,
    swap_sensors,
    turn_heading,
    turn_kinematics,
    turn_reaction,
)
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import METHODS, simulate_imu
from synth.imu.time_warp import LOWEST, TimeWarp, draw_time_warp, warp_events, warp_kinematics, warp_motion

G = 9.80665
RATE = 200.0
DURATION = 3.0
PLACEMENT = SensorPlacement("shank_r", "tibia_r", np.array([0.02, -0.2, 0.05]), Rotation.from_rotvec([0.3, -0.5, 1.0]))
AXIS = np.array([0.36, 0.48, 0.8])
INNER = slice(20, -20)


def path(time, order=0):
    """Position (m) of a swinging segment and its derivatives."""
    w = 2 * np.pi * np.array([0.5, 1.0, 2.0])
    size = np.array([0.3, 0.1, 0.02]) * w**order
    return size * np.sin(w * np.asarray(time)[:, None] + [0.0, 1.0, 2.0] + order * np.pi / 2)


def angle(time, order=0):
    """Angle (rad) about `AXIS` and its derivatives."""
    w = 2 * np.pi * 0.8
    return 0.9 * w**order * np.sin(w * np.asarray(time) + order * np.pi / 2)


def swinging(time, rate=RATE):
    return SegmentMotion("tibia_r", path(time), Rotation.from_rotvec(angle(time)[:, None] * AXIS), rate)


def analytic(warp, time):
    """Readings of `PLACEMENT` on the warped swing: p'' τ'² + p' τ'', ω τ' and their consequences at the lever."""
    tau, pace, change = warp.motion_time(time), warp.pace(time)[:, None], warp.pace_change(time)[:, None]
    pose = Rotation.from_rotvec(angle(tau)[:, None] * AXIS)
    speed = angle(tau, 1)[:, None] * pace
    growth = angle(tau, 2)[:, None] * pace**2 + angle(tau, 1)[:, None] * change
    lever = pose.apply(PLACEMENT.offset)
    at_lever = growth * np.cross(AXIS, lever) + speed**2 * np.cross(AXIS, np.cross(AXIS, lever))
    acceleration = path(tau, 2) * pace**2 + path(tau, 1) * change + at_lever
    sensor = pose * PLACEMENT.mounting
    return sensor.inv().apply(acceleration + np.array([0.0, G, 0.0])), sensor.inv().apply(speed * AXIS)


TIME = np.arange(int(DURATION * RATE) + 1) / RATE


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), speed=st.floats(0.6, 1.5), depth=st.floats(0.0, 0.3))
def test_a_warped_motion_reads_the_analytic_warped_motion(seed, speed, depth):
    warp = draw_time_warp(np.random.default_rng(seed), DURATION, depth=depth, highest=0.7, speed=speed)
    warped = warp_motion(swinging(TIME), warp)
    time = np.arange(len(warped.origin)) / RATE
    record = simulate_imu(warped, PLACEMENT, method="spline")
    force, turn = analytic(warp, time)
    np.testing.assert_allclose(record.specific_force[INNER], force[INNER], atol=2e-5)
    np.testing.assert_allclose(record.angular_velocity[INNER], turn[INNER], atol=2e-6)


def test_a_recording_alone_cannot_be_warped():
    """Stretching the recording of a swing keeps its accelerations, which a slower swing does not have."""
    slow = analytic(TimeWarp(2 * DURATION, 0.5), np.arange(1201) / RATE)[0][::2]
    stretched = analytic(TimeWarp(DURATION), TIME)[0]
    assert np.sqrt(np.mean((slow - stretched) ** 2)) > 1.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), depth=st.floats(0.01, 0.3), duration=st.floats(1.0, 300.0))
def test_drawn_warps_run_forward_between_the_same_ends(seed, depth, duration):
    warp = draw_time_warp(np.random.default_rng(seed), duration, depth=depth)
    time = np.linspace(0.0, warp.duration, 4001)
    assert warp.motion_time(time[[0, -1]]) == pytest.approx([0.0, duration], abs=1e-9)
    assert warp.pace(time).min() > 0.9 * LOWEST
    assert np.std(warp.pace(time[:-1])) == pytest.approx(depth, rel=1e-6)
    np.testing.assert_allclose(warp.warped_time(warp.motion_time(time)), time, atol=1e-9 * duration)
    np.testing.assert_allclose(np.gradient(warp.motion_time(time), time)[5:-5], warp.pace(time)[5:-5], atol=1e-2)
    again = draw_time_warp(np.random.default_rng(seed), duration, depth=depth)
    np.testing.assert_array_equal(again.phases, warp.phases)


def test_no_warp_gives_the_motion_back_and_gaps_stay_gaps():
    motion = swinging(TIME)
    motion.origin[100:110] = np.nan
    same = warp_motion(motion, TimeWarp(DURATION))
    np.testing.assert_allclose(same.origin, motion.origin, atol=1e-12)
    assert (same.orientation[:100].inv() * motion.orientation[:100]).magnitude().max() < 1e-7
    slower = warp_motion(motion, TimeWarp(2 * DURATION, 0.5))
    missing = np.flatnonzero(np.isnan(slower.origin[:, 0]))
    assert missing.tolist() == list(range(199, 220))  # after frame 99 and before frame 110
    assert len(slower.origin) == 2 * len(TIME) - 1


def test_labels_and_events_follow_the_warp():
    warp = draw_time_warp(np.random.default_rng(5), DURATION, depth=0.2)
    knee = Kinematics(("knee_angle_r",), angle(TIME)[:, None], RATE)
    time = np.arange(int(warp.duration * RATE) + 1) / RATE
    np.testing.assert_allclose(warp_kinematics(knee, warp).values[:, 0], angle(warp.motion_time(time)), atol=1e-7)
    strike = GaitEvent(1.3, "right", "foot_strike", "force")
    (moved,) = warp_events([strike], warp)
    assert warp.motion_time(np.array(moved.time)) == pytest.approx(1.3)
    assert warp_events([], warp) == ()


def test_twice_the_speed_is_four_times_the_acceleration():
    fast = simulate_imu(change_speed(swinging(TIME), 2.0), PLACEMENT, method="spline")
    force, turn = analytic(TimeWarp(DURATION / 2, 2.0), TIME[: len(fast.specific_force)])
    np.testing.assert_allclose(fast.specific_force[INNER], force[INNER], atol=1e-5)
    np.testing.assert_allclose(fast.angular_velocity[INNER], turn[INNER], atol=1e-6)
    slow = analytic(TimeWarp(DURATION), TIME)
    up = np.array([0.0, G, 0.0])
    pose = Rotation.from_rotvec(angle(TIME[::2])[:, None] * AXIS) * PLACEMENT.mounting
    np.testing.assert_allclose(
        pose.apply(force) - up, 4.0 * (pose.apply(slow[0][::2]) - up), atol=1e-9
    )  # without gravity, which stays
    knee = change_kinematics_speed(Kinematics(("knee_angle_r",), angle(TIME)[:, None], RATE), 2.0)
    np.testing.assert_allclose(knee.values[:, 0], angle(TIME[::2]), atol=1e-12)


@pytest.mark.parametrize("size", [0.6, 1.0, 1.3])
def test_dynamically_similar_persons_read_the_same_specific_force(size):
    record = simulate_imu(swinging(TIME), PLACEMENT, method="spline")
    grown = similar_recording(record, size)
    motion = similar_motion(swinging(TIME), size)
    direct = simulate_imu(motion, similar_placement(PLACEMENT, size), method="spline")
    at = np.arange(len(motion.origin)) / RATE
    for name in ("specific_force", "angular_velocity"):
        relabelled = make_interp_spline(np.arange(len(TIME)) / grown.rate, getattr(grown, name), k=5)(at)
        np.testing.assert_allclose(relabelled[INNER], getattr(direct, name)[INNER], atol=1e-4)
    exact = SegmentMotion("tibia_r", size * path(TIME), swinging(TIME).orientation, RATE / size**0.5)
    exact = simulate_imu(exact, similar_placement(PLACEMENT, size), method="spline")
    np.testing.assert_allclose(grown.specific_force, exact.specific_force, atol=1e-9)
    np.testing.assert_allclose(grown.angular_velocity, exact.angular_velocity, atol=1e-9)
    assert grown.rate == pytest.approx(exact.rate)


@settings(max_examples=12, deadline=None)
@given(turn=st.floats(-7.0, 7.0), method=st.sampled_from(METHODS))
def test_another_heading_changes_no_recording(turn, method):
    options = {"method": method, "cutoff": None if method in ("central_difference", "spline") else 12.0}
    first = simulate_imu(swinging(TIME), PLACEMENT, **options)
    second = simulate_imu(turn_heading(swinging(TIME), turn), PLACEMENT, **options)
    np.testing.assert_allclose(second.specific_force, first.specific_force, atol=1e-7)
    np.testing.assert_allclose(second.angular_velocity, first.angular_velocity, atol=1e-9)


@pytest.mark.parametrize("turn", [0.0, 0.4, 2.0, -3.0])
def test_another_heading_turns_the_labels(turn):
    skeleton = lower_body_skeleton(Subject("S1", 70.0, 1.75))
    rng = np.random.default_rng(6)
    values = 0.3 * np.sin(2 * np.pi * TIME[:, None] + rng.uniform(0, 6, len(skeleton.coordinate_names)))
    kinematics = Kinematics(tuple(skeleton.coordinate_names), values, RATE)
    kinematics.values[50] = np.nan
    turned = turn_kinematics(kinematics, skeleton, turn)
    motions, found = segment_motions(skeleton, kinematics), segment_motions(skeleton, turned)
    for name, motion in motions.items():
        expected = turn_heading(motion, turn)
        np.testing.assert_allclose(found[name].origin, expected.origin, atol=1e-9)
        known = np.isfinite(motion.origin[:, 0])
        apart = found[name].orientation.as_matrix() - expected.orientation.as_matrix()
        np.testing.assert_allclose(apart[known], 0.0, atol=1e-9)
    np.testing.assert_array_equal(turned.of("knee_angle_r"), kinematics.of("knee_angle_r"))
    steps = np.abs(np.diff(turned.of("pelvis_rotation")))
    assert np.nanmax(steps) < 0.1  # no jump by a whole turn
    with pytest.raises(ValueError, match=r"not free in the ground"):
        turn_kinematics(kinematics, planar_skeleton(Subject("S1", 70.0, 1.75)), turn)
    with pytest.raises(ValueError, match=r"kinematics lack pelvis_tx"):
        turn_kinematics(Kinematics(("knee_angle_r",), np.zeros((3, 1)), RATE), skeleton, turn)


def test_a_turned_ground_reaction_keeps_its_height_and_size():
    reaction = GroundReaction(
        np.array([[10.0, 700.0, 5.0]]), np.array([[0.5, 0.0, 0.1]]), np.array([2.0]), RATE, "right"
    )
    turned = turn_reaction(reaction, np.pi / 2)
    np.testing.assert_allclose(turned.force, [[5.0, 700.0, -10.0]], atol=1e-12)
    np.testing.assert_allclose(turned.centre_of_pressure, [[0.1, 0.0, -0.5]], atol=1e-12)
    assert turned.free_moment == reaction.free_moment


def test_swapped_sensors_read_the_other_side_and_are_named():
    records = [
        ImuRecording(p, np.full((4, 3), float(k)), np.full((4, 3), -float(k)), RATE)
        for k, p in enumerate(SEVEN_SENSORS)
    ]
    swapped, wrong = swap_sensors(records, np.random.default_rng(0), probability=1.0)
    assert set(wrong) == {p.sensor for p in SEVEN_SENSORS} - {"pelvis"}
    assert [record.placement for record in swapped] == [record.placement for record in records]
    assert [record.specific_force[0, 0] for record in swapped] == [0.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0]
    assert swap_sensors(records, np.random.default_rng(0), probability=0.0) == (tuple(records), ())
    share = np.mean([len(swap_sensors(records, np.random.default_rng(k), 0.3)[1]) / 6 for k in range(400)])
    assert share == pytest.approx(0.3, abs=0.04)
    assert (
        swap_sensors(records, np.random.default_rng(9), 0.5)[1]
        == swap_sensors(records, np.random.default_rng(9), 0.5)[1]
    )


def test_impossible_factors_are_refused():
    with pytest.raises(ValueError, match=r"factors above 0 .* got -1"):
        change_speed(swinging(TIME), -1.0)
    with pytest.raises(ValueError, match=r"factors above 0 .* got 0"):
        similar_recording(simulate_imu(swinging(TIME), PLACEMENT), 0.0)
    with pytest.raises(ValueError, match=r"no warp of depth 2 stays above 0.25"):
        draw_time_warp(np.random.default_rng(0), 10.0, depth=2.0)
    with pytest.raises(ValueError, match=r"duration .* must be positive"):
        TimeWarp(0.0)
    with pytest.raises(ValueError, match=r"1 harmonics, 0 depths"):
        TimeWarp(1.0, 1.0, np.array([1]))
    with pytest.raises(ValueError, match=r"probability must be 0 to 1"):
        swap_sensors([], np.random.default_rng(0), 2.0)
