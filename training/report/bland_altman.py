"""Bland-Altman: how far an estimate of a single trial may be from its true value.

Limits of agreement with repeated measures: several trials and sides of one person are no independent measurements, so
the variance of a difference is taken apart into within and between subjects by a one-way analysis of variance (Bland
and Altman 2007, J Biopharm Stat 17:571-582, the case of a true value that varies).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from training.report.curves import PANELS, REFERENCE, SIDES, TrialWaveforms

COVERAGE_FACTOR = 1.96
"""SDs on either side of the bias that hold 95 % of differences, if these are normally distributed."""

QUANTITIES = (
    ("hip_angle", "range", "Hip flexion, range"),
    ("knee_angle", "maximum", "Knee flexion, maximum"),
    ("knee_angle", "range", "Knee flexion, range"),
    ("ankle_angle", "range", "Ankle dorsiflexion, range"),
    ("hip_moment", "magnitude", "Hip moment, largest"),
    ("knee_moment", "magnitude", "Knee moment, largest"),
    ("ankle_moment", "magnitude", "Ankle moment, largest"),
    ("vertical_force", "maximum", "Vertical ground reaction, maximum"),
    ("fore_aft_force", "range", "Fore-aft ground reaction, range"),
)
"""Panel, what is taken of its mean cycle, title; walking speed comes on top."""

SPEED = ("Walking speed", "m/s")
_TAKEN = {"range": np.ptp, "maximum": np.max, "magnitude": lambda cycle: np.max(np.abs(cycle))}


@dataclass(frozen=True)
class Agreement:
    """Limits of agreement of one quantity.

    Attributes
    ----------
    n_subjects, n_pairs : int
    bias : float
        Mean of all differences, estimate minus truth.
    sd_within, sd_between : float
        Of a difference, within and between subjects; `sd_within` is NaN if no subject has two.
    low, high : float
        95 % limits of agreement; NaN with fewer than two subjects.
    """

    n_subjects: int
    n_pairs: int
    bias: float
    sd_within: float
    sd_between: float
    low: float
    high: float


def limits_of_agreement(differences: Sequence[float], subjects: Sequence[str]) -> Agreement:
    """Take limits of agreement of differences that repeat within subjects.

    Parameters
    ----------
    differences : sequence of float
        Estimate minus truth, one a measurement.
    subjects : sequence of str
        Whose measurement each is.

    Returns
    -------
    Agreement
    """
    values = np.asarray(differences, dtype=float)
    _, number, counts = np.unique(np.asarray(subjects), return_inverse=True, return_counts=True)
    n, total = len(counts), len(values)
    bias = float(values.mean()) if total else math.nan
    if n < 2:
        return Agreement(n, total, bias, math.nan, math.nan, math.nan, math.nan)
    means = np.bincount(number, values) / counts
    between = float(np.sum(counts * (means - bias) ** 2)) / (n - 1)
    if total == n:
        variance_within, variance_between = math.nan, between
    else:
        variance_within = float(np.sum((values - means[number]) ** 2)) / (total - n)
        size = (total**2 - np.sum(counts**2)) / ((n - 1) * total)
        # More spread within than between subjects gives a negative estimate: there is no variance between them then.
        variance_between = max(0.0, float((between - variance_within) / size))
    reach = COVERAGE_FACTOR * math.sqrt(variance_between + np.nan_to_num(variance_within))
    return Agreement(
        n, total, bias, math.sqrt(variance_within), math.sqrt(variance_between), bias - reach, bias + reach
    )


def agreement_pairs(trials: Sequence[TrialWaveforms]) -> pd.DataFrame:
    """Truth and estimate of every quantity, method, trial and side.

    Returns
    -------
    DataFrame
        ``quantity, unit, method, subject, trial, side, truth, estimate``; a pair without both is left out.
    """
    panels = {key: (column, unit) for column, (key, _, unit, *_) in enumerate(PANELS)}
    rows = []
    for trial in trials:
        who = {"subject": trial.subject, "trial": trial.name}
        for method in trial.waveforms:
            if method == REFERENCE:
                continue
            own = {"method": method} | who
            for key, taken, title in QUANTITIES:
                column, unit = panels[key]
                true, estimate = (_TAKEN[taken](trial.waveforms[m][:, column]) for m in (REFERENCE, method))
                side = SIDES[trial.side]
                rows.append(own | dict(quantity=title, unit=unit, side=side, truth=true, estimate=estimate))
            if trial.side == "r":  # a trial has one speed, not one a side
                true, estimate = trial.speeds[REFERENCE], trial.speeds[method]
                rows.append(own | dict(quantity=SPEED[0], unit=SPEED[1], side="", truth=true, estimate=estimate))
    columns = ["quantity", "unit", "method", "subject", "trial", "side", "truth", "estimate"]
    table = pd.DataFrame(rows, columns=columns)
    return table.dropna(subset=["truth", "estimate"])


def agreement_rows(pairs: pd.DataFrame) -> pd.DataFrame | None:
    """The limits of every quantity and method as a table; None without a pair."""
    rows = []
    for (quantity, unit, method), of in pairs.groupby(["quantity", "unit", "method"], sort=False):
        found = limits_of_agreement((of["estimate"] - of["truth"]).tolist(), of["subject"].tolist())
        rows.append({"quantity": quantity, "unit": unit, "method": method} | vars(found))
    return pd.DataFrame(rows) if rows else None


def agreement_panels(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """What the figure draws: by quantity and method the points (mean of both, difference, who) and the limits."""
    panels: dict[str, dict[str, Any]] = {}
    for (quantity, unit, method), of in pairs.groupby(["quantity", "unit", "method"], sort=False):
        difference = of["estimate"] - of["truth"]
        limits = limits_of_agreement(difference.tolist(), of["subject"].tolist())
        panel = panels.setdefault(quantity, {"title": quantity, "unit": unit, "methods": {}})
        panel["methods"][method] = {
            "mean": [round(float(value), 3) for value in (of["estimate"] + of["truth"]) / 2],
            "difference": [round(float(value), 3) for value in difference],
            "who": [" ".join(filter(None, words)) for words in of[["subject", "trial", "side"]].to_numpy()],
            "lines": [round(v, 3) for v in (limits.bias, limits.low, limits.high) if math.isfinite(v)],
        }
    return list(panels.values())
