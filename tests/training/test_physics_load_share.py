"""Which foot carries the load, told by foot gyroscopes: events of feet whose turning is known, and what is not told."""

import numpy as np
import pytest

from mocap_import.subject import Subject
from training.physics.load_share import LANDED, LEFT_AFTER, foot_events, load_share
from training.physics.record import body_of

RATE, STRIDE = 100.0, 1.2
LEAVES, LANDS, SLAPS = 0.10, 0.50, 0.56
"""s after the start of a stride: fastest turning about the toes, last zero of the swing, trough of the slap."""


def foot(seconds=8.0, delay=0.0):
    """Angular velocity of a foot: a trough at push-off, a hump in swing, a zero, a slap, and rest."""
    at = np.array([0.0, 0.02, LEAVES, 0.18, 0.35, LANDS, SLAPS, 0.66, 0.9, 1.0, STRIDE])
    value = np.array([-3.0, -4.0, -8.0, 0.0, 6.0, 0.0, -4.0, 0.0, 0.0, -1.0, -3.0])
    time = np.arange(round(seconds * RATE)) / RATE
    return np.interp((time - delay) % STRIDE, at, value)


def test_strikes_and_offs_are_where_the_foot_comes_down_and_turns_fastest():
    strikes, offs = foot_events(foot(), RATE)
    k = np.arange(len(offs))
    np.testing.assert_allclose(offs, LEAVES + LEFT_AFTER + STRIDE * k, atol=0.015)
    landed = LANDS + LANDED * (SLAPS - LANDS)
    np.testing.assert_allclose(strikes, landed + STRIDE * np.arange(len(strikes)), atol=0.015)
    assert len(strikes) >= 6


def test_the_load_goes_over_between_one_strike_and_the_other_off_and_stays_between():
    share = load_share(foot(), foot(delay=STRIDE / 2), RATE)
    time = np.arange(len(share)) / RATE
    # the right foot lands at 0.52 s, the left one leaves at 0.7 s and lands at 1.12 s, the right one leaves at 1.31 s
    stride = (time >= STRIDE) & (time < 5 * STRIDE)
    assert np.isfinite(share[stride]).all()
    within = time[stride] % STRIDE
    assert (share[stride][(within > 0.74) & (within < 1.08)] == 1.0).all()
    assert (share[stride][(within > 0.14) & (within < 0.48)] == 0.0).all()
    going = share[stride][(within > 0.55) & (within < 0.68)]
    assert ((going > 0.0) & (going < 1.0)).all()
    swapped = load_share(foot(delay=STRIDE / 2), foot(), RATE)
    np.testing.assert_allclose(swapped[stride], 1.0 - share[stride], atol=1e-12)


@pytest.mark.parametrize("silent", ["both", "left"])
def test_nothing_is_told_of_feet_that_stand(silent):
    still = np.zeros(500)
    share = load_share(still if silent == "both" else foot(5.0), still, RATE)
    assert np.isnan(share).all()


def test_the_feet_are_segments_of_the_body():
    from training.physics.load_share import FEET

    assert set(FEET) <= set(body_of(Subject("A", 70.0, 1.75)).segments)
