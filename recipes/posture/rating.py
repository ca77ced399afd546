"""Stage: the blinded rating page of measured and made samples, and what raters answered, where answers are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recipes.posture.made_samples import read_made, scored_samples
from recipes.posture.models import WHOLE
from recipes.posture.samples import folds_of, read_tables
from recipes.result import Result, result_table
from recipes.run import Run
from training.csv_table import write_csv
from training.report.rating import rating_result, read_answers, write_rating_page

_MADE_BY = WHOLE


def work(run: Run) -> str:
    """Write ``rating.html`` with its key, of the first table, and ``rating.csv`` (rows of the table)."""
    name, table = next(iter(read_tables(run).items()))
    seed, wished = run.settings.seed, run.settings.rated
    real, made = [], []
    for k, fold in enumerate(folds_of(table, run.settings)):
        real.append(scored_samples(table, fold, seed).values)
        made.append(read_made(run, name, k, _MADE_BY)["one"][0])
    pools = [np.concatenate(group) for group in (real, made)]
    n = min(wished, len(pools[0]))
    rng = np.random.default_rng([seed, 200])
    chosen = [np.degrees(pool[rng.permutation(len(pool))[:n]]) for pool in pools]
    page = run.folder / "rating.html"
    write_rating_page(page, *chosen, channels=table.channels, points=table.points, unit="deg", seed=seed)
    results = _answers(run, name, page)
    write_csv(run.folder / "rating.csv", result_table(results))
    return f"{n} measured and {n} made samples; {len(results)} rows of raters"


def _answers(run: Run, name: str, page: Path) -> list[Result]:
    """Rows of the raters, if any."""
    if not run.settings.ratings:
        return []
    files = sorted(Path(run.settings.ratings).glob("*.json"))
    files = [file for file in files if not file.name.endswith(".key.json")]
    answers, key = read_answers(files, page.with_suffix(".key.json"))
    found = rating_result(answers, key)
    task, method = f"{name}: told apart by people", f"{_MADE_BY}, raters"
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
