"""IMU data: the numbers of a planar problem that follows seven inertial sensors, and what is believed beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.optimal_control.inertial.sensor_problem import ImuProblem, ImuStage, SensorWeights, sensor_data
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.structure import SCALE, MovementStructure

SENSOR_SEGMENTS = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")
_FARTHEST_PLACE = 0.15
"""m of a sensor from its nominal place, each axis."""


@dataclass(frozen=True)
class ImuWeights(SensorWeights):
    """What is believed before a record is seen, and how its channels are weighed, besides `SensorWeights`.

    Channels count by their mean over the cycle, a constant once: a prior as wide as what is known of a constant would
    outweigh a cycle of samples. Those of the sensors' angles and places are twice as wide (11.5° and 30 mm are usual),
    which brought virtual walks from 2.1° to 1.4°.

    Attributes
    ----------
    place_sd : float
        Of a sensor's place on its segment (m, each axis).
    trunk_sd : float
        Of the trunk's angle over the pelvis around straight (rad): no sensor sees it.
    toe_sd, heel_sd : float
        Of the forward place of the toe and heel contact (m).
    torque_rate : float
        Weight of the squared slope of the joint torques over the cycle's phase (body weight × 0.1 m per cycle).
    sole_sd, sole_rate_sd : float
        Of the height of a foot's points beyond the rigid foot (m), of its slope over the cycle's phase (m per cycle).
    effort, reserve : float
        Where there are muscles: weight of squared activations, of what the actuators of the leg joints add to them.
    """

    place_sd: float = 0.06
    trunk_sd: float = np.radians(6.0)
    toe_sd: float = 0.01
    heel_sd: float = 0.01
    torque_rate: float = 0.05
    sole_sd: float = 0.003
    sole_rate_sd: float = 0.05
    effort: float = 1.0
    reserve: float = 20.0


def imu_data(structure: MovementStructure, problem: ImuProblem, stage: ImuStage, mounting: np.ndarray) -> MovementData:
    """Numbers of one rung; arguments as of `sensor_problem.sensor_data`."""
    mesh, weights, names = structure.mesh, problem.weights, structure.pattern.coordinate_names
    n = mesh.n_nodes
    data = sensor_data(structure, problem, stage, mounting)
    lower, upper = (np.tile(b["coordinates"], (n, 1)) for b in (data.lower, data.upper))
    lower[0, structure.travel] = upper[0, structure.travel] = 0.0
    data = data.with_bounds("coordinates", lower, upper)
    upright = np.full((n, len(names)), np.nan)
    upright[:, names.index("lumbar_extension")] = 0.0
    data = data.following("coordinates", upright, weights.trunk_sd**-2.0, mesh.quadrature)
    zero = np.zeros((n, len(structure.actuated)))
    driven = {j for muscle in structure.muscles for j in muscle.coordinates}
    price = np.array([weights.reserve if j in driven else weights.torque for j in structure.actuated])
    data = data.following("torques", zero, price, mesh.quadrature)
    if structure.muscles:
        zero = np.zeros((n, len(structure.muscles)))
        data = data.following("activations", zero, weights.effort, mesh.quadrature)
        data = data.following("excitations", zero, 0.1 * weights.effort, mesh.quadrature)
    return _places(_smooth(data, structure, weights), structure, weights, stage)


def _smooth(data: MovementData, structure: MovementStructure, weights: ImuWeights) -> MovementData:
    """Price of soles that give, and of changes of joint torques and soles from node to node."""
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
    return data


def _places(data: MovementData, structure: MovementStructure, weights: ImuWeights, stage: ImuStage) -> MovementData:
    """Places of sensors and of contact: fixed where they are meant to be, or free with a prior."""
    if structure.placing:
        data = data.following("places", np.zeros(2 * len(structure.sensors)), weights.place_sd**-2.0)
        reach = _FARTHEST_PLACE if stage.places else 0.0
        data = data.with_bounds("places", -reach, reach)
    sd = np.tile(np.array([[weights.heel_sd, 0.005], [weights.toe_sd, 0.005]]).ravel(), 2)
    data = data.following("contact", np.zeros(structure.n_points * 2), sd**-2.0)
    reach = np.tile([1.0, 0.0], structure.n_points) * (0.08 if stage.contact else 0.0)
    return data.with_bounds("contact", -reach, reach)
