"""A folder lock: two runs must not write into one output folder at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mocap_import.trial import TrialRefused


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder's ``import.lock``; the system lets go of it however the process ends.

    Raises
    ------
    TrialRefused
        Another run holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows: no such lock; the journal and the trials are still written whole
        yield
        return
    with (folder / "import.lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrialRefused(f"{folder}: another run is writing there; wait for it, or give another --out.") from None
        yield
