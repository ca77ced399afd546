"""Tables as CSV files: written whole or not at all, read with a clear word about what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from synth.corpus.schema import CorpusMismatch


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """Write a table; an interrupted write leaves an earlier file intact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            table.to_csv(file, index=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


ERROR_TABLE = "Use a table written by `kinesynth evaluate`."
"""What to do without an error table."""


def read_csv(path: Path, columns: Iterable[str] = (), advice: str = "") -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : Path
    columns : iterable of str
        Columns that must be there.
    advice : str
        A sentence for who gave another table: what to use.

    Raises
    ------
    CorpusMismatch
        If the file is missing, is no table or lacks a column.
    """
    try:
        # Codes such as "001" or a trial called "NA" are names, not numbers and not gaps.
        names = dict.fromkeys(("subject", "trial", "method", "file", "note", "reason", "status"), str)
        table = pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise CorpusMismatch(f"{path}: no such table. {advice or 'Check the path.'}") from None
    except IsADirectoryError:
        raise CorpusMismatch(f"{path}: is a folder, expected a CSV table. {advice}".rstrip()) from None
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
        raise CorpusMismatch(f"{path}: expected a CSV table, {error}") from None
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise CorpusMismatch(
            f"{path}: expected the columns {', '.join(columns)}; {', '.join(lacking)} missing, "
            f"found {', '.join(map(str, table.columns))}. {advice}".rstrip()
        )
    return table
