"""Laws of heading-free orientations, their six numbers, levelling and thinning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY, Subject
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.joint_trial import JointTrial, joint_angles
from training.joint.heading import mean_heading, without_heading
from training.joint.levelling import level
from training.joint.six_dimensional import from_six, to_six
from training.joint.thinning import thin, thinning_factor
from training.joint.worn_sensor import wear_sensors

RATE = 200.0


def pendulum_leg(code: str = "S1", seconds: float = 6.0, offset: float = 0.0) -> JointTrial:
    """Thigh and shank that swing with known angles about a hip that stays; sensors half-way down."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * 1.4 * t + offset
    poses, records = [], []
    place = np.zeros((len(t), 3))
    for length, (size, lag) in zip((0.4, 0.42), ((0.5, 0.0), (0.8, -0.9)), strict=True):
        tilt = size * np.sin(phase + lag) + offset
        rate, speed_up = (
            size * 2 * np.pi * 1.4 * np.cos(phase + lag),
            -size * (2 * np.pi * 1.4) ** 2 * np.sin(phase + lag),
        )
        pose = Rotation.from_rotvec(tilt[:, None] * [0.0, 0.0, 1.0])
        gyro = np.column_stack([0 * t, 0 * t, rate])
        arm = np.array([0.0, -0.5 * length, 0.0])
        own = np.cross([0.0, 0.0, 1.0], arm) * speed_up[:, None] - arm * (rate**2)[:, None]
        force = own + pose.apply(place + np.array([0.0, STANDARD_GRAVITY, 0.0]), inverse=True)
        name = "proximal" if not poses else "distal"
        records.append(ImuRecording(SensorPlacement(name, name), force, gyro, RATE))
        place = place + pose.apply(2 * own)
        poses.append(pose)
    angles = joint_angles("knee", *poses)
    return JointTrial(Subject(code), "swing", "knee", "r", RATE, *records, *poses, angles, "L1", "run")


@pytest.mark.parametrize("turn_deg", [-170.0, -30.0, 0.0, 75.0])
def test_turning_the_laboratory_changes_no_heading_free_orientation(turn_deg):
    leg = pendulum_leg()
    turn = Rotation.from_euler("Y", turn_deg, degrees=True)
    plain = without_heading(leg.proximal_orientation, leg.distal_orientation)
    turned = without_heading(turn * leg.proximal_orientation, turn * leg.distal_orientation)
    for a, b in zip(plain, turned, strict=True):
        assert np.abs((a.inv() * b).magnitude()).max() < 1e-9
    assert abs(mean_heading(turned[0])) < 1e-9
    assert np.allclose(joint_angles("knee", *turned), leg.angles)


def test_six_numbers_of_any_length_give_the_rotation_back_and_parallel_axes_are_refused():
    rotations = Rotation.random(50, rng=np.random.default_rng(0))
    six = to_six(rotations)
    skewed = np.concatenate([3.0 * six[:, :3], 0.2 * six[:, 3:] + 0.7 * six[:, :3]], axis=1)
    assert (from_six(skewed).inv() * rotations).magnitude().max() < 1e-12
    with pytest.raises(ValueError, match="frame 1: expected two directions"):
        from_six(np.array([[1.0, 0, 0, 0, 1, 0], [1.0, 0, 0, 2, 0, 0]]))


@pytest.mark.parametrize("axis", ["X", "Z"])
def test_levelling_takes_a_tilt_out_whatever_the_accelerations_and_keeps_the_course(axis):
    leg = pendulum_leg()
    tilted = Rotation.from_euler(axis, 8.0, degrees=True) * leg.distal_orientation
    found = level(tilted, leg.distal.specific_force)
    assert np.rad2deg((found.inv() * leg.distal_orientation).magnitude()).max() < 0.3
    assert np.rad2deg((found[0].inv() * found[100]).magnitude() - (tilted[0].inv() * tilted[100]).magnitude()) < 1e-9
    # missing samples are left out
    force = leg.distal.specific_force.copy()
    force[300:306] = np.nan
    assert np.rad2deg((level(tilted, force).inv() * leg.distal_orientation).magnitude()).max() < 1.0


def test_thinning_keeps_the_motion_and_takes_noise_down_by_the_root():
    leg = pendulum_leg()
    factor = thinning_factor(leg.rate)
    assert (factor, thin(leg, factor).rate) == (2, 100.0)
    assert thin(leg, 1) is leg
    half = thin(leg, factor)
    middle = 0.5 * (leg.angles[0::2] + leg.angles[1::2])
    assert np.abs(half.angles - middle).max() < 1e-4
    noise = wear_sensors(leg, noise_share=0.15, seed=3).distal.angular_velocity - leg.distal.angular_velocity
    thinned = (
        thin(wear_sensors(leg, noise_share=0.15, seed=3), 2).distal.angular_velocity - half.distal.angular_velocity
    )
    assert thinned[:, 2].std() / noise[:, 2].std() == pytest.approx(1 / np.sqrt(2), abs=0.05)
    missing = leg.distal.specific_force
    missing[7] = np.nan
    assert np.isnan(thin(leg, 2).distal.specific_force).any(axis=1).nonzero()[0].tolist() == [3]


def test_worn_sensors_depend_on_the_trial_and_the_seed_alone():
    leg, other = pendulum_leg(), pendulum_leg("S2")
    first, again = wear_sensors(leg, seed=1), wear_sensors(leg, seed=1)
    assert np.array_equal(first.distal.specific_force, again.distal.specific_force)
    assert not np.array_equal(first.distal.specific_force, wear_sensors(leg, seed=2).distal.specific_force)
    assert not np.array_equal(first.distal.specific_force, wear_sensors(other, seed=1).distal.specific_force)
    share = (first.proximal.angular_velocity - leg.proximal.angular_velocity)[:, 2].std()
    assert share / leg.proximal.angular_velocity[:, 2].std() == pytest.approx(0.15, abs=0.01)
    turned = wear_sensors(leg, noise_share=0.0, misplacement_deg=13.5, seed=1)
    for a, b in ((turned.distal.angular_velocity, leg.distal.angular_velocity),):
        assert np.allclose(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
        assert np.abs(a - b).max() > 0.05
