"""Passive torques: the published table, signs of either knee direction, ends of the range, energy, smoothness."""

import casadi as ca
import numpy as np
import pytest

from opensim_models.exchange.sign_convention import positive_directions
from opensim_models.model.osim_skeleton import read_osim
from synth.optimal_control.law import passive_torque as law

PLANAR = "opensim_core/falisse2019_2d_walk/2D_gait.osim"
SPATIAL = "opensim_core/rajagopal_walk"
WORDS = {name: words[0] for name, words in law._WORDS.items()}
EVERY = [law.exponential_tissue(name, word) for name, word in WORDS.items()]
EVERY += [law.gait2dc_tissue(name, WORDS[name]) for name in law.GAIT2DC_TISSUE]


@pytest.mark.parametrize("name", sorted(law.EXPONENTIAL_TISSUE))
def test_exponentials_are_the_published_ones_within_the_range_of_the_joint(name):
    tissue = law.EXPONENTIAL_TISSUE[name]
    q = np.linspace(tissue.lower - 0.05, tissue.upper + 0.05, 50)
    expected = tissue.k1 * np.exp(tissue.k2 * (q - tissue.upper)) + tissue.k3 * np.exp(tissue.k4 * (q - tissue.lower))
    expected -= 25.0 * q if name == "mtp_angle" else 0.0
    np.testing.assert_allclose(law.passive_torque(tissue, q, 0.0), expected, rtol=1e-9, atol=1e-12)


def test_values_that_the_table_gives_by_hand():
    knee = law.exponential_tissue("knee_angle_r", "extension")
    assert law.passive_torque(knee, 0.13, 0.0) == pytest.approx(-6.09, abs=1e-6)
    assert law.passive_torque(knee, -2.4, 0.0) == pytest.approx(11.03, abs=1e-6)
    toes = law.exponential_tissue("mtp_angle_l", "toes up")
    assert law.passive_torque(toes, 0.5, 2.0) == pytest.approx(-25.0 * 0.5 - 1.9 * 2.0, abs=1e-3)
    limit = law.gait2dc_tissue("knee_angle_r", "extension")
    assert law.passive_torque(limit, 0.0, 0.0) == pytest.approx(-87.0, abs=0.5)  # as published


@pytest.mark.parametrize("make", [law.exponential_tissue, law.gait2dc_tissue])
def test_a_knee_counted_the_other_way_is_the_same_knee(make):
    extension, flexion = make("knee_angle_r", "extension"), make("knee_angle_r", "flexion")
    q, speed = np.linspace(-2.6, 0.3, 40), np.linspace(-3.0, 3.0, 40)
    np.testing.assert_allclose(
        law.passive_torque(flexion, -q, -speed), -law.passive_torque(extension, q, speed), atol=1e-12
    )


def test_every_model_gets_the_sign_of_its_own_knee(data_dir):
    """A hyperextended knee is bent, a knee bent to the end is straightened, whatever the model calls positive."""
    files = [data_dir / PLANAR, next((data_dir / SPATIAL).glob("*.osim"))]
    found = set()
    for path in files:
        words = positive_directions(read_osim(path))
        tissue = law.exponential_tissue("knee_angle_r", words["knee_angle_r"])
        bent = 1.0 if words["knee_angle_r"] == "flexion" else -1.0
        assert bent * law.passive_torque(tissue, -0.3 * bent, 0.0) > 10.0
        assert bent * law.passive_torque(tissue, 2.5 * bent, 0.0) < -10.0
        for name, word in words.items():
            law.exponential_tissue(name, word)
        found.add(words["knee_angle_r"])
    assert found == {"flexion", "extension"}


def test_an_unknown_direction_is_refused_and_an_arm_has_no_tissue():
    with pytest.raises(ValueError, match=r"knee_angle_r: positive values must mean 'extension' or 'flexion'"):
        law.exponential_tissue("knee_angle_r", "oblique")
    with pytest.raises(ValueError, match="knee_angle_l"):
        law.gait2dc_tissue("knee_angle_l", "")
    assert law.exponential_tissue("arm_flex_r", "flexion") is None
    assert law.gait2dc_tissue("hip_adduction_r", "adduction") is None
    assert law.exponential_tissue("subtalar_angle_r", "oblique") is not None  # the same both ways


@pytest.mark.parametrize("tissue", EVERY)
def test_tissue_pushes_back_at_the_ends_and_little_in_between(tissue):
    width = tissue.upper - tissue.lower
    assert law.passive_torque(tissue, tissue.upper + 0.5, 0.0) * tissue.sign < -5.0
    assert law.passive_torque(tissue, tissue.lower - 0.5, 0.0) * tissue.sign > 5.0
    middle = 0.5 * (tissue.lower + tissue.upper)
    tensile = getattr(tissue, "stiffness", 0.0) * abs(middle) if isinstance(tissue, law.ExponentialTissue) else 0.0
    assert abs(law.passive_torque(tissue, middle, 0.0)) < 2.0 + tensile
    far = law.passive_torque(tissue, np.array([tissue.upper + 3 * width, 50.0, -50.0]), 0.0)
    assert np.isfinite(far).all()


@pytest.mark.parametrize("tissue", EVERY)
def test_torque_falls_with_the_angle_so_that_no_energy_is_gained(tissue):
    q = np.linspace(tissue.lower - 2.0, tissue.upper + 2.0, 4001)
    torque = law.passive_torque(tissue, q, 0.0)
    assert np.all(np.diff(torque) < 1e-9)
    moving = law.passive_torque(tissue, 0.1, np.array([-2.0, 2.0])) - law.passive_torque(tissue, 0.1, 0.0)
    np.testing.assert_allclose(moving, [2.0 * tissue.damping, -2.0 * tissue.damping])


def test_derivatives_are_finite_wherever_an_optimiser_strays():
    q, speed, p = ca.SX.sym("q"), ca.SX.sym("speed"), ca.SX.sym("p", 7)
    symbolic = law.ExponentialTissue(*[p[i] for i in range(7)])
    limits = law.LimitTissue(p[4], p[5], damping=p[6])
    x = ca.vertcat(q, speed, p)
    whole = law.passive_torque(symbolic, q, speed) + law.passive_torque(limits, q, speed)
    hessian, gradient = ca.hessian(whole, x)
    evaluate = ca.Function("derivatives", [x], [whole, gradient, hessian])
    for tissue in law.EXPONENTIAL_TISSUE.values():
        numbers = [tissue.k1, tissue.k2, tissue.k3, tissue.k4, tissue.lower, tissue.upper, tissue.damping]
        for angle in (-60.0, -3.0, tissue.lower, 0.0, tissue.upper, 3.0, 60.0):
            found = evaluate([angle, 100.0, *numbers])
            assert all(np.isfinite(np.array(value)).all() for value in found)
    knee = law.EXPONENTIAL_TISSUE["knee_angle"]
    numbers = [knee.k1, knee.k2, knee.k3, knee.k4, knee.lower, knee.upper, knee.damping]
    plain = law.passive_torque(knee, 0.1, 2.0) + law.passive_torque(law.LimitTissue(-2.4, 0.13, damping=0.1), 0.1, 2.0)
    assert float(evaluate([0.1, 2.0, *numbers])[0]) == pytest.approx(plain, abs=1e-12)
