"""Lengths and moment arms of a model's muscles, as OpenSim computes them. Runs inside a worker process.

Every kind of path point and every wrap object counts, because nothing of a path is computed here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.body_kinematics import finite_rows, full_coordinates, pose
from opensim_models.osim.library import LoadedModel, loaded_model, osim, require_names


def muscle_lengths(path: str, coordinates: list[str], values: np.ndarray, muscles: list[str] | None) -> np.ndarray:
    """Muscle-tendon lengths (n, n_muscles) in m; NaN where a value is NaN."""
    model = loaded_model(Path(path), with_muscles=True)
    found = _muscles(model, muscles)
    q = full_coordinates(model, coordinates, values)[0]
    lengths = np.full((len(q), len(found)), np.nan)
    for frame in finite_rows(q):
        pose(model, q[frame])
        lengths[frame] = [muscle.getLength(model.state) for muscle in found]
    return lengths


def muscle_moment_arms(
    path: str, coordinates: list[str], values: np.ndarray, muscles: list[str] | None, about: list[str]
) -> np.ndarray:
    """OpenSim's own moment arms (n, n_muscles, n_about) in m (or 1 for a translation); NaN where a value is NaN."""
    model = loaded_model(Path(path), with_muscles=True)
    found = _muscles(model, muscles)
    require_names(model.path, "coordinate", about, list(model.columns))
    turned = [model.model.getCoordinateSet().get(name) for name in about]
    q = full_coordinates(model, coordinates, values)[0]
    arms = np.full((len(q), len(found), len(turned)), np.nan)
    for frame in finite_rows(q):
        pose(model, q[frame])
        for index, muscle in enumerate(found):
            arms[frame, index] = [muscle.computeMomentArm(model.state, coordinate) for coordinate in turned]
    return arms


def _muscles(model: LoadedModel, names: list[str] | None) -> list:
    """OpenSim's muscles of these names, all if none are given."""
    present = {muscle.getName(): muscle for muscle in model.model.getMuscleList()}
    if not present:
        raise ModelMismatch(f"{model.path}: the model has no muscles.")
    chosen = list(present) if names is None else list(names)
    require_names(model.path, "muscle", chosen, list(present))
    return [osim.Muscle.safeDownCast(present[name]) for name in chosen]
