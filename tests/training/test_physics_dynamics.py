"""The planar equations of motion as tensors: those of the optimal control, of OpenSim-like multibody code, and laws."""

import numpy as np
import pytest
import torch

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.generic.contact_point import NOMINAL_ROUNDING, with_contact_points
from opensim_models.model.multibody import inverse_dynamics, point_position, point_velocity, segment_states
from opensim_models.model.multibody import specific_force as segment_specific_force
from opensim_models.model_mismatch import ModelMismatch
from training.physics.body import chosen_bodies, levers, planar_body, scaled_bodies, stacked_bodies
from training.physics.contact import contact_force
from training.physics.dynamics import demanded_forces, dynamics_residual
from training.physics.motion import lever_product, of_points, planar_motion

PEOPLE = (
    (Subject("A", 75.0, 1.80, "male", 30), "winter"),
    (Subject("B", 48.0, 1.52, "female", 25), "winter"),
    (Subject("C", 103.0, 1.93, "male", 41), "de_leva"),
)


def skeleton_of(subject, table="winter"):
    return with_contact_points(planar_skeleton(subject, table), subject.height)


def body_of(subject, table="winter"):
    return planar_body(skeleton_of(subject, table), subject.height, torch.float64)


def states(n, seed, body):
    """Random states near the floor: half of the points touch it."""
    rng = np.random.default_rng(seed)
    q, v, a = rng.normal(0, 0.5, (n, 10)), rng.normal(0, 3.0, (n, 10)), rng.normal(0, 30.0, (n, 10))
    q[:, body.height] = 0.85 + rng.normal(0, 0.1, n)
    return q, v, a, rng.normal(0, 60.0, (n, 7))


def tensors(*arrays):
    return [torch.from_numpy(x) for x in arrays]


def ground_of(body, motion):
    product = lever_product(levers(body, body.contact_segments, body.contacts))
    _, height = of_points(motion.directions, motion.root, product)
    velocity = of_points(motion.first, motion.root_velocity, product)
    return contact_force(body, height, *velocity, NOMINAL_ROUNDING)


@pytest.mark.parametrize(("subject", "table"), PEOPLE, ids=[s.code for s, _ in PEOPLE])
def test_the_residual_is_that_of_the_optimal_control_with_its_contact_law_to_1e_10(subject, table):
    from synth.optimal_control.movement.data import person_data
    from synth.optimal_control.movement.node_equations import node_equations
    from synth.optimal_control.movement.structure import LEVER, movement_structure
    from synth.optimal_control.program.collocation import Mesh

    skeleton, body = skeleton_of(subject, table), body_of(subject, table)
    joints = [c for c in skeleton.coordinate_names if not c.startswith("pelvis")]
    structure = movement_structure(skeleton, Mesh(2), torques=joints, contact="points")
    equations = node_equations(structure, compiler=None)
    data = person_data(structure, skeleton).with_parameters({"floor": [0.0, NOMINAL_ROUNDING]})
    parameters = equations.parameters(data)
    unit = float(body.weight) * LEVER  # of torques there
    q, v, a, torque = states(20, 3, body)
    motion = planar_motion(body, *tensors(q, v, a))
    forward, upward = ground_of(body, motion)
    assert float(upward.max()) > 0.2 * float(body.weight)  # the floor takes part
    found = dynamics_residual(demanded_forces(body, motion, forward, upward), torch.from_numpy(torque), body).numpy()
    wanted = np.array(
        [np.ravel(equations.residual(q[i], v[i], a[i], torque[i] / unit, np.zeros(8), parameters)) for i in range(20)]
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10 * np.abs(wanted).max())


def test_points_and_forces_are_those_of_the_multibody_recursion():
    subject, table = PEOPLE[2]
    skeleton, body = skeleton_of(subject, table), body_of(subject, table)
    q, v, a, _ = states(15, 4, body)
    motion = planar_motion(body, *tensors(q, v, a))
    recursion = segment_states(skeleton, list(q.T), list(v.T), list(a.T))
    np.testing.assert_allclose(
        demanded_forces(body, motion, *(torch.zeros(15, 4, dtype=torch.float64),) * 2).numpy(),
        np.array(inverse_dynamics(skeleton, recursion)).T,
        atol=1e-9,
    )
    segments = [skeleton.segment_index(s) for s in ("tibia_l", "torso")]
    offsets = torch.tensor([[0.03, -0.2], [0.1, 0.3]], dtype=torch.float64)
    product = lever_product(levers(body, segments, offsets))
    x, y = of_points(motion.directions, motion.root, product)
    vx, vy = of_points(motion.first, motion.root_velocity, product)
    ax, ay = of_points(motion.second, motion.root_acceleration, product)
    for i, segment in enumerate(segments):
        state, offset = recursion[segment], (*offsets[i].tolist(), 0.0)
        np.testing.assert_allclose(torch.stack([x[:, i], y[:, i]]), point_position(state, offset)[:2], atol=1e-12)
        np.testing.assert_allclose(torch.stack([vx[:, i], vy[:, i]]), point_velocity(state, offset)[:2], atol=1e-12)
        c, s = motion.cosines[:, segment], motion.sines[:, segment]
        up = ay[:, i] + body.gravity
        felt = torch.stack([c * ax[:, i] + s * up, c * up - s * ax[:, i]])
        np.testing.assert_allclose(felt, segment_specific_force(state, offset)[:2], atol=1e-10)


def test_a_standing_person_is_carried_by_the_ground_alone():
    body = body_of(PEOPLE[0][0])
    q = torch.zeros(1, 10, dtype=torch.float64)
    motion = planar_motion(body, q, 0 * q, 0 * q)
    share = float(body.weight) / 4
    left = demanded_forces(body, motion, torch.zeros(1, 4, dtype=q.dtype), torch.full((1, 4), share, dtype=q.dtype))
    assert abs(float(left[0, body.height])) < 1e-9
    assert abs(float(left[0, body.travel])) < 1e-9


def test_a_batch_of_people_is_each_of_them_and_a_stretched_one_is_longer():
    bodies = stacked_bodies([body_of(*person) for person in PEOPLE])
    q, v, a, _ = (x.reshape(3, 5, -1) for x in tensors(*states(15, 5, bodies)))
    motion = planar_motion(bodies, q, v, a)
    together = demanded_forces(bodies, motion, *ground_of(bodies, motion))
    for i, person in enumerate(PEOPLE):
        own = body_of(*person)
        single = planar_motion(own, q[i], v[i], a[i])
        alone = demanded_forces(own, single, *ground_of(own, single))
        torch.testing.assert_close(together[i], alone, rtol=1e-12, atol=1e-9)
    pair = chosen_bodies(bodies, torch.tensor([2, 2]))
    longer = scaled_bodies(pair, torch.full((2, len(pair.segments)), 1.1, dtype=torch.float64))
    torch.testing.assert_close(longer.joints, 1.1 * pair.joints)
    torch.testing.assert_close(longer.mass, pair.mass)


def test_a_knee_that_glides_is_refused_with_its_name():
    skeleton = with_contact_points(planar_skeleton(PEOPLE[0][0], gliding_knee=True), 1.8)
    with pytest.raises(ModelMismatch, match="tibia_r"):
        planar_body(skeleton, 1.8)
