"""Population solver: virtual gaits one after another, each from the nearest one solved, each validated.

A gait is solved on the coarse mesh; where a check refuses it for what a finer mesh can mend (the equations between the
nodes, the drift, a peak or a bound that is the coarse mesh's), it is solved on the next finer one from there, and
checked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.gait_check import GaitCheck, check_gait
from synth.optimal_control.gait.gait_mode import MODES, WALK
from synth.optimal_control.gait.normative_gait import GaitStyle
from synth.optimal_control.movement.climb import Climb, solve_movement
from synth.optimal_control.movement.node_equations import NodeEquations, node_equations
from synth.optimal_control.movement.problem import MovementProgram, movement_program
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.population.carried_gait import SolvedGait, carried_start, finer_start, gait_distance
from synth.optimal_control.population.virtual_gait import VirtualGait, gait_start, gait_structure
from synth.optimal_control.program.assembly import BlockUse
from synth.optimal_control.program.compilation import CompilationReport
from synth.optimal_control.program.compiled_blocks import compiled_uses
from synth.optimal_control.program.compiled_program import compiled_program
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.solver import SolverSettings
from synth.virtual_people import draw_person

ANCHOR_SEED = 7
NEAR = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-2, max_iterations=80, max_cpu_seconds=30.0)
REFINE = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-3, max_iterations=80, max_cpu_seconds=30.0)
AGAIN = SolverSettings(max_iterations=250, max_cpu_seconds=60.0)
_ANCHOR_PEOPLE = (2, 5)

_MENDABLE = ("residual", "drift", "peaks", "bounds")


@dataclass(frozen=True)
class GaitResult:
    """What became of one virtual gait.

    Attributes
    ----------
    gait : VirtualGait
    skeleton : Skeleton
    solution : MovementSolution
    check : GaitCheck
    solved : SolvedGait, optional
        On the coarse mesh, to start others from; None where the solver did not succeed.
    seconds : dict of str to float
        CPU seconds of ``solve`` (coarse mesh), ``check`` (of its solution) and ``refine`` (finer meshes, their checks).
    iterations : int
        On the coarse mesh.
    n_intervals : int
        Of the mesh of the solution.
    """

    gait: VirtualGait
    skeleton: Skeleton
    solution: MovementSolution
    check: GaitCheck
    solved: SolvedGait | None
    seconds: dict[str, float] = field(default_factory=dict)
    iterations: int = 0
    n_intervals: int = 0


@dataclass(frozen=True)
class PopulationProgram:
    """The programs that all gaits share.

    Attributes
    ----------
    template : Skeleton
    movements : tuple of MovementProgram
        Of each mesh, coarse to fine.
    equations : tuple of NodeEquations
        Of each mesh.
    """

    template: Skeleton
    movements: tuple[MovementProgram, ...]
    equations: tuple[NodeEquations, ...]

    @property
    def coarse(self) -> MovementProgram:
        """The program that every gait is solved with first."""
        return self.movements[0]


def population_program(
    template: Skeleton, meshes: tuple[int, ...] = WALK.meshes, compiler: str | None = "auto", **options: object
) -> PopulationProgram:
    """Build and compile what all gaits share; done once a process, and compiled once on a machine.

    Parameters
    ----------
    template : Skeleton
        From `virtual_skeleton.template_skeleton`.
    meshes : tuple of int
        Intervals of half a cycle, coarse to fine.
    compiler : str, optional
        See `program.compilation.compiled_functions`.
    **options
        Of `virtual_gait.gait_structure`.
    """
    movements = tuple(_compiled(gait_structure(template, n, **options), compiler) for n in meshes)
    equations = tuple(node_equations(m.structure, compiler=compiler) for m in movements)
    return PopulationProgram(template, movements, equations)


def _compiled(structure: MovementStructure, compiler: str | None) -> MovementProgram:
    """The program of a structure with its blocks, then itself, as machine code: it is solved thousands of times."""
    reports: list[CompilationReport] = []

    def prepare(uses: list[BlockUse]) -> list[BlockUse]:
        made, said = compiled_uses(uses, compiler)
        reports.extend(said)
        return made

    movement = movement_program(structure, prepare)
    libraries = [report.library for report in reports if report.library is not None]
    if not libraries or not all(report.compiled for report in reports):
        return movement
    return replace(movement, program=compiled_program(movement.program, "population", libraries=libraries)[0])


def solve_gait(programs: PopulationProgram, gait: VirtualGait, known: Sequence[SolvedGait]) -> GaitResult:
    """Solve and check one gait, from the nearest of the known ones.

    Parameters
    ----------
    programs : PopulationProgram
    gait : VirtualGait
    known : sequence of SolvedGait
        None: from the normative gait, which takes several times as long.
    """
    skeleton, begin = gait.skeleton(programs.template), time.process_time()
    data = gait.data(programs.coarse.structure, skeleton)
    iterate = _solved(programs.coarse, gait, skeleton, data, known)
    reached = climb_of(programs.coarse, data, iterate)
    solved = SolvedGait(gait, skeleton, iterate.values) if iterate.converged else None
    seconds, begin = {"solve": time.process_time() - begin}, time.process_time()
    solution = make_solution(reached, skeleton)
    check = meant(check_gait(solution, reached, gait.way.limits, programs.equations[0]), gait, solution)
    seconds["check"] = time.process_time() - begin
    result = GaitResult(gait, skeleton, solution, check, solved, seconds, iterate.iterations, 0)
    return refined(programs, result, iterate.values)


def refined(programs: PopulationProgram, result: GaitResult, values: np.ndarray) -> GaitResult:
    """A result on the coarse mesh, solved again on finer ones as far as that can mend it.

    Parameters
    ----------
    programs : PopulationProgram
    result : GaitResult
    values : ndarray
        Solver variables of the coarse mesh.
    """
    mesh, begin, gait, skeleton = 0, time.process_time(), result.gait, result.skeleton
    solution, check = result.solution, result.check
    for finer in range(1, len(programs.movements)):
        if check.kind not in _MENDABLE:
            break
        movement = programs.movements[finer]
        data = gait.data(movement.structure, skeleton)
        again = solve_movement(movement, data, finer_start(programs.movements[mesh], values, movement), REFINE)
        if again.converged:
            mesh, values, reached = finer, again.values, climb_of(movement, data, again)
            solution = make_solution(reached, skeleton)
            check = meant(check_gait(solution, reached, gait.way.limits, programs.equations[finer]), gait, solution)
    seconds = {**result.seconds, "refine": time.process_time() - begin}
    intervals = programs.movements[mesh].structure.mesh.n_intervals
    return replace(result, solution=solution, check=check, seconds=seconds, n_intervals=intervals)


def meant(check: GaitCheck, gait: VirtualGait, solution: MovementSolution) -> GaitCheck:
    """The check, refused where the solution is not the gait that was meant."""
    reason = gait.unlike(solution) if check.accepted else ""
    return GaitCheck(reason, "unlike", check.figures) if reason else check


def _solved(
    movement: MovementProgram, gait: VirtualGait, skeleton: Skeleton, data: object, known: Sequence[SolvedGait]
) -> Iterate:
    """The coarse problem, from the nearest known gait, then from it more carefully, then from the normative one."""
    starts: list[tuple[Callable[[], np.ndarray], SolverSettings]] = []
    if known:
        nearest = sorted(known, key=lambda other: gait_distance(other.gait, gait))[:2]
        starts.append((lambda: carried_start(movement, nearest[0], gait, skeleton), NEAR))
        starts.append((lambda: carried_start(movement, nearest[-1], gait, skeleton), AGAIN))
    starts.append((lambda: gait_start(movement, gait, skeleton), AGAIN))
    for start, settings in starts:
        iterate = solve_movement(movement, data, start(), settings)
        if iterate.converged:
            return iterate
    return iterate


def climb_of(movement: MovementProgram, data: object, iterate: Iterate) -> Climb:
    """A problem solved alone, as a ladder of one rung."""
    reason = (
        "" if iterate.converged else f"the solver ended with {iterate.status} after {iterate.iterations} iterations"
    )
    return Climb(movement, data, iterate, reason, (("gait", iterate),))


def anchor_gaits(
    programs: PopulationProgram, task: str, speeds: tuple[float, float], mode: str = WALK.name
) -> list[SolvedGait]:
    """Solved gaits of two people over the range of speeds: what all others may start from.

    The same for every population of one task and range, whoever is in it.
    """
    (low, high), way = speeds, MODES[mode]
    count = int(np.ceil((high - low) / way.speed_step)) + 1
    wanted = sorted(np.linspace(low, high, max(count, 1)), key=lambda speed: abs(speed - way.comfortable_speed))
    known: list[SolvedGait] = []
    for number in _ANCHOR_PEOPLE:
        person = draw_person(ANCHOR_SEED, number)
        for speed in wanted:
            kinds = ("track", task) if task != "track" and not known else (task,)
            for kind in kinds:
                gait = VirtualGait(person, 0, kind, float(speed), GaitStyle(), mode)
                result = solve_only(programs, gait, known)
                if result is not None:
                    known.append(result)
    return [solved for solved in known if solved.gait.task == task]


def solve_only(programs: PopulationProgram, gait: VirtualGait, known: Sequence[SolvedGait]) -> SolvedGait | None:
    """Solve one gait on the coarse mesh, without checks; None if the solver does not succeed."""
    skeleton = gait.skeleton(programs.template)
    data = gait.data(programs.coarse.structure, skeleton)
    iterate = _solved(programs.coarse, gait, skeleton, data, known)
    return SolvedGait(gait, skeleton, iterate.values) if iterate.converged else None
