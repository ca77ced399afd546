"""A ledger: the SQLite file (WAL) in which a batch writes what is done, so that an interrupted run goes on."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TABLE = """
CREATE TABLE IF NOT EXISTS outcome (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    seconds REAL NOT NULL,
    written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


class Ledger:
    """Outcomes of a batch by key; a context manager. Rows written survive a kill of the process.

    Parameters
    ----------
    path : Path
        SQLite file, made where missing.

    Raises
    ------
    OSError
        The file is not a ledger, cannot be written, or the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection: sqlite3.Connection | None = None
        with self._explained():
            self._connection = sqlite3.connect(self.path, timeout=30.0, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(TABLE)
            self._connection.execute("SELECT key, fingerprint, status, reason, seconds FROM outcome LIMIT 1")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_done(self, key: str, fingerprint: str) -> bool:
        """Whether `key` was done before with the same fingerprint."""
        with self._explained():
            row = self._connection.execute(
                "SELECT 1 FROM outcome WHERE key = ? AND fingerprint = ? AND status = 'done'", (key, fingerprint)
            ).fetchone()
        return row is not None

    def record(self, key: str, fingerprint: str, status: str, reason: str, seconds: float) -> None:
        """Write what came of `key`, in place of what came of it before."""
        with self._explained():
            self._connection.execute(
                "INSERT OR REPLACE INTO outcome (key, fingerprint, status, reason, seconds) VALUES (?, ?, ?, ?, ?)",
                (key, fingerprint, status, reason, seconds),
            )

    def forget(self, key: str) -> None:
        """Have `key` done again at the next run, e.g. because its product has gone."""
        with self._explained():
            self._connection.execute("DELETE FROM outcome WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into one sentence that names the file and the way out."""
        try:
            yield
        except sqlite3.Error as error:
            self.close()
            if "full" in str(error):
                raise OSError(errno.ENOSPC, "No space left on device", str(self.path)) from error
            raise OSError(
                f"{self.path}: expected the ledger of an earlier run, but SQLite says {error!s}. "
                "Delete the file to do the whole run again."
            ) from error
