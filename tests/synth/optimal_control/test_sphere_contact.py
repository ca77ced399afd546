"""Contact of spheres: OpenSim's values on a planar and on a 3-D model, the laws of contact, derivatives everywhere."""

import math
from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from opensim_models.model.contact_sphere import ContactPlane, ContactSphere
from opensim_models.model.multibody import inverse_dynamics, point_position, point_velocity, segment_states
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton
from opensim_models.model.vector import add, axis_rotation, cross, dot, rotate, subtract
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim import client
from opensim_models.osim.contact_client import contact_forces
from synth.optimal_control.law.sphere_contact import (
    SphereSmoothing,
    floor_height,
    foot_load,
    friction_per_slip,
    normal_force,
    sphere_force,
)

PLANAR = "opensim_core/falisse2019_2d_walk/2D_gait.osim"
HEEL = ContactSphere("heel", "foot", (0.03, -0.02, 0.01), 0.032, "floor", 1e6, 2.0, 0.9, 0.7, 0.5, 0.2)
MASS, GRAVITY = 20.0, 9.81


def stacked(vector, n):
    """A vector of scalars or arrays as one (n, 3) array."""
    return np.stack([np.broadcast_to(x, n) for x in vector], axis=1)


def foot_on_a_hinge(floor):
    """A free block and toes on an oblique hinge, with spheres on both sides of the middle."""
    names = ("forward", "up", "right", "roll", "yaw", "pitch", "toes")
    kinds = ("translation",) * 3 + ("rotation",) * 4
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    free = tuple(JointElement(kinds[j], axes[j % 3], j) for j in range(6))
    hinge = (JointElement("rotation", (0.6, 0.0, 0.8), 6),)
    solid = {"mass": 1.0, "inertia": (0.01, 0.01, 0.01, 0.0, 0.0, 0.0)}
    spheres = (
        HEEL,
        replace(HEEL, name="side", offset=(0.13, -0.01, 0.05), radius=0.02, stiffness=3e6, dissipation=1.0),
        replace(HEEL, name="toe", segment="toes", offset=(0.06, 0.0, -0.02), viscous_friction=0.0),
        replace(HEEL, name="tip", segment="toes", offset=(0.07, 0.01, 0.03), static_friction=0.7, dissipation=0.0),
    )
    return Skeleton(
        "block",
        tuple(Coordinate(name, kind) for name, kind in zip(names, kinds, strict=True)),
        (Segment("foot", -1, elements=free, **solid), Segment("toes", 0, (0.15, -0.01, 0.0), elements=hinge, **solid)),
        contacts=spheres,
        planes=(ContactPlane("floor", "ground", (0.0, floor, 0.0), (0.0, 1.0, 0.0)),),
    )


def random_states(skeleton, vertical, n, rng, spread):
    """Coordinates and speeds with one sphere, another for each state, up to 10 mm above or 30 mm in the floor."""
    q = rng.uniform(-spread, spread, (n, len(skeleton.coordinates)))
    j = skeleton.coordinate_index(vertical)
    q[:, j] = 0.0
    states = dict(zip(skeleton.segment_names, segment_states(skeleton, list(q.T)), strict=True))
    lowest = [point_position(states[s.segment], s.offset)[1] - s.radius for s in skeleton.contacts]
    chosen = np.array(lowest)[rng.integers(len(lowest), size=n), np.arange(n)]
    q[:, j] = skeleton.planes[0].offset[1] - chosen - rng.uniform(-0.01, 0.03, n)
    return q, rng.normal(0.0, 0.7, q.shape)


def assert_same_as_opensim(skeleton, q, speeds, told, smoothing=None):
    """Force and moment of every sphere on its segment and on the ground, to 1e-10 of their size."""
    states, n = segment_states(skeleton, list(q.T), list(speeds.T)), len(q)
    floor = floor_height(skeleton.planes[0])
    for sphere, name in zip(skeleton.contacts, told, strict=True):
        assert sphere.name.replace("_", "") in name.casefold().replace("_", "")
        foot = [(states[skeleton.segment_index(sphere.segment)], [sphere])]
        load = foot_load(foot, floor=floor, smoothing=smoothing or SphereSmoothing())
        force, moment = (stacked(v, n) for v in load.segments[0])
        size = np.linalg.norm(force, axis=1)
        rounding = 1e-10 * size + 1e-10  # below 1e-10 N only rounding is left of 1 + tanh
        assert np.all(np.linalg.norm(force - told[name]["sphere_force"], axis=1) <= rounding)
        assert np.all(np.linalg.norm(moment - told[name]["sphere_torque"], axis=1) <= rounding)
        assert np.all(np.linalg.norm(force + told[name]["half_space_force"], axis=1) <= rounding)
        assert np.all(
            np.linalg.norm(stacked(load.moment, n) + told[name]["half_space_torque"], axis=1) <= 10 * rounding
        )
        assert size.max() > 500.0


def test_forces_are_opensims_on_a_planar_gait_model(data_dir):
    skeleton = read_osim(data_dir / PLANAR)
    q, speeds = random_states(skeleton, "pelvis_ty", 150, np.random.default_rng(1), 0.35)
    told = contact_forces(data_dir / PLANAR, skeleton.coordinate_names, q, speeds)
    assert_same_as_opensim(skeleton, q, speeds, told)


@pytest.mark.parametrize("smoothing", [None, SphereSmoothing(1e-4, 150.0, 20.0)], ids=["default", "softer"])
def test_forces_are_opensims_on_a_model_that_slides_in_all_directions(tmp_path, smoothing):
    skeleton = foot_on_a_hinge(floor=0.02)
    path = tmp_path / "block.osim"
    client.build_model(skeleton, path)
    if smoothing:
        written = "".join(
            f"<{name}>{value}</{name}>"
            for name, value in (
                ("constant_contact_force", smoothing.constant_force),
                ("hertz_smoothing", smoothing.hertz),
                ("hunt_crossley_smoothing", smoothing.hunt_crossley),
            )
        )
        end = "</transition_velocity>"
        path.write_text(path.read_text().replace(end, end + written))
    q, speeds = random_states(skeleton, "up", 150, np.random.default_rng(2), 0.5)
    told = contact_forces(path, skeleton.coordinate_names, q, speeds)
    assert_same_as_opensim(skeleton, q, speeds, told, smoothing)
    sideways = np.abs(told["contact_heel"]["sphere_force"][:, 2])
    assert np.sum(sideways > 10.0) > 20


def test_opensim_is_asked_for_forces_that_the_model_has(tmp_path):
    skeleton = foot_on_a_hinge(floor=0.0)
    path = tmp_path / "block.osim"
    client.build_model(replace(skeleton, contacts=(replace(HEEL, enabled=False),)), path)
    names, still = skeleton.coordinate_names, np.zeros((2, 7))
    still[1, 0] = np.nan
    force = contact_forces(path, names, still, still)["contact_heel"]["sphere_force"]
    assert force[0, 1] > 10.0
    assert np.isnan(force[1]).all()
    with pytest.raises(ModelMismatch, match="no SmoothSphereHalfSpaceForce 'toe'"):
        contact_forces(path, names, still, still, ["toe"])
    client.build_model(replace(skeleton, contacts=()), path)
    with pytest.raises(ModelMismatch, match="it has none"):
        contact_forces(path, names, still, still)


def test_segment_loads_do_the_work_of_the_forces_at_their_points():
    skeleton = foot_on_a_hinge(floor=0.0)
    q, speeds = random_states(skeleton, "up", 20, np.random.default_rng(3), 0.4)
    states = segment_states(skeleton, list(q.T), list(speeds.T), [0.0] * 7)
    spheres = [[s for s in skeleton.contacts if s.segment == name] for name in ("foot", "toes")]
    about = (0.1, 0.2, -0.3)
    load = foot_load(list(zip(states, spheres, strict=True)), about)
    free = inverse_dynamics(skeleton, states)
    loaded = inverse_dynamics(skeleton, states, dict(enumerate(load.segments)))
    power = sum((a - b) * u for a, b, u in zip(free, loaded, speeds.T, strict=True))
    expected, moment = 0.0, np.zeros((20, 3))
    for state, own in zip(states, spheres, strict=True):
        for sphere in own:
            spin = rotate(state.rotation, state.angular_velocity)
            centre, velocity = point_position(state, sphere.offset), point_velocity(state, sphere.offset)
            force, point = sphere_force(sphere, centre, velocity, spin)
            there = add(velocity, cross(spin, subtract(point, centre)))
            expected = expected + dot(force, there)
            moment += np.cross(stacked(point, 20) - about, stacked(force, 20))
    np.testing.assert_allclose(power, expected, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(stacked(load.moment, 20), moment, rtol=1e-9, atol=1e-9)


def test_a_planar_skeleton_has_planar_forces_and_the_same_as_in_3d(data_dir):
    skeleton = read_osim(data_dir / PLANAR)
    n = len(skeleton.coordinates)
    calcn = skeleton.segment_index("calcn_r")
    spheres = [replace(s, offset=(*s.offset[:2], 0.0)) for s in skeleton.contacts if s.segment == "calcn_r"]
    q, u = ca.SX.sym("q", n), ca.SX.sym("u", n)
    state = segment_states(skeleton, ca.vertsplit(q), ca.vertsplit(u))[calcn]
    load = foot_load([(state, spheres)], state.origin)  # the foot stands beside the middle
    for zero in (load.force[2], load.moment[0], load.moment[1]):
        assert isinstance(zero, float)
        assert zero == 0.0
    in_space = replace(
        state,
        velocity=(*state.velocity[:2], ca.SX(0.0)),
        angular_velocity=(ca.SX(0.0), ca.SX(0.0), state.angular_velocity[2]),
    )
    whole = foot_load([(in_space, [replace(s, offset=(*s.offset[:2], ca.SX(0.0))) for s in spheres])], state.origin)
    both = ca.Function("f", [q, u], [ca.vertcat(*load.force, *load.moment), ca.vertcat(*whole.force, *whole.moment)])
    rng = np.random.default_rng(4)
    for pose, speeds in zip(*random_states(skeleton, "pelvis_ty", 20, rng, 0.3), strict=True):
        planar, spatial = both(pose, speeds)
        np.testing.assert_allclose(np.array(planar), np.array(spatial), rtol=1e-12, atol=1e-12)


def test_disabled_spheres_carry_nothing():
    skeleton = foot_on_a_hinge(floor=0.0)
    state = segment_states(skeleton, [0.0] * 7)[0]
    with_one = foot_load([(state, [HEEL, replace(HEEL, enabled=False)])])
    assert with_one == foot_load([(state, [HEEL])])
    assert foot_load([(state, [])]).force == (0.0, 0.0, 0.0)


def test_no_force_above_the_floor_and_more_the_deeper():
    height = np.array([2.0, 0.2, 0.1, HEEL.radius, 0.02, 0.01])
    normal = sphere_force(HEEL, (0.0, height, 0.0), (0.5, 0.0, 0.3), (0.0, 0.0, 0.0))[0][1]
    assert np.all(normal[:3] < 1e-9)
    assert np.all(np.diff(normal) >= 0.0)
    assert normal[-1] > 100.0


def test_the_floor_may_be_anywhere_and_the_constants_hold_for_its_height():
    low = sphere_force(HEEL, (1.0, 0.02, 3.0), (0.4, -0.1, 0.2), (1.0, 2.0, 3.0))
    high = sphere_force(HEEL, (1.0, 0.52, 3.0), (0.4, -0.1, 0.2), (1.0, 2.0, 3.0), floor=0.5)
    np.testing.assert_allclose(low[0], high[0], rtol=1e-12)
    np.testing.assert_allclose(np.subtract(high[1], low[1]), (0.0, 0.5, 0.0), atol=1e-14)
    assert low[1][1] == pytest.approx((0.02 - HEEL.radius) / 2)  # midway between the lowest point and the floor


def test_friction_opposes_the_slip_and_vanishes_without():
    rng = np.random.default_rng(5)
    velocity, spin = rng.normal(0.0, 1.0, (3, 500)), rng.normal(0.0, 5.0, (3, 500))
    centre = (0.0, rng.uniform(0.0, 0.03, 500), 0.0)
    force, point = sphere_force(HEEL, centre, tuple(velocity), tuple(spin))
    arm = np.stack([np.zeros(500), point[1] - centre[1], np.zeros(500)])
    slip = velocity + np.cross(spin.T, arm.T).T
    pull = np.stack([force[0], force[2]])
    slip = slip[[0, 2]]
    assert np.all(np.sum(pull * slip, axis=0)[force[1] > 0] <= 0)
    np.testing.assert_allclose(pull[0] * slip[1], pull[1] * slip[0], rtol=1e-9, atol=1e-9)  # along the slip
    speed = np.linalg.norm(slip, axis=0)
    most = np.abs(force[1]) * (2 * HEEL.static_friction - HEEL.dynamic_friction + HEEL.viscous_friction * speed)
    assert np.all(np.linalg.norm(pull, axis=0) <= most * (1 + 1e-9))
    drop = 0.5 * (0.02 + HEEL.radius)
    rolling = sphere_force(HEEL, (0.0, 0.02, 0.0), (0.8, 0.0, -0.3), (-0.3 / drop, 0.0, -0.8 / drop))[0]
    np.testing.assert_allclose([rolling[0], rolling[2]], 0.0, atol=1e-9 * rolling[1])


def test_friction_has_the_static_peak_at_the_transition_and_falls_to_the_dynamic_coefficient():
    dry = replace(HEEL, viscous_friction=0.0)

    def coefficient(slip):
        return slip * friction_per_slip(dry, slip**2)

    assert coefficient(0.2) == pytest.approx(HEEL.static_friction, rel=1e-3)
    assert coefficient(0.1) < coefficient(0.2) > coefficient(0.4)
    assert coefficient(20.0) == pytest.approx(HEEL.dynamic_friction, rel=1e-3)
    assert 20.0 * friction_per_slip(HEEL, 400.0) == pytest.approx(0.7 + 0.5 * 20.0, rel=1e-3)


def falling(sphere, height, duration):
    """A mass on a sphere that falls from rest: heights of the centre and vertical speeds over time."""

    def rates(_, state):
        force = sphere_force(sphere, (0.0, state[0], 0.0), (0.0, state[1], 0.0), (0.0, 0.0, 0.0))[0]
        return state[1], force[1] / MASS - GRAVITY

    start = (sphere.radius + height, 0.0)
    return solve_ivp(rates, (0.0, duration), start, rtol=1e-9, atol=1e-11, max_step=2e-3).y


def test_a_sphere_at_rest_carries_its_weight_at_the_depth_of_the_law():
    height, speed = falling(HEEL, 0.0, 3.0)
    modulus = 0.5 * HEEL.stiffness ** (2 / 3)

    def carried(depth):
        hertz = 4 / 3 * modulus * math.sqrt(HEEL.radius * modulus) * (depth**2 + 1e-5) ** 0.75
        leaving = 0.5 + 0.5 * math.tanh(50 * 2 / (3 * HEEL.dissipation))
        return hertz * (0.5 + 0.5 * math.tanh(300 * depth)) * leaving

    depth = brentq(lambda d: carried(d) - MASS * GRAVITY, -0.03, 0.03)
    assert HEEL.radius - height[-1] == pytest.approx(depth, abs=1e-6)
    assert abs(speed[-1]) < 1e-5


def test_without_dissipation_the_force_is_one_of_the_depth():
    elastic = replace(HEEL, dissipation=0.0)
    assert normal_force(elastic, 0.01, -9.0) == normal_force(elastic, 0.01, 9.0) > 50.0


def test_energy_is_lost_in_a_bounce_by_dissipation_alone():
    damped, _ = falling(HEEL, 0.05, 0.35)
    elastic, _ = falling(replace(HEEL, dissipation=0.0), 0.05, 0.35)
    rebound = [h[np.argmin(h) :].max() - HEEL.radius for h in (damped, elastic)]
    assert rebound[0] < 0.035
    assert rebound[1] == pytest.approx(0.05, abs=1e-4)


def test_forces_turn_with_the_ground_frame_about_the_vertical():
    rng = np.random.default_rng(6)
    for yaw in (0.3, -2.0):
        turn = axis_rotation((0.0, 1.0, 0.0), yaw)
        centre, velocity, spin = (0.3, 0.02, -0.5), tuple(rng.normal(0, 1, 3)), tuple(rng.normal(0, 3, 3))
        force, point = sphere_force(HEEL, centre, velocity, spin)
        turned = sphere_force(HEEL, *(rotate(turn, v) for v in (centre, velocity, spin)))
        np.testing.assert_allclose(turned[0], rotate(turn, force), rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(turned[1], rotate(turn, point), rtol=1e-12, atol=1e-12)


def symbolic_sphere():
    """Force and point with every number a symbol: a CasADi function with its first and second derivatives."""
    state, numbers = ca.SX.sym("state", 9), ca.SX.sym("numbers", 7)
    radius, stiffness, dissipation, static, dynamic, viscous, transition = ca.vertsplit(numbers)
    sphere = ContactSphere(
        "s", "foot", HEEL.offset, radius, "floor", stiffness, dissipation, static, dynamic, viscous, transition
    )
    parts = ca.vertsplit(state)
    force, point = sphere_force(sphere, tuple(parts[:3]), tuple(parts[3:6]), tuple(parts[6:]))
    z, out = ca.vertcat(state, numbers), ca.vertcat(*force, *point)
    jacobian = ca.jacobian(out, z)
    return ca.Function("f", [z], [out, jacobian, ca.jacobian(ca.vec(jacobian), z)])


CONSTANTS = (0.032, 1e6, 2.0, 0.9, 0.7, 0.5, 0.2)


@pytest.mark.parametrize("height", [-0.2, 0.0, 0.032, 0.05, 3.0])
@pytest.mark.parametrize("vertical", [-5.0, -1 / 3, 0.0, 1 / 3, 5.0])
def test_derivatives_are_finite_anywhere(height, vertical):
    f = symbolic_sphere()
    corner = math.sqrt(0.2**2 - 1e-5)  # where the slip is the transition velocity
    for slip in (0.0, 1e-9, corner, 40.0):
        for value in f([0.0, height, 0.0, slip, vertical, 0.0, 0.0, 0.0, 0.0, *CONSTANTS]):
            assert np.isfinite(np.array(value)).all()


def test_derivatives_are_those_of_central_differences():
    f, rng = symbolic_sphere(), np.random.default_rng(7)
    for _ in range(20):
        z = np.array([0.3, rng.uniform(0.0, 0.04), 0.1, *rng.normal(0, 1, 3), *rng.normal(0, 3, 3), *CONSTANTS])
        jacobian = np.array(f(z)[1])
        for j in range(len(z)):
            step = np.zeros(len(z))
            step[j] = 1e-6 * max(abs(z[j]), 0.1)
            difference = np.array(f(z + step)[0] - f(z - step)[0])[:, 0] / (2 * step[j])
            scale = max(np.abs(jacobian[:, j]).max(), 1e-3 * np.abs(np.array(f(z)[0])).max(), 1e-3)
            np.testing.assert_allclose(jacobian[:, j], difference, atol=1e-5 * scale, rtol=0)


def test_scalars_arrays_and_symbols_agree():
    f, rng = symbolic_sphere(), np.random.default_rng(8)
    state = np.array([0.0, 0.02, 0.0, *rng.normal(0, 1, 3), *rng.normal(0, 3, 3)])
    vectors = [tuple(map(float, state[i : i + 3])) for i in (0, 3, 6)]
    plain = sphere_force(HEEL, *vectors)
    arrays = sphere_force(HEEL, *[tuple(np.full(2, x) for x in v) for v in vectors])
    np.testing.assert_allclose(np.array(f([*state, *CONSTANTS])[0])[:, 0], [*plain[0], *plain[1]], rtol=1e-12)
    np.testing.assert_allclose(stacked(arrays[0], 2)[1], plain[0], rtol=1e-14)


def test_impossible_constants_and_floors_are_refused():
    with pytest.raises(ModelMismatch, match="heel: expected a transition velocity above 0"):
        friction_per_slip(replace(HEEL, transition_velocity=0.0), 0.1)
    for plane in (
        ContactPlane("ramp", "ground", (0.0, 0.0, 0.0), (math.sin(0.1), math.cos(0.1), 0.0)),
        ContactPlane("ramp", "pelvis", (0.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    ):
        with pytest.raises(ModelMismatch, match="ramp: expected a level floor"):
            floor_height(plane)
