"""The key apart: which person and file stand behind a code, written only on request and never beside the trials."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from mocap_import.archive.identity import Recording
from mocap_import.archive.table import defused
from mocap_import.durable_file import PRIVATE, write_durably
from mocap_import.trial import TrialRefused


def check_key_place(key: Path, out: Path) -> None:
    """Refuse a key inside the output folder, where it would be passed on with the trials, or without a folder."""
    if out.resolve() in (key.resolve(), *key.resolve().parents):
        raise TrialRefused(
            f"{key}: the key must not lie in the output folder {out}; give a place apart from the trials."
        )
    if not key.resolve().parent.is_dir() or key.is_dir():
        raise TrialRefused(f"{key}: expected a file name in a folder that exists; make the folder first.")


def write_key(key: Path, recordings: Iterable[Recording]) -> None:
    """Write subject, session, trial, original subject and original file as CSV, readable by its owner only (mode 600).

    Raises
    ------
    OSError
        The file cannot be written; an earlier key is untouched.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("subject", "session", "trial", "original_subject", "original_file"))
    for recording in recordings:
        original = recording.name.subject, recording.file.relative.as_posix()
        rows.writerow([defused(cell) for cell in (recording.code, recording.session, recording.trial, *original)])
    write_durably(key, text.getvalue(), PRIVATE)
