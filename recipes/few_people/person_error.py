"""Person error: RMS errors of each method by number of people who taught, one value a person, mean over draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recipes.few_people.settings import tasks_of
from recipes.few_people.source_stage import folds_of
from recipes.few_people.tuning_stage import Kept, alone_name, tuned_parts
from recipes.run import Run
from training.transfer.gait_window import COLUMNS, TARGETS, GaitWindows

Errors = dict[tuple[str, int], dict[str, float]]
"""(Method, number of people who taught) → person → error in the unit of the table."""
DrawErrors = dict[tuple[str, int], dict[str, list[float]]]
"""The same draw by draw: one error where nobody measured teaches."""


def unit_of(run: Run, task: str) -> str:
    """``"%BW"`` or ``"deg"``."""
    return TARGETS[COLUMNS[tasks_of(run.settings)[task]][0]].unit


def labels_of(run: Run, task: str, windows: GaitWindows) -> np.ndarray:
    """Truth (n, 96, n_columns) in the unit of the table; NaN where it is unknown or not scored in this window."""
    columns = list(COLUMNS[tasks_of(run.settings)[task]])
    truth = windows.labels[..., columns] * TARGETS[columns[0]].scale
    return np.where(windows.core[..., None], truth, np.nan)


def absolute_errors(run: Run, task: str, windows: GaitWindows, said: np.ndarray) -> np.ndarray:
    """Absolute errors (n, 96, n_columns), NaN as in `labels_of`."""
    scale = TARGETS[COLUMNS[tasks_of(run.settings)[task]][0]].scale
    return np.abs(said * scale - labels_of(run, task, windows))


def mean_errors(by_draw: DrawErrors) -> Errors:
    """Each person's mean over draws.

    Parameters
    ----------
    by_draw : dict of (str, int) to dict
        (Method, number of people who taught) → person → one RMS error a draw, in the unit of the table.

    Returns
    -------
    dict of (str, int) to dict
        (Method, number) → person → mean error in the same unit.
    """
    return {key: {p: float(np.mean(v)) for p, v in people.items()} for key, people in by_draw.items()}


def errors_by_draw(run: Run, task: str, windows: GaitWindows) -> DrawErrors:
    """All errors of a task.

    Parameters
    ----------
    run : Run
        Whose folds were taught.
    task : str
        Of `tasks_of`.
    windows : GaitWindows
        Of everybody who is scored.

    Returns
    -------
    dict of (str, int) to dict
        (Method, number of people who taught), by number → person → one RMS error a draw, in the unit of `unit_of`.

    Raises
    ------
    FileNotFoundError
        What was said in a fold is not there any more.
    """
    parts = tuned_parts(run, task, windows)
    by_draw: DrawErrors = {}
    alone = parts.read(alone_name(task))
    for person in windows.people:
        rows = np.flatnonzero(windows.person == person)
        _collect(run, task, windows.rows(rows), {k: v[rows] for k, v in alone.items()}, person, by_draw)
    for fold in folds_of(run, task, windows):
        kept = parts.read(fold.name)
        _collect(run, task, windows.of([fold.scored]), kept, fold.scored, by_draw)
    return {key: by_draw[key] for key in sorted(by_draw, key=lambda key: key[1])}


def _collect(
    run: Run,
    task: str,
    windows: GaitWindows,
    kept: Kept,
    person: str,
    found: DrawErrors,
) -> None:
    """RMS error of one person, the root of the mean over targets of their mean squares."""
    for key, value in kept.items():
        method, n, what = key.split("|")
        if what == "mean":
            wrong = absolute_errors(run, task, windows, value)
            squares = np.nanmean(wrong**2, axis=(0, 1))
            found.setdefault((method, int(n)), {}).setdefault(person, []).append(float(np.sqrt(np.nanmean(squares))))


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> np.ndarray:
    """Errors (2, n_persons) of the persons whom both have."""
    people = [p for p in first if p in second]
    return np.array([[errors[p] for p in people] for errors in (first, second)])
