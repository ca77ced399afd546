"""Stage: what made samples are worth where a network compresses samples, with and without the published leak."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from recipes.equal_lesson import unequal_lessons, with_lessons
from recipes.posture.generator_name import (
    CONDITIONAL,
    GAUSSIAN,
    INTERPOLATION,
    NOISE,
    PEOPLE,
    PEOPLE_GAUSSIAN,
    PUBLISHED,
    SERIES,
    WHOLE,
)
from recipes.posture.made_samples import kept_parts, lesson_of, read_made
from recipes.posture.models import models
from recipes.posture.samples import MOST_NUMBERS, folds_of, read_tables
from recipes.remembered_part import part_name
from recipes.result import Result, mean_result, result_table
from recipes.run import Run
from training.comparison import ratio_interval
from training.csv_table import write_csv
from training.generative.compression import LATENT, PUBLISHED_FIT, component_errors, compression_errors
from training.generative.generative_model import Lesson
from training.generative.person_fold import PersonFold
from training.generative.sample_table import SampleTable

ALONE = "measured alone (RTD)"
COMPONENTS = f"principal components, {LATENT}"
REPEATED = "measured, four times each"
LEAKY_FOLD = 0
"""Whose generator serves every fold where the published protocol leaks."""
HONEST_GOAL = ">= 1.4"
_HONEST = "the fold's own generator"
_LEAK = "LEAK: one fold's generator, which saw people who are scored"


def work(run: Run) -> str:
    """Write ``compression.csv`` (error of each person) and ``use.csv`` (rows of the table)."""
    results: list[Result] = []
    errors: list[pd.DataFrame] = []
    for name, table in read_tables(run).items():
        if table.values[0].size > MOST_NUMBERS:
            continue
        parts = [
            _fold_errors(run, name, table, k, fold) for k, fold in run.track(_compressed(run, table), f"use, {name}")
        ]
        own = pd.concat(parts, ignore_index=True)
        errors.append(own.assign(table=name))
        results += _rows(name, own, run.settings.seed)
    write_csv(run.folder / "compression.csv", pd.concat(errors) if errors else pd.DataFrame(columns=["table"]))
    write_csv(run.folder / "use.csv", result_table(results))
    return f"{len(results)} rows"


def _compressed(run: Run, table: SampleTable) -> list[tuple[int, PersonFold]]:
    """Number and people of the folds that are done."""
    return list(enumerate(folds_of(table, run.settings)))[: run.settings.compression_folds]


def teaching_sets(lesson: Lesson, own: dict[str, np.ndarray], leaky: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Method → samples that teach: RTSD has as many made as measured samples, RT3SD three times as many.

    Parameters
    ----------
    lesson : Lesson
        The fold's measured samples.
    own, leaky : dict of str to ndarray
        Generator → made samples, at least three for each measured one (fewer are all taken), of the fold's own
        generators and of the one that leaks; all standardised.
    """
    real, n = lesson.samples, len(lesson.samples)
    sets = {ALONE: real, REPEATED: np.concatenate([real] * 4)}
    once = (NOISE, INTERPOLATION, GAUSSIAN, PEOPLE_GAUSSIAN, CONDITIONAL, SERIES)
    sets |= {f"RT3SD, {model}": np.concatenate([real, own[model][: 3 * n]]) for model in once}
    for model in (PUBLISHED, WHOLE, PEOPLE):
        sets[f"RTSD, {model}"] = np.concatenate([real, own[model][:n]])
        sets[f"RT3SD, {model}"] = np.concatenate([real, own[model][: 3 * n]])
        sets[f"RT3SD, {model}, leaky"] = np.concatenate([real, leaky[model][: 3 * n]])
    return sets


def _fold_errors(run: Run, name: str, table: SampleTable, k: int, fold: PersonFold) -> pd.DataFrame:
    """``method``, ``person``, ``error`` of a fold, and how many samples ``taught`` (none where no network learnt).

    A method that was finished before a kill is not taught again.
    """
    lesson, standard, _ = lesson_of(table, fold, run.settings)
    own, leaky = (
        {model: standard.apply(read_made(run, name, which, model)["many"]) for model in models(run.settings)}
        for which in (k, LEAKY_FOLD)
    )
    scored = table.of_people(fold.score)
    values = standard.apply(scored.values)
    settings = PUBLISHED_FIT.model_copy(update={"epochs": run.settings.compression_epochs})
    parts = kept_parts(run, name, "compressed", "compression_epochs")
    seed = run.settings.seed + k

    def errors(teaching: np.ndarray) -> dict[str, np.ndarray]:
        return {"error": compression_errors(teaching, lesson.validation, values, seed=seed, settings=settings)}

    found = {COMPONENTS: component_errors(lesson.samples, values)}
    sets = teaching_sets(lesson, own, leaky)
    for method, teaching in sets.items():
        same = method.endswith("leaky") and k == LEAKY_FOLD
        made_by = method.removesuffix(", leaky") if same else method
        found[method] = parts.get(part_name(name, k, made_by), partial(errors, teaching))["error"]
    rows = [
        pd.DataFrame({"method": m, "person": scored.people, "taught": len(sets.get(m, ())), "error": e})
        for m, e in found.items()
    ]
    return pd.concat(rows).groupby(["method", "person", "taught"], sort=False).error.mean().reset_index()


def _rows(name: str, errors: pd.DataFrame, seed: int) -> list[Result]:
    """Error and gain of each method, over persons.

    Every network has as many passes at most; where one is of more samples than that of measured alone, the note of its
    gain says so. `REPEATED` has as long a lesson as RT3SD.
    """
    taught = errors.groupby("method").taught.mean().round().astype(int)
    wide = errors.pivot(index="person", columns="method", values="error")
    results = []
    for method in dict.fromkeys(errors.method):
        is_leaky = method.endswith("leaky")
        made = method.startswith(("RTSD", "RT3SD"))
        note = _LEAK if is_leaky else _HONEST if made else ""
        results.append(
            mean_result(wide[method].to_numpy(), task=f"{name}: compression to {LATENT} numbers", method=method,
                        measure="mean squared error", unit="SD^2", note=note, seed=seed)
        )  # fmt: skip
        if method == ALONE:
            continue
        gain, low, high = ratio_interval(wide[ALONE].to_numpy(), wide[method].to_numpy(), seed)
        # Principal components learn in no passes: nothing is too short for them.
        unequal = unequal_lessons(taught[method], taught[ALONE], "samples a pass") if taught[method] else ""
        goal = HONEST_GOAL if method in (f"RT3SD, {WHOLE}", f"RT3SD, {PEOPLE}") else ""
        results.append(
            Result(f"{name}: gain over measured alone", method, "error of RTD over this one's", "x", gain, low, high,
                   len(wide), goal, with_lessons(note, unequal))
        )  # fmt: skip
    return results
