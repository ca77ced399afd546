"""Severity path: a predicted walk with an impairment, reached from the same person's healthy one step by step.

A prediction has many local solutions, and a severe impairment is far from any walk that is known. So every person's
healthy walk is predicted first, at the same speed, and the severity then grows in steps, each from the one before,
shorter where one fails. Where legs differ, the healthy half cycle is unfolded to a whole one before the first step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.gait_check import GaitCheck, check_gait
from synth.optimal_control.movement.climb import solve_movement
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.solution import make_solution
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.planar_solver import (
    GaitResult,
    PopulationProgram,
    climb_of,
    refined,
    solve_gait,
    solve_only,
)
from synth.optimal_control.population.predicted_impairment import PredictedImpairment
from synth.optimal_control.population.whole_cycle import unfolded
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.solver import SolverSettings

STEP, SHORTEST = 0.25, 0.05
"""Of severity; a step that fails is halved down to the shortest."""
NEXT = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-3, max_iterations=120, max_cpu_seconds=30.0)
_CAREFUL = SolverSettings(max_iterations=250, max_cpu_seconds=60.0)


@dataclass(frozen=True)
class SeverityPath:
    """How far a path led.

    Attributes
    ----------
    severity : float
        The last that was solved.
    iterate : Iterate
        Of it, or of the step that failed.
    values : ndarray
        Solver variables at `severity`.
    iterations : int
        Of all steps.
    n_steps : int
        That were tried.
    """

    severity: float
    iterate: Iterate
    values: np.ndarray = field(repr=False)
    iterations: int = 0
    n_steps: int = 0


def solve_predicted(
    halves: PopulationProgram, wholes: PopulationProgram, gait: PredictedImpairment, known: Sequence[SolvedGait]
) -> GaitResult:
    """Solve and check one predicted walk: half a cycle where right and left are alike, else a whole one.

    Parameters
    ----------
    halves, wholes : PopulationProgram
        Of half cycles and of whole ones.
    gait : PredictedImpairment
    known : sequence of SolvedGait
        Healthy predictions, to start this person's own from.

    Returns
    -------
    GaitResult
        Its `solved` is this person's healthy prediction. Refused as ``"unsolved"`` where that is not found, or where
        the path ends before the severity.
    """
    if gait.impairment.severity == 0.0:
        return solve_gait(halves, gait, known)
    begin = time.process_time()
    even = solve_only(halves, gait.even, known)
    if even is None:
        failed = solve_gait(halves, gait.even, known[:1])  # for the record: how the solver ended
        refusal = GaitCheck("the healthy walk of this person, where the path begins, did not converge", "unsolved")
        return replace(failed, gait=gait, check=refusal, solved=None)
    programs, values = halves, even.values
    if gait.is_lopsided:
        programs, values = wholes, unfolded(halves.coarse, even.values, wholes.coarse)
    path = walked_path(programs.coarse, programs.template, gait, values)
    return _checked(programs, gait, path, even, time.process_time() - begin)


def walked_path(
    movement: MovementProgram, template: Skeleton, gait: PredictedImpairment, values: np.ndarray
) -> SeverityPath:
    """Let the severity grow from nothing to that of a gait.

    Parameters
    ----------
    movement : MovementProgram
    template : Skeleton
    gait : PredictedImpairment
    values : ndarray
        Solver variables of the same walk at severity 0.
    """
    wanted, reached, step, iterations, n_steps = gait.impairment.severity, 0.0, STEP, 0, 0
    while True:
        aim = wanted if wanted - reached <= step + 1e-9 else reached + step
        iterate = _step(movement, template, gait.at(aim), values, NEXT)
        if not iterate.converged and step / 2.0 < SHORTEST:
            iterate = _step(movement, template, gait.at(aim), values, _CAREFUL)
        iterations, n_steps = iterations + iterate.iterations, n_steps + 1
        if iterate.converged:
            reached, values = aim, iterate.values
        elif step / 2.0 >= SHORTEST:
            step /= 2.0
        else:
            return SeverityPath(reached, iterate, values, iterations, n_steps)
        if reached >= wanted:
            return SeverityPath(reached, iterate, values, iterations, n_steps)


def _step(
    movement: MovementProgram,
    template: Skeleton,
    gait: PredictedImpairment,
    values: np.ndarray,
    settings: SolverSettings,
) -> Iterate:
    return solve_movement(movement, gait.data(movement.structure, gait.skeleton(template)), values, settings)


def _checked(
    programs: PopulationProgram, gait: PredictedImpairment, path: SeverityPath, even: SolvedGait, seconds: float
) -> GaitResult:
    """The end of a path as a result: checked as any walk, refined where a finer mesh mends it."""
    begin, skeleton, movement = time.process_time(), gait.skeleton(programs.template), programs.coarse
    reached = climb_of(movement, gait.data(movement.structure, skeleton), path.iterate)
    solution = make_solution(reached, skeleton)
    check = check_gait(solution, reached, gait.way.limits, programs.equations[0])
    if not path.iterate.converged:
        wanted = gait.impairment.severity
        reason = f"the path ends at severity {path.severity:.2f} of {wanted:.2f}: {reached.reason}"
        check = GaitCheck(reason, "unsolved")
    spent = {"solve": seconds, "check": time.process_time() - begin}
    result = GaitResult(gait, skeleton, solution, check, even, spent, path.iterations, 0)
    return refined(programs, result, path.iterate.values)
