"""Recipe version 2: every error by one recipe, stored whole; version 1 reads as it always did."""

import json
from dataclasses import replace

import numpy as np
import pytest

from synth.imu.error_recipe import ImuErrors, apply_errors, with_noise_reference
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording
from synth.imu.sensor_preset import PRESETS, sensor_preset
from synth.imu.soft_tissue import SoftTissue
from synth.imu.white_noise import channel_sd, pooled_sds

NAMES = {"subject": "Zoë", "trial": "w 1"}
CLEAN = ImuErrors(0.0, 0.0, seed=1)
WHOLE = ImuErrors(
    noise_share=0.05,
    misalignment_deg=8.0,
    seed=11,
    noise_scope="subject",
    noise_sd=(("pelvis", (1.0, 2.0, 3.0, 0.1, 0.2, 0.3)), ("shank_r", (1.0,) * 6)),
    misalignment_law="cone_half_normal",
    misalignment_axis=(1.0, 0.0, 0.0),
    position_sd=0.01,
    swap_probability=0.5,
    soft_tissue=SoftTissue(20.0),
    sensor=sensor_preset("bmi270"),
)


def records(n=500, rate=100.0, seed=0):
    time = np.arange(n) / rate
    made = []
    for i, placement in enumerate(SEVEN_SENSORS):
        phase = np.random.default_rng(seed + i).uniform(0, 6, (6, 2))
        f = np.array([1.0, 3.0])[:, None]
        waves = np.stack([np.sin(2 * np.pi * f * time + p[:, None]).sum(axis=0) for p in phase], axis=1)
        made.append(ImuRecording(placement, 2.0 * waves[:, :3] + [0.0, 9.8, 0.0], waves[:, 3:], rate))
    return tuple(made)


def test_version_one_reads_the_numbers_it_always_read():
    """Frozen from the release before version 2; every bit of 7 sensors agreed when this was written."""
    made = []
    for i, placement in enumerate(SEVEN_SENSORS):
        rng = np.random.default_rng(i)
        force = rng.standard_normal((500, 3)) * [1, 5, 0.2] + [0, 9.8, 0]
        turn = rng.standard_normal((500, 3))
        force[100:110] = np.nan
        made.append(ImuRecording(placement, force.astype("f4"), turn.astype("f4"), 100.0))
    text = (
        '{"misalignment_deg": 13.5, "noise_share": 0.15, "recipe": "noise_share+misalignment", "seed": 7, "version": 1}'
    )
    recipe = ImuErrors.from_json(text)
    assert recipe == ImuErrors(seed=7) and recipe.to_json() == text
    shank = apply_errors(made, recipe, **NAMES)[2]
    frozen_force = [0.8741005923991922, 14.444719259673253, -1.7883716887403598]
    frozen_turn = [0.7157354420610802, 0.26545053784986467, 0.666118136575874]
    np.testing.assert_allclose(shank.specific_force[3], frozen_force, rtol=1e-12)
    np.testing.assert_allclose(shank.angular_velocity[-1], frozen_turn, rtol=1e-12)


def test_a_whole_recipe_survives_json():
    text = WHOLE.to_json()
    assert json.loads(text)["version"] == 2 and "Infinity" not in text
    assert ImuErrors.from_json(text) == WHOLE
    for preset in PRESETS.values():
        recipe = replace(CLEAN, sensor=preset)
        assert ImuErrors.from_json(recipe.to_json()).sensor == preset
    assert ImuErrors.from_json(replace(CLEAN, soft_tissue="spring").to_json()).soft_tissue == "spring"


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored.update(magnetometer=1.0),
        lambda stored: stored.pop("position_sd"),
        lambda stored: stored["sensor"].update(temperature=20.0),
        lambda stored: stored["sensor"]["gyroscope"].pop("noise_density"),
        lambda stored: stored["soft_tissue"].update(mass=1.0),
        lambda stored: stored.update(version=3),
        lambda stored: stored.update(noise_scope="laboratory"),
        lambda stored: stored["sensor"]["clock"].update(drift=None),
    ],
)
def test_unknown_and_missing_keys_are_refused(change):
    stored = json.loads(WHOLE.to_json())
    change(stored)
    with pytest.raises(ValueError, match="expected the recipe 'imu_errors' up to version 2") as found:
        ImuErrors.from_json(json.dumps(stored))
    assert "\n" not in str(found.value)


def test_every_sensor_draws_from_its_own_child_seed():
    recipe = replace(WHOLE, noise_scope="trial", noise_sd=(), swap_probability=0.0)
    clean = records()
    together, alone = apply_errors(clean, recipe, **NAMES), apply_errors(clean[2:3], recipe, **NAMES)
    np.testing.assert_array_equal(together[2].specific_force, alone[0].specific_force)
    other = apply_errors(clean[2:3], recipe, subject="Zoë", trial="w 2")[0]
    assert not np.allclose(other.specific_force, alone[0].specific_force, equal_nan=True)
    assert together[2].placement is clean[2].placement
    assert (clean[2].specific_force == records()[2].specific_force).all()  # nothing is written to its input


def test_one_step_does_not_move_the_draws_of_another():
    """With datasheet errors on top, what lies below is the same misalignment and the same white noise."""
    clean = records()
    plain = apply_errors(clean, ImuErrors(seed=3), **NAMES)
    saturated = sensor_preset("bmi270").without("noise_density", "turn_on_bias", "scale_error", "cross_axis")
    saturated = saturated.without("bias_instability", "resolution")
    saturated = replace(saturated, g_sensitivity=0.0, clock=type(saturated.clock)())
    both = apply_errors(clean, ImuErrors(seed=3, sensor=saturated), **NAMES)
    for one, other in zip(plain, both, strict=True):
        np.testing.assert_array_equal(one.specific_force, other.specific_force)


@pytest.mark.parametrize("extra", [{"position_sd": 0.02}, {"soft_tissue": "spring"}, {"soft_tissue": "resampled"}])
def test_mounting_errors_change_motion_and_leave_rest(extra):
    recipe = replace(CLEAN, **extra)
    moved = apply_errors(records(), recipe, **NAMES)
    assert all(not np.allclose(m.specific_force, c.specific_force) for m, c in zip(moved, records(), strict=True))
    if extra != {"soft_tissue": "resampled"}:  # which is drawn, whatever the sensor does
        still = [
            replace(r, specific_force=0 * r.specific_force + 9.8, angular_velocity=0 * r.angular_velocity)
            for r in records()
        ]
        for read, clean in zip(apply_errors(still, recipe, **NAMES), still, strict=True):
            np.testing.assert_allclose(read.specific_force, clean.specific_force, atol=1e-9)


def test_learnt_errors_are_a_step_of_the_recipe():
    recipe = replace(CLEAN, learnt="shipped")
    assert ImuErrors.from_json(recipe.to_json()) == recipe
    first, again = (apply_errors(records(), recipe, **NAMES) for _ in range(2))
    for one, other, clean in zip(first, again, records(), strict=True):
        np.testing.assert_array_equal(one.specific_force, other.specific_force)
        assert not np.allclose(one.specific_force, clean.specific_force)


def test_sides_are_exchanged_with_the_probability():
    clean, swapped = records(20), 0
    recipe = replace(CLEAN, swap_probability=0.3)
    for i in range(200):
        read = apply_errors(clean, recipe, subject="S", trial=str(i))
        pairs = [np.allclose(read[k].specific_force, clean[k + 3].specific_force) for k in (1, 2, 3)]
        back = [np.allclose(read[k + 3].specific_force, clean[k].specific_force) for k in (1, 2, 3)]
        assert pairs == back and np.allclose(read[0].specific_force, clean[0].specific_force)
        swapped += sum(pairs)
    assert swapped / 600 == pytest.approx(0.3, abs=0.06)


def test_noise_refers_to_the_trial_the_subject_or_the_training_set():
    loud, quiet = records(20_000, seed=0), tuple(
        replace(r, specific_force=0.1 * r.specific_force, angular_velocity=0.1 * r.angular_velocity)
        for r in records(20_000, seed=0)
    )  # fmt: skip
    recipe = ImuErrors(0.15, 0.0, seed=2)
    pooled = with_noise_reference(recipe, "subject", [loud, quiet])
    assert pooled.noise_scope == "subject" and "over all trials of its subject" in pooled.in_words()
    joined = np.vstack([loud[2].specific_force, quiet[2].specific_force]).std(axis=0)
    np.testing.assert_allclose(dict(pooled.noise_sd)["shank_r"][:3], joined)
    noise = apply_errors(quiet, pooled, **NAMES)[2].specific_force - quiet[2].specific_force
    np.testing.assert_allclose(noise.std(axis=0), 0.15 * joined, rtol=0.03)
    own = apply_errors(quiet, recipe, **NAMES)[2].specific_force - quiet[2].specific_force
    np.testing.assert_allclose(own.std(axis=0), 0.15 * quiet[2].specific_force.std(axis=0), rtol=0.03)
    few = with_noise_reference(recipe, "training_set", [loud[:2]])
    with pytest.raises(ValueError, match="noise to the training set, but holds no SD of sensor 'shank_r', only of"):
        apply_errors(loud, few, **NAMES)


def test_pooled_standard_deviation_is_that_of_the_joined_records():
    parts = [records(n, seed=n)[0] for n in (50, 200, 3)]
    parts[1].specific_force[20:40] = np.nan
    found = pooled_sds([[part] for part in parts])["pelvis"]
    joined = np.vstack([np.hstack([p.specific_force, p.angular_velocity]) for p in parts])
    np.testing.assert_allclose(found, np.nanstd(joined, axis=0), rtol=1e-12)
    np.testing.assert_allclose(pooled_sds([parts[1:2]])["pelvis"][:3], channel_sd(parts[1].specific_force))


def test_words_for_a_report_name_every_step():
    said = WHOLE.in_words()
    for word in ("5 %", "8°", "10 mm", "probability 0.5", "soft tissue", "bmi270", "seed 11"):
        assert word in said
    assert ImuErrors().in_words() == (
        "white noise with 15 % of each clean channel's SD over its trial, "
        "sensors turned by N(0, 13.5°) about random axes, seed 0"
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"noise_scope": "person"}, "noise_scope must be one of 'trial', 'subject'"),
        ({"noise_scope": "subject"}, "a scope beyond the trial needs the SD of every sensor"),
        ({"noise_sd": (("pelvis", (1.0,) * 6),)}, "and the trial none"),
        ({"noise_scope": "subject", "noise_sd": (("pelvis", (1.0,) * 5),)}, "six standard deviations"),
        ({"misalignment_law": "sphere"}, "misalignment_law must be one of 'signed_angle'"),
        ({"misalignment_axis": (0.0, 0.0, 0.0)}, "misalignment_axis must be a direction"),
        ({"position_sd": -0.01}, "position_sd must be metres"),
        ({"swap_probability": 1.5}, "swap_probability must be from 0 to 1"),
        ({"soft_tissue": "jelly"}, "soft_tissue must be one of"),
        ({"learnt": "mine"}, "learnt must be one of '', 'shipped'"),
    ],
)
def test_values_that_are_no_recipe_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        ImuErrors(**wrong)
