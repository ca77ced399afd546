"""Mirroring commutes with simulating, and the mirror image of the mirror image is the original."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import training.mirror
from mocap_import.subject import Subject
from opensim_models.exchange.storage import read_motion
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu import mirror_image
from synth.imu.augmentation import turn_heading, turn_kinematics
from synth.imu.mirror_image import (
    mirror_kinematics,
    mirror_motion,
    mirror_placement,
    mirror_recording,
    mirror_recordings,
    mirrored_name,
)
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import METHODS, simulate_imu

RATE = 100.0
TIME = np.arange(120) / RATE


def tumbling(rng, segment):
    frequency, phase = np.array([0.5, 1.0, 3.0])[:, None, None], rng.uniform(0, 6, (3, 6, 1))
    wave = (np.sin(2 * np.pi * frequency * TIME + phase) / frequency).sum(axis=0).T
    pose = Rotation.from_rotvec(wave[:, :3]) * Rotation.random(random_state=rng)
    return SegmentMotion(segment, 0.1 * wave[:, 3:], pose, RATE)


def worn(rng, sensor="shank_r", segment="tibia_r"):
    return SensorPlacement(sensor, segment, rng.uniform(-0.2, 0.2, 3), Rotation.random(random_state=rng))


def assert_same(first, second, atol=1e-9):
    assert (first.placement.sensor, first.placement.segment) == (second.placement.sensor, second.placement.segment)
    np.testing.assert_allclose(first.placement.offset, second.placement.offset, atol=1e-12)
    np.testing.assert_allclose(first.placement.mounting.as_matrix(), second.placement.mounting.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(first.specific_force, second.specific_force, atol=atol, rtol=0)
    np.testing.assert_allclose(first.angular_velocity, second.angular_velocity, atol=atol, rtol=0)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 999), method=st.sampled_from(METHODS))
def test_simulating_the_mirrored_motion_is_mirroring_the_recording(seed, method):
    rng = np.random.default_rng(seed)
    motion, placement = tumbling(rng, "tibia_r"), worn(rng)
    options = {"method": method, "cutoff": None if method in ("central_difference", "spline") else 10.0}
    mirrored = simulate_imu(mirror_motion(motion), mirror_placement(placement), **options)
    assert_same(mirrored, mirror_recording(simulate_imu(motion, placement, **options)))
    assert mirrored.placement.sensor == "shank_l"


def test_mirroring_twice_is_the_identity():
    rng = np.random.default_rng(1)
    motion, placement = tumbling(rng, "calcn_l"), worn(rng, "foot_l", "calcn_l")
    recording = simulate_imu(motion, placement)
    assert_same(mirror_recording(mirror_recording(recording)), recording, atol=0)
    again = mirror_motion(mirror_motion(motion))
    np.testing.assert_array_equal(again.origin, motion.origin)
    np.testing.assert_allclose(again.orientation.as_matrix(), motion.orientation.as_matrix(), atol=1e-15)
    assert again.segment == "calcn_l"


def test_polar_and_axial_vectors_are_reflected_differently():
    """A shank that swings forward about Z and falls to the right; mirrored, it falls to the left."""
    turn = Rotation.from_rotvec(np.outer(TIME, [0.2, 0.0, 1.5]))
    motion = SegmentMotion("tibia_r", np.outer(0.5 * TIME**2, [1.0, 0.0, 2.0]), turn, RATE)
    there = simulate_imu(motion, SensorPlacement("shank_r", "tibia_r"))
    back = simulate_imu(mirror_motion(motion), SensorPlacement("shank_l", "tibia_l"))
    np.testing.assert_allclose(back.specific_force[1:-1], there.specific_force[1:-1] * [1, 1, -1], atol=1e-9)
    np.testing.assert_allclose(back.angular_velocity[1:-1], there.angular_velocity[1:-1] * [-1, -1, 1], atol=1e-9)
    assert back.angular_velocity[60, 2] == pytest.approx(1.5)
    assert back.angular_velocity[60, 0] == pytest.approx(-0.2)


def coordinates_of(rng, skeleton):
    phase = rng.uniform(0, 6, len(skeleton.coordinate_names))
    values = 0.3 * np.sin(2 * np.pi * TIME[:, None] + phase)
    return Kinematics(tuple(skeleton.coordinate_names), values, RATE)


def test_mirrored_coordinates_move_the_mirrored_segments():
    """The signs of the coordinates are those of the segments that they move, through the whole skeleton."""
    skeleton = lower_body_skeleton(Subject("S1", 70.0, 1.75), toes=True)
    kinematics = coordinates_of(np.random.default_rng(2), skeleton)
    motions = segment_motions(skeleton, kinematics)
    mirrored = segment_motions(skeleton, mirror_kinematics(kinematics))
    for motion in motions.values():
        expected = mirror_motion(motion)
        found = mirrored[expected.segment]
        np.testing.assert_allclose(found.origin, expected.origin, atol=1e-12)
        np.testing.assert_allclose(found.orientation.as_matrix(), expected.orientation.as_matrix(), atol=1e-12)
    twice = mirror_kinematics(mirror_kinematics(kinematics))
    np.testing.assert_array_equal(twice.values, kinematics.values)


def test_a_mirrored_person_wears_all_sensors():
    rng = np.random.default_rng(3)
    skeleton = lower_body_skeleton(Subject("S1", 70.0, 1.75), toes=True)
    kinematics = coordinates_of(rng, skeleton)
    placements = [
        SensorPlacement(p.sensor, p.segment, p.offset, Rotation.random(random_state=rng)) for p in SEVEN_SENSORS
    ]

    def recorded(coordinates, sensors):
        motions = segment_motions(skeleton, coordinates)
        return [simulate_imu(motions[sensor.segment], sensor) for sensor in sensors]

    records = recorded(kinematics, placements)
    images = mirror_recordings(records)
    assert [image.placement.sensor for image in images] == [record.placement.sensor for record in records]
    turned = mirror_kinematics(kinematics)
    for image, found in zip(images, recorded(turned, [image.placement for image in images]), strict=True):
        assert_same(found, image)
    for image, found in zip(mirror_recordings(records, placements), recorded(turned, placements), strict=True):
        assert_same(found, image)


def test_a_mirrored_and_turned_runner_is_the_runner_mirrored_and_turned(data_dir):
    """A measured run in the laboratory's own model (Hamner, arms and all): labels move what the motion moves."""
    skeleton = read_osim(data_dir / "hamner_running" / "final.osim")
    kinematics = read_motion(data_dir / "hamner_running" / "run300_ik.mot")
    before = segment_motions(skeleton, kinematics)
    mirrored = segment_motions(skeleton, mirror_kinematics(kinematics))
    turned = segment_motions(skeleton, turn_kinematics(kinematics, skeleton, 1.2))
    for motion in before.values():
        for expected, found in ((mirror_motion(motion), mirrored), (turn_heading(motion, 1.2), turned)):
            moved = found[expected.segment]
            np.testing.assert_allclose(moved.origin, expected.origin, atol=1e-9)
            np.testing.assert_allclose(moved.orientation.as_matrix(), expected.orientation.as_matrix(), atol=1e-9)
    for placement in SEVEN_SENSORS:
        image = mirror_recording(simulate_imu(before[placement.segment], placement))
        assert_same(simulate_imu(mirrored[image.placement.segment], image.placement), image, atol=1e-7)


def test_what_has_no_mirror_image_is_refused():
    rng = np.random.default_rng(4)
    record = simulate_imu(tumbling(rng, "tibia_r"), worn(rng))
    with pytest.raises(ValueError, match=r"no sensor 'shank_l' beside 'shank_r': a mirrored set needs both sides"):
        mirror_recordings([record])
    pelvis = simulate_imu(tumbling(rng, "pelvis"), SensorPlacement("pelvis", "pelvis", np.array([0.1, 0.0, 0.05])))
    with pytest.raises(ValueError, match=r"mirror image of 'pelvis' lies 100 mm from 'pelvis'"):
        mirror_recordings([pelvis], [pelvis.placement])
    with pytest.raises(ValueError, match=r"coordinate 'neck_yaw' has no side .* Pass midline_signs"):
        mirror_kinematics(Kinematics(("neck_yaw",), np.zeros((3, 1)), RATE))
    alone = mirror_kinematics(Kinematics(("knee_angle_r", "pelvis_tz"), np.ones((3, 2)), RATE))
    assert np.isnan(alone.of("knee_angle_r")).all()
    assert (alone.of("pelvis_tz") == -1.0).all()


def test_training_mirrors_by_the_same_table():
    np.testing.assert_array_equal(training.mirror.POLAR, mirror_image.POLAR)
    np.testing.assert_array_equal(training.mirror.AXIAL, mirror_image.AXIAL)
    changing = {name for name, sign in mirror_image.MIDLINE_SIGNS.items() if sign < 0}
    assert changing == set(training.mirror.SIGN_CHANGES)
    assert mirrored_name("tibia_r") == training.mirror.other_side("tibia_r")
