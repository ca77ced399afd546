"""Which way a sensor sits, and how strong its spectrum is, from a walk without optics."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.peers.paired_sensors import calibrated, cmu_recordings
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.real_imu.error_learning import band_edges, learn_errors
from synth.real_imu.real_level import DOMINANT, directions, functional_mounting, mean_level, real_level
from synth.real_imu.sensor_pair import SensorPair

RATE = 100.0
TIME = np.arange(6000)[:, None] / RATE
WORN = Rotation.from_rotvec([0.2, 0.1, -0.3])
EDGES = band_edges(8)


def readings(turning, mounting, size=1.0, segment="tibia_r"):
    """Vertical on Y but for the swing; turns mostly about Z, fast one way and slowly back."""
    swing = np.sin(2 * np.pi * TIME) + 0.4 * np.cos(4 * np.pi * TIME)
    turn = size * swing * turning
    force = [0.0, 9.81, 0.0] + size * np.hstack([np.cos(2 * np.pi * TIME), 0.2 * swing, 0.1 * swing])
    noise = size * np.random.default_rng(0).standard_normal((6000, 6)) * [0.3, 0.3, 0.3, 0.05, 0.05, 0.05]
    placement = SensorPlacement("s", segment, np.zeros(3), mounting)
    return ImuRecording(
        placement, mounting.inv().apply(force + noise[:, :3]), mounting.inv().apply(turn + noise[:, 3:]), RATE
    )


def pair(turning):
    real = readings(np.array(turning), WORN)
    return SensorPair(real, real, None)


def test_the_mounting_follows_from_the_walk():
    known = pair([0.1, 0.2, 2.0])
    assert directions(known.real).share > DOMINANT
    for turned in ([0.4, -0.3, 0.2], [-0.6, 0.8, 0.1]):
        worn = WORN * Rotation.from_rotvec(turned)
        other = readings(np.array([0.1, 0.2, 2.0]), worn, size=1.5)
        blind = replace(other, placement=SensorPlacement("s", "tibia_r"))
        away = functional_mounting(blind, known).inv() * worn
        assert np.degrees(away.magnitude()) < 1.0


def test_without_a_dominant_axis_only_the_vertical_is_found():
    known = pair([1.0, 1.0, 1.0])
    turn = np.random.default_rng(1).standard_normal((6000, 3))
    known = SensorPair(replace(known.real, angular_velocity=turn), known.virtual, None)
    worn = WORN * Rotation.from_rotvec(WORN.inv().apply([0.3, 0.0, 0.0]))
    other = replace(readings(np.ones(3), worn), angular_velocity=turn)
    found = functional_mounting(replace(other, placement=SensorPlacement("s", "tibia_r")), known)
    np.testing.assert_allclose(found.apply(directions(other).up), WORN.apply(directions(known.real).up), atol=1e-9)


def test_levels_do_not_depend_on_liveliness_or_mounting():
    known = pair([0.1, 0.2, 2.0])
    worn = WORN * Rotation.from_rotvec([0.4, -0.3, 0.2])
    lively = replace(readings(np.array([0.1, 0.2, 2.0]), worn, size=3.0), placement=SensorPlacement("s", "tibia_r"))
    own = learn_errors([known], edges=EDGES).segments["shank"].level
    np.testing.assert_allclose(real_level(lively, known, EDGES, 5.0), own, rtol=0.1)


def test_the_activity_meant_is_that_of_the_virtual_side():
    """A pair whose virtual side moves half as much: its own sensor has the level that was learnt from the pair."""
    real = readings(np.array([0.1, 0.2, 2.0]), WORN)
    mean = real.specific_force.mean(axis=0)
    half = replace(
        real, specific_force=mean + 0.5 * (real.specific_force - mean), angular_velocity=0.5 * real.angular_velocity
    )
    known = SensorPair(real, half, None)
    learnt = learn_errors([known], edges=EDGES).segments["shank"].level
    np.testing.assert_allclose(real_level(real, known, EDGES, 5.0), learnt, rtol=1e-6)


def test_persons_count_alike_however_many_sensors_they_wore():
    assert mean_level([[np.ones(1)] * 9, [np.full(1, 100.0)]])[0] == pytest.approx(10.0)


def test_further_persons_change_levels_only():
    known = pair([0.1, 0.2, 2.0])
    alone = learn_errors([known], edges=EDGES).segments["shank"]
    noisy = readings(np.array([0.1, 0.2, 2.0]), WORN)
    hiss = 2.0 * np.random.default_rng(3).standard_normal((6000, 3))
    noisy = replace(noisy, specific_force=noisy.specific_force + hiss)
    both = learn_errors([known], edges=EDGES, further=[[noisy]]).segments["shank"]
    np.testing.assert_array_equal(both.gain, alone.gain)
    assert (both.level[-3:, :3] > 3.0 * alone.level[-3:, :3]).all()
    np.testing.assert_allclose(both.level[:, 3:], alone.level[:, 3:], rtol=0.1)


def test_miscalibrated_sensors_of_the_set_are_left_out(data_dir):
    """Two accelerometers of Sub02 read 11.3 and 12.4 m/s² when they hardly turn; the others one g within 5 %."""
    path = data_dir / "cmu_imu_grf_walk" / "Sub02" / "CSBaseline" / "OpenSim_Sub02_CSBaseline_Accel.trc"
    wrong = [r.placement.sensor for r in cmu_recordings(path) if not calibrated(r)]
    assert wrong == ["torso", "toes_l"]
