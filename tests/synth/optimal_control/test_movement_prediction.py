"""Laws of prediction: people, slopes and prices are what was asked for; walking comes out of effort alone."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.path_fit import FitSettings
from synth.optimal_control.movement.climb import physical, start_values
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.movement.structure import LEVER
from synth.optimal_control.prediction.prediction import (
    climb_prediction,
    person_of,
    predict_movement,
    prediction_data,
    prediction_rungs,
)
from synth.optimal_control.prediction.prediction_settings import PredictionSettings
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.node_reference import node_reference
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.recorded_tracking import start_arrays
from synth.optimal_control.recording.trial_samples import MotionFiles

EXAMPLE = "opensim_core/falisse2019_2d_walk"
SMALL = PredictionSettings(speed=1.2, duration=(0.4, 0.6), meshes=(Mesh(6, "trapezoidal", "half_cycle"),))
WALK = replace(SMALL, meshes=(Mesh(20, "trapezoidal", "half_cycle"),))


@cache
def walker(data_dir):
    knee = (np.radians(-75.0), np.radians(3.0))
    ranges = {"knee_angle_r": knee, "knee_angle_l": knee}
    settings = FitSettings(length_goal=1e-3, arm_goal=3e-3)
    model = data_dir / EXAMPLE / "2D_gait.osim"
    return prepare_model(model, ranges=ranges, settings=settings, show_progress=False).skeleton


@cache
def guide(data_dir):
    folder = data_dir / EXAMPLE
    files = MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml")
    return recorded_motion(files, walker(data_dir), np.linspace(0.0, 0.47, 51), cutoff=6.0)


def test_person_is_as_strong_and_stands_as_steep_as_asked(data_dir):
    skeleton = walker(data_dir)
    person = person_of(skeleton, replace(SMALL, slope=0.1, strength={"soleus_r": 0.5}))
    by_name = {m.name: m.max_isometric_force for m in person.muscles}
    before = {m.name: m.max_isometric_force for m in skeleton.muscles}
    assert by_name["soleus_r"] == 0.5 * before["soleus_r"]
    assert by_name["soleus_l"] == before["soleus_l"]
    assert np.linalg.norm(person.gravity) == pytest.approx(np.linalg.norm(skeleton.gravity))
    # uphill gravity pulls backwards
    assert np.degrees(np.arctan2(-person.gravity[0], -person.gravity[1])) == pytest.approx(np.degrees(0.1))
    weak = person_of(skeleton, replace(SMALL, strength=0.8))
    np.testing.assert_allclose([m.max_isometric_force for m in weak.muscles], 0.8 * np.array(list(before.values())))


def test_objective_is_effort_torque_and_jerk_and_nothing_of_the_guide(data_dir):
    settings = replace(SMALL, effort=7.0, torque=4.0, jerk=1000.0)
    skeleton = walker(data_dir)
    rung = prediction_rungs(skeleton, guide(data_dir), settings)[-1]
    movement = movement_program(rung.structure)
    reference = node_reference(rung.structure, skeleton, guide(data_dir))
    data = prediction_data(rung.structure, skeleton, reference, settings)
    rng = np.random.default_rng(2)
    arrays = start_arrays(rung.structure, skeleton, reference)
    arrays["coordinates"] = arrays["coordinates"] + rng.normal(size=arrays["coordinates"].shape)
    arrays["excitations"] = rng.uniform(0.1, 0.9, (6, 18))
    arrays["torques"] = rng.normal(size=(6, 1))
    values = start_values(movement, arrays)
    cost = float(movement.program.functions["f_g"](values, movement.parameters.join(data.parameters))[0])
    unit = skeleton.mass * 9.80665 * LEVER
    mean = rung.structure.mesh.quadrature
    effort = 7.0 * mean @ (arrays["excitations"] ** 3).sum(1)
    torque = mean @ ((arrays["torques"] * unit / 4.0) ** 2).sum(1)
    steps = np.diff(arrays["accelerations"], axis=0)
    jerk = ((steps / (reference.duration / 6) / 1000.0) ** 2).sum() / 5
    assert cost == pytest.approx(effort + torque + jerk, rel=1e-9)


def test_chain_goes_from_tracking_by_weak_tracking_to_prediction(data_dir):
    settings = replace(SMALL, weakening=(3.0, 9.0))
    rungs = prediction_rungs(walker(data_dir), guide(data_dir), settings)
    assert [r.name for r in rungs] == [
        "tracking",
        "tracking 3 times weaker",
        "tracking 9 times weaker",
        "prediction trapezoidal 6",
    ]
    movement = movement_program(rungs[0].structure)
    weights = [np.max(r.data(movement).parameters["precision coordinates"]) for r in rungs]
    np.testing.assert_allclose(weights[1:3], [weights[0] / 9.0, weights[0] / 81.0])
    assert weights[3] == 0.0
    assert rungs[0].rough
    assert not rungs[3].rough
    for rung in rungs[1:]:
        data = rung.data(movement)
        assert float(data.lower["speed"]) == float(data.upper["speed"]) == 1.2
        assert (float(data.lower["duration"]), float(data.upper["duration"])) == (0.4, 0.6)


def test_pull_towards_the_guide_leaves_out_how_far_it_went(data_dir):
    settings = replace(SMALL, pull=0.5)
    rung = prediction_rungs(walker(data_dir), guide(data_dir), settings)[-1]
    data = rung.data(movement_program(rung.structure))
    weights = np.asarray(data.parameters["precision coordinates"]) / rung.structure.mesh.quadrature[:, None]
    names = walker(data_dir).coordinate_names
    assert weights[0, names.index("pelvis_tx")] == 0.0
    assert weights[0, names.index("knee_angle_r")] == pytest.approx(4.0)


def test_what_nobody_can_walk_is_refused(data_dir):
    with pytest.raises(ModelMismatch, match="unknown: tail"):
        person_of(walker(data_dir), replace(SMALL, strength={"tail": 2.0}))
    with pytest.raises(ModelMismatch, match="no positive factor: soleus_r"):
        person_of(walker(data_dir), replace(SMALL, strength={"soleus_r": 0.0}))
    with pytest.raises(ValueError, match="0 < lower <= upper"):
        replace(SMALL, duration=(0.6, 0.4))
    with pytest.raises(ValueError, match="meshes with a period"):
        replace(SMALL, meshes=(Mesh(6, "trapezoidal", "none"),))


@pytest.mark.slow
def test_walking_comes_out_of_effort_alone(data_dir):
    found = predict_movement(walker(data_dir), guide(data_dir), WALK, prepare=None)
    assert found.converged, found.reason
    assert found.speed == pytest.approx(1.2, abs=1e-6)
    assert 0.8 <= found.duration <= 1.2
    weight = found.skeleton.mass * 9.80665
    assert sum(g.force[:, 1].mean() for g in found.ground_reactions) == pytest.approx(weight, rel=0.02)
    knee = np.degrees(-found.of("knee_angle_r"))
    assert 25.0 < knee.max() < 80.0
    assert np.abs(found.moments[:, :3]).max() < 0.01 * weight


@pytest.mark.slow
def test_uphill_costs_more_than_the_flat(data_dir):
    costs = {}
    for slope in (0.0, 0.08):
        found = predict_movement(walker(data_dir), guide(data_dir), replace(WALK, slope=slope), prepare=None)
        assert found.converged, found.reason
        costs[slope] = found.objective
    assert costs[0.08] > 1.05 * costs[0.0]


@pytest.mark.slow
def test_weak_muscle_on_one_side_makes_walking_uneven(data_dir):
    mesh = (Mesh(24, "trapezoidal", "cycle"),)
    half = guide(data_dir)
    stride = _whole(half, walker(data_dir))
    settings = replace(WALK, meshes=mesh, duration=(0.8, 1.2), strength={"soleus_r": 0.4})
    reached = climb_prediction(walker(data_dir), stride, settings, prepare=None)
    assert reached.converged, reached.reason
    arrays = physical(reached.movement, reached.iterate.values)
    names = [m.name for m in reached.movement.structure.muscles]
    right, left = (arrays["activations"][:, names.index(f"soleus_{side}")] for side in "rl")
    assert abs(right.mean() - left.mean()) > 0.03 * left.mean()


def _whole(half, skeleton):
    """A half cycle and its mirror image."""
    names = skeleton.coordinate_names
    swap = [
        names.index(n[:-2] + {"_r": "_l", "_l": "_r"}[n[-2:]]) if n[-2:] in ("_r", "_l") else i
        for i, n in enumerate(names)
    ]
    image = {name: getattr(half, name)[1:, swap].copy() for name in ("values", "speeds", "accelerations")}
    travel = names.index("pelvis_tx")
    way = half.values[-1, travel] - half.values[0, travel]
    image["values"][:, travel] += way
    arrays = {name: np.vstack([getattr(half, name), array]) for name, array in image.items()}
    time = np.r_[half.time, half.time[1:] + half.time[-1] - half.time[0]]
    return replace(half, time=time, wrenches={}, **arrays)
