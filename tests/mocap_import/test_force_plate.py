"""Force plates: known loads come back from the channels of every type, up-positive, without nonsense at low force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.plate.force_plate import ForcePlate, ground_reaction, plate_channels, plate_wrench
from mocap_import.trial import GroundReaction

ORIGINS = {1: (0.0, 0.0, 0.0), 2: (0.01, -0.02, -0.04), 3: (0.12, 0.2, -0.05), 4: (-0.02, 0.01, 0.04)}


@pytest.fixture
def load():
    n = 200
    share = np.sin(np.pi * np.arange(n) / (n - 1))
    force = np.stack([60 * np.cos(np.arange(n) / 20), 800 * share, -30 * share], axis=1)
    place = np.stack([1.0 + 0.1 * share, np.zeros(n), 0.3 - 0.05 * share], axis=1)
    loaded = force[:, 1] > 20
    return GroundReaction(
        force, np.where(loaded[:, None], place, np.nan), np.where(loaded, 4.0 * share, np.nan), 1000.0
    )


def _turned(plate, degrees):
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    return replace(plate, corners=(plate.corners - plate.centre) @ turn.T + plate.centre)


@pytest.mark.parametrize("degrees", [0, 90, 37])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_known_load_comes_back_from_every_type(kind, degrees, load, plate_builder):
    rng = np.random.default_rng(kind)
    calibration = np.diag([500, 500, 1000, 800, 250, 400.0]) + rng.normal(0, 5, (6, 6)) if kind == 4 else None
    plate = plate_builder((1.0, 0.0, 0.3), kind=kind, origin=ORIGINS[kind], calibration=calibration)
    plate = _turned(plate, degrees)
    channels = plate_channels(plate, load, length_unit=0.001)
    assert channels.shape[1] == (8 if kind == 3 else 6)
    # Types 3 and 4 carry their length unit in the geometry and the calibration.
    read = ground_reaction(plate, channels, 1000.0, moment_unit=0.001)
    np.testing.assert_allclose(read.force, load.force, atol=1e-8)
    np.testing.assert_allclose(read.centre_of_pressure, load.centre_of_pressure, atol=1e-8)
    np.testing.assert_allclose(read.free_moment, load.free_moment, atol=1e-8)


def test_the_ground_pushes_up_whatever_sign_the_file_has(load, plate_builder):
    plate = plate_builder((1.0, 0.0, 0.3))
    channels = plate_channels(plate, load)
    one, other = (ground_reaction(plate, sign * channels, 1000.0, 0.001) for sign in (1, -1))
    assert other.force[:, 1].max() == pytest.approx(800, rel=1e-3)
    np.testing.assert_allclose(one.centre_of_pressure, other.centre_of_pressure)
    np.testing.assert_allclose(one.force, other.force)


def test_centre_of_pressure_and_free_moment_are_nan_below_20_newton(load, plate_builder):
    read = ground_reaction(
        plate_builder((1.0, 0.0, 0.3)), plate_channels(plate_builder((1.0, 0.0, 0.3)), load), 1e3, 0.001
    )
    low = read.force[:, 1] <= 20
    assert low.any()
    assert np.isnan(read.centre_of_pressure[low]).all()
    assert np.isnan(read.free_moment[low]).all()
    assert np.isfinite(read.force).all()


def test_origin_written_with_positive_z_means_the_same_plate(load, plate_builder):
    below = plate_builder((1.0, 0.0, 0.3), origin=(0.01, -0.02, -0.04))
    above = replace(below, origin=-below.origin)
    np.testing.assert_allclose(below.surface_offset, above.surface_offset)


def test_kistler_half_distances_may_be_written_negative(load, plate_builder):
    plate = plate_builder((1.0, 0.0, 0.3), kind=3, origin=(0.12, 0.2, -0.05))
    channels = plate_channels(plate, load)
    read = ground_reaction(replace(plate, origin=-plate.origin), channels, 1000.0, 0.001)
    np.testing.assert_allclose(read.centre_of_pressure, load.centre_of_pressure, atol=1e-8)


def test_axes_follow_the_corners():
    corners = np.array([[0.4, 0, 0.5], [0.0, 0, 0.5], [0.0, 0, 0.0], [0.4, 0, 0.0]])
    plate = ForcePlate(2, corners, np.zeros(3))
    np.testing.assert_allclose(plate.axes, np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]]), atol=1e-12)
    np.testing.assert_allclose(plate.centre, [0.2, 0, 0.25])


# One load written out by hand. Plate in the floor at (1.0, 0, 0.3): x = ground X, y = ground Z, z = down.
# Ground on the subject: force (60, 800, -20) N at (1.1, 0, 0.25), free moment 4 N·m about the vertical.
# In plate axes: F = (60, -20, -800), place (0.1, -0.05, 0), couple -4 about z;
# about the middle of the surface M = place x F + couple = (40, 80, 1 - 4) = (40, 80, -3) N·m.
HAND_FORCE, HAND_PLACE, HAND_FREE = [60.0, 800.0, -20.0], [1.1, 0.0, 0.25], 4.0
# Transducer at d = (0.01, -0.02, -0.04) m before the surface: d x F = (15.2, 5.6, 1.0), so M = (55.2, 85.6, -2.0).
HAND_SIX = [60.0, -20.0, -800.0, 55200.0, 85600.0, -2000.0]
HAND_MATRIX = [
    [2.0, 0, 0, 0, 0, 0],
    [0, 4.0, 0, 0, 0, 0],
    [0, 1.0, 10.0, 0, 0, 0],
    [0, 0, 0, 1000.0, 0, 0],
    [0, 0, 0, 0, 500.0, 0],
    [0, 0, 5.0, 0, 0, 250.0],
]
HAND = {
    # Px, Py in mm, Tz in N·mm.
    1: ((0.0, 0.0, 0.0), [60.0, -20.0, -800.0, 100.0, -50.0, -4000.0]),
    2: ((0.01, -0.02, -0.04), HAND_SIX),
    # Sensors at (±0.1, ±0.2), 0.04 below: M = (39.2, 77.6, -3.0); fz1 + fz2 - fz3 - fz4 = 39.2 / 0.2,
    # -fz1 + fz2 + fz3 - fz4 = 77.6 / 0.1, fx34 - fx12 = -3 / 0.2, and the sums are the force.
    3: ((0.1, 0.2, -0.04), [37.5, 22.5, -10.0, -10.0, -300.0, -2.0, -10.0, -488.0]),
    # The matrix times these six numbers, row by row, is HAND_SIX: 2 * 30, 4 * -5, -5 + 10 * -79.5, ...
    4: ((0.01, -0.02, -0.04), [30.0, -5.0, -79.5, 55.2, 171.2, -6.41]),
}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_load_written_out_by_hand_is_read_within_1e_9(kind, sign, plate_builder):
    origin, channels = HAND[kind]
    matrix = np.array(HAND_MATRIX) * np.r_[1, 1, 1, 1e-3, 1e-3, 1e-3][:, None] if kind == 4 else None
    plate = plate_builder((1.0, 0.0, 0.3), kind=kind, origin=origin, calibration=matrix)
    channels = np.array(channels)
    # The place of type 1 is a place, whatever the sign of the force.
    signs = np.r_[sign, sign, sign, 1, 1, sign] if kind == 1 else np.full(len(channels), sign)
    read = ground_reaction(plate, np.tile(signs * channels, (3, 1)), 1000.0, 0.001)
    np.testing.assert_allclose(read.force[0], HAND_FORCE, rtol=1e-9)
    np.testing.assert_allclose(read.centre_of_pressure[0], HAND_PLACE, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(read.free_moment[0], HAND_FREE, rtol=1e-9)
    np.testing.assert_array_equal(read.corners, plate.corners)


def test_the_moment_of_a_wrench_about_any_point_is_that_of_its_force_at_the_centre_of_pressure(load, plate_builder):
    plate = _turned(plate_builder((1.0, 0.0, 0.3)), 37)
    channels = plate_channels(plate, load)
    wrench = plate_wrench(plate, channels, 0.001)
    read = ground_reaction(plate, channels, 1000.0, 0.001)
    loaded = np.isfinite(read.free_moment)
    moment = np.cross(read.centre_of_pressure - plate.centre, read.force)
    moment[:, 1] += read.free_moment
    np.testing.assert_allclose((wrench[:, 3:] @ plate.axes.T)[loaded], moment[loaded], atol=1e-9)


def test_kistler_s_polynomial_moves_the_centre_of_pressure_by_its_formula(load, plate_builder):
    plate = plate_builder((1.0, 0.0, 0.3), kind=3, origin=(0.12, 0.2, -0.05))
    channels = plate_channels(plate, load)
    polynomial = np.zeros((6, 2))
    polynomial[5, 0], polynomial[2, 1] = 0.05, 0.3
    read = ground_reaction(replace(plate, polynomial=polynomial), channels, 1000.0, 0.001)
    straight = ground_reaction(plate, channels, 1000.0, 0.001)
    local = (straight.centre_of_pressure - plate.centre) @ plate.axes
    moved = (read.centre_of_pressure - plate.centre) @ plate.axes
    np.testing.assert_allclose(moved[:, 0], 0.95 * local[:, 0], atol=1e-12)
    np.testing.assert_allclose(moved[:, 1], local[:, 1] - 0.3 * local[:, 1] ** 3, atol=1e-12)
    np.testing.assert_array_equal(read.force, straight.force)
