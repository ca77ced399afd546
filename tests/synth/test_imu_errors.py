"""Laws of sensor errors: what the recipe says is what the records show, and every reader sees the same."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from synth.imu.error_recipe import ImuErrors, apply_errors, child_rng
from synth.imu.misalignment import draw_misalignment, misalign
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.white_noise import add_noise

FROZEN = [-0.20503039371274, -0.2235859736681344, 0.8074515574143216]
"""First draws of the noise of one sensor under seed 7."""


def record(sensor="shank_r", n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    scale = np.array([1.0, 5.0, 0.2])
    force = scale * rng.standard_normal((n, 3)) + [0.0, 9.8, 0.0]
    return ImuRecording(SensorPlacement(sensor, "tibia_r"), force, scale * rng.standard_normal((n, 3)), 100.0)


def test_rms_geodesic_angle_of_misalignments_is_the_requested_sd():
    angles = np.rad2deg(draw_misalignment(np.random.default_rng(1), sd_deg=13.5, n=40_000).magnitude())
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(13.5, rel=0.02)


def test_misalignment_axes_are_uniform_on_the_sphere():
    vectors = draw_misalignment(np.random.default_rng(2), n=40_000).as_rotvec()
    axes = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(axes.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(axes.T @ axes / len(axes), np.eye(3) / 3, atol=0.02)


@settings(max_examples=20, deadline=None)
@given(vector=st.tuples(*[st.floats(-3, 3)] * 3))
def test_misalignment_preserves_norms_and_can_be_undone(vector):
    clean, turn = record(n=50), Rotation.from_rotvec(vector)
    worn = misalign(clean, turn)
    for name in ("specific_force", "angular_velocity"):
        before, after = getattr(clean, name), getattr(worn, name)
        np.testing.assert_allclose(np.linalg.norm(after, axis=1), np.linalg.norm(before, axis=1), rtol=1e-12)
        np.testing.assert_allclose(getattr(misalign(worn, turn.inv()), name), before, atol=1e-12)


def test_misalignment_is_the_reading_of_the_sensor_as_it_is_mounted():
    """A sensor turned on its mounting reads what a sensor with the mounting `nominal * turn` reads."""
    nominal, turn = Rotation.from_rotvec([0.2, -0.4, 1.0]), Rotation.from_rotvec([0.1, 0.2, -0.1])
    vector = np.random.default_rng(0).standard_normal((10, 3))
    clean = ImuRecording(SensorPlacement("s", "pelvis"), nominal.inv().apply(vector), nominal.inv().apply(vector), 1.0)
    np.testing.assert_allclose(misalign(clean, turn).specific_force, (nominal * turn).inv().apply(vector), atol=1e-14)


def test_noise_sd_is_the_share_of_each_clean_channel():
    clean = record()
    noisy = add_noise(clean, share=0.15, rng=np.random.default_rng(3))
    for name in ("specific_force", "angular_velocity"):
        ratio = (getattr(noisy, name) - getattr(clean, name)).std(axis=0) / getattr(clean, name).std(axis=0)
        np.testing.assert_allclose(ratio, 0.15, atol=0.003)


def test_a_gap_stays_a_gap_and_does_not_move_the_noise_after_it():
    clean = record(n=200)
    clean.specific_force[50:60] = np.nan
    noisy = add_noise(clean, rng=np.random.default_rng(4))
    assert (np.isnan(noisy.specific_force) == np.isnan(clean.specific_force)).all()
    whole = add_noise(record(n=200), rng=np.random.default_rng(4))
    np.testing.assert_array_equal(noisy.angular_velocity, whole.angular_velocity)
    clean.specific_force[:] = np.nan
    assert np.isnan(add_noise(clean, rng=np.random.default_rng(4)).specific_force).all()


def test_records_depend_on_names_and_seed_only():
    sensors = [record(name, n=100) for name in ("pelvis", "shank_r", "foot_l")]
    recipe = ImuErrors(seed=7)
    together = apply_errors(sensors, recipe, subject="S1", trial="walk")
    alone = apply_errors(sensors[1:2], recipe, subject="S1", trial="walk")
    np.testing.assert_array_equal(together[1].specific_force, alone[0].specific_force)
    for other in (
        {"subject": "S2", "trial": "walk"},
        {"subject": "S1", "trial": "run"},
        {"subject": "S1w", "trial": "alk"},
    ):
        changed = apply_errors(sensors[1:2], recipe, **other)[0]
        assert not np.allclose(changed.specific_force, alone[0].specific_force)
    assert apply_errors(sensors, None, subject="S1", trial="walk") == tuple(sensors)
    assert together[1].placement is sensors[1].placement


def test_no_errors_leaves_the_records_as_they_are():
    clean = record(n=100)
    worn = apply_errors([clean], ImuErrors(0.0, 0.0, seed=1), subject="S1", trial="walk")[0]
    np.testing.assert_allclose(worn.specific_force, clean.specific_force, atol=1e-14)


def test_child_seeds_do_not_depend_on_the_process():
    """The seeds come from SHA-256, not from Python's hash, which differs in every process."""
    here = child_rng(ImuErrors(seed=5), "noise", subject="Zoë", trial="w 1", sensor="pelvis").standard_normal(4)
    code = (
        "from synth.imu.error_recipe import *; print(child_rng(ImuErrors(seed=5), 'noise', subject='Zoë', trial='w 1',"
        " sensor='pelvis').standard_normal(4).tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(here.tolist())


def test_the_stream_of_draws_is_frozen():
    """A corpus of schema version 1 must read the same for ever; a change here needs a new recipe version."""
    draws = child_rng(ImuErrors(seed=7), "noise", subject="S1", trial="walk", sensor="pelvis").standard_normal(3)
    np.testing.assert_allclose(draws, FROZEN, rtol=1e-12)


def test_recipe_survives_json_and_an_unknown_one_is_refused():
    recipe = ImuErrors(0.2, 5.0, 11)
    assert ImuErrors.from_json(recipe.to_json()) == recipe
    for wrong in (
        '{"recipe": "bias", "version": 1}',
        "not json",
        "[]",
        recipe.to_json().replace('"version": 1', '"version": 9'),
    ):
        with pytest.raises(ValueError, match="expected the recipe"):
            ImuErrors.from_json(wrong)
    for wrong in ({"noise_share": -1}, {"misalignment_deg": float("nan")}, {"seed": -1}):
        with pytest.raises(ValueError, match="must be"):
            ImuErrors(**wrong)
