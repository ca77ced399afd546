"""Measured times: how long a run computed on each trial, kept beside its corpus (``walking.h5.times.csv``).

CPU seconds are facts of a run and not of what it made: another run of the same recipe gives the same corpus and other
times. So they are no content of a corpus since schema version 3; readers put them back into the trials. A corpus
without this file is whole, its times are unknown (NaN).
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial

_COLUMNS = ("subject", "trial", "solution", "cpu_seconds")
_HEAD = "# CPU seconds of the run that made the corpus with the provenance "


@dataclass(frozen=True)
class MeasuredTime:
    """Times of one trial.

    Attributes
    ----------
    seconds : float
        CPU time (s) of the whole trial; NaN if not measured.
    solutions : tuple of float
        CPU time (s) of each of its solutions.
    """

    seconds: float = math.nan
    solutions: tuple[float, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether anything was measured."""
        return any(map(math.isfinite, (self.seconds, *self.solutions)))

    @staticmethod
    def of(trial: CorpusTrial) -> MeasuredTime:
        """Times that a trial carries."""
        return MeasuredTime(float(trial.seconds), tuple(float(fact.cpu_seconds) for fact in trial.solutions))

    def placed_in(self, trial: CorpusTrial) -> CorpusTrial:
        """The trial with these times."""
        facts = trial.solutions
        if len(self.solutions) == len(facts):
            facts = tuple(replace(f, cpu_seconds=s) for f, s in zip(facts, self.solutions, strict=True))
        return replace(trial, seconds=self.seconds, solutions=facts)


def times_file(corpus: Path) -> Path:
    """Where the times of a corpus stand."""
    return corpus.with_name(f"{corpus.name}.times.csv")


def run_mark(provenance: str) -> str:
    """What ties times to their corpus: the SHA-256 of its provenance, as it is stored."""
    return hashlib.sha256(provenance.encode()).hexdigest()


def write_times(corpus: Path, mark: str, times: Iterable[tuple[str, str, MeasuredTime]]) -> None:
    """Write the times of a run beside its corpus: rows of (subject, trial, times); no file where none is known.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    text = io.StringIO()
    text.write(f"{_HEAD}{mark}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    n_rows = 0
    for subject, name, time in sorted(times, key=lambda row: row[:2]):
        if time.is_known:
            numbered = enumerate(time.solutions)
            writer.writerows([subject, name, number, repr(seconds)] for number, seconds in numbered)
            writer.writerow([subject, name, "", repr(time.seconds)])
            n_rows += 1
    if not n_rows:
        times_file(corpus).unlink(missing_ok=True)
        return
    temporary = corpus.with_name(
        f".{corpus.name}.times.{os.getpid()}.tmp"
    )  # of a killed run: the next writer's to remove
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(times_file(corpus))
    finally:
        temporary.unlink(missing_ok=True)


def read_times(corpus: Path, mark: str) -> dict[tuple[str, str], MeasuredTime]:
    """Times of the trials of a corpus; none if there is no such file, or one of another corpus.

    Raises
    ------
    CorpusMismatch
        The file is no table of times.
    """
    path = times_file(corpus)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusMismatch(f"{path} cannot be read ({error}); remove it, the corpus is whole without it.") from error
    head, _, table = text.partition("\n")
    if head != f"{_HEAD}{mark}":  # an earlier corpus of that name
        return {}
    try:
        return _times(table)
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusMismatch(
            f"{path}: expected the columns {', '.join(_COLUMNS)} ({error}); remove it, the corpus is whole without it."
        ) from error


def _times(table: str) -> dict[tuple[str, str], MeasuredTime]:
    found: dict[tuple[str, str], MeasuredTime] = {}
    for row in csv.DictReader(io.StringIO(table)):
        key, seconds = (row["subject"], row["trial"]), float(row["cpu_seconds"])
        known = found.get(key, MeasuredTime())
        if row["solution"]:
            found[key] = replace(known, solutions=(*known.solutions, seconds))
        else:
            found[key] = replace(known, seconds=seconds)
    return found
