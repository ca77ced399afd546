"""The OpenSim library, imported for the whole project in this one file, and models loaded with it.

Runs only inside a worker process: see `opensim_models.osim.client` for what other processes call.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model.osim_file import inspect_model, read_model_file
from opensim_models.model_mismatch import ModelMismatch

# `import opensim` overwrites these, after which no child of this process could import CasADi.
_before = {name: os.environ.get(name) for name in ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")}
import opensim as osim  # noqa: E402

for _name, _value in _before.items():
    if _value is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value

osim.Logger.removeFileSink()  # otherwise opensim.log appears in the user's folder
osim.Logger.setLevelString("Error")
_log = osim.StringLogSink()
osim.Logger.addSink(_log)

KEPT_MODELS = 4


@dataclass
class LoadedModel:
    """A model without forces, ready to be posed: coordinates unlocked, couplers known, indices of Q by name.

    Attributes
    ----------
    path : Path
    model, state
        OpenSim's objects; `model` must outlive everything taken from it.
    columns : dict
        Coordinate name → column of our tables.
    q_entries, u_entries : (n_coordinates,) integer arrays
        Entry of OpenSim's Q and of its U that each column stands for.
    defaults : dict
        Coordinate name → default value.
    couplers : tuple
        (dependent name, independent name, OpenSim function).
    bodies : dict
        Body name → OpenSim body.
    """

    path: Path
    model: Any
    state: Any
    columns: dict[str, int]
    q_entries: np.ndarray
    u_entries: np.ndarray
    defaults: dict[str, float]
    couplers: tuple[tuple[str, str, Any], ...]
    bodies: dict[str, Any]


_models: OrderedDict[tuple, LoadedModel] = OrderedDict()


def read_model(path: Path) -> Any:
    """Load a model file as it is.

    Raises
    ------
    ModelMismatch
        The file is missing, empty, not XML, not a model, or refused by OpenSim.
    """
    path = Path(path)
    inspect_model(path, read_model_file(path))
    _log.clear()
    try:
        model = osim.Model(str(path.resolve()))
        model.finalizeConnections()
    except RuntimeError as error:
        raise ModelMismatch(f"{path}: OpenSim cannot load this model: {_cause(error)}") from error
    if model.getNumBodies() == 0:
        raise ModelMismatch(f"{path}: expected an OpenSim model, but it holds no body. {_log.getString().strip()}")
    return model


def loaded_model(path: Path, *, with_muscles: bool = False) -> LoadedModel:
    """Load a model for kinematics and inverse dynamics, or for muscle paths, or take it from the last few loaded."""
    path = Path(path)
    try:
        facts = path.stat()
    except OSError as error:
        raise ModelMismatch(f"{path}: no such model file ({error.strerror}).") from error
    key = (str(path.resolve()), facts.st_mtime_ns, facts.st_size, with_muscles)
    if key not in _models:
        _models[key] = _prepare(path, with_muscles)
        while len(_models) > KEPT_MODELS:
            _models.popitem(last=False)
    _models.move_to_end(key)
    return _models[key]


def _prepare(path: Path, with_muscles: bool) -> LoadedModel:
    """Strip a model of its forces (muscles stay where asked for), unlock its coordinates and index them."""
    model = read_model(path)
    stripped = [model.updControllerSet(), model.updProbeSet()]
    for components in stripped if with_muscles else [model.updForceSet(), *stripped]:
        components.clearAndDestroy()
    model.finalizeConnections()
    for component in model.getComponentsList():  # forces may also stand outside the force set
        force = osim.Force.safeDownCast(component)
        if force is not None:
            force.set_appliesForce(False)
    coordinates = model.updCoordinateSet()
    for i in range(coordinates.getSize()):
        coordinates.get(i).set_locked(False)
        coordinates.get(i).set_prescribed(False)
        coordinates.get(i).set_clamped(False)
    try:
        state = model.initSystem()
    except RuntimeError as error:
        raise ModelMismatch(f"{path}: OpenSim cannot assemble this model: {_cause(error)}") from error
    members = [coordinates.get(i) for i in range(coordinates.getSize())]
    q_entries, u_entries = _entries(model, state, members)
    bodies = model.getBodySet()
    return LoadedModel(
        path,
        model,
        state,
        {coordinate.getName(): column for column, coordinate in enumerate(members)},
        q_entries,
        u_entries,
        {coordinate.getName(): coordinate.getDefaultValue() for coordinate in members},
        tuple(couplers(model)),
        {bodies.get(i).getName(): bodies.get(i) for i in range(bodies.getSize())},
    )


def couplers(model: Any) -> list[tuple[str, str, Any]]:
    """Constraints that give one coordinate as a function of another: (dependent, independent, function).

    A coordinate that follows a follower comes after it.
    """
    found = []
    constraints = model.getConstraintSet()
    for i in range(constraints.getSize()):
        coupler = osim.CoordinateCouplerConstraint.safeDownCast(constraints.get(i))
        if coupler is not None and coupler.get_isEnforced():
            names = coupler.getIndependentCoordinateNames()
            if names.getSize() == 1:
                function = ScaledFunction(coupler.getFunction(), coupler_scale(coupler))
                found.append((coupler.getDependentCoordinateName(), names.get(0), function))
    dependent, ordered = {name for name, _, _ in found}, []
    while found:
        known = {name for name, _, _ in ordered}
        ready = [c for c in found if c[1] in known or c[1] not in dependent]
        if not ready:
            raise ModelMismatch(f"{model.getName()}: coordinate {found[0][0]} follows itself through its couplers.")
        ordered += ready
        found = [c for c in found if c not in ready]
    return ordered


def coupler_scale(coupler: Any) -> float:
    """The factor that a coupler puts on its function."""
    return osim.PropertyHelper.getValueDouble(coupler.getPropertyByName("scale_factor"))


@dataclass
class ScaledFunction:
    """An OpenSim function times a factor, with the same two questions."""

    function: Any
    scale: float

    def calcValue(self, at: Any) -> float:  # noqa: N802  (OpenSim's name)
        """Value."""
        return self.scale * self.function.calcValue(at)

    def calcDerivative(self, components: Any, at: Any) -> float:  # noqa: N802  (OpenSim's name)
        """Derivative of the order that the number of components says."""
        return self.scale * self.function.calcDerivative(components, at)


def _entries(model: Any, state: Any, coordinates: list) -> tuple[np.ndarray, np.ndarray]:
    """Find which entries of Q and U each coordinate reads, by writing a different number in each.

    The order differs from that of the coordinates, and Q is longer than U where a ball joint has a spare entry.
    """
    before = osim.Vector(state.getQ()), osim.Vector(state.getU())
    state.setQ(osim.Vector.createFromMat(np.arange(state.getNQ(), dtype=float)))
    state.setU(osim.Vector.createFromMat(np.arange(state.getNU(), dtype=float)))
    q_entries = np.array([round(c.getValue(state)) for c in coordinates], dtype=int)
    u_entries = np.array([round(c.getSpeedValue(state)) for c in coordinates], dtype=int)
    state.setQ(before[0])
    state.setU(before[1])
    if len(set(q_entries)) < len(coordinates) or sorted(u_entries) != list(range(state.getNU())):
        raise ModelMismatch(f"{model.getName()}: expected one speed for every coordinate of the model.")
    return q_entries, u_entries


def require_names(path: Path, kind: str, asked: list[str], present: list[str]) -> None:
    """Refuse names that a model does not have, with the nearest ones that it has."""
    for name in asked:
        if name not in present:
            near = get_close_matches(name, present, n=3) or sorted(present)[:8]
            raise ModelMismatch(f"{path}: the model has no {kind} {name!r}; near ones are {', '.join(near)}.")
    if len(set(asked)) < len(asked):
        raise ModelMismatch(f"{path}: a {kind} is asked for twice in {', '.join(asked)}.")


def _cause(error: RuntimeError) -> str:
    """Shorten OpenSim's exception to its first telling lines, with the log where the exception says nothing."""
    lines = [re.sub(r"^std::exception in '.*?': ", "", line.strip()) for line in str(error).splitlines()]
    text = " ".join(line for line in lines if line and not line.startswith(("Thrown at", "In Object")))[:400]
    return text or _log.getString().strip()[-400:] or "no reason given"
