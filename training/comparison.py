"""Comparison: several methods' error tables on the same trials, summarised over subjects.

The unit of analysis is the subject: a metric is averaged over coordinates and trials within each subject first, and
mean, SD and the 95 % interval (bootstrap over subjects) are taken over these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.evaluation import TRIAL
from training.mean_waveform import METHOD as MEAN_WAVEFORM

N_BOOTSTRAP = 2000
FEW_SUBJECTS = 3
"""With fewer subjects than this there is no interval: the rows are cases."""


@dataclass(frozen=True)
class Measure:
    """A column of the comparison.

    Attributes
    ----------
    metric : str
        As in the error table.
    label : str
        Heading for people.
    unit : str
    selects : callable
        Coordinate → whether it belongs to the average.
    higher_is_better : bool
    is_scored : bool
        Whether the methods are ranked by it (time and labels are circumstances, not errors).
    """

    metric: str
    label: str
    unit: str
    selects: Callable[[str], bool] = lambda coordinate: True
    higher_is_better: bool = False
    is_scored: bool = True


def _is_joint(coordinate: str) -> bool:
    return coordinate.startswith(("hip", "knee", "ankle"))


def _is_vertical(coordinate: str) -> bool:
    return coordinate.startswith("ground_force_y")


def _is_fore_aft(coordinate: str) -> bool:
    return coordinate.startswith("ground_force_x")


MEASURES = {
    "angle_rmse": Measure("angle_rmse", "Joint angle RMSE", "deg", _is_joint),
    "angle_rmse_mean_removed": Measure("angle_rmse_mean_removed", "Joint angle RMSE, mean removed", "deg", _is_joint),
    "angle_correlation": Measure("angle_correlation", "Joint angle r", "1", _is_joint, higher_is_better=True),
    "pelvis_tilt_rmse": Measure("angle_rmse", "Pelvis tilt RMSE", "deg", lambda c: c == "pelvis_tilt"),
    "moment_rmse": Measure("moment_rmse", "Joint moment RMSE", "%BWBH", _is_joint),
    "moment_correlation": Measure("moment_correlation", "Joint moment r", "1", _is_joint, higher_is_better=True),
    "vertical_force_rmse": Measure("ground_reaction_rmse", "Vertical force RMSE", "%BW", _is_vertical),
    "vertical_force_correlation": Measure(
        "ground_reaction_correlation", "Vertical force r", "1", _is_vertical, higher_is_better=True
    ),
    "fore_aft_force_rmse": Measure("ground_reaction_rmse", "Fore-aft force RMSE", "%BW", _is_fore_aft),
    "speed_error": Measure("speed_absolute_error", "Speed error", "m/s"),
    "seconds": Measure("seconds", "CPU time per trial", "s", is_scored=False),
    "labelled_trials": Measure("labelled_trials", "Labelled trials needed", "1", is_scored=False),
    "labelled_frames": Measure("labelled_frames", "Labelled frames needed", "1", is_scored=False),
}
"""Column of the comparison → what it averages: joint angles and moments are those of hips, knees and ankles."""


def compare(errors: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Summarise error tables over subjects.

    Parameters
    ----------
    errors : DataFrame
        Rows of `training.evaluation.evaluate` of any number of methods.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a method and measure: ``method, measure, label, unit, n_subjects, n_trials, n_refused, mean, sd, low,
        high`` and, against the mean waveform on the trials that both have, ``difference, difference_low,
        difference_high, verdict``. `low` and `high` are the 95 % interval; NaN with fewer than three subjects.
        `verdict` is ``better``, ``worse`` (the interval excludes zero), ``not clear``, ``too few subjects`` or empty.
    """
    methods = list(dict.fromkeys(errors["method"]))
    rows = []
    for name, measure in MEASURES.items():
        by_trial = trial_values(errors, measure)
        for method in methods:
            own = by_trial[by_trial.index.get_level_values("method") == method].droplevel("method")
            rows.append(
                {"method": method, "measure": name, "label": measure.label, "unit": measure.unit}
                | _spread(own, seed)
                | {"n_refused": n_refused(errors, method)}
                | _against_mean_waveform(by_trial, own, method, measure, seed)
            )
    return pd.DataFrame(rows)


def trial_values(errors: pd.DataFrame, measure: Measure) -> pd.Series:
    """Mean over coordinates of one measure by (method, subject, trial); trials without a value are left out."""
    chosen = errors[(errors["metric"] == measure.metric) & errors["coordinate"].map(measure.selects).astype(bool)]
    return chosen.groupby(["method", "subject", "trial"], sort=False)["value"].mean().dropna()


def n_refused(errors: pd.DataFrame, method: str) -> int:
    """Labelled trials of which a method has no estimate."""
    rows = errors[(errors["method"] == method) & (errors["metric"] == "refused") & (errors["coordinate"] == TRIAL)]
    return int(rows["value"].sum())


def bootstrap_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of the mean over subjects.

    Parameters
    ----------
    values : ndarray, shape (n_subjects,)
    seed : int

    Returns
    -------
    (float, float)
        NaN with fewer than three subjects.
    """
    if len(values) < FEW_SUBJECTS:
        return float("nan"), float("nan")
    draws = np.random.default_rng(seed).integers(len(values), size=(N_BOOTSTRAP, len(values)))
    low, high = np.percentile(np.asarray(values)[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def ratio_interval(above: np.ndarray, below: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Ratio of two means over the same subjects and its 95 % percentile interval, both values of a subject together.

    Parameters
    ----------
    above, below : ndarray, shape (n_subjects,)
    seed : int

    Returns
    -------
    (float, float, float)
        Ratio, low, high; no interval (NaN) with fewer than three subjects.
    """
    ratio = float(np.mean(above) / np.mean(below))
    if len(above) < FEW_SUBJECTS:
        return ratio, float("nan"), float("nan")
    draws = np.random.default_rng(seed).integers(len(above), size=(N_BOOTSTRAP, len(above)))
    drawn = np.asarray(above)[draws].mean(axis=1) / np.asarray(below)[draws].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return ratio, float(low), float(high)


def comparison_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Lay a comparison out for reading: methods down, measures across, ``mean ± SD`` as text."""
    table: dict[str, dict[str, str]] = {}
    for row in comparison.itertuples():
        heading = row.label if row.unit == "1" else f"{row.label} ({row.unit})"
        table.setdefault(heading, {})[row.method] = format_value(row.mean, row.sd)
    frame = pd.DataFrame(table)
    frame.index.name = "method"
    return frame


def summary_table(comparison: pd.DataFrame, method: str) -> pd.DataFrame:
    """One method's measures for reading: mean ± SD and the 95 % interval as text."""
    own = comparison[comparison["method"] == method]
    interval = [
        f"{format_value(low, np.nan)} to {format_value(high, np.nan)}" if np.isfinite(low) else "–"
        for low, high in zip(own["low"], own["high"], strict=True)
    ]
    spread = [format_value(mean, sd) for mean, sd in zip(own["mean"], own["sd"], strict=True)]
    table = {"measure": own["label"], "unit": own["unit"], "mean ± SD": spread, "95 % interval": interval}
    return pd.DataFrame(table | {"subjects": own["n_subjects"], "trials": own["n_trials"]})


def format_value(mean: float, sd: float) -> str:
    """``mean ± SD`` with three figures of the mean; a dash for nothing."""
    if not np.isfinite(mean):
        return "–"
    if mean == round(mean) and not sd > 0:
        return f"{mean:.0f}"
    decimals = int(np.clip(2 - np.floor(np.log10(abs(mean))), 0, 4)) if mean else 0
    spread = f" ± {sd:.{decimals}f}" if np.isfinite(sd) and sd > 0 else ""
    return f"{mean:.{decimals}f}{spread}"


def _spread(by_trial: pd.Series, seed: int) -> dict[str, float]:
    """Mean, SD and interval over subjects of one method's values by (subject, trial)."""
    by_subject = by_trial.groupby("subject").mean()
    low, high = bootstrap_interval(by_subject.to_numpy(), seed)
    return {
        "n_subjects": len(by_subject),
        "n_trials": len(by_trial),
        "mean": float(by_subject.mean()) if len(by_subject) else float("nan"),
        "sd": float(by_subject.std(ddof=1)) if len(by_subject) > 1 else float("nan"),
        "low": low,
        "high": high,
    }


def _against_mean_waveform(
    by_trial: pd.Series, own: pd.Series, method: str, measure: Measure, seed: int
) -> dict[str, float | str]:
    """Paired difference to the mean waveform, on the trials that both have."""
    nothing = {"difference": float("nan"), "difference_low": float("nan"), "difference_high": float("nan")}
    mean = by_trial[by_trial.index.get_level_values("method") == MEAN_WAVEFORM].droplevel("method")
    if method == MEAN_WAVEFORM or not measure.is_scored or mean.empty or own.empty:
        return nothing | {"verdict": ""}
    difference = (own - mean).dropna().groupby("subject").mean()
    if difference.empty:
        return nothing | {"verdict": ""}
    low, high = bootstrap_interval(difference.to_numpy(), seed)
    verdict = "not clear"
    if not np.isfinite(low):
        verdict = "too few subjects"
    elif high < 0 or low > 0:
        verdict = "better" if (high < 0) != measure.higher_is_better else "worse"
    summary = {"difference": float(difference.mean()), "difference_low": low, "difference_high": high}
    return summary | {"verdict": verdict}
