"""Laws of exported files: OpenSim finds in them the poses, loads and moments of the solution."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import DURATION, PLANAR, SPEED, planar_skeleton, planar_solution, smooth_solution

from mocap_import.batch import WorkerProcess
from opensim_models.exchange.storage import read_generalized_forces, read_motion
from opensim_models.exchange.storage_table import read_table
from opensim_models.model.multibody import segment_states
from opensim_models.model.vector import over_frames
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import body_poses
from synth.optimal_control.recording.ground_load import read_ground_loads
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.result.solution_export import export_solution, nearest_frame, pressure_wrench
from synth.optimal_control.result.solution_frames import solution_frames

TOOL = """
import numpy as np
from opensim_models.osim.inverse_kinematics_tool import table_of
from opensim_models.osim.library import osim


def demand(model, coordinates, loads, folder, duration):
    tool = osim.InverseDynamicsTool()
    tool.setModelFileName(model)
    tool.setCoordinatesFileName(coordinates)
    tool.setExternalLoadsFileName(loads)
    tool.setLowpassCutoffFrequency(-1.0)
    tool.setStartTime(0.0)
    tool.setEndTime(duration)
    excluded = osim.ArrayStr()
    excluded.append("ALL")
    tool.setExcludedForces(excluded)
    tool.setResultsDir(folder)
    tool.setOutputGenForceFileName("id.sto")
    assert tool.run()
    return table_of(__import__("pathlib").Path(folder) / "id.sto")
"""


def own_poses(skeleton, values):
    states = segment_states(skeleton, list(values.T))
    places = {
        s.name: over_frames(list(state.origin), len(values)) for s, state in zip(skeleton.segments, states, strict=True)
    }
    turns = {
        s.name: over_frames([x for row in state.rotation for x in row], len(values)).reshape(-1, 3, 3)
        for s, state in zip(skeleton.segments, states, strict=True)
    }
    return places, turns


def assert_poses(model, path, skeleton, values, tolerance):
    motion = read_motion(path)
    bodies = body_poses(model, motion.coordinates, motion.values)
    places, turns = own_poses(skeleton, values)
    for name in places:
        assert np.abs(bodies[name][0] - places[name]).max() < tolerance
        assert np.abs(bodies[name][1] - turns[name]).max() < tolerance


def test_bodies_stand_in_opensim_where_the_solution_has_them(tmp_path):
    solution = planar_solution()
    files = export_solution(solution, PLANAR, tmp_path)
    frames = solution_frames(solution)
    assert_poses(PLANAR, files.coordinates, solution.skeleton, frames.coordinates, 1e-9)


@pytest.mark.parametrize("scheme", ["trapezoidal", "radau"])
def test_cycle_ends_with_its_first_frame_moved_on_by_the_stride(scheme):
    solution = planar_solution(6, scheme)
    frames = solution_frames(solution)
    assert np.ptp(np.diff(frames.time)) < 1e-12
    assert frames.time[-1] == pytest.approx(DURATION)
    way = np.zeros(10)
    way[solution.skeleton.coordinate_index("pelvis_tx")] = SPEED * DURATION
    assert np.allclose(frames.coordinates[-1] - frames.coordinates[0], way, atol=1e-12)
    assert np.allclose(frames.moments[-1], frames.moments[0])
    # the same push a stride further on has the same lever to the body
    first, last = (frames.loads[k, :, 5] - frames.coordinates[k, 1] * frames.loads[k, :, 1] for k in (0, -1))
    assert np.allclose(first, last)


def test_other_rates_keep_the_movement():
    solution = smooth_solution()
    coarse = replace(
        solution,
        **{
            name: getattr(solution, name)[::5]
            for name in ("time", "coordinates", "speeds", "accelerations", "moments", "loads")
        },
    )
    frames = solution_frames(coarse, 200.0)
    assert np.abs(frames.coordinates[:-1] - solution.coordinates).max() < 1e-4
    assert np.abs(frames.moments[:-1] - solution.moments).max() < 0.02 * np.abs(solution.moments).max()
    with pytest.raises(ModelMismatch, match="rate of -1"):
        solution_frames(solution, -1.0)


def test_opensims_inverse_dynamics_on_the_exported_files_gives_the_moments(tmp_path):
    solution = smooth_solution()
    files = export_solution(solution, PLANAR, tmp_path)
    (tmp_path / "opensim_tool.py").write_text(TOOL)
    sys.path.insert(0, str(tmp_path))
    try:
        with WorkerProcess(timeout=120) as worker:
            named = {"coordinates": str(files.coordinates), "loads": str(files.loads), "folder": str(tmp_path)}
            names, forces = worker.call("opensim_tool:demand", {"model": str(PLANAR), **named, "duration": DURATION})
    finally:
        sys.path.remove(str(tmp_path))
    exported = read_generalized_forces(files.moments)
    found = [name.removesuffix("_moment").removesuffix("_force") for name in names]
    assert sorted(found) == sorted(exported.coordinates)
    for name in exported.coordinates:
        inner = slice(5, -5)  # OpenSim's spline has natural ends
        error = forces[inner, found.index(name)] - exported.of(name)[inner]
        assert np.abs(error).max() < 0.01  # N·m, N; of up to 300


def test_loads_come_back_with_their_moments(tmp_path):
    solution = smooth_solution()
    files = export_solution(solution, PLANAR, tmp_path, start_time=2.5, name="walk")
    loads, notes = read_ground_loads(files.loads)
    frames = solution_frames(solution)
    assert [load.foot for load in loads] == ["right", "left"]
    assert not notes
    for i, load in enumerate(loads):
        assert load.start == 2.5
        assert np.abs(load.force - frames.loads[:, i, :3]).max() < 1e-8
        assert np.abs(load.moment - frames.loads[:, i, 3:]).max() < 1e-6
    assert files.coordinates.name == "walk_coordinates.mot"
    assert read_table(files.coordinates).start_time == 2.5


def test_torque_about_the_centre_of_pressure_is_vertical_where_a_foot_is_loaded():
    rng = np.random.default_rng(3)
    force = rng.normal(0.0, 50.0, (40, 3))
    force[:, 1] = np.linspace(-5.0, 700.0, 40)
    moment = rng.normal(0.0, 50.0, (40, 3))
    _, point, torque = pressure_wrench(force, moment)
    assert np.allclose(np.cross(point, force) + torque, moment)
    loaded = force[:, 1] > 20.0
    assert np.allclose(torque[loaded][:, [0, 2]], 0.0)
    assert np.array_equal(point[~loaded], np.repeat(point[loaded][:1], (~loaded).sum(), axis=0))
    never = pressure_wrench(np.zeros((4, 3)), np.ones((4, 3)))
    assert not never[1].any()
    assert np.array_equal(never[2], np.ones((4, 3)))
    assert nearest_frame(np.array([0, 0, 1, 0, 0, 0, 1], bool)).tolist() == [2, 2, 2, 2, 6, 6, 6]


def test_other_model_is_named(tmp_path):
    lower_body = PLANAR.with_name("lower_body.osim")
    with pytest.raises(ModelMismatch, match=r"has pelvis_list, .* neither moves nor holds"):
        export_solution(planar_solution(), lower_body, tmp_path)


def test_solution_that_is_not_finite_is_not_exported(tmp_path):
    broken = replace(planar_solution(), moments=np.full((12, 10), np.nan))
    with pytest.raises(ModelMismatch, match=r"moments .* not finite"):
        export_solution(broken, PLANAR, tmp_path)
    assert not list(tmp_path.iterdir())


def test_held_and_coupled_coordinates_make_the_source_model_complete(tmp_path, data_dir):
    folder = data_dir / "opensim_core" / "rajagopal_walk"
    model = folder / "subject_walk_scaled.osim"
    prepared = prepare_model(model, hold={"mtp_angle_r": 0.1, "mtp_angle_l": -0.2}, muscles=False, contact=False)
    recorded = read_motion(folder / "coordinates.sto", skeleton=prepared.skeleton)
    values = np.stack([recorded.of(name) for name in prepared.skeleton.coordinate_names], axis=1)[::20]
    n = len(values)
    still = {"speeds": 0.0 * values, "accelerations": 0.0 * values, "moments": 0.0 * values}
    whole = {"skeleton": prepared.skeleton, "period": "none", "loads": np.zeros((n, 2, 6)), "arrays": {}}
    solution = replace(planar_solution(), time=np.arange(n) / 50.0, coordinates=values, **still, **whole)
    files = export_solution(solution, model, tmp_path, held=prepared.held)
    table = read_table(files.coordinates)
    assert table.values[:, table.labels.index("mtp_angle_l")] == pytest.approx(np.degrees(-0.2))
    knee, beta = (table.values[:, table.labels.index(label)] for label in ("knee_angle_r", "knee_angle_r_beta"))
    assert np.allclose(np.radians(knee), beta)  # OpenSim writes those that follow in radians
    # joints are polynomials in the skeleton and splines in the model: 0.2 mrad at the knee
    assert_poses(model, files.coordinates, prepared.skeleton, values, 5e-4)


def test_planar_skeleton_of_these_tests_has_nothing_held():
    assert len(planar_skeleton().coordinates) == 10
