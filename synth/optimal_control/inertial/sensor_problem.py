"""Sensor problem: one person's inertial records of one cycle, what is believed beforehand, and the numbers of a rung.

What is the same in the plane (`imu_data`) and in space (`spatial_imu_data`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.strap_down import SensorRecord
from synth.optimal_control.movement.data import WIDE, MovementData, person_data
from synth.optimal_control.movement.structure import LEVER, MovementStructure

_YIELDING_LEVER = 1.0
"""m, between a force and its moment about the ground's origin, which a stride leaves by about as much."""
_FARTHEST_MOUNTING = 1.0


@dataclass(frozen=True)
class SensorWeights:
    """What is believed of sensors before a record is seen, and how their channels are weighed.

    Attributes
    ----------
    channel_share : float
        Standard deviation of a channel's model error as a share of the channel's own; the measured variance is added.
    sensor_share : float
        The same as a share of the SD of all axes of the sensor together: a small channel is no more certain because it
        is small.
    stride_share : tuple of float
        Standard deviation of force and angular velocity between strides as a share of the channel's own, where no
        variance was measured: what ten strides of walkers show for legs.
    least : tuple of float
        No sensor is more certain (m/s², rad/s), not even one that never turns.
    mounting_sd : float
        Of a sensor's angle on its segment in the sagittal plane, or of each component of its small rotation in space
        (rad). The pelvis sensor's is known: no record of one cycle tells its offset from a turn of the pelvis.
    torque : float
        Weight of squared joint torques (body weight × 0.1 m).
    smoothness : float
        Weight of the squared slope of the accelerations over the cycle's phase (50 rad/s² per cycle).
    """

    channel_share: float = 0.1
    sensor_share: float = 0.0
    stride_share: tuple[float, float] = (0.4, 0.2)
    least: tuple[float, float] = (0.01, 0.001)
    mounting_sd: float = np.radians(25.0)
    torque: float = 1.0
    smoothness: float = 2e-3


@dataclass(frozen=True)
class ImuStage:
    """What is free, how fine the mesh, and how soft the floor is, in one rung of the ladder.

    Attributes
    ----------
    name : str
    n_nodes : int
    softness : float
        In the plane the length (m) over which the surface of the floor is rounded; in space the steepness with which
        contact fades in (1/m; see `contact_blocks.loads_of_foot`).
    yielding : float
        Standard deviation (body weights) of what the feet may get beyond the law; 0: nothing.
    mounting, places, contact : bool
        Whether the sensors' mounting, their places (in the plane), the places of contact are unknowns already.
    """

    name: str
    n_nodes: int
    softness: float
    yielding: float = 0.0
    mounting: bool = True
    places: bool = True
    contact: bool = True


@dataclass(frozen=True)
class ImuProblem:
    """One person's records of one cycle, and what is known besides.

    Attributes
    ----------
    skeleton : Skeleton
        Planar, with points (`opensim_models.generic.contact_point`), or in space, polynomials only, with contact
        spheres (`model_preparation.prepare_model`).
    records : mapping of str to SensorRecord
        By segment, with 3 channels in the plane and 6 in space.
    variances : mapping of str to ndarray, shape (n, 3 or 6) or (3 or 6,)
        Measured variance of each channel of each segment's sensor; segments may be missing.
    duration : float
        Of the cycle (s).
    height : float
        Of the person (m): for the normative posture and speed of the start.
    speed : float or None
        m/s; None if unknown.
    weights : SensorWeights
    """

    skeleton: Skeleton
    records: Mapping[str, SensorRecord]
    variances: Mapping[str, np.ndarray]
    duration: float
    height: float
    speed: float | None
    weights: SensorWeights


def channel_deviation(problem: ImuProblem, segment: str) -> np.ndarray:
    """Expected standard deviation (n, 3 or 6) of the misfit of a sensor's channels (m/s², rad/s)."""
    channels, weights = problem.records[segment].channels, problem.weights
    spread = channels.std(axis=0)
    force, turn = np.split(spread, [2 if len(spread) == 3 else 3])

    def each(values: tuple[float, float]) -> np.ndarray:
        return np.repeat(values, (len(force), len(turn)))

    whole = each((np.sqrt(np.mean(force**2)), np.sqrt(np.mean(turn**2))))
    between = problem.variances.get(segment)
    if between is None:
        between = (spread * each(weights.stride_share)) ** 2
    model = (weights.channel_share * spread) ** 2 + (weights.sensor_share * whole) ** 2
    return np.sqrt(np.broadcast_to(between, channels.shape) + model + each(weights.least) ** 2)


def sensor_data(
    structure: MovementStructure, problem: ImuProblem, stage: ImuStage, mounting: np.ndarray
) -> MovementData:
    """Numbers of one rung in plane and space alike: records with their weights, mounting, duration, speed, the floor.

    `mounting` (n_sensors,) or (n_sensors, 3), rad, in the structure's order of sensors, is where those stay that the
    stage does not free.
    """
    mesh, skeleton = structure.mesh, problem.skeleton
    floor = float(skeleton.planes[0].offset[1]) if skeleton.planes else 0.0
    slow, fast = (0.2, 8.0) if problem.speed is None else (problem.speed, problem.speed)
    data = person_data(structure, skeleton).with_parameters({"floor": [floor, stage.softness]})
    data = data.with_bounds("duration", problem.duration, problem.duration).with_bounds("speed", slow, fast)
    records = [problem.records[segment] for segment in structure.sensors]
    deviation = [at_phase(channel_deviation(problem, r.segment), mesh.phase) for r in records]
    offsets = np.zeros((len(records), 3))
    for i, record in enumerate(records):
        offsets[i, : len(record.offset)] = record.offset
    measured = np.stack([at_phase(r.channels, mesh.phase) for r in records], axis=1)
    weight = np.stack(deviation, axis=1) ** -2.0 * mesh.quadrature[:, None, None]
    data = data.with_parameters({"imu": measured, "imu_weight": weight, "sensor_offset": offsets})
    data = data.following("mounting", np.zeros(mounting.size), problem.weights.mounting_sd**-2.0)
    known = [s == "pelvis" or not stage.mounting for s in structure.sensors]
    known, given = np.repeat(known, mounting.size // len(known)), mounting.ravel()
    lower, upper = (np.where(known, given, sign * _FARTHEST_MOUNTING) for sign in (-1.0, 1.0))
    data = data.with_bounds("mounting", lower, upper)
    return _smooth(_yielding(data, structure, stage.yielding), structure, problem.weights.smoothness)


def _yielding(data: MovementData, structure: MovementStructure, deviation: float) -> MovementData:
    """Loads on the feet beyond the contact law: at a price on the way, and none in a result."""
    if not structure.wrenches:
        return data
    reach = WIDE if deviation else 0.0
    data = data.with_bounds("wrenches", -reach, reach)
    if not deviation:
        return data
    axes = (2, 1) if structure.planar else (3, 3)
    sd = deviation * np.tile(np.repeat([1.0, _YIELDING_LEVER / LEVER], axes), len(structure.feet))
    zero = np.zeros((structure.mesh.n_nodes, len(sd)))
    return data.following("wrenches", zero, sd**-2.0, structure.mesh.quadrature)


def _smooth(data: MovementData, structure: MovementStructure, weight: float) -> MovementData:
    """Price of changes of the accelerations from node to node."""
    if "accelerations" not in structure.smooth:
        return data
    roughness = np.full((1, structure.n_coordinates), weight * structure.mesh.n_nodes)
    for i, coordinate in enumerate(structure.pattern.coordinates):
        if coordinate.kind == "translation":
            roughness[0, i] *= 25.0  # m against rad: accelerations are smaller numbers
    return data.with_parameters({"roughness accelerations": roughness})
