"""Doubt about muscle parameters: intervals of every method, whether they hold, and people outside the population."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from recipes.pinch.population_stage import CALIBRATE
from recipes.result import Result, mean_result
from synth.thumb.pinch_parameter import ASKED
from synth.thumb.pinch_population import PinchSamples
from training.conformal_interval import LEVEL
from training.sample.calibration_curve import LEVELS, doubt_ratio, refuse_shared
from training.sample.column_coverage import Held, all_held, half_widths, least_held, shares_held

FEWEST_SD = 0.05
"""Least stated doubt, in SDs of a parameter: an ensemble that agrees by chance is not certain."""
UNSEEN = "unseen"
"""Who of the population is scored; all other groups but `CALIBRATE` are outside of it."""
CONSTANT = "the same intervals for everybody"
INSIDE_TASK, OUTSIDE_TASK = "intervals of parameters", "outside the population"
LEAST = ", least held parameter"
"""After a measure: that of the parameter whose intervals hold least often; the note names it."""
NAMES = tuple(p.name for p in ASKED)
CURVE = ("method", "group", "level", "coverage", "low", "high", "n_calibrating", "n_scored")
COLUMNS = ("method", "group", "level", "parameter", "coverage", "half_width", "half_width_sd")
Told = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Group → estimates and stated doubt of its people, both (n, n_parameters); the doubt in SDs of a parameter."""


def parameter_doubt(
    told: Mapping[str, Told], groups: Mapping[str, PinchSamples], unit: np.ndarray, shown: str, seed: int
) -> tuple[list[Result], pd.DataFrame, pd.DataFrame]:
    """Rows of the table, and every level of every method and group: of all parameters together, and one by one.

    Every parameter has intervals of its own width, as in `own_stage`.

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
    (list of Result, DataFrame, DataFrame)
        The second: ``method, group, level, coverage, low, high`` (mean over parameters), ``n_calibrating, n_scored``.
        The third: ``method, group, level, parameter, coverage, half_width`` (in stated doubts) and ``half_width_sd``
        (mean over the group, in SDs of the parameter).
    """
    rows, curves, columns = [], [], []
    for method, own in told.items():
        scores = {name: parameter_scores(people, *own[name], unit) for name, people in groups.items()}
        note, widths = "" if _states(own) else CONSTANT, half_widths(scores[CALIBRATE])
        for name in [n for n in groups if n != CALIBRATE]:
            refuse_shared(scores[CALIBRATE], scores[name])
            shares, task = shares_held(widths, scores[name]), INSIDE_TASK if name == UNSEEN else OUTSIDE_TASK
            label = method if name == UNSEEN else f"{method}: {name}"
            for level, held in zip(LEVELS, shares, strict=True):
                whole = all_held(held, seed)
                curves.append((method, name, level, *_ends(whole), len(scores[CALIBRATE]), len(held)))
                if level == LEVEL or (name == UNSEEN and method == shown):
                    both = (whole, least_held(held, NAMES, seed))
                    rows += _held_rows(task, label, level, both, len(held), note)
            columns.append(_by_parameter(widths, shares, own[name][1]).assign(method=method, group=name))
            if name != UNSEEN and _states(own):
                doubts = [dict(zip(groups[n].code, own[n][1], strict=True)) for n in (UNSEEN, name)]
                more = {"n_persons": len(groups[name]), "goal": ">= 1"}
                rows.append(Result(task, label, "stated doubt over that inside", "", doubt_ratio(*doubts), **more))
        wide = (widths[LEVELS.index(LEVEL)] * own[UNSEEN][1]).mean(axis=1)
        facts = {"task": INSIDE_TASK, "method": method, "unit": "SD", "note": note, "seed": seed}
        rows.append(mean_result(wide, measure="half width of 90% intervals", **facts))
    return rows, pd.DataFrame(curves, columns=list(CURVE)), pd.concat(columns, ignore_index=True)[list(COLUMNS)]


def _held_rows(
    task: str, label: str, level: float, held: tuple[Held, Held], n_persons: int, note: str
) -> Iterable[Result]:
    """What intervals of one level hold of all parameters, and of the one that is held least."""
    measure = f"coverage of {level:.0%} intervals"
    notes = (note, "; ".join(filter(None, (held[1].name, note))))
    for one, more, said in zip(held, ("", LEAST), notes, strict=True):
        yield Result(task, label, f"{measure}{more}", "", *_ends(one), n_persons, note=said)


def _ends(held: Held) -> tuple[float, float, float]:
    return held.coverage, held.low, held.high


def _by_parameter(widths: np.ndarray, shares: np.ndarray, doubt: np.ndarray) -> pd.DataFrame:
    """One row a level and parameter."""
    return pd.DataFrame(
        {
            "level": np.repeat(LEVELS, len(NAMES)),
            "parameter": np.tile(NAMES, len(LEVELS)),
            "coverage": shares.mean(axis=1).ravel(),
            "half_width": widths.ravel(),
            "half_width_sd": (widths * doubt.mean(axis=0)).ravel(),
        }
    )


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
