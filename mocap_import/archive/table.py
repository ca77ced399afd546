"""The table of an archive run: one row a file, whose totals add up to the files found."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.durable_file import write_durably

TABLE = "import.csv"
COLUMNS = (
    *("file", "subject", "session", "trial", "task", "status", "reason", "n_frames", "rate", "n_markers", "marker_set"),
    *("missing_percent", "filled_percent", "n_plates", "feet", "n_events", "n_strikes", "event_source", "belt_speed"),
    *("mass", "height", "sex", "age", "standing_mass", "output", "source_hash"),
)
"""Times are not among them: the same archive gives the same bytes."""
UNITS = {
    "rate": "Hz",
    "missing_percent": "%",
    "filled_percent": "%",
    "belt_speed": "m/s",
    "mass": "kg",
    "height": "m",
    "age": "yr",
    "standing_mass": "kg",
}
STATUSES = ("accepted", "repaired", "refused")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def make_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as a table with `COLUMNS`."""
    return pd.DataFrame(list(rows)).reindex(columns=COLUMNS)


def write_table(out: Path, table: pd.DataFrame) -> None:
    """Write ``import.csv``; text that a spreadsheet would take for a formula is prefixed with an apostrophe.

    Raises
    ------
    OSError
        It cannot be written; an earlier table is untouched.
    """
    safe = table.map(defused)
    text = io.StringIO(newline="")
    safe.to_csv(text, index=False, lineterminator="\n")
    write_durably(out / TABLE, text.getvalue())


def defused(value: Any) -> Any:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def status_counts(table: pd.DataFrame) -> dict[str, int]:
    """Files by status; they add up to the rows."""
    return {status: int((table.status == status).sum()) for status in STATUSES}
