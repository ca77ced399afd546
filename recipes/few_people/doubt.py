"""Doubt: intervals that others calibrate, whether they hold the truth, and doubt about people of no population."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.few_people.nested_people import virtual_roles
from recipes.few_people.person_error import absolute_errors
from recipes.few_people.settings import FewPeopleSettings, tasks_of, teaching_numbers
from recipes.few_people.source_stage import VIRTUAL, folds_of
from recipes.few_people.tuning_stage import DOUBTED, alone_name, tuned_parts
from recipes.result import Result
from recipes.run import Run
from training.sample.calibration_curve import LEVELS, doubt_ratio, refuse_shared
from training.sample.column_coverage import all_held, half_widths, least_held, shares_held
from training.transfer.arm import TRANSFER
from training.transfer.gait_window import COLUMNS, TARGETS, GaitWindows

FLOOR = {"force": 0.02, "angle": np.radians(1.0)}
"""Least doubt (body weights, rad) that is believed: two members may agree by chance."""
LEAST = ", held least"
"""After a measure: that of the quantity whose intervals hold least often; the note names it."""
Scores = dict[str, np.ndarray]


def _quantity(column: int) -> str:
    """What a column of `TARGETS` is, whatever its side: ``"knee_angle"``."""
    return TARGETS[column].coordinate.removesuffix("_r").removesuffix("_l")


QUANTITIES = {kind: tuple(dict.fromkeys(map(_quantity, columns))) for kind, columns in COLUMNS.items()}
"""Task → its quantities, each with intervals of its own."""


def measured_coverage(run: Run, task: str, windows: GaitWindows) -> tuple[list[Result], pd.DataFrame]:
    """Coverage of intervals that the people who neither teach nor are scored calibrate, at `ablated` people.

    Every quantity of a task has intervals of its own width.
    """
    settings: FewPeopleSettings = run.settings
    n, kind = settings.ablated, tasks_of(settings)[task]
    if n not in teaching_numbers(settings)[task]:
        return [], pd.DataFrame()
    parts, rows, results = tuned_parts(run, task, windows), [], []
    for method in DOUBTED:
        covered: dict[float, dict[str, list[np.ndarray]]] = {}
        n_calibrating = 0
        for fold in folds_of(run, task, windows):
            kept = parts.read(fold.name)
            if f"{method}|{n}|calibrate mean" not in kept:
                continue
            others, own = windows.of(fold.order[n:]), windows.of([fold.scored])
            calibrating = _scores(run, task, others, kept, f"{method}|{n}|calibrate ", kind)
            scored = _scores(run, task, own, kept, f"{method}|{n}|", kind)
            n_calibrating = len(calibrating)
            levels = feasible_levels(n_calibrating)
            shares = shares_held(half_widths(calibrating, levels), scored) if levels else np.zeros((0, 1, 1))
            for level, share in zip(levels, shares, strict=True):
                covered.setdefault(level, {}).setdefault(fold.scored, []).append(share[0])
        for level, people in covered.items():
            share = np.array([np.mean(draws, axis=0) for draws in people.values()])
            note = f"calibrated by {n_calibrating} other measured people"
            facts = {"task": task, "method": f"{method}, {n} teach"}
            results += held_rows(share, level, kind, note, settings.seed, **facts)
            rows.append(_curve(share, level, kind, settings.seed).assign(n_calibrating=n_calibrating, **facts))
    return results, pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def held_rows(
    shares: np.ndarray, level: float, kind: str, note: str, seed: int, *, task: str, method: str
) -> list[Result]:
    """How often intervals hold the truth: all quantities together, and, of several, the one that is held least.

    Parameters
    ----------
    shares : ndarray, shape (n_persons, n_quantities)
        Of each person's values within the intervals.
    level : float
        Stated.
    kind : str
        ``"force"`` or ``"angle"``, see `QUANTITIES`.
    note, task, method : str
        Of the rows.
    seed : int
        Of the bootstrap over persons.
    """
    found = [("", note, all_held(shares, seed))]
    if shares.shape[1] > 1:
        least = least_held(shares, QUANTITIES[kind], seed)
        found.append((LEAST, f"{least.name}; {note}", least))
    measure = f"truth within the {100 * level:.0f} % interval"
    return [
        Result(task, method, f"{measure}{more}", "%", *(100.0 * x for x in (held.coverage, held.low, held.high)),
               len(shares), note=said)
        for more, said, held in found
    ]  # fmt: skip


def _curve(shares: np.ndarray, level: float, kind: str, seed: int) -> pd.DataFrame:
    """One row a quantity and one for all; shares (n_persons, n_quantities)."""
    columns = {name: shares[:, [k]] for k, name in enumerate(QUANTITIES[kind])}
    held = {name: all_held(own, seed) for name, own in ({"all": shares} | columns).items()}
    rows = [(level, name, one.coverage, one.low, one.high, len(shares)) for name, one in held.items()]
    return pd.DataFrame(rows, columns=["level", "quantity", "coverage", "low", "high", "n_scored"])


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
        widths = half_widths(calibrating)
        for group, scored in groups.items():
            refuse_shared(calibrating, scored)
            shares = shares_held(widths, scored)
            facts = {"task": task, "method": f"{TRANSFER}, nobody teaches: {group}", "n_calibrating": len(calibrating)}
            for at, share, width in zip(LEVELS, shares, widths, strict=True):
                curve = _curve(share, at, kind, settings.seed)
                curves.append(curve.assign(half_width=[np.nan, *width], **facts))
            note = f"calibrated by {len(calibrating)} virtual people; {kind}s"
            named = {"task": group, "method": f"{TRANSFER}, nobody teaches"}
            results += held_rows(shares[LEVELS.index(level)], level, kind, note, settings.seed, **named)
        sds = [_spread(own, part, roles["score"]), _spread(sets[task], alone, sets[task].people)]
        ratio = doubt_ratio(*sds)
        results.append(
            Result(task, f"{TRANSFER}, nobody teaches", "stated SD over that of virtual people", "1", ratio,
                   n_persons=len(sds[1]), note="median over persons of means")
        )  # fmt: skip
    return results, pd.concat(curves, ignore_index=True)


def _scores(run: Run, task: str, windows: GaitWindows, kept: dict[str, np.ndarray], prefix: str, kind: str) -> Scores:
    """Absolute errors over the stated SD (with its floor), by person: (n_values, n_quantities), both sides in a row."""
    scale = TARGETS[COLUMNS[kind][0]].scale
    stated = np.hypot(kept[f"{prefix}sd"], FLOOR[kind]) * scale
    wrong = absolute_errors(run, task, windows, kept[f"{prefix}mean"]) / stated
    own = {person: by_quantity(wrong[windows.person == person], kind) for person in windows.people}
    return {person: values for person, values in own.items() if np.isfinite(values).any()}


def by_quantity(values: np.ndarray, kind: str) -> np.ndarray:
    """Values (..., n_columns) of a task's columns as (n, n_quantities): the same quantity of both sides is one."""
    names = [_quantity(column) for column in COLUMNS[kind]]
    sides = [values[..., [i for i, name in enumerate(names) if name == one]] for one in QUANTITIES[kind]]
    return np.stack([side.ravel() for side in sides], axis=1)


def _spread(windows: GaitWindows, kept: dict[str, np.ndarray], people: list[str]) -> Scores:
    """SD of the ensemble in frames that are scored, by person."""
    sd = kept[f"{TRANSFER}|0|sd"]
    return {p: sd[windows.person == p][windows.core[windows.person == p]] for p in people}
