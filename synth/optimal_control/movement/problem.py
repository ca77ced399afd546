"""Movement problem: the program of a structure, built once and solved any number of times.

Everything else is numbers (`data`). At every node hold the equations of motion (`dynamics`); states are integrated from
node to node; what is followed and what has a price is the objective.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from synth.optimal_control.movement import following_blocks, muscle_blocks
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.dynamics import NodeEntries, ground_uses, motion_uses, muscle_uses
from synth.optimal_control.movement.mirror import mirror_columns, partners
from synth.optimal_control.movement.structure import SCALE, MovementStructure
from synth.optimal_control.program.assembly import BlockUse, Program, assemble
from synth.optimal_control.program.collocation import defect_block, displaced_defect_block
from synth.optimal_control.program.layout import Layout


@dataclass(frozen=True)
class MovementProgram:
    """A structure with its program and the names of its vectors' entries.

    Attributes
    ----------
    structure : MovementStructure
    program : Program
    variables, parameters : Layout
    """

    structure: MovementStructure
    program: Program
    variables: Layout
    parameters: Layout


Prepare = Callable[[list[BlockUse]], list[BlockUse]]


@lru_cache(maxsize=32)
def movement_program(structure: MovementStructure, prepare: Prepare | None = None) -> MovementProgram:
    """Build the program of a structure, or return the one built before in this process.

    Parameters
    ----------
    structure : MovementStructure
    prepare : callable, optional
        What is done with the uses before they are assembled, e.g. `program.compilation` of their functions.
    """
    at = NodeEntries(structure)
    uses = [*motion_uses(at), *muscle_uses(at), *ground_uses(at), *_defects(at), *_following(at), *_prices(at)]
    uses = prepare(uses) if prepare else uses
    program = assemble(uses, at.variables.size, at.parameters.size, at.rows)
    return MovementProgram(structure, program, at.variables, at.parameters)


def _defects(at: NodeEntries) -> list[BlockUse]:
    """What joins the nodes: integration of every state."""
    structure, scheme = at.structure, at.structure.mesh.scheme
    share, one, zero = (at.parameters.index(s) for s in ("share", "one", "zero"))
    duration, speed = at.variables.index("duration"), at.variables.index("speed")
    uses = []
    pairs = [("coordinates", "speeds"), ("speeds", "accelerations")]
    if structure.tendon == "compliant" and structure.muscles:
        pairs.append(("tendon_forces", "tendon_rates"))
    for state, rate in pairs:
        y, f = _interval_entries(at, state), _interval_entries(at, rate)
        columns = np.arange(y.shape[2])
        signs = _wrap_signs(at, state)
        for sign in (1.0, -1.0):
            kept = columns[(signs == sign) & ~((columns == structure.travel) & (state == "coordinates"))]
            if not len(kept):
                continue
            uses += _defect_uses(at, y[..., kept], f[..., kept], sign, (state, rate))
    if structure.travel >= 0:
        y = _interval_entries(at, "coordinates")[..., structure.travel]
        f = _interval_entries(at, "speeds")[..., structure.travel]
        count = y.shape[1]
        wraps = np.repeat(zero, count)
        wraps[-1] = one[0]
        entries = np.vstack([y, f, _repeated(duration, count), _repeated(speed, count)])
        block = displaced_defect_block(scheme, SCALE["coordinates"], SCALE["speeds"])
        uses.append(BlockUse(block, entries, np.vstack([_repeated(share, count), wraps[None, :]])))
    if structure.muscles:
        a, e = _interval_entries(at, "activations"), _interval_entries(at, "excitations")
        count = a[0].size
        entries = np.vstack([_flat(a), _flat(e), _repeated(duration, count)])
        times = at.parameters.index("activation_times")
        constants = np.vstack([_repeated(share, count), np.repeat(times[:, None], count, axis=1)])
        uses.append(BlockUse(muscle_blocks.activation_block(scheme, structure.activation), entries, constants))
    return [*uses, *_linear_controls(at)]


def _wrap_signs(at: NodeEntries, name: str) -> np.ndarray:
    """Sign of each column where the last interval wraps to its mirror image."""
    structure = at.structure
    if structure.mesh.period == "half_cycle" and name in ("coordinates", "speeds", "accelerations"):
        # the last interval's end is the mirror image: sign of the column it is read from
        return np.array(structure.signs)[partners(structure.pattern.coordinate_names)]
    return np.ones(at.variables.shapes[name][1])


def _defect_uses(at: NodeEntries, y: np.ndarray, f: np.ndarray, sign: float, names: tuple[str, str]) -> list[BlockUse]:
    """Defects of some columns; the last interval of a half cycle may end at minus the mirrored value."""
    scheme, (state, rate) = at.structure.mesh.scheme, names
    share, duration = at.parameters.index("share"), at.variables.index("duration")
    uses = []
    split = y.shape[1] - 1 if sign < 0 else y.shape[1]
    for part, end in ((slice(0, split), 1.0), (slice(split, None), sign)):
        count = y[0, part].size
        if not count:
            continue
        entries = np.vstack([_flat(y[:, part]), _flat(f[:, part]), _repeated(duration, count)])
        block = defect_block(scheme, SCALE[state], SCALE[rate], end_sign=end)
        uses.append(BlockUse(block, entries, _repeated(share, count)))
    return uses


def _linear_controls(at: NodeEntries) -> list[BlockUse]:
    if not at.structure.linear_controls or at.structure.mesh.scheme != "hermite_simpson":
        return []
    uses = []
    for name in ("excitations", "torques"):
        if name in at.variables.shapes:
            entries = _flat(_interval_entries(at, name))
            nothing = np.zeros((0, entries.shape[1]), int)
            uses.append(BlockUse(following_blocks.mean_block(name), entries, nothing))
    return uses


def _following(at: NodeEntries) -> list[BlockUse]:
    """Markers and inertial sensors."""
    structure, uses = at.structure, []
    for i, segment in enumerate(structure.markers):
        chain = chain_to(structure.pattern, [segment])
        constants = np.vstack([at.same("numbers", chain.entries), at.parameters.index("markers")[:, i].T])
        block = following_blocks.marker_block(chain, segment)
        uses.append(BlockUse(block, at.q[list(chain.coordinates)], constants))
    angles = 1 if structure.planar else 3
    for i, segment in enumerate(structure.sensors):
        chain = chain_to(structure.pattern, [segment])
        moved = list(chain.coordinates)
        mounting = at.variables.index("mounting")[angles * i : angles * (i + 1)]
        entries = [at.q[moved], at.v[moved], at.a[moved], _repeated(mounting, at.n)]
        if structure.placing:
            axes = 2 if structure.planar else 3
            entries.append(_repeated(at.variables.index("places")[axes * i : axes * (i + 1)], at.n))
        offset = np.repeat(at.parameters.index("sensor_offset")[i][:, None], at.n, axis=1)
        measured = [at.parameters.index(s)[:, i].T for s in ("imu", "imu_weight")]
        constants = np.vstack([at.same("numbers", chain.entries), offset, *measured])
        block = following_blocks.sensor_block(chain, segment, structure.planar, structure.placing)
        uses.append(BlockUse(block, np.vstack(entries), constants))
    return uses


def _prices(at: NodeEntries) -> list[BlockUse]:
    """Squares and smoothness of every variable, and effort of another power."""
    structure, uses = at.structure, []
    shapes = at.variables.shapes
    targets, precisions = (
        np.concatenate([at.parameters.index(f"{word} {s}").ravel() for s in shapes]) for word in ("target", "precision")
    )
    everything = np.arange(at.variables.size)[None, :]
    uses.append(BlockUse(following_blocks.squared_block(), everything, np.vstack([targets, precisions])))
    keep = slice(0, -1) if structure.mesh.period == "half_cycle" else slice(None)
    for name in structure.smooth:
        entries = _interval_entries(at, name)[:, keep]
        for one, other in pairwise(entries):
            pairs = np.vstack([one.reshape(1, -1), other.reshape(1, -1)])
            weights = np.tile(at.parameters.index(f"roughness {name}")[0], len(one))
            uses.append(BlockUse(following_blocks.roughness_block(), pairs, weights[None, :]))
    if structure.effort_power != 2:
        excitations = at.variables.index("excitations").ravel()[None, :]
        weights = at.parameters.index("effort").ravel()[None, :]
        uses.append(BlockUse(following_blocks.effort_block(structure.effort_power), excitations, weights))
    return uses


def _interval_entries(at: NodeEntries, name: str) -> np.ndarray:
    """Entries (nodes of an interval, n_intervals, n_columns) of a node array, wrapped by the mesh's period.

    Where a half cycle wraps, columns change sides; signs are the reader's business (see `mirror`).
    """
    structure, index = at.structure, at.variables.index(name)
    if structure.mesh.period == "cycle":
        index = np.vstack([index, index[:1]])
    elif structure.mesh.period == "half_cycle":
        index = np.vstack([index, index[:1, mirror_columns(structure, name)]])
    return index[structure.mesh.interval_nodes()]


def _flat(entries: np.ndarray) -> np.ndarray:
    """(nodes, intervals, columns) → (nodes, intervals x columns)."""
    return entries.reshape(len(entries), -1)


def _repeated(index: np.ndarray, count: int) -> np.ndarray:
    """Repeat global entries for every column of a use."""
    return np.repeat(np.ravel(index)[:, None], count, axis=1)
