"""Reading check: what a sensor's numbers cannot be, whoever uses them, and where there are none.

Angular velocity in deg/s, specific force in g or mg or without gravity are refused; silence is measured here and told
by those who know what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FASTEST = 35.0
"""rad/s; the range of most gyroscopes worn by people ends at 2000 deg/s. Walking in deg/s exceeds it many times."""
LONGEST_GAP = 0.3
"""s without a value of a sensor that may be bridged, a third of a second of a shank; a longer silence is named."""
LIGHTEST, HEAVIEST = 3.0, 100.0
"""m/s²; the median of |specific force| of a moving person is near 9.8 in any activity."""


@dataclass(frozen=True)
class InputFinding:
    """Something that a check found.

    Attributes
    ----------
    is_refusal : bool
        Whether the records must not be used.
    sentence : str
        What was expected, what came, what to do.
    """

    is_refusal: bool
    sentence: str


def check_units(sensor: str, force: np.ndarray, turn: np.ndarray) -> list[InputFinding]:
    """Refuse what is no m/s² or no rad/s.

    Parameters
    ----------
    sensor : str
    force, turn : ndarray, shape (n_frames, 3)
        Specific force and angular velocity as they came; rows with NaN do not count.

    Returns
    -------
    list of InputFinding
        Refusals; empty for sound readings, and for a sensor without values.
    """
    sizes = [np.linalg.norm(values[np.isfinite(values).all(axis=1)], axis=1) for values in (force, turn)]
    if not all(len(size) for size in sizes):
        return []
    found = []
    typical, fast = float(np.median(sizes[0])), float(np.percentile(sizes[1], 99))
    if typical < LIGHTEST:
        found.append(
            f"{sensor} reads {typical:.2f} m/s² (median), expected about 9.8: in units of g, or without gravity"
        )
    if typical > HEAVIEST:
        found.append(f"{sensor} reads {typical:.0f} m/s² (median), expected about 9.8: in mg")
    if fast > FASTEST:
        found.append(f"{sensor} turns at {fast:.0f} rad/s, more than gyroscopes measure ({FASTEST:.0f}): in deg/s")
    return [InputFinding(True, f"{sentence}? Convert the records to m/s² and rad/s") for sentence in found]


def longest_silence(force: np.ndarray, turn: np.ndarray) -> int:
    """Frames of the longest stretch without a whole reading; arrays as of `check_units`."""
    flags = ~np.isfinite(np.column_stack([force, turn])).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def is_silent(force: np.ndarray, turn: np.ndarray) -> bool:
    """Whether a sensor holds no value at all, of its accelerometer or of its gyroscope."""
    return not all(np.isfinite(values).all(axis=1).any() for values in (force, turn))
