"""What networks go by to tell an impairment of solved people, held against the same people without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import pandas as pd

from recipes.class_doubt import class_doubt
from recipes.gait_cause.explain_stage import always, write_rows
from recipes.gait_cause.explained_walks import joined
from recipes.gait_cause.explanation_row import class_rows, explanation_rows
from recipes.gait_cause.impairment_fold import (
    METHODS,
    ImpairmentFold,
    Roles,
    fold_arrays,
    fold_of,
    fold_question,
    learn_fold,
    with_twin,
)
from recipes.gait_cause.people_elsewhere import left_out, named_elsewhere
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.solved_people import solved_roles
from recipes.gait_cause.walk_stage import ELSEWHERE, SOLVED
from recipes.gait_cause.walks import Walks, read_walks
from recipes.remembered_part import remembered_parts
from recipes.result import Result
from recipes.run import Run
from synth.imu.placement import SEVEN_SENSORS
from training.csv_table import write_csv

TASK, DOUBT = "explain the impairment", "doubt about the impairment"
FOLDS = "folds"
"""Folder of what each fold found, which a kill does not lose."""


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
    run: Run, walks: Walks, outside: Mapping[str, Walks], folds: Mapping[str, Roles]
) -> tuple[list[Result], list[pd.DataFrame]]:
    """Everybody with a twin is explained once; people outside, by what they are called, are asked in every fold."""
    settings: GaitCauseSettings = run.settings
    found = _found(run, walks, outside, folds)
    people = [with_twin(walks.of(roles["score"])) for roles in folds.values()]
    usual = [always(walks.of(roles["teach"]), own) for roles, own in zip(folds.values(), people, strict=True)]
    told = {method: [fold.told[method] for fold in found] for method in METHODS}
    columns = (np.concatenate([getattr(p, f.name) for p in people]) for f in fields(Walks)[:-1])
    everybody = Walks(*columns, walks.names)
    rows = []
    for method, probabilities in {**told, "always the commonest": usual}.items():
        rows += class_rows("tell the impairment", method, everybody, np.concatenate(probabilities), settings.seed)
    names = tuple(p.sensor for p in SEVEN_SENSORS)
    scored, chosen = joined([fold.explained for fold in found]), [fold.chosen for fold in found]
    more_rows, table = explanation_rows(TASK, chosen, scored, names, settings, walks.names)
    return [*rows, *_doubts(run, found, walks.names), *more_rows], [table]


def _found(run: Run, walks: Walks, outside: Mapping[str, Walks], folds: Mapping[str, Roles]) -> list[ImpairmentFold]:
    """What every fold found: those that a killed run finished are read, the others learnt."""
    parts = remembered_parts(run.folder / FOLDS, fold_question(run.settings, walks, outside, folds))

    def learnt(k: int, roles: Roles) -> dict[str, np.ndarray]:
        return fold_arrays(learn_fold(run.settings, walks, outside, roles, k))

    jobs = run.track(list(enumerate(folds.items())), "Impairments")
    return [fold_of(parts.get(name, lambda k=k, roles=roles: learnt(k, roles))) for k, (name, roles) in jobs]


def _doubts(run: Run, found: Sequence[ImpairmentFold], names: np.ndarray) -> list[Result]:
    """Rows of sets of impairments by each method; all levels go to doubt_solved.csv."""
    doubts = []
    for method in METHODS:
        pairs = [(fold.calibrating[method], fold.asked[method]) for fold in found]
        doubts.append(class_doubt(DOUBT, method, pairs, names, run.settings.seed))
    write_csv(run.folder / "doubt_solved.csv", pd.concat([table for _, table in doubts], ignore_index=True))
    return [row for own, _ in doubts for row in own]
