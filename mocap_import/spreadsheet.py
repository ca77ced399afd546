"""Spreadsheet: tables as CSV that no spreadsheet program runs as formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_text(value: object) -> object:
    """A text that no spreadsheet takes for a formula, by an apostrophe in front; other values as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def csv_text(table: pd.DataFrame, digits: int | None = 10, *, header: bool = True) -> str:
    """CSV of a table with numbers to some significant digits; cells and column names are safe texts.

    Parameters
    ----------
    table : DataFrame
    digits : int or None, default 10
        None: the shortest form of each number that gives the same number back.
    header : bool, default True
        Begin with the names of the columns.
    """
    safe = table.rename(columns=safe_text)
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
        values, codes = pd.factorize(safe[column].astype(object))[::-1]
        texts = np.array([safe_text(value) for value in values], dtype=object)
        safe[column] = [texts[code] if code >= 0 else "" for code in codes]
    form = None if digits is None else f"%.{digits}g"
    return safe.to_csv(index=False, float_format=form, lineterminator="\n", header=header)
