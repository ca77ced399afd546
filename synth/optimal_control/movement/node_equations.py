"""Node equations: the equations of motion at one instant as plain functions, apart from any mesh.

They are the terms of the problem itself, called with the state of any instant: what is left of the equations there
(`between_nodes`), and the accelerations that the forces make (`forward_check`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import casadi as ca
import numpy as np

from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.dynamics import dynamics_uses
from synth.optimal_control.movement.structure import (
    LEVER,
    SCALE,
    MovementStructure,
    parameter_layout,
    variable_layout,
)
from synth.optimal_control.program.assembly import BlockUse
from synth.optimal_control.program.compilation import compiled_functions
from synth.optimal_control.program.layout import Layout

_MOTION = ("coordinates", "speeds", "accelerations")
_DRIVES = ("torques", "wrenches", "soles", "activations", "tendon_forces")


@dataclass(frozen=True, eq=False)
class NodeEquations:
    """The equations of motion at one instant; physical units throughout.

    Attributes
    ----------
    structure : MovementStructure
    drives : tuple of str
        Arrays beside the motion on which the equations depend, in the order in which they are given.
    parameter_entries : ndarray of int
        Which of the problem's parameters they need.
    residual : casadi.Function
        (coordinates, speeds, accelerations, drives, contact corrections, parameters) → generalized forces (N·m, N)
        that nobody supplies.
    acceleration : casadi.Function
        (coordinates, speeds, drives, contact corrections, parameters) → accelerations (rad/s², m/s²).
    """

    structure: MovementStructure
    drives: tuple[str, ...]
    parameter_entries: np.ndarray
    residual: ca.Function
    acceleration: ca.Function

    def parameters(self, data: MovementData) -> np.ndarray:
        """Parameters of a person, as the functions want them."""
        layout = parameter_layout(self.structure)
        known = {name: value for name, value in data.parameters.items() if name in layout.shapes}
        return layout.join(known)[self.parameter_entries]

    def drive(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Drives (n, n_drives) from named arrays in physical units."""
        n = len(arrays["coordinates"])
        return np.hstack([np.zeros((n, 0)), *(arrays[name] for name in self.drives)])


def node_equations(structure: MovementStructure, *, compiler: str | None = "auto") -> NodeEquations:
    """Equations of motion of a structure at one instant, built once in a process and compiled once for all meshes.

    Parameters
    ----------
    structure : MovementStructure
    compiler : str, optional
        See `program.compilation.compiled_functions`.
    """
    return _node_equations(structure, compiler)


@lru_cache(maxsize=8)
def _node_equations(structure: MovementStructure, compiler: str | None) -> NodeEquations:
    # costs and what only they need have no part in the equations, so that fewer blocks are built
    structure = replace(structure, moments=(), markers=(), sensors=(), smooth=(), effort_power=2)
    variables = variable_layout(structure)
    names = [name for name in (*_MOTION, *_DRIVES) if name in variables.shapes]
    symbols = {name: ca.SX.sym(name, variables.shapes[name][1]) for name in names}
    symbols["contact"] = ca.SX.sym("contact", *(variables.shapes.get("contact", (0,))))
    uses = dynamics_uses(structure)
    columns = [np.flatnonzero(use.shared[0] < structure.n_coordinates) for use in uses]
    entries = np.unique(np.concatenate([u.parameters[:, c].ravel() for u, c in zip(uses, columns, strict=True)]))
    constants = ca.SX.sym("p", len(entries))
    rows = _rows(structure, variables, symbols, (entries, constants), zip(uses, columns, strict=True))
    weight = constants[int(np.searchsorted(entries, parameter_layout(structure).index("weight")[0]))]
    rows = rows * (weight * LEVER)
    drives = tuple(name for name in _DRIVES if name in symbols)
    drive = ca.vertcat(*(symbols[name] for name in drives)) if drives else ca.SX(0, 1)
    q, v, a = (symbols[name] for name in _MOTION)
    mass, rest = ca.jacobian(rows, a), ca.substitute(rows, a, ca.SX.zeros(a.shape))
    solved = -ca.ldl_solve(rest, *ca.ldl(mass))
    given = [drive, symbols["contact"], constants]
    functions = [
        ca.Function("residual", [q, v, a, *given], [ca.densify(rows)]),
        ca.Function("acceleration", [q, v, *given], [ca.densify(solved)]),
    ]
    functions, _ = compiled_functions(functions, "node_equations", compiler=compiler)
    return NodeEquations(structure, drives, entries, *functions)


def _rows(
    structure: MovementStructure,
    variables: Layout,
    symbols: Mapping[str, ca.SX],
    parameters: tuple[np.ndarray, ca.SX],
    uses: zip[tuple[BlockUse, np.ndarray]],
) -> ca.SX:
    """Sum of all terms at the first node, in the solver's units of generalized forces."""
    place: dict[int, ca.SX] = {}
    for name, symbol in symbols.items():
        if name in variables.shapes:
            index = variables.index(name)
            index = index[0] if index.ndim == 2 else index
            place |= {int(entry): symbol[i] / SCALE[name] for i, entry in enumerate(index)}
    entries, constants = parameters
    rows = [ca.SX(0)] * structure.n_coordinates
    for use, columns in uses:
        for column in columns:
            x = ca.vertcat(*(place[int(i)] for i in use.variables[:, column]))
            own = np.searchsorted(entries, use.parameters[:, column]).tolist()
            terms = use.block.value(x, constants[own] if own else ca.SX(0, 1))[1]
            for i, row in enumerate(use.shared[:, column]):
                rows[int(row)] = rows[int(row)] + terms[i]
    return ca.vertcat(*rows)
