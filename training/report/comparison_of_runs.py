"""Several runs side by side: losses, what their configurations differ in, errors. One page, without any subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from training.comparison import compare
from training.report.paired_difference import paired_differences
from training.report.run_record import RunRecord, loss_panels, read_record
from training.report.table import comparison_rows
from training.report.template import embed_data, render_page, write_page

DIVIDER = " · "
"""Between a method and its run."""


def read_runs(folders: Sequence[Path]) -> tuple[RunRecord, ...]:
    """Read the records of several folders; folders of the same name are numbered.

    Raises
    ------
    CorpusMismatch
        If one of them holds no record.
    """
    records = [read_record(folder) for folder in folders]
    names = [record.name for record in records]
    counted: dict[str, int] = {}
    told = []
    for record in records:
        counted[record.name] = counted.get(record.name, 0) + 1
        name = f"{record.name} ({counted[record.name]})" if names.count(record.name) > 1 else record.name
        told.append(RunRecord(name, record.methods, record.steps, record.errors))
    return tuple(told)


def write_comparison(records: Sequence[RunRecord], out: Path, title: str = "") -> Path:
    """Write the page.

    Parameters
    ----------
    records : sequence of RunRecord
        The first is the one that the others are held against.
    out : Path
        The HTML file; it appears only when it is complete.
    title : str, optional

    Returns
    -------
    Path
        `out`.
    """
    settings = configuration_table(records)
    errors = errors_by_run(records)
    losses = loss_panels(records)
    runs = [record.name for record in records]
    differs = (
        settings[[len(set(row)) > 1 for row in settings[runs].itertuples(index=False)]] if len(settings) else settings
    )
    page = render_page(
        "runs.html",
        title=title or "Comparison of " + ", ".join(runs),
        runs=runs,
        scripts=["figure.js", "runs.js"] if losses else [],
        data=embed_data({"runs": runs, "losses": losses}),
        has_losses=bool(losses),
        settings=settings,
        differs=differs,
        comparison=comparison_rows(compare(errors)) if errors is not None else {},
        differences=difference_rows(records, errors),
    )
    return write_page(out, page)


def configuration_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Every setting of every method: columns ``method``, ``setting`` and one a run; "–" where a run has none."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for record in records:
        for method, entry in record.methods.items():
            for setting, value in _flat(entry):
                cells.setdefault((method, setting), {})[record.name] = value
    names = [record.name for record in records]
    rows = [
        {"method": method, "setting": setting} | {name: of.get(name, "–") for name in names}
        for (method, setting), of in sorted(cells.items())
    ]
    return pd.DataFrame(rows, columns=["method", "setting", *names])


def errors_by_run(records: Iterable[RunRecord]) -> pd.DataFrame | None:
    """The error tables of all runs, each method named with its run; None if no run has one."""
    tables = [
        record.errors.assign(method=record.errors["method"] + DIVIDER + record.name)
        for record in records
        if record.errors is not None
    ]
    return pd.concat(tables, ignore_index=True) if tables else None


def difference_rows(records: Sequence[RunRecord], errors: pd.DataFrame | None) -> pd.DataFrame | None:
    """Each method of the later runs against the same method of the first, on the trials that both have."""
    if errors is None or records[0].errors is None:
        return None
    first, tables = records[0], []
    for method in dict.fromkeys(first.errors["method"]):
        others = [method + DIVIDER + record.name for record in records[1:]]
        table = paired_differences(errors, others, method + DIVIDER + first.name)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    return table if len(table) else None


def _flat(entry: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Settings of an entry of run.json by dotted names; subjects are counted, not named."""
    for key, value in entry.items():
        if key == "config" and isinstance(value, dict):
            yield from _flat(value, prefix)
        elif isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif key == "subjects":
            yield prefix + key, f"{len(value)}"
        elif key == "sha256":
            yield prefix + key, str(value)[:12]
        else:
            yield prefix + key, ", ".join(map(str, value)) if isinstance(value, list) else f"{value}"
