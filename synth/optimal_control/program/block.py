"""Block: a cost and rows over a few variables, differentiated once.

A block is a function of a few variables and parameters with a cost and some rows (equations that must be 0, or stay
within bounds). It is differentiated once, symbolically, as scalar expressions; `assembly` then uses it at many places
of a problem. Everything of a subject or a trial is a parameter: a block is built once and evaluated for anyone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import casadi as ca
import numpy as np

if hasattr(ca.GlobalOptions, "setNumpyMode"):
    ca.GlobalOptions.setNumpyMode(-1)  # NumPy functions of symbols give symbols, as ever; only the notice is silenced

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
        Non-zeros of the cost's gradient, of the rows' Jacobian, and of the upper triangle of the Lagrangian's Hessian.
    gradient_pattern : ndarray
        Variable of each non-zero of the gradient; empty for a block without a cost.
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
    gradient_pattern: np.ndarray
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
    gradient = ca.jacobian(cost, x)
    hessian = ca.triu(ca.hessian(lagrangian, x)[0])
    zero = np.zeros(rows.shape[0])
    lower, upper = bounds if bounds is not None else (zero, zero)
    return Block(
        name=name,
        n_variables=len(scale),
        n_parameters=n_parameters,
        n_rows=rows.shape[0],
        value=ca.Function("value", [x, p], [cost, rows]),
        gradient=ca.Function("gradient_of_cost", [x, p], [_dense_nonzeros(gradient)]),
        jacobian=ca.Function("jacobian_of_rows", [x, p], [_dense_nonzeros(jacobian)]),
        hessian=ca.Function("hessian_of_lagrangian", [x, p, lam_f, lam_g], [_dense_nonzeros(hessian)]),
        gradient_pattern=_pattern(gradient)[1],
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
