"""Motion blocks: the equations of motion of a node, term by term.

Every coordinate has one row, in body weight × LEVER: what inertia and gravity demand, less actuators, muscles, tissue
and ground. Each term is a block of its own that adds to the shared rows, so it is differentiated over few variables.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import Vector
from synth.optimal_control.law.passive_torque import ExponentialTissue, passive_torque
from synth.optimal_control.movement.chain import Chain, generalized_loads
from synth.optimal_control.movement.skeleton_numbers import count_numbers, with_numbers
from synth.optimal_control.movement.structure import LEVER, N_PASSIVE_NUMBERS, SCALE
from synth.optimal_control.program.block import Block, make_block


def items(x: ca.SX) -> list[ca.SX]:
    """Entries of a symbolic column."""
    return [x[i] for i in range(x.shape[0])]


def scales(*names_and_counts: tuple[str, int]) -> np.ndarray:
    """Scales of the variables of a block, in order."""
    return np.concatenate([np.full(count, SCALE[name]) for name, count in names_and_counts])


def demand_block(pattern: Skeleton) -> Block:
    """What inertia and gravity demand of every coordinate.

    Variables: coordinates, speeds, accelerations. Parameters: the skeleton's numbers, body weight (N).
    """
    n, count = len(pattern.coordinates), count_numbers(pattern)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        skeleton = with_numbers(pattern, items(p[:count]))
        states = segment_states(skeleton, items(x[:n]), items(x[n : 2 * n]), items(x[2 * n :]))
        unit = p[count] * LEVER
        return ca.SX(0), [ca.SX(g) / unit for g in inverse_dynamics(skeleton, states)]

    scale = scales(("coordinates", n), ("speeds", n), ("accelerations", n))
    return make_block("demand of motion", rows, scale, count + 1)


def wrench_block(chain: Chain, segment: str, planar: bool) -> Block:
    """What a load on one segment does, taken from the rows of its chain's coordinates.

    Variables: the chain's coordinates, force (body weights) and moment about the ground's origin (body weight × LEVER).
    Parameters: the chain's numbers.
    """
    n, count = len(chain.coordinates), len(chain.entries)
    size = 3 if planar else 6

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        skeleton = with_numbers(chain.skeleton, items(p[:count]))
        states = segment_states(skeleton, items(x[:n]))
        load = {chain.place(segment): load_vectors(items(x[n:]), planar)}
        return ca.SX(0), [-ca.SX(g) / LEVER for g in generalized_loads(skeleton, states, load)]

    return make_block("ground reaction", rows, scales(("coordinates", n), ("wrenches", size)), count)


def load_vectors(wrench: list[ca.SX], planar: bool) -> tuple[Vector, Vector]:
    """Force (body weights) and moment (body weight × m) of the numbers of a load."""
    if planar:
        return (wrench[0], wrench[1], 0.0), (0.0, 0.0, wrench[2] * LEVER)
    return tuple(wrench[:3]), tuple(m * LEVER for m in wrench[3:])


def actuator_block() -> Block:
    """An ideal actuator at one coordinate. Variables: its torque (body weight × LEVER)."""
    return make_block("actuator", lambda x, _: (ca.SX(0), [-x[0]]), scales(("torques", 1)), 0)


def joint_moment_block() -> Block:
    """Net moment of one coordinate, between what demands it and what gives it.

    Variables: the moment (body weight × LEVER). Rows: added to the equation of motion, and to the sum of what muscles,
    actuator and tissue give.
    """
    return make_block("joint moment", lambda x, _: (ca.SX(0), [-x[0], x[0]]), scales(("joint_moments", 1)), 0)


def passive_block() -> Block:
    """Tissue that resists at the ends of one coordinate's range.

    Variables: coordinate, speed. Parameters: the numbers of an `ExponentialTissue` in order, body weight (N).
    """

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        torque = passive_torque(ExponentialTissue(*items(p[:N_PASSIVE_NUMBERS])), x[0], x[1])
        return ca.SX(0), [-torque / (p[N_PASSIVE_NUMBERS] * LEVER)]

    return make_block("passive torque", rows, scales(("coordinates", 1), ("speeds", 1)), N_PASSIVE_NUMBERS + 1)
