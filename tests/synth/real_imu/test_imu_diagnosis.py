"""Diagnosis of real recordings: unit, gravity, signs and axes from the numbers themselves."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from synth.real_imu.convention import STANDARD_GRAVITY, ImuConvention
from synth.real_imu.diagnosis import diagnose, still_second
from synth.real_imu.gravity_turning import signed_permutations, turning_by_gravity, turning_by_orientation
from synth.real_imu.sensor_file import diagnose_file
from synth.real_imu.sensor_session import FileReadings

RATE = 100.0


def tilting(seconds: float = 40.0, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Specific force, turning rate and orientation of a sensor that rests 3 s, then tilts about every axis."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    moving = np.clip((time - 3.0) / 2.0, 0.0, 1.0)[:, None] ** 2
    vector = np.stack([1.2 * np.sin(0.9 * time + p) + 0.5 * np.sin(2.3 * time + 2 * p) for p in (0, 1, 2)], axis=1)
    pose = Rotation.from_rotvec([0.4, -0.3, 0.8]) * Rotation.from_rotvec(moving * (vector - vector[0]))
    turn = np.zeros((len(time), 3))
    turn[1:-1] = (pose[:-2].inv() * pose[2:]).as_rotvec() * RATE / 2
    force = pose.inv().apply([0.0, 0.0, STANDARD_GRAVITY] + 0.5 * moving * rng.normal(0, 1, (len(time), 3)))
    force += rng.normal(0, 0.01, force.shape)
    return force, turn + rng.normal(0, 0.002, turn.shape), pose.as_quat(scalar_first=True)


FORCE, TURN, QUATERNIONS = tilting()


def readings(force=FORCE, turn=TURN, quaternions=None) -> FileReadings:
    quaternions = None if quaternions is None else quaternions[:, None]
    return FileReadings("made", ("sensor",), force[:, None], turn[:, None], RATE, (), quaternions=quaternions)


def test_the_still_second_is_found():
    still = still_second(FORCE, TURN, RATE)
    assert still.stop - still.start == 100
    assert still.stop <= 310
    assert still_second(FORCE[600:], TURN[600:], RATE) is None
    assert still_second(FORCE[:50], TURN[:50], RATE) is None


def test_the_still_second_has_no_missing_sample():
    force = FORCE.copy()
    force[50:290:40] = np.nan
    still = still_second(force, TURN, RATE)
    assert still is None or np.isfinite(force[still]).all()


@pytest.mark.parametrize(("unit", "one"), [("m/s2", 1.0), ("g", STANDARD_GRAVITY), ("mg", STANDARD_GRAVITY / 1000)])
def test_gravity_at_rest_names_the_unit(unit, one):
    (found,) = diagnose(readings(FORCE / one), ImuConvention(acceleration_unit=unit))
    assert (found.acceleration_unit, found.gravity) == (unit, "included")
    assert found.gravity_scale == pytest.approx(1.0, abs=0.005)
    assert found.contradictions == ()
    wrong = "g" if unit != "g" else "m/s2"
    (against,) = diagnose(readings(FORCE / one), ImuConvention(acceleration_unit=wrong))
    assert f"is gravity in {unit}, declared is {wrong}" in against.contradictions[0]


def test_removed_gravity_is_seen():
    linear = FORCE - Rotation.from_quat(QUATERNIONS, scalar_first=True).inv().apply([0.0, 0.0, STANDARD_GRAVITY])
    (found,) = diagnose(readings(linear), ImuConvention())
    assert found.gravity == "removed"
    assert "gravity was removed, declared is included" in found.contradictions[0]
    assert diagnose(readings(linear, quaternions=QUATERNIONS), ImuConvention(gravity="removed"))[0].contradictions == ()


def test_the_accelerometers_sign_is_not_in_its_norm_but_in_orientations():
    assert diagnose(readings(-FORCE), ImuConvention())[0].contradictions == ()
    (found,) = diagnose(readings(-FORCE, quaternions=QUATERNIONS), ImuConvention())
    assert np.degrees(found.vertical_error) > 175
    assert "point 180 degrees away" in found.contradictions[-1]
    assert diagnose(readings(-FORCE, quaternions=QUATERNIONS), ImuConvention(sign="negative"))[0].contradictions == ()


@pytest.mark.parametrize(("declared", "factor", "sentence"), [
    ("rad/s", 180 / np.pi, "deg/s"),
    ("deg/s", np.pi / 180, "rad/s"),
])  # fmt: skip
def test_a_wrong_unit_of_turning_is_named(declared, factor, sentence):
    values = TURN * (factor if declared == "rad/s" else 1.0)
    (found,) = diagnose(readings(turn=values), ImuConvention(angular_velocity_unit=declared))
    assert f'declare angular_velocity_unit = "{sentence}"' in found.contradictions[0]
    assert diagnose(readings(turn=values), ImuConvention(angular_velocity_unit=sentence))[0].contradictions == ()


def test_an_impossible_speed_is_named_even_without_accelerations():
    (found,) = diagnose(readings(np.full_like(FORCE, np.nan), np.rad2deg(TURN) * 3), ImuConvention())
    assert "more than any gyroscope's range" in found.contradictions[0]


def test_every_signed_permutation_of_the_gyroscope_is_recognised():
    """Law: gravity stands still only in the frame that the right axes give, for all 47 wrong ways."""
    ways = signed_permutations()
    np.testing.assert_array_equal(ways[0], np.eye(3))
    assert len({way.tobytes() for way in ways}) == 48
    for k, way in enumerate(ways):
        found = turning_by_gravity(FORCE, TURN @ way, RATE, STANDARD_GRAVITY)  # way.T @ ω: undone by the way itself
        assert found.agrees == (k == 0)
        assert found.contradicts == (k != 0)
        assert found.ways == 1
        np.testing.assert_array_equal(_matrix(found.best_axes), way)


def _matrix(axes):
    return np.array([[("-" not in a or -1) * float(a.lstrip("-") == c) for c in "xyz"] for a in axes])


def test_a_left_hand_rule_is_recognised_and_converted():
    (found,) = diagnose(readings(turn=-TURN), ImuConvention())
    assert "mirrored axes (a left-handed triad) or a left-hand rule" in found.contradictions[0]
    assert 'turning = "left_hand"' in found.contradictions[0]
    assert diagnose(readings(turn=-TURN), ImuConvention(turning="left_hand"))[0].contradictions == ()


def test_a_mirrored_triad_looks_like_a_left_hand_rule_and_is_converted():
    mirrored = readings(FORCE * [1, 1, -1], TURN * [1, 1, -1])
    assert "left-handed" in diagnose(mirrored, ImuConvention())[0].contradictions[0]
    declared = ImuConvention(axes=("x", "y", "-z"), left_handed=True)
    assert diagnose(mirrored, declared)[0].contradictions == ()


def test_a_sensor_that_hardly_turns_decides_nothing():
    still = np.tile(FORCE[:300], (4, 1)), np.tile(TURN[:300], (4, 1))
    found = turning_by_gravity(*still, RATE, STANDARD_GRAVITY)
    assert not found.agrees
    assert not found.contradicts
    assert found.ways == 48


def test_a_bias_is_taken_from_the_still_second():
    (found,) = diagnose(readings(turn=TURN + np.array([0.02, -0.15, 0.0])), ImuConvention())
    np.testing.assert_allclose(found.bias, [0.02, -0.15, 0.0], atol=0.001)
    assert [t.what for t in found.findings] == ["gyroscope_bias"]


def test_unhealthy_channels_are_named():
    force, turn = np.clip(FORCE, -8.0, 8.0), TURN.copy()
    turn[:, 1] = 0.25
    force[700:710], turn[700:710] = force[700], turn[700]
    (found,) = diagnose(readings(force, turn), ImuConvention())
    keys = {t.what for t in found.findings}
    assert {"channel_saturated", "channel_constant", "samples_held"} <= keys


def test_a_miscalibrated_accelerometer_is_a_doubt_not_a_refusal():
    (found,) = diagnose(readings(1.2 * FORCE), ImuConvention())
    assert found.contradictions == ()
    assert "+20 % off 1 g" in next(t.detail for t in found.findings if t.what == "accelerometer_miscalibrated")


@pytest.mark.parametrize("trial", ["07_undisturbed_fast_rotation_B", "24_disturbed_tapping_A"])
def test_a_real_board_agrees_with_gravity_and_with_its_optical_orientation(trial, data_dir):
    with h5py.File(data_dir / "broad_imu_vs_optical" / f"{trial}.hdf5") as file:
        force, turn, optical = file["imu_acc"][:], file["imu_gyr"][:], file["opt_quat"][:]
        rate = float(file.attrs["sampling_rate"])
    still = still_second(force, turn, rate)
    rest = np.linalg.norm(force[still].mean(axis=0))
    turn = turn - turn[still].mean(axis=0)
    assert turning_by_gravity(force, turn, rate, rest).agrees
    assert turning_by_orientation(optical, turn, rate).agrees
    assert turning_by_gravity(force, -turn, rate, rest).best_axes == ("-x", "-y", "-z")
    assert turning_by_gravity(force, np.rad2deg(turn), rate, rest).scale == pytest.approx(np.pi / 180)
    swapped = turning_by_gravity(force, turn[:, [1, 0, 2]], rate, rest)
    assert (swapped.best_axes, swapped.ways, swapped.contradicts) == (("y", "x", "z"), 1, True)


def test_real_sensors_on_a_person_agree_with_their_declaration(data_dir):
    """NeuRA S02: nine Xsens, right in unit, sign and axes; up at rest is up of the maker's filter within 1 degree."""
    for found in diagnose_file(data_dir / "neura_sparse_s02_walk_GPL3" / "rawimu"):
        assert found.contradictions == ()
        assert found.acceleration_unit == "m/s2"
        assert abs(found.gravity_scale - 1) < 0.02
        assert np.degrees(found.vertical_error) < 1.0
        assert found.turning.agrees
        assert found.turning.ways == 1


def test_two_accelerometers_of_the_cmu_set_are_off(data_dir):
    path = data_dir / "cmu_imu_grf_walk" / "Sub02" / "CSStiffKnee" / "OpenSim_Sub02_CSStiffKnee_Accel.trc"
    found = {d.sensor.split("_imu")[0]: d for d in diagnose_file(path)}
    assert found["torso"].gravity_scale == pytest.approx(1.15, abs=0.02)
    assert found["toes_l"].gravity_scale == pytest.approx(1.26, abs=0.02)
    assert all(abs(d.gravity_scale - 1) < 0.03 for name, d in found.items() if name not in ("torso", "toes_l"))
