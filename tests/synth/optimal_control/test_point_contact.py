"""Contact of points: the published penetration law, the laws of contact, derivatives everywhere."""

import math
from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.vector import axis_rotation, rotate
from synth.optimal_control.law.point_contact import BODY_WEIGHTS_PER_METRE, PointConstants, foot_load, point_force

MASS, GRAVITY = 70.0, 9.81
LAW = PointConstants(BODY_WEIGHTS_PER_METRE * MASS * GRAVITY)
PLANAR = "opensim_core/falisse2019_2d_walk/2D_gait.osim"


@pytest.mark.parametrize("height", [-0.01, 0.0, 0.002])
@pytest.mark.parametrize("attraction", [0.0, 1.0])
def test_force_is_the_published_one(height, attraction):
    vx, vy, k = 0.3, -0.2, LAW.stiffness
    depth = (math.sqrt(height**2 + 1e-3**2) - height) / 2
    up = k * depth * (1 - 0.75 * vy) - attraction * height
    forward = -up * vx / math.sqrt(vx**2 + 0.1**2)
    force, point = point_force(replace(LAW, attraction=attraction), (0.4, height, 0.0), (vx, vy, 0.0))
    assert force == pytest.approx((forward, up, 0.0), rel=1e-12)
    assert point == (0.4, height, 0.0)


def test_no_force_far_above_the_floor_and_stiffness_times_depth_below():
    height = np.array([1.0, 0.3, 0.1, 0.01, 0.0, -0.02])
    normal = point_force(LAW, (0.0, height, 0.0), (0.0, 0.0, 0.0))[0][1]
    assert np.all(normal[:2] < 2e-4 * MASS * GRAVITY)
    assert np.all(np.diff(normal) > 0)
    assert normal[-1] == pytest.approx(0.02 * LAW.stiffness, rel=1e-3)


def test_friction_opposes_the_slip_along_it_and_vanishes_without():
    rng = np.random.default_rng(1)
    velocity = rng.normal(0, 1, (3, 300))
    force, _ = point_force(LAW, (0.0, -0.01, 0.0), tuple(velocity))
    pushed = force[1] > 0
    assert np.all((force[0] * velocity[0] + force[2] * velocity[2])[pushed] < 0)
    np.testing.assert_allclose(force[0] * velocity[2], force[2] * velocity[0], rtol=1e-9, atol=1e-9)
    assert np.all(np.hypot(force[0], force[2]) <= np.abs(force[1]))
    still = point_force(LAW, (0.0, -0.01, 0.0), (0.0, -0.3, 0.0))[0]
    assert still[0] == still[2] == 0.0


def falling(law, height, duration):
    """A mass on a point that falls from rest: heights and speeds over time."""

    def rates(_, state):
        return state[1], point_force(law, (0.0, state[0], 0.0), (0.0, state[1], 0.0))[0][1] / MASS - GRAVITY

    return solve_ivp(rates, (0.0, duration), (height, 0.0), rtol=1e-9, atol=1e-11, max_step=2e-3).y


def test_a_point_at_rest_carries_its_weight_at_the_depth_of_the_law():
    height, speed = falling(LAW, 0.0, 3.0)
    depth = 1.0 / BODY_WEIGHTS_PER_METRE
    assert height[-1] == pytest.approx(1e-3**2 / (4 * depth) - depth, abs=1e-6)  # (sqrt(y² + p²) - y) / 2 = depth
    assert abs(speed[-1]) < 1e-3


def test_energy_is_lost_in_a_bounce_by_damping_alone():
    damped, _ = falling(LAW, 0.05, 0.4)
    elastic, _ = falling(replace(LAW, damping=0.0), 0.05, 0.4)
    rebound = [h[np.argmin(h) :].max() for h in (damped, elastic)]
    assert rebound[0] < 0.045
    assert rebound[1] == pytest.approx(0.05, abs=1e-4)


def test_forces_turn_with_the_ground_frame_about_the_vertical():
    turn = axis_rotation((0.0, 1.0, 0.0), 0.7)
    point, velocity = (0.3, -0.01, -0.5), (0.6, -0.2, 0.9)
    force = point_force(LAW, point, velocity)[0]
    np.testing.assert_allclose(point_force(LAW, rotate(turn, point), rotate(turn, velocity))[0], rotate(turn, force))


def test_the_floor_may_be_anywhere():
    low = point_force(LAW, (0.0, -0.01, 0.0), (0.3, 0.1, 0.2))[0]
    np.testing.assert_allclose(point_force(LAW, (0.0, 0.49, 0.0), (0.3, 0.1, 0.2), floor=0.5)[0], low)


def test_a_planar_skeleton_has_planar_forces_and_the_same_as_in_3d(data_dir):
    skeleton = read_osim(data_dir / PLANAR)
    n = len(skeleton.coordinates)
    calcn = skeleton.segment_index("calcn_r")
    q, u = ca.SX.sym("q", n), ca.SX.sym("u", n)
    states = segment_states(skeleton, ca.vertsplit(q), ca.vertsplit(u), [0.0] * n)
    points = ((0.0, -0.03, 0.0), (0.2, -0.03, 0.0))
    load = foot_load([(states[calcn], points)], LAW, states[calcn].origin)  # the foot stands beside the middle
    for zero in (load.force[2], load.moment[0], load.moment[1]):
        assert isinstance(zero, float)
        assert zero == 0.0
    spatial = foot_load([(states[calcn], tuple((x, y, ca.SX(z)) for x, y, z in points))], LAW, states[calcn].origin)
    residual = inverse_dynamics(skeleton, states, {calcn: load.segments[0]})
    free = inverse_dynamics(skeleton, states)
    up = skeleton.coordinate_index("pelvis_ty")
    f = ca.Function(
        "f",
        [q, u],
        [ca.vertcat(*load.force, *load.moment), ca.vertcat(*spatial.force, *spatial.moment), free[up] - residual[up]],
    )
    rng = np.random.default_rng(2)
    for _ in range(10):
        pose, speeds = rng.uniform(-0.2, 0.2, n), rng.normal(0, 0.5, n)
        pose[up] = rng.uniform(0.85, 0.95)
        planar, whole, lifted = f(pose, speeds)
        np.testing.assert_allclose(np.array(planar), np.array(whole), rtol=1e-12, atol=1e-12)
        assert float(lifted) == pytest.approx(float(planar[1]), rel=1e-9)


def symbolic_point():
    """Force with every number a symbol: a CasADi function with its first and second derivatives."""
    z = ca.SX.sym("z", 12)
    parts = ca.vertsplit(z)
    out = ca.vertcat(*point_force(PointConstants(*parts[6:]), tuple(parts[:3]), tuple(parts[3:6]))[0])
    jacobian = ca.jacobian(out, z)
    return ca.Function("f", [z], [out, jacobian, ca.jacobian(ca.vec(jacobian), z)])


CONSTANTS = (LAW.stiffness, 0.75, 1.0, 1e-3, 0.1, 1.0)


def test_derivatives_are_finite_anywhere():
    f = symbolic_point()
    for height in (-0.5, 0.0, 1e-3, 3.0):
        for vertical in (-5.0, 0.0, 5.0):
            for slip in (0.0, 1e-9, 40.0):
                for value in f([0.0, height, 0.0, slip, vertical, slip, *CONSTANTS]):
                    assert np.isfinite(np.array(value)).all()


def test_derivatives_are_those_of_central_differences():
    f, rng = symbolic_point(), np.random.default_rng(3)
    for _ in range(20):
        z = np.array([0.1, rng.uniform(-0.02, 0.02), 0.2, *rng.normal(0, 1, 3), *CONSTANTS])
        jacobian = np.array(f(z)[1])
        for j in range(len(z)):
            step = np.zeros(len(z))
            step[j] = 1e-5 * max(abs(z[j]), 1e-3)
            difference = np.array(f(z + step)[0] - f(z - step)[0])[:, 0] / (2 * step[j])
            size = max(np.abs(jacobian[:, j]).max(), np.abs(np.array(f(z)[0])).max(), 1.0)
            np.testing.assert_allclose(jacobian[:, j], difference, atol=1e-5 * size, rtol=0)
