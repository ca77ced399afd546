"""Climb: a movement problem solved, alone or as the last rung of a ladder of easier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synth.optimal_control.movement.data import WIDE, MovementData
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.problem import MovementProgram, Prepare, movement_program
from synth.optimal_control.movement.structure import SCALE, MovementStructure
from synth.optimal_control.program.diagnosis import diagnose
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.solver import SolverSettings, solve

RESTING_ACTIVATION = 0.05
COLD = SolverSettings()


@dataclass(frozen=True)
class Rung:
    """One problem of a ladder.

    Attributes
    ----------
    name : str
        Word for messages, e.g. ``"muscles"``.
    structure : MovementStructure
    data : callable
        MovementProgram → MovementData.
    settings : SolverSettings
    optional : bool
        If it fails, the next rung starts from where this one started.
    rough : bool
        If it fails, the next rung starts from where it stopped: it is on the way, and no result.
    refinement : bool
        If it fails, the solution of the rung before is the result.
    again : SolverSettings, optional
        If it fails, it is tried once more with these, from where it stopped.
    """

    name: str
    structure: MovementStructure
    data: Callable[[MovementProgram], MovementData]
    settings: SolverSettings = COLD
    optional: bool = False
    rough: bool = False
    refinement: bool = False
    again: SolverSettings | None = None


@dataclass(frozen=True)
class Climb:
    """How far a ladder led.

    Attributes
    ----------
    movement : MovementProgram
    data : MovementData
        Of the rung that gave the result.
    iterate : Iterate
        Its solution; seconds and iterations are its own.
    reason : str
        Empty if converged; else which rung failed, and why.
    rungs : tuple of (str, Iterate)
        All that were solved.
    """

    movement: MovementProgram
    data: MovementData
    iterate: Iterate
    reason: str = ""
    rungs: tuple[tuple[str, Iterate], ...] = field(default=())

    @property
    def converged(self) -> bool:
        """Whether the result may be used."""
        return not self.reason

    @property
    def cpu_seconds(self) -> float:
        """Of all rungs."""
        return sum(iterate.cpu_seconds for _, iterate in self.rungs)

    @property
    def iterations(self) -> int:
        """Of all rungs."""
        return sum(iterate.iterations for _, iterate in self.rungs)


def bounds_of(movement: MovementProgram, data: MovementData) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of all variables in solver units."""
    return movement.variables.join(data.lower, -WIDE), movement.variables.join(data.upper, WIDE)


def solve_movement(
    movement: MovementProgram,
    data: MovementData,
    start: np.ndarray,
    settings: SolverSettings = COLD,
    multipliers: tuple[np.ndarray, np.ndarray] | None = None,
    keep: Callable[[Iterate], None] | None = None,
) -> Iterate:
    """Solve one problem from solver variables; errors as of `program.solver.solve`, in this problem's own names."""
    lower, upper = bounds_of(movement, data)
    parameters = movement.parameters.join(data.parameters)

    def name(kind: str, index: int) -> str:
        layout = movement.variables if kind == "variable" else movement.parameters
        return layout.name_of(index)

    return solve(
        movement.program, parameters, lower, upper, start, settings, namer=name, multipliers=multipliers, keep=keep
    )


def one_rung(name: str, movement: MovementProgram, data: MovementData, iterate: Iterate) -> Climb:
    """What a problem that was solved by itself is as a ladder of one rung."""
    reason = "" if iterate.converged else _why(name, movement, data, iterate)
    return Climb(movement, data, iterate, reason, ((name, iterate),))


def climb(
    rungs: Sequence[Rung],
    start: Callable[[MovementProgram], np.ndarray],
    *,
    prepare: Prepare | None = None,
    keep: Callable[[Iterate], None] | None = None,
) -> Climb:
    """Solve rungs in order; stop at the first that fails and is needed.

    Parameters
    ----------
    rungs : sequence of Rung
    start : callable
        MovementProgram of the first rung → solver variables.
    prepare : callable, optional
        See `problem.movement_program`.
    keep : callable, optional
        See `program.solver.solve`.
    """
    solved: list[tuple[str, Iterate]] = []
    before: tuple[MovementProgram, np.ndarray] | None = None
    reached: tuple[MovementProgram, MovementData, Iterate] | None = None
    reason = ""
    for rung in rungs:
        movement = movement_program(rung.structure, prepare)
        data = rung.data(movement)
        begin = start(movement) if before is None else carry_over(*before, movement)
        iterate = solve_movement(movement, data, begin, rung.settings, keep=keep)
        solved.append((rung.name, iterate))
        if not iterate.converged and rung.again is not None and np.isfinite(iterate.values).all():
            iterate = solve_movement(movement, data, iterate.values, rung.again, keep=keep)
            solved.append((f"{rung.name}, again", iterate))
        if iterate.converged or (rung.rough and np.isfinite(iterate.values).all()):
            before = (movement, iterate.values)
            reached = (movement, data, iterate) if iterate.converged else reached
            reason = "" if iterate.converged else _why(rung.name, movement, data, iterate)
        elif rung.refinement and reached is not None:
            continue
        elif rung.optional:
            before = before or (movement, begin)
        else:
            return Climb(movement, data, iterate, _why(rung.name, movement, data, iterate), tuple(solved))
    movement, data, iterate = reached or (movement, data, iterate)
    if reached is None and not reason:
        reason = _why(rungs[-1].name, movement, data, iterate)
    return Climb(movement, data, iterate, reason, tuple(solved))


def _why(name: str, movement: MovementProgram, data: MovementData, iterate: Iterate) -> str:
    lower, upper = bounds_of(movement, data)
    entries = {s: movement.variables.index(s) for s in movement.variables.shapes}
    return f"rung {name!r}: {diagnose(movement.program, iterate, lower, upper, entries).text}"


def start_values(movement: MovementProgram, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Solver variables of a start from arrays in physical units; muscles rest where nothing is said."""
    known = {
        name: np.asarray(a, float) / SCALE[name] for name, a in arrays.items() if name in movement.variables.shapes
    }
    for name in ("activations", "excitations"):
        if name in movement.variables.shapes:
            known.setdefault(name, np.array(RESTING_ACTIVATION))
    if "tendon_forces" in movement.variables.shapes:
        known.setdefault("tendon_forces", np.array(RESTING_ACTIVATION))
    return movement.variables.join(known)


def physical(movement: MovementProgram, values: np.ndarray) -> dict[str, np.ndarray]:
    """Solver variables as named arrays in physical units."""
    return {name: array * SCALE[name] for name, array in movement.variables.split(values).items()}


def carry_over(coarse: MovementProgram, values: np.ndarray, fine: MovementProgram) -> np.ndarray:
    """Carry solver variables to another structure of the same period, linearly between nodes."""
    old = physical(coarse, values)
    arrays = {}
    for name, shape in fine.variables.shapes.items():
        if name not in old:
            continue
        if len(shape) == 2:
            closed = closed_array(coarse.structure, name, old)
            phase = np.r_[coarse.structure.mesh.phase, 1.0][: len(closed)]
            target = fine.structure.mesh.phase
            carried = np.stack([np.interp(target, phase, column) for column in closed.T], axis=1)
            if name == "torques":
                carried = _by_coordinate(carried, coarse.structure.actuated, fine.structure.actuated)
            elif name == "joint_moments":
                carried = _by_coordinate(carried, coarse.structure.moments, fine.structure.moments)
            arrays[name] = carried
        elif old[name].shape == shape:
            arrays[name] = old[name]
    return start_values(fine, arrays)


def _by_coordinate(array: np.ndarray, old: tuple[int, ...], new: tuple[int, ...]) -> np.ndarray:
    """Columns of the coordinates that both structures have; 0 for new ones."""
    carried = np.zeros((len(array), len(new)))
    for i, j in enumerate(new):
        if j in old:
            carried[:, i] = array[:, old.index(j)]
    return carried


def closed_array(structure: MovementStructure, name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """A node array with the period's end appended: the first node again, or its mirror image, moved on."""
    array = arrays[name]
    if structure.mesh.period == "none":
        return array
    last = array[:1] if structure.mesh.period == "cycle" else mirrored_array(structure, name, array[:1])
    if name == "coordinates" and structure.travel >= 0:
        last = last.copy()
        last[0, structure.travel] += arrays["speed"][0] * arrays["duration"][0]
    return np.vstack([array, last])
