"""Somebody who makes no steps is left out by name; whoever walks, however short the steps, is not."""

import sys
from pathlib import Path

import numpy as np

from synth.camera.detector import DetectorErrors, detected
from synth.camera.keypoint_record import KeypointRecord, record_clips
from synth.camera.keypoint_stretch import LEAST_SWING, leg_swing

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import HEIGHT
from own_files import RATE

WORST = DetectorErrors(0.008, 0.16, 4.0, 0.012, 0.5, 0.2)
"""The largest errors that `draw_errors` draws."""


def test_somebody_who_does_not_step_is_left_out_whatever_the_detector_makes_of_it(clip):
    """Standing still, and so under the worst errors, and crouching down on both legs at once."""
    still = np.repeat(np.nan_to_num(clip.pixels, nan=400.0)[40:41], 150, axis=0)
    height = float(np.ptp(still[0, :, 1]))
    down = still.copy()
    down[:, :6, 1] += 0.2 * height * np.sin(np.arange(150) / 20.0)[:, None] ** 2
    shaken = [detected(still, height, RATE, WORST, np.random.default_rng(i)) for i in range(8)]
    for pixels in (still, down, *shaken):
        clips = record_clips([KeypointRecord("A", "stand", pixels, RATE, HEIGHT)])
        assert len(clips.arrays) == 0
        assert len(clips.left_out) == 1, "one reason, and not that nobody was seen"
        assert "A, stand: 0.00 to 5.00 s left out, no steps: the way between the ankles" in clips.left_out[0]


def test_whoever_walks_in_short_steps_is_no_stander(clip):
    whole = np.nan_to_num(clip.pixels, nan=400.0)
    assert leg_swing(whole) > 6.0 * LEAST_SWING
    hips = whole[:, 2:4].mean(axis=1, keepdims=True)
    short = hips + (whole - hips) * [0.3, 1.0]
    assert 1.5 * LEAST_SWING < leg_swing(short) < 0.4 * leg_swing(whole)
    assert record_clips([KeypointRecord("A", "walk", short, RATE, HEIGHT)]).left_out == ()
