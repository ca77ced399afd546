"""A ledger: the SQLite file (WAL) in which a batch writes what is done, so that an interrupted run goes on."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

TABLE = """
CREATE TABLE IF NOT EXISTS outcome (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    seconds REAL NOT NULL,
    written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    product TEXT NOT NULL DEFAULT ''
)
"""
FIND = "SELECT status, reason, product FROM outcome WHERE key = ? AND fingerprint = ?"


class LedgerRow(NamedTuple):
    """What came of a task: its status, the reason, and the hash of what it made (``""`` if that was not asked)."""

    status: str
    reason: str
    product: str


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
            columns = [row[1] for row in self._connection.execute("PRAGMA table_info(outcome)")]
            if "product" not in columns:  # written before products were remembered
                self._connection.execute("ALTER TABLE outcome ADD COLUMN product TEXT NOT NULL DEFAULT ''")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: str, fingerprint: str) -> LedgerRow | None:
        """What came of `key` with this fingerprint; None where it was never tried with it."""
        with self._explained():
            row = self._connection.execute(FIND, (key, fingerprint)).fetchone()
        return None if row is None else LedgerRow(*row)

    def record(self, key: str, fingerprint: str, status: str, reason: str, seconds: float, product: str = "") -> None:
        """Write what came of `key`, in place of what came of it before."""
        with self._explained():
            self._connection.execute(
                "INSERT OR REPLACE INTO outcome (key, fingerprint, status, reason, seconds, product) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (key, fingerprint, status, reason, seconds, product),
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
