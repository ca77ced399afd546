"""Laws of the movement program: rows are the equations of motion, derivatives are exact, mirrors are mirrors."""

from dataclasses import replace
from functools import cache

import casadi as ca
import numpy as np
import pytest

from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.vector import over_frames
from opensim_models.muscle.path_fit import FitSettings
from synth.optimal_control.law.hill_muscle import rigid_tendon_fibre, rigid_tendon_force
from synth.optimal_control.law.metabolic_rate import metabolic_rate
from synth.optimal_control.law.sphere_contact import foot_load
from synth.optimal_control.movement.climb import start_values
from synth.optimal_control.movement.data import metabolic_numbers, person_data
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.motion_blocks import actuator_block, passive_block
from synth.optimal_control.movement.muscle_blocks import METABOLIC_LAW, activation_block, rigid_muscle_block
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.movement.solution import ground_loads, mirrored_loads, net_moments, toe_loads
from synth.optimal_control.movement.structure import LEVER, movement_structure
from synth.optimal_control.program.collocation import SCHEMES, Mesh
from synth.optimal_control.recording.model_preparation import prepare_model

EXAMPLE = "opensim_core/falisse2019_2d_walk/2D_gait.osim"
QUICK = FitSettings(length_goal=1e-3, arm_goal=3e-3)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@cache
def planar_walker(data_dir):
    knee = (np.radians(-75.0), np.radians(3.0))
    ranges = {"knee_angle_r": knee, "knee_angle_l": knee}
    return prepare_model(data_dir / EXAMPLE, ranges=ranges, settings=QUICK, show_progress=False).skeleton


@cache
def spatial_walker(data_dir):
    model = data_dir / "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
    return prepare_model(model, muscles=False, show_progress=False).skeleton


def random_arrays(structure, rng):
    """Any point near standing, with the feet near the floor."""
    n, n_q = structure.mesh.n_nodes, structure.n_coordinates
    q = rng.uniform(-0.2, 0.2, (n, n_q))
    names = structure.pattern.coordinate_names
    q[:, names.index("pelvis_ty")] = rng.uniform(0.88, 0.95, n)
    arrays = {"coordinates": q, "speeds": rng.normal(size=(n, n_q)), "accelerations": 5.0 * rng.normal(size=(n, n_q))}
    arrays |= {"duration": np.array([0.5]), "speed": np.array([1.3])}
    if structure.actuated:
        arrays["torques"] = rng.normal(size=(n, len(structure.actuated)))
    if structure.wrenches:
        arrays["wrenches"] = rng.normal(size=(n, len(structure.feet) * structure.wrench_size))
    if structure.muscles:
        shape = (n, len(structure.muscles))
        arrays |= {"activations": rng.uniform(0.05, 0.9, shape), "excitations": rng.uniform(0.05, 0.9, shape)}
    return arrays


def rows_of(movement, data, arrays):
    """Rows of the equations of motion (n, n_q), in body weight x LEVER."""
    values = start_values(movement, arrays)
    _, rows = movement.program.functions["f_g"](values, movement.parameters.join(data.parameters))
    rows = np.asarray(rows).ravel()
    structure = movement.structure
    return rows[: structure.mesh.n_nodes * structure.n_coordinates].reshape(structure.mesh.n_nodes, -1)


def muscle_moments(skeleton, arrays):
    """Moments (n, n_q) in N m of all muscles, muscle by muscle in NumPy."""
    n, names = len(arrays["coordinates"]), skeleton.coordinate_names
    total = np.zeros((n, len(names)))
    for i, muscle in enumerate(skeleton.muscles):
        columns = [names.index(c) for c in muscle.path.coordinates]
        q, v = arrays["coordinates"][:, columns], arrays["speeds"][:, columns]
        length, arms = path_of(muscle.path, q)
        force = muscle.max_isometric_force * rigid_tendon_force(
            muscle, length, -(arms * v).sum(axis=1), arrays["activations"][:, i]
        )
        total[:, columns] += arms * force[:, None]
    return total


def path_of(path, q):
    """Length and arms of a polynomial path by its definition: a sum of products of powers."""
    ranges = np.array(path.ranges).reshape(-1, 2)
    middle, half = ranges.mean(axis=1), (ranges[:, 1] - ranges[:, 0]) / 2.0

    def length(values):
        x = (values - middle) / half
        return sum(c * np.prod(x**powers, axis=1) for c, powers in zip(path.coefficients, path.exponents, strict=True))

    step = 1e-6
    arms = []
    for j in range(q.shape[1]):
        shift = step * np.eye(q.shape[1])[j]
        arms.append(-(length(q + shift) - length(q - shift)) / (2.0 * step))
    return length(q), np.stack(arms, axis=1)


def loads_of(structure, skeleton, data, arrays):
    """Generalized forces (n, n_q) that motion demands beyond gravity and ground."""
    return net_moments(structure, skeleton, arrays, ground_loads(structure, data, arrays))


def demand_on_spheres(skeleton, arrays):
    """Generalized forces (n, n_q) that motion demands beyond gravity and the spheres, each on its own segment."""
    motion = (list(arrays[name].T) for name in ("coordinates", "speeds", "accelerations"))
    states = segment_states(skeleton, *motion)
    acting = {}
    for segment in {c.segment for c in skeleton.contacts}:
        place = skeleton.segment_index(segment)
        own = [c for c in skeleton.contacts if c.segment == segment]
        acting[place] = foot_load([(states[place], own)]).segments[0]
    assert max(np.abs(force[1]).max() for force, _ in acting.values()) > 50.0
    return over_frames(inverse_dynamics(skeleton, states, acting), len(arrays["coordinates"]))


def test_planar_rows_are_inverse_dynamics_less_muscles_contact_and_torques(data_dir, rng):
    skeleton = planar_walker(data_dir)
    structure = movement_structure(
        skeleton, Mesh(4, "trapezoidal", "half_cycle"), torques=("lumbar",), muscles=True, contact="spheres"
    )
    movement, data = movement_program(structure), person_data(structure, skeleton)
    arrays = random_arrays(structure, rng) | {"contact": np.zeros(2 * structure.n_points)}
    unit = skeleton.mass * 9.80665 * LEVER
    expected = loads_of(structure, skeleton, data, arrays) - muscle_moments(skeleton, arrays)
    expected[:, skeleton.coordinate_index("lumbar")] -= arrays["torques"][:, 0] * unit
    assert np.abs(ground_loads(structure, data, arrays)[..., 1]).max() > 50.0
    np.testing.assert_allclose(rows_of(movement, data, arrays), expected / unit, atol=2e-7 * np.abs(expected).max())


@pytest.mark.parametrize("ground", ["spheres", "wrenches"])
def test_spatial_rows_are_inverse_dynamics_less_ground_and_torques(data_dir, rng, ground):
    skeleton = spatial_walker(data_dir)
    names = skeleton.coordinate_names
    law = ground == "spheres"
    structure = movement_structure(skeleton, Mesh(3), torques=names, contact="spheres" if law else "", wrenches=not law)
    movement, data = movement_program(structure), person_data(structure, skeleton)
    arrays = random_arrays(structure, rng) | {"contact": np.zeros(3 * structure.n_points)}
    weight = skeleton.mass * np.linalg.norm(skeleton.gravity)
    demand = demand_on_spheres(skeleton, arrays) if law else loads_of(structure, skeleton, data, arrays)
    expected = demand / (weight * LEVER) - arrays["torques"]
    np.testing.assert_allclose(rows_of(movement, data, arrays), expected, atol=1e-9 * np.abs(expected).max())


def test_without_ground_the_rows_are_inverse_dynamics(data_dir, rng):
    skeleton = spatial_walker(data_dir)
    structure = movement_structure(skeleton, Mesh(3), feet=())
    movement, data = movement_program(structure), person_data(structure, skeleton)
    arrays = random_arrays(structure, rng)
    motion = (list(arrays[name].T) for name in ("coordinates", "speeds", "accelerations"))
    demand = over_frames(inverse_dynamics(skeleton, segment_states(skeleton, *motion)), 3)
    unit = skeleton.mass * np.linalg.norm(skeleton.gravity) * LEVER
    np.testing.assert_allclose(rows_of(movement, data, arrays), demand / unit, rtol=1e-9, atol=1e-9)


def test_rows_of_several_blocks_add_up(data_dir, rng):
    skeleton = planar_walker(data_dir)
    mesh = Mesh(3)
    parts = {
        "bare": {"feet": ()},
        "muscles": {"feet": (), "muscles": True},
        "contact": {"contact": "spheres"},
        "torques": {"feet": (), "torques": skeleton.coordinate_names},
    }
    whole = {"contact": "spheres", "muscles": True, "torques": skeleton.coordinate_names}
    structure = movement_structure(skeleton, mesh, **whole)
    arrays = random_arrays(structure, rng)
    rows = {}
    for name, options in {**parts, "whole": whole}.items():
        structure = movement_structure(skeleton, mesh, **options)
        rows[name] = rows_of(movement_program(structure), person_data(structure, skeleton), arrays)
    added = sum(rows[name] - rows["bare"] for name in ("muscles", "contact", "torques"))
    np.testing.assert_allclose(rows["whole"], rows["bare"] + added, atol=1e-9 * np.abs(rows["whole"]).max())


@pytest.mark.parametrize("spatial", [False, True])
def test_mirrored_state_has_mirrored_rows(data_dir, rng, spatial):
    skeleton = spatial_walker(data_dir) if spatial else planar_walker(data_dir)
    muscles = {} if spatial else {"muscles": True}
    torques = skeleton.coordinate_names
    structure = movement_structure(
        skeleton, Mesh(3, "trapezoidal", "half_cycle"), torques=torques, wrenches=True, **muscles
    )
    movement, data = movement_program(structure), person_data(structure, skeleton)
    arrays = random_arrays(structure, rng)
    image = {n: mirrored_array(structure, n, a) if np.ndim(a) == 2 else a for n, a in arrays.items()}
    expected = mirrored_array(structure, "accelerations", rows_of(movement, data, arrays))
    # the models' own right and left halves differ by some 1e-4
    size = np.abs(expected).max()
    np.testing.assert_allclose(rows_of(movement, data, image), expected, atol=5e-3 * size)


def test_mirroring_twice_is_the_same_movement(data_dir, rng):
    skeleton = spatial_walker(data_dir)
    structure = movement_structure(
        skeleton, Mesh(3, "trapezoidal", "half_cycle"), torques=skeleton.coordinate_names, wrenches=True
    )
    for name, array in random_arrays(structure, rng).items():
        if np.ndim(array) == 2:
            twice = mirrored_array(structure, name, mirrored_array(structure, name, array))
            np.testing.assert_array_equal(twice, array)


def test_load_in_the_mirror_pushes_the_other_way_sideways(data_dir, rng):
    structure = movement_structure(spatial_walker(data_dir), Mesh(3, "trapezoidal", "half_cycle"), wrenches=True)
    loads = rng.normal(size=(1, 2, 6))
    arrays = {"speed": np.array([1.0]), "duration": np.array([0.5])}
    image = mirrored_loads(loads, arrays, structure)
    np.testing.assert_allclose(image[..., :3], loads[..., :3] * [1.0, 1.0, -1.0])
    moment = loads[..., 3:] * [-1.0, -1.0, 1.0] + np.cross([0.5, 0.0, 0.0], image[..., :3])
    np.testing.assert_allclose(image[..., 3:], moment)


def all_blocks(data_dir):
    skeleton = planar_walker(data_dir)
    mesh = Mesh(3, "hermite_simpson", "half_cycle")
    options = {"torques": ("lumbar",), "muscles": True, "contact": "spheres", "wrenches": True, "passive": True}
    options |= {"smooth": ("accelerations",), "effort_power": 3, "linear_controls": True, "activation": "smooth"}
    structures = [
        movement_structure(skeleton, mesh, sensors=("pelvis", "femur_r"), markers=("tibia_r",), **options),
        movement_structure(skeleton, replace(mesh, scheme="radau"), muscles=True, tendon="compliant", metabolic=True),
        movement_structure(skeleton, mesh, contact="spheres", clearance=True),
    ]
    found = {}
    for structure in structures:
        movement = movement_program(structure)
        data = person_data(structure, skeleton)
        parameters = movement.parameters.join(data.parameters)
        for use in movement.program.uses:
            block = use.block
            found.setdefault(
                (block.name, block.n_variables, block.n_parameters), (block, parameters[use.parameters[:, 0]])
            )
    return found


def test_derivatives_of_all_blocks_are_those_of_differences(data_dir, rng):
    found = all_blocks(data_dir)
    assert len({name for name, *_ in found}) >= 15
    for (name, n, _), (block, parameters) in found.items():
        x = rng.uniform(0.05, 0.3, n)
        p = np.where(parameters == 0.0, rng.uniform(0.1, 0.4, len(parameters)), parameters)
        multipliers = rng.normal(size=block.n_rows)
        _derivatives_agree(block, x, p, multipliers, name)


def _dense(block, x, p, multipliers):
    gradient, jacobian = np.zeros(len(x)), np.zeros((block.n_rows, len(x)))
    if len(block.gradient_pattern):
        gradient[block.gradient_pattern] = np.asarray(block.gradient(x, p)).ravel()
    jacobian[block.jacobian_pattern] = np.asarray(block.jacobian(x, p)).ravel()
    upper = np.zeros((len(x), len(x)))
    if len(block.hessian_pattern[0]):
        upper[block.hessian_pattern] = np.asarray(block.hessian(x, p, 1.0, multipliers)).ravel()
    return gradient, jacobian, upper + np.triu(upper, 1).T


def _derivatives_agree(block, x, p, multipliers, name):
    gradient, jacobian, hessian = _dense(block, x, p, multipliers)
    step = 1e-6
    for j in range(len(x)):
        shift = step * np.eye(len(x))[j]
        ahead, behind = (block.value(x + s, p) for s in (shift, -shift))
        cost = (float(ahead[0]) - float(behind[0])) / (2 * step)
        rows = (np.asarray(ahead[1]) - np.asarray(behind[1])).ravel() / (2 * step)
        scale = 1.0 + abs(gradient).max() + (abs(jacobian).max() if block.n_rows else 0.0)
        assert abs(cost - gradient[j]) < 1e-5 * scale, (name, j)
        np.testing.assert_allclose(rows, jacobian[:, j], atol=1e-5 * scale, err_msg=name)
        front, back = (_dense(block, x + s, p, multipliers) for s in (shift, -shift))
        slope = (front[0] + front[1].T @ multipliers - back[0] - back[1].T @ multipliers) / (2 * step)
        np.testing.assert_allclose(slope, hessian[j], atol=1e-4 * (1.0 + abs(hessian).max()), err_msg=name)


def test_blocks_give_what_their_laws_say(rng):
    block = actuator_block()
    assert float(block.value(0.7, np.zeros(0))[1]) == -0.7
    tissue = passive_block()
    nothing = np.zeros(10)
    nothing[-1] = 700.0
    assert float(tissue.value([0.3, 0.1], nothing)[1]) == 0.0
    for scheme in SCHEMES:
        rest = activation_block(scheme, "first_order")
        n = (rest.n_variables - 1) // 2
        still = np.r_[np.full(n, 0.3), np.full(n, 0.3), 0.5]
        np.testing.assert_allclose(np.asarray(rest.value(still, [0.1, 0.035, 0.035, 0.0])[1]), 0.0, atol=1e-14)


def test_shorter_path_is_a_longer_one_with_zeros():
    long, short = (((0,), (1,), (2,)), ((0,), (1,)))
    own = [1000.0, 0.1, 0.2, 0.1, 10.0, 0.6, 0.01, 0.0, 1.0, 0.31, -0.04]
    x = [0.2, 0.1, 0.5]
    one = rigid_muscle_block(short).value(x, [*own, 700.0])[1]
    other = rigid_muscle_block(long).value(x, [*own, 0.0, 700.0])[1]
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-14)
    assert isinstance(one, ca.DM)


def test_toes_that_bend_carry_their_own_load(data_dir, rng):
    """Net moments at the joint of the toes count the ground under the toes, and no other."""
    skeleton = spatial_walker(data_dir)
    structure = movement_structure(skeleton, Mesh(4), torques=skeleton.coordinate_names, contact="spheres")
    data = person_data(structure, skeleton)
    arrays = random_arrays(structure, rng) | {"contact": np.zeros(3 * structure.n_points)}
    loads, toes = ground_loads(structure, data, arrays), toe_loads(structure, data, arrays)
    assert toes.keys() == {"toes_r", "toes_l"}
    moments = net_moments(structure, skeleton, arrays, loads, toes)
    expected = demand_on_spheres(skeleton, arrays)
    assert np.allclose(moments, expected, atol=1e-9 * np.abs(expected).max())


def test_metabolic_price_is_the_energy_of_all_muscles_per_body_mass(data_dir, rng):
    """The cost of a price of 1 is the mean over time of the law's rates, muscle by muscle in NumPy."""
    skeleton = planar_walker(data_dir)
    structure = movement_structure(skeleton, Mesh(4), torques=("lumbar",), muscles=True, metabolic=True)
    movement = movement_program(structure)
    data = person_data(structure, skeleton).with_metabolic_price(1.0, 0.0, structure.mesh.quadrature)
    arrays = random_arrays(structure, rng)
    cost, _ = movement.program.functions["f_g"](
        start_values(movement, arrays), movement.parameters.join(data.parameters)
    )
    names, total = skeleton.coordinate_names, 0.0
    for i, (muscle, numbers) in enumerate(zip(skeleton.muscles, metabolic_numbers(skeleton), strict=True)):
        columns = [names.index(c) for c in muscle.path.coordinates]
        length, arms = path_of(muscle.path, arrays["coordinates"][:, columns])
        fibre = rigid_tendon_fibre(muscle, length, -(arms * arrays["speeds"][:, columns]).sum(axis=1))
        a, e = arrays["activations"][:, i], arrays["excitations"][:, i]
        rate = metabolic_rate(muscle, fibre, a, e, *numbers, METABOLIC_LAW)
        total += float(structure.mesh.quadrature @ rate.total) / skeleton.mass
    assert total > 1.0
    assert float(cost) == pytest.approx(total, rel=1e-6)


def test_a_low_swing_costs_and_a_standing_or_high_foot_does_not(data_dir):
    skeleton = planar_walker(data_dir)
    structure = movement_structure(skeleton, Mesh(4), contact="spheres", clearance=True)
    movement = movement_program(structure)
    data = person_data(structure, skeleton).with_clearance(1.0, 0.03, structure.mesh.quadrature)

    def price(height, speed):
        q, v = np.zeros((4, structure.n_coordinates)), np.zeros((4, structure.n_coordinates))
        q[:, skeleton.coordinate_index("pelvis_ty")] = height
        v[:, skeleton.coordinate_index("pelvis_tx")] = speed
        arrays = {"coordinates": q, "speeds": v, "duration": np.ones(1), "speed": np.ones(1)}
        values = start_values(movement, arrays)
        return float(movement.program.functions["f_g"](values, movement.parameters.join(data.parameters))[0])

    assert price(0.9, 0.0) == 0.0
    assert price(0.9, 2.0) == pytest.approx(4.0 * structure.n_points, rel=0.05)
    assert price(1.3, 2.0) == pytest.approx(0.0, abs=1e-6)
