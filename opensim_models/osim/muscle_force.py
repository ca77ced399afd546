"""Forces of a model's muscles at rest, as OpenSim computes them. Runs inside a worker process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opensim_models.osim.body_kinematics import finite_rows, full_coordinates, pose
from opensim_models.osim.library import loaded_model, osim, require_names


def isometric_forces(
    path: str, coordinates: list[str], values: np.ndarray, muscles: list[str] | None, activation: float
) -> np.ndarray:
    """Tendon forces (n, n_muscles) in N with fibre and tendon in equilibrium, nothing moving; NaN where a value is."""
    model = loaded_model(Path(path), with_muscles=True)
    present = {muscle.getName(): muscle for muscle in model.model.getMuscleList()}
    names = list(present) if muscles is None else list(muscles)
    require_names(model.path, "muscle", names, list(present))
    found = [osim.Muscle.safeDownCast(present[name]) for name in names]
    q = full_coordinates(model, coordinates, values)[0]
    forces = np.full((len(q), len(found)), np.nan)
    for frame in finite_rows(q):
        pose(model, q[frame])
        for muscle in found:
            muscle.setActivation(model.state, activation)
        model.model.realizeVelocity(model.state)
        for index, muscle in enumerate(found):
            muscle.computeEquilibrium(model.state)
            model.model.realizeDynamics(model.state)
            forces[frame, index] = muscle.getTendonForce(model.state)
    return forces
