"""What networks go by to tell an impairment of solved people, held against the same people without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import pandas as pd

from recipes.gait_cause.explain_stage import LOGISTIC, NETWORK, always, fit_settings, write_rows
from recipes.gait_cause.explained_walks import altered_explanations, joined
from recipes.gait_cause.explanation_row import chosen_way, class_rows, explanation_rows
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.solved_people import solved_roles
from recipes.gait_cause.walk_stage import SOLVED
from recipes.gait_cause.walks import Walks, read_walks
from recipes.result import Result
from recipes.run import Run
from synth.imu.placement import SEVEN_SENSORS
from training.sample.cycle_answer import CycleAnswer
from training.sample.linear_answer import linear_classes
from training.sample.perceptron import teach_classes

TASK = "explain the impairment"
MORE_EPOCHS = 2
"""Solved people are few: so many times the passes of drawn ones."""


def explain_solved(run: Run) -> str:
    """Teach, explain, choose and score, fold by fold; nothing where no solved people are given."""
    walks = read_walks(run.folder / SOLVED).numbered_anew()
    folds = solved_roles(walks, run.settings)
    rows, tables = _solved(run, walks, folds) if folds else ([], [])
    return write_rows(run, "solved", rows, tables)


def _solved(run: Run, walks: Walks, folds: Mapping[str, Mapping]) -> tuple[list[Result], list[pd.DataFrame]]:
    """Everybody with a twin is explained once."""
    settings: GaitCauseSettings = run.settings
    how = fit_settings(MORE_EPOCHS * settings.epochs)
    chosen, scored, people, told, linear_told, usual = [], [], [], [], [], []
    for k, roles in enumerate(run.track(list(folds.values()), "Impairments")):
        teach, held, judge, score = (walks.of(roles[r]) for r in ("teach", "validate", "calibrate", "score"))
        score, judge = (w.rows(np.flatnonzero(np.isfinite(w.change[:, 0, 0]))) for w in (score, judge))
        more = {"n_members": settings.n_members, "build": CycleAnswer, "seed": settings.seed + 100 * k}
        tells = teach_classes(teach.records, teach.group, (held.records, held.group), how, **more)
        people.append(score)
        told.append(tells.probabilities(score.records)[0])
        usual.append(always(teach, score))
        linear = linear_classes(teach.records, teach.group, (held.records, held.group), settings.seed)
        linear_told.append(linear.probabilities(score.records)[0])
        pair = (altered_explanations(settings, tells, linear, teach, p) for p in (judge, score))
        best, explained = chosen_way(*pair)
        chosen.append(best)
        scored.append(explained)
    columns = (np.concatenate([getattr(p, f.name) for p in people]) for f in fields(Walks)[:-1])
    everybody = Walks(*columns, walks.names)
    rows = []
    for method, probabilities in ((NETWORK, told), (LOGISTIC, linear_told), ("always the commonest", usual)):
        rows += class_rows("tell the impairment", method, everybody, np.concatenate(probabilities), settings.seed)
    names = tuple(p.sensor for p in SEVEN_SENSORS)
    more_rows, table = explanation_rows(TASK, chosen, joined(scored), names, settings, walks.names)
    return rows + more_rows, [table]
