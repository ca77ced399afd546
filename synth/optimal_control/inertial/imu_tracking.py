"""IMU tracking: the sagittal movement that explains seven inertial sensors over one periodic cycle, by optimal control.

The model is generic: a planar skeleton of the person's mass and height, points on a penetration floor, joint torques
(or muscles). Known are the records, the sensors' nominal places and the cycle's duration; unknown are the movement, the
speed, the angle of each leg sensor on its segment, the place of each sensor, and where heel and toe touch the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.constant_arm_muscles import with_constant_arm_muscles
from synth.optimal_control.inertial.imu_check import check_records, refusal
from synth.optimal_control.inertial.imu_data import (
    SENSOR_SEGMENTS,
    ImuProblem,
    ImuStage,
    ImuWeights,
    imu_data,
    with_contact_points,
)
from synth.optimal_control.inertial.imu_misfit import sensor_misfit, sensor_readings
from synth.optimal_control.inertial.imu_start import ImuStart, imu_starts, solver_start
from synth.optimal_control.inertial.strap_down import sagittal_records
from synth.optimal_control.movement.climb import Climb, Rung, climb
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.resumed_climb import resumed_climb
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.solver import SolverSettings

N_NODES = 50
LAST_ITERATE = "last_iterate_{}.npz"
STAGES = (
    ImuStage("yielding contact", rounding=0.01, yielding=0.1, mounting=False, places=False, contact=False),
    ImuStage("sensor angles", rounding=0.01, places=False, contact=False),
    ImuStage("contact places", rounding=0.005),
    ImuStage("nominal contact"),
)
_SETTINGS = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-2, tolerance=1e-4, max_iterations=150)


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
    mounting : dict of str to float
        Angle of each sensor on its segment (rad).
    places : dict of str to ndarray, shape (2,)
        Where each sensor sits on its segment (m).
    contact_places : dict of str to float
        Forward place of each contact point on its foot, from the ankle (m).
    misfits : dict of str to ndarray, shape (3,)
        Of each sensor's channels, in expected variances.
    attempts : tuple of ImuAttempt
    reached : Climb
        What the solution was made from.
    resumed : str
        Rung with which an interrupted run was gone on; empty if none.
    """

    solution: MovementSolution
    mounting: dict[str, float]
    places: dict[str, np.ndarray]
    contact_places: dict[str, float]
    misfits: dict[str, np.ndarray]
    attempts: tuple[ImuAttempt, ...]
    reached: Climb
    resumed: str = ""

    @property
    def misfit(self) -> float:
        """Mean of all channels, in expected variances."""
        return float(np.mean(list(self.misfits.values())))


def imu_problem(
    recordings: Sequence[ImuRecording],
    subject: Subject,
    duration: float,
    *,
    variances: Mapping[str, np.ndarray] | None = None,
    speed: float | None = None,
    weights: ImuWeights = ImuWeights(),
    turn_to_plane: bool = True,
    muscles: bool = False,
) -> ImuProblem:
    """Check records and person, and bring them into the sagittal plane; arguments as of `track_imus`."""
    check_records(recordings, duration, speed)
    skeleton = with_contact_points(planar_skeleton(subject, "winter"), subject.height)
    skeleton = with_constant_arm_muscles(skeleton, subject.height) if muscles else skeleton
    records = sagittal_records(recordings, turn_to_plane=turn_to_plane)
    return ImuProblem(skeleton, records, dict(variances or {}), duration, speed, weights)


def imu_structure(problem: ImuProblem, n_nodes: int = N_NODES, **options: object) -> MovementStructure:
    """Structure of the problem: the same for every person."""
    joints = [c.name for c in problem.skeleton.coordinates if not c.name.startswith("pelvis")]
    return movement_structure(
        problem.skeleton,
        Mesh(n_nodes),
        torques=joints,
        contact="points",
        sensors=SENSOR_SEGMENTS,
        placing=True,
        soles=True,
        smooth=("accelerations", "torques", "soles"),
        wrenches=True,
        **options,
    )


def track_imus(
    recordings: Sequence[ImuRecording],
    subject: Subject,
    duration: float,
    *,
    variances: Mapping[str, np.ndarray] | None = None,
    speed: float | None = None,
    weights: ImuWeights = ImuWeights(),
    turn_to_plane: bool = True,
    muscles: bool = False,
    n_starts: int = 4,
    every_start: bool = False,
    prepare: Prepare | None = compile_if_possible,
    keep_in: Path | None = None,
) -> ImuTracking:
    """Find the movement that explains the inertial records of one cycle.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Of pelvis, thighs, shanks and feet, sampled evenly over one cycle, its end not repeated.
    subject : Subject
        With mass and height: all that the generic model knows.
    duration : float
        Of the cycle (s).
    variances : mapping, optional
        Measured variance (n, 3) or (3,) of the sagittal channels by segment, e.g. between cycles.
    speed : float, optional
        m/s; unknown if absent.
    weights : ImuWeights
    turn_to_plane : bool
        See `strap_down.sagittal_records`.
    muscles : bool
        End with the muscles of `constant_arm_muscles`; else with joint torques.
    n_starts : int
        At most so many starts, 1 to 4, are tried until one is accepted.
    every_start : bool
        Try all of them and keep the lowest objective.
    prepare : callable, optional
        See `problem.movement_program`; None for no compiler.
    keep_in : Path, optional
        Folder (made when it is needed) in which the last iterate of each start stands while it is solved, and from
        which the same tracking goes on after a kill; the caller removes the files of what is safe.

    Raises
    ------
    ModelMismatch
        Sensors are missing, samples are missing, or nobody has this mass, height, duration or speed.
    IterateFileProblem, SolveInterrupted
        With `keep_in`, as of `resumed_climb.resumed_climb`.
    """
    problem = imu_problem(
        recordings,
        subject,
        duration,
        variances=variances,
        speed=speed,
        weights=weights,
        turn_to_plane=turn_to_plane,
        muscles=muscles,
    )
    starts = imu_starts(problem, subject.height)[: max(1, n_starts)]
    return _best_of(problem, starts, every_start=every_start, prepare=prepare, keep_in=keep_in)


def _best_of(
    problem: ImuProblem,
    starts: Sequence[ImuStart],
    *,
    every_start: bool,
    prepare: Prepare | None,
    keep_in: Path | None,
) -> ImuTracking:
    """The first accepted start, or the best of all."""
    best: ImuTracking | None = None
    attempts: list[ImuAttempt] = []
    resumed = ""
    for number, start in enumerate(starts):
        place = None if keep_in is None else keep_in / LAST_ITERATE.format(number)
        found = attempt(problem, start, prepare=prepare, place=place)
        attempts.append(found.attempts[0])
        resumed = resumed or found.resumed
        if best is None or _better(found.solution, best.solution):
            best = found
        if best.solution.converged and not every_start:
            break
    return replace(best, attempts=tuple(attempts), resumed=resumed)


def _better(one: MovementSolution, other: MovementSolution) -> bool:
    """Whether one solution is to be preferred: accepted first, then the lower objective."""
    if one.converged != other.converged:
        return one.converged
    return one.objective < other.objective


def attempt(
    problem: ImuProblem,
    start: ImuStart,
    *,
    stages: Sequence[ImuStage] = STAGES,
    prepare: Prepare | None = compile_if_possible,
    settings: SolverSettings = _SETTINGS,
    place: Path | None = None,
) -> ImuTracking:
    """Climb the ladder from one start; a problem with muscles has one more rung.

    With `place` (``.npz``) the last iterate stands there, and the climb begins where an earlier one was ended.
    """
    structure = imu_structure(problem)
    ladder = [(stage, structure) for stage in stages]
    if problem.skeleton.muscles:
        ladder.append((replace(stages[-1], name="muscles"), imu_structure(problem, muscles=True)))

    def rung(stage: ImuStage, structure: MovementStructure) -> Rung:
        last = stage is ladder[-1][0]
        chosen = settings if last else replace(settings, tolerance=1e-2, constraint_tolerance=1e-2)
        return Rung(
            stage.name,
            structure,
            lambda movement: imu_data(movement.structure, problem, stage, start.mounting),
            chosen,
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
    solution = make_solution(reached, problem.skeleton)
    sensors = reached.movement.structure.sensors
    mounting = dict(zip(sensors, solution.arrays["mounting"].tolist(), strict=True))
    moved = solution.arrays["places"].reshape(-1, 2)
    offsets = {s: problem.records[s].offset + d for s, d in zip(sensors, moved, strict=True)}
    arrays = (solution.coordinates, solution.speeds, solution.accelerations)
    readings = sensor_readings(problem.skeleton, *arrays, offsets, mounting)
    misfits = sensor_misfit(problem, reached.movement.structure.mesh.phase, readings)
    moved = solution.arrays["contact"].reshape(-1, 2)[:, 0]
    places = {c.name: c.offset[0] + dx for c, dx in zip(problem.skeleton.contacts, moved.tolist(), strict=True)}
    misfit = float(np.mean(list(misfits.values())))
    reason = solution.reason or refusal(misfits)
    solution = replace(solution, converged=not reason, reason=reason)
    made = ImuAttempt(start.name, reason, solution.objective, misfit, solution.cpu_seconds, solution.iterations)
    return ImuTracking(solution, mounting, offsets, places, misfits, (made,), reached)
