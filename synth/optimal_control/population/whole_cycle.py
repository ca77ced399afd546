"""Whole cycle: a walk whose legs differ, solved over a whole cycle from the even walk of the same person."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synth.optimal_control.gait.gait_check import GaitCheck, check_gait
from synth.optimal_control.movement.climb import physical, solve_movement, start_values
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.solution import make_solution
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.impaired_gait import ImpairedGait
from synth.optimal_control.population.planar_solver import (
    NEAR,
    GaitResult,
    PopulationProgram,
    climb_of,
    meant,
    refined,
    solve_gait,
    solve_only,
)

_STATES = ("coordinates", "speeds", "accelerations", "activations", "excitations", "torques")


def solve_impaired(
    halves: PopulationProgram, wholes: PopulationProgram, gait: ImpairedGait, known: Sequence[SolvedGait]
) -> GaitResult:
    """Solve and check one walk: half a cycle where right and left are alike, else a whole one.

    Parameters
    ----------
    halves, wholes : PopulationProgram
        Of half cycles and of whole ones; the coarse mesh of the wholes has twice the intervals of that of the halves.
    gait : ImpairedGait
    known : sequence of SolvedGait
        Solved half cycles.

    Returns
    -------
    GaitResult
        Refused as ``"unsolved"`` where legs differ and the even walk to start from is not found.
    """
    if not gait.is_lopsided:
        return solve_gait(halves, gait, known)
    begin = time.process_time()
    even, movement = solve_only(halves, gait.even, known), wholes.coarse
    if even is None:
        failed = solve_gait(halves, gait.even, known[:1])  # for the record; an even walk is none with legs that differ
        refusal = GaitCheck("the even walk of this person, where a lopsided one begins, did not converge", "unsolved")
        return replace(failed, gait=gait, check=refusal, solved=None)
    skeleton = gait.skeleton(wholes.template)
    data = gait.data(movement.structure, skeleton)
    start = unfolded(halves.coarse, even.values, movement)
    iterate = solve_movement(movement, data, start, NEAR)
    reached = climb_of(movement, data, iterate)
    seconds, begin = {"solve": time.process_time() - begin}, time.process_time()
    solution = make_solution(reached, skeleton)
    check = meant(check_gait(solution, reached, gait.way.limits, wholes.equations[0]), gait, solution)
    seconds["check"] = time.process_time() - begin
    result = GaitResult(gait, skeleton, solution, check, even, seconds, iterate.iterations, 0)
    return refined(wholes, result, iterate.values)


def unfolded(half: MovementProgram, values: np.ndarray, whole: MovementProgram) -> np.ndarray:
    """Solver variables of the whole cycle that half a cycle and its mirror image make."""
    arrays = physical(half, values)
    step = float(arrays["duration"][0] * arrays["speed"][0])
    n = half.structure.mesh.n_nodes
    joined = {}
    for name in _STATES:
        own, other = arrays[name][:n], mirrored_array(half.structure, name, arrays[name])[:n].copy()
        if name == "coordinates":
            other[:, half.structure.travel] += step
        joined[name] = np.vstack([own, other])
    return start_values(whole, {**joined, "duration": 2.0 * arrays["duration"], "speed": arrays["speed"]})
