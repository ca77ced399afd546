"""Results of a recipe: one row a task, method and measure, with its interval over persons, the losing rows too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from training.comparison import bootstrap_interval
from training.csv_table import write_csv

FEW_PERSONS = 12
"""Below so many persons a percentile bootstrap is much too narrow (benchmarks/interval_coverage.py)."""
COLUMNS = ("task", "method", "measure", "unit", "value", "low", "high", "n_persons", "goal", "met", "note")


@dataclass(frozen=True)
class Result:
    """One row.

    Attributes
    ----------
    task, method, measure, unit : str
    value : float
    low, high : float
        95 % interval over persons; NaN with fewer than three, or where none is meant.
    n_persons : int
    goal : str
        ``"<= 0.1"``, ``">= 0.9"`` or empty.
    note : str
    """

    task: str
    method: str
    measure: str
    unit: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    n_persons: int = 0
    goal: str = ""
    note: str = ""

    @property
    def met(self) -> str:
        """``"yes"``, ``"no"``, or empty without a goal."""
        if not self.goal:
            return ""
        sign, limit = self.goal.split()
        return "yes" if (self.value <= float(limit) if sign == "<=" else self.value >= float(limit)) else "no"


def mean_result(
    values: Mapping[str, float] | Sequence[float],
    *,
    task: str,
    method: str,
    measure: str,
    unit: str,
    goal: str = "",
    note: str = "",
    seed: int = 0,
) -> Result:
    """The mean of one value a person, with its bootstrap interval over them."""
    array = np.asarray(list(values.values() if isinstance(values, Mapping) else values), dtype=float)
    low, high = bootstrap_interval(array, seed)
    mean = float(array.mean()) if len(array) else float("nan")
    return Result(task, method, measure, unit, mean, low, high, len(array), goal, note)


def result_table(results: Sequence[Result]) -> pd.DataFrame:
    """Rows of the table with `COLUMNS`."""
    return pd.DataFrame([{c: getattr(r, c) for c in COLUMNS} for r in results], columns=list(COLUMNS))


def write_results(folder: Path, results: Sequence[Result], *, title: str, notes: Sequence[str] = ()) -> pd.DataFrame:
    """Write ``results.csv`` and, for people, ``results.md`` with the notes under the table."""
    table = result_table(results)
    write_csv(folder / "results.csv", table)
    write_durably(folder / "results.md", markdown(table, title, [*notes, *_of_few_persons(table)]))
    return table


def _of_few_persons(table: pd.DataFrame) -> list[str]:
    """What to think of the intervals over few persons, if there are any."""
    few = table.n_persons[np.isfinite(table.low.astype(float)) & (table.n_persons < FEW_PERSONS)]
    if few.empty:
        return []
    return [
        f"Intervals over {few.min()} to {few.max()} persons are too narrow: stated 95 %, they hold the true mean in "
        "74 % of cases for 3 persons, 86 % for 6, 89 % for 8, 90 % for 11 (benchmarks/interval_coverage.py). "
        "See Intervals in docs/recipes/index.md."
    ]


def markdown(table: pd.DataFrame, title: str, notes: Sequence[str] = ()) -> str:
    """The table as a page."""
    lines = [f"# {title}", "", "| task | method | measure | value | 95 % interval | persons | goal | note |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in table.fillna({"low": np.nan, "high": np.nan}).itertuples():
        interval = f"{row.low:.3g} to {row.high:.3g}" if np.isfinite(row.low) else ""
        goal = f"{row.goal}: {'met' if row.met == 'yes' else '**missed**'}" if row.goal else ""
        value = f"{row.value:.4g} {row.unit}".strip() if np.isfinite(row.value) else "no number"
        lines.append(
            f"| {row.task} | {row.method} | {row.measure} | {value} | {interval} | {row.n_persons or ''} | {goal} "
            f"| {row.note} |"
        )
    return "\n".join([*lines, "", *[f"- {note}" for note in notes]]) + "\n"
