"""Residual: whether the equations of motion also hold between the nodes, on a mesh twice as fine."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from opensim_models.model.multibody import segment_states
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_data import GaitData
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.ground_contact import CONTACT_MODELS, foot_load
from synth.optimal_control.muscle import leg_moments
from synth.optimal_control.muscle_table import MUSCLE_SETS


@dataclass(frozen=True)
class Residuals:
    """Equation residual between the nodes: the solution interpolated by its collocation polynomial, put back in.

    Attributes
    ----------
    force : ndarray, shape (n_nodes, 2)
        Pelvis force (forward, vertical) that nobody supplies, at the midpoints (N).
    moment : ndarray, shape (n_nodes, 8)
        The same of the moments of pelvis and joints (N·m).
    force_share : float
        RMS of the force's length over body weight.
    """

    force: np.ndarray
    moment: np.ndarray
    force_share: float


def body_numbers(data: GaitData, n_nodes: int) -> np.ndarray:
    """Skeleton's numbers (n_nodes, n_skeleton) at each node; a half cycle has constant ones."""
    numbers = np.tile(np.asarray(data.parameters["skeleton"], float), (n_nodes, 1))
    hips = np.asarray(data.parameters["hip_offset"], float)
    numbers[:, nodes.HIP_NUMBERS] = hips if len(hips) == n_nodes else hips[:1]
    return numbers


def midpoint_residuals(gait: GaitProgram, data: GaitData, arrays: dict[str, np.ndarray]) -> Residuals:
    """Residual of the equations of motion half-way between the nodes (the doubled mesh).

    States follow the collocation polynomial (trapezoidal: quadratic in time, their rates linear); excitations,
    reserves, torques and forces without a law of their own are linear between nodes.
    """
    h = arrays["duration"][0] / len(arrays["coordinates"])
    middle = _midpoint_states(arrays, h)
    closed = closed_cycle(body_numbers(data, len(arrays["coordinates"])))
    middle["numbers"] = (closed[:-1] + closed[1:]) / 2
    unit = float(np.ravel(data.parameters["weight"])[0])
    forces = _midpoint_forces(gait, data, arrays, middle, unit)
    motion = _motion_function()
    n = len(middle["coordinates"])
    demand = np.asarray(
        motion.map(n)(
            middle["coordinates"].T,
            middle["speeds"].T,
            middle["accelerations"].T,
            forces.T,
            middle["numbers"].T,
            unit,
        )
    ).T
    supplied = _midpoint_torques(gait, data, arrays, middle, unit)
    residual = (demand - supplied) * unit * nodes.LEVER
    translations = [nodes.COORDINATES.index("pelvis_tx"), nodes.COORDINATES.index("pelvis_ty")]
    force = residual[:, translations]
    moment = np.delete(residual, translations, axis=1)
    share = float(np.sqrt((force**2).sum(axis=1).mean()) / unit)
    return Residuals(force, moment, share)


def closed_cycle(array: np.ndarray, jump: np.ndarray | float = 0.0) -> np.ndarray:
    """Append the first row, a jump further on, as the end of the cycle."""
    return np.vstack([array, array[:1] + jump])


def _midpoint_states(arrays: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    jump = np.zeros(nodes.N_Q)
    jump[nodes.COORDINATES.index("pelvis_tx")] = arrays["speed"][0] * arrays["duration"][0]
    q, v, a = (
        closed_cycle(arrays["coordinates"], jump),
        closed_cycle(arrays["speeds"]),
        closed_cycle(arrays["accelerations"]),
    )
    middle = {
        "coordinates": (q[:-1] + q[1:]) / 2 + h / 8 * (v[:-1] - v[1:]),
        "speeds": (v[:-1] + v[1:]) / 2 + h / 8 * (a[:-1] - a[1:]),
        "accelerations": (a[:-1] + a[1:]) / 2,
    }
    for name in ("torques", "forces", "reserves", "activations"):
        if name in arrays:
            closed = closed_cycle(arrays[name])
            middle[name] = (closed[:-1] + closed[1:]) / 2
    return middle


def _midpoint_forces(
    gait: GaitProgram, data: GaitData, arrays: dict[str, np.ndarray], middle: dict[str, np.ndarray], weight: float
) -> np.ndarray:
    if not gait.structure.contact:
        return middle["forces"]
    model = CONTACT_MODELS[gait.structure.contact]
    height, stiffness, rounding, damping = (
        float(np.ravel(data.parameters[n])[0]) for n in ("height", "stiffness", "rounding", "damping")
    )
    correction = arrays["contact"]
    positions = [
        (height * p.position[0] + correction[2 * i], height * p.position[1] + correction[2 * i + 1])
        for i, p in enumerate(model.points)
    ]
    radii = [height * p.radius for p in model.points]
    skeleton = nodes.skeleton_from(middle["numbers"].T)
    states = segment_states(skeleton, list(middle["coordinates"].T), list(middle["speeds"].T))
    columns = []
    for foot in nodes.FEET:
        state = states[nodes.SEGMENTS.index(foot)]
        fx, fy, m = foot_load(model, state, positions, radii, 0.0, stiffness, rounding, damping)
        columns += [fx / weight, fy / weight, m / (weight * nodes.LEVER)]
    return np.stack(columns, axis=1)


def _midpoint_torques(
    gait: GaitProgram, data: GaitData, arrays: dict[str, np.ndarray], middle: dict[str, np.ndarray], weight: float
) -> np.ndarray:
    torques = middle["torques"].copy()
    if not gait.structure.muscles:
        return torques
    table = MUSCLE_SETS[gait.structure.muscles]
    n = len(table.muscles)
    size = float(np.ravel(data.parameters["muscle_size"])[0])
    for i, side in enumerate("rl"):
        leg = nodes.leg_indices(side)
        activations = middle["activations"][:, i * n : (i + 1) * n].T
        strength = np.asarray(data.parameters["strength"], float).reshape(2, n)[i]
        q, v = list(middle["coordinates"][:, leg].T), list(middle["speeds"][:, leg].T)
        moments = leg_moments(table, q, v, list(activations), strength, size)
        torques[:, leg] = np.stack(moments, axis=1) / (weight * nodes.LEVER)
        torques[:, leg] += middle["reserves"][:, 3 * i : 3 * i + 3]
    return torques


def _motion_function() -> ca.Function:
    q, v, a = (ca.SX.sym(n, nodes.N_Q) for n in ("q", "v", "a"))
    force, numbers, weight = ca.SX.sym("f", 6), ca.SX.sym("s", nodes.N_SKELETON), ca.SX.sym("w")
    demand = nodes.equations_of_motion(q, v, a, force, numbers, weight)
    return ca.Function("equations_of_motion", [q, v, a, force, numbers, weight], [ca.vertcat(*demand)])
