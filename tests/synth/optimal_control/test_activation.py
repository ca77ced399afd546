"""Activation dynamics: time constants, OpenSim's form, rows that stand for an excitation, smoothness."""

import casadi as ca
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.osim.hill_muscle_client import hill_activation_rates
from synth.optimal_control.law import activation as law

UP, DOWN = 0.015, 0.060


def course(rate, start, until):
    """Activation after a time (s), from a start value."""
    return solve_ivp(lambda _, a: rate(a), (0.0, until), [start], rtol=1e-9, atol=1e-11, max_step=until / 50).y[0]


@pytest.mark.parametrize("time", [0.01, 0.035])
@pytest.mark.parametrize(("start", "excitation"), [(0.0, 1.0), (1.0, 0.0), (0.2, 0.7)])
def test_linear_law_has_done_63_percent_of_a_step_after_its_time_constant(time, start, excitation):
    reached = course(lambda a: law.linear_rate(excitation, a, time), start, time)[-1]
    assert (reached - start) / (excitation - start) == pytest.approx(1.0 - np.exp(-1.0), abs=1e-7)


@pytest.mark.parametrize(("up", "down", "steepness"), [(UP, DOWN, 0.1), (0.01, 0.04, 10.0)])
def test_smooth_law_is_opensims(up, down, steepness):
    rng = np.random.default_rng(1)
    e, a = rng.uniform(0.0, 1.0, 200), rng.uniform(0.0, 1.0, 200)
    muscle = MuscleTendon("any", 1000.0, 0.1, 0.2, activation_time=up, deactivation_time=down)
    told = hill_activation_rates(muscle, e, a, steepness)
    np.testing.assert_allclose(law.smooth_rate(e, a, up, down, steepness), told, rtol=1e-10, atol=1e-10)
    assert np.ptp(told) > 10.0


def test_steep_smooth_law_has_the_nominal_time_constants_and_the_flat_one_has_not():
    """Near equilibrium at a, the time constants are T_up (0.5 + 1.5 a) and T_down / (0.5 + 1.5 a)."""
    a = 1.0 / 3.0  # where the factor is 1
    for e, time in ((1.0, UP), (0.0, DOWN)):
        assert (e - a) / law.smooth_rate(e, a, UP, DOWN, 50.0) == pytest.approx(time, rel=1e-6)
        mean = 2.0 / (1.0 / UP + 1.0 / DOWN)
        assert (e - a) / law.smooth_rate(e, a, UP, DOWN, 0.1) == pytest.approx(mean, rel=0.07)


@pytest.mark.parametrize(
    "rate",
    [
        lambda e, a: law.linear_rate(e, a, 0.03),
        lambda e, a: law.smooth_rate(e, a, UP, DOWN),
        lambda e, a: law.gait2dc_rate(e, a),
    ],
)
def test_activation_follows_the_excitation_without_leaving_its_range(rate):
    for start, e in ((0.02, 0.9), (0.9, 0.05), (0.5, 0.5)):
        path = course(lambda a, e=e: rate(e, a), start, 0.6)
        assert path[-1] == pytest.approx(e, abs=1e-3)
        assert path.min() >= min(start, e) - 1e-9
        assert path.max() <= max(start, e) + 1e-9


def test_gait2dc_law_is_fast_at_full_excitation_and_slow_at_none():
    assert law.gait2dc_rate(1.0, 0.4, 0.01, 0.03) == pytest.approx(0.6 / 0.01)
    assert law.gait2dc_rate(0.0, 0.4, 0.01, 0.03) == pytest.approx(-0.4 / 0.03)


def test_rows_admit_just_the_rates_that_an_excitation_can_bring():
    """With full excitation the upper row is 0, with none the lower; between them both are positive."""
    rng = np.random.default_rng(2)
    a = rng.uniform(0.01, 0.99, 100)
    fall, rise = law.rate_margins(law.linear_rate(0.0, a, DOWN), a, UP, DOWN)
    np.testing.assert_allclose(fall, 0.0, atol=1e-14)
    assert np.all(rise > 0.0)
    fall, rise = law.rate_margins(law.linear_rate(1.0, a, UP), a, UP, DOWN)
    np.testing.assert_allclose(rise, 0.0, atol=1e-14)
    assert np.all(fall > 0.0)
    e = rng.uniform(0.0, 1.0, 100)
    rate = np.where(e > a, law.linear_rate(e, a, UP), law.linear_rate(e, a, DOWN))
    assert np.all(np.array(law.rate_margins(rate, a, UP, DOWN)) >= -1e-14)
    assert law.rate_margins(1.1 * law.linear_rate(1.0, 0.3, UP), 0.3, UP, DOWN)[1] < 0.0


def test_derivatives_are_finite_wherever_an_optimiser_strays():
    s = ca.SX.sym("s", 5)
    e, a, up, down, steepness = (s[i] for i in range(5))
    margins = law.rate_margins(e, a, up, down)
    whole = law.smooth_rate(e, a, up, down, steepness) + law.linear_rate(e, a, up) + margins[0] + margins[1]
    hessian, gradient = ca.hessian(whole + law.gait2dc_rate(e, a, up, down), s)
    evaluate = ca.Function("derivatives", [s], [whole, gradient, hessian])
    for activation in (-5.0, -1.0 / 3.0, 0.0, 0.5, 1.0, 6.0):
        for excitation in (-5.0, -1.0 / 3.0, activation, 1.0, 6.0):
            found = evaluate([excitation, activation, UP, DOWN, 10.0])
            assert all(np.isfinite(np.array(x)).all() for x in found)


def test_smooth_rate_draws_back_from_beyond_its_range():
    for stray in (-2.0, -1.0 / 3.0, -0.1):
        assert law.smooth_rate(0.0, stray, UP, DOWN) > 0.0
    assert law.smooth_rate(1.0, 1.4, UP, DOWN) < 0.0
