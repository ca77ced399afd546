"""De-identification of a report: subjects get neutral names, and files are numbered, unless the user says otherwise.

A code may be a person's name (`kinesynth import --codes keep`, somebody else's corpus), and a file's name may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from synth.corpus import Corpus
from training.report.curves import TrialWaveforms
from training.report.inputs import ReportInputs

SHORTEST = 3
"""A code of fewer characters, or of digits only, is looked for in subject columns, not inside of sentences."""


COMMON = {"walk", "walking", "run", "running", "static", "gait", "trial", "trials", "data", "archive", "left", "right"}
"""Words that name no person."""

_WORD = re.compile(r"[\w\-]+(?:\.[\w\-]+)*")


@dataclass(frozen=True)
class Recoding:
    """Neutral names of subjects.

    Attributes
    ----------
    names : dict of str to str
        Code → what the page says instead.
    files: dict of str to str
        Words of file names, in lower case → what the page says instead.
    """

    names: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)

    def subject(self, code: Any) -> Any:
        """A subject's neutral name; what is no known code is treated as text."""
        return self.names.get(str(code), self.text(code))

    def text(self, value: Any) -> Any:
        """A text in which every known code, however it is written, is replaced; other values as they are."""
        if not isinstance(value, str):
            return value
        for code in sorted(self.names, key=len, reverse=True):
            if (pattern := _pattern(code)) is not None:
                value = pattern.sub(self.names[code], value)
        return (
            _WORD.sub(lambda word: self.files.get(word.group().lower(), word.group()), value) if self.files else value
        )

    def data(self, value: Any) -> Any:
        """Nested plain data, its keys and texts replaced; names of source files that are no corpora are numbered."""
        if isinstance(value, dict):
            return {
                self.subject(key): _numbered(of) if key == "sources" and isinstance(of, dict) else self.data(of)
                for key, of in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.data(entry) for entry in value]
        return self.subject(value) if isinstance(value, str) else value

    def table(self, table: pd.DataFrame | None) -> pd.DataFrame | None:
        """A table whose subjects are renamed, whose files are numbered by row, and whose texts are replaced."""
        if table is None:
            return None
        table = table.copy()
        for column in table.columns:
            values = table[column].tolist()
            if column == "subject":
                table[column] = [self.subject(value) for value in values]
            elif column == "file":
                table[column] = [f"file {row}" for row in range(1, len(values) + 1)]
            elif any(isinstance(value, str) for value in values):
                table[column] = [self.text(value) for value in values]
        return table

    def waveforms(self, trials: Iterable[TrialWaveforms]) -> list[TrialWaveforms]:
        """The same cycles under neutral names."""
        return [replace(trial, subject=self.subject(trial.subject), name=self.text(trial.name)) for trial in trials]


def recoding_of(codes: Iterable[str]) -> Recoding:
    """Number subjects in the order of their codes."""
    known = sorted({str(code) for code in codes if code is not None and str(code) not in ("", "nan")})
    width = len(str(len(known)))
    return Recoding({code: f"Subject {number:0{width}d}" for number, code in enumerate(known, 1)})


def recode_inputs(inputs: ReportInputs, recoding: Recoding) -> ReportInputs:
    """The same inputs with every table, note and source under neutral names; the corpora are as they were."""
    recoding = replace(recoding, files=file_words(inputs.import_table))
    tables = ("import_table", "motion", "records", "spatiotemporal", "errors", "solutions", "timings", "comparison")
    return replace(
        inputs,
        title=recoding.text(inputs.title),
        provenance=recoding.data(inputs.provenance),
        notes=tuple(recoding.text(note) for note in inputs.notes),
        **{name: recoding.table(getattr(inputs, name)) for name in tables},
    )


def subject_codes(inputs: ReportInputs) -> set[str]:
    """Every code that the tables and the corpora name."""
    tables = (inputs.import_table, inputs.motion, inputs.records)
    tables += (inputs.spatiotemporal, inputs.errors, inputs.solutions)
    named = {str(c) for table in tables if table is not None and "subject" in table for c in table["subject"].dropna()}
    return named | {subject.code for path in inputs.corpora.values() for subject in Corpus(path).subjects()}


def _pattern(code: str) -> re.Pattern[str] | None:
    """A code inside a sentence or a file's name, its parts joined by anything; None if it is too short to be told."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+", code) if part]
    if len(code) < SHORTEST or code.isdigit() or not parts:
        return None
    words = r"[\W_]*".join(parts)
    # A name is found within a word, too (mueller2walk); a code such as S01 is not part of S012.
    return re.compile(
        words if code.isalpha() and len(code) > SHORTEST else rf"(?<![^\W_]){words}(?![^\W_])", re.IGNORECASE
    )


def file_words(table: pd.DataFrame | None) -> dict[str, str]:
    """Words of the archive's file and folder names, in lower case, and what stands for them.

    A word that is also a trial's name, or common in laboratories, says nothing about a person and stays.
    """
    if table is None or "file" not in table:
        return {}
    words: dict[str, str] = {}
    for row, file in enumerate(table["file"].astype(str), 1):
        path = PurePosixPath(file.replace("\\", "/"))
        parts = [word for folder in path.parts[:-1] for word in _WORD.findall(folder)]
        words |= {word.lower(): "a folder" for word in parts if len(word) >= SHORTEST}
        words |= {path.name.lower(): f"file {row}", path.stem.lower(): f"file {row}"}
    trials = set(table["trial"].dropna().astype(str).str.lower()) if "trial" in table else set()
    return {word: told for word, told in words.items() if word not in trials | COMMON and not word.isdigit()}


def _numbered(sources: dict[str, Any]) -> dict[str, Any]:
    """Sources by number, corpora by name: a corpus's name is the user's choice, a recording's may be a person's."""
    return {
        name
        if name.endswith(".h5") and not name.endswith(".trial.h5") and "/" not in name
        else f"source {number}": value
        for number, (name, value) in enumerate(sources.items(), 1)
    }
