"""Generate: a virtual person's own walking or running, predicted by optimal control.

The gait minimises muscle effort and roughness while staying near the normative gait of that speed in the person's own
style, or near nothing (`task`); it satisfies the equations of motion of our planar skeleton (knees are hinges, as in
the skeletons that markers are followed with) with muscles on contact spheres. It is a `virtual_gait`, solved from the
nearest of a few normative gaits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.gait_mode import MODES, RUN, WALK
from synth.optimal_control.gait.gait_solution import GaitSolution, SolutionNotFound, gait_solution
from synth.optimal_control.gait.normative_gait import GaitStyle, draw_style
from synth.optimal_control.movement.climb import Climb, solve_movement
from synth.optimal_control.movement.problem import MovementProgram, movement_program
from synth.optimal_control.population.carried_gait import SolvedGait, carried_start, finer_start, gait_distance
from synth.optimal_control.population.planar_solver import AGAIN, NEAR, REFINE
from synth.optimal_control.population.virtual_gait import VirtualGait, gait_data, gait_start, gait_structure
from synth.optimal_control.population.virtual_skeleton import (
    GENERIC_PROPORTIONS,
    template_skeleton,
    with_muscles_and_contact,
)
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.solver import SolverSettings
from synth.virtual_people import VirtualPerson

MESHES = (25, 50, 80)
"""Intervals of half a cycle; the last only where the one before leaves a residual."""
FINE_ENOUGH = 0.02
"""Equation residual between the nodes (body weights) at which no finer mesh is needed."""
_LARGEST_RESIDUAL = 0.05
_STANCE = {WALK.name: (0.5, 0.75), RUN.name: RUN.limits.stance}
_WORDS = {WALK.name: "walking", RUN.name: "running"}
Start = tuple[np.ndarray, SolverSettings]
"""Solver variables, and how a problem is solved from there."""

_KNOWN_SPEEDS = {WALK.name: (1.3, 1.1, 1.5, 0.9, 1.7), RUN.name: (3.0, 2.6, 3.4, 2.2, 3.8)}


def generate_gait(
    subject: Subject,
    speed: float,
    *,
    style: GaitStyle | None = None,
    seed: int | None = None,
    spread: float = 1.0,
    mode: str = WALK.name,
    task: str = "track",
) -> GaitSolution:
    """Predict how a person walks or runs.

    Parameters
    ----------
    subject : Subject
        With mass and height.
    speed : float
        m/s.
    style : GaitStyle, optional
        The person's own manner; drawn from `seed` if absent, the normative one if both are.
    seed : int, optional
    spread : float
        How much drawn styles differ, see `normative_gait.draw_style`.
    mode : str
        ``"walk"`` or ``"run"``.
    task : str
        ``"track"``: near the normative gait in the style; ``"predict"``: from speed, effort and soft treads alone.

    Returns
    -------
    GaitSolution
        Refused, with the reason, if no acceptable gait was found.

    Raises
    ------
    SolutionNotFound
        The request itself is impossible: no mass or height, a speed nobody goes at.
    """
    check_request(subject, speed, mode)
    if style is None:
        style = GaitStyle() if seed is None else draw_style(np.random.default_rng(seed), spread)
    person = VirtualPerson(0, subject, GENERIC_PROPORTIONS, style.strength)
    skeleton = walking_skeleton(subject, style.strength)
    return solve_walk(VirtualGait(person, 0, task, float(speed), style, mode), skeleton)


def walking_skeleton(subject: Subject, strength: float = 1.0) -> Skeleton:
    """Skeleton that walks: de Leva's masses, muscles of that strength, and contact spheres."""
    return with_muscles_and_contact(planar_skeleton(subject, "de_leva"), subject, _template(), strength)


def solve_walk(gait: VirtualGait, skeleton: Skeleton) -> GaitSolution:
    """Solve one virtual gait of a person with that skeleton, coarse mesh to fine; refused if it is no human gait.

    Parameters
    ----------
    gait : VirtualGait
    skeleton : Skeleton
        Planar, with muscles and spheres, e.g. a `walking_skeleton`.
    """
    steps: list[tuple[str, Iterate]] = []
    before, found = None, None
    for n_intervals in MESHES:
        movement = _program(skeleton, n_intervals)
        data = gait_data(movement.structure, gait, skeleton)
        starts = [(finer_start(*before, movement), REFINE)] if before else _starts(movement, gait, skeleton)
        for start, settings in starts:
            iterate = solve_movement(movement, data, start, settings)
            steps.append((f"{n_intervals} intervals", iterate))
            if iterate.converged:
                break
        if not iterate.converged and found is not None:
            break  # the coarser mesh's gait is the result
        failed = f"the solver ended with {iterate.status} after {iterate.iterations} iterations"
        reached = Climb(movement, data, iterate, "" if iterate.converged else failed, tuple(steps))
        before = (movement, iterate.values)
        found = gait_solution(reached, skeleton)
        if not found.converged or (n_intervals != MESHES[0] and found.checks["residual_share_bw"] < FINE_ENOUGH):
            break
    return found.refused(refuse_gait(found, gait.mode)) if found.converged else found


def _starts(movement: MovementProgram, gait: VirtualGait, skeleton: Skeleton) -> list[Start]:
    """From the nearest known gait, more carefully from there, and from the normative one."""
    starts: list[Start] = []
    if _known_gaits(gait.mode):
        nearest = min(_known_gaits(gait.mode), key=lambda known: gait_distance(known.gait, gait))
        carried = carried_start(movement, nearest, gait, skeleton)
        starts = [(carried, NEAR), (carried, AGAIN)]
    return [*starts, (gait_start(movement, gait, skeleton), AGAIN)]


@lru_cache(maxsize=1)
def _template() -> Skeleton:
    return template_skeleton()


def _program(skeleton: Skeleton, n_intervals: int) -> MovementProgram:
    return movement_program(gait_structure(skeleton, n_intervals), compile_if_possible)


@lru_cache(maxsize=2)
def _known_gaits(mode: str) -> tuple[SolvedGait, ...]:
    """Normative gaits of a generic person, solved once in a process: where others start from."""
    person = VirtualPerson(0, Subject("generic", 70.0, 1.75), GENERIC_PROPORTIONS, 1.0)
    skeleton = walking_skeleton(person.subject)
    movement = _program(skeleton, MESHES[0])
    known: list[SolvedGait] = []
    for speed in _KNOWN_SPEEDS[mode]:
        gait = VirtualGait(person, 0, "track", speed, GaitStyle(), mode)
        start, settings = gait_start(movement, gait, skeleton), AGAIN
        if known:
            start, settings = carried_start(movement, known[0], gait, skeleton), NEAR
        iterate = solve_movement(movement, gait_data(movement.structure, gait, skeleton), start, settings)
        if iterate.converged:
            known.append(SolvedGait(gait, skeleton, iterate.values))
    return tuple(known)


def check_request(subject: Subject, speed: float, mode: str = WALK.name) -> None:
    """Refuse a person whom nobody has met and a speed that nobody goes at."""
    if not (15.0 <= subject.mass <= 250.0 and 0.9 <= subject.height <= 2.4):
        raise SolutionNotFound(
            f"subject {subject.code}: expected a mass of 15-250 kg and a height of 0.9-2.4 m, got {subject.mass} kg "
            f"and {subject.height} m. Check the units."
        )
    slow, fast = (s * np.sqrt(subject.height / 1.75) for s in MODES[mode].possible_speeds)
    if not slow <= speed <= fast:
        raise SolutionNotFound(
            f"subject {subject.code}: {speed} m/s is outside the {_WORDS[mode]} range {slow:.2f}-{fast:.2f} m/s of a "
            f"person of {subject.height:.2f} m. Ask for a speed inside it."
        )


def refuse_gait(solution: GaitSolution, mode: str = WALK.name) -> str:
    """Why a converged solution is not human walking or running; empty if it is."""
    checks, (low, high) = solution.checks, _STANCE[mode]
    for side in "rl":
        share = checks[f"stance_share_{side}"]
        if not low <= share <= high:
            return f"stance share {share:.0%} on side {side} is not {_WORDS[mode]} ({100 * low:.0f}-{100 * high:.0f} %)"
    if checks["stuck_coordinate_samples"]:
        return "a coordinate is stuck at the end of its range of motion"
    if not checks["residual_share_bw"] <= _LARGEST_RESIDUAL:
        return f"equation residual between nodes is {checks['residual_share_bw']:.1%} of body weight"
    return ""
