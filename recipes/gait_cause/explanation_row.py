"""Rows of the table of gait causes: answers, and how well their explanations find the true sensor and phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from recipes.gait_cause.explained_walks import UNTAUGHT, Explained
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walks import Walks
from recipes.result import Result, mean_result
from training.explanation.concordance import random_explanation
from training.explanation.explanation_set import DISTANCE, GROUPS, LINEAR_PATTERN, best_explanation
from training.explanation.located_cause import MEASURES, agreement
from training.sample.class_score import class_scores
from training.sample.perceptron import Taught

RANDOM, CHOSEN = "random", "the chosen way"


def class_rows(task: str, method: str, people: Walks, probabilities: np.ndarray, seed: int) -> list[Result]:
    """Accuracy, balanced accuracy and, by what is wrong, recall; one walk a person."""
    first = np.unique(people.code, return_index=True)[1]
    names = tuple(str(name) for name in people.names)
    table = class_scores(people.group[first], probabilities[first], names, seed=seed)
    kept = [m in ("accuracy", "balanced accuracy") or m.startswith("recall") for m in table.measure]
    return [Result(task, method, r.measure, "", r.value, r.low, r.high, int(r.n)) for r in table[kept].itertuples()]


def speed_rows(models: Mapping[str, Taught], teach: Walks, score: Walks, seed: int) -> list[Result]:
    """Error of the speed by each model, beside that of the mean."""
    truth = score.numbers[:, -1]
    estimates = {
        **{name: model.estimates(score.records)[0][:, 0] for name, model in models.items()},
        "mean of who teaches": np.full(len(truth), teach.numbers[:, -1].mean()),
    }
    more = {"task": "estimate the speed", "measure": "absolute error", "unit": "m/s", "seed": seed}
    return [mean_result(np.abs(e - truth), method=name, **more) for name, e in estimates.items()]


def chosen_way(judge: Explained, score: Explained) -> tuple[str, Explained]:
    """The way of explaining that is best on people who are not scored, and those who are, explained that way, too.

    Of one fold: who is scored in another may judge in this one, so every fold chooses for itself.
    """
    best = best_explanation(judge.found, judge.truth)
    return best, replace(score, found={**score.found, CHOSEN: score.found[best]})


def explanation_rows(
    task: str,
    chosen: Sequence[str],
    score: Explained,
    sensors: tuple[str, ...],
    settings: GaitCauseSettings,
    groups: np.ndarray,
) -> tuple[list[Result], pd.DataFrame]:
    """Rows of every way of explaining, and the mean share of each sensor and phase by what is wrong.

    Parameters
    ----------
    task : str
    chosen : sequence of str
        The way of each fold, of `chosen_way`.
    score : Explained
        Of those who are scored, with `CHOSEN`.
    sensors : tuple of str
    settings : GaitCauseSettings
    groups : ndarray of str
    """
    guess = random_explanation(score.truth.shape, settings.seed)
    n_persons = len(np.unique(score.code))
    rows = []
    for name, parts in {**score.found, RANDOM: guess}.items():
        note = "chosen on those who calibrate" if name in chosen else ""
        if note and len(chosen) > 1:
            note += f" in {list(chosen).count(name)} of {len(chosen)} folds"
        for measure, values in by_person(parts, score, settings.n_phases).items():
            more = {"measure": measure, "unit": "", "note": _known(note, values, n_persons), "seed": settings.seed}
            rows.append(mean_result(values, task=task, method=name, **more))
    for name in (DISTANCE, GROUPS, LINEAR_PATTERN):
        gained = by_person(score.found[CHOSEN], score, settings.n_phases, score.found[name])
        for measure, values in gained.items():
            said = _known("same person", values, n_persons)
            more = {"measure": measure, "unit": "", "note": said, "seed": settings.seed}
            rows.append(mean_result(values, task=task, method=f"{CHOSEN} less {name}", **more))
    rows += _untaught_rows(task, score, settings.n_phases)
    shown = {**score.found, UNTAUGHT: np.abs(score.blank).mean(axis=0), "true cause": score.truth}
    return rows, _shares(task, shown, score, sensors, settings.n_phases, groups)


def _known(note: str, values: np.ndarray, n_persons: int) -> str:
    """A note that says of how many persons a measure is unknown, as every part changed in them."""
    lost = n_persons - len(values)
    if not lost:
        return note
    return "; ".join([note] * bool(note) + [f"{lost} of {n_persons} persons left out: every part changed"])


def by_person(
    parts: np.ndarray, score: Explained, n_phases: int, other: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Measure → one value a person, the mean over that person's walks; persons without a known value left out.

    With `other` parts: less what these reach for the same person.
    """
    table, less = (
        None if own is None else pd.DataFrame(agreement(own, score.truth, n_phases)).groupby(score.code).mean()
        for own in (parts, other)
    )
    table = table if less is None else table - less
    return {measure: table[measure].dropna().to_numpy() for measure in MEASURES}


def _untaught_rows(task: str, score: Explained, n_phases: int) -> list[Result]:
    """Mean over persons of each network that knows nothing: mean and range over networks."""
    found = [by_person(parts, score, n_phases) for parts in score.blank]
    rows = []
    for measure in MEASURES:
        if not len(found[0][measure]):
            continue  # every part changes: nothing to tell from it
        means = np.array([values[measure].mean() for values in found])
        note, n = f"range of {len(means)} networks, not of persons", len(found[0][measure])
        rows.append(Result(task, UNTAUGHT, measure, "", means.mean(), means.min(), means.max(), n, note=note))
    return rows


def _shares(
    task: str,
    found: dict[str, np.ndarray],
    score: Explained,
    sensors: tuple[str, ...],
    n_phases: int,
    groups: np.ndarray,
) -> pd.DataFrame:
    phases = [f"{100 * p // n_phases}-{100 * (p + 1) // n_phases}" for p in range(n_phases)]
    tables = []
    for group in np.unique(score.group):
        for name, parts in found.items():
            mean = np.abs(parts[score.group == group]).mean(axis=0)
            facts = {"task": task, "group": groups[group], "explanation": name, "sensor": np.repeat(sensors, n_phases)}
            tables.append(pd.DataFrame(facts | {"phase": phases * len(sensors), "share": mean / mean.sum()}))
    return pd.concat(tables, ignore_index=True)
