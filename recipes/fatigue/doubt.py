"""Doubt: intervals that other people calibrate, whether they hold the truth, and people outside the population."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.fatigue.learning_stage import target_folds, target_trials
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.fatigue.simulation_stage import OUTSIDE_CORPUS
from recipes.result import Result, mean_result
from recipes.run import Run
from synth.elbow.flexion_corpus import FlexionTrials, read_flexion_corpus
from training.comparison import bootstrap_interval
from training.conformal_interval import subject_quantile
from training.csv_table import write_csv
from training.fatigue.arm import DIRECT, TRANSFER
from training.sample.calibration_curve import LEVELS, doubt_ratio

LEAST_SD = 0.5
"""N·m: members that agree by chance are not believed beyond this."""
CALIBRATION = "calibration.csv"


def doubt_results(run: Run, folds: list[dict[str, np.ndarray]]) -> list[Result]:
    """Rows of coverage and doubt at the number of teachers where options are compared; the curve is `CALIBRATION`."""
    settings: FatigueSettings = run.settings
    trials = target_trials(run)
    outside = read_flexion_corpus(run.folder / OUTSIDE_CORPUS, RATE, settings.seconds)
    results, curves = [], []
    for method in (TRANSFER, DIRECT):
        scores = _scores(run, folds, method, trials, outside)
        task = f"doubt, {settings.ablated} people teach"
        for level in LEVELS:
            row = _coverage(scores, level)
            curves.append({"method": method, "level": level, **row})
            if level in (0.5, 0.8, 0.9) and np.isfinite(row["half_width"]):
                note = f"half width {row['half_width']:.3g} SD, {row['torque']:.3g} N·m on average"
                measure = f"truth within the {100 * level:.0f} % interval"
                value = 100.0 * row["coverage"]
                ends = 100.0 * row["low"], 100.0 * row["high"]
                results.append(Result(task, method, measure, "%", value, *ends, row["n_scored"], note=note))
        inside = {p: v for fold in scores for p, v in fold["scored_sd"].items()}
        beyond = _over_folds([fold["outside_sd"] for fold in scores])
        ratio = doubt_ratio(inside, beyond)
        results.append(
            Result(task, method, "stated SD outside the population over inside", "", ratio, n_persons=len(beyond))
        )
        near = {p: float(np.sqrt(np.mean(e**2))) for p, e in _over_folds([f["outside_error"] for f in scores]).items()}
        results.append(
            mean_result(near, task="outside the population", method=method, measure="torque RMSE", unit="N·m")
        )
        levels = [_outside_coverage(fold, 0.8) for fold in scores]
        held = {p: 100.0 * float(np.mean([one[p] for one in levels])) for p in levels[0]}
        measure = "truth within the 80 % interval"
        results.append(mean_result(held, task="outside the population", method=method, measure=measure, unit="%"))
    write_csv(run.folder / CALIBRATION, pd.DataFrame(curves))
    return results


def _scores(
    run: Run, folds: list[dict[str, np.ndarray]], method: str, trials: FlexionTrials, outside: FlexionTrials
) -> list[dict[str, dict[str, np.ndarray]]]:
    """For each fold, by person: absolute errors over the stated SD of who calibrates, is scored, and is outside."""
    settings: FatigueSettings = run.settings
    prefix = f"{method}|{settings.ablated}|"
    found = []
    for fold, kept in zip(target_folds(run, trials), folds, strict=True):
        groups = {
            "scored": (trials.of(fold.scored), ""),
            "calibrate": (trials.of(fold.calibrating(settings.ablated)), "calibrate"),
            "outside": (outside, "outside"),
        }
        one: dict[str, dict[str, np.ndarray]] = {}
        for group, (people, word) in groups.items():
            sd = np.maximum(kept[f"{prefix}{word}sd"], LEAST_SD)
            error = np.abs(kept[f"{prefix}{word}torque"] - people.torque)
            one[group] = _by_person(people, error / sd)
            one[f"{group}_sd"], one[f"{group}_error"] = _by_person(people, sd), _by_person(people, error)
        found.append(one)
    return found


def _by_person(people: FlexionTrials, values: np.ndarray) -> dict[str, np.ndarray]:
    """Values (n, n_frames) of all known frames of each person."""
    codes = np.array(people.persons)
    known = np.isfinite(people.torque)
    return {str(p): values[codes == p][known[codes == p]] for p in np.unique(codes)}


def _coverage(scores: list[dict[str, dict[str, np.ndarray]]], level: float) -> dict[str, float]:
    """Coverage over all scored people, each with the width that his fold's others calibrate."""
    covered, halves, widths = [], [], []
    for fold in scores:
        half = subject_quantile(list(fold["calibrate"].values()), level)
        halves.append(half)
        for person, values in fold["scored"].items():
            covered.append(float(np.mean(values <= half)))
            widths.append(float(np.mean(half * fold["scored_sd"][person])))
    low, high = bootstrap_interval(np.array(covered))
    return {
        "half_width": float(np.mean(halves)),
        "torque": float(np.mean(widths)),
        "coverage": float(np.mean(covered)),
        "low": low,
        "high": high,
        "n_calibrating": len(scores[0]["calibrate"]),
        "n_scored": len(covered),
    }


def _outside_coverage(fold: dict[str, dict[str, np.ndarray]], level: float) -> dict[str, float]:
    half = subject_quantile(list(fold["calibrate"].values()), level)
    return {person: float(np.mean(values <= half)) for person, values in fold["outside"].items()}


def _over_folds(folds: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Values of each person from all folds in a row."""
    return {person: np.concatenate([fold[person] for fold in folds]) for person in folds[0]}
