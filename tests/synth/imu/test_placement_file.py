"""Placements of any user: read as written, wrong ones refused in one sentence."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from opensim_models.motion import SegmentMotion
from synth.imu.misalignment import draw_misalignment
from synth.imu.placement import (
    SENSOR_SETS,
    SEVEN_SENSORS,
    check_segments,
    other_side,
    scatter_placements,
    swap_sides,
)
from synth.imu.placement_file import read_placements, write_placements
from synth.imu.recording import ImuRecording
from synth.imu.simulation import simulate_imu

TOML = """
[[sensor]]
name = "wrist"
segment = "radius_r"
offset = [0.01, -0.2, 0.03]
axes = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]

[[sensor]]
name = "back"
segment = "torso"
rotation_vector_deg = [0, 90, 0]

[[sensor]]
name = "shin"
segment = "tibia_r"
quaternion = [0.5, 0.5, 0.5, 0.5]
"""


def written(tmp_path, text, name="sensors.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_where_each_sensor_sits_and_points(tmp_path):
    wrist, back, shin = read_placements(written(tmp_path, TOML), ["radius_r", "torso", "tibia_r"])
    assert (wrist.sensor, wrist.segment) == ("wrist", "radius_r")
    np.testing.assert_array_equal(wrist.offset, [0.01, -0.2, 0.03])
    np.testing.assert_allclose(wrist.mounting.apply([1.0, 0.0, 0.0]), [0.0, 1.0, 0.0], atol=1e-12)  # its x axis
    np.testing.assert_allclose(back.mounting.apply([0.0, 0.0, 1.0]), [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_array_equal(back.offset, 0.0)
    np.testing.assert_allclose(shin.mounting.apply([1.0, 0.0, 0.0]), [0.0, 1.0, 0.0], atol=1e-12)


def test_what_is_written_is_read_back(tmp_path):
    turned = scatter_placements(
        SEVEN_SENSORS, np.random.default_rng(0), position_sd=0.01,
        misalignment=draw_misalignment(np.random.default_rng(1), n=7),
    )  # fmt: skip
    write_placements(tmp_path / "seven.json", turned)
    for read, placement in zip(read_placements(tmp_path / "seven.json"), turned, strict=True):
        assert (read.sensor, read.segment) == (placement.sensor, placement.segment)
        np.testing.assert_array_equal(read.offset, placement.offset)
        assert (read.mounting.inv() * placement.mounting).magnitude() < 1e-15


def test_a_mounting_on_a_segment_that_does_not_exist_is_refused_with_near_names(tmp_path):
    text = '[[sensor]]\nname = "shin"\nsegment = "tibia_rigth"\n'
    with pytest.raises(ValueError, match="sensor 'shin' is mounted on segment 'tibia_rigth', which does not") as found:
        read_placements(written(tmp_path, text), ["femur_r", "tibia_r", "tibia_l"])
    assert "did you mean tibia_r or tibia_l?" in str(found.value) and "\n" not in str(found.value)
    with pytest.raises(ValueError, match="there are femur_r"):
        check_segments(SEVEN_SENSORS[:1], ["femur_r"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sensor = 3", "expected nothing but a list of sensors"),
        ("[[sensor]]\nname = 'a'", "expected a table with the texts 'name' and 'segment'"),
        ("[[sensor]]\nname='a'\nsegment='b'\nposition=[0,0,0]", "key 'position' is unknown; expected name, segment"),
        ("[[sensor]]\nname='a'\nsegment='b'\noffset=[0,1]", "offset must be 3 finite numbers"),
        ("[[sensor]]\nname='a'\nsegment='b'\noffset=[0,nan,1]", "offset must be 3 finite numbers"),
        ("[[sensor]]\nname='a'\nsegment='b'\noffset=[10,-200,30]", "offset must be in metres, at most 1 m"),
        ("[[sensor]]\nname='a'\nsegment='b'\nquaternion=[1,1,0,0]", "quaternion must have the length 1"),
        ("[[sensor]]\nname='a'\nsegment='b'\naxes=[[1,0,0],[0,1,0],[0,0,-1]]", "axes are left-handed"),
        ("[[sensor]]\nname='a'\nsegment='b'\naxes=[[2,0,0],[0,1,0],[0,0,1]]", "axes must be of unit length"),
        ("[[sensor]]\nname='a'\nsegment='b'\nquaternion=[1,0,0,0]\nrotation_vector_deg=[0,0,0]", "one orientation"),
        ("[[sensor]]\nname='a'\nsegment='b'\n[[sensor]]\nname='a'\nsegment='c'", "'a' is used more than once"),
        ("[[sensor", "expected a placement file in TOML or JSON"),
    ],
)
def test_wrong_files_are_refused_in_one_sentence(tmp_path, text, said):
    with pytest.raises(ValueError, match=said) as found:
        read_placements(written(tmp_path, text))
    assert "\n" not in str(found.value) and "sensors.toml" in str(found.value)


def test_json_and_a_missing_file(tmp_path):
    text = json.dumps({"sensor": [{"name": "a", "segment": "pelvis"}]})
    assert read_placements(written(tmp_path, text, "s.json"))[0].segment == "pelvis"
    with pytest.raises(ValueError, match="expected a placement file"):
        read_placements(tmp_path / "none.toml")


def test_sparse_sets_are_parts_of_the_seven():
    assert [p.sensor for p in SENSOR_SETS["sparse_shank"]] == ["pelvis", "shank_r", "shank_l"]
    assert [p.sensor for p in SENSOR_SETS["sparse_foot"]] == ["pelvis", "foot_r", "foot_l"]
    assert all(placement in SEVEN_SENSORS for sensors in SENSOR_SETS.values() for placement in sensors)


def test_position_scatter_has_the_standard_deviation():
    many = [scatter_placements(SEVEN_SENSORS, np.random.default_rng(i), position_sd=0.02) for i in range(300)]
    moved = np.array([[p.offset - q.offset for p, q in zip(ps, SEVEN_SENSORS, strict=True)] for ps in many])
    assert moved.std() == pytest.approx(0.02, rel=0.03) and abs(moved.mean()) < 1e-3
    with pytest.raises(ValueError, match="position_sd must be metres"):
        scatter_placements(SEVEN_SENSORS, np.random.default_rng(0), position_sd=-1.0)
    with pytest.raises(ValueError, match="a misalignment for each of 7"):
        scatter_placements(SEVEN_SENSORS, np.random.default_rng(0), misalignment=Rotation.identity(3))


def test_baked_in_misalignment_is_misalignment_at_load_time():
    from synth.imu.misalignment import misalign

    rng = np.random.default_rng(0)
    turn = draw_misalignment(rng, n=1)
    time = np.arange(200) / 100.0
    origin = np.stack([np.sin(3 * time), np.cos(2 * time), 0 * time], axis=1)
    motion = SegmentMotion("pelvis", origin, Rotation.from_rotvec(0.3 * origin), 100.0)
    baked = scatter_placements(SEVEN_SENSORS[:1], rng, misalignment=turn)[0]
    read, loaded = simulate_imu(motion, baked), misalign(simulate_imu(motion, SEVEN_SENSORS[0]), turn[0])
    np.testing.assert_allclose(read.specific_force, loaded.specific_force, atol=1e-10)
    np.testing.assert_allclose(read.angular_velocity, loaded.angular_velocity, atol=1e-10)


def test_swapped_sensors_read_what_their_partners_would():
    records = [ImuRecording(p, np.full((3, 3), i), np.full((3, 3), -i), 1.0) for i, p in enumerate(SEVEN_SENSORS)]
    swapped = swap_sides(records, ["shank_l"])
    assert [r.placement for r in swapped] == list(SEVEN_SENSORS)
    assert [int(r.specific_force[0, 0]) for r in swapped] == [0, 1, 5, 3, 4, 2, 6]
    assert [int(r.angular_velocity[0, 0]) for r in swap_sides(records)] == [0, -4, -5, -6, -1, -2, -3]
    assert swap_sides(swap_sides(records)) == tuple(records)
    assert swap_sides(records[:3]) == tuple(records[:3])  # no partner, no exchange
    assert (other_side("foot_r"), other_side("foot_l"), other_side("pelvis")) == ("foot_l", "foot_r", None)
