"""Assembly: a nonlinear program from many uses of blocks, with exact and sparse derivatives.

A `BlockUse` says on which entries of the whole problem a block acts, once per column. `assemble` scatters gradients,
Jacobians and Lagrangian Hessians of all uses by constant sparsity patterns, so that IPOPT never has to colour or
differentiate the whole problem, and no compiler is needed. Rows of a use are its own, or are added to rows that several
uses share: the equation of motion of a coordinate is what inertia demands, less what muscles, contact and actuators
give, each from a block of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import casadi as ca
import numpy as np

from synth.optimal_control.program.block import Block


@dataclass(frozen=True, eq=False)
class BlockUse:
    """Where a block acts.

    Attributes
    ----------
    block : Block
    variables : ndarray of int, shape (n_variables, n_columns)
        Entries of the whole variable vector, one column per evaluation.
    parameters : ndarray of int, shape (n_parameters, n_columns)
        Entries of the whole parameter vector.
    shared : ndarray of int, shape (n_rows, n_columns), optional
        Shared rows to which the block's rows are added; absent where its rows are its own.
    """

    block: Block
    variables: np.ndarray
    parameters: np.ndarray
    shared: np.ndarray | None = None

    @property
    def n_columns(self) -> int:
        """Number of evaluations."""
        return self.variables.shape[1]

    @property
    def n_own_rows(self) -> int:
        """Number of rows of the program that belong to this use alone."""
        return 0 if self.shared is not None else self.block.n_rows * self.n_columns


@dataclass(frozen=True)
class SharedRows:
    """Equations to which several uses add; each must be 0.

    Attributes
    ----------
    name : str
        Word for messages.
    n_rows, n_columns : int
        Row r of column c is entry c * n_rows + r.
    """

    name: str
    n_rows: int
    n_columns: int

    @property
    def index(self) -> np.ndarray:
        """Entries of the rows, shape (n_rows, n_columns)."""
        return np.arange(self.n_rows * self.n_columns).reshape(self.n_columns, self.n_rows).T


NO_SHARED_ROWS = SharedRows("none", 0, 0)


@dataclass(frozen=True, eq=False)
class Program:
    """A nonlinear program, ready to be solved for any parameters.

    Attributes
    ----------
    n_variables, n_parameters : int
    uses : tuple of BlockUse
    shared : SharedRows
        They come first; then the own rows of the uses, use by use, column by column.
    problem : dict
        The ``x``, ``p``, ``f``, ``g`` expressions.
    functions : dict
        ``f_g`` and the hand-built ``grad_f``, ``jac_g`` and ``hess_lag``.
    lower_rows, upper_rows : ndarray
    """

    n_variables: int
    n_parameters: int
    uses: tuple[BlockUse, ...]
    shared: SharedRows
    problem: dict
    functions: dict
    lower_rows: np.ndarray
    upper_rows: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.lower_rows)

    def row_of(self, index: int) -> tuple[str, int, int]:
        """Name of the block, row within the block and column of one row of the program."""
        n_shared = self.shared.n_rows * self.shared.n_columns
        if index < n_shared:
            column, row = divmod(index, self.shared.n_rows)
            return self.shared.name, row, column
        index -= n_shared
        for use in self.uses:
            if index < use.n_own_rows:
                column, row = divmod(index, use.block.n_rows)
                return use.block.name, row, column
            index -= use.n_own_rows
        raise IndexError(index)


def assemble(
    uses: Sequence[BlockUse], n_variables: int, n_parameters: int, shared: SharedRows = NO_SHARED_ROWS
) -> Program:
    """Build a program from the uses of its blocks.

    Returns
    -------
    Program
    """
    x = ca.MX.sym("x", n_variables)
    p = ca.MX.sym("p", n_parameters)
    rows_of_uses, lower, upper = _number_rows(uses, shared)
    n_rows = len(lower)
    arguments = [(_gather(x, use.variables), _gather(p, use.parameters)) for use in uses]
    cost, rows = _values(uses, arguments, rows_of_uses, n_rows)
    lam_f = ca.MX.sym("lam_f")
    lam_g = ca.MX.sym("lam_g", n_rows)
    jacobian = _jacobian(uses, arguments, rows_of_uses, (n_rows, n_variables))
    hessian = _hessian(uses, arguments, rows_of_uses, n_variables, lam_f, lam_g)
    functions = {
        "f_g": ca.Function("f_g", [x, p], [cost, rows]),
        "grad_f": ca.Function("nlp_grad_f", [x, p], [cost, _gradient(uses, arguments, n_variables)]),
        "jac_g": ca.Function("nlp_jac_g", [x, p], [rows, jacobian]),
        "hess_lag": ca.Function("nlp_hess_l", [x, p, lam_f, lam_g], [hessian]),
    }
    problem = {"x": x, "p": p, "f": cost, "g": rows}
    return Program(n_variables, n_parameters, tuple(uses), shared, problem, functions, lower, upper)


def _number_rows(uses: Sequence[BlockUse], shared: SharedRows) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Entry of the program's rows of each row and column of each use; bounds of all rows."""
    first = shared.n_rows * shared.n_columns
    rows, lower, upper = [], [np.zeros(first)], [np.zeros(first)]
    for use in uses:
        if use.shared is not None:
            rows.append(np.asarray(use.shared, int))
            continue
        size = use.n_own_rows
        rows.append(np.arange(first, first + size).reshape(use.n_columns, use.block.n_rows).T)
        lower.append(np.tile(use.block.lower, use.n_columns))
        upper.append(np.tile(use.block.upper, use.n_columns))
        first += size
    return rows, np.concatenate(lower), np.concatenate(upper)


def _gather(vector: ca.MX, index: np.ndarray) -> ca.MX:
    return ca.reshape(vector[index.ravel(order="F").tolist()], *index.shape)


def _values(
    uses: Sequence[BlockUse], arguments: Sequence[tuple[ca.MX, ca.MX]], rows: Sequence[np.ndarray], n_rows: int
) -> tuple[ca.MX, ca.MX]:
    cost, targets, values = ca.MX(0), [], []
    for use, (x, p), row in zip(uses, arguments, rows, strict=True):
        value, given = use.block.value.map(use.n_columns)(x, p)
        if len(use.block.gradient_pattern):
            cost = cost + ca.sum2(value)
        if use.block.n_rows:
            targets.append(row.ravel(order="F"))
            values.append(ca.vec(given))
    return cost, _sum_into(n_rows, targets, values) if targets else ca.MX(0, 1)


def _sum_into(size: int, targets: list[np.ndarray], values: list[ca.MX]) -> ca.MX:
    """Sum values that fall on the same target entry, by one constant sparse matrix."""
    target = np.concatenate(targets)
    if len(target) == size and np.array_equal(target, np.arange(size)):
        return ca.vertcat(*values)
    matrix = ca.DM.triplet(target.tolist(), list(range(len(target))), ca.DM.ones(len(target)), size, len(target))
    return ca.densify(ca.mtimes(matrix, ca.vertcat(*values)))


def _gradient(uses: Sequence[BlockUse], arguments: Sequence[tuple[ca.MX, ca.MX]], n_variables: int) -> ca.MX:
    targets, values = [], []
    for use, (x, p) in zip(uses, arguments, strict=True):
        pattern = use.block.gradient_pattern
        if len(pattern):
            targets.append(use.variables[pattern].ravel(order="F"))
            values.append(ca.vec(use.block.gradient.map(use.n_columns)(x, p)))
    return _sum_into(n_variables, targets, values) if targets else ca.MX.zeros(n_variables)


def _jacobian(
    uses: Sequence[BlockUse],
    arguments: Sequence[tuple[ca.MX, ca.MX]],
    rows_of_uses: Sequence[np.ndarray],
    shape: tuple[int, int],
) -> ca.MX:
    rows, columns, values = [], [], []
    for use, (x, p), own in zip(uses, arguments, rows_of_uses, strict=True):
        row, column = use.block.jacobian_pattern
        if not len(row):
            continue
        rows.append(own[row].ravel(order="F"))
        columns.append(use.variables[column].ravel(order="F"))
        values.append(ca.vec(use.block.jacobian.map(use.n_columns)(x, p)))
    if not rows:
        return ca.MX(*shape)
    # a variable that enters one column twice has two entries at the same place: they are summed as in the Hessian
    return _sparse_sum(np.concatenate(rows), np.concatenate(columns), values, shape)


def _hessian(
    uses: Sequence[BlockUse],
    arguments: Sequence[tuple[ca.MX, ca.MX]],
    rows_of_uses: Sequence[np.ndarray],
    n_variables: int,
    lam_f: ca.MX,
    lam_g: ca.MX,
) -> ca.MX:
    rows, columns, values = [], [], []
    for use, (x, p), own in zip(uses, arguments, rows_of_uses, strict=True):
        row, column = use.block.hessian_pattern
        if not len(row):
            continue
        one, other = use.variables[row], use.variables[column]
        rows.append(np.minimum(one, other).ravel(order="F"))
        columns.append(np.maximum(one, other).ravel(order="F"))
        factor = ca.repmat(lam_f, 1, use.n_columns)
        values.append(ca.vec(use.block.hessian.map(use.n_columns)(x, p, factor, _gather(lam_g, own))))
    if not rows:
        return ca.MX(n_variables, n_variables)
    return _sparse_sum(np.concatenate(rows), np.concatenate(columns), values, (n_variables, n_variables))


def _sparse_sum(row: np.ndarray, column: np.ndarray, values: list[ca.MX], shape: tuple[int, int]) -> ca.MX:
    """Sparse matrix whose entries are sums of the values at equal (row, column), in compressed-column order."""
    key, target = np.unique(column.astype(np.int64) * shape[0] + row, return_inverse=True)
    sparsity = ca.Sparsity.triplet(*shape, (key % shape[0]).tolist(), (key // shape[0]).tolist())
    return ca.MX(sparsity, _sum_into(len(key), [target], values))
