"""What networks go by to tell an impairment of solved people, held against the same people without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import pandas as pd

from recipes.class_doubt import INSIDE, class_doubt
from recipes.gait_cause.explain_stage import LOGISTIC, NETWORK, always, answers, fit_settings, write_rows
from recipes.gait_cause.explained_walks import altered_explanations, joined
from recipes.gait_cause.explanation_row import chosen_way, class_rows, explanation_rows
from recipes.gait_cause.people_elsewhere import left_out, named_elsewhere
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.solved_people import solved_roles
from recipes.gait_cause.walk_stage import ELSEWHERE, SOLVED
from recipes.gait_cause.walks import Walks, read_walks
from recipes.result import Result
from recipes.run import Run
from synth.imu.placement import SEVEN_SENSORS
from training.csv_table import write_csv
from training.sample.cycle_answer import CycleAnswer
from training.sample.linear_answer import linear_classes
from training.sample.perceptron import teach_classes

TASK, DOUBT = "explain the impairment", "doubt about the impairment"
MORE_EPOCHS = 2
"""Solved people are few: so many times the passes of drawn ones."""


def explain_solved(run: Run) -> str:
    """Teach, explain, choose and score, fold by fold; nothing where no solved people are given."""
    solved = read_walks(run.folder / SOLVED)
    walks, elsewhere = solved.numbered_anew(), read_walks(run.folder / ELSEWHERE)
    if lost := left_out(elsewhere, solved):
        run.say(lost)
    outside = {named_elsewhere(run.settings): elsewhere.numbered_as(solved)} if len(elsewhere) else {}
    folds = solved_roles(walks, run.settings)
    rows, tables = _solved(run, walks, outside, folds) if folds else ([], [])
    return write_rows(run, "solved", rows, tables)


def _solved(
    run: Run, walks: Walks, outside: Mapping[str, Walks], folds: Mapping[str, Mapping]
) -> tuple[list[Result], list[pd.DataFrame]]:
    """Everybody with a twin is explained once; people outside, by what they are called, are asked in every fold."""
    settings: GaitCauseSettings = run.settings
    how = fit_settings(settings.solved_epochs or MORE_EPOCHS * settings.epochs)
    chosen, scored, people, usual = [], [], [], []
    told: dict[str, list[np.ndarray]] = {NETWORK: [], LOGISTIC: []}
    asked: dict[str, list[tuple]] = {NETWORK: [], LOGISTIC: []}
    for k, roles in enumerate(run.track(list(folds.values()), "Impairments")):
        teach, held, judge, score = (walks.of(roles[r]) for r in ("teach", "validate", "calibrate", "score"))
        groups = {INSIDE: score, **outside}
        with_twin = [w.rows(np.flatnonzero(np.isfinite(w.change[:, 0, 0]))) for w in (judge, score)]
        more = {"n_members": settings.n_members, "seed": settings.seed + 100 * k, "people": teach.code}
        known = (held.records, held.group)
        tells = teach_classes(teach.records, teach.group, known, how, build=CycleAnswer, **more)
        linear = linear_classes(teach.records, teach.group, known, **more)
        for name, model in ((NETWORK, tells), (LOGISTIC, linear)):
            told[name].append(model.probabilities(with_twin[1].records)[0])
            asked[name].append((answers(model, judge), {group: answers(model, own) for group, own in groups.items()}))
        people.append(with_twin[1])
        usual.append(always(teach, with_twin[1]))
        best, explained = chosen_way(*(altered_explanations(settings, tells, linear, teach, p) for p in with_twin))
        chosen.append(best)
        scored.append(explained)
    columns = (np.concatenate([getattr(p, f.name) for p in people]) for f in fields(Walks)[:-1])
    everybody = Walks(*columns, walks.names)
    rows = []
    for method, probabilities in {**told, "always the commonest": usual}.items():
        rows += class_rows("tell the impairment", method, everybody, np.concatenate(probabilities), settings.seed)
    doubts = [class_doubt(DOUBT, name, pairs, walks.names, settings.seed) for name, pairs in asked.items()]
    write_csv(run.folder / "doubt_solved.csv", pd.concat([table for _, table in doubts], ignore_index=True))
    names = tuple(p.sensor for p in SEVEN_SENSORS)
    more_rows, table = explanation_rows(TASK, chosen, joined(scored), names, settings, walks.names)
    return [*rows, *(row for own, _ in doubts for row in own), *more_rows], [table]
