"""Cut-off per segment: residual analysis finds the jitter and a cut-off near the best one, whatever the axes."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.imu_figures.derivatives import with_jitter
from benchmarks.peers.smooth_motion import smooth_walk
from mocap_import.low_pass import low_pass
from mocap_import.trial_reader import read_trial
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu.cutoff import HIGHEST, LOWEST, filter_gain, residual_cutoff, residual_cutoffs
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu

RATE = 100.0


@pytest.fixture(scope="module")
def walk(data_dir):
    """Segments of a walk with nothing above 12 Hz, 10 s."""
    motion = smooth_walk(data_dir, 12.0)
    values = motion.states(np.arange(1000) / RATE)[0]
    return segment_motions(motion.skeleton, Kinematics(motion.coordinates, values, RATE))


def error_of(clean, noisy, cutoff):
    """Error of the specific force (m/s² RMS) on a noisy motion low-passed at a cut-off."""
    sensor = SensorPlacement("s", clean.segment)
    truth = simulate_imu(clean, sensor, method="spline").specific_force
    found = simulate_imu(noisy, sensor, method="butterworth", cutoff=cutoff).specific_force
    return np.sqrt(np.mean((found - truth)[30:-30] ** 2))


@pytest.mark.parametrize("jitter", [2e-4, 5e-4, 1e-3])
def test_the_jitter_is_found_and_the_cutoff_is_near_the_best(walk, jitter):
    rng = np.random.default_rng(1)
    for segment in ("pelvis", "femur_r", "tibia_r", "calcn_r"):
        noisy = with_jitter(walk[segment], jitter, rng)
        chosen = residual_cutoff(noisy)
        np.testing.assert_allclose(chosen.jitter, jitter, rtol=0.1)
        assert chosen.reason == "residual analysis"
        least = min(error_of(walk[segment], noisy, cutoff) for cutoff in np.geomspace(3.0, 25.0, 15))
        assert error_of(walk[segment], noisy, chosen.cutoff) < 1.35 * least


def test_a_foot_asks_for_a_higher_cutoff_than_a_pelvis(walk):
    rng = np.random.default_rng(2)
    noisy = {segment: with_jitter(walk[segment], 5e-4, rng) for segment in ("pelvis", "tibia_r", "calcn_r")}
    chosen = residual_cutoffs(noisy)
    assert chosen["pelvis"].cutoff < chosen["tibia_r"].cutoff < chosen["calcn_r"].cutoff
    assert "calcn_r: cut-off" in chosen["calcn_r"].sentence()


def test_more_jitter_lowers_the_cutoff(walk):
    rng = np.random.default_rng(3)
    cutoffs = [residual_cutoff(with_jitter(walk["tibia_r"], j, rng)).cutoff for j in (1e-4, 4e-4, 1.6e-3)]
    assert cutoffs[0] > cutoffs[1] > cutoffs[2]


def test_turning_the_laboratory_changes_no_cutoff(walk):
    noisy = with_jitter(walk["calcn_r"], 5e-4, np.random.default_rng(4))
    turned = SegmentMotion(
        "calcn_r", Rotation.from_rotvec([0.3, -2.0, 1.0]).apply(noisy.origin) + 5.0, noisy.orientation, RATE
    )
    np.testing.assert_allclose(residual_cutoff(turned).cutoff, residual_cutoff(noisy).cutoff, rtol=1e-12)


def test_bounds_short_records_and_gaps_are_said(walk):
    clean = walk["calcn_r"]
    assert residual_cutoff(clean).reason == "upper bound"  # nothing to remove
    assert residual_cutoff(clean).cutoff == pytest.approx(HIGHEST)
    wild = with_jitter(clean, 0.3, np.random.default_rng(5))
    assert residual_cutoff(wild).cutoff == pytest.approx(LOWEST)
    assert residual_cutoff(wild).reason == "lower bound"
    short = SegmentMotion("calcn_r", clean.origin[:40], clean.orientation[:40], RATE)
    assert (residual_cutoff(short).cutoff, residual_cutoff(short).reason) == (10.0, "fallback")
    assert "jitter not judged" in residual_cutoff(short).sentence()
    slow = SegmentMotion("calcn_r", clean.origin[:40], clean.orientation[:40], 20.0)
    assert residual_cutoff(slow).cutoff == 8.0  # 0.4 of the rate
    noisy = with_jitter(clean, 5e-4, np.random.default_rng(6))
    holed = noisy.origin.copy()
    holed[300] = np.nan
    again = residual_cutoff(SegmentMotion("calcn_r", holed, noisy.orientation, RATE))
    alone = residual_cutoff(SegmentMotion("calcn_r", noisy.origin[301:], noisy.orientation[301:], RATE))
    assert again == alone
    with pytest.raises(ValueError, match="0 < lowest <= highest"):
        residual_cutoff(noisy, lowest=-1.0)


def test_smoothing_methods_choose_their_own_cutoff(walk):
    noisy = with_jitter(walk["tibia_r"], 5e-4, np.random.default_rng(7))
    sensor = SensorPlacement("s", "tibia_r", np.array([0.0, -0.2, 0.0]))
    cutoff = residual_cutoff(noisy).cutoff
    for method in ("butterworth", "smoothing_spline"):
        own = simulate_imu(noisy, sensor, method=method)
        same = simulate_imu(noisy, sensor, method=method, cutoff=cutoff)
        np.testing.assert_array_equal(own.specific_force, same.specific_force)
    central = simulate_imu(noisy, sensor, cutoff=cutoff)
    np.testing.assert_array_equal(
        simulate_imu(noisy, sensor, method="butterworth").specific_force, central.specific_force
    )


def marker_cutoffs(path, labels):
    """Cut-offs of single markers of a trial, each taken as a segment's origin."""
    trial = read_trial(path)
    still = Rotation.identity(trial.n_frames)
    return {
        label: residual_cutoff(SegmentMotion(label, trial.positions[:, trial.labels.index(label)], still, trial.rate))
        for label in labels
    }


def test_real_markers_ask_for_more_the_nearer_they_are_to_the_ground(data_dir):
    found = marker_cutoffs(data_dir / "c3d_import_cases/bmclab/Gait.c3d", ("C7", "RASI", "RKNE", "RTOE"))
    cutoffs = [each.cutoff for each in found.values()]
    assert cutoffs == sorted(cutoffs)
    assert 10.0 < cutoffs[0] < cutoffs[-1] < 20.0
    assert all(each.reason == "residual analysis" and 1e-5 < each.jitter < 5e-5 for each in found.values())


def test_markers_that_were_filtered_before_meet_the_upper_bound(data_dir):
    found = marker_cutoffs(data_dir / "mcgill_walk_youth/HC039A/Straight/HC039A17.c3d", ("SACR", "LANK"))
    assert {each.reason for each in found.values()} == {"upper bound"}


def test_the_gain_is_that_of_the_low_pass():
    time = np.arange(4000) / RATE
    for frequency in (3.0, 10.0, 21.0):
        wave = np.sin(2 * np.pi * frequency * time)
        found = low_pass(wave, RATE, 10.0)[500:-500]
        np.testing.assert_allclose(found, filter_gain(frequency, 10.0, RATE) * wave[500:-500], atol=1e-8)
