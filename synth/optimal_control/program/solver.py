"""Solver: IPOPT on a program, with its last iterate kept whatever ends it.

Options were measured on gait (METIS ordering and no scaling inside MUMPS, since the variables are near 1 already, make
an iteration two to three times faster): a cold start with an adaptive barrier, a warm one with a small monotone one.
The method is that of Wächter and Biegler (2006), Math. Program. 106:25-57.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from weakref import WeakKeyDictionary

import casadi as ca
import numpy as np

from synth.optimal_control.program.assembly import Program
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.iterate_watch import IterateWatch
from synth.optimal_control.program.kept_memory import keep_freed_memory
from synth.optimal_control.program.mismatch import Namer, ProgramMismatch, check_solve

_LINEAR_ALGEBRA = {
    "ipopt.mumps_pivot_order": 5,
    "ipopt.mumps_permuting_scaling": 0,
    "ipopt.mumps_scaling": 0,
    "ipopt.mumps_pivtol": 1e-8,
    "ipopt.nlp_scaling_method": "none",
}
_QUIET = {
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "print_time": False,
    "calc_lam_p": False,
    "no_nlp_grad": True,
    "show_eval_warnings": False,
}
_MULTIPLIERS = {
    "ipopt.warm_start_init_point": "yes",
    "ipopt.warm_start_bound_push": 1e-8,
    "ipopt.warm_start_bound_frac": 1e-8,
    "ipopt.warm_start_slack_bound_push": 1e-8,
    "ipopt.warm_start_slack_bound_frac": 1e-8,
    "ipopt.warm_start_mult_bound_push": 1e-8,
}
_KEPT_SOLVERS = 16


@dataclass(frozen=True)
class SolverSettings:
    """How a program is solved.

    Attributes
    ----------
    warm : bool
        The start is close to a solution: small monotone barrier from the beginning, instead of an adaptive one.
    tolerance : float
        IPOPT's overall tolerance, in solver units.
    constraint_tolerance : float
        Largest violation of a row in a solution.
    max_iterations : int
    max_cpu_seconds : float
    exact_hessian : bool
        Use the exact Hessian of the Lagrangian rather than the limited-memory approximation.
    mu_init : float
        First barrier parameter of a warm start.
    bound_push : float
        How far (share) a warm start is pushed away from its bounds.
    acceptable_tolerance : float
        Also good is what stays within this tolerance for `acceptable_iterations`; the status then says so.
    acceptable_iterations : int
        0: never.
    linear_solver : str
    options : tuple of (str, value)
        Further options of CasADi or, with ``ipopt.`` before their name, of IPOPT; these win.
    """

    warm: bool = False
    tolerance: float = 1e-4
    constraint_tolerance: float = 1e-4
    max_iterations: int = 300
    max_cpu_seconds: float = 120.0
    exact_hessian: bool = True
    mu_init: float = 1e-3
    bound_push: float = 1e-4
    acceptable_tolerance: float = 1e-3
    acceptable_iterations: int = 8
    linear_solver: str = "mumps"
    options: tuple[tuple[str, object], ...] = field(default=())

    def words(self, *, multipliers: bool = False) -> dict[str, object]:
        """Options as CasADi wants them."""
        said = {**_LINEAR_ALGEBRA, **_QUIET, "ipopt.linear_solver": self.linear_solver}
        said |= {"ipopt.tol": self.tolerance, "ipopt.constr_viol_tol": self.constraint_tolerance}
        said |= {"ipopt.max_iter": self.max_iterations, "ipopt.max_cpu_time": self.max_cpu_seconds}
        said |= {"ipopt.acceptable_tol": self.acceptable_tolerance, "ipopt.acceptable_iter": self.acceptable_iterations}
        said["ipopt.acceptable_constr_viol_tol"] = min(1e-5, self.constraint_tolerance)
        if self.warm:
            said |= {"ipopt.mu_strategy": "monotone", "ipopt.mu_init": self.mu_init}
            said |= {"ipopt.bound_push": self.bound_push, "ipopt.bound_frac": self.bound_push}
        else:
            said["ipopt.mu_strategy"] = "adaptive"
        if not self.exact_hessian:
            said["ipopt.hessian_approximation"] = "limited-memory"
        return said | (_MULTIPLIERS if multipliers else {}) | dict(self.options)


class SolveInterrupted(KeyboardInterrupt):
    """Ctrl-C during a solve; `iterate` is where the solver was."""

    def __init__(self, iterate: Iterate) -> None:
        super().__init__(f"interrupted after {iterate.iterations} iterations")
        self.iterate = iterate


@dataclass(frozen=True, eq=False)
class _Solver:
    function: ca.Function
    watch: IterateWatch


_solvers: WeakKeyDictionary[Program, dict[object, _Solver]] = WeakKeyDictionary()


def _solver(program: Program, settings: SolverSettings, *, multipliers: bool) -> _Solver:
    """Solver of a program with these settings, made once."""
    made = _solvers.setdefault(program, {})
    key = (settings, multipliers)
    if key not in made:
        watch = IterateWatch(program)
        options = {"grad_f": program.functions["grad_f"], "jac_g": program.functions["jac_g"]}
        if settings.exact_hessian:
            options["hess_lag"] = program.functions["hess_lag"]
        options |= settings.words(multipliers=multipliers) | {"iteration_callback": watch}
        if len(made) >= _KEPT_SOLVERS:
            made.pop(next(iter(made)))
        try:
            made[key] = _Solver(ca.nlpsol("program", "ipopt", program.problem, options), watch)
        except RuntimeError as problem:
            raise ProgramMismatch(
                f"IPOPT cannot be made with {settings}: {str(problem).strip().splitlines()[-1]}; change these settings"
            ) from problem
    return made[key]


def solve(
    program: Program,
    parameters: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    start: np.ndarray,
    settings: SolverSettings = SolverSettings(),
    *,
    namer: Namer | None = None,
    multipliers: tuple[np.ndarray, np.ndarray] | None = None,
    keep: Callable[[Iterate], None] | None = None,
    keep_seconds: float = 5.0,
) -> Iterate:
    """Solve a program from a start.

    Parameters
    ----------
    program : Program
    parameters : ndarray, shape (n_parameters,)
    lower, upper : ndarray, shape (n_variables,)
        Bounds in solver units; infinite where there is none.
    start : ndarray, shape (n_variables,)
        In solver units; moved into the bounds.
    settings : SolverSettings
    namer : callable, optional
        (``"variable"`` or ``"parameter"``, index) → name, for messages.
    multipliers : tuple of ndarray, optional
        Multipliers of rows (n_rows,) and of bounds (n_variables,) to start with, those of a neighbour's `Iterate`.
    keep : callable, optional
        Called with the present iterate every `keep_seconds`, to write it to a file. What it raises ends the solve and
        is raised again.
    keep_seconds : float

    Returns
    -------
    Iterate
        Good only if it says `converged`.

    Raises
    ------
    ProgramMismatch
        Something is not finite, of the wrong length, or a bound contradicts another, or IPOPT does not know an option;
        the solver is not called.
    SolveInterrupted
        Ctrl-C (in the main thread); it carries the last iterate, which `keep` has seen.
    """
    check_solve(program, parameters, lower, upper, start, multipliers, namer)
    keep_freed_memory()
    begin = time.perf_counter()
    solver = _solver(program, settings, multipliers=multipliers is not None)
    build = time.perf_counter() - begin
    arguments = {"x0": np.clip(np.asarray(start, float), lower, upper), "p": parameters, "lbx": lower, "ubx": upper}
    if multipliers is not None:
        arguments |= {"lam_g0": multipliers[0], "lam_x0": multipliers[1]}
    solver.watch.begin(keep, keep_seconds)
    result, stats = _run(solver, program, arguments)
    iterate = solver.watch.end(result, stats, build, _violation_limit(settings))
    if solver.watch.interrupted:
        _keep_interrupted(iterate, keep)
    return iterate


def _run(solver: _Solver, program: Program, arguments: dict[str, np.ndarray]) -> tuple[dict, dict]:
    """What the solver gives, and its statistics."""
    with _interruptible(solver.watch):
        result = solver.function(lbg=program.lower_rows, ubg=program.upper_rows, **arguments)
    if solver.watch.failure is not None:
        raise solver.watch.failure
    stats = solver.function.stats()
    if not stats["success"] and not solver.watch.began:  # what it returns is whatever was in memory
        start = arguments["x0"]
        objective, rows = program.functions["f_g"](start, arguments["p"])
        result |= {"x": start, "f": objective, "g": rows, "lam_x": 0.0 * start, "lam_g": 0.0 * rows}
    return result, stats


def _keep_interrupted(iterate: Iterate, keep: Callable[[Iterate], None] | None) -> NoReturn:
    """Keep the iterate once more; an interrupt stays one even if it cannot be kept."""
    try:
        if keep is not None:
            keep(iterate)
    except Exception as problem:  # what cannot be written must not hide that the user wants to stop
        raise SolveInterrupted(iterate) from problem
    raise SolveInterrupted(iterate)


def _violation_limit(settings: SolverSettings) -> float:
    """Violation of a row beyond which even what the solver calls a solution is none."""
    return 10.0 * max(settings.constraint_tolerance, settings.tolerance)


@contextmanager
def _interruptible(watch: IterateWatch) -> Iterator[None]:
    """Ctrl-C asks the solver to stop at its next iteration.

    Without this CasADi ends the solve with ``NonIpopt_Exception_Thrown`` and swallows the interrupt, so that whatever
    comes after it goes on.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (None, signal.SIG_IGN):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: watch.interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
