"""Metabolic rate: OpenSim's values, what heats and what works, magnitude of walking, smoothness."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from benchmarks.dynamics_figures.inverse_dynamics import rajagopal_walk
from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.muscle.path_fit import fit_muscle_paths, with_muscle_paths
from opensim_models.muscle.static_optimisation import solve_muscle_forces
from opensim_models.osim.hill_muscle_client import hill_muscle_heat
from synth.optimal_control.law import hill_muscle
from synth.optimal_control.law import metabolic_rate as law

SOLEUS = MuscleTendon("soleus", 3549.0, 0.05, 0.25, 0.43, 10.0, passive_strain=0.6, fibre_damping=0.01)
MASS, SLOW = law.muscle_mass(3549.0, 0.05, 2.5e5), 0.8
PUBLISHED = {"use_smoothing": True, "use_force_dependent_shortening_prop_constant": True}
SIMPLE = {"isometric_shortening": 0.0, "force_shortening": 0.25, "lengthening": 0.0}
PLANAR = "opensim_core/falisse2019_2d_walk/2D_gait.osim"


def at(length, velocity, activation, law_=law.BHARGAVA, muscle=SOLEUS):
    """Rates of a fibre (optimal lengths, maximum velocities)."""
    along = np.sqrt(np.asarray(length) ** 2 - np.sin(muscle.pennation) ** 2) * muscle.optimal_fibre_length
    cosine = along / (np.asarray(length) * muscle.optimal_fibre_length)
    along_velocity = velocity * muscle.optimal_fibre_length * muscle.max_contraction_velocity / cosine
    fibre = hill_muscle.fibre_state(muscle, along, along_velocity)
    return law.metabolic_rate(muscle, fibre, activation, activation, MASS, SLOW, law_)


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (PUBLISHED, {}),
        ({"use_smoothing": True}, {**SIMPLE}),
        ({**PUBLISHED, "include_negative_mechanical_work": True}, {"negative_work": True}),
        (
            {**PUBLISHED, "use_smoothing": False},
            {"velocity_width": 1e-6, "power_width": 1e-6, "length_width": 1e-6},
        ),
    ],
    ids=["published", "anderson", "negative_work", "with_cases"],
)
def test_rates_are_opensims(settings, changes):
    """Away from the corners of its maintenance heat; a muscle of 1 kg, where its widths in W are ours in W/kg."""
    rng = np.random.default_rng(1)
    n = 300
    along, velocity = rng.uniform(0.45, 1.45, n) * SOLEUS.optimal_fibre_length, rng.uniform(-0.4, 0.4, n)
    activation = rng.uniform(0.02, 1.0, n)
    fibre = hill_muscle.fibre_state(SOLEUS, along, velocity)
    ours = law.metabolic_rate(SOLEUS, fibre, activation, activation, 1.0, 0.4, replace(law.BHARGAVA, **changes))
    settings = {"include_negative_mechanical_work": False, **settings}
    told = hill_muscle_heat(
        SOLEUS, SOLEUS.tendon_slack_length + along, velocity, activation, 1.0, 0.4, settings
    )  # fmt: skip
    corner = np.min(np.abs(fibre.length[:, None] - np.array([0.5, 1.0, 1.5])), axis=1)
    rounding = changes.get("length_width", 0.02)
    away = corner > min(16.0 * rounding, 0.16)
    assert away.sum() > 30
    for name in ("activation", "maintenance", "shortening", "work", "total"):
        same = 1e-9 if changes.get("length_width") else 2e-5
        np.testing.assert_allclose(getattr(ours, name)[away], told[name][away], rtol=same, atol=same)
    assert np.abs(ours.total - told["total"]).max() < 1.0


def test_an_isometric_muscle_costs_by_its_activation_alone():
    activation = np.linspace(0.02, 1.0, 30)
    rate = at(1.0, 0.0, activation)
    assert np.all(rate.total > 0.0)
    assert np.all(np.diff(rate.total) > 0.0)
    np.testing.assert_allclose(rate.work, 0.0, atol=1e-12)
    np.testing.assert_allclose(rate.shortening, 0.0, atol=1e-9)
    full = MASS * (40.0 * SLOW + 133.0 * (1 - SLOW) + 74.0 * SLOW + 111.0 * (1 - SLOW))
    assert rate.total[-1] == pytest.approx(full, rel=1e-6)


def test_shortening_costs_more_and_lengthening_less_than_holding():
    holding = at(1.0, 0.0, 0.5).total
    assert at(1.0, -0.3, 0.5).total > 1.3 * holding
    assert at(1.0, 0.3, 0.5).total < holding
    assert np.all(np.diff(at(1.0, np.linspace(-0.35, 0.0, 20), 0.5).total) < 0.0)


def test_efficiency_of_shortening_is_that_of_muscle():
    """Work over energy of a fully active muscle has its best value at a third to a fifth of the greatest velocity."""
    velocity = np.linspace(-0.95, -0.02, 200)
    rate = at(1.0, velocity, 1.0, replace(law.BHARGAVA, velocity_width=0.001))
    efficiency = rate.work / rate.total
    assert 0.2 < efficiency.max() < 0.55
    assert -0.45 < velocity[np.argmax(efficiency)] < -0.1


def test_a_muscle_never_costs_less_than_nothing_and_heats_at_least_a_little():
    rng = np.random.default_rng(2)
    rate = at(rng.uniform(0.6, 1.5, 2000), rng.uniform(-0.9, 0.9, 2000), rng.uniform(0.0, 1.0, 2000))
    heat = rate.total - rate.work
    assert heat.min() > MASS * (law.BHARGAVA.least_heat - 0.02)
    assert np.min(rate.activation + rate.maintenance + rate.shortening + rate.work) > -0.02 * MASS
    assert at(1.0, 0.0, 0.0).total == pytest.approx(MASS * law.BHARGAVA.least_heat, rel=1e-6)


def test_slow_fibres_are_cheaper_but_at_low_excitation():
    fibre = hill_muscle.fibre_state(SOLEUS, 0.045, 0.0)
    cost = {
        (e, share): law.metabolic_rate(SOLEUS, fibre, e, e, MASS, share).total for e in (0.1, 1.0) for share in (0, 1)
    }
    assert cost[1.0, 1] < cost[1.0, 0]
    assert cost[0.1, 1] > cost[0.1, 0]  # slow fibres are recruited first


def test_rate_is_proportional_to_the_size_of_the_muscle():
    double = replace(SOLEUS, max_isometric_force=2 * SOLEUS.max_isometric_force)
    fibre = hill_muscle.fibre_state(SOLEUS, 0.045, -0.05)
    one = law.metabolic_rate(SOLEUS, fibre, 0.4, 0.4, MASS, SLOW)
    two = law.metabolic_rate(double, fibre, 0.4, 0.4, 2 * MASS, SLOW)
    for name in ("activation", "maintenance", "shortening", "work", "total"):
        assert getattr(two, name) == pytest.approx(2.0 * getattr(one, name), rel=1e-12)


def test_maintenance_heat_has_opensims_dependence_on_length():
    at_length = np.array([0.0, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 3.0])
    np.testing.assert_allclose(law.maintenance_length(at_length), [0.5, 0.5, 0.5, 0.75, 1.0, 0.5, 0.0, 0.0], atol=1e-4)


def test_mass_and_basal_rate():
    assert law.muscle_mass(3549.0, 0.05, 2.5e5) == pytest.approx(3549.0 / 2.5e5 * 0.05 * 1059.7)
    assert law.basal_rate(70.0) == pytest.approx(84.0)


def test_walking_costs_some_watts_per_kilogram(data_dir):
    """Not a gait, its magnitude: 18 muscles of a gait model, each active for a part of a cycle of 1.1 s.

    Published for walking at 1.2 to 1.3 m/s: 3 to 5 W per kg of body, rest included.
    """
    muscles = read_osim(data_dir / PLANAR).muscles
    t = np.linspace(0.0, 1.0, 101)
    total = 0.0
    for i, muscle in enumerate(muscles):
        phase = 2.0 * np.pi * (t + i / len(muscles))
        along = muscle.optimal_fibre_length * np.cos(muscle.pennation) * (1.0 + 0.12 * np.sin(phase))
        velocity = np.gradient(along, t * 1.1)
        activation = 0.02 + 0.35 * np.maximum(np.cos(phase + 0.3), 0.0) ** 4
        mass = law.muscle_mass(muscle.max_isometric_force, muscle.optimal_fibre_length, 2.5e5)
        fibre = hill_muscle.fibre_state(muscle, along, velocity)
        total += law.metabolic_rate(muscle, fibre, activation, activation, mass, 0.5).total[:-1].mean()
    assert 2.0 < (total + law.basal_rate(62.0)) / 62.0 < 7.0


@pytest.mark.slow
def test_a_measured_walk_costs_what_walking_costs(data_dir):
    """80 muscles by static optimisation with fibre curves: 3 to 5 W per kg of body with the model's own tension."""
    model, skeleton, kinematics, reactions = rajagopal_walk(data_dir)
    skeleton = with_muscle_paths(skeleton, fit_muscle_paths(model))
    kinetics = solve_inverse_dynamics(skeleton, kinematics, tuple(reactions), None)
    shared = solve_muscle_forces(skeleton, kinematics, kinetics, least_activation=0.01, fibres=True)
    velocity = np.gradient(shared.lengths, 1.0 / shared.rate, axis=0)
    muscles = {muscle.name: muscle for muscle in skeleton.muscles}
    total = 0.0
    for i, name in enumerate(shared.muscles):
        muscle, activation = muscles[name], shared.activations[:, i]
        fibre = hill_muscle.rigid_tendon_fibre(muscle, shared.lengths[:, i], velocity[:, i])
        mass = law.muscle_mass(muscle.max_isometric_force, muscle.optimal_fibre_length, 6e5)
        total += law.metabolic_rate(muscle, fibre, activation, activation, mass, 0.5).total.mean()
    body = sum(segment.mass for segment in skeleton.segments)
    assert 3.0 < (total + law.basal_rate(body)) / body < 5.0


def test_derivatives_are_finite_wherever_an_optimiser_strays():
    s = ca.SX.sym("s", 6)
    length, velocity, activation, excitation, mass, slow = (s[i] for i in range(6))
    fibre = hill_muscle.rigid_tendon_fibre(SOLEUS, length, velocity)
    total = law.metabolic_rate(SOLEUS, fibre, activation, excitation, mass, slow).total
    hessian, gradient = ca.hessian(total, s)
    evaluate = ca.Function("derivatives", [s], [total, gradient, hessian])
    for fibre_length in (-20.0, 0.0, 0.1495, 0.5, 1.0, 1.5, 5.0):
        for speed in (-50.0, -0.05, 0.0, 0.05, 50.0):
            for act in (-0.5, 0.0, 0.5, 1.5):
                found = evaluate([0.25 + 0.05 * fibre_length, speed, act, act, MASS, SLOW])
                assert all(np.isfinite(np.array(x)).all() for x in found)
    plain = hill_muscle.rigid_tendon_fibre(SOLEUS, 0.29, -0.1)
    expected = law.metabolic_rate(SOLEUS, plain, 0.4, 0.5, MASS, SLOW).total
    assert float(evaluate([0.29, -0.1, 0.4, 0.5, MASS, SLOW])[0]) == pytest.approx(expected, abs=1e-12)
