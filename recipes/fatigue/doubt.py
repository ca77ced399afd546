"""Doubt: intervals that other people calibrate, whether they hold the truth, and people outside the population.

Errors and the SD of an ensemble are taken over the measured strength of the arm: a strong person errs by more N·m. An
interval is a multiple of the stated SD, which has a floor, since members may agree by chance.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.fatigue.learning_stage import target_folds, target_trials
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.fatigue.simulation_stage import OUTSIDE_CORPUS
from recipes.result import Result, mean_result
from recipes.run import Run
from synth.elbow.flexion_corpus import FEATURES, FlexionTrials, read_flexion_corpus
from training.comparison import bootstrap_interval
from training.conformal_interval import subject_quantile
from training.csv_table import write_csv
from training.fatigue.arm import DIRECT, TRANSFER
from training.sample.calibration_curve import LEVELS, doubt_ratio

FLOOR = 0.05
"""Of the measured strength: SD that is stated at least."""
SHOWN_LEVELS = (0.5, 0.8, 0.9)
OUTSIDE_LEVEL = 0.8
CALIBRATION = "calibration.csv"
"""Product beside the table: stated and found probability of both arms."""

PersonValues = dict[str, np.ndarray]
FoldValues = dict[str, PersonValues]
"""By person: ``GROUP_score``, ``GROUP_sd`` (over strength), ``GROUP_wide`` (N·m of one score) and ``GROUP_relative``
(error over strength); groups are ``scored``, ``calibrate`` and ``outside``."""


def doubt_results(run: Run, folds: list[dict[str, np.ndarray]]) -> list[Result]:
    """Rows of coverage and doubt at the number of teachers where options are compared; the curve is `CALIBRATION`."""
    settings: FatigueSettings = run.settings
    trials = target_trials(run)
    outside = read_flexion_corpus(run.folder / OUTSIDE_CORPUS, RATE, settings.seconds)
    results, curves = [], []
    for method in (TRANSFER, DIRECT):
        values = _values(run, folds, method, trials, outside)
        task = f"doubt, {settings.ablated} people teach"
        for level in LEVELS:
            row = _coverage(values, level)
            curves.append({"method": method, "level": level, **row})
            if level in SHOWN_LEVELS and np.isfinite(row["half_width"]):
                ends = 100.0 * row["low"], 100.0 * row["high"]
                note = f"half width {row['torque']:.3g} N·m on average; {row['n_calibrating']} people calibrate"
                measure = f"truth within the {100 * level:.0f} % interval"
                results.append(
                    Result(task, method, measure, "%", 100.0 * row["coverage"], *ends, row["n_scored"], note=note)
                )
        results += outside_rows(values, method, own_people=bool(settings.target))
    write_csv(run.folder / CALIBRATION, pd.DataFrame(curves))
    return results


def outside_rows(values: list[FoldValues], method: str, *, own_people: bool) -> list[Result]:
    """Error, coverage and stated doubt for people outside the population, over all folds.

    Where a user's people are inside, those outside are simulated, and the rows say so: the ratio of both then holds
    the gap between a laboratory and a simulator, too, and is no goal.
    """
    task = "outside the population (simulated people; yours are inside)" if own_people else "outside the population"
    common = {"task": task, "method": method}
    inside = {person: sd for fold in values for person, sd in fold["scored_sd"].items()}
    beyond = _over_folds([fold["outside_sd"] for fold in values])
    ratio, goal = doubt_ratio(inside, beyond), "" if own_people else ">= 1"
    measure = "stated SD over strength, outside over inside"
    rows = [Result(measure=measure, unit="", value=ratio, n_persons=len(beyond), goal=goal, **common)]
    for group, where in (("scored", "inside"), ("outside", "outside")):
        errors = _over_folds([fold[f"{group}_relative"] for fold in values])
        share = {person: 100.0 * float(np.sqrt(np.mean(e**2))) for person, e in errors.items()}
        rows.append(mean_result(share, measure=f"RMSE over strength, {where}", unit="%", **common))
    held: dict[str, list[float]] = {}
    for fold in values:
        half = subject_quantile(list(fold["calibrate_score"].values()), OUTSIDE_LEVEL)
        for person, scores in fold["outside_score"].items():
            held.setdefault(person, []).append(100.0 * float(np.mean(scores <= half)))
    measure = f"truth within the {100 * OUTSIDE_LEVEL:.0f} % interval, outside"
    return [*rows, mean_result({p: float(np.mean(v)) for p, v in held.items()}, measure=measure, unit="%", **common)]


def _values(
    run: Run, folds: list[dict[str, np.ndarray]], method: str, trials: FlexionTrials, outside: FlexionTrials
) -> list[FoldValues]:
    """What coverage and doubt need, fold by fold."""
    settings: FatigueSettings = run.settings
    prefix = f"{method}|{settings.ablated}|"
    found = []
    for fold, kept in zip(target_folds(run, trials), folds, strict=True):
        groups = {
            "scored": (trials.of(fold.scored), ""),
            "calibrate": (trials.of(fold.calibrating(settings.ablated)), "calibrate"),
            "outside": (outside, "outside"),
        }
        one: FoldValues = {}
        for group, (people, word) in groups.items():
            strength = people.features[:, FEATURES.index("strength")][:, None]
            sd = kept[f"{prefix}{word}sd"] / strength
            relative = np.abs(kept[f"{prefix}{word}torque"] - people.torque) / strength
            stated = np.hypot(sd, FLOOR)
            one[f"{group}_score"] = _by_person(people, relative / stated)
            one[f"{group}_sd"] = _by_person(people, sd)
            one[f"{group}_wide"] = _by_person(people, stated * strength)
            one[f"{group}_relative"] = _by_person(people, relative)
        found.append(one)
    return found


def _by_person(people: FlexionTrials, values: np.ndarray) -> PersonValues:
    """Values (n, n_frames) of all known frames of each person."""
    codes = np.array(people.persons)
    known = np.isfinite(people.torque)
    return {str(p): values[codes == p][known[codes == p]] for p in np.unique(codes)}


def _coverage(values: list[FoldValues], level: float) -> dict[str, float]:
    """Coverage over all scored people, each with the width that his fold's others calibrate."""
    covered, halves, widths = [], [], []
    for fold in values:
        half = subject_quantile(list(fold["calibrate_score"].values()), level)
        halves.append(half)
        for person, scores in fold["scored_score"].items():
            covered.append(float(np.mean(scores <= half)))
            widths.append(float(np.mean(half * fold["scored_wide"][person])))
    low, high = bootstrap_interval(np.array(covered))
    return {
        "half_width": float(np.mean(halves)),
        "torque": float(np.mean(widths)),
        "coverage": float(np.mean(covered)),
        "low": low,
        "high": high,
        "n_calibrating": len(values[0]["calibrate_score"]),
        "n_scored": len(covered),
    }


def _over_folds(folds: list[Mapping[str, np.ndarray]]) -> PersonValues:
    """Values of each person from all folds that have him, in a row."""
    people = sorted({person for fold in folds for person in fold})
    return {p: np.concatenate([fold[p] for fold in folds if p in fold]) for p in people}
