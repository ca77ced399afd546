"""Samples that each generator made in each fold: one part a generator, so that a killed run goes on with the next."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from recipes.posture.generator_name import EVERYBODY
from recipes.posture.models import models
from recipes.posture.samples import MOST_NUMBERS, table_place
from recipes.posture.settings import PostureSettings
from recipes.remembered_part import RememberedParts, part_name, remembered_parts
from recipes.run import Run
from synth.corpus.provenance import file_hash
from training.generative.condition import condition_code
from training.generative.generative_model import Lesson
from training.generative.person_fold import PersonFold, Standard, ordinary_rows, standard_of
from training.generative.sample_table import SampleTable, one_a_person

MANY = 3
"""Made samples for each that teaches."""
_DECIDE = {"seed", "trees", "epochs", "patience", "repeats"}
"""Settings that made samples depend on, beside the table: another rater or permutation makes nothing anew."""


def kept_parts(run: Run, name: str, folder: str, *also: str) -> RememberedParts:
    """Parts that a table and the settings of the generators decide, and those named beside."""
    decided = run.settings.model_dump(mode="json", include=_DECIDE | set(also))
    return remembered_parts(run.folder / folder, [decided, file_hash(table_place(run.folder, name))])


def read_made(run: Run, name: str, k: int, model: str) -> dict[str, np.ndarray]:
    """Samples of a generator in a fold, in their unit.

    Returns
    -------
    dict of str to ndarray
        ``one``, shape (repeats, n_scored, n_points, n_channels): one for each person who is scored; of small
        samples ``many``, shape (n, n_points, n_channels), to teach others.
    """
    stored = kept_parts(run, name, "made").read(part_name(name, k, model))
    return {key: values.astype(float) for key, values in stored.items()}


def made_seeds(seed: int, k: int, number: int) -> tuple[int, int]:
    """Seeds of what a generator makes in fold k: one sample a scored person, and many for teaching."""
    one, many = np.random.default_rng([seed, k, number]).integers(2**31, size=2)
    return int(one), int(many)


def lesson_of(
    table: SampleTable, fold: PersonFold, settings: PostureSettings, *, everybody: bool = False
) -> tuple[Lesson, Standard, SampleTable]:
    """What a fold's generators learn from, the standard of its teaching people, and the teaching samples that stay.

    The outliers do not, unless everybody teaches.
    """
    teach, validate = table.of_people(fold.teach), table.of_people(fold.validate)
    if not everybody:
        first = standard_of(teach.values)
        teach = teach.rows(ordinary_rows(first.apply(teach.values), settings.trees, settings.seed))
    standard = standard_of(teach.values)
    code = condition_code(teach.conditions)
    lesson = Lesson(
        standard.apply(teach.values),
        code.encode(teach.conditions),
        standard.apply(validate.values),
        code.encode(validate.conditions),
        teach.people,
        validate.people,
    )
    return lesson, standard, teach


def left_out(teach: SampleTable, stay: SampleTable) -> str:
    """A sentence on the samples, and the people, that the isolation forest took from those who teach."""
    gone = len(set(teach.people)) - len(set(stay.people))
    share = 100.0 * (1.0 - len(stay) / len(teach))
    return f"the forest leaves out {share:.0f} % of the teaching samples, and all those of {gone} people."


def scored_samples(table: SampleTable, fold: PersonFold, seed: int, repeat: int = 0) -> SampleTable:
    """One sample of each person of a fold who is scored, in the order of their codes; another one each time."""
    return one_a_person(table.of_people(fold.score), [seed, repeat])


def make_samples(run: Run, name: str, table: SampleTable, k: int, fold: PersonFold) -> None:
    """Teach every generator in a fold and keep what it makes, unless it was made before."""
    parts = kept_parts(run, name, "made")

    @cache
    def lesson(everybody: bool) -> tuple[Lesson, Standard, SampleTable]:
        found = lesson_of(table, fold, run.settings, everybody=everybody)
        if not everybody:
            run.say(f"{name}, fold {k + 1}: {left_out(table.of_people(fold.teach), found[2])}")
        return found

    for number, model in enumerate(models(run.settings)):
        parts.get(
            part_name(name, k, model),
            lambda m=model, i=number: make(run, table, k, fold, m, i, lesson(m in EVERYBODY)),
        )


def make(
    run: Run,
    table: SampleTable,
    k: int,
    fold: PersonFold,
    model: str,
    number: int,
    lesson_of_fold: tuple[Lesson, Standard, SampleTable],
) -> dict[str, np.ndarray]:
    """Teach one generator in a fold, and make samples by it; as of `read_made`."""
    settings: PostureSettings = run.settings
    lesson, standard, teach = lesson_of_fold
    generator = models(settings)[model].fit(lesson, settings.seed + k)
    one_seed, many_seed = made_seeds(settings.seed, k, number)
    asked = [scored_samples(table, fold, settings.seed, r).conditions for r in range(settings.repeats)]
    told = condition_code(teach.conditions).encode(pd.concat(asked, ignore_index=True))
    one = standard.undo(generator.generate(len(told), told, one_seed))
    made = {"one": one.reshape(settings.repeats, -1, *one.shape[1:])}
    if table.values[0].size <= MOST_NUMBERS:
        drawn = np.random.default_rng([settings.seed, k]).integers(len(teach), size=MANY * len(teach))
        made["many"] = standard.undo(generator.generate(len(drawn), lesson.conditions[drawn], many_seed))
    return {key: values.astype(np.float32) for key, values in made.items()}
