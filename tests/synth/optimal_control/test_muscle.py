"""Laws of the muscles: normalisation of the curves, smoothness, work."""

import numpy as np
import pytest

from opensim_models.muscle import curve as curve_of
from synth.optimal_control import muscle as m
from synth.optimal_control.muscle_table import BASELINE_MUSCLES, GAIT_MUSCLES, MUSCLE_SETS
from synth.optimal_control.passive_moment import passive_moments

ANGLES = [(0.0, 0.2, 0.0), (0.6, 1.0, -0.3), (-0.3, 1.8, 0.2)]
EVERY = [(s, one) for s in MUSCLE_SETS.values() for one in s.muscles]


def test_curves_are_normalised():
    assert curve_of.velocity_factor(-1.0) == pytest.approx(0.0, abs=2e-3)
    assert curve_of.velocity_factor(0.0) == pytest.approx(1.0, abs=0.02)
    assert curve_of.active_force(1.0) == pytest.approx(1.0, abs=0.02)
    assert curve_of.passive_force(0.2) == pytest.approx(0.0, abs=1e-12)
    assert curve_of.passive_force(1.6) == pytest.approx(1.0)
    assert m.gait2dc_force_velocity(0.0) == pytest.approx(1.0, abs=0.01)
    assert m.gait2dc_force_velocity(-1.0) == pytest.approx(0.0, abs=0.01)
    assert m.gait2dc_force_velocity(50.0) < 1.5


@pytest.mark.parametrize(
    "curve",
    [
        curve_of.active_force,
        curve_of.passive_force,
        curve_of.velocity_factor,
        m.gait2dc_force_velocity,
        lambda x: m.gait2dc_passive(x, 1.2, 0.1),
    ],
)
def test_curves_are_continuous_with_continuous_slope(curve):
    x = np.linspace(-0.9, 1.7, 200_001)
    with np.errstate(divide="ignore"):
        y = curve(x)
    slope = np.diff(y) / np.diff(x)
    assert np.isfinite(y).all()
    assert np.abs(np.diff(slope)).max() < 0.05 * max(1.0, np.abs(slope).max())


@pytest.mark.parametrize(("muscles", "one"), EVERY, ids=lambda x: x.name)
@pytest.mark.parametrize("angles", ANGLES)
def test_arm_is_minus_the_slope_of_the_length(muscles, one, angles):
    """Otherwise a muscle would do another work on the joints than along its tendon."""
    arms = m.moment_arms(one, angles)
    for i, joint in enumerate(m.JOINTS):
        up, down = list(angles), list(angles)
        up[i] += 1e-5
        down[i] -= 1e-5
        slope = (m.muscle_length(one, up) - m.muscle_length(one, down)) / 2e-5
        assert arms.get(joint, 0.0) == pytest.approx(-slope, abs=1e-8)


@pytest.mark.parametrize(("muscles", "one"), EVERY, ids=lambda x: x.name)
def test_force_grows_with_activation_and_falls_with_shortening(muscles, one):
    angles = (0.1, 0.4, 0.0)
    still = [m.muscle_force(muscles, one, angles, (0, 0, 0), a) for a in (0.0, 0.5, 1.0)]
    assert np.all(np.diff(still) > 0)
    arms = m.moment_arms(one, angles)
    shortening = [5.0 * np.sign(arms.get(j, 0.0)) for j in m.JOINTS]
    assert m.muscle_force(muscles, one, angles, shortening, 1.0) < still[-1]


def test_muscles_pull_the_way_their_names_say():
    angles = (0.2, 0.5, 0.0)
    arms = {one.name: m.moment_arms(one, angles) for one in GAIT_MUSCLES.muscles}
    assert arms["vasti"]["knee_angle"] < 0 < arms["hamstrings"]["knee_angle"]
    assert arms["hamstrings"]["hip_flexion"] < 0 < arms["iliopsoas"]["hip_flexion"]
    assert arms["soleus"]["ankle_angle"] < 0 < arms["tib_ant"]["ankle_angle"]


@pytest.mark.parametrize("law", ["exponential", "smooth_limit"])
def test_passive_moments_push_back_at_the_ends_of_the_range_and_nowhere_else(law):
    speeds = (0.0, 0.0, 0.0)
    far = passive_moments(law, (2.9, 2.9, 1.3), speeds)
    near = passive_moments(law, (-1.3, -0.4, -1.3), speeds)
    middle = passive_moments(law, (0.3, 0.6, 0.0), speeds)
    assert all(x < -1.0 for x in far)
    assert all(x > 1.0 for x in near)
    assert np.abs(middle).max() < 3.0
    assert np.isfinite(passive_moments(law, (9.0, -9.0, 9.0), speeds)).all()


def test_the_baseline_has_other_muscles_than_the_generator():
    assert not set(GAIT_MUSCLES.strength_of(70.0)) & set(BASELINE_MUSCLES.strength_of(70.0))
