"""Laws of followed joint moments: they are what the movement demands and what muscles, actuators and tissue give."""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import (
    planar_data,
    planar_skeleton,
    planar_solution,
    planar_structure,
)

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.path_fit import FitSettings
from synth.optimal_control.movement.climb import Rung, carry_over, climb, physical, start_values
from synth.optimal_control.movement.data import person_data
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.node_equations import node_equations
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.movement.solution import make_solution
from synth.optimal_control.movement.structure import LEVER, SCALE, movement_structure
from synth.optimal_control.prediction.objective_share import objective_shares
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.node_reference import node_reference
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.recorded_tracking import climb_recording, tracking_data, tracking_structure
from synth.optimal_control.recording.tracking_settings import Deviations, TrackingSettings
from synth.optimal_control.recording.trial_samples import MotionFiles
from synth.optimal_control.result.tracking_report import tracking_figures

EXAMPLE = "opensim_core/falisse2019_2d_walk"
HALF = Mesh(8, "trapezoidal", "half_cycle")
UNIT = planar_skeleton().mass * 9.80665 * LEVER
JOINTS = tuple(name for name in planar_skeleton().coordinate_names if not name.startswith("pelvis"))


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@cache
def walker(data_dir):
    """The muscle-driven planar example."""
    knee = (np.radians(-75.0), np.radians(3.0))
    ranges = {"knee_angle_r": knee, "knee_angle_l": knee}
    settings = FitSettings(length_goal=1e-3, arm_goal=3e-3)
    model = data_dir / EXAMPLE / "2D_gait.osim"
    return prepare_model(model, ranges=ranges, settings=settings, show_progress=False).skeleton


@cache
def example(data_dir):
    """Its measured half cycle, with the joint moments of torques and loads that fit it: the file lacks pressure."""
    folder, skeleton = data_dir / EXAMPLE, walker(data_dir)
    files = MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml")
    motion = recorded_motion(files, skeleton, np.linspace(0.0, 0.47, 51), cutoff=6.0)
    mesh = Mesh(50, "trapezoidal", "half_cycle")
    settings = TrackingSettings(Deviations(torque=300.0), (mesh,), muscles=False, ground="near")
    found = make_solution(climb_recording(skeleton, motion, settings, prepare=None), skeleton)
    assert found.converged, found.reason
    moments = found.moments[:51].copy()
    moments[:, :3] = np.nan  # between body and ground
    return replace(motion, moments=moments)


def tracked(data_dir, deviation, meshes=(HALF,), **options):
    joints = walker(data_dir).coordinate_names[3:]
    deviations = Deviations(joint_moment=deviation)
    settings = TrackingSettings(deviations, meshes, moments=joints, options=options)
    return climb_recording(walker(data_dir), example(data_dir), settings, prepare=None)


def closed(array):
    return np.vstack([array, array[:1]])


def driven_structures(data_dir):
    """Muscles, tissue, actuators, contact and free loads together, without and with moments of some joints."""
    names = ("hip_flexion_l", "hip_flexion_r", "knee_angle_r", "knee_angle_l", "lumbar")
    options = {"torques": ("lumbar", "knee_angle_r"), "muscles": True, "contact": "spheres"}
    options |= {"passive": True, "wrenches": True}
    skeleton = walker(data_dir)
    return [movement_structure(skeleton, Mesh(3), moments=moments, **options) for moments in ((), names)]


def random_values(movement, rng):
    """Solver variables near standing."""
    layout = movement.variables
    values = 0.2 * rng.normal(size=layout.size)
    for name in ("activations", "excitations"):
        values[layout.index(name)] = rng.uniform(0.1, 0.9, layout.shapes[name])
    values[layout.index("duration")] = 1.0
    up = movement.structure.pattern.coordinate_names.index("pelvis_ty")
    values[layout.index("coordinates")[:, up]] = 0.9
    return values


def test_moment_stands_between_what_demands_and_what_gives(data_dir, rng):
    plain, split = (movement_program(structure) for structure in driven_structures(data_dir))
    values = random_values(split, rng)
    arrays = split.variables.split(values)
    moments = arrays.pop("joint_moments")
    data = person_data(split.structure, walker(data_dir))
    whole, both = (
        np.asarray(m.program.functions["f_g"](v, m.parameters.join(data.parameters))[1]).ravel()
        for m, v in ((plain, plain.variables.join(arrays)), (split, values))
    )
    n, n_q, followed = 3, plain.structure.n_coordinates, list(split.structure.moments)
    whole, rest = whole[: n * n_q].reshape(n, n_q), whole[n * n_q :]
    both, own = np.split(both, [n * (n_q + len(followed))])
    both = both.reshape(n, -1)
    np.testing.assert_allclose(own, rest, atol=1e-12)
    demand, given = both[:, :n_q], both[:, n_q:]
    np.testing.assert_allclose(demand[:, followed] + given, whole[:, followed], atol=1e-11)
    others = np.setdiff1d(np.arange(n_q), followed)
    np.testing.assert_allclose(demand[:, others], whole[:, others], atol=1e-12)
    # the row of what gives is the moment less that of muscles, actuators and tissue, which no acceleration moves
    faster = split.variables.join({**arrays, "joint_moments": moments, "accelerations": arrays["accelerations"] + 1.0})
    rows = np.asarray(split.program.functions["f_g"](faster, split.parameters.join(data.parameters))[1]).ravel()
    np.testing.assert_array_equal(rows[: both.size].reshape(n, -1)[:, n_q:], given)


def test_derivatives_of_moments_are_exact(data_dir, rng):
    movement = movement_program(driven_structures(data_dir)[1])
    values, way = random_values(movement, rng), rng.normal(size=movement.variables.size)
    data = person_data(movement.structure, walker(data_dir)).following(
        "joint_moments", rng.normal(size=(3, 5)), 2.0, movement.structure.mesh.quadrature
    )
    parameters, functions = movement.parameters.join(data.parameters), movement.program.functions
    step = 1e-6
    (f_after, g_after), (f_before, g_before) = (
        (float(cost), np.asarray(rows).ravel())
        for cost, rows in (functions["f_g"](values + sign * step * way, parameters) for sign in (1, -1))
    )
    gradient = np.asarray(functions["grad_f"](values, parameters)[1]).ravel()
    assert gradient @ way == pytest.approx((f_after - f_before) / (2.0 * step), rel=1e-6)
    jacobian = functions["jac_g"](values, parameters)[1].sparse()
    change = (g_after - g_before) / (2.0 * step)
    np.testing.assert_allclose(jacobian @ way, change, atol=1e-6 * np.abs(change).max())


def test_equations_at_an_instant_are_those_without_moments(data_dir):
    """Checks between nodes and forward in time ask the forces themselves, and know no moments."""
    plain, split = driven_structures(data_dir)
    equations = [node_equations(structure, compiler=None) for structure in (plain, split)]
    assert equations[0].drives == equations[1].drives
    values = [
        np.asarray(e.residual(*(np.full(e.residual.size_in(i), 0.3) for i in range(e.residual.n_in()))))
        for e in equations
    ]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize(("scheme", "period"), [("trapezoidal", "cycle"), ("hermite_simpson", "none")])
def test_joint_that_nobody_measured_moves_as_its_moment_says(scheme, period):
    """Everything but the right knee is followed from a known movement: its moment alone tells where it was."""
    truth = planar_solution(12, scheme, period)
    knee = planar_skeleton().coordinate_index("knee_angle_r")
    structure = movement_structure(
        planar_skeleton(), Mesh(12, scheme, period), torques=JOINTS, wrenches=True, moments=JOINTS
    )
    columns = list(structure.moments)
    unseen = truth.coordinates.copy()
    unseen[:, knee] = np.nan

    def data(movement):
        mean = movement.structure.mesh.quadrature
        numbers = planar_data(movement).following("torques", np.zeros((len(mean), len(JOINTS))), 0.0)
        numbers = numbers.following("coordinates", unseen, 1e4, mean)
        numbers = numbers.following("wrenches", truth.arrays["wrenches"], 1e4, mean)
        return numbers.following("joint_moments", truth.moments[:, columns] / UNIT, 1e4, mean)

    def start(movement):
        walk = truth.coordinates.copy()
        walk[:, knee] += 0.1
        arrays = {**truth.arrays, "coordinates": walk}
        return start_values(movement, arrays)

    reached = climb([Rung("moments", structure, data, SolverSettings(tolerance=1e-8))], start)
    found = make_solution(reached, planar_skeleton())
    assert found.converged, found.reason
    np.testing.assert_allclose(found.moments[:, columns], truth.moments[:, columns], atol=0.05)
    np.testing.assert_allclose(UNIT * found.arrays["joint_moments"], found.moments[:, columns], atol=1e-3)
    np.testing.assert_allclose(UNIT * found.arrays["torques"], found.moments[:, columns], atol=1e-3)
    assert np.degrees(np.abs(found.coordinates - truth.coordinates)[:, knee]).max() < 0.5


@pytest.mark.parametrize("tissue", [False, True])
def test_followed_moment_is_that_of_the_solution_also_with_muscles(data_dir, tissue):
    reached = tracked(data_dir, 5.0, passive=tissue)
    assert reached.converged, reached.reason
    structure, skeleton = reached.movement.structure, walker(data_dir)
    # the trunk has an actuator alone, which follows its moment without another variable, unless tissue helps it
    names = [skeleton.coordinate_names[j] for j in structure.moments]
    assert ("lumbar" in names) == tissue
    solution = make_solution(reached, skeleton)
    unit = skeleton.mass * 9.80665 * LEVER
    assert len(solution.time) == 16  # both halves
    np.testing.assert_allclose(
        unit * solution.arrays["joint_moments"], solution.moments[:, list(structure.moments)], atol=1e-3
    )
    shares = objective_shares(reached.movement, reached.data, reached.iterate.values)
    assert sum(shares.values()) == pytest.approx(reached.iterate.objective, rel=1e-9)
    target = node_reference(structure, skeleton, example(data_dir)).moments[:, list(structure.moments)]
    errors = unit * physical(reached.movement, reached.iterate.values)["joint_moments"] - target
    expected = structure.mesh.quadrature @ ((errors / 5.0) ** 2).sum(axis=1)
    assert shares["joint_moments"] == pytest.approx(expected, rel=1e-9)


def test_actuator_follows_a_moment_only_where_it_is_alone(data_dir):
    """Beside muscles it is a reserve, which costs what it costs."""
    skeleton = walker(data_dir)
    settings = TrackingSettings(
        Deviations(joint_moment=5.0), (HALF,), moments=("lumbar",), torques=("lumbar", "knee_angle_r", "knee_angle_l")
    )
    structure = tracking_structure(skeleton, HALF, settings, muscles=True)
    reference = node_reference(structure, skeleton, example(data_dir))
    target = tracking_data(structure, skeleton, reference, settings).parameters["target torques"]
    unit = skeleton.mass * 9.80665 * LEVER
    np.testing.assert_allclose(unit * target[:, 0], reference.moments[:, skeleton.coordinate_index("lumbar")])
    assert np.abs(target[:, 0]).max() > 0.0
    np.testing.assert_array_equal(target[:, 1:], 0.0)


def test_tighter_weight_brings_moments_nearer(data_dir):
    """On the measured planar walk, muscles and contact, at the nodes that are solved."""
    errors = {}
    for deviation in (1000.0, 10.0, 3.0):
        reached = tracked(data_dir, deviation, meshes=(Mesh(16, "trapezoidal", "half_cycle"),))
        assert reached.converged, reached.reason
        solution, structure = make_solution(reached, walker(data_dir)), reached.movement.structure
        target = node_reference(structure, walker(data_dir), example(data_dir)).moments
        own = solution.moments[: len(target)]
        errors[deviation] = float(np.sqrt(np.nanmean((own - target)[:, 3:] ** 2)))
        figures = tracking_figures(solution, example(data_dir), solution.duration, structure)
        assert set(figures["followed_moments"]) == set(walker(data_dir).coordinate_names[3:])
        assert figures["followed_moments_mean"] == pytest.approx(errors[deviation], rel=0.5)
    assert errors[10.0] < 0.85 * errors[1000.0]
    assert errors[3.0] < 0.85 * errors[10.0]


def test_coarse_moments_begin_the_finer_mesh(data_dir):
    reached = tracked(data_dir, 10.0, meshes=(HALF, Mesh(16, "trapezoidal", "half_cycle")))
    assert reached.converged, reached.reason
    joints = {"torques": JOINTS, "wrenches": True}
    coarse, fine = (
        movement_program(movement_structure(planar_skeleton(), Mesh(n), moments=moments, **joints))
        for n, moments in ((4, ("knee_angle_r", "hip_flexion_r")), (8, ("hip_flexion_r", "ankle_angle_l")))
    )
    values = coarse.variables.join({"joint_moments": np.array([[2.0, 5.0]]), "duration": 1.0})
    carried = fine.variables.split(carry_over(coarse, values, fine))["joint_moments"]
    np.testing.assert_allclose(carried, np.tile([5.0, 0.0], (8, 1)))
    assert SCALE["joint_moments"] == 1.0


def test_mirror_image_of_moments_is_that_of_the_coordinates_that_they_move(data_dir, rng):
    model = data_dir / "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
    skeleton = prepare_model(model, muscles=False, show_progress=False).skeleton
    names = ("lumbar_bending", "hip_adduction_r", "ankle_angle_l", "hip_adduction_l", "ankle_angle_r")
    structure = movement_structure(skeleton, HALF, moments=names)
    values = rng.normal(size=(3, structure.n_coordinates))
    whole = mirrored_array(structure, "accelerations", values)
    columns = list(structure.moments)
    np.testing.assert_array_equal(mirrored_array(structure, "joint_moments", values[:, columns]), whole[:, columns])
    assert (np.sign(whole[:, columns[0]]) == -np.sign(values[:, columns[0]])).all()


def test_half_a_cycle_wants_both_sides():
    with pytest.raises(ModelMismatch, match="the moment of hip_flexion_r is followed and that of hip_flexion_l is not"):
        movement_structure(planar_skeleton(), HALF, torques=JOINTS, moments=("hip_flexion_r", "lumbar_extension"))
    movement_structure(planar_skeleton(), Mesh(8), torques=JOINTS, moments=("hip_flexion_r",))


def test_structure_has_moments_only_where_they_are_asked_for(data_dir):
    def structure(deviation, muscles=True, moments=("knee_angle_r", "knee_angle_l", "lumbar"), **options):
        settings = TrackingSettings(Deviations(joint_moment=deviation), (HALF,), moments=moments, options=options)
        return tracking_structure(walker(data_dir), HALF, settings, muscles=muscles)

    def names(made):
        return [made.pattern.coordinate_names[j] for j in made.moments]

    assert names(structure(None)) == names(structure(5.0, moments=())) == names(structure(5.0, muscles=False)) == []
    assert names(structure(5.0)) == ["knee_angle_r", "knee_angle_l"]
    assert names(structure(5.0, passive=True)) == ["knee_angle_r", "knee_angle_l", "lumbar"]
    plain = planar_structure()
    assert "joint_moments" not in movement_program(plain).variables.shapes
    assert movement_program(plain).program.shared.name == "equations of motion"
