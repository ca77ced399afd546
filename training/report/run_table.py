"""Tables of a run, found by name or by what they hold, and made from the corpora where no table tells it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from training.csv_table import ERROR_TABLE, read_csv
from training.evaluation import COLUMNS
from training.report.curves import SIDES

FROM_SI = {"cadence": ("cadence", 60.0), "stance": ("stance_percent", 100.0)}
"""Parameter of a corpus (SI) → its column in a table of people's units, and the factor."""


def find_table(folder: Path, name: str, remarks: list[str]) -> pd.DataFrame | None:
    """The table of that name in a folder, or those in its sub-folders together; None without any.

    Step by step, `kinesynth import` and `kinesynth motion` write theirs into the folders that the user named.
    """
    own = folder / name
    tables = []
    for path in [own] if own.is_file() else sorted(folder.glob(f"*/{name}")):
        try:
            tables.append(read_csv(path))
        except CorpusMismatch as error:
            remarks.append(f"{error}; left out")
    return pd.concat(tables, ignore_index=True) if tables else None


def find_errors(folder: Path, remarks: list[str] | None = None) -> pd.DataFrame | None:
    """``errors.csv``, or every error table of `kinesynth evaluate` in the folder, whatever its name; None without.

    A method that stands in several tables is taken from the one that was written last, which is a remark.
    """
    whole = folder / "errors.csv"
    paths = [whole] if whole.is_file() else [path for path in sorted(folder.glob("*.csv")) if _holds_errors(path)]
    if not paths:
        return None
    latest = sorted(paths, key=lambda path: path.stat().st_mtime)
    place: dict[str, pd.DataFrame] = {}
    for path in latest:
        found = dict(iter(read_csv(path, COLUMNS[:-1], ERROR_TABLE).groupby("method", sort=False)))
        twice = sorted(map(str, found.keys() & place.keys()))
        if twice and remarks is not None:
            remarks.append(f"{', '.join(twice)}: in several error tables; taken from {path.name}, the latest")
        place |= found
    return pd.concat(place.values(), ignore_index=True) if place else read_csv(paths[0], COLUMNS[:-1], ERROR_TABLE)


def _holds_errors(path: Path) -> bool:
    """Whether the first line of a file names the columns of an error table."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return set(COLUMNS[:-1]) <= set(next(csv.reader(file), ()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def solutions_of_corpora(corpora: Mapping[str, Path]) -> pd.DataFrame | None:
    """One row an optimal-control trial, from the reference and baseline corpora themselves."""
    rows = []
    for path in corpora.values():
        corpus = Corpus(path)
        if corpus.role not in ("reference", "baseline"):
            continue
        for key in corpus.trials():
            trial = corpus.read(*key, clean=True)
            rows.append(
                {
                    "subject": key[0],
                    "trial": key[1],
                    "role": corpus.role,
                    "status": trial.status,
                    "reason": trial.reason,
                    "cpu_seconds": trial.seconds,
                }
            )
    return pd.DataFrame(rows) if rows else None


def records_of_corpora(paths: Iterable[Path]) -> pd.DataFrame | None:
    """One row a trial of motion corpora: its virtual records, from the table beside a corpus if there is one."""
    tables = []
    for path in paths:
        table = path.with_suffix(".csv")
        try:
            found = read_csv(table, ("subject", "trial", "status", "missing", "gaps"))
        except CorpusMismatch:
            found = _trials_of(path)
        tables.append(found.assign(corpus=path.name))
    return pd.concat(tables, ignore_index=True) if tables else None


def _trials_of(path: Path) -> pd.DataFrame:
    """One row a trial, from the corpus alone."""
    corpus = Corpus(path)
    rows = []
    for key in corpus.trials():
        trial = corpus.read(*key, clean=True)
        facts = {"status": trial.status, "reason": trial.reason, "n_frames": trial.n_frames, "rate": trial.rate}
        rows.append({"subject": key[0], "trial": key[1]} | facts)
    return pd.DataFrame(rows)


def spatiotemporal_of_corpora(corpora: Iterable[Path]) -> pd.DataFrame | None:
    """One row a trial and side, from the first corpus that tells any; keys without a side repeat."""
    for path in corpora:
        corpus, rows = Corpus(path), []
        for key in corpus.trials():
            values = corpus.read(*key, clean=True).spatiotemporal
            common = {name: value for name, value in values.items() if not name.endswith(("_r", "_l"))}
            for side, foot in SIDES.items():
                own = {name[:-2]: value for name, value in values.items() if name.endswith(f"_{side}")}
                if common or own:
                    rows.append({"subject": key[0], "trial": key[1], "side": foot} | _in_words(common | own))
        if rows:
            return pd.DataFrame(rows)
    return None


def _in_words(values: Mapping[str, float]) -> dict[str, float]:
    """Parameters in the units of a table's headings."""
    found = {}
    for name, value in values.items():
        column, factor = FROM_SI.get(name, (name, 1.0))
        found[column] = value * factor
    return found


def timing_table(timings: Any) -> pd.DataFrame | None:
    """Stages and seconds from what timings.json holds: {stage: seconds}, {stage: {...}} or a list of rows."""
    if not timings:
        return None
    if isinstance(timings, dict):
        timings = [
            {"stage": stage} | (value if isinstance(value, dict) else {"seconds": value})
            for stage, value in timings.items()
            if not isinstance(value, str)  # the recipe's name in stages.json
        ]
    table = pd.DataFrame(timings).rename(columns={"summary": "result"})
    table = table.drop(columns=[column for column in ("fingerprint", "finished") if column in table])
    return table if {"stage", "seconds"} <= set(table) else None


def added_timings(
    motion: pd.DataFrame | None,
    records: pd.DataFrame | None,
    solutions: pd.DataFrame | None,
    steps: Mapping[str, Iterable[pd.DataFrame]],
) -> pd.DataFrame | None:
    """Seconds of the trials of each stage added up, where no run timed its stages; None if nothing was timed.

    Parameters
    ----------
    motion, records, solutions : DataFrame or None
        With ``seconds`` or ``cpu_seconds``, one row a trial.
    steps : mapping of str to tables
        Method → its trainings, one row a step with ``seconds``.
    """
    rows = [_added("motion", motion, "seconds", "trials"), _added("sensors", records, "seconds", "trials")]
    if solutions is not None and "role" in solutions:
        rows += [_added(str(role), of, "cpu_seconds", "trials") for role, of in solutions.groupby("role", sort=False)]
    for method, tables in steps.items():
        tables = list(tables)
        if tables:
            rows.append(_added(f"training of {method}", pd.concat(tables), "seconds", "steps"))
    rows = [row for row in rows if row]
    return pd.DataFrame(rows) if rows else None


def _added(stage: str, table: pd.DataFrame | None, column: str, of: str) -> dict[str, Any]:
    """One row of the timings; empty if the table tells none."""
    if table is None or column not in table or not table[column].notna().any():
        return {}
    return {"stage": stage, "seconds": float(table[column].sum()), "result": f"{len(table)} {of} added up"}
