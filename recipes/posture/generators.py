"""Stage: generators taught on each fold's own people, and the samples that they make."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import durable_place
from recipes.posture.samples import MOST_NUMBERS, folds_of, read_tables, table_place
from recipes.posture.settings import PostureSettings
from recipes.run import Run, kinesynth_version
from synth.corpus.provenance import file_hash
from synth.picture.picture_file import save_picture
from training.csv_table import write_csv
from training.generative.condition import condition_code
from training.generative.generative_model import GenerativeModel, Lesson
from training.generative.latent_map import latent_map, map_figure
from training.generative.person_fold import PersonFold, Standard, ordinary_rows, standard_of
from training.generative.plain_model import GaussianModel, InterpolationModel, NoiseModel
from training.generative.sample_table import SampleTable, one_a_person, write_sample_table
from training.generative.variational_model import PUBLISHED_FIT, VariationalGenerator, VariationalModel

PUBLISHED, WHOLE, CONDITIONAL, SERIES = "VAE as published", "VAE, whole samples", "conditional VAE", "series VAE"
GAUSSIAN, INTERPOLATION, NOISE = "PCA-Gaussian", "interpolation", "noise"
MANY_OF = (PUBLISHED, WHOLE, GAUSSIAN, INTERPOLATION, NOISE)
"""Whose samples the use case learns from."""
MANY = 3
"""Made samples for each that teaches."""
_MAPPED = WHOLE
_FILTERS = 16
_DECIDE = {"seed", "trees", "epochs", "patience"}
"""Settings that made samples depend on, beside the table: another rater or permutation makes nothing anew."""


def models(settings: PostureSettings) -> dict[str, GenerativeModel]:
    """Every generative model by name."""
    published = PUBLISHED_FIT.model_copy(update={"epochs": settings.epochs})
    stopped = published.model_copy(update={"patience": settings.patience})
    return {
        PUBLISHED: VariationalModel(published, is_whole=False),
        WHOLE: VariationalModel(stopped),
        CONDITIONAL: VariationalModel(stopped, is_conditional=True),
        SERIES: VariationalModel(stopped, n_filters=_FILTERS),
        GAUSSIAN: GaussianModel(),
        INTERPOLATION: InterpolationModel(),
        NOISE: NoiseModel(),
    }


def work(run: Run) -> str:
    """Teach and generate, fold by fold; a fold that was finished before a kill is not done again."""
    settings: PostureSettings = run.settings
    jobs = [(n, t, k, f) for n, t in read_tables(run).items() for k, f in enumerate(folds_of(t, settings))]
    for name, table, k, fold in run.track(jobs, "generators"):
        place = made_place(run, name, k)
        if not place.exists():
            _generate(run, name, table, k, fold, place)
    for name, table in {n: t for n, t, _, _ in jobs}.items():
        _write_made(run, name, table)
    name, table, _, fold = jobs[0]
    _draw_map(run, name, table, fold)
    return f"{len(models(settings))} generators on {len(jobs)} folds"


def made_place(run: Run, name: str, k: int) -> Path:
    """File of the samples made in a fold; other settings, samples or versions of Kinesynth have another."""
    decided = run.settings.model_dump(mode="json", include=_DECIDE)
    text = json.dumps([kinesynth_version(), decided, file_hash(table_place(run.folder, name)), k], sort_keys=True)
    return run.folder / "made" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"


def read_made(run: Run, name: str, k: int) -> dict[str, np.ndarray]:
    """Samples of a fold in their unit: generator → one a scored person; ``"GENERATOR many"`` → for teaching."""
    with np.load(made_place(run, name, k)) as stored:
        return {key: stored[key].astype(float) for key in stored.files}


def made_seeds(seed: int, k: int, number: int) -> tuple[int, int]:
    """Seeds of what a generator makes in fold k: one sample a scored person, and many for teaching."""
    one, many = np.random.default_rng([seed, k, number]).integers(2**31, size=2)
    return int(one), int(many)


def lesson_of(table: SampleTable, fold: PersonFold, settings: PostureSettings) -> tuple[Lesson, Standard, SampleTable]:
    """What a fold's generators learn from, the standard of its teaching people, and the teaching samples that stay."""
    teach, validate = table.of_people(fold.teach), table.of_people(fold.validate)
    first = standard_of(teach.values)
    teach = teach.rows(ordinary_rows(first.apply(teach.values), settings.trees, settings.seed))
    standard = standard_of(teach.values)
    code = condition_code(teach.conditions)
    lesson = Lesson(
        standard.apply(teach.values),
        code.encode(teach.conditions),
        standard.apply(validate.values),
        code.encode(validate.conditions),
    )
    return lesson, standard, teach


def scored_samples(table: SampleTable, fold: PersonFold, seed: int) -> SampleTable:
    """One sample of each person of a fold who is scored."""
    return one_a_person(table.of_people(fold.score), seed)


def _generate(run: Run, name: str, table: SampleTable, k: int, fold: PersonFold, place: Path) -> None:
    """Teach every generator in a fold and keep what it makes."""
    settings: PostureSettings = run.settings
    lesson, standard, teach = lesson_of(table, fold, settings)
    one = scored_samples(table, fold, settings.seed)
    told = condition_code(teach.conditions).encode(one.conditions)
    drawn = np.random.default_rng([settings.seed, k]).integers(len(teach), size=MANY * len(teach))
    made: dict[str, np.ndarray] = {}
    for number, (model_name, model) in enumerate(models(settings).items()):
        generator = model.fit(lesson, settings.seed + k)
        one_seed, many_seed = made_seeds(settings.seed, k, number)
        made[model_name] = standard.undo(generator.generate(len(one), told, one_seed))
        if model_name in MANY_OF and table.values[0].size <= MOST_NUMBERS:
            many = generator.generate(len(drawn), lesson.conditions[drawn], many_seed)
            made[f"{model_name} many"] = standard.undo(many)
    place.parent.mkdir(parents=True, exist_ok=True)
    with durable_place(place) as temporary, temporary.open("wb") as file:
        np.savez(file, **{key: values.astype(np.float32) for key, values in made.items()})


def _write_made(run: Run, name: str, table: SampleTable) -> None:
    """Made samples of all folds as a table that any program reads; conditions are those that were asked for."""
    folds = folds_of(table, run.settings)
    asked = pd.concat([scored_samples(table, fold, run.settings.seed).conditions for fold in folds], ignore_index=True)
    stored = [read_made(run, name, k) for k in range(len(folds))]
    parts, facts = [], []
    for model in models(run.settings):
        parts.append(np.concatenate([made[model] for made in stored]))
        facts.append(asked.assign(generator=model))
    values = np.concatenate(parts)
    people = np.array([f"made_{row:05d}" for row in range(len(values))])
    made = SampleTable(values, people, pd.concat(facts, ignore_index=True), table.points, table.channels)
    place = table_place(run.folder, name)
    write_sample_table(place.with_name(f"made_{place.name}"), made)


def _draw_map(run: Run, name: str, table: SampleTable, fold: PersonFold) -> None:
    """Latent map of the first fold of the first table: picture and table."""
    settings: PostureSettings = run.settings
    lesson, standard, teach = lesson_of(table, fold, settings)
    generator = models(settings)[_MAPPED].fit(lesson, settings.seed)
    if not isinstance(generator, VariationalGenerator):
        raise TypeError(f"{_MAPPED}: expected latent variables.")
    code = condition_code(teach.conditions)
    one = scored_samples(table, fold, settings.seed)
    made = standard.apply(read_made(run, name, 0)[_MAPPED])
    groups = {
        "teaching": (lesson.samples, lesson.conditions),
        "scored people": (standard.apply(one.values), code.encode(one.conditions)),
        "made": (made, code.encode(one.conditions)),
    }
    places = latent_map(generator, groups)
    write_csv(run.folder / "latent_map.csv", places)
    save_picture(run.folder / "latent_map.png", f"{name}: latent map", map_figure(places, f"{name}, {_MAPPED}"))
