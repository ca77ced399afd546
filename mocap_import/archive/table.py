"""The table of an archive run: one row a file, whose totals add up to the files found."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.durable_file import write_durably
from mocap_import.quality.verdict import LEVELS
from mocap_import.spreadsheet import safe_text

TABLE = "import.csv"
COLUMNS = (
    *("file", "subject", "session", "trial", "task", "status", "reason", "doubts", "verdict", "verdict_reasons"),
    *("n_cycles", "n_usable_steps", "n_frames", "rate", "n_markers", "marker_set"),
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
COLUMN_MEANINGS = {
    "file": "the recording; its place in the archive with `--codes keep`",
    "subject": "code of the person",
    "session": "day or visit, if the archive tells",
    "trial": "name of the trial, unique within its subject",
    "task": "static, walk, run, turn or unknown",
    "status": "accepted, repaired or refused",
    "reason": "refused: why; else what was repaired, then notes",
    "doubts": "what a person should look at before the trial is used",
    "verdict": "good, usable, doubtful or unusable for gait analysis",
    "verdict_reasons": "keys of the reasons, worst first",
    "n_cycles": "whole gait cycles of both feet with all lower-limb segments in view",
    "n_usable_steps": "contacts of one foot alone, wholly on a plate",
    "n_frames": "marker frames",
    "rate": "marker frames per second",
    "n_markers": "markers",
    "marker_set": "marker set that explains the labels",
    "missing_percent": "marker samples still missing",
    "filled_percent": "marker samples that are estimates",
    "n_plates": "records of force plates",
    "feet": "foot of each record",
    "n_events": "foot strikes and offs",
    "n_strikes": "foot strikes",
    "event_source": "where the events come from: file, force, markers",
    "belt_speed": "speed of the treadmill: 0 overground, empty if unknown",
    "mass": "body mass",
    "height": "stature",
    "sex": "female, male or unknown",
    "age": "age",
    "standing_mass": "mass that the plates weigh in this standing trial",
    "output": "the trial file, empty if refused",
    "source_hash": "SHA-256 of the recording",
}


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
    counts = {name: "Int64" for name in table.columns if name.startswith("n_")}
    safe = table.astype(counts).map(safe_text)
    text = io.StringIO(newline="")
    safe.to_csv(text, index=False, lineterminator="\n")
    write_durably(out / TABLE, text.getvalue())


def verdict_counts(table: pd.DataFrame) -> dict[str, int]:
    """Trials by verdict; they add up to the files that were not refused."""
    return {level: int((table.verdict == level).sum()) for level in LEVELS}


def status_counts(table: pd.DataFrame) -> dict[str, int]:
    """Files by status; they add up to the rows."""
    return {status: int((table.status == status).sum()) for status in STATUSES}
