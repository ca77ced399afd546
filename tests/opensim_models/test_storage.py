"""Files come back as they were written, and foreign ones are refused in words."""

import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.catalogue import lower_body_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.skeleton import load_skeleton, save_skeleton
from opensim_models.storage import read_motion, write_motion


def test_a_skeleton_survives_its_file(tmp_path):
    skeleton = lower_body_skeleton(Subject("S01", 72.0, 1.76))
    save_skeleton(skeleton, tmp_path / "skeleton.json")
    assert load_skeleton(tmp_path / "skeleton.json") == skeleton


def test_a_motion_survives_its_file(tmp_path):
    values = np.random.default_rng(0).normal(size=(20, 2))
    values[3, 1] = np.nan
    write_motion(tmp_path / "a.mot", Kinematics(("knee_angle_r", "pelvis_tx"), values, 69.993))
    back = read_motion(tmp_path / "a.mot")
    assert back.rate == 69.993
    assert back.coordinates == ("knee_angle_r", "pelvis_tx")
    np.testing.assert_allclose(back.values, values, atol=1e-8)


def test_a_motion_file_is_in_degrees_for_other_tools(tmp_path):
    write_motion(tmp_path / "a.mot", Kinematics(("knee_angle_r",), np.full((3, 1), np.pi / 2), 100.0))
    assert (tmp_path / "a.mot").read_text().splitlines()[-1].split() == ["0.02", "90"]


@pytest.mark.parametrize("content", ["", "not json", '{"format": "another"}', "[]"])
def test_what_is_not_a_skeleton_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ModelMismatch, match=r"x\.json"):
        load_skeleton(path)


@pytest.mark.parametrize(
    "content", ["", "endheader", "endheader\ntime a\n0 1 2\n1 2 3\n", "endheader\ntime a\n0 b\n1 c\n"]
)
def test_what_is_not_a_motion_is_refused(tmp_path, content):
    path = tmp_path / "x.mot"
    path.write_text(content)
    with pytest.raises(ModelMismatch, match=r"x\.mot"):
        read_motion(path)
