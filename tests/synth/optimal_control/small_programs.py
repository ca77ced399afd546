"""Small programs with known answers."""

import casadi as ca
import numpy as np

from synth.optimal_control.program.assembly import BlockUse, SharedRows, assemble
from synth.optimal_control.program.block import make_block


def one_block(name, function, n, bounds=None, n_parameters=0):
    block = make_block(name, function, np.ones(n), n_parameters, bounds)
    return assemble([BlockUse(block, np.arange(n)[:, None], np.arange(n_parameters)[:, None])], n, n_parameters)


def hock_schittkowski_71():
    """Problem 71 of Hock and Schittkowski (1981): f = 17.0140173 at (1, 4.7429994, 3.8211503, 1.3794082)."""

    def function(x, p):
        rows = [x[0] * x[1] * x[2] * x[3], ca.sumsqr(x)]
        return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], rows

    return one_block("product and squares", function, 4, (np.array([25.0, 40.0]), np.array([np.inf, 40.0])))


def rosenbrock_rows(n):
    """n times: (p - x)² + 100 (y - x²)², x² + y² within 4; the optimum is x = p, y = p² for |p| up to 1.2."""
    valley = make_block("valley", lambda x, p: ((p[0] - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, []), np.ones(2), 1)
    circle = make_block(
        "circle", lambda x, p: (ca.SX(0), [x[0] ** 2 + x[1] ** 2]), np.ones(2), 0, (np.zeros(1), np.full(1, 4.0))
    )
    index = np.arange(2 * n).reshape(n, 2).T
    uses = [BlockUse(valley, index, np.zeros((1, n), int)), BlockUse(circle, index, np.zeros((0, n), int))]
    return assemble(uses, 2 * n, 1)


def shared_sum(n):
    """Minimise x² with x + y = 0 (shared rows of two blocks) and y = p."""
    cost = make_block("inertia", lambda x, p: (x[0] ** 2, [x[0]]), np.ones(1), 0)
    muscle = make_block("muscle", lambda x, p: (ca.SX(0), [x[0]]), np.ones(1), 0)
    data = make_block("data", lambda x, p: (ca.SX(0), [ca.log(x[0]) - p[0]]), np.ones(1), 1)
    rows = SharedRows("motion", 1, n)
    first, second, none = np.arange(n)[None, :], np.arange(n, 2 * n)[None, :], np.zeros((0, n), int)
    uses = [
        BlockUse(cost, first, none, rows.index),
        BlockUse(muscle, second, none, rows.index),
        BlockUse(data, second, np.zeros((1, n), int)),
    ]
    return assemble(uses, 2 * n, 1, rows)
