"""Number table: rows of a delimited text file as an array, empty cells as NaN, anything else refused with its place."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from synth.real_imu.convention import RecordingRefused

_LARGEST = 1e30
"""No reading, no time, not even nanoseconds since 1970, is larger."""
_UNKNOWN = ("", "nan", "na", "n/a", "null", "none", "-", "#n/a")


def file_text(path: Path) -> str:
    """Text of a file in UTF-8, UTF-16 with its mark, or Windows' Western encoding (where ° and ² are single bytes).

    Raises
    ------
    RecordingRefused
        The file cannot be read, or is no text.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise RecordingRefused(f"{path}: expected a recording of sensors, but {error}.") from error
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise RecordingRefused(f"{path}: no text; expected a recording of sensors as text (.txt, .csv, .sto, .trc).")


def is_number(text: str) -> bool:
    """Whether a cell is a number, with a point or a comma."""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def is_row_of_numbers(cells: Sequence[str]) -> bool:
    """Whether every cell is a number or says that there is none, and at least two are numbers."""
    known = [cell for cell in cells if cell.strip().lower() not in _UNKNOWN]
    return len(known) > 1 and all(is_number(cell) for cell in known)


def numbers(rows: Sequence[str], mark: str, width: int, path: Path) -> np.ndarray:
    """Cells of a table.

    Parameters
    ----------
    rows : sequence of str
        Lines below the labels.
    mark : str
        Between two cells: tab, comma, semicolon (decimal commas are then taken), or a blank for any run of blanks.
    width : int
        Cells that every row must have; further ones must be empty.
    path : Path
        For refusals.

    Returns
    -------
    ndarray, shape (n_rows, width)

    Raises
    ------
    RecordingRefused
        A row of another width, or a cell that is no finite number.
    """
    text = "\n".join(rows)
    if mark == ";" and "." not in text:
        text = text.replace(",", ".")
    try:  # the quick way, by pandas' own parser
        if mark == " " or any(row.count(mark) != width - 1 for row in rows):  # pandas drops what is too much
            raise ValueError
        table = pd.read_csv(
            io.StringIO(text),
            sep=mark,
            header=None,
            names=range(width),
            index_col=False,
            dtype=float,
            na_values=[*_UNKNOWN],
            skipinitialspace=True,
            on_bad_lines="error",
        )
        values = table.to_numpy()
        if len(values) == len(rows) and not (np.abs(values) > _LARGEST).any():
            return values
    except (ValueError, pd.errors.ParserError):
        pass  # the slow way finds the cell
    return np.array([_row(row, number, mark, width, path) for number, row in enumerate(text.split("\n"), start=1)])


def _row(row: str, number: int, mark: str, width: int, path: Path) -> list[float]:
    cells = [cell.strip() for cell in (row.split() if mark == " " else row.rstrip("\r\n").split(mark))]
    if len(cells) < width or any(cells[width:]):
        raise RecordingRefused(
            f"{path}: data row {number} has {len(cells)} cells, expected {width} as the line of labels; the file is "
            "cut off, or a cell holds the mark between cells."
        )
    values = []
    for cell in cells[:width]:
        if cell.lower() in _UNKNOWN:
            values.append(math.nan)
            continue
        try:
            values.append(float(cell))
            if not abs(values[-1]) <= _LARGEST:
                raise ValueError
        except ValueError:
            raise RecordingRefused(
                f"{path}: data row {number} holds {cell[:30]!r} where a number was expected; remove or correct it."
            ) from None
    return values
