"""A durable file: one that is there whole or not at all, whatever ends the process that writes it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


@contextmanager
def durable_place(path: Path, mode: int = PUBLIC, ending: str = ".tmp") -> Iterator[Path]:
    """A new file beside `path` that takes its place when the block ends well, flushed to the disk.

    Parameters
    ----------
    path : Path
        Its folder must exist; a file there is replaced only by a complete one.
    mode : int
        Permissions of the file; those of `PUBLIC` are narrowed by the process's mask.
    ending : str
        Of the new file's name, for libraries that insist on one.

    Raises
    ------
    OSError
        The folder is missing or the disk is full; what was there before is untouched.
    """
    handle, name = tempfile.mkstemp(prefix="tmp", suffix=ending, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes private files; a lab shares its products with the permissions of its other files.
        temporary.chmod(mode & ~_umask() if mode != PRIVATE else mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    with durable_place(path, mode) as temporary:
        temporary.write_bytes(data)


def os_words(problem: OSError) -> str:
    """What the system says of a write that failed, without the inner words of the library that wrote.

    HDF5 hides the number of the error in its own text: ``errno = 28, error message = 'No space left on device', ...``.
    """
    found = re.search(r"errno = (\d+)", str(problem))
    return os.strerror(int(found.group(1))) if found else problem.strerror or "the file could not be written whole"


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
