"""Agreement of real people with their truth, person by person: what the network is worth beside simple methods.

The simplest says the mean of those who taught in proportion to stature. It looks at no keypoint: a network that agrees
with the truth no better than it does has seen nothing more of that parameter. Differences are paired, since all methods
are asked about the same clips. Persons may have more clips or fewer; rows of r in which each weighs alike stand beside
those in which each clip does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.result import Result, mean_result
from recipes.single_camera.agreement import MEAN, UNITS, correlation, person_means, with_interval
from training.paired_test import sign_flip_p

NETWORK, GEOMETRY, FITTED = "network", "geometry", "geometry, fitted"
RIVALS = (MEAN, GEOMETRY, FITTED)
ALIKE = "r, people weighted alike"


def person_results(table: pd.DataFrame, task: str, seed: int) -> list[Result]:
    """Rows of a task: r with people weighted alike, and the network less each of `RIVALS` in error and in r.

    Parameters
    ----------
    table : DataFrame
        Of `clip_table`, one row a clip, parameter and method.
    task : str
    seed : int
        Of the bootstrap over people.

    Returns
    -------
    list of Result
        A difference of errors below zero, and one of r above zero, is in favour of the network; the note of the former
        tells the p of a paired test by exchange of signs, uncorrected for the number of rows.
    """
    results = []
    for parameter, rows in table.groupby("parameter", sort=False):
        keys = ["person", "trial", "clip"]
        wide = rows.pivot(index=keys, columns="method", values="estimate")
        truth = rows.drop_duplicates(keys).set_index(keys).truth.reindex(wide.index)
        told = wide.assign(truth=truth).reset_index()
        for method in wide.columns:
            results += _alike(told.dropna(subset=["truth", method]), str(parameter), method, task, seed)
        for rival in RIVALS:
            if {NETWORK, rival} <= set(wide.columns):
                results += _paired(told.dropna(subset=["truth", NETWORK, rival]), str(parameter), rival, task, seed)
    return results


def even_correlation(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """Pearson's r over clips in which the clips of each person weigh as much as anybody's; NaN as `correlation`."""
    if not np.isfinite(correlation(truth, said, person)):
        return float("nan")
    covariance = np.cov(truth, said, aweights=1.0 / np.bincount(person)[person])
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def more_correlation(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """By how much the r of the first column of what is said (n, 2) is above that of the second."""
    first, second = (correlation(truth, own, person) for own in said.T)
    return first - second


def _alike(known: pd.DataFrame, parameter: str, method: str, task: str, seed: int) -> list[Result]:
    """The row of r in which each person weighs alike; none where there is no r."""
    people = known.person.to_numpy(str)
    if not len(people):
        return []
    found = with_interval(known.truth.to_numpy(), known[method].to_numpy(), people, even_correlation, seed)
    counts = np.unique(people, return_counts=True)[1]
    note = f"{len(known)} clips, {counts.min()} to {counts.max()} of a person"
    row = Result(task, method, f"{parameter}: {ALIKE}", "1", *found, len(counts), note=note)
    return [row] if np.isfinite(row.value) else []


def _paired(known: pd.DataFrame, parameter: str, rival: str, task: str, seed: int) -> list[Result]:
    """Rows of the network less one rival: absolute error, mean over people, and r."""
    people, truth = known.person.to_numpy(str), known.truth.to_numpy()
    if not len(people):
        return []
    said = known[[NETWORK, rival]].to_numpy()
    wrong = np.abs(said - truth[:, None])
    less = person_means(wrong[:, 0] - wrong[:, 1], people)
    p = sign_flip_p(list(less.values()), seed=seed)
    told = {"task": task, "method": NETWORK, "unit": UNITS[parameter], "seed": seed}
    measure = f"{parameter}: mean absolute error less that of {rival}"
    rows = [mean_result(less, **told, measure=measure, note=f"p {p:.2g}" if np.isfinite(p) else "too few for a test")]
    more = with_interval(truth, said, people, more_correlation, seed)
    if np.isfinite(more[0]):
        name = f"{parameter}: r more than that of {rival}"
        rows.append(Result(task, NETWORK, name, "1", *more, len(less), note=f"{len(known)} clips"))
    return rows
