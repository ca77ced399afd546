"""Stage: whether made samples are told from those of people never seen, repeat the teaching, reach everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from recipes.posture.made_samples import lesson_of, read_made, scored_samples
from recipes.posture.models import models
from recipes.posture.samples import MOST_NUMBERS, folds_of, read_tables
from recipes.result import Result, mean_result, result_table
from recipes.run import Run
from training.csv_table import write_csv
from training.generative.closeness import bend_ratio, covered, nearest_ratio, spread_ratio
from training.generative.permutation_field import fold_fields
from training.generative.sample_table import SampleTable
from training.generative.two_sample_test import CLASSIFIERS, two_sample_test

SEPARABLE = "<= 60"
_NOTE = {"kNN": "10 neighbours, as published", "boosting": "boosted trees", "logistic": "numbers, squares, products"}
Pair = tuple[np.ndarray, np.ndarray]
"""Measured samples of a fold's unseen people, and samples of its generator, each (n, points, channels)."""


def work(run: Run) -> str:
    """Write ``realism.csv`` (rows of the table) and ``spm.csv`` (every cluster)."""
    results: list[Result] = []
    clusters: list[tuple] = []
    for name, table in read_tables(run).items():
        draws, near, reached = _by_fold(run, name, table)
        for model in run.track(list(draws), f"realism, {name}"):
            results += _separability(name, model, draws[model], run.settings.seed)
            first = draws[model][0]
            found = list(_clusters(name, model, table, first, run))
            clusters += found
            results.append(_mapping(name, model, table, len(found), first))
            results += _closeness(name, model, near[model], reached[model], run.settings.seed)
            results += _variation(name, model, draws[model])
    columns = ["table", "generator", "fold", "channel", "from", "to", "p"]
    write_csv(run.folder / "spm.csv", pd.DataFrame(clusters, columns=columns))
    write_csv(run.folder / "realism.csv", result_table(results))
    return f"{len(results)} rows, {len(clusters)} clusters"


def _by_fold(run: Run, name: str, table: SampleTable) -> tuple[dict[str, list[list[Pair]]], dict, dict]:
    """Generator → draw → measured and made samples of each fold, standardised by it; and the closeness of the first.

    Folds stay apart: who is scored in one teaches the generators of the others.
    """
    names, repeats = list(models(run.settings)), range(run.settings.repeats)
    draws: dict[str, list[list[Pair]]] = {n: [[] for _ in repeats] for n in names}
    near: dict[str, list] = {n: [] for n in names}
    reached: dict[str, list] = {n: [] for n in names}
    for k, fold in enumerate(folds_of(table, run.settings)):
        lesson, standard, _ = lesson_of(table, fold, run.settings)
        unseen = [standard.apply(scored_samples(table, fold, run.settings.seed, r).values) for r in repeats]
        for model in names:
            own = [standard.apply(one) for one in read_made(run, name, k, model)["one"]]
            for draw, pair in zip(draws[model], zip(unseen, own, strict=True), strict=True):
                draw.append(pair)
            near[model].append(nearest_ratio(own[0], lesson.samples, unseen[0]))
            reached[model].append(covered(own[0], unseen[0]))
    joined = ({n: np.concatenate(v) for n, v in group.items()} for group in (near, reached))
    return draws, *joined


def _separability(name: str, model: str, draws: Sequence[Sequence[Pair]], seed: int) -> Iterator[Result]:
    """Rows of the two-sample tests."""
    for classifier in CLASSIFIERS:
        if classifier == "boosting" and draws[0][0][0][0].size > MOST_NUMBERS:
            continue
        test = two_sample_test(draws, classifier, seed)
        value, low, high = (100.0 * x for x in (test.accuracy, test.low, test.high))
        yield Result(
            f"{name}: told apart", model, f"right answers, {classifier}", "%", value, low, high, test.n, SEPARABLE,
            _NOTE[classifier],
        )  # fmt: skip


def _clusters(name: str, model: str, table: SampleTable, pairs: Sequence[Pair], run: Run) -> Iterator[tuple]:
    """Every run of points at which measured and made samples of a fold differ beyond chance, channel by channel."""
    for c, channel in enumerate(table.channels):
        curves = [(real[:, :, c], made[:, :, c]) for real, made in pairs]
        tests = fold_fields(curves, seed=run.settings.seed + c, n_permutations=run.settings.permutations)
        for k, test in enumerate(tests):
            for cluster in test.clusters:
                points = table.points[cluster.start], table.points[cluster.stop - 1]
                yield name, model, k + 1, channel, *points, cluster.p


def _mapping(name: str, model: str, table: SampleTable, n_clusters: int, pairs: Sequence[Pair]) -> Result:
    note = f"alpha 0.05 for each of {len(table.channels)} channels, shared among {len(pairs)} folds; where: spm.csv"
    return Result(f"{name}: means along the curve", model, "SPM clusters", "", float(n_clusters),
                  n_persons=sum(len(real) for real, _ in pairs), goal="<= 0", note=note)  # fmt: skip


def _variation(name: str, model: str, draws: Sequence[Sequence[Pair]]) -> Iterator[Result]:
    """Rows of what may tell samples: how much they vary and bend, mean over folds and draws."""
    n_persons = sum(len(real) for real, _ in draws[0])
    for measure, ratio in (("variance", spread_ratio), ("bends (median square of second differences)", bend_ratio)):
        value = float(np.mean([ratio(made, real) for pairs in draws for real, made in pairs]))
        if np.isfinite(value):
            yield Result(f"{name}: spread", model, measure, "x that of people never seen", value, n_persons=n_persons)


def _closeness(name: str, model: str, near: np.ndarray, reached: np.ndarray, seed: int) -> list[Result]:
    """Rows of memorisation and coverage."""
    ratio = mean_result(
        near, task=f"{name}: new or repeated", method=model, measure="distance to the nearest teaching sample",
        unit="of a new person's", note="1 = as new as a person never seen", seed=seed,
    )  # fmt: skip
    share = mean_result(
        100.0 * reached, task=f"{name}: coverage", method=model, measure="people never seen with a made neighbour",
        unit="%", note="97 % of samples of the same people", seed=seed,
    )  # fmt: skip
    return [ratio, share]
