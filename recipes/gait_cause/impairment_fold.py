"""An impairment fold: what those whom one fold scores are told and explained, as arrays that a kill does not lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from recipes.class_doubt import INSIDE
from recipes.gait_cause.explain_stage import LOGISTIC, NETWORK, answers, fit_settings
from recipes.gait_cause.explained_walks import Explained, altered_explanations
from recipes.gait_cause.explanation_row import chosen_way
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walks import Walks
from training.sample.conformal_set import ClassAnswers
from training.sample.cycle_answer import CycleAnswer
from training.sample.fit import FitSettings
from training.sample.linear_answer import linear_classes
from training.sample.perceptron import teach_classes

MORE_EPOCHS = 2
"""Solved people are few: so many times the passes of drawn ones."""
METHODS = (NETWORK, LOGISTIC)
Roles = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ImpairmentFold:
    """What one fold found.

    Attributes
    ----------
    told : dict of str to ndarray
        Method → probabilities of the classes (n, n_classes) of those who are scored and have a twin.
    calibrating : dict of str to ClassAnswers
        Method → of those who calibrate.
    asked : dict of str to dict of str to ClassAnswers
        Method → group → of those who are scored, `INSIDE` and people outside.
    chosen : str
        Way of explaining, of `chosen_way`.
    explained : Explained
        Those who are scored and have a twin.
    """

    told: dict[str, np.ndarray]
    calibrating: dict[str, ClassAnswers]
    asked: dict[str, dict[str, ClassAnswers]]
    chosen: str
    explained: Explained


def teaching_settings(settings: GaitCauseSettings) -> FitSettings:
    """How networks of solved people are taught."""
    return fit_settings(settings.solved_epochs or MORE_EPOCHS * settings.epochs)


def fold_question(
    settings: GaitCauseSettings, walks: Walks, outside: Mapping[str, Walks], folds: Mapping[str, Roles]
) -> list[object]:
    """All that decides what folds find: people, their roles, and the settings that networks or explanations read."""
    names = ("seed", "n_members", "n_phases", "n_untaught", "n_explained")
    chosen = {name: getattr(settings, name) for name in names}
    people = {"": walks.content(), **{group: own.content() for group, own in outside.items()}}
    roles = {fold: {role: list(map(str, own)) for role, own in by.items()} for fold, by in folds.items()}
    return [chosen, teaching_settings(settings).model_dump(mode="json"), people, roles]


def with_twin(people: Walks) -> Walks:
    """Walks whose cause is known."""
    return people.rows(np.flatnonzero(np.isfinite(people.change[:, 0, 0])))


def learn_fold(
    settings: GaitCauseSettings, walks: Walks, outside: Mapping[str, Walks], roles: Roles, k: int
) -> ImpairmentFold:
    """Teach a network and a linear model, ask them, choose on those who calibrate and explain those who are scored.

    Parameters
    ----------
    settings : GaitCauseSettings
    walks : Walks
        Everybody, of whom the roles tell who does what.
    outside : mapping of str to Walks
        Group → people outside, who are asked in every fold.
    roles : mapping of str to sequence of str
        Of `solved_people.solved_roles`.
    k : int
        Number of the fold, from 0: each draws its weights and members anew.
    """
    teach, held, judge, score = (walks.of(roles[r]) for r in ("teach", "validate", "calibrate", "score"))
    groups, known = {INSIDE: score, **outside}, (held.records, held.group)
    more = {"n_members": settings.n_members, "seed": settings.seed + 100 * k, "people": teach.code}
    tells = teach_classes(teach.records, teach.group, known, teaching_settings(settings), build=CycleAnswer, **more)
    linear = linear_classes(teach.records, teach.group, known, **more)
    models = dict(zip(METHODS, (tells, linear), strict=True))
    known_causes = [with_twin(people) for people in (judge, score)]
    best, explained = chosen_way(*(altered_explanations(settings, tells, linear, teach, p) for p in known_causes))
    return ImpairmentFold(
        {name: model.probabilities(known_causes[1].records)[0] for name, model in models.items()},
        {name: answers(model, judge) for name, model in models.items()},
        {name: {group: answers(model, own) for group, own in groups.items()} for name, model in models.items()},
        best,
        explained,
    )


def fold_arrays(fold: ImpairmentFold) -> dict[str, np.ndarray]:
    """A fold as named arrays, for a file; names are words between bars, in the fold's own order."""
    kept = {"chosen": np.array(fold.chosen)}
    for method in METHODS:
        kept[f"told|{method}"] = fold.told[method]
        kept |= _named(f"calibrating|{method}", fold.calibrating[method])
        for group, own in fold.asked[method].items():
            kept |= _named(f"asked|{method}|{group}", own)
    for name in _PLAIN:
        kept[f"explained|{name}"] = getattr(fold.explained, name)
    return kept | {f"found|{way}": parts for way, parts in fold.explained.found.items()}


def fold_of(arrays: Mapping[str, np.ndarray]) -> ImpairmentFold:
    """A fold from what `fold_arrays` named."""
    asked: dict[str, dict[str, ClassAnswers]] = {method: {} for method in METHODS}
    for method in METHODS:
        for group in _under(_under(arrays, "asked"), method):
            group = group.rpartition("|")[0]
            asked[method][group] = _answers(arrays, f"asked|{method}|{group}")
    return ImpairmentFold(
        _under(arrays, "told"),
        {method: _answers(arrays, f"calibrating|{method}") for method in METHODS},
        asked,
        str(arrays["chosen"]),
        Explained(found=_under(arrays, "found"), **_under(arrays, "explained")),
    )


_PLAIN = tuple(f.name for f in fields(Explained) if f.name != "found")


def _named(word: str, said: ClassAnswers) -> dict[str, np.ndarray]:
    return {f"{word}|{f.name}": getattr(said, f.name) for f in fields(ClassAnswers)}


def _answers(arrays: Mapping[str, np.ndarray], word: str) -> ClassAnswers:
    return ClassAnswers(**_under(arrays, word))


def _under(arrays: Mapping[str, np.ndarray], word: str) -> dict[str, np.ndarray]:
    """Arrays whose names begin with this word, under the rest of their names."""
    return {name[len(word) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{word}|")}
