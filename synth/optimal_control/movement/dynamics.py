"""Dynamics: all blocks that add to the equations of motion of a structure, at every node.

The equations of all coordinates and nodes are shared rows, to which inertia, muscles, actuators, tissue and ground each
add; a net joint moment that is a variable stands between what demands it (inertia, ground) and what gives it, with a
row for each.
"""

from __future__ import annotations

import numpy as np

from synth.optimal_control.movement import contact_blocks, motion_blocks, muscle_blocks
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.structure import MovementStructure, parameter_layout, variable_layout
from synth.optimal_control.program.assembly import BlockUse, SharedRows


class NodeEntries:
    """Where the variables, parameters and shared rows of a structure stand, node by node; nothing else is held.

    Attributes
    ----------
    structure : MovementStructure
    variables, parameters : Layout
    n : int
        Number of nodes.
    rows : SharedRows
    demanded, given : ndarray of int, shape (n_q, n)
        Rows of each coordinate to which inertia and ground add, and to which muscles, actuators and tissue do: the same
        but for coordinates whose net moment is a variable.
    q, v, a : ndarray of int, shape (n_q, n)
        Coordinates, speeds and accelerations.
    """

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


def dynamics_uses(structure: MovementStructure) -> list[BlockUse]:
    """Uses that add to the equations of motion, with blocks that are not compiled: inertia, muscles, ground."""
    at = NodeEntries(structure)
    return [u for u in (*motion_uses(at), *muscle_uses(at), *ground_uses(at)) if u.shared is not None]


def motion_uses(at: NodeEntries) -> list[BlockUse]:
    """Inertia, net moments, actuators and tissue."""
    everything = np.vstack([at.q, at.v, at.a])
    constants = np.vstack([at.same("numbers"), at.same("weight")])
    uses = [BlockUse(motion_blocks.demand_block(at.structure.pattern), everything, constants, at.demanded)]
    actuated, followed = at.structure.actuated, list(at.structure.moments)
    if followed:
        moments = at.variables.index("joint_moments").T.reshape(1, -1)
        rows = np.stack([at.demanded[followed].ravel(), at.given[followed].ravel()])
        uses.append(BlockUse(motion_blocks.joint_moment_block(), moments, moments[:0], rows))
    if actuated:
        torques = at.variables.index("torques").T.reshape(1, -1)
        nothing = np.zeros((0, torques.shape[1]), int)
        rows = at.given[list(actuated)].reshape(1, -1)
        uses.append(BlockUse(motion_blocks.actuator_block(), torques, nothing, rows))
    if at.structure.passive:
        index = at.parameters.index("passive")
        count = at.structure.n_coordinates
        constants = np.vstack([np.repeat(index.T[:, :, None], at.n, 2).reshape(index.shape[1], -1),
                               np.tile(at.same("weight"), count)])  # fmt: skip
        entries = np.vstack([at.q.reshape(1, -1), at.v.reshape(1, -1)])
        uses.append(BlockUse(motion_blocks.passive_block(), entries, constants, at.given.reshape(1, -1)))
    return uses


def muscle_uses(at: NodeEntries) -> list[BlockUse]:
    """Moments of muscles, and the balance of fibre and tendon where it gives."""
    uses: list[BlockUse] = []
    structure = at.structure
    for exponents, members in muscle_blocks.grouped(structure.muscles):
        crossed = [list(structure.muscles[i].coordinates) for i in members]
        numbers = np.hstack([_muscle_numbers(at, i, exponents) for i in members])
        weight = np.tile(at.same("weight"), len(members))
        q, v = (np.hstack([array[c] for c in crossed]) for array in (at.q, at.v))
        a = np.concatenate([at.variables.index("activations").T[i] for i in members])
        shared = np.hstack([at.given[c] for c in crossed])
        if structure.metabolic:
            uses.append(_metabolic_use(at, exponents, members, np.vstack([q, v, a]), np.vstack([numbers, weight])))
        if structure.tendon == "rigid":
            block = muscle_blocks.rigid_muscle_block(exponents)
            uses.append(BlockUse(block, np.vstack([q, v, a]), np.vstack([numbers, weight]), shared))
            continue
        force, rate = (
            np.concatenate([at.variables.index(s).T[i] for i in members]) for s in ("tendon_forces", "tendon_rates")
        )
        moment = muscle_blocks.tendon_moment_block(exponents)
        uses.append(BlockUse(moment, np.vstack([q, force]), np.vstack([numbers, weight]), shared))
        balance = muscle_blocks.equilibrium_block(exponents)
        uses.append(BlockUse(balance, np.vstack([q, v, a, force, rate]), numbers))
    return uses


def _metabolic_use(
    at: NodeEntries, exponents: muscle_blocks.Exponents, members: list[int], motion: np.ndarray, numbers: np.ndarray
) -> BlockUse:
    """Price of the energy of some muscles."""
    compliant = at.structure.tendon == "compliant"
    names = ("excitations", "tendon_forces", "tendon_rates") if compliant else ("excitations",)
    own = [np.concatenate([at.variables.index(s).T[i] for i in members]) for s in names]
    constants = at.parameters.index("metabolic")[members]
    prices = np.tile(at.parameters.index("metabolic_price").T, len(members))
    entries = np.vstack([numbers, np.repeat(constants.T, at.n, axis=1), prices])
    return BlockUse(muscle_blocks.metabolic_block(exponents, compliant), np.vstack([motion, *own]), entries)


def _muscle_numbers(at: NodeEntries, muscle: int, exponents: muscle_blocks.Exponents) -> np.ndarray:
    """Numbers of a muscle at every node; terms that its own polynomial does not have are 0."""
    own = at.same(f"muscle {muscle}")
    missing = len(exponents) - len(at.structure.muscles[muscle].exponents)
    return np.vstack([own, np.repeat(at.same("zero"), missing, axis=0)])


def ground_uses(at: NodeEntries) -> list[BlockUse]:
    """Loads on the feet: variables, and a contact law."""
    uses: list[BlockUse] = []
    structure, planar = at.structure, at.structure.planar
    size, axes = structure.wrench_size, 2 if planar else 3
    contact_options = {"clearance": structure.clearance, "sole": structure.soles}
    first = 0
    for i, foot in enumerate(structure.feet):
        if structure.wrenches:
            chain = chain_to(structure.pattern, [foot.segment])
            wrench = at.variables.index("wrenches").T[size * i : size * (i + 1)]
            entries = np.vstack([at.q[list(chain.coordinates)], wrench])
            block = motion_blocks.wrench_block(chain, foot.segment, planar)
            constants = at.same("numbers", chain.entries)
            uses.append(BlockUse(block, entries, constants, at.demanded[list(chain.coordinates)]))
        if structure.wrenches and not structure.contact:
            near = [at.parameters.index(s)[:, i].T for s in ("ground", "ground_weight", "pressure")]
            uses.append(BlockUse(contact_blocks.measured_load_block(planar), wrench, np.vstack(near)))
        if structure.contact:
            chain = chain_to(structure.pattern, foot.points)
            last = first + len(foot.points)
            contact = at.variables.index("contact")[axes * first : axes * last]
            legs = list(chain.coordinates)
            entries = np.vstack([at.q[legs], at.v[legs], np.repeat(contact[:, None], at.n, axis=1)])
            if structure.soles:
                entries = np.vstack([entries, at.variables.index("soles")[:, i]])
            spheres = at.parameters.index("spheres")[first:last].ravel()
            constants = np.vstack(
                [
                    at.same("numbers", chain.entries),
                    at.same("weight"),
                    at.same("floor"),
                    np.repeat(spheres[:, None], at.n, axis=1),
                    *(at.parameters.index(s)[:, i].T for s in ("ground", "ground_weight", "pressure")),
                    *([at.parameters.index("clearance").T] if structure.clearance else []),
                ]
            )
            block = contact_blocks.contact_block(chain, foot, structure.contact, planar, **contact_options)
            uses.append(BlockUse(block, entries, constants, at.demanded[list(chain.coordinates)]))
            first = last
    return uses
