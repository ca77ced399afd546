"""Jump of a muscle path: where OpenSim's own length leaps between two poses that are hardly apart.

A path over a cylinder has two ways round; where OpenSim's choice changes, length and arms leap, which no muscle does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opensim_models.model.muscle_path import MusclePath, length_and_arms
from opensim_models.osim import muscle_client

HALVINGS = 24
LEAST_JUMP = 0.5e-3
"""m: less is a bend, not a jump."""


def locate_jump(path: Path, fitted: MusclePath, values: np.ndarray, off: np.ndarray, limit: float) -> str | None:
    """Halve the line from a pose that a polynomial fits to one that it does not, until OpenSim's leap is found.

    Parameters
    ----------
    path : Path
        The model.
    fitted : MusclePath
    values : (n, n_crossed) array
        Poses (rad or m) of the coordinates that the muscle crosses.
    off : (n,) array
        Polynomial minus OpenSim's length (m).
    limit : float
        m: a pose that is farther off lies beyond the jump.

    Returns
    -------
    str or None
        Size and place of the jump in words; None where the length is continuous after all.
    """
    bad = values[int(np.argmax(np.abs(off)))]
    fine = values[np.abs(off) < 0.5 * limit]
    if not len(fine):
        return None
    width = np.ptp(np.array(fitted.ranges), axis=1)
    good = fine[int(np.argmin(np.linalg.norm((fine - bad) / width, axis=1)))]
    for _ in range(HALVINGS):
        middle = 0.5 * (good + bad)
        away = float(length_and_arms(fitted, list(middle))[0]) - _length(path, fitted, middle)
        good, bad = (good, middle) if abs(away) > limit else (middle, bad)
    leap = _length(path, fitted, bad) - _length(path, fitted, good)
    if abs(leap) < LEAST_JUMP:
        return None
    place = ", ".join(f"{n} = {x:.3f}" for n, x in zip(fitted.coordinates, good, strict=True))
    return f"OpenSim's length jumps by {1e3 * leap:.1f} mm at {place}"


def _length(path: Path, fitted: MusclePath, values: np.ndarray) -> float:
    """OpenSim's length of one muscle in one pose (m)."""
    return float(muscle_client.muscle_lengths(path, fitted.coordinates, values[None], [fitted.name])[0, 0])
