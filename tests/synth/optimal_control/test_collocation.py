"""Laws of the transcription: convergence order, exact derivatives, periodicity."""

import casadi as ca
import numpy as np
import pytest

from synth.optimal_control.program.assembly import BlockUse, Program, SharedRows, assemble
from synth.optimal_control.program.block import make_block
from synth.optimal_control.program.collocation import SCHEMES, Mesh, defect_block

OPTIONS = {"ipopt.print_level": 0, "print_time": False, "ipopt.sb": "yes", "ipopt.tol": 1e-13}


def initial_value_program(scheme: str, n_intervals: int) -> tuple[Program, Mesh]:
    """dy/dt = -y, y(0) = 1 over one second, as defects and rows."""
    mesh = Mesh(n_intervals, scheme, "none")
    n = mesh.n_nodes
    nodes = mesh.interval_nodes()
    duration = 2 * n
    defects = np.vstack([nodes, nodes + n, np.full((1, n_intervals), duration)])

    def law(x, p):
        return ca.SX(0), [x[1] + x[0]]

    uses = [
        BlockUse(defect_block(scheme, 1.0, 1.0), defects, np.zeros((1, n_intervals), int)),
        BlockUse(
            make_block("law", law, np.ones(2), 1), np.vstack([np.arange(n), n + np.arange(n)]), np.zeros((1, n), int)
        ),
    ]
    return assemble(uses, 2 * n + 1, 1), mesh


def end_value(scheme: str, n_intervals: int) -> float:
    program, mesh = initial_value_program(scheme, n_intervals)
    solver = ca.nlpsol(
        "toy", "ipopt", program.problem, OPTIONS | {k: program.functions[k] for k in ("grad_f", "jac_g", "hess_lag")}
    )
    n = mesh.n_nodes
    lower, upper = np.full(2 * n + 1, -10.0), np.full(2 * n + 1, 10.0)
    lower[0] = upper[0] = lower[2 * n] = upper[2 * n] = 1.0
    result = solver(x0=np.ones(2 * n + 1), p=[1.0 / n_intervals], lbx=lower, ubx=upper, lbg=0.0, ubg=0.0)
    assert solver.stats()["success"]
    return float(result["x"][n - 1])


@pytest.mark.parametrize(
    ("scheme", "order", "n"),
    [("backward_euler", 1, 8), ("trapezoidal", 2, 8), ("hermite_simpson", 4, 8), ("radau", 5, 2)],
)
def test_error_falls_with_the_order_of_the_scheme(scheme, order, n):
    exact = np.exp(-1.0)
    errors = [abs(end_value(scheme, intervals) - exact) for intervals in (n, 2 * n)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("period", ["none", "cycle"])
def test_quadrature_is_exact_for_what_the_scheme_integrates(scheme, period):
    """A periodic function's mean over a cycle, a straight line's over any stretch."""
    mesh = Mesh(12, scheme, period)
    values = np.sin(2 * np.pi * mesh.phase) ** 2 if period == "cycle" else mesh.phase
    assert mesh.quadrature @ values == pytest.approx(0.5, abs=1e-4)
    assert mesh.quadrature.sum() == pytest.approx(1.0)


def test_an_interval_may_end_at_the_mirror_image():
    """With an end sign of -1 the defect of (y, -y) is that of (y, y)."""
    plain, mirrored = (defect_block("trapezoidal", 1.0, 1.0, end_sign=s) for s in (1.0, -1.0))
    given = plain.value([0.3, 0.5, 1.0, 2.0, 0.1], [1.0])[1]
    assert float(mirrored.value([0.3, -0.5, 1.0, -2.0, 0.1], [1.0])[1]) == pytest.approx(float(given), abs=1e-15)


def test_uses_add_to_the_rows_that_they_share():
    """x0 + x1 - 3 from one use, less 2 x2 from another, as one row; named as the shared rows."""
    one = make_block("one", lambda x, p: (ca.SX(0), [x[0] + x[1] - p[0]]), np.ones(2), 1)
    other = make_block("other", lambda x, _: (x[0] ** 2, [-2 * x[0]]), np.ones(1), 0)
    shared = SharedRows("sums", 1, 1)
    uses = [
        BlockUse(one, np.array([[0], [1]]), np.array([[0]]), shared.index),
        BlockUse(other, np.array([[2]]), np.zeros((0, 1), int), shared.index),
    ]
    program = assemble(uses, 3, 1, shared)
    cost, rows = program.functions["f_g"]([1.0, 2.0, 4.0], [3.0])
    assert (float(cost), np.ravel(rows).tolist()) == (16.0, [-8.0])
    jacobian = np.asarray(program.functions["jac_g"]([1.0, 2.0, 4.0], [3.0])[1])
    assert jacobian.tolist() == [[1.0, 1.0, -2.0]]
    assert program.row_of(0) == ("sums", 0, 0)
    assert program.n_rows == 1


def test_assembled_derivatives_are_exact():
    """Two uses that share variables, against CasADi's own differentiation of the whole."""

    def one(x, p):
        return p[0] * ca.sin(x[0]) * x[1] ** 2, [x[0] * x[2] - p[1], ca.exp(x[1] * x[2])]

    def other(x, p):
        return (x[0] - x[1]) ** 4, []

    uses = [
        BlockUse(
            make_block("one", one, np.array([1.0, 2.0, 0.5]), 2),
            np.array([[0, 2], [1, 3], [4, 4]]),
            np.array([[0, 1], [1, 0]]),
        ),
        BlockUse(make_block("other", other, np.ones(2), 0), np.array([[3, 0], [1, 2]]), np.zeros((0, 2), int)),
    ]
    program = assemble(uses, 5, 2)
    x, p, f, g = (program.problem[k] for k in "xpfg")
    rng = np.random.default_rng(0)
    at, given, lam = rng.normal(size=5), rng.normal(size=2), rng.normal(size=program.n_rows)
    gradient = ca.Function("g", [x, p], [ca.gradient(f, x), ca.jacobian(g, x)])(at, given)
    assert np.allclose(program.functions["grad_f"](at, given)[1], gradient[0], atol=1e-12)
    assert np.allclose(np.asarray(program.functions["jac_g"](at, given)[1]), np.asarray(gradient[1]), atol=1e-12)
    lagrangian = 0.7 * f + ca.dot(ca.DM(lam), g)
    hessian = ca.Function("h", [x, p], [ca.triu(ca.hessian(lagrangian, x)[0])])(at, given)
    ours = program.functions["hess_lag"](at, given, 0.7, lam)
    assert np.allclose(np.asarray(ours), np.asarray(hessian), atol=1e-12)


def test_a_row_is_named_by_its_block():
    program, _ = initial_value_program("trapezoidal", 4)
    assert program.row_of(0) == ("trapezoidal defect", 0, 0)
    assert program.row_of(5) == ("law", 0, 1)
    with pytest.raises(IndexError):
        program.row_of(program.n_rows)


def test_a_mesh_wraps_and_weighs():
    mesh = Mesh(4, "hermite_simpson", "cycle")
    assert mesh.interval_nodes().T.tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8]]
    assert mesh.quadrature.sum() == pytest.approx(1.0)
    assert Mesh(4, period="none").quadrature.tolist() == [0.125, 0.25, 0.25, 0.25, 0.125]
    with pytest.raises(ValueError, match="none of"):
        Mesh(4, "euler")
    with pytest.raises(ValueError, match="at least 2"):
        Mesh(1)
