"""Conventions of real recordings: every unit, sign, axis and frame leads to one specific force and one turning rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from synth.real_imu.convention import (
    HOUSE,
    STANDARD_GRAVITY,
    ImuConvention,
    RecordingRefused,
    axis_matrix,
    convention_from,
    convert_acceleration,
    convert_angular_velocity,
    convert_orientation,
)

RNG = np.random.default_rng(5)
POSE = Rotation.random(50, random_state=RNG)
MOTION = RNG.normal(0, 3, (50, 3))
FORCE = POSE.inv().apply(MOTION + np.array([0, 0, STANDARD_GRAVITY]))
TURN = RNG.normal(0, 2, (50, 3))
QUATERNIONS = POSE.as_quat(scalar_first=True)


def test_our_own_convention_changes_nothing():
    np.testing.assert_array_equal(convert_acceleration(FORCE, HOUSE), FORCE)
    np.testing.assert_array_equal(convert_angular_velocity(TURN, HOUSE), TURN)


@pytest.mark.parametrize(("unit", "one"), [("g", STANDARD_GRAVITY), ("mg", STANDARD_GRAVITY / 1000), ("m/s^2", 1.0)])
def test_units_of_acceleration(unit, one):
    np.testing.assert_allclose(convert_acceleration(FORCE / one, ImuConvention(acceleration_unit=unit)), FORCE)


@pytest.mark.parametrize("unit", ["deg/s", "dps", "°/s"])
def test_degrees_become_radians(unit):
    convention = ImuConvention(angular_velocity_unit=unit)
    np.testing.assert_allclose(convert_angular_velocity(np.rad2deg(TURN), convention), TURN)


def test_a_negative_sign_is_turned():
    np.testing.assert_array_equal(convert_acceleration(-FORCE, ImuConvention(sign="negative")), FORCE)


def test_removed_gravity_comes_back_by_the_orientations():
    convention = ImuConvention(gravity="removed")
    linear = POSE.inv().apply(MOTION)
    np.testing.assert_allclose(convert_acceleration(linear, convention, QUATERNIONS), FORCE, atol=1e-12)
    with pytest.raises(RecordingRefused, match="without the sensor's orientations"):
        convert_acceleration(linear, convention)


def test_free_acceleration_in_the_world_becomes_specific_force():
    convention = ImuConvention(gravity="removed", frame="world")
    np.testing.assert_allclose(convert_acceleration(MOTION, convention, QUATERNIONS), FORCE, atol=1e-12)


def test_unknown_orientations_leave_the_force_unknown():
    quaternions = QUATERNIONS.copy()
    quaternions[3] = np.nan
    force = convert_acceleration(MOTION, ImuConvention(gravity="removed", frame="world"), quaternions)
    assert np.isnan(force[3]).all()
    assert np.isfinite(np.delete(force, 3, axis=0)).all()


def test_exchanged_axes_keep_the_cross_product():
    """A rotation of the axes takes acceleration, turning rate and orientation along: a × ω turns with them."""
    convention = ImuConvention(axes=("y", "-x", "z"))
    matrix = axis_matrix(convention.axes)
    force, turn = convert_acceleration(FORCE, convention), convert_angular_velocity(TURN, convention)
    np.testing.assert_allclose(np.cross(force, turn), np.cross(FORCE, TURN) @ matrix.T, atol=1e-12)
    turned = Rotation.from_quat(convert_orientation(QUATERNIONS, convention), scalar_first=True)
    np.testing.assert_allclose(turned.apply(force), POSE.apply(FORCE), atol=1e-12)


def test_a_mirrored_triad_is_converted_when_it_is_declared():
    """Each axis counts by the right-hand rule about itself: its three numbers move with the axes, mirrored or not."""
    mirrored = FORCE * [1, 1, -1], TURN * [1, 1, -1]
    convention = ImuConvention(axes=("x", "y", "-z"), left_handed=True)
    np.testing.assert_allclose(convert_acceleration(mirrored[0], convention), FORCE)
    np.testing.assert_allclose(convert_angular_velocity(mirrored[1], convention), TURN)
    with pytest.raises(RecordingRefused, match="left-handed triad are no rotations"):
        convert_orientation(QUATERNIONS, convention)


def test_a_left_hand_rule_reverses_the_turning_only():
    convention = ImuConvention(turning="left_hand")
    np.testing.assert_array_equal(convert_angular_velocity(-TURN, convention), TURN)
    np.testing.assert_array_equal(convert_acceleration(FORCE, convention), FORCE)


def test_missing_samples_stay_missing():
    force = FORCE.copy()
    force[4] = np.nan
    assert np.isnan(convert_acceleration(force, ImuConvention(acceleration_unit="g", axes=("z", "x", "y")))[4]).all()


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"acceleration_unit": "furlong"}, "acceleration_unit 'furlong' is unknown; expected one of m/s2, g, mg"),
        ({"angular_velocity_unit": "rpm"}, "angular_velocity_unit 'rpm' is unknown; expected one of rad/s, deg/s"),
        ({"gravity": "maybe"}, "gravity 'maybe' is unknown"),
        ({"axes": ("x", "y", "-z")}, "make a left-handed frame of a right-handed one"),
        ({"left_handed": True}, "leave it so"),
        ({"axes": ("x", "x", "z")}, "name a column twice"),
        ({"axes": ("x", "up", "z")}, "axis 'up' is unknown"),
        ({"unit": "g"}, "'unit' is no entry of a convention"),
    ],
)
def test_what_is_no_convention_is_refused_in_a_sentence(entries, sentence):
    with pytest.raises(RecordingRefused) as refusal:
        convention_from(entries)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)
