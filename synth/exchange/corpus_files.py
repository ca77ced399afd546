"""Corpus files: a corpus exported in other formats, each trial and each table ending in one row that says how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from mocap_import.trial import TrialRefused
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.exchange.opensim_files import WRITERS
from synth.exchange.safe_label import file_labels
from synth.exchange.table_file import KINDS, TableFile
from synth.exchange.table_folder import open_tables, require_free
from synth.exchange.tidy_table import TableColumns, subject_rows, trial_rows

FORMATS = (*WRITERS, *KINDS)
WRITTEN, REFUSED, NOT_APPLICABLE = "written", "refused", "not applicable"
_ENDINGS = {
    "mot": (".mot",),
    "trc": (".trc",),
    "sto": (
        *("_moments.sto", "_ground_reaction.sto", "_ground_reaction.xml", "_activations.sto"),
        *("_linear_accelerations.sto", "_angular_velocity.sto"),
    ),
}
_EXPECTED = (CorpusMismatch, ModelMismatch, TrialRefused, OSError)


def export_corpus(
    corpus: Path,
    out: Path,
    formats: Sequence[str],
    *,
    subjects: Sequence[str] = (),
    clean: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> pd.DataFrame:
    """Write a corpus in other formats.

    Parameters
    ----------
    corpus : Path
    out : Path
        Folder; made where it is not there. OpenSim's files are ``<subject>/<trial>...``, tables are ``<table>.csv`` or
        ``<table>.parquet``.
    formats : sequence of str
        Of `FORMATS`.
    subjects : sequence of str, optional
        Codes; default all.
    clean : bool, default False
        Records as simulated. False: with the errors of the stored recipe, because these formats have no place for one.
    overwrite : bool, default False
        Replace files that are there.
    progress : callable, optional
        Called with 1 after each trial.

    Returns
    -------
    DataFrame
        subject, trial, format, status (``"written"``, ``"refused"``, ``"not applicable"``), reason, files. Tables are
        rows without a trial.

    Raises
    ------
    CorpusMismatch
        No corpus, an unknown format or subject, a missing library, or files that are there.
    """
    unknown = [form for form in formats if form not in FORMATS]
    if unknown or not formats:
        raise CorpusMismatch(f"format {unknown[:1] or 'none'!r}: expected some of {', '.join(FORMATS)}.")
    source, out = Corpus(corpus), Path(out)
    keys = chosen_trials(source, subjects)
    people = file_labels(code for code, _ in source.trials())
    names = {code: file_labels(name for owner, name in source.trials() if owner == code) for code, _ in keys}
    out.mkdir(parents=True, exist_ok=True)
    tables = [form for form in dict.fromkeys(formats) if form in KINDS]
    rows: list[dict[str, object]] = []
    files: list[Path] = []
    with ExitStack() as stack:
        sinks = []
        if tables:
            columns = TableColumns(_readable(source, keys)).columns
            codes = {code for code, _ in keys}
            persons = subject_rows([person for person in source.subjects() if person.code in codes])
            sinks = [stack.enter_context(open_tables(out, form, columns, files, overwrite)) for form in tables]
            for sink in sinks:
                sink["subjects"].append(persons)
        for code, name in keys:
            stem = out / people[code] / names[code][name]
            rows += _exported(source, (code, name), stem, formats, sinks, clean=clean, overwrite=overwrite)
            if progress is not None:
                progress(1)
    plain = {"subject": "", "trial": "", "status": WRITTEN, "reason": ""}
    rows += [plain | {"format": path.suffix[1:], "files": [str(path)]} for path in files]
    return pd.DataFrame(rows, columns=["subject", "trial", "format", "status", "reason", "files"])


def chosen_trials(corpus: Corpus, subjects: Sequence[str]) -> list[tuple[str, str]]:
    """(subject, trial) of the subjects, or of all.

    Raises
    ------
    CorpusMismatch
        A subject is not in the corpus.
    """
    known = {code for code, _ in corpus.trials()}
    strange = sorted(set(subjects) - known)
    if strange:
        raise CorpusMismatch(f"{corpus.path} holds no subject {strange[0]!r}; it has {', '.join(sorted(known))}.")
    return [key for key in corpus.trials() if not subjects or key[0] in subjects]


def _readable(corpus: Corpus, keys: Sequence[tuple[str, str]]) -> Iterator[CorpusTrial]:
    """Clean trials, without those that cannot be read: they are refused later, by name."""
    for code, name in keys:
        try:
            yield corpus.read(code, name, clean=True)
        except CorpusMismatch:
            continue


def _exported(
    corpus: Corpus,
    key: tuple[str, str],
    stem: Path,
    formats: Sequence[str],
    sinks: Sequence[dict[str, TableFile]],
    *,
    clean: bool,
    overwrite: bool,
) -> list[dict[str, object]]:
    """Rows of one trial, one for each format of OpenSim; a trial that cannot be read is refused in every format."""
    plain = {"subject": key[0], "trial": key[1], "status": WRITTEN, "reason": "", "files": []}
    try:
        trial = corpus.read(*key, clean=clean)
    except CorpusMismatch as problem:
        return [plain | {"format": form, "status": REFUSED, "reason": str(problem)} for form in formats]
    parts = trial_rows(trial) if sinks else {}
    for sink in sinks:
        for table, part in parts.items():
            if len(part):
                sink[table].append(part)
    rows = []
    for form in (form for form in dict.fromkeys(formats) if form in WRITERS):
        row = plain | {"format": form}
        try:
            require_free([stem.with_name(stem.name + ending) for ending in _ENDINGS[form]], overwrite)
            stem.parent.mkdir(exist_ok=True)
            files, notes = WRITERS[form](stem, trial)
            row |= {"files": [str(file) for file in files], "reason": "; ".join(notes)}
            if not files:
                row |= {"status": NOT_APPLICABLE, "reason": row["reason"] or "the trial holds nothing of the kind"}
        except _EXPECTED as problem:
            row |= {"status": REFUSED, "reason": str(problem)}
        rows.append(row)
    return rows
