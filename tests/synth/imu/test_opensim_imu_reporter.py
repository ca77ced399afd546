"""Our analytic path beside OpenSim's IMU reporter, on models without couplers."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.imu_figures.opensim_imu import ours, reported, smooth_case
from mocap_import.subject import Subject
from opensim_models.generic.generic_model import generic_model, write_generic_model
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.sensor_client import report_imus

OTHERS = {
    "gait10dof18musc": "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim",
    "Hamner": "hamner_running/final.osim",
}


@pytest.fixture(scope="module")
def own_model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "lower_body.osim"
    write_generic_model(generic_model("lower_body", Subject("S", 70.0, 1.75, "unknown")), path)
    return path


def agree(compared):
    peer = reported(compared)
    force, turn = ours(compared, True)
    assert np.sqrt(np.mean((force - peer["specific_force"]) ** 2)) <= 1e-3
    assert np.sqrt(np.mean((turn - peer["angular_velocity"]) ** 2)) <= 1e-6
    inner = slice(25, -25)
    np.testing.assert_allclose(ours(compared, False)[0][inner], peer["specific_force"][inner], atol=1e-3)


def test_our_own_model(own_model):
    agree(smooth_case("own", own_model, np.random.default_rng(1), n=80))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OTHERS))
def test_models_of_others(data_dir, name):
    agree(smooth_case(name, data_dir / OTHERS[name], np.random.default_rng(2), n=80))


def test_a_sensor_on_no_body_is_refused(own_model):
    compared = smooth_case("own", own_model, np.random.default_rng(3), n=10)
    sensors = [{"sensor": "s", "segment": "tibia", "offset": np.zeros(3), "mounting": compared.placements[0].mounting}]
    with pytest.raises(ModelMismatch, match="no body 'tibia'; near ones are tibia_"):
        report_imus(own_model, compared.kinematics.coordinates, compared.kinematics.values, 100.0, sensors)
