"""Alignment recovers lag, mounting, lever arm and biases, with errors that hold; and refuses what cannot be aligned."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.peers.paired_sensors import board_trials, neura_walk
from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.alignment import align_sensor, trial_lag
from synth.real_imu.mounting_fit import residual_share

FINE, RATE, SECONDS = 500.0, 100.0, 12.0
OFFSET = np.array([0.02, -0.17, 0.06])
MOUNTING = Rotation.from_rotvec([0.4, -0.9, 1.1])
FORCE_BIAS, TURN_BIAS = np.array([0.1, -0.05, 0.2]), np.array([0.01, -0.02, 0.005])


def smooth_motion(rate, shift=0.0, seconds=SECONDS):
    """Harmonics of 1 and 2 Hz about three axes, sampled `shift` seconds later."""
    time = np.arange(round(seconds * rate)) / rate - shift
    rng = np.random.default_rng(7)
    phase, size = rng.uniform(0, 2 * np.pi, (2, 2, 3)), rng.uniform(0.5, 1.0, (2, 2, 3))
    waves = [
        sum(size[k, j] / (j + 1) ** 2 * np.sin(2 * np.pi * (j + 1) * time[:, None] + phase[k, j]) for j in (0, 1))
        for k in (0, 1)
    ]
    return SegmentMotion("tibia_r", 0.05 * waves[0], Rotation.from_rotvec(0.5 * waves[1]), rate)


def real_sensor(lag, noise=(0.0, 0.0)):
    """What a sensor on the fine motion reads, its clock `lag` ahead, thinned to 100 Hz."""
    placement = SensorPlacement("shank", "tibia_r", OFFSET, MOUNTING)
    exact = simulate_imu(smooth_motion(FINE, lag), placement, method="spline")
    step = round(FINE / RATE)
    rng = np.random.default_rng(3)
    force, turn = exact.specific_force[::step], exact.angular_velocity[::step]
    return ImuRecording(
        SensorPlacement("shank", "tibia_r"),
        force + FORCE_BIAS + noise[0] * rng.standard_normal(force.shape),
        turn + TURN_BIAS + noise[1] * rng.standard_normal(turn.shape),
        RATE,
    )


@pytest.mark.parametrize("lag", [0.0, 0.0137, -0.0462])
def test_known_values_are_recovered(lag):
    found = align_sensor(real_sensor(lag), smooth_motion(RATE))
    assert found.lag == pytest.approx(lag, abs=2e-5)
    assert (MOUNTING.inv() * found.mounting).magnitude() < 1e-4
    np.testing.assert_allclose(found.offset, OFFSET, atol=1e-4)
    np.testing.assert_allclose(found.accelerometer_bias, FORCE_BIAS, atol=2e-3)
    np.testing.assert_allclose(found.gyroscope_bias, TURN_BIAS, atol=1e-3)
    assert max(found.gyroscope_share, found.accelerometer_share) < 2e-3


def test_standard_errors_cover_the_truth():
    found = align_sensor(real_sensor(0.01, noise=(0.3, 0.05)), smooth_motion(RATE))
    away = [
        (found.offset - OFFSET) / found.offset_se,
        (found.accelerometer_bias - FORCE_BIAS) / found.accelerometer_bias_se,
        (found.gyroscope_bias - TURN_BIAS) / found.gyroscope_bias_se,
        (MOUNTING.inv() * found.mounting).as_rotvec() / found.mounting_se,
        [(found.lag - 0.01) / found.lag_se],
    ]
    score = np.concatenate(away)
    assert np.abs(score).max() < 5.0
    assert 0.3 < np.sqrt(np.mean(score**2)) < 2.0


def test_rates_and_starts_may_differ():
    motion = smooth_motion(250.0)
    cut = SegmentMotion("tibia_r", motion.origin[500:], motion.orientation[500:], 250.0)
    found = align_sensor(real_sensor(0.02), cut, motion_start=2.0)
    assert found.lag == pytest.approx(0.02, abs=2e-5)


def test_gaps_of_the_motion_are_not_used():
    motion = smooth_motion(RATE)
    origin = motion.origin.copy()
    origin[300:420] = np.nan
    real = real_sensor(0.01)
    wild = real.angular_velocity.copy()
    wild[305:415] += 50.0
    found = align_sensor(replace(real, angular_velocity=wild), replace(motion, origin=origin))
    np.testing.assert_allclose(found.offset, OFFSET, atol=5e-4)


def test_a_known_lag_and_no_biases_are_kept():
    found = align_sensor(real_sensor(0.01), smooth_motion(RATE), lag=0.01, biases=False)
    assert found.lag == 0.01
    assert not found.accelerometer_bias.any()
    assert not found.gyroscope_bias.any()


def test_what_cannot_be_aligned_is_refused():
    real, motion = real_sensor(0.0), smooth_motion(RATE)
    with pytest.raises(ValueError, match=r"worn on 'tibia_r'.*that of 'femur_r'"):
        align_sensor(real, replace(motion, segment="femur_r"))
    with pytest.raises(ValueError, match="expected at least 2 s"):
        align_sensor(real, motion, motion_start=11.0)
    with pytest.raises(ValueError, match="lies at the end of the range"):
        align_sensor(real_sensor(0.08), motion, lags=(-0.05, 0.05))


def test_a_trial_has_one_lag():
    found = align_sensor(real_sensor(0.0), smooth_motion(RATE))
    assert trial_lag([replace(found, lag=lag) for lag in (0.01, 0.02, 0.5)]) == 0.02


def test_residual_share_is_blind_to_means():
    signal = np.random.default_rng(0).standard_normal((1000, 3))
    assert residual_share(0.1 * signal + 7.0, signal - 3.0) == pytest.approx(0.1)


def test_board_sensor_is_aligned_as_its_authors_say(data_dir):
    """BROAD is 'synchronised and aligned': within two samples and two degrees of it."""
    trial = next(t for t in board_trials(data_dir) if t.name.startswith("15"))
    window = slice(15000, 22000)
    motion = replace(trial.motion, origin=trial.motion.origin[window], orientation=trial.motion.orientation[window])
    real = replace(
        trial.real,
        specific_force=trial.real.specific_force[window],
        angular_velocity=trial.real.angular_velocity[window],
    )
    found = align_sensor(real, motion, lags=(-0.05, 0.05), cutoff=15.0)
    assert abs(found.lag) < 2.0 / real.rate
    assert np.degrees(found.mounting.magnitude()) < 2.0
    assert np.linalg.norm(found.offset) < 0.05
    assert found.gyroscope_share < 0.05
    assert found.accelerometer_share < 0.10


def test_lags_of_real_sensors_agree_with_the_station(data_dir):
    """The data set's README: marker-derived and real gyroscopes correlate best at a lag of 2-3 samples (20-30 ms)."""
    walk = neura_walk(data_dir)
    feet = [real for real in walk.recordings if real.placement.sensor in ("foot_l", "foot_r", "shank_r")]
    lags = [walk._align(real, None).lag for real in feet]
    assert 0.015 < np.median(lags) < 0.03
    assert np.ptp(lags) < 0.012
