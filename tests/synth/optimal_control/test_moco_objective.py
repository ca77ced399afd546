"""Moco's objective in NumPy: quadratures and terms on trajectories whose integrals are known."""

import numpy as np
import pytest

from benchmarks.peers.moco_objective import (
    collocation_defects,
    contact_tracking_integral,
    deviations,
    effort_integral,
    prediction_objective,
    quadrature_weights,
    state_tracking_integral,
    tracking_objective,
)

SCHEMES = ("hermite-simpson", "trapezoidal")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_quadrature_weights_add_to_the_duration(scheme):
    times = np.linspace(0.2, 1.1, 21)
    assert quadrature_weights(times, scheme).sum() == pytest.approx(0.9)


def test_simpson_is_exact_for_cubics_and_the_trapezoid_for_lines():
    times = np.linspace(0.0, 2.0, 5)
    assert quadrature_weights(times, "hermite-simpson") @ times**3 == pytest.approx(4.0)
    assert quadrature_weights(times, "trapezoidal") @ (3 * times + 1) == pytest.approx(8.0)


def test_uneven_mesh_keeps_its_intervals():
    mesh = np.array([0.0, 0.1, 0.4, 1.0])
    grid = np.sort(np.concatenate([mesh, (mesh[1:] + mesh[:-1]) / 2]))
    assert quadrature_weights(grid, "hermite-simpson") @ grid**3 == pytest.approx(0.25)


def test_grids_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="odd number"):
        quadrature_weights(np.linspace(0, 1, 4), "hermite-simpson")
    with pytest.raises(ValueError, match="expected one of"):
        quadrature_weights(np.linspace(0, 1, 4), "radau")


def test_effort_counts_newton_metres_and_excitations_alike():
    times = np.linspace(0.0, 2.0, 5)
    controls = np.column_stack([np.full(5, 0.5), np.full(5, -10.0)])
    assert effort_integral(times, controls, "trapezoidal") == pytest.approx(2 * (0.25 + 100))
    assert effort_integral(times, controls, "trapezoidal", exponent=3) == pytest.approx(2 * (0.125 + 1000))
    weighted = effort_integral(times, controls, "trapezoidal", control_weights=np.array([1.0, 0.01]))
    assert weighted == pytest.approx(2 * (0.25 + 1))


def test_state_tracking_is_not_scaled():
    times = np.linspace(0.0, 1.0, 3)
    states, reference = np.full((3, 2), 2.0), np.zeros((3, 2))
    assert state_tracking_integral(times, states, reference, "hermite-simpson") == pytest.approx(8.0)
    assert state_tracking_integral(
        times, states, reference, "hermite-simpson", state_weights=np.array([0.5, 0.0])
    ) == pytest.approx(2.0)


def test_contact_tracking_divides_by_body_weight_once_and_drops_the_normal():
    times = np.linspace(0.0, 1.0, 3)
    forces, reference = np.zeros((3, 2, 3)), np.zeros((3, 2, 3))
    forces[:, 0] = [30.0, 40.0, 100.0]
    whole = contact_tracking_integral(times, forces, reference, "trapezoidal", body_weight=500.0)
    assert whole == pytest.approx((2500 + 10000) / 500)
    plane = contact_tracking_integral(
        times, forces, reference, "trapezoidal", body_weight=500.0, plane_normal=np.array([0.0, 0.0, 2.0])
    )
    assert plane == pytest.approx(2500 / 500)


def small_problem() -> tuple[dict, dict]:
    times = np.linspace(0.0, 1.0, 3)
    trajectory = {
        "times": times,
        "states": np.column_stack([times, np.ones(3), np.full(3, 0.3)]),
        "state_paths": np.array(["/q/value", "/q/speed", "/m/activation"]),
        "controls": np.full((3, 1), 0.2),
        "control_paths": np.array(["/m"]),
        "forces": np.zeros((3, 1, 3)),
        "force_groups": np.array(["right"]),
    }
    problem = {
        "scheme": "hermite-simpson",
        "intervals": 1,
        "weights": {"control_effort": 10.0, "state_tracking": 2.0, "contact": 1.0},
        "total_mass": 10.0,
        "gravity": [0.0, -10.0, 0.0],
        "contact_plane_normal": [0.0, 0.0, 1.0],
        "reference": {
            "times": times.tolist(),
            "states": {"/q/speed": [0.0, 0.0, 0.0], "/q/value": times.tolist()},
            "state_weights": {"/q/speed": 1.0, "/q/value": 1.0},
            "forces": {"right": [[0.0, 20.0, 7.0]] * 3},
        },
    }
    return trajectory, problem


def test_terms_carry_their_weights_and_find_columns_by_path():
    terms = tracking_objective(*small_problem())
    assert terms["control_effort"] == pytest.approx(10 * 0.04)
    assert terms["state_tracking"] == pytest.approx(2 * 1.0)
    assert terms["contact"] == pytest.approx(400 / 100)
    assert terms["total"] == pytest.approx(0.4 + 2.0 + 4.0)


def test_other_grids_and_missing_states_are_refused():
    trajectory, problem = small_problem()
    with pytest.raises(ValueError, match="grid points"):
        tracking_objective({**trajectory, "times": trajectory["times"] * 1.1}, problem)
    with pytest.raises(ValueError, match="lacks 1 tracked"):
        tracking_objective({**trajectory, "state_paths": np.array(["/q/value", "/w/speed", "/m/activation"])}, problem)


def test_prediction_is_effort_per_metre():
    trajectory, _ = small_problem()
    value = prediction_objective(trajectory, "hermite-simpson", weight=10.0, exponent=3, displacement=0.5)
    assert value == pytest.approx(10 * 0.2**3 / 0.5)


@pytest.mark.parametrize(("scheme", "power"), [("hermite-simpson", 3), ("trapezoidal", 2)])
def test_polynomials_the_scheme_integrates_exactly_leave_no_defect(scheme, power):
    times = np.linspace(0.0, 1.0, 9)
    states, rates = times[:, None] ** power, power * times[:, None] ** (power - 1)
    assert collocation_defects(times, states, rates, scheme).max() < 1e-15
    assert collocation_defects(times, states + 0.1 * np.sin(40 * times)[:, None], rates, scheme).max() > 0.01


def test_deviations_count_joints_pelvis_and_forces_apart():
    trajectory, problem = small_problem()
    trajectory["states"] = np.column_stack([trajectory["states"], np.full(3, 0.1)])
    trajectory["state_paths"] = np.append(trajectory["state_paths"], "/ground_pelvis/pelvis_tx/value")
    trajectory["states"][:, 0] += np.radians(2.0)
    problem["reference"]["states"]["/ground_pelvis/pelvis_tx/value"] = [0.0] * 3
    found = deviations(trajectory, problem)
    assert found["joint_angles_deg"] == pytest.approx(2.0)
    assert found["pelvis_mm"] == pytest.approx(100.0)
    assert found["force_y_percent_bw"] == pytest.approx(20.0)
    assert found["force_x_percent_bw"] == 0.0
