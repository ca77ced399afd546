"""Solver: IPOPT on a program, and a diagnosis in words when it does not converge."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

import casadi as ca
import numpy as np

from synth.optimal_control.gait_data import GaitData
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.gait_structure import WIDE
from synth.optimal_control.program.assembly import Program

# Measured on planar gait (see docs/baseline.md): METIS ordering and no scaling inside MUMPS, since the variables are
# near 1 already, halve the time of an iteration.
_OPTIONS = {
    "ipopt.linear_solver": "mumps",
    "ipopt.mumps_pivot_order": 5,
    "ipopt.mumps_permuting_scaling": 0,
    "ipopt.mumps_scaling": 0,
    "ipopt.mumps_pivtol": 1e-8,
    "ipopt.nlp_scaling_method": "none",
    "ipopt.max_cpu_time": 20.0,
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "ipopt.acceptable_tol": 1e-3,
    "ipopt.acceptable_constr_viol_tol": 1e-5,
    "ipopt.acceptable_iter": 8,
    "print_time": False,
    "calc_lam_p": False,
    "no_nlp_grad": True,
}
_COLD = {"ipopt.mu_strategy": "adaptive"}
_WARM = {
    "ipopt.mu_strategy": "monotone",
    "ipopt.mu_init": 1e-3,
    "ipopt.bound_push": 1e-4,
    "ipopt.bound_frac": 1e-4,
}


@dataclass(frozen=True)
class Iterate:
    """Where the solver stopped.

    Attributes
    ----------
    values : ndarray
        Solver variables.
    converged : bool
    reason : str
        Empty if converged; else what the solver said, the worst equation and the bounds that are active.
    objective : float
    iterations : int
    seconds, cpu_seconds : float
    """

    values: np.ndarray
    converged: bool
    reason: str
    objective: float
    iterations: int
    seconds: float
    cpu_seconds: float


@lru_cache(maxsize=64)
def _ipopt(program: Program, warm: bool, tolerance: float, max_iterations: int, exact: bool) -> ca.Function:
    options = {**_OPTIONS, **(_WARM if warm else _COLD)}
    options |= {"ipopt.tol": tolerance, "ipopt.max_iter": max_iterations}
    options |= {"grad_f": program.functions["grad_f"], "jac_g": program.functions["jac_g"]}
    if exact:
        options["hess_lag"] = program.functions["hess_lag"]
    else:
        options["ipopt.hessian_approximation"] = "limited-memory"
    return ca.nlpsol("gait", "ipopt", program.problem, options)


def solve(
    gait: GaitProgram,
    data: GaitData,
    start: np.ndarray,
    *,
    warm: bool = False,
    tolerance: float = 1e-4,
    max_iterations: int = 300,
    exact_hessian: bool = True,
) -> Iterate:
    """Solve a gait problem from a start.

    Parameters
    ----------
    gait : GaitProgram
    data : GaitData
    start : ndarray
        Solver variables.
    warm : bool
        The start is close to a solution: small barrier from the beginning.
    tolerance : float
        IPOPT's overall tolerance.
    max_iterations : int
    exact_hessian : bool
        Use the exact Hessian of the Lagrangian rather than the limited-memory approximation.

    Returns
    -------
    Iterate
    """
    parameters = gait.parameters.join(data.parameters)
    lower, upper = gait.variables.join(data.lower, -WIDE), gait.variables.join(data.upper, WIDE)
    for name in gait.variables.shapes:
        # bounds are in solver units except those of coordinates, which are the same
        if name not in data.lower:
            index = gait.variables.index(name)
            lower[index], upper[index] = -WIDE, WIDE
    start = np.clip(start, lower, upper)
    solver = _ipopt(gait.program, warm, tolerance, max_iterations, exact_hessian)
    wall, cpu = time.perf_counter(), time.process_time()
    result = solver(
        x0=start, p=parameters, lbx=lower, ubx=upper, lbg=gait.program.lower_rows, ubg=gait.program.upper_rows
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    stats = solver.stats()
    values = np.asarray(result["x"]).ravel()
    converged = bool(stats["success"]) and bool(np.isfinite(values).all())
    reason = "" if converged else _diagnosis(gait, values, np.asarray(result["g"]).ravel(), lower, upper, stats)
    return Iterate(values, converged, reason, float(result["f"]), int(stats["iter_count"]), wall, cpu)


def _diagnosis(
    gait: GaitProgram, values: np.ndarray, rows: np.ndarray, lower: np.ndarray, upper: np.ndarray, stats: dict
) -> str:
    """What stopped the solver: its own word, the worst equation and where, and which bounds are active."""
    program = gait.program
    said = stats.get("return_status", "no status")
    violation = np.maximum(program.lower_rows - rows, rows - program.upper_rows)
    if not np.isfinite(violation).all():
        worst = "an equation is not finite"
    else:
        index = int(np.argmax(violation))
        name, row, column = program.row_of(index)
        worst = f"largest residual {violation[index]:.2g} in {name} (row {row}, column {column})"
    active = []
    for name, value in gait.variables.split(values).items():
        a, b = lower[gait.variables.index(name)], upper[gait.variables.index(name)]
        stuck = ((value - a < 1e-6) | (b - value < 1e-6)) & (b > a)
        if stuck.any() and name not in ("activations", "excitations"):
            active.append(f"{name} {int(stuck.sum())}")
    bounds = f"; active bounds: {', '.join(active)}" if active else "; no bound active"
    return f"IPOPT stopped after {stats['iter_count']} iterations ({said}); {worst}{bounds}"
