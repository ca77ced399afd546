"""Block: a cost and rows over a few variables, differentiated once, and the program that many uses of blocks make.

A `Block` is a function of a few variables and parameters with a cost and some rows (equations that must be 0, or stay
within bounds). It is differentiated once, symbolically, as scalar expressions; a `BlockUse` says on which entries of
the whole problem it acts, once per column. `assemble` scatters gradients, Jacobians and Lagrangian Hessians of all uses
by constant sparsity patterns, so that IPOPT never has to colour or differentiate the whole problem, and no compiler
is needed. Everything of a subject or a trial is a parameter: a problem is built once and solved any number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import casadi as ca
import numpy as np

BlockFunction = Callable[[ca.SX, ca.SX], tuple[ca.SX, list[ca.SX]]]


@dataclass(frozen=True, eq=False)
class Block:
    """A cost and rows over a few variables, differentiated once.

    Attributes
    ----------
    name : str
    n_variables, n_parameters, n_rows : int
    value : casadi.Function
        (variables, parameters) → (cost, rows).
    gradient, jacobian, hessian : casadi.Function
        Gradient of the cost; non-zeros of the Jacobian; non-zeros of the upper triangle of the Lagrangian's Hessian.
    jacobian_pattern, hessian_pattern : tuple of ndarray
        (row, column) of each non-zero.
    lower, upper : ndarray, shape (n_rows,)
        Bounds of the rows; 0 for equations.
    """

    name: str
    n_variables: int
    n_parameters: int
    n_rows: int
    value: ca.Function
    gradient: ca.Function
    jacobian: ca.Function
    hessian: ca.Function
    jacobian_pattern: tuple[np.ndarray, np.ndarray]
    hessian_pattern: tuple[np.ndarray, np.ndarray]
    lower: np.ndarray
    upper: np.ndarray


def make_block(
    name: str,
    function: BlockFunction,
    scale: np.ndarray,
    n_parameters: int,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
) -> Block:
    """Differentiate a block function.

    Parameters
    ----------
    name : str
        Word for messages, e.g. ``"equations of motion"``.
    function : callable
        (variables, parameters) → (cost, list of rows), in physical units.
    scale : ndarray, shape (n_variables,)
        Physical value of one unit of each solver variable.
    n_parameters : int
    bounds : tuple of ndarray, optional
        Lower and upper bounds of the rows; equations (0) if absent.

    Returns
    -------
    Block
    """
    x = ca.SX.sym("x", len(scale))
    p = ca.SX.sym("p", n_parameters)
    cost, rows = function(x * ca.DM(np.asarray(scale, float)), p)
    rows = ca.densify(ca.vertcat(*rows)) if rows else ca.SX(0, 1)
    cost = ca.densify(ca.SX(cost))
    lam_f = ca.SX.sym("lam_f")
    lam_g = ca.SX.sym("lam_g", rows.shape[0])
    jacobian = ca.jacobian(rows, x)
    lagrangian = lam_f * cost + (ca.dot(lam_g, rows) if rows.shape[0] else 0)
    hessian = ca.triu(ca.hessian(lagrangian, x)[0])
    zero = np.zeros(rows.shape[0])
    lower, upper = bounds if bounds is not None else (zero, zero)
    return Block(
        name=name,
        n_variables=len(scale),
        n_parameters=n_parameters,
        n_rows=rows.shape[0],
        value=ca.Function("value", [x, p], [cost, rows]),
        gradient=ca.Function("gradient_of_cost", [x, p], [ca.densify(ca.gradient(cost, x))]),
        jacobian=ca.Function("jacobian_of_rows", [x, p], [_dense_nonzeros(jacobian)]),
        hessian=ca.Function("hessian_of_lagrangian", [x, p, lam_f, lam_g], [_dense_nonzeros(hessian)]),
        jacobian_pattern=_pattern(jacobian),
        hessian_pattern=_pattern(hessian),
        lower=np.asarray(lower, float),
        upper=np.asarray(upper, float),
    )


def _dense_nonzeros(matrix: ca.SX) -> ca.SX:
    return ca.vertcat(*matrix.nonzeros()) if matrix.nnz() else ca.SX(0, 1)


def _pattern(matrix: ca.SX) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = matrix.sparsity().get_triplet()
    return np.asarray(rows, int), np.asarray(columns, int)


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
    """

    block: Block
    variables: np.ndarray
    parameters: np.ndarray

    @property
    def n_columns(self) -> int:
        """Number of evaluations."""
        return self.variables.shape[1]


@dataclass(frozen=True, eq=False)
class Program:
    """A nonlinear program, ready to be solved for any parameters.

    Attributes
    ----------
    n_variables, n_parameters : int
    uses : tuple of BlockUse
        Rows are ordered use by use, column by column.
    problem : dict
        The ``x``, ``p``, ``f``, ``g`` expressions.
    functions : dict
        ``f_g`` and the hand-built ``grad_f``, ``jac_g`` and ``hess_lag``.
    lower_rows, upper_rows : ndarray
    """

    n_variables: int
    n_parameters: int
    uses: tuple[BlockUse, ...]
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
        for use in self.uses:
            size = use.block.n_rows * use.n_columns
            if index < size:
                column, row = divmod(index, use.block.n_rows)
                return use.block.name, row, column
            index -= size
        raise IndexError(index)


def assemble(uses: Sequence[BlockUse], n_variables: int, n_parameters: int) -> Program:
    """Build a program from the uses of its blocks.

    Returns
    -------
    Program
    """
    x = ca.MX.sym("x", n_variables)
    p = ca.MX.sym("p", n_parameters)
    cost, rows, lower, upper = _assemble_values(uses, x, p)
    n_rows = rows.shape[0]
    lam_f = ca.MX.sym("lam_f")
    lam_g = ca.MX.sym("lam_g", n_rows)
    functions = {
        "f_g": ca.Function("f_g", [x, p], [cost, rows]),
        "grad_f": ca.Function("nlp_grad_f", [x, p], [cost, _assemble_gradient(uses, x, p)]),
        "jac_g": ca.Function("nlp_jac_g", [x, p], [rows, _assemble_jacobian(uses, x, p, n_rows)]),
        "hess_lag": ca.Function("nlp_hess_l", [x, p, lam_f, lam_g], [_assemble_hessian(uses, x, p, lam_f, lam_g)]),
    }
    problem = {"x": x, "p": p, "f": cost, "g": rows}
    return Program(n_variables, n_parameters, tuple(uses), problem, functions, lower, upper)


def _gather(vector: ca.MX, index: np.ndarray) -> ca.MX:
    return ca.reshape(vector[index.ravel(order="F").tolist()], *index.shape)


def _arguments(use: BlockUse, x: ca.MX, p: ca.MX) -> tuple[ca.MX, ca.MX]:
    return _gather(x, use.variables), _gather(p, use.parameters)


def _assemble_values(uses: Sequence[BlockUse], x: ca.MX, p: ca.MX) -> tuple[ca.MX, ca.MX, np.ndarray, np.ndarray]:
    cost, rows, lower, upper = ca.MX(0), [], [], []
    for use in uses:
        value, row = use.block.value.map(use.n_columns)(*_arguments(use, x, p))
        cost = cost + ca.sum2(value)
        if use.block.n_rows:
            rows.append(ca.vec(row))
            lower.append(np.tile(use.block.lower, use.n_columns))
            upper.append(np.tile(use.block.upper, use.n_columns))
    return cost, ca.vertcat(*rows), np.concatenate(lower), np.concatenate(upper)


def _sum_into(pattern_size: int, targets: list[np.ndarray], values: list[ca.MX]) -> ca.MX:
    """Sum values that fall on the same target entry, by one constant sparse matrix."""
    target = np.concatenate(targets)
    matrix = ca.DM.triplet(
        target.tolist(), list(range(len(target))), ca.DM.ones(len(target)), pattern_size, len(target)
    )
    return ca.densify(ca.mtimes(matrix, ca.vertcat(*values)))


def _assemble_gradient(uses: Sequence[BlockUse], x: ca.MX, p: ca.MX) -> ca.MX:
    targets, values = [], []
    for use in uses:
        targets.append(use.variables.ravel(order="F"))
        values.append(ca.vec(use.block.gradient.map(use.n_columns)(*_arguments(use, x, p))))
    return _sum_into(x.shape[0], targets, values)


def _assemble_jacobian(uses: Sequence[BlockUse], x: ca.MX, p: ca.MX, n_rows: int) -> ca.MX:
    rows, columns, values = [], [], []
    first = 0
    for use in uses:
        block = use.block
        if not block.n_rows:
            continue
        local_row, local_column = block.jacobian_pattern
        offsets = first + block.n_rows * np.arange(use.n_columns)
        rows.append((local_row[:, None] + offsets[None, :]).ravel(order="F"))
        columns.append(use.variables[local_column].ravel(order="F"))
        values.append(ca.vec(block.jacobian.map(use.n_columns)(*_arguments(use, x, p))))
        first += block.n_rows * use.n_columns
    row, column = np.concatenate(rows), np.concatenate(columns)
    # a variable that enters one column twice has two entries at the same place: they are summed as in the Hessian
    return _sparse_sum(row, column, values, (n_rows, x.shape[0]))


def _assemble_hessian(uses: Sequence[BlockUse], x: ca.MX, p: ca.MX, lam_f: ca.MX, lam_g: ca.MX) -> ca.MX:
    rows, columns, values = [], [], []
    first = 0
    for use in uses:
        block = use.block
        n_multipliers = block.n_rows * use.n_columns
        multipliers = ca.reshape(lam_g[first : first + n_multipliers], block.n_rows, use.n_columns)
        first += n_multipliers
        local_row, local_column = block.hessian_pattern
        if not len(local_row):
            continue
        one, other = use.variables[local_row], use.variables[local_column]
        rows.append(np.minimum(one, other).ravel(order="F"))
        columns.append(np.maximum(one, other).ravel(order="F"))
        factor = ca.repmat(lam_f, 1, use.n_columns)
        values.append(ca.vec(block.hessian.map(use.n_columns)(*_arguments(use, x, p), factor, multipliers)))
    if not rows:
        return ca.MX(x.shape[0], x.shape[0])
    return _sparse_sum(np.concatenate(rows), np.concatenate(columns), values, (x.shape[0], x.shape[0]))


def _sparse_sum(row: np.ndarray, column: np.ndarray, values: list[ca.MX], shape: tuple[int, int]) -> ca.MX:
    """Sparse matrix whose entries are sums of the values at equal (row, column), in compressed-column order."""
    key, target = np.unique(column.astype(np.int64) * shape[0] + row, return_inverse=True)
    sparsity = ca.Sparsity.triplet(*shape, (key % shape[0]).tolist(), (key // shape[0]).tolist())
    return ca.MX(sparsity, _sum_into(len(key), [target], values))
