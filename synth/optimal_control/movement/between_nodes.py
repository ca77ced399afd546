"""Between the nodes: whether the equations of motion also hold where the solver did not ask, on a mesh twice as fine.

States follow the polynomial of their collocation scheme and are put back into the equations of motion half-way between
neighbouring nodes; what is left is a force that nobody supplies. A small one says that the mesh is fine enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.optimal_control.law.activation import linear_rate, smooth_rate
from synth.optimal_control.movement.climb import Climb, closed_array, physical
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.node_equations import NodeEquations, node_equations
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.program.collocation import RADAU_POINTS

_NODE_SHARES = {
    "trapezoidal": np.array([0.0, 1.0]),
    "backward_euler": np.array([0.0, 1.0]),
    "hermite_simpson": np.array([0.0, 0.5, 1.0]),
    "radau": np.r_[0.0, RADAU_POINTS],
}
_STATES = (("coordinates", "speeds"), ("speeds", "accelerations"), ("tendon_forces", "tendon_rates"))


@dataclass(frozen=True)
class BetweenNodes:
    """What is left of the equations of motion between the nodes.

    Attributes
    ----------
    phase : ndarray, shape (n,)
        Time of each point as a fraction of what was solved.
    residual : ndarray, shape (n, n_q)
        Generalized force (N, N·m) that nobody supplies.
    force_share : float
        RMS over time of the length of the residual force on the free translations, over body weight.
    moment_share : float
        RMS over time of the largest residual moment, over body weight × 1 m.
    """

    phase: np.ndarray
    residual: np.ndarray
    force_share: float
    moment_share: float


def residual_between_nodes(reached: Climb, equations: NodeEquations | None = None) -> BetweenNodes:
    """Put a solution back into its equations of motion half-way between neighbouring nodes.

    Parameters
    ----------
    reached : Climb
        Any scheme, period and skeleton.
    equations : NodeEquations, optional
        Of the same structure; built if absent.
    """
    structure = reached.movement.structure
    arrays = physical(reached.movement, reached.iterate.values)
    phase, between = arrays_between(structure, reached.data, arrays)
    equations = equations or node_equations(structure)
    n = len(phase)
    corrections = np.ravel(arrays.get("contact", np.zeros(0)))
    residual = np.asarray(
        equations.residual.map(n)(
            between["coordinates"].T,
            between["speeds"].T,
            between["accelerations"].T,
            equations.drive(between).T,
            np.repeat(corrections[:, None], n, axis=1),
            np.repeat(equations.parameters(reached.data)[:, None], n, axis=1),
        )
    ).T
    weight = float(np.ravel(reached.data.parameters["weight"])[0])
    free = np.array([c.kind == "translation" for c in structure.pattern.coordinates])
    force = np.linalg.norm(residual[:, free], axis=1) if free.any() else np.zeros(n)
    moment = np.abs(residual[:, ~free]).max(axis=1, initial=0.0)
    return BetweenNodes(phase, residual, _root_mean_square(force) / weight, _root_mean_square(moment) / weight)


def arrays_between(
    structure: MovementStructure, data: MovementData, arrays: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Node arrays half-way between neighbouring nodes, by the scheme's polynomial; and the phase of each point.

    States have the polynomial whose slope goes through the rates (or, with Radau's points, the one through the states),
    controls the one through their own values.
    """
    mesh = structure.mesh
    shares = _NODE_SHARES[mesh.scheme]
    points = (shares[:-1] + shares[1:]) / 2.0
    step = float(arrays["duration"][0]) / mesh.n_intervals
    rates = {rate: arrays[rate] for rate in ("speeds", "accelerations", "tendon_rates") if rate in arrays}
    if "activations" in arrays:
        rates["activation rates"] = _activation_rates(structure, data, arrays)
    states = [pair for pair in _STATES if pair[0] in arrays]
    states += [("activations", "activation rates")] if "activations" in arrays else []
    between = {}
    for name, rate in states:
        value = _at_intervals(structure, name, arrays, arrays[name])
        slope = _at_intervals(structure, _mirrors_as(rate), arrays, rates[rate])
        between[name], made = _interpolated(mesh.scheme, points, value, slope, step)
        if rate in arrays:
            between.setdefault(rate, made)
    for name, array in arrays.items():
        if array.ndim == 2 and name not in between:
            between[name] = _control(mesh.scheme, points, _at_intervals(structure, name, arrays, array))
    if mesh.scheme != "radau":
        # the rate of one state is another state: its own polynomial, not the line through its node values
        between["accelerations"] = _control(
            mesh.scheme, points, _at_intervals(structure, "accelerations", arrays, arrays["accelerations"])
        )
    phase = (np.arange(mesh.n_intervals)[:, None] + points).ravel() / mesh.n_intervals
    return phase, between


def _mirrors_as(rate: str) -> str:
    """The array whose columns change sides as those of a rate do."""
    return {"activation rates": "activations", "tendon_rates": "tendon_forces"}.get(rate, rate)


def _at_intervals(
    structure: MovementStructure, name: str, arrays: dict[str, np.ndarray], array: np.ndarray
) -> np.ndarray:
    """Values (nodes of an interval, n_intervals, n_columns) of a node array, the last interval closed."""
    closed = closed_array(structure, name, {**arrays, name: array})
    return closed[structure.mesh.interval_nodes()]


def _interpolated(
    scheme: str, points: np.ndarray, value: np.ndarray, slope: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """A state and its rate at the points of every interval, each (n_intervals × n_points, n_columns)."""
    shares = _NODE_SHARES[scheme]
    powers = np.vander(shares, increasing=True)
    at = np.vander(points, len(shares), increasing=True)
    orders = np.arange(1, len(shares) + 1)
    if scheme == "backward_euler":
        made = value[0] + points[:, None, None] * (value[1] - value[0])
        return _stacked(made), _stacked(np.repeat(slope[1:], len(points), axis=0))
    if scheme == "radau":  # through the states; its slope meets the rates at the collocation points
        weights = at @ np.linalg.inv(powers)
        raised = np.hstack([np.zeros((len(points), 1)), at[:, :-1] * orders[:-1]])
        rates = np.tensordot(raised @ np.linalg.inv(powers), value, axes=1) / step
        return _stacked(np.tensordot(weights, value, axes=1)), _stacked(rates)
    through = np.linalg.inv(powers)
    raised = at * points[:, None] / orders
    made = value[0] + step * np.tensordot(raised @ through, slope, axes=1)
    return _stacked(made), _stacked(np.tensordot(at @ through, slope, axes=1))


def _control(scheme: str, points: np.ndarray, value: np.ndarray) -> np.ndarray:
    """A control at the points of every interval: through its values where the scheme uses them."""
    shares = _NODE_SHARES[scheme]
    if scheme == "backward_euler":
        return _stacked(np.repeat(value[1:], len(points), axis=0))
    kept = slice(1, None) if scheme == "radau" else slice(None)
    powers = np.vander(shares[kept], increasing=True)
    at = np.vander(points, len(powers), increasing=True)
    return _stacked(np.tensordot(at @ np.linalg.inv(powers), value[kept], axes=1))


def _stacked(values: np.ndarray) -> np.ndarray:
    """(points, intervals, columns) → (intervals × points, columns), in time order."""
    return values.transpose(1, 0, 2).reshape(-1, values.shape[2])


def _activation_rates(structure: MovementStructure, data: MovementData, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Da/dt (1/s) at the nodes, by the structure's law."""
    up, down, steepness = np.asarray(data.parameters["activation_times"], float)
    if structure.activation == "smooth":
        return smooth_rate(arrays["excitations"], arrays["activations"], up, down, steepness)
    return linear_rate(arrays["excitations"], arrays["activations"], up)


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))
