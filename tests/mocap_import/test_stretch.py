"""Stretches cover exactly the frames for which a mask holds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mocap_import.stretch import stretches, stretches_named


@given(st.lists(st.booleans(), max_size=30))
def test_stretches_cover_what_holds_and_nothing_else(holds):
    holds = np.array(holds, dtype=bool)
    starts, stops = stretches(holds)
    covered = np.zeros(len(holds), dtype=bool)
    for start, stop in zip(starts, stops, strict=True):
        assert stop > start
        covered[start:stop] = True
    assert np.array_equal(covered, holds)
    assert (starts[1:] > stops[:-1]).all()


def test_stretches_are_named_in_frames_or_seconds_the_first_ones_and_how_many_more():
    holds = np.arange(40) % 4 < 2
    assert stretches_named(holds[:8]) == "0-1, 4-5"
    assert stretches_named(holds[:8], 100.0, digits=3) == "0.000-0.020 s, 0.040-0.060 s"
    assert stretches_named(holds, most=2) == "0-1, 4-5 and 8 more"
    assert stretches_named(np.zeros(3, dtype=bool)) == ""
