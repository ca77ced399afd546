"""Events of a stride are found where the joints turn round, and read at the same rows in all strides of a runner."""

from __future__ import annotations

import numpy as np

from mocap_import.subject import Subject
from synth.strides.stride_event import EVENTS, event_angles, event_rows
from synth.strides.stride_table import RunnerStrides


def test_events_lie_where_the_curves_were_put():
    row = np.arange(101.0)

    def bump(at, width, height):
        return height * np.exp(-(((row - at) / width) ** 2))

    angles = np.zeros((4, 101, 9))
    angles[:, :, 0] = bump(86, 12, 0.8)
    angles[:, :, 3] = -(bump(16, 8, 0.7) + bump(70, 12, 1.7))
    angles[:, :, 6] = bump(21, 10, 0.4) - bump(44, 8, 0.5)
    angles += np.array([0.0, 0.01, -0.01, 0.0])[:, None, None]
    strides = RunnerStrides(Subject("g01s01", 70.0, 1.8), "g01", 2.5, np.arange(4), angles, "f", "h")
    assert np.abs(event_rows(strides) - [0, 16, 21, 44, 70, 86]).max() <= 1
    assert event_angles(strides).shape == (4, len(EVENTS), 9)
    assert np.allclose(event_angles(strides)[1] - event_angles(strides)[0], 0.01)
