"""Stage: generators taught on each fold's own people, and the samples that they make."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.posture.generator_name import WHOLE
from recipes.posture.made_samples import lesson_of, make_samples, read_made, scored_samples
from recipes.posture.models import models
from recipes.posture.samples import folds_of, read_tables, table_place
from recipes.posture.settings import PostureSettings
from recipes.run import Run
from synth.picture.picture_file import save_picture
from training.csv_table import write_csv
from training.generative.condition import condition_code
from training.generative.latent_map import latent_map, map_figure
from training.generative.person_fold import PersonFold
from training.generative.sample_table import SampleTable, write_sample_table
from training.generative.variational_model import VariationalGenerator

_MAPPED = WHOLE


def work(run: Run) -> str:
    """Teach and generate, fold by fold; what was made before a kill is not made again."""
    settings: PostureSettings = run.settings
    jobs = [(n, t, k, f) for n, t in read_tables(run).items() for k, f in enumerate(folds_of(t, settings))]
    for job in run.track(jobs, "generators"):
        make_samples(run, *job)
    for name, table in {n: t for n, t, _, _ in jobs}.items():
        _write_made(run, name, table)
    name, table, _, fold = jobs[0]
    _draw_map(run, name, table, fold)
    return f"{len(models(settings))} generators on {len(jobs)} folds"


def _write_made(run: Run, name: str, table: SampleTable) -> None:
    """Made samples of all folds as a table that any program reads; conditions are those that were asked for."""
    folds = folds_of(table, run.settings)
    asked = pd.concat([scored_samples(table, fold, run.settings.seed).conditions for fold in folds], ignore_index=True)
    parts, facts = [], []
    for model in models(run.settings):
        parts += [read_made(run, name, k, model)["one"][0] for k in range(len(folds))]
        facts.append(asked.assign(generator=model))
    values = np.concatenate(parts)
    people = np.array([f"made_{row:05d}" for row in range(len(values))])
    made = SampleTable(values, people, pd.concat(facts, ignore_index=True), table.points, table.channels)
    place = table_place(run.folder, name)
    write_sample_table(place.with_name(f"made_{place.name}"), made)


def _draw_map(run: Run, name: str, table: SampleTable, fold: PersonFold) -> None:
    """Latent map of the first fold of the first table: where every generator's samples lie in one of them."""
    settings: PostureSettings = run.settings
    lesson, standard, teach = lesson_of(table, fold, settings)
    generator = models(settings)[_MAPPED].fit(lesson, settings.seed)
    if not isinstance(generator, VariationalGenerator):
        raise TypeError(f"{_MAPPED}: expected latent variables.")
    code = condition_code(teach.conditions)
    one = scored_samples(table, fold, settings.seed)
    told = code.encode(one.conditions)
    groups = {
        "teaching": (lesson.samples, lesson.conditions),
        "scored people": (standard.apply(one.values), told),
    }
    groups |= {model: (standard.apply(read_made(run, name, 0, model)["one"][0]), told) for model in models(settings)}
    places = latent_map(generator, groups)
    write_csv(run.folder / "latent_map.csv", places)
    figure = map_figure(places, f"{name}: latent variables of {_MAPPED}")
    save_picture(run.folder / "latent_map.png", f"{name}: latent map", figure)
