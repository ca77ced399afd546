"""Forward check: accelerations follow from forces, and a gait that its forces do not make drifts away."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import virtual_gaits as gaits

from synth.optimal_control.gait.gait_check import WALKING, GaitLimits, check_gait
from synth.optimal_control.movement.forward_check import STAGES, _runs, chebyshev_stages, forward_drift
from synth.optimal_control.movement.node_equations import node_equations
from synth.optimal_control.movement.structure import movement_structure
from synth.optimal_control.program.collocation import Mesh


def test_a_body_without_forces_falls_freely_whatever_its_pose():
    structure = movement_structure(gaits.template(), Mesh(2, "trapezoidal", "none"), feet=())
    from synth.optimal_control.movement.data import person_data

    equations = node_equations(structure, compiler=None)
    q = np.random.default_rng(1).normal(scale=0.3, size=structure.n_coordinates)
    found = np.ravel(
        equations.acceleration(q, 0.0 * q, [], [], equations.parameters(person_data(structure, gaits.skeleton())))
    )
    wanted = np.zeros(structure.n_coordinates)
    wanted[structure.pattern.coordinate_names.index("pelvis_ty")] = -9.80665
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_accelerations_leave_nothing_of_the_equations_of_motion_for_any_state_and_activation():
    equations, reached = gaits.equations(25), gaits.solved()
    rng = np.random.default_rng(2)
    base = gaits.solution()
    parameters = equations.parameters(reached.data)
    corrections = np.ravel(base.arrays["contact"])
    for node in (0, 7, 30):
        q = base.coordinates[node] + rng.normal(scale=0.02, size=base.coordinates.shape[1])
        v = base.speeds[node] + rng.normal(scale=0.5, size=len(q))
        drive = np.r_[rng.normal(size=1), rng.uniform(0.01, 1.0, 18)]
        a = np.ravel(equations.acceleration(q, v, drive, corrections, parameters))
        left = np.ravel(equations.residual(q, v, a, drive, corrections, parameters))
        assert np.abs(left).max() < 1e-6 * gaits.skeleton().mass * 9.80665


def test_a_fine_solution_follows_from_its_own_activations_for_fifty_milliseconds():
    found = forward_drift(
        gaits.solution(36), gaits.solved(36).movement.structure, gaits.solved(36).data, equations=gaits.equations(36)
    )
    assert len(found.start) == 10
    assert np.degrees(found.largest_angle) < 0.5
    assert found.drift.shape == (10, 10)


def test_other_activations_or_another_person_make_another_movement():
    structure, data, equations = gaits.solved(36).movement.structure, gaits.solved(36).data, gaits.equations(36)
    base = gaits.solution(36)
    stronger = replace(base, arrays={**base.arrays, "activations": 1.5 * base.arrays["activations"]})
    assert np.degrees(forward_drift(stronger, structure, data, equations=equations).largest_angle) > 1.0
    heavier = data.with_parameters({"numbers": 1.2 * np.asarray(data.parameters["numbers"])})
    assert np.degrees(forward_drift(base, structure, heavier, equations=equations).largest_angle) > 1.0


def test_halving_the_step_of_the_integration_changes_nothing_that_matters(monkeypatch):
    structure, data, equations = gaits.solved(36).movement.structure, gaits.solved(36).data, gaits.equations(36)
    first = forward_drift(gaits.solution(36), structure, data, equations=equations, n_starts=3)
    monkeypatch.setattr("synth.optimal_control.movement.forward_check.LONGEST_STEP", 5e-4)
    _runs.cache_clear()
    finer = forward_drift(gaits.solution(36), structure, data, equations=equations, n_starts=3)
    _runs.cache_clear()
    assert 0.0 < np.degrees(np.abs(finer.drift - first.drift).max()) < 5e-3


def integrate(eigenvalue, n_steps, n_stages=STAGES):
    """Value at 1 of y' = eigenvalue (y - cos t) - sin t, y(0) = 1, which is cos 1."""
    of, h, y = chebyshev_stages(n_stages), 1.0 / n_steps, 1.0
    for k in range(n_steps):

        def rate(value, stage, start=k * h):
            at = start + of.time[stage] * h
            return h * (eigenvalue * (value - np.cos(at)) - np.sin(at))

        begun = rate(y, 0)
        earlier, before = y, y + of.first * begun
        for j in range(n_stages - 1):
            own = of.start[j] * y + of.before[j] * before + of.earlier[j] * earlier
            own += of.rate[j] * rate(before, j + 1) + of.first_rate[j] * begun
            earlier, before = before, own
        y = before
    return y


@pytest.mark.parametrize("n_stages", [3, 5, STAGES])
def test_the_stages_are_of_second_order(n_stages):
    errors = [abs(integrate(-1.0, n, n_stages) - np.cos(1.0)) for n in (10, 20, 40)]
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2.0, atol=0.15)


def test_the_stages_bear_a_stiffness_of_thirty_a_step_and_not_of_forty():
    assert abs(integrate(-3000.0, 100) - np.cos(1.0)) < 1e-3
    assert abs(integrate(-800.0, 20)) > 1e3


def test_walking_is_accepted_with_its_figures():
    found = check_gait(gaits.solution(36), gaits.solved(36), WALKING, gaits.equations(36))
    assert found.accepted, found.reason
    assert found.kind == "accepted"
    assert 0.55 < found.figures["stance_right"] < 0.66
    assert found.figures["first_peak_right_bw"] == pytest.approx(found.figures["first_peak_left_bw"])


@pytest.mark.parametrize(
    ("limits", "kind", "words"),
    [
        (GaitLimits((0.2, 0.4), (0.9, 1.5)), "stance", "stance of the right foot takes"),
        (GaitLimits((0.5, 0.7), (2.0, 3.0)), "peaks", "vertical peak of the right foot"),
        (GaitLimits((0.5, 0.7), (0.9, 1.5), force_residual=1e-6), "residual", "of body weight is missing"),
        (GaitLimits((0.5, 0.7), (0.9, 1.5), drift=1e-6), "drift", "integrated forward for 50 ms"),
    ],
)
def test_what_is_outside_the_limits_is_refused_with_the_reason(limits, kind, words):
    found = check_gait(gaits.solution(36), gaits.solved(36), limits, gaits.equations(36))
    assert (found.kind, found.accepted) == (kind, False)
    assert words in found.reason


def test_a_coordinate_stuck_at_its_bound_is_refused_by_name():
    reached = gaits.solved(36)
    knee = gaits.solution(36).of("knee_angle_r")[:36].max()
    upper = np.array(reached.data.upper["coordinates"], copy=True)
    upper[..., gaits.skeleton().coordinate_index("knee_angle_r")] = knee
    narrow = replace(reached, data=replace(reached.data, upper={**reached.data.upper, "coordinates": upper}))
    found = check_gait(gaits.solution(36), narrow, WALKING, gaits.equations(36))
    assert found.kind == "bounds"
    assert "knee_angle_r is stuck" in found.reason


def test_what_the_solver_did_not_call_solved_is_refused():
    unsolved = replace(gaits.solution(36), converged=False, reason="used up its iterations")
    found = check_gait(unsolved, gaits.solved(36), WALKING, gaits.equations(36))
    assert (found.kind, found.reason) == ("unsolved", "used up its iterations")
