"""Doubt: intervals that others calibrate, whether they hold the truth, and doubt about people of no population."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.few_people.nested_people import virtual_roles
from recipes.few_people.person_error import absolute_errors
from recipes.few_people.settings import FewPeopleSettings, tasks_of, teaching_numbers
from recipes.few_people.source_stage import VIRTUAL, folds_of
from recipes.few_people.tuning_stage import DOUBTED, alone_name, tuned_parts
from recipes.result import Result, mean_result
from recipes.run import Run
from training.conformal_interval import subject_quantile
from training.sample.calibration_curve import LEVELS, calibration_curve, doubt_ratio
from training.transfer.arm import TRANSFER
from training.transfer.gait_window import COLUMNS, TARGETS, GaitWindows

FLOOR = {"force": 0.02, "angle": np.radians(1.0)}
"""Least doubt (body weights, rad) that is believed: two members may agree by chance."""
Scores = dict[str, np.ndarray]


def measured_coverage(run: Run, task: str, windows: GaitWindows) -> tuple[list[Result], pd.DataFrame]:
    """Coverage of intervals that the people who neither teach nor are scored calibrate, at `ablated` people."""
    settings: FewPeopleSettings = run.settings
    n, kind = settings.ablated, tasks_of(settings)[task]
    if n not in teaching_numbers(settings)[task]:
        return [], pd.DataFrame()
    parts, rows, results = tuned_parts(run, task, windows), [], []
    for method in DOUBTED:
        covered: dict[float, dict[str, list[float]]] = {}
        n_calibrating = 0
        for fold in folds_of(run, task, windows):
            kept = parts.read(fold.name)
            if f"{method}|{n}|calibrate mean" not in kept:
                continue
            others, own = windows.of(fold.order[n:]), windows.of([fold.scored])
            calibrating = _scores(run, task, others, kept, f"{method}|{n}|calibrate ", kind)
            scored = _scores(run, task, own, kept, f"{method}|{n}|", kind)[fold.scored]
            n_calibrating = len(calibrating)
            for level in feasible_levels(n_calibrating):
                half = subject_quantile(list(calibrating.values()), level)
                covered.setdefault(level, {}).setdefault(fold.scored, []).append(float(np.mean(scored <= half)))
        for level, people in covered.items():
            found = {p: 100.0 * float(np.mean(v)) for p, v in people.items()}
            common = {"task": task, "method": f"{method}, {n} teach", "unit": "%", "seed": settings.seed}
            note = f"calibrated by {n_calibrating} other measured people"
            row = mean_result(found, measure=f"truth within the {100 * level:.0f} % interval", note=note, **common)
            results.append(row)
            rows.append((task, row.method, level, row.value / 100.0, row.low / 100.0, row.high / 100.0, n_calibrating))
    columns = ["task", "method", "level", "coverage", "low", "high", "n_calibrating"]
    return results, pd.DataFrame(rows, columns=columns)


def feasible_levels(n_calibrating: int) -> list[float]:
    """Probabilities for which so many persons give a finite interval."""
    return [level for level in LEVELS if level <= n_calibrating / (n_calibrating + 1.0) + 1e-12]


def outside_results(run: Run, sets: dict[str, GaitWindows]) -> tuple[list[Result], pd.DataFrame]:
    """Networks that only virtual people taught: coverage and doubt for virtual people never seen, and for others."""
    settings: FewPeopleSettings = run.settings
    roles = virtual_roles(sets[VIRTUAL].people, settings.seed)
    own = sets[VIRTUAL].of([*roles["score"], *roles["calibrate"]])
    kept = tuned_parts(run, VIRTUAL, sets[VIRTUAL]).read(alone_name(VIRTUAL))
    results, curves = [], []
    for task, kind in tasks_of(settings).items():
        columns = list(COLUMNS[kind])
        part = {key: value[..., columns] for key, value in kept.items()}
        inside = _scores(run, task, own, part, f"{TRANSFER}|0|", kind)
        calibrating = {p: inside[p] for p in roles["calibrate"] if p in inside}
        alone = tuned_parts(run, task, sets[task]).read(alone_name(task))
        outside = _scores(run, task, sets[task], alone, f"{TRANSFER}|0|", kind)
        level = max(feasible_levels(len(calibrating)), default=0.5)
        groups = {"virtual people never seen": {p: inside[p] for p in roles["score"] if p in inside}, task: outside}
        for group, scored in groups.items():
            curve = calibration_curve(calibrating, scored, seed=settings.seed)
            curves.append(curve.assign(task=task, method=f"{TRANSFER}, nobody teaches: {group}"))
            at = curve[curve.level == level].iloc[0]
            note = f"calibrated by {len(calibrating)} virtual people; {kind}s"
            measure = f"truth within the {100 * level:.0f} % interval"
            values = [100.0 * x for x in (at.coverage, at.low, at.high)]
            where = task if group == task else group
            name = f"{TRANSFER}, nobody teaches"
            results.append(Result(where, name, measure, "%", *values, len(scored), note=note))
        sds = [_spread(own, part, roles["score"]), _spread(sets[task], alone, sets[task].people)]
        ratio = doubt_ratio(*sds)
        results.append(
            Result(task, f"{TRANSFER}, nobody teaches", "stated SD over that of virtual people", "1", ratio,
                   n_persons=len(sds[1]), note="median over persons of means")
        )  # fmt: skip
    return results, pd.concat(curves, ignore_index=True)


def _scores(run: Run, task: str, windows: GaitWindows, kept: dict[str, np.ndarray], prefix: str, kind: str) -> Scores:
    """Absolute errors over the stated SD (with its floor), by person."""
    scale = TARGETS[COLUMNS[kind][0]].scale
    stated = np.hypot(kept[f"{prefix}sd"], FLOOR[kind]) * scale
    wrong = absolute_errors(run, task, windows, kept[f"{prefix}mean"]) / stated
    found = {}
    for person in windows.people:
        values = wrong[windows.person == person]
        values = values[np.isfinite(values)]
        if len(values):
            found[person] = values
    return found


def _spread(windows: GaitWindows, kept: dict[str, np.ndarray], people: list[str]) -> Scores:
    """SD of the ensemble in frames that are scored, by person."""
    sd = kept[f"{TRANSFER}|0|sd"]
    return {p: sd[windows.person == p][windows.core[windows.person == p]] for p in people}
