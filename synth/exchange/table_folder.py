"""Table folder: all tables of a corpus in one format, in place together at the end or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from synth.corpus.schema import CorpusMismatch
from synth.exchange.staging_folder import staging_folder
from synth.exchange.table_file import KINDS, TableFile
from synth.exchange.tidy_table import Column

DICTIONARY = "columns"
"""The table that says what the columns of the others are."""


class LateFile:
    """A table that is begun with its first row: what a corpus does not hold leaves no empty file.

    Parameters
    ----------
    path : Path
    form : str
        Of `table_file.KINDS`.
    columns : sequence of Column
    """

    def __init__(self, path: Path, form: str, columns: Sequence[Column]) -> None:
        self._path, self._form, self._columns = path, form, columns
        self._file: TableFile | None = None

    @property
    def is_begun(self) -> bool:
        """Whether a row was written."""
        return self._file is not None

    def append(self, rows: pd.DataFrame) -> None:
        """Add rows, if there are any."""
        if not len(rows):
            return
        if self._file is None:
            self._file = KINDS[self._form](self._path, self._columns)
        self._file.append(rows)

    def close(self) -> None:
        """Flush what was written."""
        if self._file is not None:
            self._file.close()


@contextmanager
def open_tables(
    out: Path, form: str, columns: Mapping[str, tuple[Column, ...]], files: list[Path], overwrite: bool
) -> Iterator[dict[str, LateFile]]:
    """Tables that grow in a folder of their own and get their names when the block ends well.

    Parameters
    ----------
    out : Path
        Folder, which exists.
    form : str
        ``"csv"`` or ``"parquet"``.
    columns : mapping
        Table → its columns.
    files : list of Path
        Gets the files that were written.
    overwrite : bool
        Whether files that are there are replaced.

    Raises
    ------
    CorpusMismatch
        A file is there, or the library is missing.
    """
    require_free([out / f"{table}.{form}" for table in (*columns, DICTIONARY)], overwrite)
    with staging_folder(out, ".tables-") as staging:
        yield from _growing(staging, out, form, columns, files)


def _growing(
    staging: Path, out: Path, form: str, columns: Mapping[str, tuple[Column, ...]], files: list[Path]
) -> Iterator[dict[str, LateFile]]:
    """The tables while they grow; at the end of a block that ends well they move."""
    tables = {table: LateFile(staging / f"{table}.{form}", form, columns[table]) for table in columns}
    try:
        yield tables
        begun = {table: columns[table] for table in columns if tables[table].is_begun}
        _write_dictionary(LateFile(staging / f"{DICTIONARY}.{form}", form, _DICTIONARY_COLUMNS), begun)
        for table in tables.values():
            table.close()
        for path in sorted(staging.iterdir()):
            path.replace(out / path.name)
            files.append(out / path.name)
    finally:
        for table in tables.values():
            table.close()


_DICTIONARY_COLUMNS = tuple(Column(word) for word in ("table", "column", "kind", "unit", "frame"))


def _write_dictionary(table: LateFile, columns: Mapping[str, tuple[Column, ...]]) -> None:
    """One row a column of every table: its unit and frame."""
    rows = [(name, c.name, c.kind, c.unit, c.frame) for name, found in columns.items() for c in found]
    table.append(pd.DataFrame(rows, columns=[column.name for column in _DICTIONARY_COLUMNS]))
    table.close()


def require_free(paths: Sequence[Path], overwrite: bool) -> None:
    """Raise if a file is there and may not be replaced."""
    present = [] if overwrite else [path for path in paths if path.exists()]
    if present:
        raise CorpusMismatch(f"{present[0]} exists; --overwrite replaces it, or choose another --out.")
