"""What networks go by to tell what is altered in drawn walks, and to estimate their speed, held against the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from recipes.class_doubt import INSIDE, class_doubt
from recipes.gait_cause.explained_walks import altered_explanations, speed_explanations
from recipes.gait_cause.explanation_row import chosen_way, class_rows, explanation_rows, speed_rows
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.speed_doubt import FAR, doubt_rows
from recipes.gait_cause.walk_stage import DRAWN, OUTSIDE
from recipes.gait_cause.walks import Walks, read_walks
from recipes.result import Result
from recipes.run import Run
from synth.optimal_control.gait.altered_gait import SENSORS
from training.csv_table import write_csv
from training.sample.conformal_set import ClassAnswers
from training.sample.cycle_answer import CycleAnswer
from training.sample.fit import FitSettings
from training.sample.linear_answer import linear_classes, linear_numbers
from training.sample.perceptron import Taught, teach_classes, teach_estimates

SHARES = {"teach": 0.70, "validate": 0.10, "calibrate": 0.08}
"""Of the drawn people, and of the solved ones in a fold; the rest is scored."""
NETWORK, LOGISTIC, RIDGE = "cycle network", "components, logistic regression", "components, ridge regression"
TASK, SPEED_TASK = "explain what is altered", "explain the speed"


def explain_drawn(run: Run) -> str:
    """Both questions about drawn walks: teach, explain, choose on those who calibrate, score; rows and a table."""
    walks = read_walks(run.folder / DRAWN)
    rows, tables = _drawn(run, walks, drawn_roles(walks, run.settings))
    return write_rows(run, "drawn", rows, tables)


def write_rows(run: Run, name: str, rows: list[Result], tables: list[pd.DataFrame]) -> str:
    """Write NAME_rows.json and explanation_NAME.csv."""
    if tables:
        write_csv(run.folder / f"explanation_{name}.csv", pd.concat(tables, ignore_index=True))
    kept = [asdict(row) for row in rows if np.isfinite(row.value)]
    write_durably(run.folder / f"{name}_rows.json", json.dumps(kept, indent=1))
    return f"{len(kept)} rows"


def drawn_roles(walks: Walks, settings: GaitCauseSettings) -> dict[str, list[str]]:
    """Role → persons."""
    order = np.random.default_rng([settings.seed, 1]).permutation(np.unique(walks.code))
    return parts_of(order, SHARES)


def parts_of(order: np.ndarray, shares: Mapping[str, float]) -> dict[str, list[str]]:
    """Roles of people in an order: so much of each, the rest under ``score``."""
    edges = np.round(np.cumsum(list(shares.values())) * len(order)).astype(int)
    return dict(zip([*shares, "score"], (list(part) for part in np.split(order, edges)), strict=True))


def fit_settings(epochs: int) -> FitSettings:
    """How every network is taught."""
    return FitSettings(epochs=epochs, batch=64, learning_rate=1e-2, schedule="one_cycle", weight_decay=1e-3)


def _drawn(run: Run, walks: Walks, roles: Mapping[str, list[str]]) -> tuple[list[Result], list[pd.DataFrame]]:
    """Both questions about drawn walks."""
    settings: GaitCauseSettings = run.settings
    teach, held, judge, score = (walks.of(roles[r]) for r in ("teach", "validate", "calibrate", "score"))
    outside = read_walks(run.folder / OUTSIDE)
    how, more = fit_settings(settings.epochs), {"n_members": settings.n_members, "build": CycleAnswer}
    run.say("teaching to tell alterations")
    tells = teach_classes(teach.records, teach.group, (held.records, held.group), how, seed=settings.seed, **more)
    probabilities = tells.probabilities(score.records)[0]
    rows = class_rows("tell what is altered", NETWORK, score, probabilities, settings.seed)
    known = (held.records, held.group)
    linear = linear_classes(teach.records, teach.group, known, settings.seed, n_members=settings.n_members)
    told = linear.probabilities(score.records)[0]
    rows += class_rows("tell what is altered", LOGISTIC, score, told, settings.seed)
    groups, doubts = {INSIDE: score, FAR: outside}, []
    for name, model in ((NETWORK, tells), (LOGISTIC, linear)):
        asked = [(answers(model, judge), {group: answers(model, own) for group, own in groups.items()})]
        doubts.append(class_doubt("doubt about what is altered", name, asked, score.names, settings.seed))
    base = always(teach, score)
    rows += class_rows("tell what is altered", "always the commonest", score, base, settings.seed)
    names = tuple(p.sensor for p in SENSORS)
    best, told = chosen_way(*(altered_explanations(settings, tells, linear, teach, p) for p in (judge, score)))
    explained, table = explanation_rows(TASK, [best], told, names, settings, walks.names)
    rows += explained
    run.say("teaching to estimate speed")
    known = (held.records, held.numbers[:, -1:])
    knows = teach_estimates(teach.records, teach.numbers[:, -1:], known, how, seed=settings.seed + 50, **more)
    linear = linear_numbers(teach.records, teach.numbers[:, -1:], known, settings.seed, n_members=settings.n_members)
    models = {NETWORK: knows, RIDGE: linear}
    rows += speed_rows(models, teach, score, settings.seed)
    doubts.append(doubt_rows(models, judge, score, outside, settings.seed))
    rows += [row for own, _ in doubts for row in own]
    write_csv(run.folder / "doubt_drawn.csv", pd.concat([table for _, table in doubts], ignore_index=True))
    best, told = chosen_way(*(speed_explanations(settings, knows, linear, teach, p) for p in (judge, score)))
    more_rows, other = explanation_rows(SPEED_TASK, [best], told, names, settings, walks.names)
    return rows + more_rows, [table, other]


def answers(model: Taught, people: Walks) -> ClassAnswers:
    """What is said of what is wrong, beside the truth."""
    return ClassAnswers(people.code, people.group, *model.probabilities(people.records))


def always(teach: Walks, score: Walks) -> np.ndarray:
    """Probabilities that name the commonest of those who teach, the row to beat."""
    commonest = np.bincount(teach.group, minlength=len(teach.names)).argmax()
    return np.tile(np.eye(len(teach.names))[commonest], (len(score), 1))
