"""Laws of misalignment: angles and axes are distributed as their names say."""

import numpy as np
import pytest
from scipy.stats import kstest

from synth.imu.misalignment import MISALIGNMENT_LAWS, draw_by_law, draw_cone, draw_misalignment, draw_orientation

N = 40_000


def rms_deg(rotations):
    return np.rad2deg(np.sqrt(np.mean(rotations.magnitude() ** 2)))


@pytest.mark.parametrize("axis", [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.3, -0.4, 2.0)])
@pytest.mark.parametrize(("law", "rms"), [("half_normal", 13.5), ("uniform", 13.5 / np.sqrt(3.0))])
def test_a_cone_tilts_its_axis_to_all_sides_and_does_not_spin(law, rms, axis):
    turns = draw_cone(np.random.default_rng(1), 13.5, axis, law=law, n=N)
    assert rms_deg(turns) == pytest.approx(rms, rel=0.02)
    along = np.array(axis) / np.linalg.norm(axis)
    vectors = turns.as_rotvec()
    np.testing.assert_allclose(vectors @ along, 0.0, atol=1e-12)  # no spin about the axis itself
    tilt = np.arccos(np.clip(turns.apply(along) @ along, -1, 1))
    np.testing.assert_allclose(np.sort(tilt), np.sort(turns.magnitude()), atol=1e-7)
    np.testing.assert_allclose(vectors.mean(axis=0), 0.0, atol=0.003)  # to no side more than to another
    if law == "uniform":
        assert kstest(np.rad2deg(turns.magnitude()) / 13.5, "uniform").pvalue > 0.001


def test_uniform_orientation_is_the_haar_measure():
    """The angle has the density (1 - cos a) / pi; any vector goes everywhere alike."""
    turns = draw_orientation(np.random.default_rng(2), N)
    angle = turns.magnitude()
    assert kstest((angle - np.sin(angle)) / np.pi, "uniform").pvalue > 0.001
    assert rms_deg(turns) == pytest.approx(np.rad2deg(np.sqrt(np.pi**2 / 3 + 2)), rel=0.01)
    gone = turns.apply([0.0, 0.0, 1.0])
    np.testing.assert_allclose(gone.mean(axis=0), 0.0, atol=0.015)
    np.testing.assert_allclose(gone.T @ gone / N, np.eye(3) / 3, atol=0.01)


def test_the_default_law_is_the_signed_angle_and_its_stream_is_that_of_version_one():
    here = draw_by_law("signed_angle", np.random.default_rng(3), 13.5, n=5).as_rotvec()
    np.testing.assert_array_equal(here, draw_misalignment(np.random.default_rng(3), 13.5, 5).as_rotvec())


@pytest.mark.parametrize(
    ("law", "rms"),
    [("signed_angle", 10.0), ("cone_half_normal", 10.0), ("cone_uniform", 10.0 / np.sqrt(3.0)), ("uniform", 131.78)],
)
def test_a_law_by_name_has_its_root_mean_square_angle(law, rms):
    turns = draw_by_law(law, np.random.default_rng(5), 10.0, (1.0, 0.0, 0.0), n=N)
    assert rms_deg(turns) == pytest.approx(rms, rel=0.02)
    assert law.startswith("cone") == np.allclose(turns.as_rotvec()[:, 0], 0.0)


@pytest.mark.parametrize("law", MISALIGNMENT_LAWS)
def test_one_draw_is_a_single_rotation_and_follows_from_the_seed(law):
    single, again = (draw_by_law(law, np.random.default_rng(4), 10.0) for _ in range(2))
    assert single.single
    np.testing.assert_array_equal(single.as_quat(), again.as_quat())


def test_unknown_laws_and_axes_are_refused():
    with pytest.raises(ValueError, match="law 'sphere' is unknown; expected one of signed_angle"):
        draw_by_law("sphere", np.random.default_rng(0), 10.0)
    with pytest.raises(ValueError, match="must be a direction"):
        draw_cone(np.random.default_rng(0), 10.0, (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="'half_normal' or 'uniform'"):
        draw_cone(np.random.default_rng(0), 10.0, law="normal")
