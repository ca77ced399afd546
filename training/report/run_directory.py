"""A run directory, as the demo leaves it, read into the parts of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from training.comparison import compare
from training.csv_table import read_csv
from training.report.curves import REFERENCE, SIDES
from training.report.inputs import ReportInputs
from training.report.run_record import loss_panels, read_errors, read_record
from training.run_folder import CARD

TABLES = ("import", "spatiotemporal", "comparison", "errors")
"""``<name>.csv`` files that a run directory should hold."""

MISSING = " is missing; the report says so in its place"

METHOD_NAMES = {"baseline": "optimal_control"}
"""Method of an estimate's corpus by its file name, where the two differ."""


def read_run(folder: Path, title: str = "") -> tuple[ReportInputs, list[str]]:
    """Read what is there.

    Parameters
    ----------
    folder : Path
        May hold import.csv, spatiotemporal.csv, comparison.csv, errors.csv, solutions.csv (or reference.csv and
        baseline.csv), timings.json (or the demo's stages.json), provenance.json, notes.txt and corpora (*.h5, also in
        sub-folders). A corpus of estimates belongs to the method that its provenance or its file name says.
    title : str, optional

    Returns
    -------
    inputs : ReportInputs
    remarks : list of str
        Parts that are missing or cannot be read, one sentence each.

    Raises
    ------
    CorpusMismatch
        If the folder holds none of these parts.
    """
    if not folder.is_dir():
        raise CorpusMismatch(f"{folder}: expected a run directory (as `kinesynth demo` leaves it), found no folder")
    remarks: list[str] = []
    tables = {name: _read_table(folder / f"{name}.csv", remarks) for name in TABLES}
    if tables["errors"] is None and (errors := read_errors(folder)) is not None:
        tables["errors"] = errors
        remarks.remove(f"errors.csv{MISSING}")
    if tables["comparison"] is None and tables["errors"] is not None:
        tables["comparison"] = compare(tables["errors"])
    corpora = _find_corpora(folder, remarks)
    if not corpora and all(table is None for table in tables.values()):
        raise CorpusMismatch(
            f"{folder}: expected import.csv, errors.csv, comparison.csv or a corpus (*.h5), found none. "
            "Name the directory that `kinesynth demo` wrote."
        )
    timings = next((folder / name for name in ("timings.json", "stages.json") if (folder / name).is_file()), None)
    timings = _read_json(timings or folder / "timings.json", remarks)
    provenance = _read_json(folder / "provenance.json", remarks)
    if provenance is None:
        provenance = {path.name: vars(Corpus(path).provenance) for path in corpora.values()}
    notes = folder / "notes.txt"
    inputs = ReportInputs(
        title=title or f"Run {folder.resolve().name}",
        import_table=tables["import"],
        spatiotemporal=tables["spatiotemporal"]
        if tables["spatiotemporal"] is not None
        else spatiotemporal_of_corpus(corpora),
        comparison=tables["comparison"],
        errors=tables["errors"],
        corpora=corpora,
        solutions=_solutions(folder, corpora),
        timings=timing_table(timings),
        losses=_losses(folder, remarks),
        provenance=provenance,
        notes=tuple(notes.read_text(encoding="utf-8").split("\n")) if notes.is_file() else (),
    )
    return inputs, remarks


def _losses(folder: Path, remarks: list[str]) -> list[dict[str, Any]]:
    """Loss curves of the networks that were trained in the folder; none if it holds no record of a training."""
    if not any([*folder.glob(CARD), *folder.glob(f"*/{CARD}")]):
        return []
    try:
        return loss_panels([read_record(folder)])
    except CorpusMismatch as error:
        remarks.append(f"{error} Left out")
        return []


def _solutions(folder: Path, corpora: dict[str, Path]) -> pd.DataFrame | None:
    """Trials of optimal control: from solutions.csv, from a table a role, or else from the corpora themselves."""
    if (folder / "solutions.csv").is_file():
        return read_csv(folder / "solutions.csv")
    roles = {role: folder / f"{role}.csv" for role in ("reference", "baseline")}
    tables = [read_csv(path).assign(role=role) for role, path in roles.items() if path.is_file()]
    return pd.concat(tables, ignore_index=True) if tables else solutions_of_corpora(corpora)


def timing_table(timings: Any) -> pd.DataFrame | None:
    """Stages and seconds from what timings.json holds: {stage: seconds}, {stage: {...}} or a list of rows."""
    if not timings:
        return None
    if isinstance(timings, dict):
        timings = [
            {"stage": stage} | (value if isinstance(value, dict) else {"seconds": value})
            for stage, value in timings.items()
        ]
    table = pd.DataFrame(timings).rename(columns={"summary": "result"})
    table = table.drop(columns=[column for column in ("fingerprint", "finished") if column in table])
    return table if {"stage", "seconds"} <= set(table) else None


def solutions_of_corpora(corpora: dict[str, Path]) -> pd.DataFrame | None:
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


def spatiotemporal_of_corpus(corpora: dict[str, Path]) -> pd.DataFrame | None:
    """One row a trial and side, from the reference corpus; keys without a side repeat."""
    if REFERENCE not in corpora:
        return None
    corpus = Corpus(corpora[REFERENCE])
    rows = []
    for key in corpus.trials():
        values = corpus.read(*key, clean=True).spatiotemporal
        common = {name: value for name, value in values.items() if not name.endswith(("_r", "_l"))}
        for side, foot in SIDES.items():
            own = {name[:-2]: value for name, value in values.items() if name.endswith(f"_{side}")}
            if common or own:
                rows.append({"subject": key[0], "trial": key[1], "side": foot} | common | own)
    return pd.DataFrame(rows) if rows else None


def _find_corpora(folder: Path, remarks: list[str]) -> dict[str, Path]:
    """The reference first, then every corpus of estimates under its method's name."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.h5")):
        if path.name.endswith(".trial.h5") or path.name.startswith("."):
            continue
        try:
            corpus = Corpus(path)
        except CorpusMismatch as error:
            remarks.append(str(error))
            continue
        if corpus.role == "reference":
            found.setdefault(REFERENCE, path)
        elif corpus.role in ("prediction", "baseline"):
            stem = METHOD_NAMES.get(path.stem, path.stem)
            found.setdefault(str(corpus.provenance.config.get("method", stem)), path)
    return dict(sorted(found.items(), key=lambda item: item[0] != REFERENCE))


def _read_table(path: Path, remarks: list[str]) -> pd.DataFrame | None:
    if not path.is_file():
        remarks.append(f"{path.name}{MISSING}")
        return None
    try:
        return read_csv(path)
    except CorpusMismatch as error:
        remarks.append(f"{error}; left out")
        return None


def _read_json(path: Path, remarks: list[str]) -> Any:
    if not path.is_file():
        remarks.append(f"{path.name}{MISSING}")
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        remarks.append(f"{path}: expected JSON, {error}; left out")
        return None
