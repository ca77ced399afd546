"""Pose jump: frames at which a segment turns faster than any does, so a marker jumped and not the person.

The limit is that of a published recipe for windows of running and walking records (|angular velocity| > 35 rad/s); feet
of runners at 4.5 m/s reach 20. Such frames are unknown, and so is what is too short between two of them to tell which
side of the jump is right.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.stretch import stretches
from opensim_models.motion import SegmentMotion

FASTEST_TURN = 35.0
"""rad/s."""
SHORTEST_STRETCH = 0.1
"""s; a shorter stretch of poses beside a jump goes with it."""


def without_jumps(motion: SegmentMotion) -> tuple[SegmentMotion, int]:
    """Motion whose poses at jumps are unknown (NaN origin), and how many frames these are.

    Parameters
    ----------
    motion : SegmentMotion

    Returns
    -------
    SegmentMotion
    int
    """
    known = np.isfinite(motion.origin).all(axis=1)
    step = (motion.orientation[:-1].inv() * motion.orientation[1:]).magnitude() * motion.rate
    jumps = (step > FASTEST_TURN) & known[:-1] & known[1:]
    if not jumps.any():
        return motion, 0
    left = known.copy()
    left[:-1] &= ~jumps
    left[1:] &= ~jumps
    whole = dict(zip(*stretches(known), strict=True))
    for start, stop in zip(*stretches(left), strict=True):
        beside_jump = whole.get(start) != stop
        if beside_jump and stop - start < SHORTEST_STRETCH * motion.rate:
            left[start:stop] = False
    return replace(motion, origin=np.where(left[:, None], motion.origin, np.nan)), int((known & ~left).sum())
