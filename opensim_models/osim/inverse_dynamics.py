"""Generalized forces by OpenSim's InverseDynamicsSolver: the reference for our own. Runs inside a worker process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opensim_models.osim.ball_speed import (
    acceleration_vector,
    ball_columns,
    refuse_other_speeds,
    set_motion,
    to_coordinate_forces,
    to_speeds,
)
from opensim_models.osim.body_kinematics import coupler_slope, finite_rows, full_coordinates, pose
from opensim_models.osim.library import loaded_model, osim


def inverse_dynamics(path: str, coordinates: list[str], q: np.ndarray, qd: np.ndarray, qdd: np.ndarray) -> np.ndarray:
    """Generalized forces (n, n_q) of the given coordinates without muscles or ground reactions, N·m or N.

    The force of a coupled coordinate that is not given is added to that of the coordinate which drives it, by the
    slope of the coupler (virtual work).
    """
    model = loaded_model(Path(path))
    values, rates, accelerations = full_coordinates(model, coordinates, q, qd, qdd)
    balls = ball_columns(model)
    solver = osim.InverseDynamicsSolver(model.model)
    forces = np.full(values.shape, np.nan)
    for frame in finite_rows(values, rates, accelerations):
        pose(model, values[frame])
        speeds, second_speeds = to_speeds(balls, values[frame], rates[frame], accelerations[frame])
        set_motion(model, speeds)
        if balls:
            refuse_other_speeds(model, rates[frame])
        result = solver.solve(model.state, acceleration_vector(model, second_speeds))
        forces[frame] = to_coordinate_forces(balls, values[frame], result.to_numpy()[model.u_entries])
    for dependent, independent, function in reversed(model.couplers):
        if dependent not in coordinates:
            driver = model.columns[independent]
            for frame in finite_rows(forces):
                slope = coupler_slope(function, osim.Vector(1, float(values[frame, driver])))
                forces[frame, driver] += slope * forces[frame, model.columns[dependent]]
    return forces[:, [model.columns[name] for name in coordinates]]
