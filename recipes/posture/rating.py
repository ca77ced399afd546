"""Stage: blinded rating pages of measured and made samples, and what raters answered, where answers are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from recipes.posture.generator_name import rating_page
from recipes.posture.made_samples import read_made, scored_samples
from recipes.posture.samples import folds_of, read_tables
from recipes.result import Result, result_table
from recipes.run import Run
from training.csv_table import write_csv
from training.report.rating import answers_by_page, rating_result, read_answers, write_rating_page

KEY = ".key.json"


def work(run: Run) -> str:
    """Write a page with its key for each rated generator, of the first table, and ``rating.csv`` (rows of the table).

    Pages show other measured curves, as far as there are people, in another order: one page tells nothing of the next.
    """
    name, table = next(iter(read_tables(run).items()))
    seed, generators = run.settings.seed, run.settings.rated_generators
    folds = list(enumerate(folds_of(table, run.settings)))
    real = np.concatenate([scored_samples(table, fold, seed).values for _, fold in folds])
    n = min(run.settings.rated, len(real))
    rng = np.random.default_rng([seed, 200])
    order = rng.permutation(len(real))
    pages = {generator: run.folder / rating_page(k, generator) for k, generator in enumerate(generators)}
    for place, (generator, page) in enumerate(pages.items()):
        made = np.concatenate([read_made(run, name, k, generator)["one"][0] for k, _ in folds])
        chosen = real[np.roll(order, -place * n)[:n]], made[rng.permutation(len(made))[:n]]
        names = {"channels": table.channels, "points": table.points}
        write_rating_page(page, *map(np.degrees, chosen), unit="deg", seed=seed + place, **names)
    _remove_others(run.folder, pages.values())
    results = _answers(run, name, pages)
    write_csv(run.folder / "rating.csv", result_table(results))
    return f"{n} measured and {n} made samples of {', '.join(generators)}; {len(results)} rows of raters"


def _remove_others(folder: Path, pages: Iterable[Path]) -> None:
    """Pages of generators that are rated no more, whose answers nobody would read."""
    kept = {file for page in pages for file in (page, page.with_suffix(KEY))}
    for file in (*folder.glob("rating-*.html"), *folder.glob(f"rating-*{KEY}")):
        if file not in kept:
            file.unlink()


def _answers(run: Run, name: str, pages: Mapping[str, Path]) -> list[Result]:
    """Rows of the raters of each page, if any."""
    if not run.settings.ratings:
        return []
    files = [file for file in sorted(Path(run.settings.ratings).glob("*.json")) if not file.name.endswith(KEY)]
    keys = [page.with_suffix(KEY) for page in pages.values()]
    given, task = answers_by_page(files, keys), f"{name}: told apart by people"
    return [row for own in zip(pages, given, keys, strict=True) for row in _rows(task, *own)]


def _rows(task: str, generator: str, files: list[Path], key_file: Path) -> list[Result]:
    """Rows of the raters of one generator's page."""
    answers, key = read_answers(files, key_file)
    found, method = rating_result(answers, key), f"{generator}, raters"
    rows = [
        Result(task, method, f"right answers of {who}", "%", 100 * value, goal="<= 60")
        for who, value in found.accuracy.items()
    ]
    if found.n_items:
        note = f"{len(answers)} raters, {found.n_items} curves that all judged"
        rows.append(Result(task, method, "right answers of the majority", "%", 100 * found.majority, note=note))
    if np.isfinite(found.kappa):
        rows.append(Result(task, method, "Fleiss' kappa", "", found.kappa, note="0 = raters agree by chance"))
    return rows
