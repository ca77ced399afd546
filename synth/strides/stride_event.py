"""Six instants of a running stride from its joint angles: what tables of strides hold no events for.

Rows of a stride run from foot strike to the next one. Found on a runner's mean stride, so that every stride of a runner
is read at the same rows: foot strike; most flexed knee in stance; most dorsiflexed ankle in stance; most plantarflexed
ankle (foot off); most flexed knee in swing; most flexed hip in swing.
"""

from __future__ import annotations

import numpy as np

from synth.strides.stride_table import RunnerStrides

EVENTS = ("strike", "knee_stance", "ankle_stance", "foot_off", "knee_swing", "hip_swing")
ANGLES = (
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_flexion", "knee_adduction", "knee_rotation"),
    *("ankle_flexion", "ankle_adduction", "ankle_rotation"),
)
"""Names of the columns of `RunnerStrides.angles`, which are right-handed angles about Z, X and Y."""


def event_rows(strides: RunnerStrides) -> np.ndarray:
    """Row (6,) of each event in the mean stride of a runner; see `EVENTS`."""
    mean = strides.angles.mean(axis=0)
    hip, knee, ankle = mean[:, 0], -mean[:, 3], mean[:, 6]  # a knee flexes about -Z

    def most(curve: np.ndarray, low: int, high: int) -> int:
        return low + int(np.argmax(curve[low:high]))

    knee_stance = most(knee, 5, 30)
    ankle_stance = most(ankle, 8, 35)
    foot_off = most(-ankle, max(25, ankle_stance), 60)
    knee_swing = most(knee, foot_off, 95)
    hip_swing = most(hip, knee_swing, 101)
    return np.array([0, knee_stance, ankle_stance, foot_off, knee_swing, hip_swing])


def event_angles(strides: RunnerStrides) -> np.ndarray:
    """Angles (n_strides, 6, 9) in rad at the events: 54 numbers a stride."""
    return strides.angles[:, event_rows(strides), :]
