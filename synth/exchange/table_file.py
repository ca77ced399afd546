"""Table file: rows as CSV or Parquet, written stretch by stretch in memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from mocap_import.spreadsheet import csv_text, safe_text
from synth.corpus.schema import CorpusMismatch
from synth.exchange.tidy_table import Column

_MISSING_LIBRARY = "{library} is not installed; {what} needs it: pip install 'kinesynth[exchange]'."


class TableFile(Protocol):
    """A table on disk that grows by rows."""

    def append(self, rows: pd.DataFrame) -> None:
        """Add rows; columns that they lack stay empty."""

    def close(self) -> None:
        """Flush what was written."""


class CsvFile:
    """Rows as CSV in UTF-8: numbers in the shortest form that gives them back, missing ones empty.

    Parameters
    ----------
    path : Path
    columns : sequence of Column
    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(",".join(_quoted(safe_text(name)) for name in self._names) + "\n")

    def append(self, rows: pd.DataFrame) -> None:
        """Add rows; columns that they lack stay empty."""
        self._file.write(csv_text(rows.reindex(columns=self._names), None, header=False))

    def close(self) -> None:
        """Flush what was written."""
        self._file.close()


class ParquetFile:
    """Rows as Parquet, one row group each time; missing numbers are null; units and frames are facts of the columns.

    Parameters
    ----------
    path : Path
    columns : sequence of Column

    Raises
    ------
    CorpusMismatch
        Without pyarrow.
    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._schema = parquet_schema(columns)
        import pyarrow.parquet

        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="zstd")

    def append(self, rows: pd.DataFrame) -> None:
        """Add rows; columns that they lack stay empty."""
        import pyarrow as pa

        full = rows.reindex(columns=self._schema.names)
        self._writer.write_table(pa.Table.from_pandas(full, self._schema, preserve_index=False))

    def close(self) -> None:
        """Flush what was written."""
        self._writer.close()


def parquet_schema(columns: Sequence[Column]) -> Any:
    """Schema of Apache Arrow: types, and unit and frame of each column that has one."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise CorpusMismatch(_MISSING_LIBRARY.format(library="pyarrow", what="writing Parquet")) from error
    kinds = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "single": pa.float32()}
    return pa.schema(
        [
            pa.field(
                column.name,
                kinds[column.kind],
                metadata={key: value for key, value in (("unit", column.unit), ("frame", column.frame)) if value},
            )
            for column in columns
        ]
    )


def _quoted(text: str) -> str:
    """Quote a cell of CSV where it needs it."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


KINDS: dict[str, type[CsvFile] | type[ParquetFile]] = {"csv": CsvFile, "parquet": ParquetFile}
