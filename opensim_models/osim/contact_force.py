"""Forces of contact spheres, as OpenSim computes them. Runs inside a worker process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.body_kinematics import finite_rows, full_coordinates, pose
from opensim_models.osim.library import LoadedModel, loaded_model, osim, require_names

VALUES = ("sphere_force", "sphere_torque", "half_space_force", "half_space_torque")
"""Order of the record of a SmoothSphereHalfSpaceForce, three numbers each."""


def contact_forces(
    path: str, coordinates: list[str], values: np.ndarray, speeds: np.ndarray, forces: list[str] | None
) -> dict[str, dict[str, np.ndarray]]:
    """Force → record values, each (n, 3) in the ground frame; NaN where a coordinate or a speed is."""
    model = loaded_model(Path(path), with_muscles=True)  # that keeps all forces, though none acts
    present = _smooth_forces(model)
    names = list(present) if forces is None else list(forces)
    require_names(model.path, "SmoothSphereHalfSpaceForce", names, list(present))
    q, u, _ = full_coordinates(model, coordinates, values, speeds, np.zeros_like(speeds))
    model = replace(model, state=osim.State(model.state))  # the loaded model stays one without forces
    for name in names:
        present[name].setAppliesForce(model.state, True)  # OpenSim records nothing of one that does not act
    records = {name: np.full((len(q), len(VALUES), 3), np.nan) for name in names}
    for frame in finite_rows(q, u):
        pose(model, q[frame])
        entries = np.zeros(model.state.getNU())
        entries[model.u_entries] = u[frame]
        model.state.setU(osim.Vector.createFromMat(entries))
        model.model.realizeVelocity(model.state)
        for name in names:
            record = present[name].getRecordValues(model.state)
            numbers = [record.get(i) for i in range(record.getSize())]
            records[name][frame] = np.reshape(numbers, (len(VALUES), 3))
    return {name: {kind: record[:, column] for column, kind in enumerate(VALUES)} for name, record in records.items()}


def _smooth_forces(model: LoadedModel) -> dict[str, Any]:
    """The smooth sphere forces of a model by name, wherever in the model they stand."""
    found = {}
    for component in model.model.getComponentsList():
        force = osim.SmoothSphereHalfSpaceForce.safeDownCast(component)
        if force is not None:
            found[force.getName()] = force
    if not found:
        raise ModelMismatch(f"{model.path}: expected a model with a SmoothSphereHalfSpaceForce; it has none.")
    return found
