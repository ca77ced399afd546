"""Walking pace from tilts and gyroscopes: that of an inverted pendulum, without a look ahead, and what is unknown."""

import numpy as np
import pytest
import torch

from mocap_import.subject import Subject
from training.physics.estimate import USUAL_SPEED
from training.physics.pace import walking_pace
from training.physics.record import body_of

RATE = 100.0
BODY = body_of(Subject("A", 70.0, 1.75), torch.float64)
LEGS = {side: [BODY.segments.index(f"{s}_{side}") for s in ("femur", "tibia", "calcn")] for side in "rl"}
SENSED = (0, *LEGS["r"], *LEGS["l"])


def swinging(frames, back, forth):
    """Rates (frames, 7) of two stiff legs, of which the right one turns back and the left one forth."""
    rates = np.zeros((frames, 7))
    rates[:, 1:4], rates[:, 4:7] = -back, forth
    return rates


def leg_length():
    """Height (m) of the hip over the mean of heel and toe, upright."""
    joints = BODY.joints[LEGS["r"][1:], 1].sum()
    return -float(joints + BODY.contacts[:2, 1].mean())


def test_the_foot_that_moves_backwards_gives_the_speed_of_an_inverted_pendulum():
    pace = walking_pace(BODY, SENSED, np.zeros((400, 7)), swinging(400, 1.2, 2.0), RATE)
    np.testing.assert_allclose(pace, 1.2 * leg_length(), rtol=1e-9)


def test_a_frame_depends_on_the_frames_before_it_alone():
    rng = np.random.default_rng(0)
    tilts, rates = 0.3 * rng.standard_normal((300, 7)), rng.standard_normal((300, 7))
    whole = walking_pace(BODY, SENSED, tilts, rates, RATE)
    np.testing.assert_array_equal(walking_pace(BODY, SENSED, tilts[:120], rates[:120], RATE), whole[:120])


def test_without_a_sensor_on_a_foot_it_is_the_usual_speed():
    pace = walking_pace(BODY, (0, 1), np.zeros((20, 2)), np.ones((20, 2)), RATE)
    assert pace == pytest.approx(USUAL_SPEED)
