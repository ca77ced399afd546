"""A finding of the check of a corpus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something a corpus should not hold.

    Attributes
    ----------
    level : str
        ``"error"`` or ``"warning"``.
    where : str
        E.g. ``"S01/walk_02"``, or ``""`` for the file.
    what : str
        The sentence.
    """

    level: str
    where: str
    what: str
