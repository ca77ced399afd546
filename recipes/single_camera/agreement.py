"""Agreement of gait parameters with their truth, clip by clip: r, limits of agreement, mean absolute error.

A user has one clip of a gait, so that one clip is what is scored; means over the clips of a gait, which hide what one
camera and one detector do, are rows of their own. Every clip counts alike in r and bias; limits of agreement know that
clips of one person repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from recipes.result import Result
from synth.camera.filmed_gait import AT_STRIKES, PARAMETERS
from synth.camera.keypoint_input import ClipArrays, units_of
from training.report.bland_altman import limits_of_agreement

UNITS = {"speed": "m/s", "step_length": "m", "cadence": "steps/s", "step_time_asymmetry": "1", AT_STRIKES: "m"}
GOALS = {("step_length", "r"): ">= 0.9", ("cadence", "r"): ">= 0.95", ("speed", "mean absolute error"): "<= 0.1"}
"""Of the network on single clips of recorded overground gaits."""
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
Interval = tuple[float, float, float]
_DRAWS, _FEWEST = 500, 3
MEAN = "mean of those who taught"
"""In proportion to stature: what knowing nothing but that tells."""
ALL_CLIPS = ", mean of all clips of a gait"
_GOAL_TASK, _GOAL_METHOD = "recorded, overground", "network"


def clip_table(clips: ClipArrays, methods: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row a clip, parameter and method: truth and estimate (SI).

    Parameters
    ----------
    clips : ClipArrays
    methods : mapping of str to ndarray, shape (n, 4)
        SI; NaN where a method says nothing of a clip.
    """
    truth = clips.parameters * units_of(clips.stature)
    frames = []
    for method, said in methods.items():
        for i, parameter in enumerate(PARAMETERS):
            own = {"person": clips.person, "trial": clips.trial, "clip": clip_numbers(clips), "truth": truth[:, i]}
            frames.append(pd.DataFrame({**own, "estimate": said[:, i], "parameter": parameter, "method": method}))
    return pd.concat(frames, ignore_index=True)


def clip_numbers(clips: ClipArrays) -> np.ndarray:
    """Which clip of its gait each is, from 0."""
    return pd.Series(clips.trial).groupby([clips.person, clips.visit, clips.trial]).cumcount().to_numpy()


def with_strikes(table: pd.DataFrame, lengths: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """The same table, and below it each step length against another truth: what an import measured between the feet.

    Parameters
    ----------
    table : DataFrame
        Of `clip_table`.
    lengths : mapping of (str, str) to float
        Person and trial → mean way between the feet at their strikes (m); who is missing has no such rows.
    """
    own = table[table.parameter == "step_length"]
    truth = [lengths.get(pair, np.nan) for pair in zip(own.person, own.trial, strict=True)]
    rows = own.assign(truth=truth, parameter=AT_STRIKES)
    return pd.concat([table, rows[np.isfinite(rows.truth)]], ignore_index=True)


def with_means(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """The same table, and below it the mean of all clips of a gait as if it were another method."""
    own = table[table.method == method]
    keys = ["person", "trial", "parameter"]
    means = own.groupby(keys, as_index=False, sort=False)[["truth", "estimate"]].mean()
    return pd.concat([table, means.assign(clip=0, method=method + ALL_CLIPS)], ignore_index=True)


def agreement_results(table: pd.DataFrame, task: str, seed: int, *, recorded: bool) -> list[Result]:
    """Rows of a task: mean absolute error, r, bias, and half the width of the limits of agreement."""
    results = []
    for (parameter, method), rows in table.groupby(["parameter", "method"], sort=False):
        known = rows.dropna(subset=["truth", "estimate"])
        if known.empty:
            continue
        measures: dict[str, tuple[Measure, str]] = {
            "mean absolute error": (mean_absolute_error, UNITS[parameter]),
            "r": (correlation, "1"),
            "limits of agreement, half width": (half_limits, UNITS[parameter]),
        }
        arrays = known.truth.to_numpy(), known.estimate.to_numpy(), known.person.to_numpy(str)
        for measure, (function, unit) in measures.items():
            value, low, high = with_interval(*arrays, function, seed)
            if not np.isfinite(value):
                continue
            about = f"; bias {np.mean(arrays[1] - arrays[0]):.3g}" if measure.startswith("limits") else ""
            counts = task == _GOAL_TASK and method == _GOAL_METHOD and recorded
            results.append(
                Result(
                    task,
                    method,
                    f"{parameter}: {measure}",
                    unit,
                    value,
                    low,
                    high,
                    known.person.nunique(),
                    GOALS.get((parameter, measure), "") if counts else "",
                    f"{len(known)} {'gaits' if method.endswith(ALL_CLIPS) else 'clips'}{about}",
                )
            )
    return results


def person_means(values: np.ndarray, people: np.ndarray) -> dict[str, float]:
    """Mean of the known values (n,) of each person; none of whom nothing is known."""
    known = np.isfinite(values)
    return {str(p): float(values[(people == p) & known].mean()) for p in sorted(set(people[known]))}


def mean_absolute_error(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """Mean over people of their absolute errors; `person` numbers them."""
    count = np.bincount(person)
    means = np.bincount(person, np.abs(said - truth))[count > 0] / count[count > 0]
    return float(means.mean())


def correlation(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """Pearson's r over clips; NaN for fewer than three, or where one side is constant."""
    if len(truth) < _FEWEST or said.std() < 1e-12 or truth.std() < 1e-12:
        return float("nan")
    return float(np.corrcoef(truth, said)[0, 1])


def half_limits(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """Half the width of the limits of agreement of clips that repeat within people; NaN for fewer than two people."""
    limits = limits_of_agreement(said - truth, person)
    return (limits.high - limits.low) / 2.0


def with_interval(truth: np.ndarray, said: np.ndarray, people: np.ndarray, function: Measure, seed: int) -> Interval:
    """A measure, and its 95 % interval with people drawn with replacement; NaN limits with fewer than three people.

    Parameters
    ----------
    truth, said : ndarray, shape (n,)
    people : ndarray of str, shape (n,)
    function : callable
        (truth, said, person numbers) → value.
    seed : int

    Returns
    -------
    (float, float, float)
        Value, lower and upper limit.
    """
    codes, number = np.unique(people, return_inverse=True)
    value = function(truth, said, number)
    if len(codes) < _FEWEST or not np.isfinite(value):
        return value, float("nan"), float("nan")
    own = [np.flatnonzero(number == i) for i in range(len(codes))]
    rng, values = np.random.default_rng(seed), []
    for _ in range(_DRAWS):
        drawn = [own[i] for i in rng.integers(len(codes), size=len(codes))]
        rows = np.concatenate(drawn)
        # who is drawn twice counts as two people
        values.append(function(truth[rows], said[rows], np.repeat(np.arange(len(drawn)), [len(d) for d in drawn])))
    finite = np.array(values)[np.isfinite(values)]
    low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
    return value, float(low), float(high)
