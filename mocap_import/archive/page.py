"""The page of an archive run: the table for people, in one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
import pandas as pd

from mocap_import.archive.table import COLUMN_MEANINGS, STATUSES, UNITS, status_counts, verdict_counts
from mocap_import.durable_file import write_durably

PAGE = "import.html"
_SHOWN = (
    *("file", "status", "reason", "doubts", "verdict", "verdict_reasons", "subject", "session", "task", "n_cycles"),
    *("n_usable_steps", "n_frames", "rate", "n_markers", "marker_set", "missing_percent", "filled_percent"),
    *("n_plates", "feet", "n_strikes", "event_source", "belt_speed", "mass", "height"),
)
_HEADINGS = {
    "verdict_reasons": "because",
    "n_cycles": "whole cycles",
    "n_usable_steps": "usable steps",
    "n_frames": "frames",
    "n_markers": "markers",
    "n_plates": "plates",
    "n_strikes": "foot strikes",
    "event_source": "events from",
    "marker_set": "marker set",
    "missing_percent": "missing",
    "filled_percent": "filled",
    "belt_speed": "belt speed",
}


def write_page(out: Path, table: pd.DataFrame, gone: Sequence[str] = (), people: Sequence[str] = ()) -> None:
    """Write ``import.html``: totals, verdicts, filters by status and verdict, and one sortable row a file.

    Parameters
    ----------
    out : Path
        Output folder.
    table : DataFrame
        From `table.make_table`.
    gone : sequence of str
        Files of earlier runs that the archive no longer holds.
    people : sequence of str
        How subjects were found, without names.

    Raises
    ------
    OSError
        It cannot be written; an earlier page is untouched.
    """
    rows = [
        {
            "status": record["status"],
            "verdict": _cell(record["verdict"])[1],
            "cells": [(name, *_cell(record[name])) for name in _SHOWN],
        }
        for record in table.to_dict("records")
    ]
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=folder, autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("page.html").render(
        rows=rows,
        counts={status: number for status, number in status_counts(table).items() if status in STATUSES},
        headings=[(_HEADINGS.get(name, name), UNITS.get(name, ""), COLUMN_MEANINGS[name]) for name in _SHOWN],
        verdicts=verdict_counts(table),
        n_subjects=table.subject[table.status != "refused"].nunique(),
        gone=list(gone),
        people=list(people),
    )
    write_durably(out / PAGE, page)


def _cell(value: object) -> tuple[float | None, str]:
    """Number to sort by (None for text) and text of a cell."""
    if isinstance(value, str):
        return None, value
    if value is None or value != value:
        return None, ""
    return float(value), f"{value:.4g}" if isinstance(value, float) and value != int(value) else f"{int(value)}"
