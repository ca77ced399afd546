"""Laws of the functions that drive joints: derivatives are derivatives, pieces meet, chains follow the chain rule."""

import casadi as ca
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from opensim_models.model.scalar_function import (
    IDENTITY_FUNCTION,
    PiecewisePolynomial,
    Polynomial,
    chain_and_derivatives,
    function_from_plain,
    is_constant,
    negated,
    value_and_derivatives,
    without_identities,
)
from opensim_models.model_mismatch import ModelMismatch

KNOTS = (-1.0, -0.2, 0.3, 1.1)
AT = np.linspace(-2.0, 2.0, 41) + 0.003  # no knot among them


def natural_spline() -> PiecewisePolynomial:
    """A natural cubic spline with straight ends, as OpenSim's SimmSpline has."""
    spline = CubicSpline(KNOTS, (0.1, 0.5, -0.2, 0.3), bc_type="natural")
    inner = [tuple(spline.c[::-1, k]) for k in range(len(KNOTS) - 1)]
    ends = [(float(spline(x)), float(spline(x, 1)), 0.0, 0.0) for x in (KNOTS[0], KNOTS[-1])]
    return PiecewisePolynomial(KNOTS, (ends[0], *inner, ends[1]))


FUNCTIONS = {
    "polynomial": (Polynomial((0.3, -0.2, 0.5, 0.1)),),
    "spline": (natural_spline(),),
    "spline of a polynomial": (Polynomial((0.1, 0.7, -0.2)), natural_spline()),
    "polynomial of a spline": (natural_spline(), Polynomial((0.1, 0.7, -0.2))),
    "three": (natural_spline(), Polynomial((0.0, 2.0)), natural_spline()),
}


@pytest.mark.parametrize("functions", FUNCTIONS.values(), ids=FUNCTIONS)
def test_derivatives_are_those_of_the_value(functions):
    h = 1e-5
    value, slope, curvature = chain_and_derivatives(functions, AT)
    beyond, before = (chain_and_derivatives(functions, AT + d)[0] for d in (h, -h))
    np.testing.assert_allclose(slope, (beyond - before) / (2 * h), atol=1e-8)
    beyond, before = (chain_and_derivatives(functions, AT + d)[1] for d in (h, -h))
    np.testing.assert_allclose(curvature, (beyond - before) / (2 * h), atol=1e-7)
    assert value.shape == AT.shape


def test_a_spline_passes_its_knots_and_its_pieces_meet_smoothly():
    spline = natural_spline()
    ours = value_and_derivatives(spline, AT)
    inside = np.clip(AT, KNOTS[0], KNOTS[-1]) == AT
    scipys = CubicSpline(KNOTS, (0.1, 0.5, -0.2, 0.3), bc_type="natural")
    for order in range(3):
        np.testing.assert_allclose(ours[order][inside], scipys(AT[inside], order), atol=1e-12)
    for knot in KNOTS:
        left, right = (value_and_derivatives(spline, x) for x in (np.nextafter(knot, -np.inf), knot))
        np.testing.assert_allclose(left, right, atol=1e-12)


def test_beyond_the_ends_the_outer_pieces_go_on():
    value, slope, curvature = value_and_derivatives(natural_spline(), np.array([-5.0, 5.0]))
    assert curvature == pytest.approx(0.0)
    at_ends = value_and_derivatives(natural_spline(), np.array([KNOTS[0], KNOTS[-1]]))
    assert slope == pytest.approx(at_ends[1])
    assert value == pytest.approx(at_ends[0] + at_ends[1] * np.array([-4.0, 3.9]))


def test_one_number_and_many_agree():
    spline = natural_spline()
    together = value_and_derivatives(spline, AT)
    alone = np.array([value_and_derivatives(spline, float(x)) for x in AT]).T
    np.testing.assert_array_equal(np.array(together), alone)


def test_a_polynomial_takes_a_symbol_and_a_spline_says_what_to_do():
    x = ca.SX.sym("x")
    value = ca.Function("f", [x], [value_and_derivatives(Polynomial((1.0, 2.0, 3.0)), x)[0]])
    assert float(value(2.0)) == pytest.approx(17.0)
    with pytest.raises(ModelMismatch, match="with_polynomials"):
        value_and_derivatives(natural_spline(), x)


def test_signs_constants_and_identities():
    spline = natural_spline()
    np.testing.assert_array_equal(value_and_derivatives(negated(spline), AT)[0], -value_and_derivatives(spline, AT)[0])
    assert is_constant(Polynomial((2.0, 0.0))) and not is_constant(spline)
    assert is_constant(PiecewisePolynomial((0.0,), ((1.0, 0.0), (1.0, 0.0))))
    assert not is_constant(PiecewisePolynomial((0.0,), ((1.0,), (2.0,))))
    assert without_identities((IDENTITY_FUNCTION, spline, IDENTITY_FUNCTION)) == (spline,)
    assert without_identities((IDENTITY_FUNCTION,)) == (IDENTITY_FUNCTION,)
    plain = {"breaks": list(spline.breaks), "coefficients": [list(piece) for piece in spline.coefficients]}
    assert function_from_plain(plain) == spline


@pytest.mark.parametrize(
    ("breaks", "coefficients"),
    [((), ((1.0,),)), ((0.0, 0.0), ((1.0,),) * 3), ((0.0, 1.0), ((1.0,),) * 2), ((0.0,), ((1.0,), (1.0, 2.0)))],
)
def test_pieces_that_do_not_fit_together_are_refused(breaks, coefficients):
    with pytest.raises(ModelMismatch, match="ascending breaks"):
        PiecewisePolynomial(breaks, coefficients)
