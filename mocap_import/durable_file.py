"""A durable file: one that is there whole or not at all, whatever ends the process that writes it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def write_durably(path: Path, content: str | bytes, mode: int = PUBLIC) -> None:
    """Write beside the place, flush to the disk, rename.

    Parameters
    ----------
    path : Path
        Its folder must exist; a file there is replaced only by a complete one.
    content : str or bytes
        Text is written as UTF-8; what UTF-8 cannot hold (undecodable file names) is written as an escape.
    mode : int
        Permissions of the file.

    Raises
    ------
    OSError
        The folder is missing or the disk is full; what was there before is untouched.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    handle, temporary = tempfile.mkstemp(prefix="tmp", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a lab shares the table with the permissions of its other files.
        Path(temporary).chmod(mode & ~_umask() if mode != PRIVATE else mode)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode mask."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def sweep_temporary(folder: Path) -> None:
    """Remove what a killed run left half-written in an output folder and in its subjects' folders."""
    for pattern in ("tmp*.tmp", "*/tmp*.tmp"):
        for leftover in folder.glob(pattern):
            leftover.unlink(missing_ok=True)
