"""IMU tracking: the sagittal movement that explains seven inertial sensors over one periodic cycle, by optimal control.

The model is generic: a planar skeleton of the person's mass and height, points on a penetration floor, joint torques
(or muscles). Known are the records, the sensors' nominal places and the cycle's duration; unknown are the movement, the
speed, the angle of each leg sensor on its segment, the place of each sensor, and where heel and toe touch the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.generic.contact_point import NOMINAL_ROUNDING, with_contact_points
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.constant_arm_muscles import with_constant_arm_muscles
from synth.optimal_control.inertial.imu_attempt import ImuTracking, best_tracking
from synth.optimal_control.inertial.imu_check import check_records
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS, ImuWeights, imu_data
from synth.optimal_control.inertial.imu_start import imu_starts
from synth.optimal_control.inertial.sensor_problem import ImuProblem, ImuStage
from synth.optimal_control.inertial.strap_down import sagittal_records
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible

N_NODES = 50
STAGES = (
    ImuStage("yielding contact", N_NODES, 0.01, yielding=0.1, mounting=False, places=False, contact=False),
    ImuStage("sensor angles", N_NODES, 0.01, places=False, contact=False),
    ImuStage("contact places", N_NODES, 0.005),
    ImuStage("nominal contact", N_NODES, NOMINAL_ROUNDING),
)


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
    return ImuProblem(skeleton, records, dict(variances or {}), duration, subject.height, speed, weights)


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
        End with the muscles of `constant_arm_muscles`, one more rung; else with joint torques.
    n_starts, every_start, prepare, keep_in
        As of `imu_attempt.best_tracking`; there are 4 starts.

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
    ladder = [(stage, imu_structure(problem)) for stage in STAGES]
    if muscles:
        ladder.append((replace(STAGES[-1], name="muscles"), imu_structure(problem, muscles=True)))
    tried = {"n_starts": n_starts, "every_start": every_start, "prepare": prepare, "keep_in": keep_in}
    return best_tracking(problem, imu_starts(problem), ladder, imu_data, **tried)
