"""Laws of a diagnosis: it names what is wrong and where, and never calls good what the solver did not."""

import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import casadi as ca
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_programs import one_block, rosenbrock_rows, shared_sum

from synth.optimal_control.program.diagnosis import diagnose, row_entries
from synth.optimal_control.program.solver import SolverSettings, solve

FREE = np.full(8, -np.inf), np.full(8, np.inf)
NAMES = {"inertia": np.arange(4), "muscle": np.arange(4, 8)}


def test_solution_is_told_in_one_sentence():
    iterate = solve(shared_sum(4), np.zeros(1), *FREE, np.ones(8))
    diagnosis = diagnose(shared_sum(4), iterate, *FREE, NAMES)
    assert diagnosis.converged
    assert diagnosis.text.startswith("the solver found a solution (Solve_Succeeded) after")
    assert {group.name: group.n_rows for group in diagnosis.groups} == {"motion": 4, "data": 4}
    assert all(group.n_violated == 0 for group in diagnosis.groups)
    assert diagnosis.bounds == ()
    with pytest.raises(FrozenInstanceError):
        diagnosis.status = "good"


def test_worst_row_is_named_with_its_place():
    program = shared_sum(4)
    iterate = solve(program, np.zeros(1), *FREE, np.ones(8))
    rows = iterate.row_values.copy()
    rows[row_entries(program)["data"][2]] = -0.25
    rows[row_entries(program)["motion"][1]] = 0.125
    bad = replace(iterate, row_values=rows, converged=False, status="Restoration_Failed")
    diagnosis = diagnose(program, bad, *FREE, NAMES)
    first, second = diagnosis.groups
    assert (first.name, first.row, first.column, first.violation) == ("data", 0, 2, 0.25)
    assert (second.name, second.row, second.column, second.violation) == ("motion", 0, 1, 0.125)
    assert "could not restore feasibility" in diagnosis.text
    assert "largest residual is 0.25 in data (row 0, column 2), and no bound is hit" in diagnosis.text


def test_bounds_are_counted_by_name_but_not_where_variables_are_fixed():
    program = rosenbrock_rows(3)
    lower, upper = np.full(6, -2.0), np.full(6, 2.0)
    upper[[0, 2]] = 0.5
    lower[1] = upper[1] = 0.3
    iterate = solve(program, np.ones(1), lower, upper, np.zeros(6), SolverSettings(tolerance=1e-8))
    names = {"x": np.arange(0, 6, 2), "y": np.arange(1, 6, 2)}
    (hit,) = diagnose(program, iterate, lower, upper, names).bounds
    assert (hit.name, hit.n_free, hit.n_lower, hit.n_upper) == ("x", 3, 0, 2)
    assert hit.multiplier == pytest.approx(np.abs(iterate.bound_multipliers[[0, 2]]).max())
    bad = replace(iterate, converged=False, status="Maximum_Iterations_Exceeded")
    said = diagnose(program, bad, lower, upper, names).text
    assert "used up its iterations" in said
    assert "all rows are satisfied" in said
    assert "at their bounds are x (2 of 3)" in said


def test_infeasible_problem_names_the_contradiction():
    program = one_block("speed", lambda x, p: (x[0] ** 2, [x[0] ** 2 + x[1] ** 2 + 1.0]), 2)
    free = np.full(2, -np.inf), np.full(2, np.inf)
    iterate = solve(program, np.zeros(0), *free, np.ones(2))
    diagnosis = diagnose(program, iterate, *free)
    assert not diagnosis.converged
    assert diagnosis.groups[0].violation >= 0.99
    assert diagnosis.groups[0].multiplier > 1.0
    assert "speed (row 0, column 0)" in diagnosis.text
    assert "\n" not in diagnosis.text


def test_bounds_that_no_row_can_meet_are_both_named():
    program = one_block("speed", lambda x, p: (x[1] ** 2, [x[0] - 3.0]), 2)
    lower, upper = np.array([0.0, -1.0]), np.array([1.0, 1.0])
    iterate = solve(program, np.zeros(0), lower, upper, np.zeros(2))
    diagnosis = diagnose(program, iterate, lower, upper, {"duration": np.array([0]), "knee": np.array([1])})
    assert not diagnosis.converged
    assert "in speed (row 0, column 0)" in diagnosis.text
    assert "duration (1 of 1)" in diagnosis.text


def test_rows_that_are_not_finite_are_named():
    program = shared_sum(4)
    start = np.ones(8)
    start[6] = -1.0
    iterate = solve(program, np.zeros(1), *FREE, start)
    diagnosis = diagnose(program, iterate, *FREE, NAMES)
    assert not diagnosis.converged
    assert diagnosis.groups[0].name == "data"
    assert diagnosis.groups[0].n_not_finite == 1
    assert (diagnosis.groups[0].row, diagnosis.groups[0].column) == (0, 2)
    assert "1 rows of data are not finite" in diagnosis.text


def test_solver_that_never_began_says_so():
    iterate = solve(shared_sum(4), np.zeros(1), *FREE, np.ones(8), SolverSettings(linear_solver="ma27"))
    said = diagnose(shared_sum(4), iterate, *FREE, NAMES).text
    assert "never began" in said
    assert "after 0 iterations" in said


def test_program_without_rows():
    program = one_block("valley", lambda x, p: (ca.exp(x[0]), []), 1)
    free = np.full(1, -np.inf), np.full(1, np.inf)
    iterate = solve(program, np.zeros(0), *free, np.zeros(1), SolverSettings(max_iterations=2))
    assert "there are no rows" in diagnose(program, iterate, *free).text
