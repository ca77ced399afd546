"""Journal: which files of an archive are done, and the row of each, kept through kills and full disks."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from mocap_import.durable_file import write_durably

_SYNC_EVERY = 1.0
"""Seconds between flushes to the disk. A killed process loses nothing that was written; only a power cut could cost the
rows of the last second, whose files are then converted again."""


class Journal:
    """``import.jsonl``: the latest row of every file under its key, appended line by line; a context manager."""

    def __init__(self, out: Path) -> None:
        self.path = out / "import.jsonl"
        self.rows: dict[str, dict[str, Any]] = {}
        self._file: Any = None
        self._synced = 0.0
        n_lines = 0
        if self.path.is_file():
            with self.path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    n_lines += 1
                    self._take(line)
        if n_lines > 2 * len(self.rows) + 100:
            write_durably(self.path, "".join(json.dumps(row) + "\n" for row in self.rows.values()))

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written was said when it was tried
                self._file.close()
            self._file = None

    def append(self, row: dict[str, Any]) -> None:
        """Add a row; a kill of this process cannot lose it when this returns."""
        try:
            self._write(json.dumps(row) + "\n")
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, str(self.path)) from problem
        self.rows[row["key"]] = row

    def forget(self, key: str) -> None:
        """Drop the row of a file that is gone."""
        self.append({"key": key, "gone": True})
        del self.rows[key]

    def sync(self) -> None:
        """Bring all rows to the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def _write(self, line: str) -> None:
        """One line to the system, and now and then to the disk."""
        if self._file is None:
            # A line that a killed run left unfinished must not swallow this one.
            whole = not self.path.exists() or self._ends_line()
            self._file = self.path.open("a", encoding="utf-8")
            self._file.write("" if whole else "\n")
        self._file.write(line)
        self._file.flush()
        if time.monotonic() - self._synced > _SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _take(self, line: str) -> None:
        """One line of an earlier run."""
        try:
            row = json.loads(line)
            key = row["key"]
        except (json.JSONDecodeError, KeyError, TypeError):
            return  # the last line of a run that was killed: its file is simply done again
        if row.get("gone"):
            self.rows.pop(key, None)
        else:
            self.rows[key] = row

    def _ends_line(self) -> bool:
        """True if the last line is whole."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
