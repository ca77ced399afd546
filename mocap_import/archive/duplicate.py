"""Duplicates: recordings of an archive that are the same bytes, of which each says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

_MOST_NAMED = 3


def duplicate_facts(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What recordings with the content of others are to be told.

    Parameters
    ----------
    rows : mapping
        Key → row; refused files are left out.

    Returns
    -------
    dict
        Key → ``duplicate``, a sentence that names the others as the table does.
    """
    same: dict[str, list[str]] = defaultdict(list)
    for key, row in rows.items():
        if row["status"] != "refused" and row.get("source_hash"):
            same[row["source_hash"]].append(key)
    told = {}
    for keys in same.values():
        for key in keys if len(keys) > 1 else ():
            others = sorted(rows[other]["file"] for other in keys if other != key)
            more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
            told[key] = {"duplicate": f"the same bytes as {', '.join(others[:_MOST_NAMED])}{more}"}
    return told
