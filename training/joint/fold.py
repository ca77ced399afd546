"""Folds over people: who teaches and who is scored, so that nobody does both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synth.corpus.schema import CorpusMismatch

FEWEST_FOR_FOLDS = 10
"""With fewer subjects each is left out alone."""
FEWEST_IN_LABORATORY = 5


@dataclass(frozen=True)
class Fold:
    """One parting of the subjects.

    Attributes
    ----------
    scheme : str
        ``"5-fold"``, ``"leave one out"``, or ``"g01 to g02"`` (laboratories).
    name : str
        Name among the folds of all schemes.
    teachers, scored : tuple of str
        Subject codes.
    """

    scheme: str
    name: str
    teachers: tuple[str, ...]
    scored: tuple[str, ...]


def part_subjects(laboratories: Mapping[str, str], *, n_folds: int = 5, seed: int = 0) -> list[Fold]:
    """All folds of a corpus.

    Parameters
    ----------
    laboratories : mapping of str to str
        Subject → laboratory, ``""`` if not known.
    n_folds : int
        Groups of subjects where there are at least ten; laboratories are spread evenly over them.
    seed : int

    Returns
    -------
    list of Fold
        First the groups (or single subjects), in which everybody is scored once; then, where two laboratories have at
        least five subjects each, each one's subjects by what the other's taught.

    Raises
    ------
    CorpusMismatch
        With fewer than three subjects: a network, its weights and its score need one each.
    """
    codes = sorted(laboratories)
    if len(codes) < 3:
        raise CorpusMismatch(
            f"folds over subjects: expected three subjects at least, found {', '.join(codes) or 'none'}. "
            "Add a corpus with more people."
        )
    if len(codes) < FEWEST_FOR_FOLDS:
        scheme, groups = "leave one out", [(code,) for code in codes]
    else:
        scheme, groups = f"{n_folds}-fold", _groups(laboratories, n_folds, seed)
    folds = []
    for number, group in enumerate(groups):
        name = group[0] if len(group) == 1 else f"fold{number + 1}"
        folds.append(Fold(scheme, name, tuple(c for c in codes if c not in group), group))
    return folds + _across(laboratories)


def inner_parting(fold: Fold, laboratories: Mapping[str, str], share: float = 0.25, seed: int = 0) -> Fold:
    """Part the teachers of a fold once more: those of an inner network, and those on whom weights are fitted."""
    own = {code: laboratories[code] for code in fold.teachers}
    n_groups = max(2, round(1.0 / share))
    group = _groups(own, min(n_groups, len(own)), seed)[0]
    return Fold("inner", f"{fold.name}_inner", tuple(c for c in sorted(own) if c not in group), group)


def _groups(laboratories: Mapping[str, str], n_groups: int, seed: int) -> list[tuple[str, ...]]:
    """Deal the shuffled subjects out, laboratory after laboratory."""
    rng = np.random.default_rng(seed)
    dealt: list[list[str]] = [[] for _ in range(n_groups)]
    place = 0
    for laboratory in sorted(set(laboratories.values())):
        own = sorted(code for code, where in laboratories.items() if where == laboratory)
        for code in rng.permutation(own):
            dealt[place % n_groups].append(str(code))
            place += 1
    return [tuple(sorted(group)) for group in dealt]


def _across(laboratories: Mapping[str, str]) -> list[Fold]:
    """From each laboratory to each other one, where both are large enough."""
    members: dict[str, list[str]] = {}
    for code, laboratory in sorted(laboratories.items()):
        members.setdefault(laboratory, []).append(code)
    large = [name for name, own in sorted(members.items()) if name and len(own) >= FEWEST_IN_LABORATORY]
    return [
        Fold(f"{a} to {b}", f"{a}_to_{b}", tuple(members[a]), tuple(members[b])) for a in large for b in large if a != b
    ]
