"""A calibration curve: how often intervals of each stated probability hold the truth of people never seen.

Intervals are conformal over persons (`training.conformal_interval`), perhaps in units of a stated SD (an ensemble's):
then they are wide where the estimate is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from training.comparison import bootstrap_interval
from training.conformal_interval import subject_quantile

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
Scores = Mapping[str, np.ndarray]
"""Person → absolute errors, perhaps each over its stated SD."""


def calibration_curve(
    calibrating: Scores, scored: Scores, levels: tuple[float, ...] = LEVELS, *, seed: int = 0
) -> pd.DataFrame:
    """Stated and found probability.

    Parameters
    ----------
    calibrating, scored : mapping of str to ndarray
        Different persons.
    levels : tuple of float
    seed : int
        Of the bootstrap over persons.

    Returns
    -------
    DataFrame
        ``level``, ``half_width`` (in units of the scores; inf where too few persons calibrate), ``coverage`` (mean over
        persons), ``low``, ``high`` (95 % interval over persons), ``n_calibrating``, ``n_scored``.

    Raises
    ------
    ValueError
        If a person calibrates and is scored.
    """
    refuse_shared(calibrating, scored)
    rows = []
    for level in levels:
        half = subject_quantile(list(calibrating.values()), level)
        covered = np.array([np.mean(np.ravel(s)[np.isfinite(np.ravel(s))] <= half) for s in scored.values()])
        low, high = bootstrap_interval(covered, seed)
        rows.append((level, half, covered.mean(), low, high, len(calibrating), len(scored)))
    columns = ["level", "half_width", "coverage", "low", "high", "n_calibrating", "n_scored"]
    return pd.DataFrame(rows, columns=columns)


def refuse_shared(calibrating: Scores, scored: Scores) -> None:
    """Refuse a person who calibrates and is scored.

    Raises
    ------
    ValueError
    """
    shared = sorted(set(calibrating) & set(scored))
    if shared:
        raise ValueError(
            f"calibration: expected other persons than those who are scored; both have {', '.join(shared)}."
        )


def doubt_ratio(inside: Mapping[str, np.ndarray], outside: Mapping[str, np.ndarray]) -> float:
    """How much larger the stated SD is for people outside the population than inside: median over persons of means."""
    typical = [np.median([np.mean(sd) for sd in people.values()]) for people in (inside, outside)]
    return float(typical[1] / typical[0])
