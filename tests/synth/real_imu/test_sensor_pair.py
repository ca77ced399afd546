"""A pair holds the real readings as they were and the virtual ones at the same instants, in comparable axes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.sensor_pair import channels, make_pair, part

RATE = 100.0
TIME = np.arange(1200) / RATE
MOUNTING = Rotation.from_rotvec([0.3, 1.2, -0.5])
OFFSET = np.array([0.0, -0.2, 0.05])


def motion(shift=0.0):
    time = TIME[:, None] - shift
    turn = np.sin(2 * np.pi * time * [0.9, 1.3, 0.8] + [0.0, 1.0, 2.0]) * [0.2, 0.3, 0.8]
    place = 0.05 * np.sin(2 * np.pi * time * [1.0, 2.0, 0.7])
    return SegmentMotion("tibia_l", place, Rotation.from_rotvec(turn), RATE)


def real(shift=0.0):
    read = simulate_imu(motion(shift), SensorPlacement("s", "tibia_l", OFFSET, MOUNTING), method="spline")
    return replace(read, placement=SensorPlacement("s", "tibia_l"))


def test_a_perfect_sensor_leaves_nothing():
    pair = make_pair(real(0.013), motion(), force_cutoff=None, turn_cutoff=None, fit_cutoff=None)
    assert pair.alignment.lag == pytest.approx(0.013, abs=1e-4)
    known = np.isfinite(pair.virtual.specific_force).all(axis=1)
    assert known.mean() > 0.98
    inner = slice(30, -30)
    np.testing.assert_allclose(pair.virtual.specific_force[inner], pair.real.specific_force[inner], atol=0.02)
    np.testing.assert_allclose(pair.virtual.angular_velocity[inner], pair.real.angular_velocity[inner], atol=0.005)


def test_the_real_side_is_cut_but_not_changed():
    recorded = real()
    pair = make_pair(recorded, motion(), lag=0.0)
    np.testing.assert_array_equal(pair.real.angular_velocity, recorded.angular_velocity)
    later = SegmentMotion("tibia_l", motion().origin[300:900], motion().orientation[300:900], RATE)
    cut = make_pair(recorded, later, motion_start=3.0, lag=0.0)
    np.testing.assert_array_equal(cut.real.specific_force, recorded.specific_force[300:900])
    assert len(cut.virtual.specific_force) == 600


def test_what_optics_do_not_see_stays_unknown():
    origin = motion().origin.copy()
    origin[500:560] = np.nan
    pair = make_pair(real(), replace(motion(), origin=origin), lag=0.0)
    unknown = np.isnan(pair.virtual.specific_force).all(axis=1)
    assert unknown[500:560].all()
    assert np.flatnonzero(unknown).tolist() == list(range(500, 560))
    assert np.isfinite(pair.real.specific_force).all()


def test_an_alignment_is_taken_as_given():
    first = make_pair(real(), motion(), lag=0.0)
    again = make_pair(real(), motion(), force_cutoff=6.0, turn_cutoff=6.0, alignment=first.alignment)
    assert again.alignment is first.alignment
    assert again.virtual.specific_force.std() < first.virtual.specific_force.std()


def test_channels_do_not_depend_on_how_the_sensor_sits():
    turned = simulate_imu(motion(), SensorPlacement("s", "tibia_l", OFFSET, MOUNTING), method="spline")
    straight = simulate_imu(motion(), SensorPlacement("s", "tibia_l", OFFSET), method="spline")
    np.testing.assert_allclose(channels(turned), channels(straight), atol=1e-9)


def test_a_part_is_a_contiguous_block_of_both_sides():
    pair = make_pair(real(), motion(), lag=0.0)
    block = part(pair, 100, 350)
    np.testing.assert_array_equal(block.real.specific_force, pair.real.specific_force[100:350])
    np.testing.assert_array_equal(block.virtual.angular_velocity, pair.virtual.angular_velocity[100:350])


def test_a_recording_of_another_segment_is_refused():
    other = ImuRecording(SensorPlacement("s", "pelvis"), np.zeros((1200, 3)), np.zeros((1200, 3)), RATE)
    with pytest.raises(ValueError, match="worn on 'pelvis'"):
        make_pair(other, motion())


def test_fitted_biases_are_taken_from_the_real_side():
    plain = real()
    biased = replace(
        plain,
        specific_force=plain.specific_force + np.array([0.2, -0.1, 0.3]),
        angular_velocity=plain.angular_velocity + np.array([0.02, 0.03, -0.01]),
    )
    pair = make_pair(biased, motion(), lag=0.0, biases=True, fit_cutoff=None)
    np.testing.assert_allclose(pair.real.specific_force, plain.specific_force, atol=5e-3)
    np.testing.assert_allclose(pair.real.angular_velocity, plain.angular_velocity, atol=1e-3)
