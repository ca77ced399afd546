"""Forward check: does the motion follow from the forces? A solution integrated in time from one of its nodes.

It is the second path to the same gait: collocation asks that equations hold at nodes, integration that they add up.
"""

from __future__ import annotations

from functools import lru_cache

import casadi as ca
import numpy as np
from scipy.integrate import solve_ivp

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.multibody import segment_states
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_samples import sample_gait
from synth.optimal_control.ground_contact import (
    SPHERE_DISSIPATION,
    SPHERE_MODULUS,
    SPHERE_ROUNDING,
    SPHERES,
    foot_load,
)
from synth.optimal_control.solution import GaitSolution


def drift_after(solution: GaitSolution, subject: Subject, node: int, seconds: float, table: str = "de_leva") -> float:
    """Largest difference (rad) of a joint angle after integrating a generated gait forward.

    The joint torques of the solution, linear between nodes, and the contact law on whatever the feet then do drive the
    equations of motion.

    Parameters
    ----------
    solution : GaitSolution
        From `generate_gait`.
    subject : Subject
    node : int
        Where integration starts.
    seconds : float
        For how long.
    table : str
        Anthropometric table of the skeleton.

    Returns
    -------
    float
    """
    skeleton = planar_skeleton(subject, table)
    numbers, weight = nodes.skeleton_numbers(skeleton), skeleton.mass * -skeleton.gravity[1]
    n = len(solution.speeds)
    start = node * solution.duration / n
    grid = np.arange(n + 1) / n * solution.duration
    closed_torque = np.vstack([solution.kinetics.generalized_forces, solution.kinetics.generalized_forces[:1]])
    accelerate = _acceleration_function()

    def rate(time: float, state: np.ndarray) -> np.ndarray:
        within = time % solution.duration
        torque = np.array([np.interp(within, grid, c) for c in closed_torque.T]) / (weight * nodes.LEVER)
        acceleration = accelerate(state[:10], state[10:], torque, numbers, weight, subject.height)
        return np.r_[state[10:], np.ravel(acceleration)]

    begin = np.r_[solution.kinematics.values[node], solution.speeds[node]]
    end = solve_ivp(rate, (start, start + seconds), begin, rtol=1e-7, atol=1e-9).y[:10, -1]
    wanted = sample_gait(solution, np.array([start + seconds])).coordinates[0]
    angles = [i for i, name in enumerate(nodes.COORDINATES) if name not in ("pelvis_tx", "pelvis_ty")]
    return float(np.abs(end - wanted)[angles].max())


@lru_cache
def _acceleration_function() -> ca.Function:
    """Accelerations from the equations of motion, which are linear in them, with the spheres on the floor."""
    q, v, a, torque = (ca.SX.sym(n, nodes.N_Q) for n in ("q", "v", "a", "t"))
    numbers, weight, height = ca.SX.sym("s", nodes.N_SKELETON), ca.SX.sym("w"), ca.SX.sym("h")
    skeleton = nodes.skeleton_from(numbers)
    states = segment_states(skeleton, ca.vertsplit(q), ca.vertsplit(v))
    places = [(height * p.position[0], height * p.position[1]) for p in SPHERES.points]
    radii = [height * p.radius for p in SPHERES.points]
    force = []
    for foot in nodes.FEET:
        state = states[nodes.SEGMENTS.index(foot)]
        fx, fy, m = foot_load(SPHERES, state, places, radii, 0.0, SPHERE_MODULUS, SPHERE_ROUNDING, SPHERE_DISSIPATION)
        force += [fx / weight, fy / weight, m / (weight * nodes.LEVER)]
    demand = ca.vertcat(*nodes.equations_of_motion(q, v, a, ca.vertcat(*force), numbers, weight)) - torque
    rest = ca.substitute(demand, a, ca.SX.zeros(nodes.N_Q))
    arguments = [q, v, torque, numbers, weight, height]
    parts = ca.Function("parts", arguments, [ca.jacobian(demand, a), rest])
    symbols = [ca.MX.sym(f"x{i}", *s.shape) for i, s in enumerate(arguments)]
    matrix, vector = parts(*symbols)
    return ca.Function("acceleration", symbols, [-ca.solve(matrix, vector)])
