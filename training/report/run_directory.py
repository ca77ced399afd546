"""A run directory, as the demo or the commands step by step leave it, read into the parts of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from training.comparison import compare
from training.csv_table import read_csv
from training.report.curves import REFERENCE
from training.report.inputs import ReportInputs
from training.report.run_record import RunRecord, loss_panels, read_record
from training.report.run_table import (
    added_timings,
    find_errors,
    find_table,
    records_of_corpora,
    solutions_of_corpora,
    spatiotemporal_of_corpora,
    timing_table,
)
from training.run_folder import CARD

MADE_BY = {
    "import_table": "import.csv is missing (`kinesynth import` writes it)",
    "motion": "motion.csv is missing (`kinesynth motion` writes it)",
    "spatiotemporal": "spatiotemporal parameters are missing (a corpus of `kinesynth imu` holds them)",
    "errors": "error tables are missing (`kinesynth evaluate` writes them)",
    "timings": "timings.json is missing",
    "provenance": "provenance is missing (corpora and trainings hold it)",
}
"""Part of a report → what is said if a folder has nothing for it."""

SAID = "; the report says so in its place"

METHOD_NAMES = {"baseline": "optimal_control"}
"""Method of an estimate's corpus by its file name, where the two differ."""

_STALE = "comparison.csv tells of other methods than the error tables; the report compares these anew"


@dataclass(frozen=True)
class FoundCorpora:
    """Corpora of a run.

    Attributes
    ----------
    methods : dict of str to Path
        ``"reference"`` first, then every corpus of estimates under its method's name.
    motions : tuple of Path
        Corpora of records without labels.
    """

    methods: dict[str, Path] = field(default_factory=dict)
    motions: tuple[Path, ...] = ()

    def __iter__(self) -> Any:
        """Every corpus, those with measured parameters first."""
        return iter((*self.motions, *self.methods.values()))


def read_run(place: Path, title: str = "") -> tuple[ReportInputs, list[str]]:
    """Read what is there.

    Parameters
    ----------
    place : Path
        A corpus, or a folder: that of a demonstration, the one in which commands were typed step by step, or what one
        of them wrote (trials, motion, networks). Tables are found there or one folder below (import.csv, motion.csv,
        spatiotemporal.csv, comparison.csv, solutions.csv or reference.csv and baseline.csv), error tables under any
        name, timings.json (or stages.json), provenance.json, notes.txt and corpora (*.h5, also in sub-folders). A
        corpus of estimates belongs to the method that its provenance or its file name says. What no table tells
        comes from the corpora themselves.
    title : str, optional

    Returns
    -------
    inputs : ReportInputs
    remarks : list of str
        Parts that are missing or cannot be read, one sentence each.

    Raises
    ------
    CorpusMismatch
        If the folder holds none of these parts, or the file is no corpus.
    """
    remarks: list[str] = []
    if place.is_file():
        corpora = _sorted_by_role([place], remarks=None)
        return _parts(place.parent / "nothing", corpora, title or f"Corpus {place.stem}", remarks), []
    if not place.is_dir():
        raise CorpusMismatch(
            f"{place}: expected a run directory (as `kinesynth demo` leaves it) or a corpus, found no folder"
        )
    paths = [path for path in sorted(place.rglob("*.h5")) if not path.name.endswith(".trial.h5")]
    corpora = _sorted_by_role([path for path in paths if not path.name.startswith(".")], remarks)
    inputs = _parts(place, _with_reference(place, corpora), title or f"Run {place.resolve().name}", remarks)
    known = (inputs.import_table, inputs.motion, inputs.comparison, inputs.errors)
    if not list(corpora) and all(table is None for table in known):
        raise CorpusMismatch(
            f"{place}: expected import.csv, motion.csv, errors.csv, comparison.csv or a corpus (*.h5), found none. "
            "Name the directory that `kinesynth demo` wrote, or the one in which you typed the commands."
        )
    for part, sentence in MADE_BY.items():
        value = getattr(inputs, part)
        if value is None or (part == "provenance" and not value):
            remarks.append(sentence + SAID)
    return inputs, remarks


def _parts(folder: Path, corpora: FoundCorpora, title: str, remarks: list[str]) -> ReportInputs:
    """Every part that the folder or its corpora tell; a folder that does not exist tells nothing."""
    record = _record(folder, remarks)
    errors = find_errors(folder, remarks)
    motion, records = find_table(folder, "motion.csv", remarks), records_of_corpora(corpora.motions)
    solutions = _solutions(folder, corpora.methods)
    spatiotemporal = find_table(folder, "spatiotemporal.csv", remarks)
    times = next((folder / name for name in ("timings.json", "stages.json") if (folder / name).is_file()), None)
    timings = timing_table(_read_json(times, remarks)) if times else None
    if times is None:
        timings = added_timings(motion, records, solutions, record.steps if record else {})
    notes = folder / "notes.txt"
    return ReportInputs(
        title=title,
        import_table=find_table(folder, "import.csv", remarks),
        motion=motion,
        records=records,
        spatiotemporal=spatiotemporal if spatiotemporal is not None else spatiotemporal_of_corpora(corpora),
        comparison=_comparison(folder, errors, remarks),
        errors=errors,
        corpora=corpora.methods,
        solutions=solutions,
        timings=timings,
        losses=loss_panels([record]) if record else [],
        provenance=_provenance(folder, corpora, record, remarks),
        notes=tuple(notes.read_text(encoding="utf-8").split("\n")) if notes.is_file() else (),
    )


def _record(folder: Path, remarks: list[str]) -> RunRecord | None:
    """Record of the networks that were trained in the folder; None if nothing was trained."""
    if not any([*folder.glob(CARD), *folder.glob(f"*/{CARD}")]):
        return None
    try:
        return read_record(folder)
    except CorpusMismatch as error:
        remarks.append(f"{error} Left out")
        return None


def _comparison(folder: Path, errors: pd.DataFrame | None, remarks: list[str]) -> pd.DataFrame | None:
    """The comparison of the folder, made anew where the error tables know other methods."""
    found = find_table(folder, "comparison.csv", remarks)
    if errors is None:
        return found
    if found is None:
        return compare(errors)
    if "method" in found and set(found["method"]) >= set(errors["method"]):
        return found
    remarks.append(_STALE)
    return compare(errors)


def _solutions(folder: Path, corpora: Mapping[str, Path]) -> pd.DataFrame | None:
    """Trials of optimal control: from solutions.csv, from a table a role, or else from the corpora themselves."""
    if (folder / "solutions.csv").is_file():
        return read_csv(folder / "solutions.csv")
    roles = {role: folder / f"{role}.csv" for role in ("reference", "baseline")}
    tables = [read_csv(path).assign(role=role) for role, path in roles.items() if path.is_file()]
    tables = [table for table in tables if "status" in table]  # an error table may be called baseline.csv
    return pd.concat(tables, ignore_index=True) if tables else solutions_of_corpora(corpora)


def _provenance(folder: Path, corpora: FoundCorpora, record: RunRecord | None, remarks: list[str]) -> dict[str, Any]:
    """What the folder says of where it came from, or else its corpora and trainings."""
    if (folder / "provenance.json").is_file():
        return _read_json(folder / "provenance.json", remarks) or {}
    told = {path.name: vars(Corpus(path).provenance) for path in corpora}
    return told | ({"trainings": record.methods} if record and record.methods else {})


def _sorted_by_role(paths: list[Path], remarks: list[str] | None) -> FoundCorpora:
    """The reference first, then every corpus of estimates; one that cannot be read is a remark, or raises without."""
    found: dict[str, Path] = {}
    motions = []
    for path in paths:
        try:
            corpus = Corpus(path)
        except CorpusMismatch as error:
            if remarks is None:
                raise
            remarks.append(str(error))
            continue
        if corpus.role == "reference":
            found.setdefault(REFERENCE, path)
        elif corpus.role in ("prediction", "baseline"):
            stem = METHOD_NAMES.get(path.stem, path.stem)
            found.setdefault(str(corpus.provenance.config.get("method", stem)), path)
        else:
            motions.append(path)
    return FoundCorpora(dict(sorted(found.items(), key=lambda item: item[0] != REFERENCE)), tuple(motions))


def _with_reference(folder: Path, corpora: FoundCorpora) -> FoundCorpora:
    """A folder of networks alone has its reference beside it: the corpus of that name and hash they learnt from."""
    if REFERENCE in corpora.methods or not corpora.methods or not (folder / CARD).is_file():
        return corpora
    for entry in read_record(folder).methods.values():
        source = entry.get("corpus", {})
        beside = folder.resolve().parent / Path(str(source.get("name", ""))).name
        if beside.is_file() and file_hash(beside) == source.get("sha256") and Corpus(beside).role == "reference":
            return FoundCorpora({REFERENCE: beside} | corpora.methods, corpora.motions)
    return corpora


def _read_json(path: Path, remarks: list[str]) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        remarks.append(f"{path}: expected JSON, {error}; left out")
        return None
