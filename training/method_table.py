"""Method table: what a comparison shows, by method, by joint and by person, with paired tests where they are possible.

Means are over persons, each the mean over trials and coordinates. With fewer than three persons a row is a case: it has
no interval; a test needs six (`training.paired_test`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from training.comparison import FEW_SUBJECTS, MEASURES, bootstrap_interval, n_refused, trial_values
from training.mean_waveform import METHOD as MEAN_WAVEFORM
from training.method_facts import MethodFacts
from training.paired_test import holm, sign_flip_p

SHOWN = (
    "angle_rmse",
    "angle_rmse_mean_removed",
    "angle_correlation",
    "moment_rmse",
    "moment_correlation",
    "vertical_force_rmse",
    "vertical_force_correlation",
    "fore_aft_force_rmse",
    "speed_error",
)
"""Measures of the method table, keys of `training.comparison.MEASURES`."""
KINDS = ("angle", "moment", "ground_reaction")
WAVEFORM_MEASURES = ("rmse", "rmse_mean_removed", "correlation")


def method_table(errors: pd.DataFrame, facts: Mapping[str, MethodFacts], *, seed: int = 0) -> pd.DataFrame:
    """One row a method: what it needs, what it costs, what it errs.

    Parameters
    ----------
    errors : DataFrame
        Rows of `training.evaluation.evaluate` of all methods.
    facts : mapping of str to MethodFacts
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``method, kind, labelled_trials, labelled_frames, waits_for, milliseconds_per_frame, seconds_per_trial,
        training_seconds, trained_on, subjects, trials, refused`` and for each of `SHOWN` its mean, ``_sd``, ``_low``,
        ``_high`` over persons. `kind` is ``group`` or, with fewer than three persons, ``case``.
    """
    seconds = trial_values(errors, MEASURES["seconds"])
    rows = []
    for method in dict.fromkeys(errors["method"]):
        fact = facts[method]
        own = errors[errors["method"] == method]
        scored = own[(own["metric"] == "refused") & (own["value"] == 0)]
        spent = seconds[seconds.index.get_level_values("method") == method]
        row = {
            "method": method,
            "kind": "case" if scored["subject"].nunique() < FEW_SUBJECTS else "group",
            "labelled_trials": fact.labelled_trials,
            "labelled_frames": fact.labelled_frames,
            "waits_for": fact.waits_for,
            "milliseconds_per_frame": fact.milliseconds_per_frame,
            "seconds_per_trial": float(spent.mean()) if len(spent) else float("nan"),
            "training_seconds": fact.training_seconds,
            "trained_on": fact.trained_on,
            "subjects": int(scored["subject"].nunique()),
            "trials": len(scored),
            "refused": n_refused(errors, method),
        }
        for name in SHOWN:
            by_subject = _by_subject(own, name)
            low, high = bootstrap_interval(by_subject.to_numpy(), seed)
            row |= {
                name: float(by_subject.mean()) if len(by_subject) else float("nan"),
                f"{name}_sd": float(by_subject.std(ddof=1)) if len(by_subject) > 1 else float("nan"),
                f"{name}_low": low,
                f"{name}_high": high,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def joint_table(errors: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """One row a method and coordinate: ``method, kind, coordinate, measure, unit, subjects, mean, sd, low, high``."""
    rows = []
    waves = errors[errors["metric"].str.fullmatch(rf"({'|'.join(KINDS)})_({'|'.join(WAVEFORM_MEASURES)})")]
    for (method, coordinate, metric), own in waves.groupby(["method", "coordinate", "metric"], sort=False):
        by_subject = own.groupby("subject")["value"].mean().dropna()
        if by_subject.empty:
            continue
        low, high = bootstrap_interval(by_subject.to_numpy(), seed)
        kind = next(k for k in KINDS if metric.startswith(k))
        rows.append(
            {
                "method": method,
                "kind": kind,
                "coordinate": coordinate,
                "measure": metric.removeprefix(f"{kind}_"),
                "unit": own["unit"].iloc[0],
                "subjects": len(by_subject),
                "mean": float(by_subject.mean()),
                "sd": float(by_subject.std(ddof=1)) if len(by_subject) > 1 else float("nan"),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["method"])


def subject_table(errors: pd.DataFrame) -> pd.DataFrame:
    """One row a method, person and measure of `SHOWN`: ``method, subject, measure, unit, trials, value``."""
    rows = []
    for method in dict.fromkeys(errors["method"]):
        own = errors[errors["method"] == method]
        for name in SHOWN:
            values = trial_values(own, MEASURES[name]).droplevel("method")
            for subject, of in values.groupby("subject", sort=False):
                rows.append(
                    {
                        "method": method,
                        "subject": subject,
                        "measure": name,
                        "unit": MEASURES[name].unit,
                        "trials": len(of),
                        "value": float(of.mean()),
                    }
                )
    return pd.DataFrame(rows, columns=["method", "subject", "measure", "unit", "trials", "value"])


def paired_table(errors: pd.DataFrame, bar: str = MEAN_WAVEFORM, *, seed: int = 0) -> pd.DataFrame:
    """Every method against one of them, paired on the trials that both have.

    Parameters
    ----------
    errors : DataFrame
    bar : str
        The method that the others are held against.
    seed : int
        Of bootstrap and drawn sign patterns.

    Returns
    -------
    DataFrame
        ``measure, unit, method, bar, subjects, mean, bar_mean, difference, low, high, subjects_better, p, p_holm``: the
        95 % interval of the mean difference over persons, how many persons are better off, the p of sign flips, and the
        same corrected for the number of methods of this measure. NaN where there are too few persons.
    """
    rows: list[dict] = []
    for name in SHOWN:
        measure = MEASURES[name]
        values = trial_values(errors, measure)
        by_method = {m: of.droplevel("method") for m, of in values.groupby("method", sort=False)}
        found = []
        for method in by_method:
            if method == bar or bar not in by_method:
                continue
            pairs = pd.concat({"own": by_method[method], "bar": by_method[bar]}, axis=1).dropna()
            if pairs.empty:
                continue
            people = pairs.groupby("subject").mean()
            difference = (people["own"] - people["bar"]).to_numpy()
            low, high = bootstrap_interval(difference, seed)
            better = difference > 0 if measure.higher_is_better else difference < 0
            found.append(
                {
                    "measure": name,
                    "unit": measure.unit,
                    "method": method,
                    "bar": bar,
                    "subjects": len(people),
                    "mean": float(people["own"].mean()),
                    "bar_mean": float(people["bar"].mean()),
                    "difference": float(difference.mean()),
                    "low": low,
                    "high": high,
                    "subjects_better": int(better.sum()),
                    "p": sign_flip_p(difference, seed=seed),
                }
            )
        for row, p in zip(found, holm([r["p"] for r in found]), strict=True):
            rows.append(row | {"p_holm": float(p)})
    columns = ("measure", "unit", "method", "bar", "subjects", "mean", "bar_mean", "difference", "low", "high",
               "subjects_better", "p", "p_holm")  # fmt: skip
    return pd.DataFrame(rows, columns=list(columns))


def _by_subject(errors: pd.DataFrame, name: str) -> pd.Series:
    """Mean of one measure by person, of one method's rows."""
    values = trial_values(errors, MEASURES[name])
    return values.groupby("subject").mean() if len(values) else pd.Series(dtype=float)


def with_interval(row: Mapping[str, float], name: str) -> str:
    """A measure of the method table as text: mean ± SD [low, high], or the mean alone of a case."""
    mean, sd, low, high = (row[k] for k in (name, f"{name}_sd", f"{name}_low", f"{name}_high"))
    if not np.isfinite(mean):
        return "–"
    decimals = 3 if MEASURES[name].unit in ("1", "m/s") else 1 if abs(mean) >= 10 else 2
    text = f"{mean:.{decimals}f}"
    if np.isfinite(low):
        text += f" ± {sd:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"
    return text


def reading_table(table: pd.DataFrame, names: Sequence[str] = SHOWN) -> pd.DataFrame:
    """The method table for reading: measures that some method has, as text with units in their headings."""
    shown = [n for n in names if np.isfinite(table[n]).any()]
    frame = {
        "method": table["method"],
        "labels (trials)": [f"{n:.0f}" for n in table["labelled_trials"]],
        "waits for": table["waits_for"],
        "ms per frame": [_short(x) for x in table["milliseconds_per_frame"]],
        "s per trial": [_short(x) for x in table["seconds_per_trial"]],
        "training (s)": [_short(x) for x in table["training_seconds"]],
        **({"trained on": table["trained_on"]} if (table["trained_on"] == "cuda").any() else {}),
        "persons": [
            f"{n}{' (case)' if k == 'case' else ''}" for n, k in zip(table["subjects"], table["kind"], strict=True)
        ],
        "refused": table["refused"],
    }
    records = table.to_dict("records")
    for name in shown:
        measure = MEASURES[name]
        heading = measure.label if measure.unit == "1" else f"{measure.label} ({measure.unit})"
        frame[heading] = [with_interval(row, name) for row in records]
    return pd.DataFrame(frame)


def _short(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"
