"""IMU attempt: a ladder of sensor problems climbed from start after start, and the movement that came of the best.

The same in the plane (`imu_tracking`) and in space (`spatial_imu_tracking`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from synth.optimal_control.inertial.imu_check import refusal
from synth.optimal_control.inertial.imu_misfit import sensor_misfit, sensor_readings
from synth.optimal_control.inertial.imu_start import ImuStart, solver_start
from synth.optimal_control.inertial.sensor_problem import ImuProblem, ImuStage
from synth.optimal_control.movement.climb import Climb, Rung, climb
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.resumed_climb import LAST_ITERATE, resumed_climb
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.program.solver import SolverSettings

SETTINGS = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-2, tolerance=1e-4, max_iterations=150)
_ON_THE_WAY = {"tolerance": 1e-2, "constraint_tolerance": 1e-2}
Ladder = Sequence[tuple[ImuStage, MovementStructure]]
DataOf = Callable[[MovementStructure, ImuProblem, ImuStage, np.ndarray], MovementData]


@dataclass(frozen=True)
class ImuAttempt:
    """What one start led to.

    Attributes
    ----------
    start : str
    reason : str
        Why it is no result; empty if it may be one.
    objective, misfit : float
        Misfit: mean over all channels, in expected variances.
    cpu_seconds : float
    iterations : int
    """

    start: str
    reason: str
    objective: float
    misfit: float
    cpu_seconds: float
    iterations: int


@dataclass(frozen=True)
class ImuTracking:
    """The movement that explains the sensors, and what was estimated with it.

    Attributes
    ----------
    solution : MovementSolution
        `converged` only if the solver said so and the misfit is what noise and model error explain.
    mounting : dict of str to float or ndarray, shape (3,)
        Angle of each sensor on its segment (rad); in space its small rotation vector.
    places : dict of str to ndarray, shape (2,) or (3,)
        Where each sensor sits on its segment (m); in space that is known.
    contact_moves : dict of str to ndarray, shape (2,) or (3,)
        How far each contact point or sphere sits in its foot from where the model has it (m).
    misfits : dict of str to ndarray, shape (3,) or (6,)
        Of each sensor's channels, in expected variances.
    attempts : tuple of ImuAttempt
    reached : Climb
        What the solution was made from.
    resumed : str
        Rung with which an interrupted run was gone on; empty if none.
    """

    solution: MovementSolution
    mounting: dict[str, float | np.ndarray]
    places: dict[str, np.ndarray]
    contact_moves: dict[str, np.ndarray]
    misfits: dict[str, np.ndarray]
    attempts: tuple[ImuAttempt, ...]
    reached: Climb
    resumed: str = ""

    @property
    def misfit(self) -> float:
        """Mean of all channels, in expected variances."""
        return float(np.mean(list(self.misfits.values())))


def best_tracking(
    problem: ImuProblem,
    starts: Iterable[ImuStart],
    ladder: Ladder,
    data: DataOf,
    *,
    n_starts: int,
    every_start: bool,
    prepare: Prepare | None,
    keep_in: Path | None,
) -> ImuTracking:
    """Climb from start after start, to the first that is accepted, or to the best of all.

    Parameters
    ----------
    problem : ImuProblem
    starts : iterable of ImuStart
        Made when they are asked for, from the best guess to the shyest.
    ladder : sequence of (ImuStage, MovementStructure)
        The last is the problem; those before are on the way.
    data : callable
        `imu_data.imu_data` or `spatial_imu_data.spatial_imu_data`.
    n_starts : int
        At most so many are tried, at least one.
    every_start : bool
        Try all of them and keep the lowest objective.
    prepare : callable, optional
        See `problem.movement_program`.
    keep_in : Path, optional
        Folder (made when it is needed) in which the last iterate of each start stands while it is solved, and from
        which the same tracking goes on after a kill; the caller removes the files of what is safe.

    Raises
    ------
    IterateFileProblem, SolveInterrupted
        With `keep_in`, as of `resumed_climb.resumed_climb`.
    """
    best: ImuTracking | None = None
    attempts: list[ImuAttempt] = []
    resumed = ""
    for number, start in enumerate(islice(starts, max(1, n_starts))):
        place = None if keep_in is None else keep_in / LAST_ITERATE.format(number)
        found = _attempt(problem, start, ladder, data, prepare, place)
        attempts.append(found.attempts[0])
        resumed = resumed or found.resumed
        if best is None or _order(found.solution) < _order(best.solution):
            best = found
        if best.solution.converged and not every_start:
            break
    return replace(best, attempts=tuple(attempts), resumed=resumed)


def _order(solution: MovementSolution) -> tuple[bool, float]:
    """What is to be preferred is lower: accepted first, then by the objective."""
    return not solution.converged, solution.objective


def _attempt(
    problem: ImuProblem, start: ImuStart, ladder: Ladder, data: DataOf, prepare: Prepare | None, place: Path | None
) -> ImuTracking:
    """Climb the ladder from one start."""

    def rung(stage: ImuStage, structure: MovementStructure) -> Rung:
        last = stage is ladder[-1][0]
        return Rung(
            stage.name,
            structure,
            lambda movement: data(movement.structure, problem, stage, start.mounting),
            SETTINGS if last else replace(SETTINGS, **_ON_THE_WAY),
            rough=not last,
        )

    def begin(movement: MovementProgram) -> np.ndarray:
        return solver_start(movement, problem, start)

    rungs = [rung(*step) for step in ladder]
    if place is None:
        return _tracking(problem, start, climb(rungs, begin, prepare=prepare))
    place.parent.mkdir(parents=True, exist_ok=True)
    reached, resumed = resumed_climb(rungs, begin, place, prepare=prepare)
    return replace(_tracking(problem, start, reached), resumed=resumed)


def _tracking(problem: ImuProblem, start: ImuStart, reached: Climb) -> ImuTracking:
    """The result of one ladder, refused where its misfit is more than noise and model error."""
    solution, structure = make_solution(reached, problem.skeleton), reached.movement.structure
    arrays, sensors, axes = solution.arrays, structure.sensors, 2 if structure.planar else 3
    angles = arrays["mounting"].tolist() if structure.planar else arrays["mounting"].reshape(-1, 3)
    mounting = dict(zip(sensors, angles, strict=True))
    moved = arrays["places"].reshape(-1, axes) if structure.placing else np.zeros((len(sensors), axes))
    places = {s: problem.records[s].offset + d for s, d in zip(sensors, moved, strict=True)}
    contacts = [c.name for side in ("_r", "_l") for c in problem.skeleton.contacts if c.segment.endswith(side)]
    moves = dict(zip(contacts, arrays["contact"].reshape(-1, axes), strict=True))
    motion = (solution.coordinates, solution.speeds, solution.accelerations)
    misfits = sensor_misfit(problem, structure.mesh.phase, sensor_readings(problem.skeleton, *motion, places, mounting))
    reason = solution.reason or refusal(misfits)
    solution = replace(solution, converged=not reason, reason=reason)
    found = ImuTracking(solution, mounting, places, moves, misfits, (), reached)
    cost = (solution.objective, found.misfit, solution.cpu_seconds, solution.iterations)
    return replace(found, attempts=(ImuAttempt(start.name, reason, *cost),))
