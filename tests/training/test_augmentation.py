"""Augmentation is the corpus's own error model with fresh draws: turns keep norms, noise has the stated SD."""

from dataclasses import replace

import numpy as np
import pytest

from synth.corpus import Corpus
from synth.imu.misalignment import misalign
from synth.imu.white_noise import channel_sd
from training.augmentation import augment, channel_covariances
from training.config import OUTPUT_KINDS
from training.training_set import read_training_set
from training.window import Windows
from training.window_source import WindowSource


@pytest.fixture(scope="module")
def source(walking_corpus):
    return WindowSource(read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS), 0.5)


@pytest.fixture(scope="module")
def covariances(source):
    return channel_covariances([record.summary for record in source.records])


def vectors(inputs):
    """Channels (..., 42) as the two 3-vectors of seven sensors (..., 7, 2, 3)."""
    return inputs.reshape(*inputs.shape[:-1], 7, 2, 3)


def test_a_turn_alone_preserves_norms_and_the_angle_between_both_vectors(source, covariances):
    windows = source.draw(8, np.random.default_rng(0))
    turned = augment(windows, covariances, 13.5, 0.0, np.random.default_rng(1))
    before, after = vectors(windows.inputs), vectors(turned)
    np.testing.assert_allclose(np.linalg.norm(after, axis=-1), np.linalg.norm(before, axis=-1), rtol=1e-4, atol=1e-5)
    dots = [np.einsum("...i,...i", v[..., 0, :], v[..., 1, :]) for v in (before, after)]
    np.testing.assert_allclose(dots[1], dots[0], atol=1e-3)
    assert np.abs(after - before).max() > 0.1


def test_the_turn_angle_has_the_stated_sd(source, covariances):
    gravity = np.zeros((2000, 1, 42), dtype=np.float32)
    gravity[..., 0], gravity[..., 4] = 1.0, 1.0
    windows = Windows(gravity, np.empty((2000, 1, 0)), np.zeros(2000, dtype=int), np.zeros(2000, dtype=int))
    turned = vectors(augment(windows, covariances, 13.5, 0.0, np.random.default_rng(2)))[:, 0, 0]
    # Two orthonormal vectors give the third, and the trace of the rotation gives its angle.
    trace = turned[:, 0, 0] + turned[:, 1, 1] + np.cross(turned[:, 0], turned[:, 1])[:, 2]
    angles = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(13.5, rel=0.05)


def test_noise_has_the_stated_share_of_each_clean_channel(source, covariances):
    n = 4000
    windows = Windows(np.zeros((n, 2, 42), np.float32), np.empty((n, 2, 0)), np.zeros(n, dtype=int), np.zeros(n, int))
    noise = augment(windows, covariances, 0.0, 0.15, np.random.default_rng(3))
    expected = 0.15 * channel_sd(source.whole(0).inputs)
    np.testing.assert_allclose(noise.std(axis=(0, 1)), expected, rtol=0.06, atol=1e-6)


def test_noise_of_a_turned_sensor_follows_its_turned_channels(walking_corpus, source, covariances):
    """The SD from the covariance is that of synth's own misaligned record."""
    trial = Corpus(walking_corpus).read(source.records[0].subject, source.records[0].name, clean=True)
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([0.3, -0.2, 0.1])
    worn = misalign(replace(trial.recordings[3]), turn)
    matrix = turn.inv().as_matrix()
    covariance = covariances[0, 6]
    np.testing.assert_allclose(
        np.sqrt(np.diag(matrix @ covariance @ matrix.T)), channel_sd(worn.specific_force), rtol=1e-5
    )


def test_draws_are_fresh_for_every_window_and_repeat_with_the_seed(source, covariances):
    windows = source.draw(4, np.random.default_rng(0))
    same = Windows(*(np.repeat(part[:1], 4, axis=0) for part in vars(windows).values()))
    first = augment(same, covariances, 13.5, 0.15, np.random.default_rng(5))
    again = augment(same, covariances, 13.5, 0.15, np.random.default_rng(5))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 0.1
