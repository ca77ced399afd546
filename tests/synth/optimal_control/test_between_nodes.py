"""Between the nodes: scheme polynomials are exact where they should be, finer meshes leave less of the equations."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import virtual_gaits as gaits

from opensim_models.model.muscle_path import length_and_arms
from synth.optimal_control.law.hill_muscle import rigid_tendon_force
from synth.optimal_control.movement.between_nodes import arrays_between, residual_between_nodes
from synth.optimal_control.movement.climb import physical
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.solution import ground_loads, net_moments
from synth.optimal_control.movement.structure import movement_structure
from synth.optimal_control.program.collocation import Mesh

_DEGREE = {"trapezoidal": 2, "hermite_simpson": 3, "radau": 3, "backward_euler": 1}


@pytest.mark.parametrize("scheme", list(_DEGREE))
def test_a_polynomial_of_the_schemes_degree_is_found_again_between_the_nodes(scheme):
    mesh = Mesh(6, scheme, "none")
    structure = movement_structure(gaits.template(), mesh, feet=())
    duration, n_q = 0.6, structure.n_coordinates
    rng = np.random.default_rng(3)
    powers = rng.normal(size=(_DEGREE[scheme] + 1, n_q))

    def values(time, order):
        return np.stack([np.polynomial.Polynomial(c).deriv(order)(time) if order else
                         np.polynomial.Polynomial(c)(time) for c in powers.T], axis=1)  # fmt: skip

    time = mesh.phase * duration
    arrays = {
        "coordinates": values(time, 0),
        "speeds": values(time, 1),
        "accelerations": values(time, 2),
        "duration": np.array([duration]),
        "speed": np.zeros(1),
    }
    phase, between = arrays_between(structure, MovementData(), arrays)
    np.testing.assert_allclose(between["coordinates"], values(phase * duration, 0), atol=1e-12)
    if scheme != "backward_euler":
        np.testing.assert_allclose(between["speeds"], values(phase * duration, 1), atol=1e-11)
    assert len(phase) == mesh.n_intervals * mesh.nodes_per_interval
    assert (np.diff(phase) > 0).all()


def test_points_lie_half_way_between_neighbouring_nodes_also_where_the_half_cycle_wraps():
    reached = gaits.solved()
    structure = reached.movement.structure
    arrays = physical(reached.movement, reached.iterate.values)
    phase, between = arrays_between(structure, reached.data, arrays)
    np.testing.assert_allclose(phase, (np.arange(25) + 0.5) / 25)
    step = float(arrays["duration"][0]) / 25
    right, left = (structure.pattern.coordinate_names.index(f"hip_flexion_{side}") for side in "rl")
    # the last interval ends at the mirror image of the first node
    mean = (arrays["coordinates"][-1, right] + arrays["coordinates"][0, left]) / 2
    bend = step / 8 * (arrays["speeds"][-1, right] - arrays["speeds"][0, left])
    assert between["coordinates"][-1, right] == pytest.approx(mean + bend, abs=1e-12)


def test_residual_is_what_numpy_finds_missing_by_inverse_dynamics_muscles_and_contact():
    reached = gaits.solved()
    structure = reached.movement.structure
    arrays = physical(reached.movement, reached.iterate.values)
    _, between = arrays_between(structure, reached.data, arrays)
    between |= {name: arrays[name] for name in ("contact", "duration", "speed")}
    missing = net_moments(structure, gaits.skeleton(), between, ground_loads(structure, reached.data, between))
    unit = gaits.skeleton().mass * 9.80665 * 0.1
    missing[:, list(structure.actuated)] -= between["torques"] * unit
    for i, muscle in enumerate(gaits.skeleton().muscles):
        columns = [structure.pattern.coordinate_names.index(c) for c in muscle.path.coordinates]
        length, arms = length_and_arms(muscle.path, list(between["coordinates"][:, columns].T))
        velocity = -sum(arm * v for arm, v in zip(arms, between["speeds"][:, columns].T, strict=True))
        force = muscle.max_isometric_force * rigid_tendon_force(muscle, length, velocity, between["activations"][:, i])
        for column, arm in zip(columns, arms, strict=True):
            missing[:, column] -= arm * force
    found = residual_between_nodes(reached, gaits.equations(25))
    np.testing.assert_allclose(found.residual, missing, atol=1e-6 * unit)


def test_a_solution_leaves_nothing_at_its_nodes_and_less_between_them_on_a_finer_mesh():
    coarse = residual_between_nodes(gaits.solved(25), gaits.equations(25))
    fine = residual_between_nodes(gaits.solved(36), gaits.equations(36))
    assert gaits.solved(25).converged
    assert gaits.solved(36).converged
    assert coarse.force_share < 0.05
    assert fine.force_share < 0.6 * coarse.force_share
    assert fine.moment_share < coarse.moment_share
