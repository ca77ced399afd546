"""Conditions as numbers: words one-hot, numbers standardised, both as the teaching people have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ConditionCode:
    """How facts become numbers.

    Attributes
    ----------
    words : dict of str to tuple of str
        Column → values that teach; an unknown value is all zeros.
    numbers : dict of str to (float, float)
        Column → mean and SD of those who teach; an unknown number is the mean.
    """

    words: dict[str, tuple[str, ...]]
    numbers: dict[str, tuple[float, float]]

    @property
    def width(self) -> int:
        """Numbers a row."""
        return sum(len(values) for values in self.words.values()) + len(self.numbers)

    def encode(self, facts: pd.DataFrame) -> np.ndarray:
        """Numbers (n, width) of n rows of facts."""
        columns = [(facts[name].astype(str) == value).to_numpy(float) for name, v in self.words.items() for value in v]
        for name, (mean, sd) in self.numbers.items():
            columns.append(np.nan_to_num((facts[name].to_numpy(float) - mean) / sd))
        return np.stack(columns, axis=1) if columns else np.zeros((len(facts), 0))


def condition_code(facts: pd.DataFrame) -> ConditionCode:
    """The code of the facts of teaching people; a column that never varies is left out."""
    words: dict[str, tuple[str, ...]] = {}
    numbers: dict[str, tuple[float, float]] = {}
    for name in facts:
        column = facts[name]
        if pd.api.types.is_numeric_dtype(column):
            if column.std() > 1e-9 * max(abs(column.mean()), 1e-12):
                numbers[name] = (float(column.mean()), float(column.std()))
        elif column.nunique() > 1:
            words[name] = tuple(sorted(column.dropna().astype(str).unique()))
    return ConditionCode(words, numbers)
