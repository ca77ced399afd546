"""A summary tells how somebody walks: the same from anywhere in the gait, exact without errors, steady with them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from synth.camera.detector import PERFECT, DetectorErrors
from synth.camera.keypoint_clip import View, film
from synth.camera.keypoint_input import FRAMES, keypoint_input
from synth.camera.keypoint_summary import HARMONICS, SUMMARY, keypoint_summaries

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import HEIGHT, PERIOD, made_gait

FAR = {"distance": 400.0, "focal": 1e5, "rate": 60.0}
SERIES = 2 * HARMONICS + 2
THIGH = slice(SERIES, 2 * SERIES)


def summary(errors=PERFECT, seed=0, start=0.0, seconds=5.0):
    clip = film(made_gait(12.0), View(**FAR), errors, np.random.default_rng(seed), seconds=seconds, start=start)
    return keypoint_summaries(keypoint_input(clip.pixels, clip.rate, HEIGHT)[None])[0]


def test_it_tells_swing_pace_and_evenness():
    told = summary()
    assert told.shape == (SUMMARY,)
    first = np.hypot(told[THIGH][1], told[THIGH][1 + HARMONICS])
    assert first == pytest.approx(0.45, rel=0.05), "amplitude of the made thigh's swing (rad)"
    assert told[THIGH][-1] < 0.02, "a cosine leaves nothing over"
    pace = told[7 * SERIES :]
    instants = 30.0 / np.sqrt(HEIGHT / 1.75)
    assert np.exp(pace[0]) == pytest.approx(PERIOD / 2.0 * instants, rel=0.02)
    assert pace[1:5] == pytest.approx(np.zeros(4), abs=0.02), "every step like the other"


def test_it_is_the_same_wherever_a_clip_begins():
    one, other = summary(start=0.0), summary(start=2.37)
    assert np.abs(one - other)[: 7 * SERIES].max() < 0.05


def test_jitter_moves_it_the_less_the_longer_a_clip():
    jitter = DetectorErrors(jitter=0.01, memory=0.05, offset=0.0, dropout=0.0, swaps=0.0)
    true = summary(seconds=5.5)

    def error(seconds):
        told = [summary(jitter, seed, seconds=seconds) for seed in range(6)]
        return np.sqrt(np.mean([(t - true)[: 7 * SERIES].reshape(7, SERIES)[:, :-1] ** 2 for t in told]))

    assert error(5.5) < 0.75 * error(2.0)


def test_who_walks_unevenly_is_told():
    """Strides of 7 % variation, in the place of none."""
    rng = np.random.default_rng(3)
    inputs = np.zeros((1, FRAMES, 36), np.float32)
    inputs[0, :, 24:] = 1.0
    inputs[0, :, 1], inputs[0, :, 5], inputs[0, :, 9], inputs[0, :, 13] = -2.0, 0.0, 1.0, 2.0

    def variation(spread):
        ends = np.cumsum(np.r_[0.0, 30.0 * (1.0 + spread * rng.standard_normal(8))])
        own = inputs.copy()
        own[0, :, 12] = np.cos(2.0 * np.pi * np.interp(np.arange(FRAMES), ends, np.arange(9)))
        return keypoint_summaries(own)[0, 7 * SERIES + 2]

    assert variation(0.0) < 0.01
    assert variation(0.07) > 0.03


def test_nothing_found_is_a_summary_of_zeros():
    assert not keypoint_summaries(np.zeros((2, FRAMES, 36), np.float32)).any()
    assert keypoint_summaries(np.zeros((0, FRAMES, 36), np.float32)).shape == (0, SUMMARY)
