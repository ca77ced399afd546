"""Nested people: everybody is scored once in each draw, and of the others the first one, two, four teach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.corpus.schema import CorpusMismatch

Roles = dict[str, list[str]]


@dataclass(frozen=True)
class Fold:
    """One person left out, in one draw of the order of the others.

    Attributes
    ----------
    task : str
    draw : int
    scored : str
    order : tuple of str
        All others; the first n teach, the rest calibrate.
    """

    task: str
    draw: int
    scored: str
    order: tuple[str, ...]

    @property
    def name(self) -> str:
        """For files: task, draw and person."""
        return file_word(f"{self.task}_{self.draw}_{self.scored}")

    def split(self, n: int) -> str:
        """Name of its split with n people who teach."""
        return f"{self.task}, draw {self.draw}, {self.scored} left out, {n} teach"


def file_word(text: str) -> str:
    """A name as a file may have it: letters, digits, ``_`` and ``-``; other signs become one ``-``."""
    return re.sub(r"[^\w-]+", "-", text)


def folds(task: str, people: Sequence[str], teach: Sequence[int], draws: int, seed: int) -> list[Fold]:
    """Every person left out, `draws` times with the others in another order.

    Raises
    ------
    CorpusMismatch
        With fewer people than the largest number that teaches and one who is scored.
    """
    codes = sorted(set(people))
    if len(codes) <= max(teach):
        raise CorpusMismatch(
            f"{task}: {len(codes)} people; {max(teach)} who teach and one who is scored need {max(teach) + 1}. Set the "
            "target's teach to smaller numbers."
        )
    rng = np.random.default_rng([seed, 31])
    made = []
    for draw in range(draws):
        for person in codes:
            order = rng.permutation([p for p in codes if p != person])
            made.append(Fold(task, draw, person, tuple(map(str, order))))
    return made


def virtual_roles(people: Sequence[str], seed: int) -> Roles:
    """Virtual people: 7 of 10 teach, 1 validates, 1 calibrates, 1 is scored; at least one of each."""
    order = [str(p) for p in np.random.default_rng([seed, 32]).permutation(sorted(set(people)))]
    tenth = max(1, len(order) // 10)
    own = [order[i * tenth : (i + 1) * tenth] for i in range(3)]
    return {"score": own[0], "validate": own[1], "calibrate": own[2], "teach": order[3 * tenth :]}


def splits(
    virtual: Roles, made: Iterable[Fold], teach: Mapping[str, Sequence[int]], everybody: Mapping[str, Sequence[str]]
) -> dict[str, Roles]:
    """Split → role → people: virtual people alone, each task taught by nobody of it, and every fold.

    Parameters
    ----------
    virtual : dict
        See `virtual_roles`.
    made : iterable of Fold
    teach : mapping of str to sequence of int
        Task → numbers of people who teach.
    everybody : mapping of str to sequence of str
        Task → all its people.
    """
    before = {role: virtual[role] for role in ("teach", "validate")}
    found: dict[str, Roles] = {"virtual people": virtual}
    for task, people in everybody.items():
        found[f"{task}, nobody teaches"] = before | {"score": list(people)}
    for fold in made:
        for n in teach[fold.task]:
            # who teaches a network from scratch, too, is a subset of who teaches one that virtual people began
            found[fold.split(n)] = {
                "teach": [*virtual["teach"], *fold.order[:n]],
                "validate": virtual["validate"],
                "calibrate": list(fold.order[n:]),
                "score": [fold.scored],
            }
    return found
