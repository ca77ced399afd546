"""Paired differences: one method against another on the trials that both have, over subjects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from training.comparison import MEASURES, bootstrap_interval, trial_values

SHOWN = (
    "angle_rmse",
    "angle_rmse_mean_removed",
    "moment_rmse",
    "vertical_force_rmse",
    "fore_aft_force_rmse",
    "speed_error",
)
"""Measures that a table of differences shows."""


def paired_differences(
    errors: pd.DataFrame, methods: Sequence[str], bar: str, measures: Sequence[str] = SHOWN, seed: int = 0
) -> pd.DataFrame:
    """Hold methods against one of them.

    Parameters
    ----------
    errors : DataFrame
        Rows of `training.evaluation.evaluate`.
    methods : sequence of str
    bar : str
        The method that the others are held against.
    measures : sequence of str
        Keys of `training.comparison.MEASURES`.
    seed : int
        Of the bootstrap over subjects.

    Returns
    -------
    DataFrame
        ``measure, unit, method, n_subjects, n_trials, mean, bar_mean, difference, low, high, verdict``: means and
        differences over subjects (each the mean of its shared trials), 95 % interval of the difference, NaN and "too
        few subjects" with fewer than three. `verdict` is better, worse or not clear.
    """
    rows = []
    for name in measures:
        measure = MEASURES[name]
        values = trial_values(errors, measure)
        by_method = {m: of.droplevel("method") for m, of in values.groupby("method", sort=False)}
        for method in methods:
            if method == bar or method not in by_method or bar not in by_method:
                continue
            pairs = pd.concat({"own": by_method[method], "bar": by_method[bar]}, axis=1).dropna()
            if pairs.empty:
                continue
            subjects = pairs.groupby("subject").mean()
            difference = (subjects["own"] - subjects["bar"]).to_numpy()
            low, high = bootstrap_interval(difference, seed)
            rows.append(
                {
                    "measure": measure.label,
                    "unit": measure.unit,
                    "method": method,
                    "n_subjects": len(subjects),
                    "n_trials": len(pairs),
                    "mean": float(subjects["own"].mean()),
                    "bar_mean": float(subjects["bar"].mean()),
                    "difference": float(difference.mean()),
                    "low": low,
                    "high": high,
                    "verdict": _verdict(low, high, measure.higher_is_better),
                }
            )
    return pd.DataFrame(rows)


def _verdict(low: float, high: float, higher_is_better: bool) -> str:
    """In words what an interval of a difference says."""
    if not np.isfinite(low):
        return "too few subjects"
    if low <= 0 <= high:
        return "not clear"
    return "better" if (high < 0) != higher_is_better else "worse"
