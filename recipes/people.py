"""People of a recipe: who teaches, validates, calibrates or is scored in each split; nobody does two of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from synth.corpus.schema import CorpusMismatch
from training.csv_table import write_csv

ROLES = ("teach", "validate", "calibrate", "score")
COLUMNS = ("split", "role", "person")


def people_table(splits: Mapping[str, Mapping[str, Iterable[str]]]) -> pd.DataFrame:
    """Rows (split, role, person) of all splits.

    Parameters
    ----------
    splits : mapping of str to mapping
        Split → role (one of `ROLES`) → codes of persons.

    Raises
    ------
    CorpusMismatch
        For an unknown role, a split in which nobody teaches or nobody is scored, or a person with two roles in one
        split.
    """
    rows = [(s, r, str(p)) for s, roles in splits.items() for r, people in roles.items() for p in people]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).drop_duplicates(ignore_index=True)
    check_people(table)
    return table


def check_people(table: pd.DataFrame) -> None:
    """Refuse a table in which a person has two roles in one split; errors as `people_table`."""
    unknown = sorted(set(table.role) - set(ROLES))
    if unknown or table.empty:
        raise CorpusMismatch(f"people of a recipe: expected the roles {', '.join(ROLES)}, found {unknown or 'nobody'}.")
    for split, rows in table.groupby("split"):
        twice = rows[rows.duplicated("person", keep=False)]
        if len(twice):
            person = twice.person.iloc[0]
            roles = " and ".join(sorted(twice[twice.person == person].role))
            raise CorpusMismatch(
                f"split {split}: person {person} is in {roles}; one person has one role. Part people, not trials."
            )
        missing = {"teach", "score"} - set(rows.role)
        if missing:
            raise CorpusMismatch(f"split {split}: nobody has the role {' or '.join(sorted(missing))}. Add people.")


def write_people(path: Path, splits: Mapping[str, Mapping[str, Iterable[str]]]) -> pd.DataFrame:
    """Write `people_table`; errors as there."""
    table = people_table(splits)
    write_csv(path, table)
    return table
