"""Resumed climb: a ladder whose last iterate stands in a file, from which the same ladder goes on after a kill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from synth.optimal_control.movement.climb import Climb, Rung, bounds_of, climb
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.problem import MovementProgram, Prepare, movement_program
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.iterate_file import (
    IterateFileProblem,
    load_iterate,
    program_identity,
    save_iterate,
)
from synth.optimal_control.program.mismatch import ProgramMismatch

LAST_ITERATE = "last_iterate_{}.npz"
"""Name of the file of each start, by its number."""


def resumed_climb(
    rungs: Sequence[Rung],
    start: Callable[[MovementProgram], np.ndarray],
    place: Path,
    *,
    prepare: Prepare | None = None,
) -> tuple[Climb, str]:
    """Climb a ladder and keep the last iterate in a file; begin where that file says, if it is of this ladder.

    Parameters
    ----------
    rungs, start, prepare
        As of `climb.climb`.
    place : Path
        Of the iterate (``.npz``), written every few seconds and at the end; the caller removes it when what came of
        the climb is safe. A file of other problems, or a damaged one, is passed over and replaced.

    Returns
    -------
    Climb
        Its rungs are those that were solved now.
    str
        Name of the rung that was gone on with; empty if all were solved from the start.

    Raises
    ------
    IterateFileProblem
        The file cannot be written.
    SolveInterrupted, ProgramMismatch
        As of `program.solver.solve`; the iterate of an interrupted solve is in the file.
    """
    found = _kept(rungs, place, prepare)
    first, begin = found if found else (0, None)
    running: dict[str, str] = {}

    def watched(rung: Rung) -> Rung:
        def data(movement: MovementProgram) -> MovementData:
            numbers = rung.data(movement)
            running["identity"] = problem_identity(movement, numbers)
            return numbers

        return replace(rung, data=data)

    def keep(iterate: Iterate) -> None:
        save_iterate(place, iterate, running["identity"])

    def begun(movement: MovementProgram) -> np.ndarray:
        return start(movement) if begin is None else begin.values

    reached = climb([watched(rung) for rung in rungs[first:]], begun, prepare=prepare, keep=keep)
    save_iterate(place, reached.iterate, problem_identity(reached.movement, reached.data))
    return reached, rungs[first].name if found else ""


def problem_identity(movement: MovementProgram, data: MovementData) -> str:
    """Hash of a problem: its equations, the numbers of its person, trial and weights, and its bounds."""
    numbers = [movement.parameters.join(data.parameters), *bounds_of(movement, data)]
    return program_identity(movement.program, np.concatenate(numbers))


def _kept(rungs: Sequence[Rung], place: Path, prepare: Prepare | None) -> tuple[int, Iterate] | None:
    """Number of the rung that the file is of, and its iterate; the last rung is asked first."""
    if not place.exists():
        return None
    for number in reversed(range(len(rungs))):
        movement = movement_program(rungs[number].structure, prepare)
        try:
            iterate = load_iterate(place, problem_identity(movement, rungs[number].data(movement)))
        except ProgramMismatch:
            continue
        except IterateFileProblem:
            return None
        return (number, iterate) if np.isfinite(iterate.values).all() else None
    return None
