"""Movement problem: the program of a structure, built once and solved any number of times.

Everything else is numbers (`data`). The equations of motion of all coordinates and nodes are shared rows, to which
inertia, muscles, actuators, tissue and ground each add; a net joint moment that is a variable stands between what
demands it (inertia, ground) and what gives it, with a row for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from synth.optimal_control.movement import contact_blocks, following_blocks, motion_blocks, muscle_blocks
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.mirror import mirror_columns, partners
from synth.optimal_control.movement.structure import (
    SCALE,
    MovementStructure,
    parameter_layout,
    variable_layout,
)
from synth.optimal_control.program.assembly import BlockUse, Program, SharedRows, assemble
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
    parts = _Parts(structure)
    uses = [*parts.motion(), *parts.muscles(), *parts.ground(), *parts.defects(), *parts.following(), *parts.prices()]
    uses = prepare(uses) if prepare else uses
    program = assemble(uses, parts.variables.size, parts.parameters.size, parts.rows)
    return MovementProgram(structure, program, parts.variables, parts.parameters)


def dynamics_uses(structure: MovementStructure) -> list[BlockUse]:
    """Uses that add to the equations of motion, with blocks that are not compiled: inertia, muscles, ground."""
    parts = _Parts(structure)
    return [u for u in (*parts.motion(), *parts.muscles(), *parts.ground()) if u.shared is not None]


class _Parts:
    """The uses of the blocks of a structure, part by part; it only holds what all parts look up."""

    def __init__(self, structure: MovementStructure) -> None:
        self.structure = structure
        self.variables, self.parameters = variable_layout(structure), parameter_layout(structure)
        self.n = structure.mesh.n_nodes
        count = structure.n_coordinates
        name = "equations of motion and joint moments" if structure.moments else "equations of motion"
        self.rows = SharedRows(name, count + len(structure.moments), self.n)
        self.demanded, self.given = self.rows.index[:count], self.rows.index[:count].copy()
        self.given[list(structure.moments)] = self.rows.index[count:]
        self.q, self.v, self.a = (self.variables.index(s).T for s in ("coordinates", "speeds", "accelerations"))

    def same(self, name: str, entries: np.ndarray | None = None) -> np.ndarray:
        """Entries of a parameter array, the same at every node: (n_entries, n_nodes)."""
        index = self.parameters.index(name).ravel()
        return np.repeat((index if entries is None else index[entries])[:, None], self.n, axis=1)

    def shared(self, coordinates: tuple[int, ...]) -> np.ndarray:
        """Rows of what the ground gives to some coordinates at every node."""
        return self.demanded[list(coordinates)]

    def motion(self) -> list[BlockUse]:
        """Inertia, net moments, actuators and tissue."""
        everything = np.vstack([self.q, self.v, self.a])
        constants = np.vstack([self.same("numbers"), self.same("weight")])
        uses = [BlockUse(motion_blocks.demand_block(self.structure.pattern), everything, constants, self.demanded)]
        actuated, followed = self.structure.actuated, list(self.structure.moments)
        if followed:
            moments = self.variables.index("joint_moments").T.reshape(1, -1)
            rows = np.stack([self.demanded[followed].ravel(), self.given[followed].ravel()])
            uses.append(BlockUse(motion_blocks.joint_moment_block(), moments, moments[:0], rows))
        if actuated:
            torques = self.variables.index("torques").T.reshape(1, -1)
            nothing = np.zeros((0, torques.shape[1]), int)
            rows = self.given[list(actuated)].reshape(1, -1)
            uses.append(BlockUse(motion_blocks.actuator_block(), torques, nothing, rows))
        if self.structure.passive:
            index = self.parameters.index("passive")
            count = self.structure.n_coordinates
            constants = np.vstack([np.repeat(index.T[:, :, None], self.n, 2).reshape(index.shape[1], -1),
                                   np.tile(self.same("weight"), count)])  # fmt: skip
            entries = np.vstack([self.q.reshape(1, -1), self.v.reshape(1, -1)])
            uses.append(BlockUse(motion_blocks.passive_block(), entries, constants, self.given.reshape(1, -1)))
        return uses

    def muscles(self) -> list[BlockUse]:
        """Moments of muscles, and the balance of fibre and tendon where it gives."""
        uses: list[BlockUse] = []
        structure = self.structure
        for exponents, members in muscle_blocks.grouped(structure.muscles):
            crossed = [list(structure.muscles[i].coordinates) for i in members]
            numbers = np.hstack([self._muscle_numbers(i, exponents) for i in members])
            weight = np.tile(self.same("weight"), len(members))
            q, v = (np.hstack([array[c] for c in crossed]) for array in (self.q, self.v))
            a = np.concatenate([self.variables.index("activations").T[i] for i in members])
            shared = np.hstack([self.given[c] for c in crossed])
            if structure.metabolic:
                uses.append(self._metabolic(exponents, members, np.vstack([q, v, a]), np.vstack([numbers, weight])))
            if structure.tendon == "rigid":
                block = muscle_blocks.rigid_muscle_block(exponents)
                uses.append(BlockUse(block, np.vstack([q, v, a]), np.vstack([numbers, weight]), shared))
                continue
            force, rate = (
                np.concatenate([self.variables.index(s).T[i] for i in members])
                for s in ("tendon_forces", "tendon_rates")
            )
            moment = muscle_blocks.tendon_moment_block(exponents)
            uses.append(BlockUse(moment, np.vstack([q, force]), np.vstack([numbers, weight]), shared))
            balance = muscle_blocks.equilibrium_block(exponents)
            uses.append(BlockUse(balance, np.vstack([q, v, a, force, rate]), numbers))
        return uses

    def _metabolic(
        self, exponents: muscle_blocks.Exponents, members: list[int], motion: np.ndarray, numbers: np.ndarray
    ) -> BlockUse:
        """Price of the energy of some muscles."""
        compliant = self.structure.tendon == "compliant"
        names = ("excitations", "tendon_forces", "tendon_rates") if compliant else ("excitations",)
        own = [np.concatenate([self.variables.index(s).T[i] for i in members]) for s in names]
        constants = self.parameters.index("metabolic")[members]
        prices = np.tile(self.parameters.index("metabolic_price").T, len(members))
        entries = np.vstack([numbers, np.repeat(constants.T, self.n, axis=1), prices])
        return BlockUse(muscle_blocks.metabolic_block(exponents, compliant), np.vstack([motion, *own]), entries)

    def _muscle_numbers(self, muscle: int, exponents: muscle_blocks.Exponents) -> np.ndarray:
        """Numbers of a muscle at every node; terms that its own polynomial does not have are 0."""
        own = self.same(f"muscle {muscle}")
        missing = len(exponents) - len(self.structure.muscles[muscle].exponents)
        return np.vstack([own, np.repeat(self.same("zero"), missing, axis=0)])

    def ground(self) -> list[BlockUse]:
        """Loads on the feet: variables, and a contact law."""
        uses: list[BlockUse] = []
        structure, planar = self.structure, self.structure.planar
        size, axes = structure.wrench_size, 2 if planar else 3
        contact_options = {"clearance": structure.clearance, "sole": structure.soles}
        first = 0
        for i, foot in enumerate(structure.feet):
            if structure.wrenches:
                chain = chain_to(structure.pattern, [foot.segment])
                wrench = self.variables.index("wrenches").T[size * i : size * (i + 1)]
                entries = np.vstack([self.q[list(chain.coordinates)], wrench])
                block = motion_blocks.wrench_block(chain, foot.segment, planar)
                constants = self.same("numbers", chain.entries)
                uses.append(BlockUse(block, entries, constants, self.shared(chain.coordinates)))
            if structure.wrenches and not structure.contact:
                near = [self.parameters.index(s)[:, i].T for s in ("ground", "ground_weight", "pressure")]
                uses.append(BlockUse(contact_blocks.measured_load_block(planar), wrench, np.vstack(near)))
            if structure.contact:
                chain = chain_to(structure.pattern, foot.points)
                last = first + len(foot.points)
                contact = self.variables.index("contact")[axes * first : axes * last]
                legs = list(chain.coordinates)
                entries = np.vstack([self.q[legs], self.v[legs], np.repeat(contact[:, None], self.n, axis=1)])
                if structure.soles:
                    entries = np.vstack([entries, self.variables.index("soles")[:, i]])
                spheres = self.parameters.index("spheres")[first:last].ravel()
                constants = np.vstack(
                    [
                        self.same("numbers", chain.entries),
                        self.same("weight"),
                        self.same("floor"),
                        np.repeat(spheres[:, None], self.n, axis=1),
                        *(self.parameters.index(s)[:, i].T for s in ("ground", "ground_weight", "pressure")),
                        *([self.parameters.index("clearance").T] if structure.clearance else []),
                    ]
                )
                block = contact_blocks.contact_block(chain, foot, structure.contact, planar, **contact_options)
                uses.append(BlockUse(block, entries, constants, self.shared(chain.coordinates)))
                first = last
        return uses

    def interval_entries(self, name: str) -> np.ndarray:
        """Entries (nodes of an interval, n_intervals, n_columns) of a node array, wrapped by the mesh's period."""
        return interval_entries(self.structure, self.variables, name)

    def defects(self) -> list[BlockUse]:
        """What joins the nodes: integration of every state."""
        structure, scheme = self.structure, self.structure.mesh.scheme
        share, one, zero = (self.parameters.index(s) for s in ("share", "one", "zero"))
        duration, speed = self.variables.index("duration"), self.variables.index("speed")
        uses = []
        pairs = [("coordinates", "speeds"), ("speeds", "accelerations")]
        if structure.tendon == "compliant" and structure.muscles:
            pairs.append(("tendon_forces", "tendon_rates"))
        for state, rate in pairs:
            y, f = self.interval_entries(state), self.interval_entries(rate)
            columns = np.arange(y.shape[2])
            signs = self._wrap_signs(state)
            for sign in (1.0, -1.0):
                kept = columns[(signs == sign) & ~((columns == structure.travel) & (state == "coordinates"))]
                if not len(kept):
                    continue
                uses += self._defect_uses(y[..., kept], f[..., kept], sign, (state, rate))
        if structure.travel >= 0:
            y = self.interval_entries("coordinates")[..., structure.travel]
            f = self.interval_entries("speeds")[..., structure.travel]
            count = y.shape[1]
            wraps = np.repeat(zero, count)
            wraps[-1] = one[0]
            entries = np.vstack([y, f, _repeated(duration, count), _repeated(speed, count)])
            block = displaced_defect_block(scheme, SCALE["coordinates"], SCALE["speeds"])
            uses.append(BlockUse(block, entries, np.vstack([_repeated(share, count), wraps[None, :]])))
        if structure.muscles:
            a, e = self.interval_entries("activations"), self.interval_entries("excitations")
            count = a[0].size
            entries = np.vstack([_flat(a), _flat(e), _repeated(duration, count)])
            times = self.parameters.index("activation_times")
            constants = np.vstack([_repeated(share, count), np.repeat(times[:, None], count, axis=1)])
            uses.append(BlockUse(muscle_blocks.activation_block(scheme, structure.activation), entries, constants))
        return [*uses, *self._linear_controls()]

    def _wrap_signs(self, name: str) -> np.ndarray:
        """Sign of each column where the last interval wraps to its mirror image."""
        structure = self.structure
        if structure.mesh.period == "half_cycle" and name in ("coordinates", "speeds", "accelerations"):
            # the last interval's end is the mirror image: sign of the column it is read from
            return np.array(structure.signs)[partners(structure.pattern.coordinate_names)]
        return np.ones(self.variables.shapes[name][1])

    def _defect_uses(self, y: np.ndarray, f: np.ndarray, sign: float, names: tuple[str, str]) -> list[BlockUse]:
        """Defects of some columns; the last interval of a half cycle may end at minus the mirrored value."""
        scheme, (state, rate) = self.structure.mesh.scheme, names
        share, duration = self.parameters.index("share"), self.variables.index("duration")
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

    def _linear_controls(self) -> list[BlockUse]:
        if not self.structure.linear_controls or self.structure.mesh.scheme != "hermite_simpson":
            return []
        uses = []
        for name in ("excitations", "torques"):
            if name in self.variables.shapes:
                entries = _flat(self.interval_entries(name))
                nothing = np.zeros((0, entries.shape[1]), int)
                uses.append(BlockUse(following_blocks.mean_block(name), entries, nothing))
        return uses

    def following(self) -> list[BlockUse]:
        """Markers and inertial sensors."""
        structure, uses = self.structure, []
        for i, segment in enumerate(structure.markers):
            chain = chain_to(structure.pattern, [segment])
            constants = np.vstack([self.same("numbers", chain.entries), self.parameters.index("markers")[:, i].T])
            block = following_blocks.marker_block(chain, segment)
            uses.append(BlockUse(block, self.q[list(chain.coordinates)], constants))
        angles = 1 if structure.planar else 3
        for i, segment in enumerate(structure.sensors):
            chain = chain_to(structure.pattern, [segment])
            moved = list(chain.coordinates)
            mounting = self.variables.index("mounting")[angles * i : angles * (i + 1)]
            entries = [self.q[moved], self.v[moved], self.a[moved], _repeated(mounting, self.n)]
            if structure.placing:
                axes = 2 if structure.planar else 3
                entries.append(_repeated(self.variables.index("places")[axes * i : axes * (i + 1)], self.n))
            offset = np.repeat(self.parameters.index("sensor_offset")[i][:, None], self.n, axis=1)
            measured = [self.parameters.index(s)[:, i].T for s in ("imu", "imu_weight")]
            constants = np.vstack([self.same("numbers", chain.entries), offset, *measured])
            block = following_blocks.sensor_block(chain, segment, structure.planar, structure.placing)
            uses.append(BlockUse(block, np.vstack(entries), constants))
        return uses

    def prices(self) -> list[BlockUse]:
        """Squares and smoothness of every variable, and effort of another power."""
        structure, uses = self.structure, []
        shapes = self.variables.shapes
        targets, precisions = (
            np.concatenate([self.parameters.index(f"{word} {s}").ravel() for s in shapes])
            for word in ("target", "precision")
        )
        everything = np.arange(self.variables.size)[None, :]
        uses.append(BlockUse(following_blocks.squared_block(), everything, np.vstack([targets, precisions])))
        keep = slice(0, -1) if structure.mesh.period == "half_cycle" else slice(None)
        for name in structure.smooth:
            entries = self.interval_entries(name)[:, keep]
            for one, other in pairwise(entries):
                pairs = np.vstack([one.reshape(1, -1), other.reshape(1, -1)])
                weights = np.tile(self.parameters.index(f"roughness {name}")[0], len(one))
                uses.append(BlockUse(following_blocks.roughness_block(), pairs, weights[None, :]))
        if structure.effort_power != 2:
            excitations = self.variables.index("excitations").ravel()[None, :]
            weights = self.parameters.index("effort").ravel()[None, :]
            uses.append(BlockUse(following_blocks.effort_block(structure.effort_power), excitations, weights))
        return uses


def interval_entries(structure: MovementStructure, variables: Layout, name: str) -> np.ndarray:
    """Entries (nodes of an interval, n_intervals, n_columns) of a node array, wrapped by the mesh's period.

    Where a half cycle wraps, columns change sides; signs are the reader's business (see `mirror`).
    """
    index = variables.index(name)
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
