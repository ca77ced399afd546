"""Spatial IMU tracking: the movement in space that explains inertial sensors over one periodic cycle.

The model is a person's: any skeleton of `model_preparation`, with contact spheres under its feet and joint torques.
Known are the records, where the sensors are meant to sit, and the cycle's duration; unknown are the movement, the
speed, how each leg sensor is turned on its segment, and how high the soles are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.imu_attempt import ImuTracking, best_tracking
from synth.optimal_control.inertial.imu_check import check_cycle
from synth.optimal_control.inertial.sensor_problem import ImuProblem, ImuStage
from synth.optimal_control.inertial.spatial_imu_data import SpatialImuWeights, spatial_imu_data
from synth.optimal_control.inertial.spatial_imu_start import spatial_imu_starts
from synth.optimal_control.inertial.spatial_strap_down import FEET, segment_records
from synth.optimal_control.movement.data import HERTZ_SMOOTHING
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.movement.skeleton_numbers import is_planar
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible

NEEDED = ("pelvis", "femur_r", "tibia_r", "femur_l", "tibia_l")
STAGES = (
    ImuStage("yielding contact", 25, 50.0, yielding=0.1, mounting=False, contact=False),
    ImuStage("sensor mounting", 25, 100.0, yielding=0.02, contact=False),
    ImuStage("contact heights", 25, 150.0),
    ImuStage("nominal contact", 50, HERTZ_SMOOTHING),
)


def spatial_imu_problem(
    recordings: Sequence[ImuRecording],
    skeleton: Skeleton,
    duration: float,
    height: float,
    *,
    variances: Mapping[str, np.ndarray] | None = None,
    speed: float | None = None,
    weights: SpatialImuWeights = SpatialImuWeights(),
) -> ImuProblem:
    """Check records and skeleton; arguments as of `track_spatial_imus`."""
    if is_planar(skeleton):
        raise ModelMismatch(f"{skeleton.name} is planar; give it to `imu_tracking`, or a model that moves in space.")
    if not skeleton.contacts:
        raise ModelMismatch(f"{skeleton.name} has no contact spheres; prepare it with `prepare_model(contact=True)`.")
    check_sensors(recordings)
    check_cycle(recordings, duration, speed)
    if not 0.5 <= height <= 2.6:
        raise ModelMismatch(f"expected a height of 0.5-2.6 m, got {height} m. Check its unit.")
    return ImuProblem(skeleton, segment_records(recordings), dict(variances or {}), duration, height, speed, weights)


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


def spatial_imu_structure(problem: ImuProblem, n_nodes: int, **options: object) -> MovementStructure:
    """Structure of the problem: the same for every person of one model."""
    joints = [c.name for c in problem.skeleton.coordinates if not c.name.startswith("pelvis")]
    return movement_structure(
        problem.skeleton,
        Mesh(n_nodes),
        torques=joints,
        contact="spheres",
        sensors=tuple(problem.records),
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
    stages: Sequence[ImuStage] = STAGES,
    n_starts: int = 3,
    every_start: bool = False,
    prepare: Prepare | None = compile_if_possible,
    keep_in: Path | None = None,
) -> ImuTracking:
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
    stages : sequence of ImuStage
        The ladder.
    n_starts, every_start, prepare, keep_in
        As of `imu_attempt.best_tracking`; there are 3 starts.

    Raises
    ------
    ModelMismatch
        Sensors or samples are missing, or no such duration, height or speed exists.
    IterateFileProblem, SolveInterrupted
        With `keep_in`, as of `resumed_climb.resumed_climb`.
    """
    problem = spatial_imu_problem(
        recordings, skeleton, duration, height, variances=variances, speed=speed, weights=weights
    )
    ladder = [(stage, spatial_imu_structure(problem, stage.n_nodes)) for stage in stages]
    tried = {"n_starts": n_starts, "every_start": every_start, "prepare": prepare, "keep_in": keep_in}
    return best_tracking(problem, spatial_imu_starts(problem), ladder, spatial_imu_data, **tried)
