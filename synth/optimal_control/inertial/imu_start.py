"""IMU start: where the solver begins to follow inertial sensors: strap-down angles, the feet on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.gait.normative_gait import normative_coordinates
from synth.optimal_control.gait.periodic_curve import low_pass_periodic, periodic_derivatives
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.optimal_control.inertial.sensor_problem import ImuProblem
from synth.optimal_control.inertial.strap_down import sensor_tilt, speed_from_feet, strap_down_posture
from synth.optimal_control.movement.climb import start_values
from synth.optimal_control.movement.problem import MovementProgram

_BETWEEN_PEOPLE_SD = np.radians(5.0)
_HARMONICS, _PELVIS_HARMONICS = 8, 4
_SLOWEST, _FASTEST = 0.3, 6.5
_WALKING = (0.6, 2.2)


@dataclass(frozen=True)
class ImuStart:
    """Where the solver begins.

    Attributes
    ----------
    name : str
    coordinates : ndarray, shape (n, n_q)
        Evenly over one cycle (rad, m).
    speed : float
        m/s.
    mounting : ndarray, shape (7,) or (n_sensors, 3)
        Angle of each sensor (rad), in the order of `SENSOR_SEGMENTS`; in space its small rotation vector on its segment
        (Cayley's, see `following_blocks.rotation_of`).
    """

    name: str
    coordinates: np.ndarray
    speed: float
    mounting: np.ndarray


def imu_starts(problem: ImuProblem) -> tuple[ImuStart, ...]:
    """Starts from the best guess to the shyest.

    The cycle's mean tilts leave the sensors' angles open: the first start takes the guess of `mounting_guess`, the
    second a part of it, the third none, and the last walks as the normative person does.
    """
    speed = start_speed(problem, speed_from_feet(problem.records, problem.duration))
    guess = mounting_guess(problem, speed)
    made = []
    for name, share in (("guessed angles", 1.0), ("half the angles", 0.5), ("nominal angles", 0.0)):
        mounting = share * guess
        angles = dict(zip(SENSOR_SEGMENTS, mounting, strict=True))
        q = strap_down_posture(problem.records, problem.duration, problem.skeleton, angles)
        made.append(ImuStart(name, _on_the_floor(problem.skeleton, q), speed, mounting))
    q = normative_walk(speed, problem.height)
    made.append(ImuStart("normative gait", _on_the_floor(problem.skeleton, q), speed, guess))
    return tuple(made)


def mounting_guess(problem: ImuProblem, speed: float) -> np.ndarray:
    """First guess (7,) of each sensor's angle on its segment (rad); the pelvis sensor's is 0: it is known.

    The cycle's mean tilt of a sensor is that of its segment plus its mounting; the segment's is close to the normative
    one (SD about 5° between people), the mounting close to 0 (`SensorWeights.mounting_sd`): the difference is shared
    accordingly.
    """
    q = normative_walk(speed, problem.height).mean(axis=0)
    column = problem.skeleton.coordinate_index
    mean = {"pelvis": q[column("pelvis_tilt")]}
    for side in "rl":
        mean[f"femur_{side}"] = mean["pelvis"] + q[column(f"hip_flexion_{side}")]
        mean[f"tibia_{side}"] = mean[f"femur_{side}"] - q[column(f"knee_angle_{side}")]
        mean[f"calcn_{side}"] = mean[f"tibia_{side}"] + q[column(f"ankle_angle_{side}")]
    tilts = [sensor_tilt(problem.records[s], problem.duration).mean() for s in SENSOR_SEGMENTS]
    guess = mounting_share(problem) * (np.array(tilts) - [mean[s] for s in SENSOR_SEGMENTS])
    guess[SENSOR_SEGMENTS.index("pelvis")] = 0.0
    return guess


def start_speed(problem: ImuProblem, found: float) -> float:
    """Speed (m/s) of a start: the known one, or the one that was found, within what people walk and run with."""
    return problem.speed or float(np.clip(found, _SLOWEST, _FASTEST))


def mounting_share(problem: ImuProblem) -> float:
    """Share of a sensor's deviation from the normative posture that is its mounting, and not the person's posture."""
    sd = problem.weights.mounting_sd
    return sd**2 / (sd**2 + _BETWEEN_PEOPLE_SD**2)


def normative_walk(speed: float, height: float) -> np.ndarray:
    """Normative coordinates (100, 10), the pelvis at the origin."""
    return np.nan_to_num(normative_coordinates(np.arange(100) / 100.0, float(np.clip(speed, *_WALKING)), height))


def _on_the_floor(skeleton: Skeleton, q: np.ndarray) -> np.ndarray:
    """Smooth coordinates with the pelvis as high as the lower foot allows."""
    q = low_pass_periodic(q, _HARMONICS)
    height = skeleton.coordinate_index("pelvis_ty")
    q[:, [skeleton.coordinate_index("pelvis_tx"), height]] = 0.0
    states = segment_states(skeleton, list(q.T))
    lowest = np.min([point_position(states[skeleton.segment_index(c.segment)], c.offset)[1]
                     for c in skeleton.contacts], axis=0)  # fmt: skip
    q[:, height] = low_pass_periodic(-lowest[:, None], _PELVIS_HARMONICS)[:, 0]
    return q


def solver_start(movement: MovementProgram, problem: ImuProblem, start: ImuStart) -> np.ndarray:
    """Solver variables of a start at the nodes of a problem."""
    mesh, travel = movement.structure.mesh, movement.structure.travel
    rates = periodic_derivatives(start.coordinates, problem.duration)
    q, v, a = (at_phase(x, mesh.phase) for x in (start.coordinates, *rates))
    q[:, travel], v[:, travel] = start.speed * problem.duration * mesh.phase, start.speed
    known = {"coordinates": q, "speeds": v, "accelerations": a, "mounting": start.mounting.ravel()}
    return start_values(movement, known | {"duration": [problem.duration], "speed": [start.speed]})
