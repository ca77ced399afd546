"""Belt: a treadmill recording brought to a floor that stands, on which contact laws and speeds mean what they say.

Seen from the belt the laboratory moves forwards: everything is moved along X by belt speed × time since the start.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

if TYPE_CHECKING:
    from synth.optimal_control.recording.recorded_motion import RecordedMotion

FASTEST_BELT = 12.0
"""m/s."""


def over_ground(motion: RecordedMotion, forward: int, belt_speed: float) -> RecordedMotion:
    """A stretch of a trial as seen from the belt on which it was recorded; it begins where it began.

    Parameters
    ----------
    motion : RecordedMotion
        X forward.
    forward : int
        The coordinate that carries the body along X, see `forward_coordinate`.
    belt_speed : float
        m/s, at which the belt runs backwards.

    Raises
    ------
    ModelMismatch
        No treadmill runs like that.
    """
    if not 0.0 < belt_speed <= FASTEST_BELT:
        raise ModelMismatch(
            f"a belt runs backwards at up to {FASTEST_BELT:g} m/s, got {belt_speed:g} m/s; give its speed in m/s."
        )
    shift = np.zeros((len(motion.time), 3))
    shift[:, 0] = belt_speed * (motion.time - motion.time[0])
    values, speeds = motion.values.copy(), motion.speeds.copy()
    values[:, forward] += shift[:, 0]
    speeds[:, forward] += belt_speed
    # the same force at a place further on: its moment about a fixed point is another
    wrenches = {
        foot: replace(wrench, moment=wrench.moment + np.cross(shift, wrench.force))
        for foot, wrench in motion.wrenches.items()
    }
    markers = motion.markers + shift[:, None] if motion.labels else motion.markers
    note = f"brought to a standing floor from a belt at {belt_speed:g} m/s"
    return replace(
        motion, values=values, speeds=speeds, wrenches=wrenches, markers=markers, notes=(*motion.notes, note)
    )


def forward_coordinate(skeleton: Skeleton) -> int:
    """The coordinate that carries the body along X.

    Raises
    ------
    ModelMismatch
        There is none.
    """
    for segment in skeleton.segments:
        for element in segment.elements:
            along = element.kind == "translation" and abs(element.axis[0]) > 0.99
            if segment.parent < 0 and element.coordinate >= 0 and along:
                return element.coordinate
    raise ModelMismatch(f"{skeleton.name}: no coordinate carries the body along X, so nothing can travel.")
