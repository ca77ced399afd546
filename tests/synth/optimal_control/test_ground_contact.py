"""Laws of the ground contact: the published formulas, signs, smoothness."""

import casadi as ca
import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.multibody import segment_states
from synth.optimal_control import ground_contact as gc


def published_sphere(depth, rate, slip, radius, modulus):
    """OpenSim's SmoothSphereHalfSpaceForce as its documentation states it."""
    c, mu_s, mu_d, mu_v, vt = 2.0, 0.8, 0.8, 0.5, 0.2
    k = 0.5 * modulus ** (2 / 3)
    fh = 4 / 3 * k * np.sqrt(radius * k) * (depth**2 + 1e-5) ** 0.75 * (0.5 + 0.5 * np.tanh(300 * depth))
    fn = fh * (1 + 1.5 * c * rate) * (0.5 + 0.5 * np.tanh(50 * (rate + 2 / (3 * c))))
    vs = np.sqrt(slip**2 + 1e-5)
    r = vs / vt
    friction = fn * (min(r, 1.0) * (mu_d + 2 * (mu_s - mu_d) / (1 + r**2)) + mu_v * vs)
    return fn, -friction * slip / vs


@pytest.mark.parametrize("depth", [-0.02, 0.0, 0.004, 0.015])
@pytest.mark.parametrize("rate", [-0.5, 0.0, 0.4])
@pytest.mark.parametrize("slip", [-0.6, 0.05, 1.5])
def test_sphere_force_is_the_published_one(depth, rate, slip):
    normal, friction = published_sphere(depth, rate, slip, 0.03, 3.06778e6)
    ours = gc.hunt_crossley_normal(depth, rate, 0.03, 3.06778e6)
    assert ours == pytest.approx(normal, rel=1e-10)
    assert gc.sliding_friction(ours, slip) == pytest.approx(friction, rel=1e-5, abs=1e-9)


def test_penetration_force_is_the_published_one():
    y, vx, vy, k = 0.002, 0.3, -0.2, 70_000.0
    depth = (np.sqrt(y**2 + 1e-6) - y) / 2
    vertical = k * depth * (1 - 0.75 * vy)
    forward, up = gc.penetration_force(y, vx, vy, k)
    assert up == pytest.approx(vertical)
    assert forward == pytest.approx(-vertical * vx / np.hypot(vx, 0.1))


def test_the_floor_pushes_up_and_against_the_slip():
    assert gc.hunt_crossley_normal(0.01, 0.0, 0.03, 3e6) > 100
    assert gc.hunt_crossley_normal(-0.03, 0.0, 0.03, 3e6) < 1e-3
    assert gc.sliding_friction(100.0, 0.3) < 0 < gc.sliding_friction(100.0, -0.3)
    assert gc.sliding_friction(100.0, 0.0) == 0.0


@pytest.mark.parametrize("model", [gc.SPHERES, gc.POINTS], ids=lambda x: x.name)
def test_contact_and_its_derivatives_are_finite_anywhere(model):
    x = ca.SX.sym("x", 3)
    if model.law == "hunt_crossley":
        normal = gc.hunt_crossley_normal(x[0], x[1], 0.03, 3e6)
        out = ca.vertcat(normal, gc.sliding_friction(normal, x[2]))
    else:
        out = ca.vertcat(*gc.penetration_force(x[0], x[1], x[2], 7e4))
    jacobian = ca.jacobian(out, x)
    second = ca.Function("f", [x], [out, jacobian, ca.jacobian(ca.vec(jacobian), x)])
    for point in ([0, 0, 0], [1, 0, 0.2], [-5, 30, -30], [0.2, -20, 0.2], [5, -30, 30]):
        assert all(np.isfinite(np.asarray(v)).all() for v in second(point))


@pytest.mark.parametrize("model", [gc.SPHERES, gc.POINTS], ids=lambda x: x.name)
def test_a_foot_standing_on_both_ends_is_pushed_up_between_them(model):
    """Moment about the ankle = vertical force × forward distance: the centre of pressure lies within the foot."""
    height = 1.75
    skeleton = planar_skeleton(Subject("A", 70.0, height))
    q = [0.0] * 10
    q[2] = (0.245 + 0.246 + 0.039) * height - 0.005
    foot = segment_states(skeleton, q)[3]
    places = [(height * p.position[0], height * p.position[1]) for p in model.points]
    radii = [height * p.radius for p in model.points]
    stiffness = gc.SPHERE_MODULUS if model.law == "hunt_crossley" else 70_000.0
    fx, fy, m = gc.foot_load(model, foot, places, radii, 0.0, stiffness, 1e-3, 1.0)
    assert fy > 50
    assert fx == pytest.approx(0.0, abs=1e-6)
    assert places[0][0] < m / fy < places[-1][0]
