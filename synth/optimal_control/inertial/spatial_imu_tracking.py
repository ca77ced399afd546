"""Spatial IMU tracking: the movement in space that explains inertial sensors over one periodic cycle.

The model is a person's: any skeleton of `model_preparation`, with contact spheres under its feet and joint torques.
Known are the records, where the sensors are meant to sit, and the cycle's duration; unknown are the movement, the
speed, how each leg sensor is turned on its segment, and how high the soles are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.imu_check import check_cycle, refusal
from synth.optimal_control.inertial.imu_start import ImuStart
from synth.optimal_control.inertial.imu_tracking import ImuAttempt
from synth.optimal_control.inertial.spatial_imu_data import (
    SpatialImuProblem,
    SpatialImuStage,
    SpatialImuWeights,
    channel_deviation,
    spatial_imu_data,
)
from synth.optimal_control.inertial.spatial_imu_start import solver_start, spatial_imu_starts
from synth.optimal_control.inertial.spatial_strap_down import segment_channels
from synth.optimal_control.movement.climb import Climb, Rung, climb
from synth.optimal_control.movement.following_blocks import sensor_values
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.movement.skeleton_numbers import is_planar
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.solver import SolverSettings

NEEDED = ("pelvis", "femur_r", "tibia_r", "femur_l", "tibia_l")
FEET = ("calcn", "toes")
STAGES = (
    SpatialImuStage("yielding contact", 25, steepness=50.0, yielding=0.1, mounting=False, contact=False),
    SpatialImuStage("sensor mounting", 25, steepness=100.0, yielding=0.02, contact=False),
    SpatialImuStage("contact heights", 25, steepness=150.0),
    SpatialImuStage("nominal contact", 50),
)
_SETTINGS = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-2, tolerance=1e-4, max_iterations=150)
CHANNELS = tuple(f"{what} along {axis}" for what in ("force", "angular velocity") for axis in "xyz")


@dataclass(frozen=True)
class SpatialImuTracking:
    """The movement that explains the sensors, and what was estimated with it.

    Attributes
    ----------
    solution : MovementSolution
        `converged` only if the solver said so and the misfit is what noise and model error explain.
    mounting : dict of str to ndarray, shape (3,)
        Small rotation vector of each sensor on its segment (rad).
    sole_heights : dict of str to float
        How much higher each contact sphere sits in its foot than in the model (m).
    misfits : dict of str to ndarray, shape (6,)
        Of each sensor's channels, in expected variances.
    attempts : tuple of ImuAttempt
    reached : Climb
        The ladder of the start that was kept.
    """

    solution: MovementSolution
    mounting: dict[str, np.ndarray]
    sole_heights: dict[str, float]
    misfits: dict[str, np.ndarray]
    attempts: tuple[ImuAttempt, ...]
    reached: Climb

    @property
    def misfit(self) -> float:
        """Mean of all channels, in expected variances."""
        return float(np.mean(list(self.misfits.values())))


def spatial_imu_problem(
    recordings: Sequence[ImuRecording],
    skeleton: Skeleton,
    duration: float,
    height: float,
    *,
    variances: Mapping[str, np.ndarray] | None = None,
    speed: float | None = None,
    weights: SpatialImuWeights = SpatialImuWeights(),
) -> SpatialImuProblem:
    """Check records and skeleton; arguments as of `track_spatial_imus`."""
    if is_planar(skeleton):
        raise ModelMismatch(f"{skeleton.name} is planar; give it to `imu_tracking`, or a model that moves in space.")
    if not skeleton.contacts:
        raise ModelMismatch(f"{skeleton.name} has no contact spheres; prepare it with `prepare_model(contact=True)`.")
    check_sensors(recordings)
    check_cycle(recordings, duration, speed)
    if not 0.5 <= height <= 2.6:
        raise ModelMismatch(f"expected a height of 0.5-2.6 m, got {height} m. Check its unit.")
    return SpatialImuProblem(skeleton, tuple(recordings), dict(variances or {}), duration, height, speed, weights)


def check_sensors(recordings: Sequence[ImuRecording]) -> None:
    """Refuse sets of sensors that no movement can be found from."""
    found = [r.placement.segment for r in recordings]
    feet = [[s for s in found if s in (f"{FEET[0]}_{side}", f"{FEET[1]}_{side}")] for side in "rl"]
    missing = [s for s in NEEDED if s not in found]
    missing += [f"calcn_{side} or toes_{side}" for side, own in zip("rl", feet, strict=True) if not own]
    extra = [s for s in found if s not in (*NEEDED, "torso", *feet[0], *feet[1])]
    twice = sorted({s for s in found if found.count(s) > 1} | {s for own in feet if len(own) > 1 for s in own})
    wrong = [f"none is on {', '.join(missing)}"] * bool(missing) + [f"{', '.join(extra)} is none of them"] * bool(extra)
    wrong += [f"{', '.join(twice)} carry more than one of a foot or segment"] * bool(twice)
    if wrong:
        raise ModelMismatch(
            f"IMU tracking in space needs a sensor on {', '.join(NEEDED)} and one on each foot (calcn or toes), and "
            f"may have one on torso; {'; '.join(wrong)} (found {', '.join(found) or 'none'}). Add or choose recordings."
        )


def spatial_imu_structure(problem: SpatialImuProblem, n_nodes: int, **options: object) -> MovementStructure:
    """Structure of the problem: the same for every person of one model."""
    joints = [c.name for c in problem.skeleton.coordinates if not c.name.startswith("pelvis")]
    return movement_structure(
        problem.skeleton,
        Mesh(n_nodes),
        torques=joints,
        contact="spheres",
        sensors=problem.segments,
        smooth=("accelerations",),
        wrenches=True,
        **options,
    )


def track_spatial_imus(
    recordings: Sequence[ImuRecording],
    skeleton: Skeleton,
    duration: float,
    height: float,
    *,
    variances: Mapping[str, np.ndarray] | None = None,
    speed: float | None = None,
    weights: SpatialImuWeights = SpatialImuWeights(),
    stages: Sequence[SpatialImuStage] = STAGES,
    n_starts: int = 3,
    every_start: bool = False,
    prepare: Prepare | None = compile_if_possible,
) -> SpatialImuTracking:
    """Find the movement in space that explains the inertial records of one cycle.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Of pelvis, thighs, shanks and feet (and torso), sampled evenly over one cycle, its end not repeated; their
        placements say where on the skeleton they are meant to sit.
    skeleton : Skeleton
        The person's: see `model_preparation.prepare_model`; hold what no sensor sees, such as arms.
    duration : float
        Of the cycle (s).
    height : float
        Of the person (m).
    variances : mapping, optional
        Measured variance (n, 6) or (6,) of the channels along nominal segment axes, by segment.
    speed : float, optional
        m/s, of the floor under the person; unknown if absent.
    weights : SpatialImuWeights
    stages : sequence of SpatialImuStage
    n_starts : int
        At most so many starts, 1 to 3, are tried until one is accepted.
    every_start : bool
        Try all of them and keep the lowest objective.
    prepare : callable, optional
        See `problem.movement_program`; None for no compiler.

    Raises
    ------
    ModelMismatch
        Sensors or samples are missing, or no such duration, height or speed exists.
    """
    problem = spatial_imu_problem(
        recordings, skeleton, duration, height, variances=variances, speed=speed, weights=weights
    )
    best: SpatialImuTracking | None = None
    attempts: list[ImuAttempt] = []
    for start in islice(spatial_imu_starts(problem), max(1, n_starts)):
        found = attempt(problem, start, stages=stages, prepare=prepare)
        attempts.append(found.attempts[0])
        one, other = found.solution, best.solution if best else None
        if other is None or (not one.converged, one.objective) < (not other.converged, other.objective):
            best = found
        if best.solution.converged and not every_start:
            break
    return replace(best, attempts=tuple(attempts))


def attempt(
    problem: SpatialImuProblem,
    start: ImuStart,
    *,
    stages: Sequence[SpatialImuStage] = STAGES,
    prepare: Prepare | None = compile_if_possible,
    settings: SolverSettings = _SETTINGS,
) -> SpatialImuTracking:
    """Climb the ladder from one start."""

    def rung(stage: SpatialImuStage) -> Rung:
        last = stage is stages[-1]
        chosen = settings if last else replace(settings, tolerance=1e-2, constraint_tolerance=1e-2)
        return Rung(
            stage.name,
            spatial_imu_structure(problem, stage.n_nodes),
            lambda movement: spatial_imu_data(movement.structure, problem, stage, start.mounting),
            chosen,
            rough=not last,
        )

    reached = climb([rung(s) for s in stages], lambda movement: solver_start(movement, problem, start), prepare=prepare)
    return _tracking(problem, start, reached)


def _tracking(problem: SpatialImuProblem, start: ImuStart, reached: Climb) -> SpatialImuTracking:
    """The result of one ladder, refused where its misfit is more than noise and model error."""
    solution = make_solution(reached, problem.skeleton)
    structure = reached.movement.structure
    vectors = solution.arrays["mounting"].reshape(-1, 3)
    mounting = dict(zip(structure.sensors, vectors, strict=True))
    misfits = spatial_misfit(problem, structure.mesh.phase, solution, mounting)
    moved = solution.arrays["contact"].reshape(-1, 3)[:, 1]
    ordered = [c.name for side in ("_r", "_l") for c in problem.skeleton.contacts if c.segment.endswith(side)]
    heights = dict(zip(ordered, moved.tolist(), strict=True))
    misfit = float(np.mean(list(misfits.values())))
    reason = solution.reason or refusal(misfits, CHANNELS)
    solution = replace(solution, converged=not reason, reason=reason)
    made = ImuAttempt(start.name, reason, solution.objective, misfit, solution.cpu_seconds, solution.iterations)
    return SpatialImuTracking(solution, mounting, heights, misfits, (made,), reached)


def spatial_misfit(
    problem: SpatialImuProblem, phase: np.ndarray, solution: MovementSolution, mounting: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Mean squared misfit (6,) of each sensor's channels over the cycle, in expected variances: about 1 if good."""
    arrays = (solution.coordinates, solution.speeds, solution.accelerations)
    states = segment_states(problem.skeleton, *(list(a.T) for a in arrays))
    found = {}
    for recording in problem.recordings:
        segment = recording.placement.segment
        state = states[problem.skeleton.segment_index(segment)]
        values = sensor_values(state, tuple(recording.placement.offset), list(mounting[segment]))
        read = over_frames(values, len(solution.time))
        deviation = at_phase(channel_deviation(problem, recording), phase)
        found[segment] = np.mean(((read - at_phase(segment_channels(recording), phase)) / deviation) ** 2, axis=0)
    return found
