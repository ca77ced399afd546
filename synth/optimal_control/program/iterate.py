"""Iterate: where a solver stopped, or is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Iterate:
    """Where a solver stopped, or is.

    Attributes
    ----------
    values : ndarray, shape (n_variables,)
        Solver variables.
    row_values : ndarray, shape (n_rows,)
    row_multipliers : ndarray, shape (n_rows,)
    bound_multipliers : ndarray, shape (n_variables,)
        Negative at a lower bound, positive at an upper one.
    status : str
        The solver's own word, e.g. ``Solve_Succeeded``; ``Running`` before it has stopped.
    converged : bool
        The solver said that it succeeded, everything is finite and the rows keep their bounds.
    objective : float
    violation : float
        Largest violation of a row.
    iterations : int
    seconds, cpu_seconds : float
        Of the solve.
    evaluation_seconds : float
        CPU seconds of it in the functions of the program; the rest is linear algebra and the solver itself.
    build_seconds : float
        Of making the solver, 0 where it was there already.
    """

    values: np.ndarray = field(repr=False)
    row_values: np.ndarray = field(repr=False)
    row_multipliers: np.ndarray = field(repr=False)
    bound_multipliers: np.ndarray = field(repr=False)
    status: str
    converged: bool
    objective: float
    violation: float
    iterations: int
    seconds: float
    cpu_seconds: float
    evaluation_seconds: float = 0.0
    build_seconds: float = 0.0

    @property
    def linear_algebra_seconds(self) -> float:
        """CPU seconds outside the functions of the program."""
        return max(self.cpu_seconds - self.evaluation_seconds, 0.0)

    @property
    def acceptable_only(self) -> bool:
        """The solver was content with the acceptable level, not with the tolerance itself."""
        return self.status == "Solved_To_Acceptable_Level"


def row_violation(row_values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """How far each row is outside its bounds, 0 inside, infinite where it is not finite."""
    violation = np.maximum(np.maximum(lower - row_values, row_values - upper), 0.0)
    return np.where(np.isfinite(row_values), violation, np.inf)
