"""Speeds of ball and free joints: OpenSim's are no rates of its coordinates there. Runs inside a worker process.

Coordinates of both joints are body-fixed X-Y-Z angles; the speeds are the angular velocity of the child frame in the
parent frame's axes (Simbody, MobilizedBody::Ball and ::Free), u = E(q) q'. Forces that work on the coordinates follow
from virtual work, E' f. Everywhere else u = q'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.component import items
from opensim_models.osim.library import LoadedModel, osim

BALL_JOINTS = ("BallJoint", "FreeJoint")


def ball_columns(model: LoadedModel) -> list[list[int]]:
    """Columns of our tables that hold the three angles of each ball or free joint."""
    found = []
    for joint in items(model.model.getJointSet()):
        if joint.getConcreteClassName() in BALL_JOINTS:
            found.append([model.columns[joint.get_coordinates(i).getName()] for i in range(3)])
    return found


def speed_matrix(angles: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E and its rate of change times the rates, for one frame: u = E q', u' = E q'' + second."""
    (s1, s2), (c1, c2) = np.sin(angles[:2]), np.cos(angles[:2])
    a, b, c = rates
    matrix = np.array([[1.0, 0.0, s2], [0.0, c1, -s1 * c2], [0.0, s1, c1 * c2]])
    second = np.array(
        [
            c2 * b * c,
            -s1 * a * b - c1 * c2 * a * c + s1 * s2 * b * c,
            c1 * a * b - s1 * c2 * a * c - c1 * s2 * b * c,
        ]
    )
    return matrix, second


def to_speeds(
    columns: list[list[int]], values: np.ndarray, rates: np.ndarray, accelerations: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """OpenSim's speeds and their derivatives from one frame of coordinates, rates and second derivatives."""
    speeds, second_speeds = rates.copy(), accelerations.copy()
    for three in columns:
        matrix, second = speed_matrix(values[three], rates[three])
        speeds[three] = matrix @ rates[three]
        second_speeds[three] = matrix @ accelerations[three] + second
    return speeds, second_speeds


def to_coordinate_forces(columns: list[list[int]], values: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """Forces that do work on the rates of the coordinates, from those that do it on OpenSim's speeds."""
    changed = forces.copy()
    for three in columns:
        changed[three] = speed_matrix(values[three], np.zeros(3))[0].T @ forces[three]
    return changed


def refuse_other_speeds(model: LoadedModel, rates: np.ndarray) -> None:
    """Compare the rates that OpenSim makes of the speeds set in its state with those meant (a reversed ball joint)."""
    model.model.realizeVelocity(model.state)
    coordinates = model.model.getCoordinateSet()
    found = [coordinates.get(name).getQDotValue(model.state) for name in model.columns]
    worst = int(np.argmax(np.abs(np.array(found) - rates)))
    if abs(found[worst] - rates[worst]) > 1e-6 * (1.0 + np.abs(rates).max()):
        name = list(model.columns)[worst]
        raise ModelMismatch(
            f"{model.path}: OpenSim's speed of {name} is not the one of its coordinate; inverse dynamics by OpenSim "
            "needs a joint whose parent is nearer to the ground."
        )


def set_motion(model: LoadedModel, speeds: np.ndarray) -> None:
    """Put speeds of one frame, in the order of our columns, into the state."""
    ordered = np.argsort(model.u_entries)
    model.state.setU(osim.Vector.createFromMat(np.ascontiguousarray(speeds[ordered])))


def acceleration_vector(model: LoadedModel, second_speeds: np.ndarray) -> Any:
    """Derivatives of the speeds, in OpenSim's order."""
    return osim.Vector.createFromMat(np.ascontiguousarray(second_speeds[np.argsort(model.u_entries)]))
