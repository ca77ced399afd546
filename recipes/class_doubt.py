"""Doubt about a class: rows of conformal sets, their calibration curve, and what happens outside the population.

One noun for every recipe that tells classes; see `training.sample.conformal_set`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from recipes.result import Result, mean_result
from training.conformal_interval import LEVEL
from training.sample.conformal_set import ClassAnswers, class_doubt_ratio, confidence, joined, set_curve

INSIDE = "never seen"
"""Group of people of the population that taught."""
EVERY, EACH = "", ", class by class"
"""After the name of a method: one edge for all classes, or one for each."""


def class_doubt(
    task: str,
    method: str,
    folds: Sequence[tuple[ClassAnswers, Mapping[str, ClassAnswers]]],
    names: Sequence[str],
    seed: int,
) -> tuple[list[Result], pd.DataFrame]:
    """Rows of the table, and every level of every group.

    Parameters
    ----------
    task, method : str
    folds : sequence of (ClassAnswers, mapping of str to ClassAnswers)
        Of each ensemble who calibrates, and by group who is scored: `INSIDE` and people outside the population, of whom
        the class is known. Nobody calibrates who taught or is in a group of that fold.
    names : sequence of str
        Of the classes.
    seed : int
        Of the bootstrap over persons.

    Returns
    -------
    (list of Result, DataFrame)
        The latter: `set_curve` with ``task, method, group, by_class``.
    """
    rows, tables = [], []
    everybody = {group: joined([groups[group] for _, groups in folds]) for group in folds[0][1]}
    for group, people in everybody.items():
        pairs = [(calibrating, groups[group]) for calibrating, groups in folds]
        for form in (EVERY, EACH):
            curve = set_curve(pairs, by_class=form == EACH, seed=seed)
            facts = {"task": task, "method": method, "group": group, "by_class": form == EACH}
            tables.append(curve.assign(**facts, worst=[names[k] for k in curve.worst]))
            rows += _set_rows(task, f"{method}{form}", group, tables[-1], len(names))
        more = {"task": task, "method": method, "unit": "", "seed": seed}
        sure = mean_result(confidence(people), measure=f"{group}: probability of the class that is named", **more)
        rows.append(sure)
        if group != INSIDE and people.spread.any():
            ratio = class_doubt_ratio(everybody[INSIDE], people)
            measure = f"{group}: members' disagreement over that of people {INSIDE}"
            rows.append(Result(task, method, measure, "", ratio, n_persons=sure.n_persons, goal=">= 1"))
    return rows, pd.concat(tables, ignore_index=True)


def _set_rows(task: str, method: str, group: str, curve: pd.DataFrame, n_classes: int) -> list[Result]:
    """Coverage, inside also by stated probability; classes in a set, and sets that say nothing."""
    rows = []
    for row in curve.itertuples():
        if row.level == LEVEL or (group == INSIDE and not row.by_class):
            measure = f"{group}: coverage of {row.level:.0%} sets"
            who = f"{row.n_calibrating} people calibrate"
            if row.by_class:
                who = f"at least {who} a class, {row.always_named} of {n_classes} classes always named"
            note = f"{who}; least held: {row.worst}, {row.worst_coverage:.0%}"
            rows.append(Result(task, method, measure, "", row.coverage, row.low, row.high, row.n_scored, note=note))
    last = curve[curve.level == LEVEL].iloc[0]
    note = f"{last.empty_sets:.0%} of sets name no class, {last.full_sets:.0%} name all"
    measure = f"{group}: classes in a {LEVEL:.0%} set"
    return [*rows, Result(task, method, measure, "", last.named, n_persons=int(last.n_scored), note=note)]
