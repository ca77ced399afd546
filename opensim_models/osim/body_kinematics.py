"""Where OpenSim puts the bodies and markers of a model for given coordinate values. Runs inside a worker process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import LoadedModel, loaded_model, osim, require_names


def body_poses(
    path: str, coordinates: list[str], values: np.ndarray, bodies: list[str] | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Origins (n, 3) and rotations body → ground (n, 3, 3) of bodies; NaN where a value is NaN."""
    model = loaded_model(Path(path))
    names = list(model.bodies) if bodies is None else list(bodies)
    require_names(model.path, "body", names, list(model.bodies))
    q = full_coordinates(model, coordinates, values)[0]
    origins = np.full((len(names), len(q), 3), np.nan)
    rotations = np.full((len(names), len(q), 3, 3), np.nan)
    for frame in finite_rows(q):
        pose(model, q[frame])
        for index, name in enumerate(names):
            transform = model.bodies[name].getTransformInGround(model.state)
            position, matrix = transform.p(), transform.R().asMat33()
            origins[index, frame] = [position.get(i) for i in range(3)]
            rotations[index, frame] = [[matrix.get(i, j) for j in range(3)] for i in range(3)]
    return {name: (origins[index], rotations[index]) for index, name in enumerate(names)}


def marker_positions(
    path: str, coordinates: list[str], values: np.ndarray, markers: list[str] | None
) -> dict[str, np.ndarray]:
    """Positions (n, 3) of the model's markers in the ground frame; NaN where a value is NaN."""
    model = loaded_model(Path(path))
    present = model.model.getMarkerSet()
    all_names = [present.get(i).getName() for i in range(present.getSize())]
    names = all_names if markers is None else list(markers)
    require_names(model.path, "marker", names, all_names)
    found = [present.get(all_names.index(name)) for name in names]
    q = full_coordinates(model, coordinates, values)[0]
    positions = np.full((len(names), len(q), 3), np.nan)
    for frame in finite_rows(q):
        pose(model, q[frame])
        for index, marker in enumerate(found):
            location = marker.getLocationInGround(model.state)
            positions[index, frame] = [location.get(i) for i in range(3)]
    return dict(zip(names, positions, strict=True))


def pose(model: LoadedModel, q: np.ndarray) -> None:
    """Put a model in a pose, all of its coordinates given; couplers are not enforced again."""
    entries = np.zeros(model.state.getNQ())
    entries[model.q_entries] = q
    model.state.setQ(osim.Vector.createFromMat(entries))
    model.model.realizePosition(model.state)


def finite_rows(*tables: np.ndarray) -> np.ndarray:
    """Indices of the frames whose values are all numbers."""
    return np.flatnonzero(np.all([np.isfinite(table).all(axis=1) for table in tables], axis=0))


def full_coordinates(
    model: LoadedModel, coordinates: list[str], values: np.ndarray, *rates: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Values (and first and second derivatives, where given) for all coordinates of the model.

    Coordinates that are not given stand at their default; a coupled one follows the coordinate it depends on.
    """
    names = list(coordinates)
    require_names(model.path, "coordinate", names, list(model.columns))
    given = [np.ascontiguousarray(table, dtype=float) for table in (values, *rates)]
    for table in given:
        if table.ndim != 2 or table.shape != (len(given[0]), len(names)):
            raise ModelMismatch(
                f"{model.path}: expected tables of (frames, {len(names)} coordinates); got shape {table.shape}."
            )
    full = tuple(np.zeros((len(given[0]), len(model.columns))) for _ in given)
    for name, value in model.defaults.items():
        full[0][:, model.columns[name]] = value
    for column, name in enumerate(names):
        for target, source in zip(full, given, strict=True):
            target[:, model.columns[name]] = source[:, column]
    for dependent, independent, function in model.couplers:
        if dependent not in names:
            _couple(full, model.columns[dependent], model.columns[independent], function)
    return full


def _couple(full: tuple[np.ndarray, ...], dependent: int, independent: int, function: Any) -> None:
    """Fill a coupled column: y = f(x), y' = f' x', y'' = f'' x'² + f' x''."""
    for frame in finite_rows(full[0][:, [independent]]):
        at = osim.Vector(1, float(full[0][frame, independent]))
        full[0][frame, dependent] = function.calcValue(at)
        if len(full) > 1:
            rate, slope = full[1][frame, independent], coupler_slope(function, at)
            full[1][frame, dependent] = slope * rate
            full[2][frame, dependent] = _derivative(function, 2, at) * rate**2 + slope * full[2][frame, independent]


def coupler_slope(function: Any, at: Any) -> float:
    """First derivative of a coupler's function."""
    return _derivative(function, 1, at)


def _derivative(function: Any, order: int, at: Any) -> float:
    """Derivative of an OpenSim function of one argument."""
    components = osim.StdVectorInt()
    for _ in range(order):
        components.push_back(0)
    return function.calcDerivative(components, at)
