"""Exchange rate: how many measured people an error is worth, and how many virtual ones are worth one of them.

Errors of a network against the number of people who taught it make a curve, straight between its points over the
logarithm of the number, and never rising (more people are never worth less). An error is worth as many people as the
curve needs for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

N_DRAWS = 2000


@dataclass(frozen=True)
class Exchange:
    """A number of people with its interval.

    Attributes
    ----------
    value, low, high : float
        95 % interval with persons drawn with replacement. Beyond the numbers that were tried nothing is known: inf is
        more than the largest of them, 0 fewer than the least.
    reached : bool
        Whether some number of the curve is as good.
    share : float
        Share of the draws in which one is.
    """

    value: float
    low: float
    high: float
    reached: bool
    share: float


def people_for(error: float, numbers: Sequence[int], errors: np.ndarray) -> float:
    """How many people reach an error; inf where no tried number does, 0 where the least number does better.

    Parameters
    ----------
    error : float
    numbers : sequence of int
        Rising.
    errors : ndarray, shape (n_numbers,)
    """
    best = np.minimum.accumulate(np.asarray(errors, dtype=float))
    reached = np.flatnonzero(best <= error)
    if not len(reached):
        return float("inf")
    first = int(reached[0])
    if first == 0:
        return float(numbers[0]) if best[0] == error else 0.0
    above, below = best[first - 1], best[first]
    share = (above - error) / (above - below)
    logs = np.log(np.asarray(numbers, dtype=float))
    return float(np.exp(logs[first - 1] + share * (logs[first] - logs[first - 1])))


def exchange(target: np.ndarray, numbers: Sequence[int], errors: np.ndarray, *, seed: int = 0) -> Exchange:
    """How many people of a curve are worth a mean error, with persons kept whole.

    Parameters
    ----------
    target : ndarray, shape (n_persons,)
        The error to reach, person by person.
    numbers : sequence of int
        Rising.
    errors : ndarray, shape (n_persons, n_numbers)
        Of the same persons.
    seed : int

    Returns
    -------
    Exchange
    """

    def of(rows: np.ndarray) -> float:
        return people_for(float(target[rows].mean()), numbers, errors[rows].mean(axis=0))

    n = len(target)
    value = of(np.arange(n))
    drawn = _drawn(of, n, seed)
    low, high = np.nan, np.nan
    if n > 2:
        # Between draws no middle is taken: there is none to infinity.
        low, high = (np.percentile(drawn, q, method=m) for q, m in ((2.5, "lower"), (97.5, "higher")))
    return Exchange(value, float(low), float(high), bool(np.isfinite(value)), float(np.isfinite(drawn).mean()))


def _drawn(of: Callable[[np.ndarray], float], n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([of(rng.integers(n, size=n)) for _ in range(N_DRAWS)])
