"""Stride quality: strides that a marker spoiled, and the runs of neighbours that are left.

The limits are those by which the strides behind Rapp, Shin et al. (J Biomech 2021) were sorted out, read in the
published code: a change of more than 5, 3 and 3 degrees (flexion, adduction, rotation) from one frame of 200 Hz to the
next. They are applied as speeds here, because rows of a stride are no frames.
"""

from __future__ import annotations

import numpy as np

from synth.strides.stride_table import ROWS

FASTEST = np.radians(np.tile([5.0, 3.0, 3.0], 3)) * 200.0
"""rad/s, a column of `RunnerStrides.angles` each."""
SHORTEST_RUN = 2
"""Strides; one second, the shorter window of the paper, is less than two strides."""


def stride_faults(angles: np.ndarray, duration: float) -> list[str]:
    """Say what is wrong with each stride; ``""`` for a good one.

    Parameters
    ----------
    angles : ndarray, shape (n_strides, 101, 9)
        rad.
    duration : float
        Of a stride (s).
    """
    speed = np.abs(np.diff(angles, axis=1)).max(axis=1) * (ROWS - 1) / duration
    over = speed / FASTEST
    faults = []
    for row, ratio in zip(speed, over, strict=True):
        worst = int(np.argmax(np.where(np.isfinite(ratio), ratio, np.inf)))
        if not np.isfinite(row).all():
            faults.append("an angle is missing")
        elif ratio[worst] > 1.0:
            joint, angle = ("hip", "knee", "ankle")[worst // 3], ("flexion", "adduction", "rotation")[worst % 3]
            faults.append(
                f"{joint} {angle} changes by {np.degrees(row[worst]):.0f} deg/s, at most "
                f"{np.degrees(FASTEST[worst]):.0f} are allowed"
            )
        else:
            faults.append("")
    return faults


def unbroken_runs(numbers: np.ndarray, good: np.ndarray) -> list[slice]:
    """Runs of good strides that follow each other, however short.

    Parameters
    ----------
    numbers : ndarray of int, shape (n_strides,)
    good : ndarray of bool, shape (n_strides,)
    """
    found: list[slice] = []
    start = None
    for k in range(len(numbers) + 1):
        follows = k < len(numbers) and good[k] and (start is None or numbers[k] == numbers[k - 1] + 1)
        if start is not None and not follows:
            found.append(slice(start, k))
            start = None
        if start is None and k < len(numbers) and good[k]:
            start = k
    return found
