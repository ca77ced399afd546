"""Gait problem: variables, parameters and equations of one period of planar gait, built once per structure.

`gait_program` builds and caches the program of a `GaitStructure`; everything else is numbers (`gait_data`). So one
process builds a structure once and solves any number of trials with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_structure import (
    GaitStructure,
    mirror_columns,
    parameter_layout,
    variable_layout,
)
from synth.optimal_control.muscle_table import MUSCLE_SETS
from synth.optimal_control.program.assembly import BlockUse, Program, assemble
from synth.optimal_control.program.collocation import defect_block, displaced_defect_block
from synth.optimal_control.program.layout import Layout


@dataclass(frozen=True)
class GaitProgram:
    """A structure with its program and the names of its vectors' entries.

    Attributes
    ----------
    structure : GaitStructure
    program : Program
    variables, parameters : Layout
    """

    structure: GaitStructure
    program: Program
    variables: Layout
    parameters: Layout


def _interval_entries(structure: GaitStructure, variables: Layout, name: str) -> np.ndarray:
    """Entries (nodes of an interval, n_intervals, n_columns) of a node array, wrapped by the mesh's period."""
    index = variables.index(name)
    if structure.mesh.period == "cycle":
        index = np.vstack([index, index[:1]])
    elif structure.mesh.period == "half_cycle":
        index = np.vstack([index, index[:1, mirror_columns(name, index.shape[1])]])
    return index[structure.mesh.interval_nodes()]


def _flat(entries: np.ndarray) -> np.ndarray:
    """(nodes, intervals, columns) → (nodes, intervals x columns)."""
    return entries.reshape(len(entries), -1)


def _same(index: np.ndarray, count: int) -> np.ndarray:
    """Repeat global entries for every column of a use."""
    return np.repeat(np.ravel(index)[:, None], count, axis=1)


@lru_cache(maxsize=16)
def gait_program(structure: GaitStructure) -> GaitProgram:
    """Build the program of a structure, or return the one built before in this process."""
    variables, parameters = variable_layout(structure), parameter_layout(structure)
    uses = [*_defect_uses(structure, variables, parameters), *_mechanics_uses(structure, variables, parameters)]
    uses += _tracking_uses(structure, variables, parameters)
    uses += _weighting_uses(structure, variables, parameters)
    return GaitProgram(structure, assemble(uses, variables.size, parameters.size), variables, parameters)


def _defect_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    scheme, scale = structure.mesh.scheme, nodes.SCALE
    duration, speed = variables.index("duration"), variables.index("speed")
    share, one, zero = (parameters.index(n) for n in ("share", "one", "zero"))
    forward = nodes.COORDINATES.index("pelvis_tx")
    others = [i for i in range(nodes.N_Q) if i != forward]
    q, v, a = (_interval_entries(structure, variables, n) for n in ("coordinates", "speeds", "accelerations"))
    uses = []
    for state, rate, names in ((q[..., others], v[..., others], "cs"), (v, a, "sa")):
        scales = (scale["coordinates"], scale["speeds"]) if names == "cs" else (scale["speeds"], scale["accelerations"])
        count = state[0].size
        entries = np.vstack([_flat(state), _flat(rate), _same(duration, count)])
        uses.append(BlockUse(defect_block(scheme, *scales), entries, _same(share, count)))
    count = q.shape[1]
    entries = np.vstack([q[..., forward], v[..., forward], _same(duration, count), _same(speed, count)])
    wraps = np.repeat(zero, count)
    if structure.mesh.period != "none":
        wraps[-1] = one[0]
    block = displaced_defect_block(scheme, scale["coordinates"], scale["speeds"])
    uses.append(BlockUse(block, entries, np.vstack([_same(share, count), wraps[None, :]])))
    if structure.muscles:
        activation, excitation = (_interval_entries(structure, variables, n) for n in ("activations", "excitations"))
        count = activation[0].size
        entries = np.vstack([_flat(activation), _flat(excitation), _same(duration, count)])
        constants = np.vstack([_same(share, count), _same(parameters.index("activation_time"), count)])
        uses.append(BlockUse(nodes.activation_block(scheme), entries, constants))
    return uses


def _body(parameters: Layout) -> np.ndarray:
    """Entries (n_skeleton, n_nodes) of the skeleton at each node: only the hips' places in the pelvis may vary."""
    hips = parameters.index("hip_offset")
    body = _same(parameters.index("skeleton"), len(hips))
    body[nodes.HIP_NUMBERS] = hips.T
    return body


def _mechanics_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    n = structure.mesh.n_nodes
    q, v, a, torque, force = (
        variables.index(name).T for name in ("coordinates", "speeds", "accelerations", "torques", "forces")
    )
    body = np.vstack([_body(parameters), _same(parameters.index("weight"), n)])
    uses = [BlockUse(nodes.motion_block(), np.vstack([q, v, a, torque, force]), body)]
    for i, side in enumerate("rl"):
        leg, chain = nodes.leg_indices(side), nodes.chain_indices(side)
        if structure.muscles:
            count = len(MUSCLE_SETS[structure.muscles].muscles)
            activation = variables.index("activations").T[i * count : (i + 1) * count]
            reserve = variables.index("reserves").T[3 * i : 3 * i + 3]
            entries = np.vstack([q[leg], v[leg], activation, torque[leg], reserve])
            constants = np.r_[
                parameters.index("strength")[i], parameters.index("muscle_size"), parameters.index("weight")
            ]
            uses.append(BlockUse(nodes.muscle_block(structure.muscles), entries, _same(constants, n)))
        if structure.contact:
            slack = variables.index("slack").T
            correction = _same(variables.index("contact"), n)
            entries = np.vstack([q[chain], v[chain], force[3 * i : 3 * i + 3], slack[3 * i : 3 * i + 3], correction])
            constants = np.vstack([_chain_numbers(parameters, side), _same(_law_numbers(parameters), n)])
            uses.append(BlockUse(nodes.contact_block(structure.contact), entries, constants))
    return uses


def _chain_numbers(parameters: Layout, side: str) -> np.ndarray:
    body = _body(parameters)
    numbers = body.reshape(-1, nodes.NUMBERS_PER_SEGMENT, body.shape[1])
    return numbers[nodes.chain_segments(side)].reshape(-1, body.shape[1])


def _law_numbers(parameters: Layout) -> np.ndarray:
    return np.concatenate([parameters.index(name) for name in ("weight", "height", "stiffness", "rounding", "damping")])


def _tracking_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    n = structure.mesh.n_nodes
    q, v, a, force = (variables.index(name).T for name in ("coordinates", "speeds", "accelerations", "forces"))
    skeleton = _body(parameters)
    uses = [BlockUse(nodes.total_force_block(), force[[0, 1, 3, 4]], parameters.index("total_force").T)]
    for i, side in enumerate("rl"):
        entries = np.vstack([q[nodes.chain_indices(side)], force[3 * i : 3 * i + 3]])
        measured = parameters.index("pressure")[:, i].T
        uses.append(BlockUse(nodes.pressure_block(), entries, np.vstack([_chain_numbers(parameters, side), measured])))
    if structure.markers:
        measured = parameters.index("markers").T
        uses.append(BlockUse(nodes.marker_block(), q, np.vstack([skeleton, measured])))
    if structure.imu:
        mounting = _same(variables.index("mounting"), n)
        constants = [skeleton, _same(parameters.index("sensor_offset"), n)]
        constants += [parameters.index("imu").T, parameters.index("imu_weight").T]
        uses.append(BlockUse(nodes.imu_block(), np.vstack([q, v, a, mounting]), np.vstack(constants)))
    return uses


def _weighting_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    """Quadratic costs and smoothness of every variable."""
    targets = np.concatenate([parameters.index(f"target {n}").ravel() for n in variables.shapes])
    precisions = np.concatenate([parameters.index(f"precision {n}").ravel() for n in variables.shapes])
    everything = np.arange(variables.size)[None, :]
    uses = [BlockUse(nodes.quadratic_block(), everything, np.vstack([targets, precisions]))]
    neighbours, weights = [], []
    for name, shape in variables.shapes.items():
        if len(shape) == 2:
            entries = _interval_entries(structure, variables, name)[[0, -1]]
            neighbours.append(_flat(entries))
            weights.append(np.tile(parameters.index(f"roughness {name}")[0], entries.shape[1]))
    return [*uses, BlockUse(nodes.roughness_block(), np.hstack(neighbours), np.concatenate(weights)[None, :])]
