"""Staging folder: a hidden folder in which an export grows; what a killed run left there goes at the next one."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: leftovers cannot be told from folders in use, and stay
    fcntl = None

_DRAWN = r"[a-z0-9_]{8}"
"""What `tempfile` adds to a name."""


@contextmanager
def staging_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new hidden folder that is gone after the block, unless the block moved it away.

    A lock of the operating system on the folder says that its maker lives; it ends with the process, SIGKILL included.

    Parameters
    ----------
    parent : Path
        Folder, which exists.
    prefix : str
        Of the name; folders of that prefix whose maker is dead are removed first.
    """
    sweep_staging(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    lock = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep_staging(parent: Path, prefix: str) -> None:
    """Remove staging folders whose maker is dead."""
    if fcntl is None:
        return
    for folder in leftovers(parent, prefix):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def leftovers(parent: Path, prefix: str) -> list[Path]:
    """Folders with the prefix and an ending that `tempfile` drew."""
    pattern = re.compile(re.escape(prefix) + _DRAWN)
    return sorted(path for path in parent.iterdir() if pattern.fullmatch(path.name) and path.is_dir())


def _lock(folder: Path) -> int | None:
    """Descriptor of the locked folder, None if somebody else holds it, it is gone, or there are no such locks."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            os.close(descriptor)
    return None
