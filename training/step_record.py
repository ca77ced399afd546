"""The record of a training, step by step: a CSV table and an event file for TensorBoard.

Both go on with a training that goes on: steps after the state that it resumes from are taken back first.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from mocap_import.durable_file import write_durably
from training.event_file import EventFile

CLOCK = "time"
"""Last column: when the step was done (s since 1970)."""


class StepRecord:
    """Metrics of every step of one training.

    Parameters
    ----------
    table : Path
        The CSV file: ``step``, the metrics, ``time``.
    events : Path
        Folder of the event file.
    """

    def __init__(self, table: Path, events: Path) -> None:
        self._path, self._folder = table, events
        self._table: TextIO | None = None
        self._events: EventFile | None = None
        self._columns: list[str] = []

    def begin(self, step: int) -> None:
        """Keep the record up to a step, forget what came later.

        Raises
        ------
        OSError
            The folder cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._columns, kept = _rows_until(self._path, step)
        text = io.StringIO()
        if kept:
            csv.writer(text, lineterminator="\n").writerows([self._columns, *kept])
        write_durably(self._path, text.getvalue())
        self._events = EventFile(self._folder)
        for row in kept:
            values = dict(zip(self._columns[1:-1], map(float, row[1:-1]), strict=True))
            self._events.write(int(row[0]), values, float(row[-1]))
        self._table = self._path.open("a", encoding="utf-8", newline="")

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add one step."""
        now = time.time()
        rows = csv.writer(self._table, lineterminator="\n")
        if not self._columns:
            self._columns = ["step", *metrics, CLOCK]
            rows.writerow(self._columns)
        rows.writerow([step, *(repr(float(metrics[name])) for name in self._columns[1:-1]), f"{now:.3f}"])
        self._events.write(step, metrics, now)

    def flush(self) -> None:
        """Bring what was written to the disk: before each state of the training, so that no step is lost."""
        self._table.flush()
        self._events.flush()

    def close(self) -> None:
        """End both files."""
        if self._table is not None:
            self._table.close()
            self._events.close()


def _rows_until(path: Path, step: int) -> tuple[list[str], list[list[str]]]:
    """Columns and whole rows of steps up to `step`; a row that a kill cut off is none."""
    if step == 0 or not path.is_file():
        return [], []
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    if not rows or rows[0][:1] != ["step"] or rows[0][-1] != CLOCK:
        return [], []
    return rows[0], [row for row in rows[1:] if len(row) == len(rows[0]) and int(row[0]) <= step]
