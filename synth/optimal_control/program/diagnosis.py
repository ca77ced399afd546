"""Diagnosis of an iterate: which rows are worst and where, which bounds are hit, which multipliers are large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from synth.optimal_control.program.assembly import Program
from synth.optimal_control.program.iterate import Iterate, row_violation

_AT_BOUND = 1e-5
_SMALL_VIOLATION = 1e-4
_MEANING = {
    "Solve_Succeeded": "found a solution",
    "Solved_To_Acceptable_Level": "found a solution at the acceptable level only",
    "Infeasible_Problem_Detected": "found no point that satisfies all rows and bounds",
    "Maximum_Iterations_Exceeded": "used up its iterations",
    "Maximum_CpuTime_Exceeded": "used up its time",
    "Restoration_Failed": "could not restore feasibility",
    "Search_Direction_Becomes_Too_Small": "came to steps too small to go on",
    "Diverging_Iterates": "diverged",
    "User_Requested_Stop": "was interrupted",
    "Invalid_Number_Detected": "met a number that is not finite",
    "Not_Enough_Degrees_Of_Freedom": "has more equations than free variables",
    "Invalid_Option": "refused an option, perhaps a linear solver that is not installed, and never began",
    "Error_In_Step_Computation": "could not compute a step",
    "Insufficient_Memory": "ran out of memory",
    "Running": "was still running",
}


@dataclass(frozen=True)
class RowGroup:
    """The rows of one name.

    Attributes
    ----------
    name : str
        Of the block or of the shared rows.
    n_rows : int
    n_violated, n_not_finite : int
    violation : float
        Largest one; infinite where a row is not finite.
    row, column : int
        Where it is.
    multiplier : float
        Largest size of a multiplier.
    """

    name: str
    n_rows: int
    n_violated: int
    n_not_finite: int
    violation: float
    row: int
    column: int
    multiplier: float


@dataclass(frozen=True)
class BoundHit:
    """Variables of one name at their bounds; those that are fixed do not count.

    Attributes
    ----------
    name : str
    n_free : int
    n_lower, n_upper : int
        At the lower and at the upper bound.
    multiplier : float
        Largest size of a multiplier of these bounds.
    """

    name: str
    n_free: int
    n_lower: int
    n_upper: int
    multiplier: float


@dataclass(frozen=True)
class Diagnosis:
    """What an iterate looks like.

    Attributes
    ----------
    status : str
    converged : bool
    iterations : int
    groups : tuple of RowGroup
        The worst violation first.
    bounds : tuple of BoundHit
        Only names that hit one; the largest multiplier first.
    not_finite : tuple of str
        Names of variables that are not finite.
    """

    status: str
    converged: bool
    iterations: int
    groups: tuple[RowGroup, ...]
    bounds: tuple[BoundHit, ...]
    not_finite: tuple[str, ...]

    @property
    def text(self) -> str:
        """One or two sentences."""
        meaning = _MEANING.get(self.status, "stopped")
        said = f"the solver {meaning} ({self.status}) after {self.iterations} iterations"
        if self.converged:
            return said
        return f"{said}; {self._rows_text()}{self._bounds_text()}"

    def _rows_text(self) -> str:
        if self.not_finite:
            return f"{', '.join(self.not_finite)} are not finite"
        if not self.groups:
            return "there are no rows"
        worst = self.groups[0]
        where = f"{worst.name} (row {worst.row}, column {worst.column})"
        if worst.n_not_finite:
            return f"{worst.n_not_finite} rows of {worst.name} are not finite, first {where}"
        if worst.violation <= _SMALL_VIOLATION:
            return f"all rows are satisfied within {worst.violation:.2g}, the optimum is not reached"
        return f"the largest residual is {worst.violation:.2g} in {where}"

    def _bounds_text(self) -> str:
        if not self.bounds:
            return ", and no bound is hit"
        said = [f"{hit.name} ({hit.n_lower + hit.n_upper} of {hit.n_free})" for hit in self.bounds[:4]]
        more = f" and {len(self.bounds) - 4} more" if len(self.bounds) > 4 else ""
        return f"; at their bounds are {', '.join(said)}{more}"


def diagnose(
    program: Program,
    iterate: Iterate,
    lower: np.ndarray,
    upper: np.ndarray,
    variables: Mapping[str, np.ndarray] | None = None,
) -> Diagnosis:
    """Look at an iterate.

    Parameters
    ----------
    program : Program
    iterate : Iterate
    lower, upper : ndarray, shape (n_variables,)
        Bounds it was solved with.
    variables : mapping of str to ndarray of int, optional
        Entries of the variables by name; all are ``variables`` if absent.

    Returns
    -------
    Diagnosis
    """
    names = variables if variables is not None else {"variables": np.arange(program.n_variables)}
    entries = {name: np.ravel(index) for name, index in names.items()}
    groups = sorted(_row_groups(program, iterate), key=lambda group: -group.violation)
    hits = [_bound_hit(name, index, iterate, lower, upper) for name, index in entries.items()]
    hits = sorted((hit for hit in hits if hit.n_lower + hit.n_upper), key=lambda hit: -hit.multiplier)
    bad = tuple(name for name, index in entries.items() if not np.isfinite(iterate.values[index]).all())
    return Diagnosis(iterate.status, iterate.converged, iterate.iterations, tuple(groups), tuple(hits), bad)


def _row_groups(program: Program, iterate: Iterate) -> Iterator[RowGroup]:
    violation = row_violation(iterate.row_values, program.lower_rows, program.upper_rows)
    for name, index in row_entries(program).items():
        worst = int(index[np.argmax(violation[index])])
        _, row, column = program.row_of(worst)
        yield RowGroup(
            name=name,
            n_rows=len(index),
            n_violated=int((violation[index] > _SMALL_VIOLATION).sum()),
            n_not_finite=int((~np.isfinite(iterate.row_values[index])).sum()),
            violation=float(violation[worst]),
            row=row,
            column=column,
            multiplier=_largest(iterate.row_multipliers[index]),
        )


def row_entries(program: Program) -> dict[str, np.ndarray]:
    """Entries of the program's rows by the name of their block or of the shared rows."""
    found: dict[str, list[np.ndarray]] = {}
    first = program.shared.n_rows * program.shared.n_columns
    if first:
        found[program.shared.name] = [np.arange(first)]
    for use in program.uses:
        if use.n_own_rows:
            found.setdefault(use.block.name, []).append(np.arange(first, first + use.n_own_rows))
            first += use.n_own_rows
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _bound_hit(name: str, index: np.ndarray, iterate: Iterate, lower: np.ndarray, upper: np.ndarray) -> BoundHit:
    free = index[upper[index] > lower[index]]
    value, width = iterate.values[free], np.minimum(upper[free] - lower[free], 1.0)
    at_lower = value - lower[free] <= _AT_BOUND * width
    at_upper = upper[free] - value <= _AT_BOUND * width
    multiplier = _largest(iterate.bound_multipliers[free][at_lower | at_upper])
    return BoundHit(name, len(free), int(at_lower.sum()), int(at_upper.sum()), multiplier)


def _largest(multipliers: np.ndarray) -> float:
    return float(np.abs(multipliers).max(initial=0.0))
