"""Joints tell how sensors are turned and where they sit: of exact records, before anything is learnt."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.imu.placement import scaled_placements
from synth.imu.skeleton_imu import simulate_skeleton_imus
from training.physics.config import resolve_physics
from training.physics.joint_centre import joint_placements
from training.physics.loop import train_by_physics
from training.physics.network import fresh_network
from training.physics.record import read_physics_data

RATE = 100.0
TURN, SHIFT = np.radians(12.0), np.array([0.02, -0.03])


def walker(code: str, height: float, worn: dict[str, tuple[float, np.ndarray]]) -> CorpusTrial:
    """Smooth hinges with sensors turned and moved where `worn` says so; nominal placements are stored."""
    subject = Subject(code, 70.0, height)
    skeleton = planar_skeleton(subject)
    t, names = np.arange(900) / RATE, skeleton.coordinate_names
    q, w = np.zeros((len(t), len(names))), 2 * np.pi * 0.9
    q[:, names.index("pelvis_ty")], q[:, names.index("pelvis_tx")] = 0.52 * height, 1.1 * t
    q[:, names.index("pelvis_tilt")] = 0.1 * np.sin(2 * w * t)
    for side, lag in (("r", 0.0), ("l", np.pi)):
        q[:, names.index(f"hip_flexion_{side}")] = 0.4 * np.sin(w * t + lag)
        q[:, names.index(f"knee_angle_{side}")] = 0.5 + 0.4 * np.sin(w * t + lag + 1.5)
        q[:, names.index(f"ankle_angle_{side}")] = 0.25 * np.sin(2 * w * t + lag)
    nominal = scaled_placements(height)
    true = []
    for p in nominal:
        turn, shift = worn.get(p.sensor, (0.0, np.zeros(2)))
        true.append(replace(p, offset=p.offset + np.array([*shift, 0.0]), mounting=Rotation.from_euler("z", turn)))
    read = simulate_skeleton_imus(skeleton, Kinematics(names, q, RATE), true)
    records = tuple(replace(r, placement=p) for r, p in zip(read, nominal, strict=True))
    return CorpusTrial("walk", subject, RATE, records, task="walk")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("joints") / "worn.h5"
    with CorpusWriter(path, role="motion", seed=0) as writer:
        writer.append(walker("S01", 1.70, {}))
        writer.append(walker("S02", 1.80, {"thigh_r": (TURN, SHIFT), "shank_l": (-TURN, -SHIFT)}))
    return read_physics_data(Corpus(path))


def test_sensors_in_their_places_are_found_there(data):
    turns, shifts = joint_placements(data)
    assert np.degrees(np.abs(turns[0])).max() < 0.5
    assert np.abs(shifts[0]).max() < 2e-3


def test_a_turned_and_moved_sensor_is_found_and_the_others_stay(data):
    turns, shifts = joint_placements(data)
    thigh, shank = data.sensors.index("thigh_r"), data.sensors.index("shank_l")
    assert np.degrees(turns[1, thigh]) == pytest.approx(12.0, abs=0.5)
    assert np.degrees(turns[1, shank]) == pytest.approx(-12.0, abs=0.5)
    np.testing.assert_allclose(shifts[1, thigh], SHIFT, atol=2e-3)
    np.testing.assert_allclose(shifts[1, shank], -SHIFT, atol=2e-3)
    others = [k for k in range(len(data.sensors)) if k not in (thigh, shank)]
    assert np.degrees(np.abs(turns[1, others])).max() < 0.5
    assert np.abs(shifts[1, others]).max() < 2e-3


def test_a_sensor_that_sees_one_joint_keeps_its_angle(data):
    turns, _ = joint_placements(data)
    one_joint = [data.sensors.index(name) for name in ("pelvis", "foot_r", "foot_l")]
    assert not turns[:, one_joint].any()


def test_a_training_begins_there_if_asked_and_at_nominal_places_otherwise(data):
    torch.manual_seed(0)
    turns, shifts = joint_placements(data)
    told = fresh_network(data, resolve_physics({"placement_start": "joints", "width": 4}))
    np.testing.assert_allclose(told.turns.detach().numpy(), turns, atol=1e-6)
    np.testing.assert_allclose(told.shifts.detach().numpy(), shifts, atol=1e-6)
    plain = fresh_network(data, resolve_physics({"width": 4}))
    assert not plain.turns.any() and not plain.shifts.any()


def test_places_may_be_held_while_turns_go_on(data):
    settings = {"steps": 3, "width": 4, "batch": 2, "window_seconds": 1.0, "placement_start": "joints"}
    shifts = joint_placements(data)[1]
    held, free = (
        train_by_physics(data, resolve_physics(settings | extra)).network for extra in ({"place_rate": 0.0}, {})
    )
    np.testing.assert_allclose(held.shifts.detach().numpy(), shifts, atol=1e-6)
    assert np.abs(free.shifts.detach().numpy() - shifts).max() > 1e-5
    assert np.abs(held.turns.detach().numpy() - joint_placements(data)[0]).max() > 1e-5
