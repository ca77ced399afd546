"""Laws of mechanics that the multibody functions must obey, whatever their scalars are."""

import casadi as ca
import numpy as np
import pytest
import torch

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.multibody import (
    inverse_dynamics,
    point_position,
    point_velocity,
    segment_states,
    specific_force,
)
from opensim_models.model.scalar_function import Polynomial
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)
SKELETONS = [planar_skeleton(PERSON), lower_body_skeleton(PERSON)]
names = pytest.mark.parametrize("skeleton", SKELETONS, ids=lambda s: s.name)


def random_state(skeleton, seed=0, n_frames=None):
    shape = (3, len(skeleton.coordinates)) if n_frames is None else (3, len(skeleton.coordinates), n_frames)
    return np.random.default_rng(seed).normal(scale=0.7, size=shape)


def dynamics(skeleton, q, qd, qdd):
    return inverse_dynamics(skeleton, segment_states(skeleton, q, qd, qdd))


@names
def test_numpy_casadi_and_torch_agree(skeleton):
    q, qd, qdd = random_state(skeleton)
    by_numpy = np.array(dynamics(skeleton, q, qd, qdd))
    symbols = [ca.SX.sym(name, len(q)) for name in ("q", "qd", "qdd")]
    expression = ca.vertcat(*dynamics(skeleton, *(ca.vertsplit(s) for s in symbols)))
    by_casadi = np.array(ca.Function("dynamics", symbols, [expression])(q, qd, qdd)).ravel()
    by_torch = torch.stack(dynamics(skeleton, *(torch.tensor(x) for x in (q, qd, qdd)))).numpy()
    scale = np.abs(by_numpy).max()
    assert np.abs(by_casadi - by_numpy).max() < 1e-10 * scale
    assert np.abs(by_torch - by_numpy).max() < 1e-10 * scale


@names
def test_frames_are_independent(skeleton):
    q, qd, qdd = random_state(skeleton, n_frames=5)
    together = np.array(dynamics(skeleton, list(q), list(qd), list(qdd)))
    alone = np.array([dynamics(skeleton, q[:, k], qd[:, k], qdd[:, k]) for k in range(5)]).T
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-9)


@names
def test_free_fall_needs_no_force(skeleton):
    q = random_state(skeleton)[0]
    qdd = np.zeros_like(q)
    qdd[skeleton.coordinate_index("pelvis_ty")] = skeleton.gravity[1]
    assert np.abs(dynamics(skeleton, q, 0 * q, qdd)).max() < 1e-10


@names
def test_standing_weighs_the_body_weight(skeleton):
    q = np.array([c.default for c in skeleton.coordinates])
    forces = dynamics(skeleton, q, 0 * q, 0 * q)
    assert forces[skeleton.coordinate_index("pelvis_ty")] == pytest.approx(PERSON.mass * 9.80665, rel=1e-12)
    assert skeleton.mass == pytest.approx(PERSON.mass, rel=1e-12)


@names
def test_power_of_the_generalized_forces_is_the_rate_of_energy(skeleton):
    """d/dt (kinetic + potential energy) = tau · qd along any motion q(t)."""
    rng = np.random.default_rng(3)
    amplitude, phase = rng.normal(scale=0.4, size=(2, len(skeleton.coordinates)))

    def energy(t):
        states = segment_states(skeleton, amplitude * np.sin(t + phase), amplitude * np.cos(t + phase))
        total = 0.0
        for segment, s in zip(skeleton.segments, states, strict=True):
            v = np.array(point_velocity(s, segment.centre_of_mass))
            w = np.array(s.angular_velocity, dtype=float)
            xx, yy, zz, xy, xz, yz = segment.inertia
            tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
            height = point_position(s, segment.centre_of_mass)[1]
            total += 0.5 * segment.mass * v @ v + 0.5 * w @ tensor @ w - segment.mass * skeleton.gravity[1] * height
        return total

    t, h = 0.37, 1e-5
    rate = (energy(t + h) - energy(t - h)) / (2 * h)
    qd = amplitude * np.cos(t + phase)
    tau = dynamics(skeleton, amplitude * np.sin(t + phase), qd, -amplitude * np.sin(t + phase))
    assert np.dot(tau, qd) == pytest.approx(rate, rel=1e-6)


@names
def test_a_load_does_the_work_of_its_point(skeleton):
    """The generalized forces of an external force are its Jacobian transpose: tau changes by -F · dv/dqd."""
    q, qd, qdd = random_state(skeleton, seed=5)
    foot = skeleton.segment_index("calcn_r")
    offset, force = (0.1, -0.05, 0.02), (30.0, 700.0, -12.0)
    states = segment_states(skeleton, q, qd, qdd)
    lever = np.subtract(point_position(states[foot], offset), states[foot].origin)
    loads = {foot: (force, tuple(np.cross(lever, force)))}
    change = np.subtract(inverse_dynamics(skeleton, states, loads), inverse_dynamics(skeleton, states))
    columns = [
        np.array(point_velocity(segment_states(skeleton, q, unit)[foot], offset), dtype=float)
        for unit in np.eye(len(q))
    ]
    np.testing.assert_allclose(change, -np.array(columns) @ force, atol=1e-9)


def pendulum(length=0.8, mass=2.0):
    return Skeleton(
        "pendulum",
        (Coordinate("angle", "rotation"),),
        (
            Segment(
                "bob",
                -1,
                elements=(JointElement("rotation", (0.0, 0.0, 1.0), 0),),
                mass=mass,
                centre_of_mass=(0.0, -length, 0.0),
                inertia=(0.01, 0.01, 0.01, 0.0, 0.0, 0.0),
            ),
        ),
    )


def test_pendulum_moment_is_the_textbook_one():
    angle, acceleration = 0.6, 1.7
    moment = dynamics(pendulum(), [angle], [2.0], [acceleration])[0]
    assert moment == pytest.approx((2.0 * 0.8**2 + 0.01) * acceleration + 2.0 * 9.80665 * 0.8 * np.sin(angle))


def test_a_still_segment_reads_gravity_upwards():
    state = segment_states(pendulum(), [0.4])[0]
    reading = np.array(specific_force(state, (0.1, -0.3, 0.2)), dtype=float)
    upwards = np.array(state.rotation, dtype=float).T @ [0, 9.80665, 0]
    np.testing.assert_allclose(reading, upwards, atol=1e-12)


def test_screw_motion_gives_centripetal_acceleration():
    """A point at radius r turning at a constant rate reads r·rate² towards the axis, beside gravity."""
    state = segment_states(pendulum(), [0.0], [3.0], [0.0])[0]
    reading = np.array(specific_force(state, (0.0, -0.5, 0.0)), dtype=float)
    np.testing.assert_allclose(reading, [0.0, 9.80665 + 0.5 * 3.0**2, 0.0], atol=1e-12)


def test_polynomial_elements_carry_their_derivatives():
    """A slider driven by c·q² moves as the chain rule says."""
    halved_square = Polynomial((0.1, 0.0, 0.5))
    slider = Skeleton(
        "slider",
        (Coordinate("q", "rotation"),),
        (Segment("cart", -1, elements=(JointElement("translation", (1.0, 0.0, 0.0), 0, (halved_square,)),), mass=3.0),),
    )
    q, qd, qdd = 0.7, 1.1, -0.4
    force = dynamics(slider, [q], [qd], [qdd])[0]
    assert force == pytest.approx(3.0 * (qd**2 + q * qdd) * q)
