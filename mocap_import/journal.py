"""Journal: which files of an archive are done, and the row of each, kept through kills and full disks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """``import.jsonl``: the latest row of every file, appended line by line."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self.path = out / "import.jsonl"
        self._rows: dict[str, dict[str, Any]] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue  # the last line of a run that was killed: its file is simply done again
                self._rows[row["file"]] = row

    def find(self, file: str, fingerprint: str) -> dict[str, Any] | None:
        """The row of a file that was done with this fingerprint and whose trial is still there."""
        row = self._rows.get(file)
        if row is None or row.get("fingerprint") != fingerprint or row.get("retry"):
            return None
        return row if row["status"] == "refused" or (self._out / row["output"]).is_file() else None

    def append(self, row: dict[str, Any]) -> None:
        """Add a row; it is on disk when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            # A line that a killed run left unfinished must not swallow this one.
            file.write(("\n" if file.tell() and not self._ends_line() else "") + json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._rows[row["file"]] = row

    def _ends_line(self) -> bool:
        """True if the last line is whole."""
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
