"""Laws of the node functions: they say what the numbers of the same mechanics say."""

import casadi as ca
import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.multibody import inverse_dynamics, point_position, segment_states
from synth.optimal_control import node_functions as nodes
from synth.optimal_control import objective
from synth.optimal_control.gait_problem import gait_program
from synth.optimal_control.gait_structure import GaitStructure
from synth.optimal_control.program.collocation import Mesh

SKELETON = planar_skeleton(Subject("A", 64.0, 1.68, "female"), "de_leva")


def test_equations_of_motion_are_the_inverse_dynamics():
    rng = np.random.default_rng(1)
    q, v, a = (rng.normal(size=10) * s for s in (0.4, 2.0, 10.0))
    force = rng.normal(size=6)
    weight = SKELETON.mass * 9.80665
    x = ca.SX.sym("x", 46)
    p = ca.SX.sym("p", nodes.N_SKELETON + 1)
    block = nodes.motion_block()
    scaled = np.r_[q, v / 5.0, a / 50.0, np.zeros(10), force]
    _, rows = block.value(scaled, np.r_[nodes.skeleton_numbers(SKELETON), weight])
    loads = {
        SKELETON.segment_index(foot): (
            (force[3 * i] * weight, force[3 * i + 1] * weight, 0.0),
            (0.0, 0.0, force[3 * i + 2] * weight * nodes.LEVER),
        )
        for i, foot in enumerate(nodes.FEET)
    }
    expected = inverse_dynamics(SKELETON, segment_states(SKELETON, list(q), list(v), list(a)), loads)
    assert np.allclose(np.ravel(rows) * weight * nodes.LEVER, expected, atol=1e-9)
    assert x.shape[0] == block.n_variables
    assert p.shape[0] == block.n_parameters


@pytest.mark.parametrize(
    "make",
    [
        nodes.motion_block,
        lambda: nodes.muscle_block("gait10dof18musc"),
        lambda: nodes.muscle_block("gait2dc"),
        lambda: nodes.contact_block("spheres"),
        lambda: nodes.contact_block("points"),
        nodes.marker_block,
        nodes.imu_block,
        nodes.pressure_block,
    ],
)
def test_derivatives_of_blocks_are_exact(make):
    """Gradient and Jacobian against central differences; Hessian against differences of both."""
    block = make()
    rng = np.random.default_rng(2)
    x = 0.1 * rng.normal(size=block.n_variables)
    p = 0.5 + 0.2 * rng.uniform(size=block.n_parameters)
    lam = rng.normal(size=block.n_rows)
    step = 1e-6

    def slope(at):
        gradient = np.zeros(block.n_variables)
        gradient[block.gradient_pattern] = np.ravel(block.gradient(at, p))
        jacobian = np.zeros((block.n_rows, block.n_variables))
        if block.n_rows:
            jacobian[block.jacobian_pattern] = np.ravel(block.jacobian(at, p))
        return gradient, jacobian

    gradient, jacobian = slope(x)
    hessian = np.zeros((block.n_variables, block.n_variables))
    hessian[block.hessian_pattern] = np.ravel(block.hessian(x, p, 1.0, lam))
    hessian = np.triu(hessian) + np.triu(hessian, 1).T
    for i in range(block.n_variables):
        d = np.zeros(block.n_variables)
        d[i] = step
        (f1, g1), (f0, g0) = block.value(x + d, p), block.value(x - d, p)
        scale = 1.0 + abs(float(f1)) + (np.abs(np.ravel(g1)).max() if block.n_rows else 0.0)
        assert (float(f1) - float(f0)) / (2 * step) == pytest.approx(gradient[i], abs=2e-7 * scale / step * 1e-2)
        if block.n_rows:
            assert np.allclose((np.ravel(g1) - np.ravel(g0)) / (2 * step), jacobian[:, i], atol=1e-4 * scale)
        (s1, j1), (s0, j0) = slope(x + d), slope(x - d)
        column = (s1 - s0 + lam @ (j1 - j0)) / (2 * step)
        assert np.allclose(column, hessian[:, i], atol=1e-5 * (1.0 + np.abs(hessian).max()))


def test_eight_moments_replace_any_number_of_markers():
    rng = np.random.default_rng(3)
    offsets, positions = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    weights = rng.uniform(1.0, 2.0, 5)
    positions[2] = np.nan
    q = 0.3 * rng.normal(size=10)
    state = segment_states(SKELETON, list(q))[2]
    moments = objective.marker_moments(offsets, positions, weights)
    expected = 0.0
    for offset, position, weight in zip(offsets, positions, weights, strict=True):
        if np.isfinite(position).all():
            x, y, _ = point_position(state, (*offset, 0.0))
            expected += weight * ((x - position[0]) ** 2 + (y - position[1]) ** 2)
    assert objective.track_markers_of_segment(state, moments) == pytest.approx(expected)


def test_a_still_sensor_reads_gravity_upwards():
    state = segment_states(SKELETON, [0.0] * 10)[0]
    assert objective.sagittal_imu(state, (0.1, 0.2), 0.0) == pytest.approx((0.0, 9.80665, 0.0))
    assert objective.sagittal_imu(state, (0.1, 0.2), np.pi / 2)[0] == pytest.approx(9.80665)


def test_the_moment_about_the_centre_of_pressure_vanishes():
    ankle, force, x = (0.2, 0.08), (0.1, 0.9), 0.27
    moment = (x - ankle[0]) * force[1] + ankle[1] * force[0]
    assert objective.track_centre_of_pressure(ankle, force, moment, x, 1.0) == pytest.approx(0.0)


def test_a_skeleton_in_space_is_refused_by_name():
    with pytest.raises(nodes.SkeletonNotPlanar, match="lower_body"):
        nodes.skeleton_numbers(lower_body_skeleton(Subject("A", 70.0, 1.75), "winter"))


def test_a_structure_is_built_once_in_a_process():
    structure = GaitStructure(Mesh(8))
    assert gait_program(structure) is gait_program(GaitStructure(Mesh(8)))
