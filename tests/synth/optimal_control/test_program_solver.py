"""Laws of the solver: known optima, never a solution that IPOPT did not call one, and no end without an iterate."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import casadi as ca
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_programs import hock_schittkowski_71, one_block, rosenbrock_rows, shared_sum

from synth.optimal_control.program.mismatch import ProgramMismatch
from synth.optimal_control.program.solver import SolveInterrupted, SolverSettings, solve

NONE = np.zeros(0)
FINE = SolverSettings(tolerance=1e-9, acceptable_iterations=0)


def free(n):
    return np.full(n, -np.inf), np.full(n, np.inf)


def test_hock_schittkowski_71():
    program = hock_schittkowski_71()
    result = solve(program, NONE, np.ones(4), np.full(4, 5.0), np.array([1.0, 5.0, 5.0, 1.0]), FINE)
    assert result.converged
    assert result.status == "Solve_Succeeded"
    assert result.objective == pytest.approx(17.0140173, abs=1e-6)
    assert np.allclose(result.values, [1.0, 4.7429994, 3.8211503, 1.3794082], atol=1e-6)
    # Lagrange multipliers of the published solution: 0.5523 and -0.1615, and 1.0879 at the lower bound of x1
    assert np.allclose(result.row_multipliers, [-0.55229366, 0.16146857], atol=1e-6)
    assert result.bound_multipliers[0] == pytest.approx(-1.08787121, abs=1e-6)
    assert 0 < result.iterations < 30
    assert result.violation < 1e-6  # IPOPT relaxes bounds by 1e-8 of their size
    assert 0 <= result.evaluation_seconds <= result.cpu_seconds + 0.01


@pytest.mark.parametrize(
    ("function", "n", "bounds", "start", "optimum"),
    [
        # Hock-Schittkowski 6, 28, 35, 43
        (lambda x, p: ((1 - x[0]) ** 2, [10 * (x[1] - x[0] ** 2)]), 2, None, [-1.2, 1.0], 0.0),
        (
            lambda x, p: ((x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2, [x[0] + 2 * x[1] + 3 * x[2] - 1]),
            3,
            None,
            [-4.0, 1.0, 1.0],
            0.0,
        ),
        (
            lambda x, p: (
                9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * x[0] ** 2 + 2 * x[1] ** 2 + x[2] ** 2
                + 2 * x[0] * x[1] + 2 * x[0] * x[2],
                [3 - x[0] - x[1] - 2 * x[2]],
            ),
            3,
            (np.zeros(1), np.full(1, np.inf)),
            [0.5, 0.5, 0.5],
            1 / 9,
        ),
        (
            lambda x, p: (
                x[0] ** 2 + x[1] ** 2 + 2 * x[2] ** 2 + x[3] ** 2 - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3],
                [
                    8 - ca.sumsqr(x) - x[0] + x[1] - x[2] + x[3],
                    10 - x[0] ** 2 - 2 * x[1] ** 2 - x[2] ** 2 - 2 * x[3] ** 2 + x[0] + x[3],
                    5 - 2 * x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - 2 * x[0] + x[1] + x[3],
                ],
            ),
            4,
            (np.zeros(3), np.full(3, np.inf)),
            [0.0, 0.0, 0.0, 0.0],
            -44.0,
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("exact", [True, False])
def test_known_optima(function, n, bounds, start, optimum, exact):
    settings = SolverSettings(tolerance=1e-8, exact_hessian=exact, acceptable_iterations=0)
    lower = np.zeros(n) if n == 3 and optimum else np.full(n, -np.inf)
    result = solve(one_block("rows", function, n, bounds), NONE, lower, free(n)[1], np.array(start), settings)
    assert result.converged
    assert result.objective == pytest.approx(optimum, abs=1e-6)


def test_shared_rows_and_parameters():
    program = shared_sum(4)
    lower, upper = free(8)
    for wanted in (0.0, 1.0, -2.0):
        result = solve(program, np.array([wanted]), lower, upper, np.ones(8), FINE)
        assert result.converged
        assert np.allclose(result.values[4:], np.exp(wanted), rtol=1e-7)
        assert np.allclose(result.values[:4], -np.exp(wanted), rtol=1e-7)


def test_warm_start_with_multipliers_takes_fewer_iterations():
    program = rosenbrock_rows(20)
    cold = solve(program, np.array([1.8]), *free(40), np.zeros(40), FINE)
    assert cold.converged
    settings = SolverSettings(tolerance=1e-9, acceptable_iterations=0, warm=True, mu_init=1e-8)
    multipliers = cold.row_multipliers, cold.bound_multipliers
    warm = solve(program, np.array([1.81]), *free(40), cold.values, settings, multipliers=multipliers)
    assert warm.converged
    assert warm.iterations < cold.iterations / 2
    again = solve(program, np.array([1.81]), *free(40), cold.values, FINE)
    assert warm.objective == pytest.approx(again.objective, rel=1e-6)


def test_infeasible_problem_is_not_good():
    program = one_block("contradiction", lambda x, p: (x[0] ** 2, [x[0] ** 2 + x[1] ** 2 + 1.0]), 2)
    result = solve(program, NONE, *free(2), np.ones(2))
    assert not result.converged
    assert result.violation >= 0.99
    assert result.status != "Solve_Succeeded"


def test_too_few_iterations_are_not_good():
    result = solve(rosenbrock_rows(3), np.ones(1), *free(6), np.full(6, -1.2), SolverSettings(max_iterations=3))
    assert result.status == "Maximum_Iterations_Exceeded"
    assert result.iterations == 3
    assert not result.converged
    assert np.isfinite(result.values).all()


def test_too_little_time_is_not_good():
    settings = SolverSettings(max_cpu_seconds=1e-6)
    result = solve(rosenbrock_rows(3), np.ones(1), *free(6), np.full(6, -1.2), settings)
    assert result.status == "Maximum_CpuTime_Exceeded"
    assert not result.converged


@pytest.mark.parametrize("missing", ["ma27", "ma57"])
def test_solver_that_is_not_installed_gives_back_the_start(missing):
    """CasADi reports iterations of nowhere and keeps what was in memory."""
    start = np.full(6, -1.2)
    result = solve(rosenbrock_rows(3), np.ones(1), *free(6), start, SolverSettings(linear_solver=missing))
    assert not result.converged
    assert result.status == "Invalid_Option"
    assert result.iterations == 0
    assert np.array_equal(result.values, start)
    assert result.objective == pytest.approx(3 * (2.2**2 + 100 * 2.64**2))
    assert not result.row_multipliers.any()


def test_functions_that_are_not_finite_end_without_a_solution():
    program = one_block("root", lambda x, p: (ca.sqrt(x[0]), [x[0] + x[1]]), 2)
    result = solve(program, NONE, *free(2), np.array([-1.0, 1.0]))
    assert not result.converged
    assert result.status == "Invalid_Number_Detected"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": np.array([np.nan])}, "reference is nan"),
        ({"parameters": np.array([np.inf])}, "reference is inf"),
        ({"parameters": np.zeros(2)}, r"parameters must have shape \(1,\)"),
        ({"start": np.array([0, 0, np.nan, 0, 0, np.nan])}, "start of knee 2 is nan, and 1 more"),
        ({"start": np.zeros(5)}, r"start must have shape \(6,\), but came with \(5,\)"),
        ({"lower": np.array([0, 2.0, 0, 0, 0, 0]), "upper": np.ones(6)}, "knee 1 must lie between 2 and 1"),
        ({"lower": np.full(6, np.nan)}, "knee 0 must lie between nan and inf"),
        ({"lower": np.full(6, np.inf)}, "knee 0 must lie between inf and inf"),
        ({"multipliers": (np.full(3, np.nan), np.zeros(6))}, "multiplier of circle"),
        ({"multipliers": (np.zeros(2), np.zeros(6))}, "multipliers of rows"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_by_name(change, words):
    given = {"parameters": np.ones(1), "lower": free(6)[0], "upper": free(6)[1], "start": np.zeros(6)} | change
    with pytest.raises(ProgramMismatch, match=words) as refused:
        solve(rosenbrock_rows(3), **given, namer=lambda kind, i: "reference" if kind == "parameter" else f"knee {i}")
    assert "\n" not in str(refused.value)


def test_rows_that_contradict_are_refused_by_name():
    program = one_block("speed", lambda x, p: (x[0], [x[0], x[1]]), 2, (np.array([0.0, 3.0]), np.array([1.0, 2.0])))
    with pytest.raises(ProgramMismatch, match=r"the row speed \(row 1, column 0\) must lie between 3 and 2"):
        solve(program, NONE, *free(2), np.zeros(2))


def test_settings_that_ipopt_does_not_know_are_refused():
    settings = SolverSettings(options=(("ipopt.no_such_option", 1),))
    with pytest.raises(ProgramMismatch, match="no_such_option"):
        solve(rosenbrock_rows(3), np.ones(1), *free(6), np.zeros(6), settings)


def test_settings_of_one_program_do_not_mix():
    program = rosenbrock_rows(3)
    few = solve(program, np.ones(1), *free(6), np.full(6, -1.2), SolverSettings(max_iterations=2))
    many = solve(program, np.ones(1), *free(6), np.full(6, -1.2), SolverSettings())
    again = solve(program, np.ones(1), *free(6), np.full(6, -1.2), SolverSettings(max_iterations=2))
    assert (few.iterations, many.converged, again.iterations) == (2, True, 2)
    assert again.build_seconds < few.build_seconds


def test_solvers_go_with_their_program():
    def gone():
        program = rosenbrock_rows(3)
        solve(program, np.ones(1), *free(6), np.full(6, -1.2), keep=lambda iterate: program.n_rows)
        return weakref.ref(program)

    reference = gone()
    gc.collect()
    assert reference() is None


def test_keeper_sees_iterates_and_its_error_ends_the_solve():
    seen = []
    result = solve(rosenbrock_rows(3), np.ones(1), *free(6), np.full(6, -1.2), keep=seen.append, keep_seconds=0.0)
    assert [iterate.iterations for iterate in seen] == list(range(result.iterations + 1))
    assert all(iterate.status == "Running" and not iterate.converged for iterate in seen)
    assert np.allclose(seen[-1].values, result.values, atol=1e-3)

    def full(_):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        solve(rosenbrock_rows(3), np.ones(1), *free(6), np.full(6, -1.2), keep=full, keep_seconds=0.0)


def test_interrupt_ends_at_an_iteration_and_carries_the_iterate():
    seen = []

    def interrupt(iterate):
        seen.append(iterate)
        if len(seen) == 6:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SolveInterrupted) as stopped:
        solve(rosenbrock_rows(3), np.ones(1), *free(6), np.full(6, -1.2), keep=interrupt, keep_seconds=0.0)
    assert signal.getsignal(signal.SIGINT) is before
    iterate = stopped.value.iterate
    assert not iterate.converged
    assert iterate.status == "User_Requested_Stop"
    assert iterate.iterations in (5, 6)
    assert isinstance(stopped.value, KeyboardInterrupt)
    assert seen[-1] is iterate
    assert np.isfinite(iterate.values).all()
    assert solve(rosenbrock_rows(3), np.ones(1), *free(6), np.full(6, -1.2)).converged


ENDLESS = """
import sys; sys.path[:0] = {paths!r}
import numpy as np
from small_programs import rosenbrock_rows
from synth.optimal_control.program.solver import SolveInterrupted, SolverSettings, solve
n = 4000
free = np.full(n, -np.inf), np.full(n, np.inf)
settings = SolverSettings(tolerance=1e-12, max_iterations=10**6, max_cpu_seconds=100.0, acceptable_iterations=0)
program = rosenbrock_rows(n // 2)
print("begin", flush=True)
try:
    while True:
        solve(program, np.ones(1), *free, np.random.default_rng(0).normal(size=n), settings)
except SolveInterrupted as stop:
    print(stop.iterate.status, stop.iterate.converged, np.isfinite(stop.iterate.values).all())
"""


def test_interrupt_from_outside_ends_a_process_cleanly():
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    words = [sys.executable, "-c", ENDLESS.format(paths=paths)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begin\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=30)
    assert said == "User_Requested_Stop False True\n", errors
    assert process.returncode == 0


def test_solve_in_another_thread_leaves_signals_alone():
    found = []
    before = signal.getsignal(signal.SIGINT)
    program = rosenbrock_rows(3)
    thread = threading.Thread(
        target=lambda: found.append(solve(program, np.ones(1), *free(6), np.full(6, -1.2)).converged)
    )
    thread.start()
    thread.join()
    assert found == [True]
    assert signal.getsignal(signal.SIGINT) is before
