"""The gait2dc muscle: published forms, equilibrium, rigid limit, work, smoothness."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from synth.optimal_control.law import gait2dc_muscle as law

BY_NAME = {m.name: m for m in law.GAIT2DC_MUSCLES}
SOLEUS = BY_NAME["soleus"]
EVERY = pytest.mark.parametrize("muscle", law.GAIT2DC_MUSCLES, ids=lambda m: m.name)


def published(muscle, length, activation, fibre_length, v):
    """The residual as published, with its cases: series element less contractile and parallel element."""
    c3 = 12.0 * 0.25 * 0.5 / 1.25
    hill = np.where(v < 0.0, (12.0 + v) / (12.0 - v / 0.25), (1.5 * v + c3) / (v + c3))
    gaussian = np.exp(-(((fibre_length - 1.0) / muscle.width) ** 2))
    over = fibre_length - muscle.passive_slack
    parallel = 0.01 * muscle.optimal_fibre_length * over + np.maximum(over, 0.0) ** 2
    x = length - fibre_length * muscle.optimal_fibre_length - muscle.tendon_slack_length
    series = 0.01 * x + (np.maximum(x, 0.0) / (0.05 * muscle.tendon_slack_length)) ** 2
    return series - activation * gaussian * hill - 0.001 * v - parallel


@EVERY
def test_residual_is_the_published_one(muscle):
    rng = np.random.default_rng(1)
    fibre, v, a = rng.uniform(0.4, 1.6, 500), rng.uniform(-11.0, 11.0, 500), rng.uniform(0.0, 1.0, 500)
    strain = rng.uniform(-0.01, 0.06, 500)
    length = muscle.tendon_slack_length * (1.0 + strain) + fibre * muscle.optimal_fibre_length
    ours, theirs = law.equilibrium_residual(muscle, length, a, fibre, v), published(muscle, length, a, fibre, v)
    assert np.abs(ours - theirs).max() < 1e-3  # at the joints of the smoothed cases
    away = (np.abs(v) > 2.5) & (np.abs(fibre - muscle.passive_slack) > 0.2) & (np.abs(strain) > 0.01)
    np.testing.assert_allclose(ours[away], theirs[away], rtol=1e-10, atol=1e-11)


@EVERY
def test_isometric_force_at_optimal_length_is_the_maximum(muscle):
    assert law.force_length(1.0, muscle.width) == 1.0
    assert law.force_velocity(0.0, 12.0) == pytest.approx(1.0, abs=1e-14)
    assert law.force_velocity(-12.0, 12.0) == pytest.approx(0.0, abs=1e-12)
    assert law.force_velocity(1e6, 12.0) == pytest.approx(1.5, abs=1e-3)
    length = muscle.tendon_slack_length + muscle.optimal_fibre_length
    force = law.rigid_tendon_force(muscle, length, 0.0, 1.0)
    assert force == pytest.approx(1.0, abs=2e-3)


@EVERY
def test_series_element_carries_the_maximum_force_at_its_strain(muscle):
    length = muscle.optimal_fibre_length + muscle.tendon_slack_length * 1.05
    stretch = 0.05 * muscle.tendon_slack_length
    assert law.tendon_force(muscle, length, 1.0) == pytest.approx(1.0 + 0.01 * stretch, abs=1e-12)


@EVERY
def test_a_stiff_series_element_is_a_rigid_one(muscle):
    """The equilibrium fibre of an ever stiffer series element pulls as the rigid law says."""
    length = muscle.tendon_slack_length + 0.95 * muscle.optimal_fibre_length
    rigid = law.rigid_tendon_force(muscle, length, 0.0, 0.6)
    stiff = replace(muscle, tendon_strain=1e-7)
    fibre = brentq(lambda x: law.equilibrium_residual(stiff, length, 0.6, x, 0.0), 0.5, 1.0, xtol=1e-15)
    assert law.tendon_force(stiff, length, fibre) == pytest.approx(rigid, abs=1e-5)


@pytest.mark.parametrize("activation", [0.05, 0.5, 1.0])
def test_fibre_settles_where_both_elements_pull_alike(activation):
    length = SOLEUS.reference_length + 0.01

    def rate(_, fibre):
        return [brentq(lambda v: law.equilibrium_residual(SOLEUS, length, activation, fibre[0], v), -500.0, 500.0)]

    path = solve_ivp(rate, (0.0, 3.0), [0.9], rtol=1e-7, atol=1e-9).y[0]
    rest = brentq(lambda x: law.equilibrium_residual(SOLEUS, length, activation, x, 0.0), 0.3, 1.3)
    assert path[-1] == pytest.approx(rest, abs=1e-4)


def test_power_of_the_whole_is_that_of_fibre_and_series_element():
    """Where the residual is 0: force times velocity of muscle and tendon is the sum of the parts'."""
    rng = np.random.default_rng(2)
    fibre, v = rng.uniform(0.7, 1.3, 100), rng.uniform(-5.0, 5.0, 100)
    length = SOLEUS.tendon_slack_length * (1.0 + rng.uniform(0.01, 0.05, 100)) + fibre * SOLEUS.optimal_fibre_length
    velocity = rng.uniform(-0.5, 0.5, 100)
    state = law.fibre_state(SOLEUS, fibre, v)
    force = law.tendon_force(SOLEUS, length, fibre)
    activation = (force - state.passive - state.damping) / state.active(1.0)
    np.testing.assert_allclose(law.equilibrium_residual(SOLEUS, length, activation, fibre, v), 0.0, atol=1e-12)
    series = force * (velocity - v * SOLEUS.optimal_fibre_length)
    np.testing.assert_allclose(
        force * velocity, state.along_tendon(activation) * v * SOLEUS.optimal_fibre_length + series, atol=1e-12
    )


def test_derivatives_are_finite_wherever_an_optimiser_strays():
    p = ca.SX.sym("p", 6)
    fields = (
        "optimal_fibre_length",
        "width",
        "passive_slack",
        "tendon_slack_length",
        "max_contraction_velocity",
        "tendon_strain",
    )
    muscle = replace(SOLEUS, **{name: p[i] for i, name in enumerate(fields)})
    s = ca.SX.sym("s", 4)
    x = ca.vertcat(s, p)
    whole = law.equilibrium_residual(muscle, *[s[i] for i in range(4)])
    whole = whole + law.rigid_tendon_force(muscle, s[0], s[3], s[1])
    hessian, gradient = ca.hessian(whole, x)
    evaluate = ca.Function("derivatives", [x], [whole, gradient, hessian])
    numbers = [getattr(SOLEUS, name) for name in fields]
    for length in (-1.0, 0.0, 0.25, 0.3, 2.0):
        for fibre in (-1.0, 0.0, 1.0, 1.2, 3.0, 10.0):
            for v in (-500.0, -12.0, 0.0, 3.0, 500.0):
                found = evaluate([length, 0.5, fibre, v, *numbers])
                assert all(np.isfinite(np.array(value)).all() for value in found)
    expected = law.equilibrium_residual(SOLEUS, 0.3, 0.5, 1.0, -2.0) + law.rigid_tendon_force(SOLEUS, 0.3, -2.0, 0.5)
    assert float(evaluate([0.3, 0.5, 1.0, -2.0, *numbers])[0]) == pytest.approx(expected, abs=1e-12)
