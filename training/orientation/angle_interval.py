"""Intervals of joint angles: how many true values they hold, and the factor that makes them hold what they promise.

A smoother's covariance is right under its assumed laws. Real networks err otherwise, hence the deviations are scaled by
one factor per angle, a conformal score on training subjects: the level's quantile of |error| / deviation, every subject
weighing the same. With few subjects the factor itself is uncertain by what subjects differ; no guarantee for a single
new person is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class AngleError:
    """Errors of a trial with the deviations that were promised.

    Attributes
    ----------
    subject : str
        Subject code.
    error, deviation : ndarray, shape (n_frames, n_angles)
        Estimate minus truth, and its standard deviation; one unit.
    """

    subject: str
    error: np.ndarray
    deviation: np.ndarray


def interval_coverage(trials: Sequence[AngleError], level: float = 0.9, factor: np.ndarray | float = 1.0) -> np.ndarray:
    """Share (n_angles,) of true values inside the intervals, mean by subject, mean over subjects.

    Parameters
    ----------
    trials : sequence of AngleError
    level : float
        What the interval promises.
    factor : float or ndarray, shape (n_angles,)
        Of the deviations, from `conformal_factor`.
    """
    half = norm.ppf(0.5 + 0.5 * level) * np.asarray(factor)
    by_subject: dict[str, list[np.ndarray]] = {}
    for trial in trials:
        inside = (np.abs(trial.error) <= half * trial.deviation).mean(axis=0)
        by_subject.setdefault(trial.subject, []).append(inside)
    return np.mean([np.mean(own, axis=0) for own in by_subject.values()], axis=0)


def conformal_factor(trials: Sequence[AngleError], level: float = 0.9) -> np.ndarray:
    """Factor (n_angles,) of the deviations with which the intervals hold the level's share on training subjects.

    Parameters
    ----------
    trials : sequence of AngleError
        Of training subjects, by networks that did not see them.
    level : float

    Raises
    ------
    ValueError
        No trial, or a deviation that is not positive.
    """
    if not trials:
        raise ValueError("a conformal factor is fitted on training trials; there is none.")
    if not all((trial.deviation > 0).all() for trial in trials):
        raise ValueError("a deviation is not positive; expected those of `angle_deviations`.")
    codes = [trial.subject for trial in trials]
    share = [np.full(len(t.error), 1.0 / (codes.count(t.subject) * len(t.error))) for t in trials]
    weight = np.concatenate(share) / len(set(codes))
    score = np.concatenate([np.abs(trial.error) / trial.deviation for trial in trials])
    order = np.argsort(score, axis=0)
    reached = np.cumsum(weight[order], axis=0)
    first = np.argmax(reached >= level - 1e-12, axis=0)
    quantile = np.take_along_axis(score, np.take_along_axis(order, first[None], axis=0), axis=0)[0]
    return quantile / norm.ppf(0.5 + 0.5 * level)
