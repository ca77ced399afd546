"""Placements mirror left and right, and follow the size of the person."""

import numpy as np
import pytest

from synth.imu.placement import REFERENCE_LENGTHS, SEVEN_SENSORS, scaled_placements


def test_seven_sensors_are_mirror_images():
    by_name = {placement.sensor: placement for placement in SEVEN_SENSORS}
    assert list(by_name) == ["pelvis", "thigh_r", "shank_r", "foot_r", "thigh_l", "shank_l", "foot_l"]
    for part, segment in (("thigh", "femur"), ("shank", "tibia"), ("foot", "calcn")):
        right, left = by_name[f"{part}_r"], by_name[f"{part}_l"]
        assert (right.segment, left.segment) == (f"{segment}_r", f"{segment}_l")
        np.testing.assert_array_equal(right.offset * [1, 1, -1], left.offset)
        assert right.offset[2] >= 0  # Z right: a right sensor sits on the outside


def test_offsets_follow_stature_and_segment_length():
    for placement, scaled in zip(SEVEN_SENSORS, scaled_placements(0.9 * 1.8), strict=True):
        np.testing.assert_allclose(scaled.offset, 0.9 * placement.offset)
    for placement, same in zip(SEVEN_SENSORS, scaled_placements(), strict=True):
        np.testing.assert_array_equal(same.offset, placement.offset)
    long_shank = scaled_placements(1.8, {"tibia_r": 1.2 * REFERENCE_LENGTHS["tibia_r"]})[2]
    np.testing.assert_allclose(long_shank.offset, SEVEN_SENSORS[2].offset * [1.0, 1.2, 1.0])


def test_a_stature_in_centimetres_is_refused():
    with pytest.raises(ValueError, match="height must be in metres"):
        scaled_placements(180.0)
    with pytest.raises(ValueError, match="length of tibia_r must be in metres"):
        scaled_placements(1.8, {"tibia_r": 44.0})
