"""Mismatch: numbers that cannot belong to a program, refused before the solver sees them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synth.optimal_control.program.assembly import Program

Namer = Callable[[str, int], str]
"""(``"variable"`` or ``"parameter"``, index) → name of that entry."""


class ProgramMismatch(ValueError):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """Numbers that cannot belong to a program: of the wrong length, not finite, or contradicting each other."""


def check_solve(
    program: Program,
    parameters: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    start: np.ndarray,
    multipliers: tuple[np.ndarray, np.ndarray] | None = None,
    namer: Namer | None = None,
) -> None:
    """Refuse what no solver could do anything with.

    Raises
    ------
    ProgramMismatch
        In one sentence: what was expected, what came, where.
    """
    name = namer or (lambda kind, index: f"{kind} {index}")
    n = program.n_variables
    _check_length("parameters", parameters, program.n_parameters)
    for word, vector in (("lower bounds", lower), ("upper bounds", upper), ("start", start)):
        _check_length(word, vector, n)
    _check_finite("", parameters, lambda i: name("parameter", i))
    _check_finite("the start of ", start, lambda i: name("variable", i))
    if multipliers is not None:
        _check_length("multipliers of rows", multipliers[0], program.n_rows)
        _check_length("multipliers of bounds", multipliers[1], n)
        _check_finite("the multiplier of ", multipliers[0], lambda i: _row(program, i))
        _check_finite("the multiplier of ", multipliers[1], lambda i: name("variable", i))
    _check_bounds(np.asarray(lower, float), np.asarray(upper, float), lambda i: name("variable", i))
    _check_bounds(program.lower_rows, program.upper_rows, lambda i: f"the row {_row(program, i)}")


def _row(program: Program, index: int) -> str:
    block, row, column = program.row_of(index)
    return f"{block} (row {row}, column {column})"


def _check_length(word: str, vector: np.ndarray, expected: int) -> None:
    if np.shape(vector) != (expected,):
        raise ProgramMismatch(f"the {word} must have shape ({expected},), but came with {np.shape(vector)}")


def _check_finite(word: str, vector: np.ndarray, name: Callable[[int], str]) -> None:
    bad = np.flatnonzero(~np.isfinite(np.asarray(vector, float)))
    if len(bad):
        more = f", and {len(bad) - 1} more are not finite" if len(bad) > 1 else ""
        raise ProgramMismatch(
            f"{word}{name(int(bad[0]))} is {np.asarray(vector, float)[bad[0]]}{more}; expected finite numbers"
        )


def _check_bounds(lower: np.ndarray, upper: np.ndarray, name: Callable[[int], str]) -> None:
    wrong = ~(lower <= upper) | (lower == np.inf) | (upper == -np.inf)  # also where one is not a number
    bad = np.flatnonzero(wrong)
    if len(bad):
        i = int(bad[0])
        more = f" (and {len(bad) - 1} more such bounds)" if len(bad) > 1 else ""
        raise ProgramMismatch(
            f"{name(i)} must lie between {lower[i]:.6g} and {upper[i]:.6g}, which no number does{more}; "
            "widen or swap the bounds"
        )
