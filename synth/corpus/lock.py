"""The lock that lets one writer at a time produce a corpus; it disappears with the process that holds it."""

from __future__ import annotations

import os
from pathlib import Path

from synth.corpus.schema import CorpusMismatch

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


class CorpusLock:
    """Exclusive right to write one file, held through an operating-system lock on a hidden neighbour.

    The kernel releases it when the holder dies (SIGKILL included), so no stale lock ever has to be removed by hand.

    Parameters
    ----------
    target : Path
        What is to be written.
    folder : Path, optional
        Where the lock lies; beside the target by default.
    """

    def __init__(self, target: Path, folder: Path | None = None) -> None:
        self.target = target
        self.path = (folder or target.parent) / f".{target.name}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or say at once that somebody else writes.

        Raises
        ------
        CorpusMismatch
            If another writer holds it.
        OSError
            If the folder is missing or read-only.
        """
        while True:
            descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o644)
            try:
                _lock(descriptor)
            except OSError as error:
                os.close(descriptor)
                raise CorpusMismatch(
                    f"{self.target}: another process is writing this corpus. Wait for it, or write to another file."
                ) from error
            if self._is_current(descriptor):
                self._descriptor = descriptor
                return
            os.close(descriptor)  # the former holder removed this file between our open and our lock

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        if self._descriptor is None:
            return
        if fcntl is not None:  # Windows does not remove open files: there the empty file stays
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


def _lock(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
