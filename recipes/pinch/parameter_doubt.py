"""Doubt about muscle parameters: intervals of every method, whether they hold, and people outside the population."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.pinch.population_stage import CALIBRATE
from recipes.result import Result, mean_result
from synth.thumb.pinch_population import PinchSamples
from training.conformal_interval import LEVEL
from training.sample.calibration_curve import calibration_curve, doubt_ratio

FEWEST_SD = 0.05
"""Least stated doubt, in SDs of a parameter: an ensemble that agrees by chance is not certain."""
UNSEEN = "unseen"
"""Who of the population is scored; all other groups but `CALIBRATE` are outside of it."""
CONSTANT = "intervals of one width"
Told = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Group → estimates and stated doubt of its people, both (n, n_parameters); the doubt in SDs of a parameter."""


def parameter_doubt(
    told: Mapping[str, Told], groups: Mapping[str, PinchSamples], unit: np.ndarray, shown: str, seed: int
) -> tuple[list[Result], pd.DataFrame]:
    """Rows of the table, and every level of every method and group.

    Parameters
    ----------
    told : mapping of str to mapping
        Method → group → estimates and doubt; a single model states the same doubt of everybody.
    groups : mapping of str to PinchSamples
        `CALIBRATE`, `UNSEEN`, and people outside.
    unit : ndarray, shape (n_parameters,)
        SD of each parameter over those who taught.
    shown : str
        Method whose whole curve stands in the table; of the others the 90 % intervals do.
    seed : int
        Of the bootstrap over persons.

    Returns
    -------
    (list of Result, DataFrame)
        The latter: `calibration_curve` with ``method, group``.
    """
    rows, tables = [], []
    for method, own in told.items():
        scores = {name: parameter_scores(people, *own[name], unit) for name, people in groups.items()}
        note = "" if _states(own) else CONSTANT
        for name in [n for n in groups if n != CALIBRATE]:
            curve = calibration_curve(scores[CALIBRATE], scores[name], seed=seed)
            tables.append(curve.assign(method=method, group=name))
            task = "intervals of parameters" if name == UNSEEN else "outside the population"
            label = method if name == UNSEEN else f"{method}: {name}"
            for row in curve.itertuples():
                if row.level == LEVEL or (name == UNSEEN and method == shown):
                    measure = f"coverage of {row.level:.0%} intervals"
                    ends = row.coverage, row.low, row.high, row.n_scored
                    rows.append(Result(task, label, measure, "", *ends, note=note))
            if name != UNSEEN and _states(own):
                doubts = [dict(zip(groups[n].code, own[n][1], strict=True)) for n in (UNSEEN, name)]
                more = {"n_persons": len(groups[name]), "goal": ">= 1"}
                rows.append(Result(task, label, "stated doubt over that inside", "", doubt_ratio(*doubts), **more))
        wide = float(tables[-1].half_width.iloc[-1]) * own[UNSEEN][1].mean(axis=1)
        facts = {"task": "intervals of parameters", "method": method, "unit": "SD", "note": note, "seed": seed}
        rows.append(mean_result(wide, measure="half width of 90% intervals", **facts))
    return rows, pd.concat(tables, ignore_index=True)


def _states(own: Told) -> bool:
    """Whether a method states another doubt of one person than of the next."""
    return bool(np.ptp(own[UNSEEN][1], axis=0).any())


def parameter_scores(
    people: PinchSamples, estimate: np.ndarray, doubt: np.ndarray, unit: np.ndarray
) -> dict[str, np.ndarray]:
    """Absolute errors over the stated doubt, which calibrate intervals or are held against them.

    Parameters
    ----------
    people : PinchSamples
    estimate : ndarray, shape (n, n_parameters)
        In the unit of ``people.parameters``.
    doubt : ndarray, shape (n, n_parameters)
        In SDs of a parameter.
    unit : ndarray, shape (n_parameters,)
        SD of each parameter.

    Returns
    -------
    dict of str to ndarray, shape (n_parameters,)
        By person, without unit.
    """
    return dict(zip(people.code, np.abs(estimate - people.parameters) / unit / doubt, strict=True))
