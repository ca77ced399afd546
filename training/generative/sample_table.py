"""A sample table: measured or made samples of people, each a few channels along points (spine levels, gait events).

As a CSV file: the column ``person``, any columns of conditions (``class``, ``sex``, ``age``, ``height``, ``speed``),
and
one column ``channel.point`` a number, such as ``sagittal.T12``; every channel has the same points. A model sees
samples as
an array (n, points, channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synth.corpus.schema import CorpusMismatch
from training.csv_table import read_csv, write_csv

PERSON = "person"
ADVICE = "Give a CSV file with a column person and one column channel.point a number, such as sagittal.T12."


@dataclass(frozen=True)
class SampleTable:
    """Samples of people.

    Attributes
    ----------
    values : ndarray, shape (n, n_points, n_channels)
        In any one unit a channel (angles: rad).
    people : ndarray of str, shape (n,)
    conditions : DataFrame, n rows
        Facts that a model may be told: text or numbers.
    points, channels : tuple of str
    """

    values: np.ndarray
    people: np.ndarray
    conditions: pd.DataFrame
    points: tuple[str, ...]
    channels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, chosen: np.ndarray) -> SampleTable:
        """The chosen rows, by index or mask."""
        facts = self.conditions.iloc[np.arange(len(self))[chosen]].reset_index(drop=True)
        return SampleTable(self.values[chosen], self.people[chosen], facts, self.points, self.channels)

    def of_people(self, codes: object) -> SampleTable:
        """All rows of some people."""
        return self.rows(np.isin(self.people, list(codes)))


def one_a_person(table: SampleTable, seed: int | Sequence[int]) -> SampleTable:
    """One sample of each person, in the order of their codes, drawn at random: samples of one person are alike."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    _, first = np.unique(table.people[order], return_index=True)
    return table.rows(order[first])


def read_sample_table(path: Path) -> SampleTable:
    """Read a CSV file of samples.

    Raises
    ------
    CorpusMismatch
        No column ``person``, no columns ``channel.point``, channels with unlike points, a value that is no number, or a
        row without a person.
    """
    table = read_csv(path, [PERSON], ADVICE)
    split = {name: name.split(".", 1) for name in table.columns if "." in name}
    channels = tuple(dict.fromkeys(channel for channel, _ in split.values()))
    points = tuple(dict.fromkeys(point for _, point in split.values()))
    lacking = [f"{c}.{p}" for c in channels for p in points if f"{c}.{p}" not in split]
    if not split or lacking:
        what = f"the column {lacking[0]} is missing" if lacking else "there is none"
        raise CorpusMismatch(f"{path}: expected columns such as sagittal.T12, the same points a channel; {what}.")
    columns = [f"{c}.{p}" for p in points for c in channels]
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if not len(table) or not np.isfinite(numbers).all() or table[PERSON].isna().any():
        bad = np.flatnonzero(~np.isfinite(numbers).all(axis=1) | table[PERSON].isna().to_numpy())
        where = f"line {bad[0] + 2} lacks a person or a number" if len(bad) else "it has no rows"
        raise CorpusMismatch(f"{path}: expected a person and numbers in every row; {where}. Leave such rows out.")
    facts = table[[c for c in table.columns if c != PERSON and c not in split]].reset_index(drop=True)
    values = numbers.reshape(len(table), len(points), len(channels))
    return SampleTable(values, table[PERSON].astype(str).to_numpy(), facts, points, channels)


def write_sample_table(path: Path, table: SampleTable) -> None:
    """Write what `read_sample_table` reads."""
    names = [f"{c}.{p}" for p in table.points for c in table.channels]
    numbers = pd.DataFrame(table.values.reshape(len(table), -1), columns=names)
    people = pd.Series(table.people, name=PERSON)
    write_csv(path, pd.concat([people, table.conditions.reset_index(drop=True), numbers], axis=1))
