"""Virtual gaits that several tests share, solved once a process by CasADi's virtual machine."""

from __future__ import annotations

from functools import lru_cache

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.normative_gait import GaitStyle
from synth.optimal_control.movement.climb import Climb, carry_over, solve_movement
from synth.optimal_control.movement.node_equations import NodeEquations, node_equations
from synth.optimal_control.movement.problem import MovementProgram, movement_program
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.population.planar_solver import AGAIN, REFINE
from synth.optimal_control.population.virtual_gait import VirtualGait, gait_data, gait_start, gait_structure
from synth.optimal_control.population.virtual_skeleton import template_skeleton, virtual_skeleton
from synth.virtual_people import draw_person

COMFORTABLE = VirtualGait(draw_person(7, 2), 0, "track", 1.2, GaitStyle())


@lru_cache
def template() -> Skeleton:
    return template_skeleton()


@lru_cache
def skeleton() -> Skeleton:
    return virtual_skeleton(COMFORTABLE.person, template())


@lru_cache
def program(n_intervals: int) -> MovementProgram:
    return movement_program(gait_structure(template(), n_intervals))


@lru_cache
def equations(n_intervals: int) -> NodeEquations:
    return node_equations(program(n_intervals).structure, compiler=None)


@lru_cache
def solved(n_intervals: int = 25) -> Climb:
    """Comfortable walking, the finer mesh from the coarse one."""
    movement = program(n_intervals)
    data = gait_data(movement.structure, COMFORTABLE, skeleton())
    if n_intervals == 25:
        iterate = solve_movement(movement, data, gait_start(movement, COMFORTABLE, skeleton()), AGAIN)
    else:
        start = carry_over(program(25), solved(25).iterate.values, movement)
        iterate = solve_movement(movement, data, start, REFINE)
    return Climb(movement, data, iterate, "" if iterate.converged else iterate.status, (("gait", iterate),))


@lru_cache
def solution(n_intervals: int = 25) -> MovementSolution:
    return make_solution(solved(n_intervals), skeleton())
