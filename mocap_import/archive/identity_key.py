"""The key apart: which person and file stand behind a code, written only on request and never beside the trials."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mocap_import.archive.file import lies_in
from mocap_import.archive.identity import Recording
from mocap_import.durable_file import PRIVATE, write_durably
from mocap_import.spreadsheet import safe_text
from mocap_import.trial import TrialRefused

_COLUMNS = ("subject", "session", "trial", "original_subject", "original_file")


def check_key_place(key: Path, out: Path, archive: Path) -> None:
    """Refuse a place where a key must not lie, where it cannot be written, or where a file is that is no key.

    Not in the output folder, where it would be passed on with the trials, nor in the archive, in which nothing is
    changed.
    """
    if lies_in(key, out):
        raise TrialRefused(
            f"{key}: the key must not lie in the output folder {out}; give a place apart from the trials."
        )
    if lies_in(key, archive):
        raise TrialRefused(f"{key}: the key must not lie in the archive {archive}; give a place apart from it.")
    if not key.resolve().parent.is_dir() or key.is_dir():
        raise TrialRefused(f"{key}: expected a file name in a folder that exists; make the folder first.")
    try:
        if key.exists() and (not key.is_file() or not _is_key(key)):
            raise TrialRefused(f"{key}: a file that is no key of an import lies there; give another name, it is kept.")
        with tempfile.TemporaryFile(dir=key.resolve().parent):
            pass
    except OSError as problem:
        raise TrialRefused(f"{key}: a key cannot be written there ({problem.strerror}); give another place.") from None


def _is_key(path: Path) -> bool:
    """True for a key of an earlier run."""
    header = ",".join(_COLUMNS).encode()
    with path.open("rb") as file:
        return file.read(len(header)) == header


def write_key(key: Path, recordings: Iterable[Recording]) -> None:
    """Write subject, session, trial, original subject and original file as CSV, readable by its owner only (mode 600).

    Raises
    ------
    OSError
        The file cannot be written; an earlier key is untouched.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for recording in recordings:
        original = recording.name.path, recording.file.relative.as_posix()
        rows.writerow([safe_text(cell) for cell in (recording.code, recording.session, recording.trial, *original)])
    write_durably(key, text.getvalue(), PRIVATE)
