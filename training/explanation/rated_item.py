"""A rated item: what an expert is shown, and what the expert said about which part of it matters.

`write_items` writes one JSON file for a rating page; what comes back is a CSV file with the columns ``item, rater,
part, rating`` (0 = does not matter ... 4 = decides), which `read_ratings` turns into the ratings of `concordance`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from synth.corpus.schema import CorpusMismatch
from training.csv_table import read_csv

SCALE = (0, 1, 2, 3, 4)
COLUMNS = ("item", "rater", "part", "rating")
ADVICE = "Give the CSV file that the sheet for experts exports."


@dataclass(frozen=True)
class RatedItem:
    """What an expert sees.

    Attributes
    ----------
    name : str
        Tells nothing about the answer.
    question : str
    times : ndarray, shape (n_frames,)
        s, or share of a cycle.
    curves : mapping of str to ndarray
        Signal, with its unit in the name → (n_frames,).
    parts : tuple of str
        What is to be rated.
    """

    name: str
    question: str
    times: np.ndarray
    curves: Mapping[str, np.ndarray]
    parts: tuple[str, ...]


def shown_items(items: Sequence[RatedItem]) -> dict[str, list]:
    """What a page shows, for JSON: ``{"scale": [...], "columns": [...], "items": [...]}``."""
    plain = [
        {
            "item": item.name,
            "question": item.question,
            "times": np.round(item.times, 4).tolist(),
            "curves": {name: np.round(values, 3).tolist() for name, values in item.curves.items()},
            "parts": list(item.parts),
        }
        for item in items
    ]
    return {"scale": list(SCALE), "columns": list(COLUMNS), "items": plain}


def write_items(path: Path, items: Sequence[RatedItem]) -> Path:
    """Write `shown_items`."""
    content = shown_items(items)
    write_durably(path, json.dumps(content, separators=(",", ":")) + "\n")
    return path


def read_ratings(path: Path, items: Sequence[str], parts: Sequence[str]) -> np.ndarray:
    """Mean rating over raters, shape (n_items, n_parts); NaN where nobody rated.

    Raises
    ------
    CorpusMismatch
        The file is no such table, or rates an item or a part that is not there, or a rating is outside `SCALE`.
    """
    table = read_csv(path, COLUMNS, ADVICE)
    for column, known in (("item", items), ("part", parts)):
        unknown = sorted(set(table[column].astype(str)) - set(known))
        if unknown:
            raise CorpusMismatch(f"{path}: {column} {unknown[0]!r} is not among those that were shown.")
    if not table.rating.isin(SCALE).all():
        raise CorpusMismatch(f"{path}: expected ratings from {SCALE[0]} to {SCALE[-1]}, found others.")
    found = np.full((len(items), len(parts)), np.nan)
    for (item, part), rows in table.astype({"item": str, "part": str}).groupby(["item", "part"]):
        found[list(items).index(item), list(parts).index(part)] = rows.rating.mean()
    return found
