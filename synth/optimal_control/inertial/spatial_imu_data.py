"""Spatial IMU data: numbers of a problem in space that follows inertial sensors, and what is believed beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.optimal_control.inertial.sensor_problem import ImuProblem, ImuStage, SensorWeights, sensor_data
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.data import WIDE, MovementData
from synth.optimal_control.movement.structure import MovementStructure

_KNEE = np.radians([-10.0, 140.0])


@dataclass(frozen=True)
class SpatialImuWeights(SensorWeights):
    """What is believed before a record is seen, and how its channels are weighed, besides `SensorWeights`.

    Attributes
    ----------
    unseen_sd : float
        Of rotations that no sensor sees, around the model's default (rad): trunk, arms.
    contact_sd : tuple of float
        Of a contact sphere's place forward, up and to the right (m); 0 where it is known.
    posture_sd : float
        Of hips and feet across the plane of walking around zero (rad): what mounting and posture share between them.
    """

    sensor_share: float = 0.1
    least: tuple[float, float] = (0.05, 0.01)
    mounting_sd: float = np.radians(8.0)
    torque: float = 10.0
    unseen_sd: float = np.radians(6.0)
    contact_sd: tuple[float, float, float] = (0.01, 0.01, 0.01)
    posture_sd: float = np.radians(30.0)


def spatial_imu_data(
    structure: MovementStructure, problem: ImuProblem, stage: ImuStage, mounting: np.ndarray
) -> MovementData:
    """Numbers of one rung; arguments as of `sensor_problem.sensor_data`."""
    mesh, weights = structure.mesh, problem.weights
    data = _bounds(sensor_data(structure, problem, stage, mounting), structure, problem)
    data = _posture(data, structure, problem)
    zero = np.zeros((mesh.n_nodes, len(structure.actuated)))
    data = data.following("torques", zero, weights.torque, mesh.quadrature)
    sd = np.tile(weights.contact_sd, structure.n_points)
    fixed = (sd == 0.0) | (not stage.contact)
    data = data.following("contact", np.zeros(len(sd)), np.where(sd > 0.0, sd, 1.0) ** -2.0)
    reach = np.where(fixed, 0.0, 6.0 * sd)
    return data.with_bounds("contact", -reach, reach)


def _bounds(data: MovementData, structure: MovementStructure, problem: ImuProblem) -> MovementData:
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
    return data.with_bounds("coordinates", lower, upper)


def _posture(data: MovementData, structure: MovementStructure, problem: ImuProblem) -> MovementData:
    """What is believed of rotations: those that no sensor sees, and those across the plane of walking."""
    skeleton, weights, mesh = problem.skeleton, problem.weights, structure.mesh
    seen = set(chain_to(structure.pattern, structure.sensors).coordinates)
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
