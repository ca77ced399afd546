"""Ladder: a hard problem reached through easier ones, each started from the solution of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.optimal_control.gait_data import GaitData
from synth.optimal_control.gait_problem import GaitProgram, gait_program
from synth.optimal_control.gait_structure import GaitStructure, mirror_columns
from synth.optimal_control.solver import Iterate, solve
from synth.optimal_control.start import RESTING_ACTIVATION


@dataclass(frozen=True)
class Rung:
    """One problem of a ladder.

    Attributes
    ----------
    name : str
        Word for messages, e.g. ``"muscles"``.
    structure : GaitStructure
    data : callable
        GaitProgram → GaitData.
    warm : bool
        Whether the rung before ends close to this one's solution.
    max_iterations : int
    optional : bool
        If this rung fails, the next one starts from where this one started.
    rough : bool
        If this rung fails, the next one starts from where it stopped: it is on the way, not a result.
    refinement : bool
        If this rung fails, the solution of the rung before is the result.
    """

    name: str
    structure: GaitStructure
    data: Callable[[GaitProgram], GaitData]
    warm: bool = False
    max_iterations: int = 300
    optional: bool = False
    rough: bool = False
    refinement: bool = False


@dataclass(frozen=True)
class Climb:
    """How far a ladder led.

    Attributes
    ----------
    gait : GaitProgram
    data : GaitData
        Of the rung that gave the result.
    iterate : Iterate
        Its solution, with the iterations and seconds of all rungs.
    rungs : tuple of (str, bool, int, float, float)
        Name, converged, iterations, CPU seconds and objective of each.
    """

    gait: GaitProgram
    data: GaitData
    iterate: Iterate
    rungs: tuple[tuple[str, bool, int, float, float], ...]


def climb(rungs: Sequence[Rung], start: Callable[[GaitProgram], np.ndarray]) -> Climb:
    """Solve the rungs in order; stop at the first that fails and is not optional.

    Parameters
    ----------
    rungs : sequence of Rung
    start : callable
        GaitProgram of the first rung → solver variables.

    Returns
    -------
    Climb
    """
    spent: list[Iterate] = []
    record = []
    before: tuple[GaitProgram, np.ndarray] | None = None
    reached: tuple[GaitProgram, GaitData, Iterate] | None = None
    for rung in rungs:
        gait = gait_program(rung.structure)
        data = rung.data(gait)
        begin = start(gait) if before is None else carry_over(before[0], gait, before[1])
        limit = min(100, rung.max_iterations) if rung.warm else rung.max_iterations
        iterate = solve(gait, data, begin, warm=rung.warm, max_iterations=limit)
        spent.append(iterate)
        if rung.warm and not iterate.converged:  # near is not near enough: from the same start with a large barrier
            iterate = solve(gait, data, begin, max_iterations=rung.max_iterations)
            spent.append(iterate)
        record.append((rung.name, iterate.converged, iterate.iterations, iterate.cpu_seconds, iterate.objective))
        if iterate.converged or (rung.rough and np.isfinite(iterate.values).all()):
            before = (gait, iterate.values)
            reached = (gait, data, iterate) if iterate.converged else reached
        elif rung.refinement and reached is not None:
            continue
        elif rung.optional:
            before = before or (gait, begin)
        else:
            reached = (gait, data, replace(iterate, reason=f"rung {rung.name!r}: {iterate.reason}"))
            break
    gait, data, iterate = reached or (gait, data, iterate)
    total = replace(
        iterate,
        iterations=sum(s.iterations for s in spent),
        seconds=sum(s.seconds for s in spent),
        cpu_seconds=sum(s.cpu_seconds for s in spent),
    )
    return Climb(gait, data, total, tuple(record))


def carry_over(coarse: GaitProgram, fine: GaitProgram, values: np.ndarray) -> np.ndarray:
    """Carry solver variables to another structure of the same period, linearly between nodes; new arrays start at 0."""
    old = coarse.variables.split(values)
    arrays = {}
    for name, shape in fine.variables.shapes.items():
        if name not in old:
            continue
        array = old[name]
        if len(shape) == 2:
            arrays[name] = _resample(array, name, coarse, fine, old)
        elif array.shape == shape:
            arrays[name] = array
    for name in ("activations", "excitations"):
        if name in fine.variables.shapes and name not in old:
            arrays[name] = np.array(RESTING_ACTIVATION)
    return fine.variables.join(arrays)


def _resample(
    array: np.ndarray, name: str, coarse: GaitProgram, fine: GaitProgram, old: dict[str, np.ndarray]
) -> np.ndarray:
    period = coarse.structure.mesh.period
    if period != "none":
        last = array[:1]
        if period == "half_cycle":
            last = last[:, mirror_columns(name, array.shape[1])]
        if name == "coordinates":
            last = last.copy()
            last[0, 1] += old["speed"][0] * old["duration"][0]
        array = np.vstack([array, last])
    phase = np.linspace(0.0, 1.0, len(array))
    target = fine.structure.mesh.phase
    return np.stack([np.interp(target, phase, column) for column in array.T], axis=1)
