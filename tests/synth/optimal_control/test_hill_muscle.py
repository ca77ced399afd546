"""Hill muscle: OpenSim's values with a rigid and a compliant tendon, work, statics, limits, derivatives everywhere."""

import math
from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.muscle import curve
from opensim_models.osim.hill_muscle_client import hill_muscle_states
from synth.optimal_control.law import hill_muscle as law
from synth.optimal_control.law.smooth_bound import smooth_ceiling, smooth_floor, tame_exp

PLANAR = "opensim_core/falisse2019_2d_walk/2D_gait.osim"
SOLEUS = MuscleTendon(
    "soleus",
    3549.0,
    0.05,
    0.25,
    pennation=0.43,
    max_contraction_velocity=10.0,
    tendon_strain=0.06,
    passive_strain=0.55,
    fibre_damping=0.01,
)
FASCICLE = replace(SOLEUS, name="sartorius", optimal_fibre_length=0.45, tendon_slack_length=0.12, pennation=0.0)
MUSCLES = pytest.mark.parametrize("muscle", [SOLEUS, FASCICLE], ids=lambda m: m.name)


def random_fibres(muscle, n, seed):
    """Length (m) and velocity (m/s) along the tendon, activation; what a moving body shows and somewhat more."""
    rng = np.random.default_rng(seed)
    along = muscle.optimal_fibre_length * rng.uniform(0.4, 1.6, n)
    speed = muscle.optimal_fibre_length * muscle.max_contraction_velocity
    return along, speed * rng.uniform(-0.9, 0.9, n), rng.uniform(0.01, 1.0, n)


def assert_same(ours, theirs):
    """To 1e-10 of the value, where it is no difference of larger ones to 1e-10 of the maximum isometric force."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11)


def assert_rigid_is_opensims(muscle, n, seed):
    along, velocity, activation = random_fibres(muscle, n, seed)
    length = muscle.tendon_slack_length + along
    told = hill_muscle_states(muscle, length, velocity, activation)
    fibre = law.rigid_tendon_fibre(muscle, length, velocity)
    assert_same(law.rigid_tendon_force(muscle, length, velocity, activation), told["tendon_force"])
    assert_same(fibre.length, told["fibre_length"])
    assert_same(fibre.velocity, told["fibre_velocity"])
    assert_same(fibre.active(activation), told["active_force"])
    assert_same(fibre.passive + fibre.damping, told["passive_force"])
    return told


def assert_compliant_is_opensims(muscle, n, seed):
    along, velocity, activation = random_fibres(muscle, n, seed)
    rng = np.random.default_rng(seed)
    force, rate = rng.uniform(0.0, 1.5, n), rng.uniform(-20.0, 20.0, n)
    length = along + law.tendon_length(muscle, force)
    told = hill_muscle_states(muscle, length, velocity, activation, force, rate)
    fibre = law.compliant_tendon_fibre(muscle, length, velocity, force, rate)
    assert_same(law.tendon_length(muscle, force), told["tendon_length"])
    assert_same(fibre.length, told["fibre_length"])
    assert_same(fibre.velocity, told["fibre_velocity"])
    assert_same(fibre.along_tendon(activation), told["fibre_force_along_tendon"])
    assert_same(force, told["tendon_force"])
    # OpenSim's sign: tendon less fibre, as here
    residual = law.equilibrium_residual(muscle, length, velocity, activation, force, rate)
    assert_same(residual, told["equilibrium_residual"])
    assert np.abs(residual).max() > 0.5


@MUSCLES
def test_rigid_tendon_is_opensims(muscle):
    told = assert_rigid_is_opensims(muscle, 400, 1)
    assert told["tendon_force"].max() > 1.0


@MUSCLES
def test_compliant_tendon_is_opensims(muscle):
    assert_compliant_is_opensims(muscle, 400, 2)


def test_every_muscle_of_a_gait_model_is_opensims(data_dir):
    muscles = [m for m in read_osim(data_dir / PLANAR).muscles if m.name.endswith("_r")]
    assert len(muscles) == 9
    for seed, muscle in enumerate(muscles):
        assert_rigid_is_opensims(muscle, 40, seed)
        assert_compliant_is_opensims(muscle, 40, seed)


def test_unknown_strains_are_those_of_opensims_class():
    bare = replace(SOLEUS, tendon_strain=None, passive_strain=None, fibre_damping=0.0)
    assert_rigid_is_opensims(bare, 50, 3)
    assert_compliant_is_opensims(bare, 50, 3)


@MUSCLES
def test_isometric_force_at_optimal_length_is_the_cosine_of_the_pennation(muscle):
    along = muscle.optimal_fibre_length * math.cos(muscle.pennation)
    fibre = law.fibre_state(muscle, along, 0.0)
    assert fibre.length == pytest.approx(1.0, abs=1e-14)
    assert fibre.cosine == pytest.approx(math.cos(muscle.pennation), abs=1e-14)
    force = law.rigid_tendon_force(muscle, muscle.tendon_slack_length + along, 0.0, 1.0)
    elastic = curve.passive_force(1.0, muscle.passive_strain) * fibre.cosine
    assert force - elastic == pytest.approx(math.cos(muscle.pennation), rel=1e-9)


@MUSCLES
def test_fibre_keeps_its_width(muscle):
    along, velocity, _ = random_fibres(muscle, 50, 4)
    fibre = law.fibre_state(muscle, along, velocity)
    width = fibre.length * np.sqrt(1.0 - fibre.cosine**2)
    np.testing.assert_allclose(width, math.sin(muscle.pennation), atol=1e-7)


@MUSCLES
def test_power_of_the_whole_is_that_of_fibre_and_tendon(muscle):
    """Where the equilibrium holds, no work gets lost between fibre and tendon."""
    rng = np.random.default_rng(5)
    along, velocity, _ = random_fibres(muscle, 200, 5)
    force, rate = rng.uniform(0.05, 1.2, 200), rng.uniform(-5.0, 5.0, 200)
    length = along + law.tendon_length(muscle, force)
    fibre = law.compliant_tendon_fibre(muscle, length, velocity, force, rate)
    activation = (force / fibre.cosine - fibre.passive - fibre.damping) / fibre.active(1.0)
    used = np.abs(fibre.active(1.0)) > 1e-3
    residual = law.equilibrium_residual(muscle, length, velocity, activation, force, rate)
    np.testing.assert_allclose(residual[used], 0.0, atol=1e-12)
    in_metres = fibre.velocity * muscle.optimal_fibre_length * muscle.max_contraction_velocity
    inside = (fibre.active(activation) + fibre.passive + fibre.damping) * in_metres
    outside = force * law.tendon_velocity(muscle, force, rate)
    np.testing.assert_allclose((force * velocity)[used], (inside + outside)[used], atol=1e-11)


@MUSCLES
def test_velocities_are_the_derivatives_of_the_lengths(muscle):
    """Along a movement of muscle and tendon force, by central differences."""

    def moved(t):
        force = 0.6 + 0.3 * np.sin(7.0 * t)
        length = law.tendon_length(muscle, force) + muscle.optimal_fibre_length * (0.95 + 0.2 * np.cos(5.0 * t))
        return force, length

    t, step = np.linspace(0.0, 1.0, 41), 1e-5
    force, length = moved(t)
    rate = (moved(t + step)[0] - moved(t - step)[0]) / (2 * step)
    velocity = (moved(t + step)[1] - moved(t - step)[1]) / (2 * step)
    fibre = law.compliant_tendon_fibre(muscle, length, velocity, force, rate)
    ahead, behind = (
        law.compliant_tendon_fibre(muscle, moved(t + s)[1], 0.0, moved(t + s)[0], 0.0).length for s in (step, -step)
    )
    by_difference = (ahead - behind) / (2 * step) / muscle.max_contraction_velocity
    np.testing.assert_allclose(fibre.velocity, by_difference, atol=1e-8)


@MUSCLES
def test_a_stiff_tendon_is_a_rigid_one(muscle):
    along, velocity, activation = random_fibres(muscle, 30, 6)
    length = muscle.tendon_slack_length + along
    rigid = law.rigid_tendon_force(muscle, length, velocity, activation)
    difference = []
    for strain in (1e-4, 1e-5, 1e-6):
        stiff = replace(muscle, tendon_strain=strain)
        kept = (rigid > 0.0) & (rigid < 3.0)
        residual = law.equilibrium_residual(
            stiff, length[kept], velocity[kept], activation[kept], rigid[kept], np.zeros(kept.sum())
        )
        difference.append(np.abs(residual).max())
    assert difference[-1] < 1e-4
    np.testing.assert_allclose(np.array(difference[:-1]) / difference[1:], 10.0, rtol=0.05)


@pytest.mark.parametrize("activation", [0.05, 0.4, 1.0])
def test_static_equilibrium_is_one_and_opensims(activation):
    """Nothing moves: one force at which fibre and tendon pull alike, less than with a rigid tendon before the top."""
    length = SOLEUS.tendon_slack_length + 0.9 * SOLEUS.optimal_fibre_length

    def residual(force):
        return law.equilibrium_residual(SOLEUS, length, 0.0, activation, force, 0.0)

    assert np.all(np.diff([residual(f) for f in np.linspace(0.0, 1.2, 200)]) > 0.0)
    force = brentq(residual, 0.0, 1.2, xtol=1e-14)
    told = hill_muscle_states(SOLEUS, *np.array([[length], [0.0], [activation], [force], [0.0]]))
    assert told["equilibrium_residual"][0] == pytest.approx(0.0, abs=1e-12)
    assert told["fibre_force_along_tendon"][0] == pytest.approx(force, rel=1e-10)
    assert 0.0 < force < law.rigid_tendon_force(SOLEUS, length, 0.0, activation)


@MUSCLES
def test_start_is_in_equilibrium_or_slack(muscle):
    length = muscle.tendon_slack_length + muscle.optimal_fibre_length * np.linspace(0.5, 1.6, 30)[:, None]
    activation = np.array([0.0, 0.3, 1.0])
    force = law.static_tendon_force(muscle, length, 0.0, activation)
    residual = law.equilibrium_residual(muscle, length, 0.0, activation, force, 0.0)
    np.testing.assert_allclose(residual[force > 1e-9], 0.0, atol=1e-9)
    assert force.shape == (30, 3)
    assert np.all(np.diff(force, axis=1) >= -1e-12)  # more activation, more force
    slack = law.static_tendon_force(muscle, 0.8 * muscle.tendon_slack_length, 0.0, 0.5)
    assert 0.0 <= slack < 0.02  # what the shortest fibre still pulls


def test_implicit_dynamics_settle_in_the_static_equilibrium():
    """The rate that the residual asks for leads from a slack tendon to the force at rest, without overshoot."""
    length = SOLEUS.tendon_slack_length + 0.9 * SOLEUS.optimal_fibre_length

    def residual(force, rate):
        return law.equilibrium_residual(SOLEUS, length, 0.0, 0.5, force, rate)

    def rate_at(_, force):
        return [brentq(lambda rate: residual(force[0], rate), -300.0, 300.0)]

    path = solve_ivp(rate_at, (0.0, 0.6), [0.01], rtol=1e-7, atol=1e-9).y[0]
    assert np.all(np.diff(path) > -1e-7)
    assert path[-1] == pytest.approx(brentq(lambda force: residual(force, 0.0), 0.0, 1.2), abs=1e-5)


def test_force_grows_with_activation_and_falls_with_the_speed_of_shortening():
    length = SOLEUS.tendon_slack_length + 0.9 * SOLEUS.optimal_fibre_length
    assert np.all(np.diff(law.rigid_tendon_force(SOLEUS, length, 0.0, np.linspace(0.0, 1.0, 20))) > 0.0)
    assert np.all(np.diff(law.rigid_tendon_force(SOLEUS, length, np.linspace(-0.5, 0.5, 40), 0.7)) > 0.0)
    fastest = -SOLEUS.max_contraction_velocity * SOLEUS.optimal_fibre_length
    undamped = replace(FASCICLE, fibre_damping=0.0, optimal_fibre_length=SOLEUS.optimal_fibre_length)
    still = undamped.tendon_slack_length + undamped.optimal_fibre_length
    assert law.fibre_state(undamped, still, fastest).force_velocity == pytest.approx(0.0, abs=1e-9)


def test_a_muscle_twice_as_long_pulls_the_same_at_twice_the_velocity():
    twice = replace(SOLEUS, optimal_fibre_length=0.1, tendon_slack_length=0.5)
    small = law.equilibrium_residual(SOLEUS, 0.30, -0.1, 0.4, 0.5, 2.0)
    assert law.equilibrium_residual(twice, 0.60, -0.2, 0.4, 0.5, 2.0) == pytest.approx(small, abs=1e-13)
    assert law.rigid_tendon_force(twice, 0.6, -0.2, 0.4) == pytest.approx(
        law.rigid_tendon_force(SOLEUS, 0.3, -0.1, 0.4), abs=1e-13
    )


def test_tendon_curve_and_its_inverse():
    force = np.linspace(-0.1, 2.0, 50)
    for strain in (None, 0.033, 0.1):
        length = curve.tendon_length(force, strain)
        np.testing.assert_allclose(curve.tendon_force(length, strain), force, atol=1e-12)
        slope = (curve.tendon_length(force + 1e-6, strain) - curve.tendon_length(force - 1e-6, strain)) / 2e-6
        np.testing.assert_allclose(curve.tendon_length_slope(force, strain), slope, rtol=1e-7)
        assert curve.tendon_force(1.0, strain) == 0.0
        assert curve.tendon_force(1.0 + (strain or 0.049), strain) == pytest.approx(1.0, abs=1e-12)


def test_passive_fibre_is_the_curve_and_a_straight_line_far_beyond():
    length = np.linspace(0.2, 1.9, 60)
    np.testing.assert_allclose(
        law.passive_fibre_force(length, 0.6), curve.passive_force(length, 0.6), rtol=1e-11, atol=1e-14
    )
    far = law.passive_fibre_force(np.array([4.0, 5.0, 6.0, 1e3]), 0.6)
    assert np.isfinite(far).all()
    assert far[2] - far[1] == pytest.approx(far[1] - far[0], rel=1e-9)
    assert far[1] > far[0] > 40.0


def test_smooth_bounds_are_exact_inside_and_hold_outside():
    x = np.linspace(-3.0, 3.0, 1001)
    bounded = smooth_floor(x, 0.2, 0.01)
    np.testing.assert_allclose(bounded[x > 0.36], x[x > 0.36], atol=1e-14)
    np.testing.assert_allclose(bounded[x < 0.0], 0.2, atol=1e-14)
    assert bounded.min() > 0.2 - 0.0015
    np.testing.assert_allclose(smooth_ceiling(x, 0.2, 0.01), -smooth_floor(-x, -0.2, 0.01))
    assert np.isfinite(smooth_floor(np.array([-1e300, 1e300]), 0.2, 0.01)).all()
    np.testing.assert_allclose(tame_exp(x, 5.0), np.exp(x), rtol=1e-12)
    assert np.all(np.diff(tame_exp(np.linspace(-5.0, 40.0, 5000))) > 0.0)


def symbolic_muscle():
    """A muscle all of whose parameters are symbols, and the symbols."""
    p = ca.SX.sym("p", 7)
    names = (
        "optimal_fibre_length",
        "tendon_slack_length",
        "pennation",
        "max_contraction_velocity",
        "tendon_strain",
        "passive_strain",
        "fibre_damping",
    )
    return replace(SOLEUS, **{name: p[i] for i, name in enumerate(names)}), p, names


def derivatives(expression, variables):
    """Function of value, gradient and Hessian."""
    hessian, gradient = ca.hessian(expression, variables)
    return ca.Function("derivatives", [variables], [expression, gradient, hessian])


def test_symbols_give_the_numbers():
    muscle, p, names = symbolic_muscle()
    s = ca.SX.sym("s", 5)
    both = ca.vertcat(
        law.rigid_tendon_force(muscle, s[0], s[1], s[2]),
        law.equilibrium_residual(muscle, s[0], s[1], s[2], s[3], s[4]),
    )
    value = ca.Function("value", [s, p], [both])([0.29, -0.1, 0.4, 0.5, 2.0], [getattr(SOLEUS, n) for n in names])
    assert float(value[0]) == pytest.approx(law.rigid_tendon_force(SOLEUS, 0.29, -0.1, 0.4), abs=1e-14)
    expected = law.equilibrium_residual(SOLEUS, 0.29, -0.1, 0.4, 0.5, 2.0)
    assert float(value[1]) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("pennation", [0.0, 0.43, 1.4])
def test_derivatives_are_finite_wherever_an_optimiser_strays(pennation):
    muscle, p, names = symbolic_muscle()
    s = ca.SX.sym("s", 5)
    rigid = law.rigid_tendon_force(muscle, s[0], s[1], s[2])
    compliant = law.equilibrium_residual(muscle, s[0], s[1], s[2], s[3], s[4])
    evaluate = derivatives(rigid + compliant, ca.vertcat(s, p))
    numbers = [getattr(replace(SOLEUS, pennation=pennation), name) for name in names]
    fibres = np.array([-20.0, -1.0, 0.0, 0.1495, 0.2, 0.3, 1.0, 3.0, 40.0]) * SOLEUS.optimal_fibre_length
    for length in SOLEUS.tendon_slack_length + fibres:
        for velocity in (-50.0, -0.5, 0.0, 5.0, 50.0):
            for force in (-0.3, 0.0, 5.0):
                for rate in (-500.0, 0.0, 500.0):
                    found = evaluate([length, velocity, 0.5, force, rate, *numbers])
                    assert all(np.isfinite(np.array(x)).all() for x in found), (length, velocity, force, rate)


def test_gradient_is_that_of_differences():
    s = ca.SX.sym("s", 5)
    evaluate = derivatives(law.equilibrium_residual(SOLEUS, *[s[i] for i in range(5)]), s)
    rng = np.random.default_rng(7)
    for _ in range(20):
        force = rng.uniform(0.05, 1.0)
        length = float(law.tendon_length(SOLEUS, force)) + SOLEUS.optimal_fibre_length * rng.uniform(0.5, 1.4)
        x = np.array([length, rng.uniform(-0.2, 0.2), rng.uniform(0.0, 1.0), force, rng.uniform(-3.0, 3.0)])
        steps = np.diag([1e-6, 1e-5, 1e-5, 1e-6, 1e-5])
        by_difference = [
            (law.equilibrium_residual(SOLEUS, *(x + d)) - law.equilibrium_residual(SOLEUS, *(x - d))) / (2 * d.max())
            for d in steps
        ]
        np.testing.assert_allclose(np.array(evaluate(x)[1]).ravel(), by_difference, rtol=1e-5, atol=1e-6)
