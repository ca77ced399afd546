"""Paired test: whether one method's errors differ from another's on the same persons, without any assumed distribution.

Under no difference the sign of each person's difference is as likely the other one (Fisher 1935): with few persons all
sign patterns are counted, with many a fixed number is drawn. Several tests at once are corrected by Holm's steps (1979,
Scand J Statist 6:65).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST = 6
"""Persons from which a test is made: with five not even all of one sign gives p < 0.05 (2/32)."""
MOST_EXACT = 14
"""Persons up to which all 2^n sign patterns are counted."""
N_DRAWS = 20_000


def sign_flip_p(differences: Sequence[float] | np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p of a mean difference of zero.

    Parameters
    ----------
    differences : sequence of float, length n
        One a person.
    seed : int
        Of the drawn sign patterns, if there are more than `MOST_EXACT` persons.

    Returns
    -------
    float
        NaN with fewer than `FEWEST` persons.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < FEWEST:
        return float("nan")
    if len(d) <= MOST_EXACT:
        patterns = (np.arange(2 ** len(d))[:, None] >> np.arange(len(d))) & 1
        signs = 1.0 - 2.0 * patterns
        drawn = 0
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(N_DRAWS, len(d)))
        drawn = 1  # the pattern that was seen is one of those possible
    means = np.abs(signs @ d) / len(d)
    reached = np.count_nonzero(means >= abs(d.mean()) - 1e-12 * np.abs(d).max(initial=0.0))
    return float((reached + drawn) / (len(signs) + drawn))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """P values corrected for their number, in their order; NaN stay NaN and are not counted."""
    p = np.asarray(p_values, dtype=float)
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
