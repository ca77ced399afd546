"""IMU tracking: the sagittal movement that explains seven inertial sensors over one periodic cycle, by optimal control.

The model is generic: a planar skeleton of the person's mass and height, points on a penetration floor, joint torques
(or muscles). Known are the records, the sensors' nominal places and the cycle's duration; unknown are the movement, the
speed, the angle of each leg sensor on its segment, and where heel and toe touch the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from synth.imu.recording import ImuRecording
from synth.optimal_control.movement.climb import Climb, Rung, climb
from synth.optimal_control.movement.imu_data import (
    SENSOR_SEGMENTS,
    ImuProblem,
    ImuStage,
    ImuWeights,
    imu_data,
    with_contact_points,
)
from synth.optimal_control.movement.imu_misfit import sensor_misfit
from synth.optimal_control.movement.imu_start import ImuStart, imu_start, starts_of
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.movement.strap_down import sagittal_records
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.solver import SolverSettings
