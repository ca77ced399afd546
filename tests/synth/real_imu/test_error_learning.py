"""Learning finds the distortion and the noise that a synthetic pair was given, and drawing gives them back."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from synth.imu.frequency_band import band_centres
from synth.imu.learnt_error import MIRROR, draw_learnt_error
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.real_imu.error_learning import (
    band_edges,
    choose_envelope,
    learn_errors,
    resting_noise,
)
from synth.real_imu.residual_spectrum import cross_spectra, log_spectral_distance
from synth.real_imu.sensor_pair import SensorPair, mirrored_channels, part

RATE, N = 100.0, 12000
EDGES = band_edges(10)


def coloured(rng, low, high, size):
    noise = sosfiltfilt(butter(2, [low, high], "bandpass", fs=RATE, output="sos"), rng.standard_normal((N, 6)), axis=0)
    return size * noise / noise.std(axis=0)


def recording(table, segment="tibia_r"):
    return ImuRecording(SensorPlacement("s", segment), table[:, :3], table[:, 3:], RATE)


def synthetic_pair(seed=0, gain=0.8, segment="tibia_r", size=1.0):
    """Real = gain × virtual + noise of 4-20 Hz; gravity on y."""
    rng = np.random.default_rng(seed)
    virtual = coloured(rng, 0.6, 4.0, size * np.array([2.0, 3.0, 1.0, 0.5, 0.4, 1.5]))
    noise = coloured(rng, 4.0, 20.0, size * np.array([1.0, 0.8, 0.6, 0.2, 0.3, 0.4]))
    gravity = 9.81 * np.eye(6)[1]
    return SensorPair(recording(gain * virtual + noise + gravity, segment), recording(virtual + gravity, segment), None)


def power(table):
    frequency, matrix = cross_spectra(table, RATE)
    return frequency, np.einsum("fcc->fc", matrix).real


def test_gain_coherence_and_level_are_found():
    learnt = learn_errors([synthetic_pair()], edges=EDGES).segments["shank"]
    centre = band_centres(EDGES)
    moving, noisy = (centre > 0.8) & (centre < 2.5), centre > 8.0
    np.testing.assert_allclose(learnt.gain[moving], 0.8, atol=0.05)
    assert learnt.coherence[moving].min() > 0.95
    assert learnt.coherence[noisy].max() < 0.1
    assert not learnt.gain[noisy].any()


def test_a_drawing_has_the_spectrum_of_the_real_sensor():
    pair = synthetic_pair()
    errors = learn_errors([pair], edges=EDGES)
    drawn = draw_learnt_error(pair.virtual, errors, rng=np.random.default_rng(5))
    (frequency, real), (_, ours) = power(mirrored_channels(pair.real)), power(mirrored_channels(drawn))
    assert log_spectral_distance(real, ours, frequency, (0.75, 20.0)).max() < 2.5
    np.testing.assert_allclose(drawn.specific_force.std(axis=0), pair.real.specific_force.std(axis=0), rtol=0.1)
    np.testing.assert_allclose(drawn.specific_force.mean(axis=0), [0.0, 9.81, 0.0], atol=0.02)


def test_errors_grow_with_the_movement():
    errors = learn_errors([synthetic_pair()], edges=EDGES)
    still, lively = (
        draw_learnt_error(synthetic_pair(size=size).virtual, errors, rng=np.random.default_rng(1))
        for size in (1.0, 3.0)
    )
    np.testing.assert_allclose(lively.angular_velocity.std(axis=0), 3.0 * still.angular_velocity.std(axis=0), rtol=1e-6)


def test_a_smoother_laboratory_gets_the_same_spectrum():
    """Power that the virtual side of another laboratory lacks is made up for by noise."""
    pair = synthetic_pair(gain=1.0)
    errors = learn_errors([pair], edges=EDGES)
    smooth = sosfiltfilt(butter(2, 3.0, fs=RATE, output="sos"), np.asarray(mirrored_channels(pair.virtual)), axis=0)
    drawn = draw_learnt_error(recording(smooth), errors, rng=np.random.default_rng(2))
    (frequency, real), (_, ours) = power(mirrored_channels(pair.real)), power(mirrored_channels(drawn))
    assert log_spectral_distance(real, ours, frequency, (0.75, 20.0)).max() < 3.0


def test_left_and_right_are_learnt_together():
    right = synthetic_pair()
    left = SensorPair(
        *(recording(mirrored_channels(side) * MIRROR, "tibia_l") for side in (right.real, right.virtual)), None
    )
    alone, both = (learn_errors(pairs, edges=EDGES).segments["shank"] for pairs in ([right], [right, left]))
    np.testing.assert_allclose(both.correlation, alone.correlation, atol=1e-12)
    np.testing.assert_allclose(both.level, alone.level, rtol=1e-12)


def test_noise_that_comes_in_bursts_is_given_an_envelope():
    rng = np.random.default_rng(6)
    bursts = 0.05 + (np.sin(np.arange(N) / RATE * 2 * np.pi * 0.7)[:, None] > 0.6)
    virtual, noise = bursts * coloured(rng, 1.0, 8.0, np.ones(6)), rng.standard_normal((N, 6))
    steady = SensorPair(recording(virtual + 0.2 * noise), recording(virtual), None)
    bursting = SensorPair(recording(virtual + 0.5 * bursts * noise), recording(virtual), None)
    assert np.isinf(choose_envelope([steady]))
    assert choose_envelope([bursting]) <= 0.2


def test_resting_noise_is_that_of_still_samples():
    rng = np.random.default_rng(7)
    table = rng.standard_normal((N, 6)) * np.repeat([0.02, 0.001], 3)
    still = np.arange(N) < N // 2
    table[~still] *= 100.0
    force, turn = resting_noise([(recording(table), still)])
    assert force == pytest.approx(0.02 / np.sqrt(RATE / 2), rel=0.1)
    assert turn == pytest.approx(0.001 / np.sqrt(RATE / 2), rel=0.1)


def test_what_has_no_class_is_refused():
    pair = synthetic_pair(segment="torso")
    with pytest.raises(ValueError, match="segment 'torso' has no class; learnt are pelvis"):
        learn_errors([pair], edges=EDGES)
    with pytest.raises(ValueError, match="blocks of 2 s"):
        learn_errors([part(synthetic_pair(), 0, 300)], edges=EDGES)


def test_gaps_of_either_side_are_left_out():
    pair = synthetic_pair()
    force = pair.real.specific_force.copy()
    force[3000:3100] = np.nan
    wild = pair.virtual.angular_velocity.copy()
    wild[3010:3090] += 100.0
    gappy = SensorPair(replace(pair.real, specific_force=force), replace(pair.virtual, angular_velocity=wild), None)
    found, clean = (learn_errors([p], edges=EDGES).segments["shank"] for p in (gappy, pair))
    np.testing.assert_allclose(found.level, clean.level, rtol=0.3)


def test_noise_that_channels_share_stays_shared():
    rng = np.random.default_rng(8)
    virtual = coloured(rng, 0.6, 4.0, np.ones(6))
    noise = coloured(rng, 2.0, 20.0, np.ones(6))
    noise[:, 4] = 0.8 * noise[:, 0] + 0.6 * noise[:, 4]
    pair = SensorPair(recording(virtual + noise), recording(virtual), None)
    errors = learn_errors([pair], edges=EDGES)
    drawn = mirrored_channels(draw_learnt_error(pair.virtual, errors, rng=np.random.default_rng(4))) - virtual
    correlation = np.corrcoef(sosfiltfilt(butter(2, [8.0, 16.0], "bandpass", fs=RATE, output="sos"), drawn, axis=0).T)
    assert correlation[0, 4] == pytest.approx(0.8, abs=0.1)
    assert np.abs(correlation[1, [0, 2, 3, 4, 5]]).max() < 0.15


def test_noise_comes_with_the_movement_where_it_did():
    rng = np.random.default_rng(9)
    bursts = 0.05 + (np.sin(np.arange(N) / RATE * 2 * np.pi * 0.5)[:, None] > 0.0)
    virtual, noise = bursts * coloured(rng, 1.0, 4.0, np.ones(6)), coloured(rng, 8.0, 30.0, np.ones(6))
    pair = SensorPair(recording(virtual + 0.5 * bursts * noise), recording(virtual), None)
    drawn = draw_learnt_error(pair.virtual, learn_errors([pair], edges=EDGES), rng=np.random.default_rng(1))
    high = sosfiltfilt(butter(2, 8.0, "highpass", fs=RATE, output="sos"), mirrored_channels(drawn), axis=0)
    moving = bursts[:, 0] > 0.5
    assert high[moving].std() > 3.0 * high[~moving].std()


def test_a_signal_that_runs_the_other_way_is_no_gain():
    pair = synthetic_pair()
    against = SensorPair(recording(-mirrored_channels(pair.virtual)), pair.virtual, None)
    assert not learn_errors([against], edges=EDGES).segments["shank"].gain[1:4].any()
