"""Spatial IMU data: numbers of a problem in space that follows inertial sensors, and what is believed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.imu.recording import ImuRecording
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.spatial_strap_down import segment_channels
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.data import HERTZ_SMOOTHING, WIDE, MovementData, person_data
from synth.optimal_control.movement.structure import LEVER, MovementStructure

_YIELDING_LEVER = 1.0
"""m, between a force and its moment about the ground's origin, which a stride leaves by about as much."""
_LEAST = np.array([0.05, 0.05, 0.05, 0.01, 0.01, 0.01])
"""m/s², rad/s: no sensor is more certain, not even one that never turns."""
_KNEE = np.radians([-10.0, 140.0])
_FARTHEST_MOUNTING = 1.0


@dataclass(frozen=True)
class SpatialImuWeights:
    """What is believed before a record is seen, and how its channels are weighed.

    Attributes
    ----------
    channel_share : float
        Standard deviation of a channel's model error as a share of the channel's own; the measured variance is added.
    sensor_share : float
        The same as a share of the SD of all three axes of the sensor together: a small channel is no more certain
        because it is small.
    stride_share : tuple of float
        Standard deviation of force and angular velocity between strides as a share of the channel's own, where no
        variance was measured.
    mounting_sd : float
        Of each component of a sensor's small rotation on its segment (rad). The pelvis sensor's is known: no record of
        one cycle tells its offset from a turn of the pelvis.
    unseen_sd : float
        Of rotations that no sensor sees, around the model's default (rad): trunk, arms.
    contact_sd : tuple of float
        Of a contact sphere's place forward, up and to the right (m); 0 where it is known.
    torque : float
        Weight of squared joint torques (body weight × 0.1 m).
    smoothness : float
        Weight of the squared slope of the accelerations over the cycle's phase (50 rad/s² per cycle).
    posture_sd : float
        Of hips and feet across the plane of walking around zero (rad): what mounting and posture share between them.
    """

    channel_share: float = 0.1
    sensor_share: float = 0.1
    stride_share: tuple[float, float] = (0.4, 0.2)
    mounting_sd: float = np.radians(8.0)
    unseen_sd: float = np.radians(6.0)
    contact_sd: tuple[float, float, float] = (0.01, 0.01, 0.01)
    torque: float = 10.0
    smoothness: float = 2e-3
    posture_sd: float = np.radians(30.0)


@dataclass(frozen=True)
class SpatialImuStage:
    """What is free, how fine the mesh, and how soft the floor is, in one rung of the ladder.

    Attributes
    ----------
    name : str
    n_nodes : int
    steepness : float
        With which contact fades in (1/m; see `contact_blocks.loads_of_foot`).
    yielding : float
        Standard deviation (body weights) of what the feet may get beyond the law; 0: nothing.
    mounting, contact : bool
        Whether the sensors' mounting, the places of contact are unknowns already.
    """

    name: str
    n_nodes: int
    steepness: float = HERTZ_SMOOTHING
    yielding: float = 0.0
    mounting: bool = True
    contact: bool = True


@dataclass(frozen=True)
class SpatialImuProblem:
    """One person's records of one cycle, and what is known besides.

    Attributes
    ----------
    skeleton : Skeleton
        In space, polynomials only, with contact spheres (`model_preparation.prepare_model`).
    recordings : tuple of ImuRecording
        One a segment, over one cycle.
    variances : mapping of str to ndarray, shape (n, 6) or (6,)
        Measured variance of each channel along nominal segment axes, by segment; segments may be missing.
    duration : float
        Of the cycle (s).
    height : float
        Of the person (m): for the normative posture and speed of the start only.
    speed : float or None
        m/s; None if unknown.
    weights : SpatialImuWeights
    """

    skeleton: Skeleton
    recordings: tuple[ImuRecording, ...]
    variances: Mapping[str, np.ndarray]
    duration: float
    height: float
    speed: float | None
    weights: SpatialImuWeights

    @property
    def segments(self) -> tuple[str, ...]:
        """Segments with a sensor, in the order of the records."""
        return tuple(r.placement.segment for r in self.recordings)

    @property
    def feet(self) -> tuple[str, str]:
        """Segments of the right and left foot that carry a sensor."""
        right, left = (next(s for s in self.segments if s in (f"calcn_{d}", f"toes_{d}")) for d in "rl")
        return right, left


def channel_deviation(problem: SpatialImuProblem, recording: ImuRecording) -> np.ndarray:
    """Expected standard deviation (n, 6) of the misfit of a sensor's channels (m/s², rad/s)."""
    channels, weights = segment_channels(recording), problem.weights
    spread = channels.std(axis=0)
    whole = np.repeat(np.sqrt(np.mean(spread.reshape(2, 3) ** 2, axis=1)), 3)
    between = problem.variances.get(recording.placement.segment)
    if between is None:
        between = (spread * np.repeat(weights.stride_share, 3)) ** 2
    model = (weights.channel_share * spread) ** 2 + (weights.sensor_share * whole) ** 2
    return np.sqrt(np.broadcast_to(between, channels.shape) + model + _LEAST**2)


def spatial_imu_data(
    structure: MovementStructure, problem: SpatialImuProblem, stage: SpatialImuStage, mounting: np.ndarray
) -> MovementData:
    """Numbers of one rung: records with their weights, priors, bounds and the floor's softness.

    `mounting` (n_sensors, 3), rad, in the structure's order of sensors, is where those stay that the stage does not
    free.
    """
    mesh, weights, skeleton = structure.mesh, problem.weights, problem.skeleton
    data = person_data(structure, skeleton)
    floor = float(skeleton.planes[0].offset[1]) if skeleton.planes else 0.0
    data = data.with_parameters({"floor": [floor, stage.steepness]})
    data = _bounds(data, structure, problem)
    n_sensors = len(structure.sensors)
    measured, weight = (np.zeros((mesh.n_nodes, n_sensors, 6)) for _ in range(2))
    offsets = np.zeros((n_sensors, 3))
    for i, recording in enumerate(problem.recordings):
        measured[:, i] = at_phase(segment_channels(recording), mesh.phase)
        deviation = at_phase(channel_deviation(problem, recording), mesh.phase)
        weight[:, i] = deviation**-2.0 * mesh.quadrature[:, None]
        offsets[i] = recording.placement.offset
    data = data.with_parameters({"imu": measured, "imu_weight": weight, "sensor_offset": offsets})
    data = _posture(data, structure, problem)
    zero = np.zeros((mesh.n_nodes, len(structure.actuated)))
    data = data.following("torques", zero, weights.torque, mesh.quadrature)
    data = _yielding(data, structure, stage.yielding)
    return _unknowns(_smooth(data, structure, weights.smoothness), structure, weights, stage, mounting)


def _bounds(data: MovementData, structure: MovementStructure, problem: SpatialImuProblem) -> MovementData:
    """Wide open but for knees, which have polynomials; the pelvis begins at the origin of the ground."""
    n, names = structure.mesh.n_nodes, problem.skeleton.coordinate_names
    lower, upper = (np.full((n, len(names)), s * WIDE) for s in (-1.0, 1.0))
    for j, name in enumerate(names):
        if name.startswith("knee_angle"):
            limits = _KNEE if problem.skeleton.coordinates[j].upper > np.radians(30.0) else -_KNEE[::-1]
            lower[:, j], upper[:, j] = limits
    for name in ("pelvis_tx", "pelvis_tz"):
        j = names.index(name)
        lower[0, j] = upper[0, j] = 0.0
    data = data.with_bounds("coordinates", lower, upper)
    data = data.with_bounds("duration", problem.duration, problem.duration)
    slow, fast = (0.2, 8.0) if problem.speed is None else (problem.speed, problem.speed)
    return data.with_bounds("speed", slow, fast)


def _posture(data: MovementData, structure: MovementStructure, problem: SpatialImuProblem) -> MovementData:
    """What is believed of rotations: those that no sensor sees, and those across the plane of walking."""
    skeleton, weights, mesh = problem.skeleton, problem.weights, structure.mesh
    seen = set(chain_to(structure.pattern, problem.segments).coordinates)
    target = np.full((mesh.n_nodes, len(skeleton.coordinates)), np.nan)
    precision = np.zeros_like(target)
    for j, coordinate in enumerate(skeleton.coordinates):
        if coordinate.kind != "rotation":
            continue
        if j not in seen:
            target[:, j], precision[:, j] = coordinate.default, weights.unseen_sd**-2.0
        elif weights.posture_sd and coordinate.name.startswith(("hip_adduction", "hip_rotation", "subtalar")):
            target[:, j], precision[:, j] = 0.0, weights.posture_sd**-2.0
    return data.following("coordinates", target, precision, mesh.quadrature)


def _yielding(data: MovementData, structure: MovementStructure, deviation: float) -> MovementData:
    """Loads on the feet beyond the contact law: at a price on the way, and none in a result."""
    if not structure.wrenches:
        return data
    reach = WIDE if deviation else 0.0
    data = data.with_bounds("wrenches", -reach, reach)
    if not deviation:
        return data
    sd = deviation * np.tile(np.repeat([1.0, _YIELDING_LEVER / LEVER], 3), len(structure.feet))
    zero = np.zeros((structure.mesh.n_nodes, len(sd)))
    return data.following("wrenches", zero, sd**-2.0, structure.mesh.quadrature)


def _smooth(data: MovementData, structure: MovementStructure, weight: float) -> MovementData:
    """Price of changes of the accelerations from node to node."""
    roughness = np.full((1, structure.n_coordinates), weight * structure.mesh.n_nodes)
    for i, coordinate in enumerate(structure.pattern.coordinates):
        if coordinate.kind == "translation":
            roughness[0, i] *= 25.0  # m against rad: accelerations are smaller numbers
    return data.with_parameters({"roughness accelerations": roughness})


def _unknowns(
    data: MovementData,
    structure: MovementStructure,
    weights: SpatialImuWeights,
    stage: SpatialImuStage,
    mounting: np.ndarray,
) -> MovementData:
    """Sensors' mounting and places of contact: fixed where the start has them, or free with a prior."""
    data = data.following("mounting", np.zeros(mounting.size), weights.mounting_sd**-2.0)
    known = np.repeat([s == "pelvis" or not stage.mounting for s in structure.sensors], 3)
    given = mounting.ravel()
    reach = _FARTHEST_MOUNTING
    data = data.with_bounds("mounting", np.where(known, given, -reach), np.where(known, given, reach))
    sd = np.tile(weights.contact_sd, structure.n_points)
    fixed = (sd == 0.0) | (not stage.contact)
    data = data.following("contact", np.zeros(len(sd)), np.where(sd > 0.0, sd, 1.0) ** -2.0)
    reach = np.where(fixed, 0.0, 6.0 * sd)
    return data.with_bounds("contact", -reach, reach)
