"""Doubt about a speed: conformal intervals in units of the ensemble's SD, inside and outside the population."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.class_doubt import INSIDE
from recipes.gait_cause.walks import Walks
from recipes.result import Result
from training.conformal_interval import LEVEL
from training.sample.calibration_curve import calibration_curve, doubt_ratio
from training.sample.perceptron import Taught

FAR = "far manners"
"""People outside: `n_outside` walkers."""
FEWEST_SD = 0.02
"""Least stated doubt, in SDs of the speed."""


def doubt_rows(
    models: Mapping[str, Taught], calibrate: Walks, score: Walks, outside: Walks, seed: int
) -> tuple[list[Result], pd.DataFrame]:
    """Coverage by stated probability, and coverage and stated doubt of people in far manners; with every level.

    Parameters
    ----------
    models : mapping of str to Taught
        Method → ensemble that estimates the speed from records.
    calibrate, score, outside : Walks
        Different people, none of whom taught; the speed is the last of their numbers.
    seed : int
        Of the bootstrap over persons.

    Returns
    -------
    (list of Result, DataFrame)
        Rows without unit (shares, and the doubt's ratio); `calibration_curve` (``half_width`` in units of the stated
        SD) with ``task, method, group``.
    """
    rows, tables = [], []
    for method, model in models.items():
        (calibrating, _), (scored, inside), (others, doubt) = (
            _scores(model, people) for people in (calibrate, score, outside)
        )
        more = {"task": "doubt about the speed", "method": method, "unit": ""}
        for group, people in ((INSIDE, scored), (FAR, others)):
            curve = calibration_curve(calibrating, people, seed=seed)
            tables.append(curve.assign(task=more["task"], method=method, group=group))
            shown = curve if group == INSIDE else curve[curve.level == LEVEL]
            rows += [
                Result(**more, measure=f"{group}: coverage of {r.level:.0%} intervals", value=r.coverage, low=r.low,
                       high=r.high, n_persons=r.n_scored)
                for r in shown.itertuples()
            ]  # fmt: skip
        ratio = {"value": doubt_ratio(inside, doubt), "n_persons": len(outside), "goal": ">= 1"}
        rows.append(Result(**more, measure=f"{FAR}: stated doubt over that of people {INSIDE}", **ratio))
    return rows, pd.concat(tables, ignore_index=True)


def _scores(network: Taught, people: Walks) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By person: absolute errors over the stated SD, and the stated SD in SDs of the speed."""
    estimate, sd = network.estimates(people.records)
    doubt = np.maximum(sd / network.target_sd, FEWEST_SD)
    error = np.abs(estimate - people.numbers[:, -1:]) / network.target_sd
    return dict(zip(people.code, error / doubt, strict=True)), dict(zip(people.code, doubt, strict=True))
