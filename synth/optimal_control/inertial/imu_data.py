"""IMU data: the numbers of a planar problem that follows seven inertial sensors, and what is believed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.strap_down import SagittalRecord
from synth.optimal_control.law.point_contact import BODY_WEIGHTS_PER_METRE
from synth.optimal_control.movement.data import WIDE, MovementData, person_data
from synth.optimal_control.movement.structure import LEVER, SCALE, MovementStructure

SENSOR_SEGMENTS = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")
CONTACT_POINTS = {"heel": (-0.0250, -0.0390), "toe": (0.0909, -0.0390)}
"""Points of the foot that touch the floor, as parts of body height from the ankle: gait2dc's, of 1.80 m, but the heel
15 mm less far back: heels are round, and where pressure begins is 25 to 42 mm behind the ankles of recorded walkers."""
STIFFNESS, DAMPING, FRICTION, SLIP_SPEED = 0.7 * BODY_WEIGHTS_PER_METRE, 0.3, 1.0, 0.1
"""Of a point (body weights per metre, s/m, -, m/s): biosym's law, but softer and less damped; chosen with the rounding
on virtual gaits that were made on spheres."""
NOMINAL_ROUNDING = 3e-3
_FARTHEST_PLACE = 0.15
"""m of a sensor from its nominal place, each axis."""
_YIELDING_LEVER = 1.0
"""m, between a force and its moment about the ground's origin, which a stride leaves by about as much."""


@dataclass(frozen=True)
class ImuWeights:
    """What is believed before a record is seen, and how its channels are weighed.

    Channels count by their mean over the cycle, a constant once: a prior as wide as what is known of a constant would
    outweigh a cycle of samples. Those of the sensors' angles and places are twice as wide (11.5° and 30 mm are usual),
    which brought virtual walks from 2.1° to 1.4°.

    Attributes
    ----------
    channel_share : float
        Standard deviation of a channel's model error as a share of the channel's own; the measured variance is added.
    stride_share : tuple of float
        Standard deviation of force and angular velocity between strides as a share of the channel's own, where no
        variance was measured: what ten strides of walkers show for legs.
    mounting_sd : float
        Of a sensor's angle on its segment in the sagittal plane (rad). The pelvis sensor's is known: no record of one
        cycle tells its offset from a tilt of the pelvis.
    place_sd : float
        Of a sensor's place on its segment (m, each axis).
    trunk_sd : float
        Of the trunk's angle over the pelvis around straight (rad): no sensor sees it.
    toe_sd, heel_sd : float
        Of the forward place of the toe and heel contact (m).
    torque : float
        Weight of squared joint torques (body weight × 0.1 m).
    torque_rate : float
        Weight of the squared slope of the joint torques over the cycle's phase (body weight × 0.1 m per cycle).
    sole_sd, sole_rate_sd : float
        Of the height of a foot's points beyond the rigid foot (m), of its slope over the cycle's phase (m per cycle).
    smoothness : float
        Weight of the squared slope of the accelerations over the cycle's phase (50 rad/s² per cycle).
    effort, reserve : float
        Where there are muscles: weight of squared activations, of what the actuators of the leg joints add to them.
    """

    channel_share: float = 0.1
    stride_share: tuple[float, float] = (0.4, 0.2)
    mounting_sd: float = np.radians(25.0)
    place_sd: float = 0.06
    trunk_sd: float = np.radians(6.0)
    toe_sd: float = 0.01
    heel_sd: float = 0.01
    torque: float = 1.0
    torque_rate: float = 0.05
    sole_sd: float = 0.003
    sole_rate_sd: float = 0.05
    smoothness: float = 2e-3
    effort: float = 1.0
    reserve: float = 20.0


@dataclass(frozen=True)
class ImuStage:
    """What is free, and how soft the floor is, in one rung of the ladder.

    Attributes
    ----------
    name : str
    rounding : float
        Length (m) over which the surface of the floor is rounded.
    yielding : float
        Standard deviation (body weights) of what the feet may get beyond the law; 0: nothing.
    mounting, places, contact : bool
        Whether the sensors' angles, their places, the places of contact are unknowns already.
    """

    name: str
    rounding: float = NOMINAL_ROUNDING
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
        Planar, with contact points (see `with_contact_points`).
    records : mapping of str to SagittalRecord
    variances : mapping of str to ndarray, shape (n, 3) or (3,)
        Measured variance of each channel of each segment's sensor; segments may be missing.
    duration : float
        Of the cycle (s).
    speed : float or None
        m/s; None if unknown.
    weights : ImuWeights
    """

    skeleton: Skeleton
    records: Mapping[str, SagittalRecord]
    variances: Mapping[str, np.ndarray]
    duration: float
    speed: float | None
    weights: ImuWeights


def with_contact_points(skeleton: Skeleton, height: float) -> Skeleton:
    """Give both feet of a planar skeleton the contact points of gait2dc, in proportion to body height (m)."""
    stiffness = STIFFNESS * skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    points = tuple(
        ContactSphere(
            f"{name}_{side}",
            f"calcn_{side}",
            (x * height, y * height, 0.0),
            0.0,
            "floor",
            stiffness,
            DAMPING,
            FRICTION,
            FRICTION,
            0.0,
            SLIP_SPEED,
        )
        for side in "rl"
        for name, (x, y) in CONTACT_POINTS.items()
    )
    return replace(skeleton, contacts=points)


_LEAST = np.array([0.01, 0.01, 0.001])
"""m/s², m/s², rad/s: no sensor is more certain, not even one that never turns."""


def channel_deviation(problem: ImuProblem, segment: str) -> np.ndarray:
    """Expected standard deviation (n, 3) of the misfit of a sensor's channels (m/s², rad/s)."""
    channels = problem.records[segment].channels
    spread, weights = channels.std(axis=0), problem.weights
    between = problem.variances.get(segment)
    if between is None:
        force, turn = weights.stride_share
        between = (spread * np.array([force, force, turn])) ** 2
    return np.sqrt(np.broadcast_to(between, channels.shape) + (weights.channel_share * spread) ** 2 + _LEAST**2)


def imu_data(structure: MovementStructure, problem: ImuProblem, stage: ImuStage, mounting: np.ndarray) -> MovementData:
    """Numbers of one rung: records with their weights, priors, bounds and the floor's softness.

    `mounting` (rad), in the structure's order of sensors, is where the angles stay that the stage does not free.
    """
    mesh, weights, names = structure.mesh, problem.weights, structure.pattern.coordinate_names
    n = mesh.n_nodes
    data = person_data(structure, problem.skeleton)
    data = data.with_parameters({"floor": [0.0, stage.rounding]})
    lower, upper = (np.tile(b["coordinates"], (n, 1)) for b in (data.lower, data.upper))
    lower[0, structure.travel] = upper[0, structure.travel] = 0.0
    data = data.with_bounds("coordinates", lower, upper).with_bounds("duration", problem.duration, problem.duration)
    slow, fast = (0.2, 8.0) if problem.speed is None else (problem.speed, problem.speed)
    data = data.with_bounds("speed", slow, fast)
    measured, weight, offsets = np.zeros((n, 7, 3)), np.zeros((n, 7, 3)), np.zeros((7, 3))
    for i, segment in enumerate(structure.sensors):
        record = problem.records[segment]
        measured[:, i] = at_phase(record.channels, mesh.phase)
        deviation = at_phase(channel_deviation(problem, segment), mesh.phase)
        weight[:, i] = deviation**-2.0 * mesh.quadrature[:, None]
        offsets[i, :2] = record.offset
    data = data.with_parameters({"imu": measured, "imu_weight": weight, "sensor_offset": offsets})
    upright = np.full((n, len(names)), np.nan)
    upright[:, names.index("lumbar_extension")] = 0.0
    data = data.following("coordinates", upright, weights.trunk_sd**-2.0, mesh.quadrature)
    zero = np.zeros((n, len(structure.actuated)))
    driven = {j for muscle in structure.muscles for j in muscle.coordinates}
    price = np.array([weights.reserve if j in driven else weights.torque for j in structure.actuated])
    data = data.following("torques", zero, price, mesh.quadrature)
    data = _yielding(data, structure, stage.yielding)
    if structure.muscles:
        zero = np.zeros((n, len(structure.muscles)))
        data = data.following("activations", zero, weights.effort, mesh.quadrature)
        data = data.following("excitations", zero, 0.1 * weights.effort, mesh.quadrature)
    return _unknowns(_smooth(data, structure, weights), structure, weights, stage, mounting)


def _yielding(data: MovementData, structure: MovementStructure, deviation: float) -> MovementData:
    """Loads on the feet beyond the contact law: at a price on the way, and none in a result."""
    if not structure.wrenches:
        return data
    reach = WIDE if deviation else 0.0
    data = data.with_bounds("wrenches", -reach, reach)
    if not deviation:
        return data
    sd = deviation * np.tile([1.0, 1.0, _YIELDING_LEVER / LEVER], len(structure.feet))
    zero = np.zeros((structure.mesh.n_nodes, len(sd)))
    return data.following("wrenches", zero, sd**-2.0, structure.mesh.quadrature)


def _smooth(data: MovementData, structure: MovementStructure, weights: ImuWeights) -> MovementData:
    """Price of changes of accelerations, joint torques and soles from node to node."""
    n = structure.mesh.n_nodes
    if structure.soles:
        zero = np.zeros((n, len(structure.feet)))
        data = data.following("soles", zero, weights.sole_sd**-2.0, structure.mesh.quadrature)
    if "soles" in structure.smooth:
        rate = np.full((1, len(structure.feet)), n * (SCALE["soles"] / weights.sole_rate_sd) ** 2)
        data = data.with_parameters({"roughness soles": rate})
    if "torques" in structure.smooth:
        rate = np.full((1, len(structure.actuated)), weights.torque_rate * n)
        data = data.with_parameters({"roughness torques": rate})
    if "accelerations" not in structure.smooth:
        return data
    roughness = np.full((1, structure.n_coordinates), weights.smoothness * n)
    for i, coordinate in enumerate(structure.pattern.coordinates):
        if coordinate.kind == "translation":
            roughness[0, i] *= 25.0  # m against rad: accelerations are smaller numbers
    return data.with_parameters({"roughness accelerations": roughness})


def _unknowns(
    data: MovementData,
    structure: MovementStructure,
    weights: ImuWeights,
    stage: ImuStage,
    mounting: np.ndarray,
) -> MovementData:
    """Sensors' angles and places, places of contact: fixed where the start has them, or free with a prior."""
    data = data.following("mounting", np.zeros(len(structure.sensors)), weights.mounting_sd**-2.0)
    known = np.array([segment == "pelvis" or not stage.mounting for segment in structure.sensors])
    data = data.with_bounds("mounting", np.where(known, mounting, -1.0), np.where(known, mounting, 1.0))
    if structure.placing:
        data = data.following("places", np.zeros(2 * len(structure.sensors)), weights.place_sd**-2.0)
        reach = _FARTHEST_PLACE if stage.places else 0.0
        data = data.with_bounds("places", -reach, reach)
    sd = np.tile(np.array([[weights.heel_sd, 0.005], [weights.toe_sd, 0.005]]).ravel(), 2)
    data = data.following("contact", np.zeros(structure.n_points * 2), sd**-2.0)
    reach = np.tile([1.0, 0.0], structure.n_points) * (0.08 if stage.contact else 0.0)
    return data.with_bounds("contact", -reach, reach)
