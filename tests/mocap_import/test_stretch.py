"""Stretches cover exactly the frames for which a mask holds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mocap_import.stretch import stretches


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
