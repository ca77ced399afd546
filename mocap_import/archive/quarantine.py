"""Quarantine: a note for every refused file, and, on request, copies of the files in a folder apart.

The notes, ``OUT/quarantine/<code>__<trial>.json``, hold what the table says; the recordings themselves keep names and
dates in their parameters, so that copies never lie in the output folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mocap_import.archive.file import lies_in
from mocap_import.durable_file import write_durably
from mocap_import.trial import TrialRefused

FOLDER = "quarantine"
_FACTS = ("file", "subject", "session", "trial", "task", "reason", "source_hash")


def write_quarantine(out: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Have exactly one note for every refused row.

    Raises
    ------
    OSError
        A note cannot be written.
    """
    folder = out / FOLDER
    wanted = {f"{_name(row)}.json": row for row in rows if row["status"] == "refused"}
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    if wanted:
        folder.mkdir(exist_ok=True)
    elif folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    for name, row in wanted.items():
        note = json.dumps({fact: row.get(fact, "") for fact in _FACTS}, indent=1) + "\n"
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != note:
            write_durably(path, note)


def copy_refused(folder: Path, originals: Sequence[tuple[Mapping[str, Any], Path]]) -> int:
    """Copy refused files into a folder apart, named as in the table; how many were copied.

    Raises
    ------
    OSError
        A copy cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copied = 0
    for row, path in originals:
        if row["status"] == "refused" and path.is_file():
            shutil.copyfile(path, folder / f"{_name(row)}.c3d")
            copied += 1
    return copied


def check_quarantine_place(folder: Path, out: Path, archive: Path) -> None:
    """Refuse copies inside the output folder, since the recordings hold names, and inside the archive."""
    if lies_in(folder, out):
        raise TrialRefused(
            f"{folder}: copies of refused files keep names and dates, they must not lie in the output folder; "
            "give a folder apart from the trials."
        )
    if lies_in(folder, archive):
        raise TrialRefused(
            f"{folder}: copies of refused files must not lie in the archive {archive}, where the next run would find "
            "them; give a folder apart from it."
        )


def _name(row: Mapping[str, Any]) -> str:
    """Name of a row's note and copy; no code or trial name holds two underscores in a row."""
    return f"{row['subject']}__{row['trial']}"
