"""Force plates: known loads come back from the channels of every type, up-positive, without nonsense at low force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.force_plate import ForcePlate, ground_reaction, plate_channels
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
