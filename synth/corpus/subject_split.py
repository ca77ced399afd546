"""Subject splits: which persons a method learns from, tunes on and is tested on; never one person on two sides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.subject import Subject
from synth.corpus.schema import CorpusMismatch

FACTS = ("sex", "mass", "height", "age")
"""Facts of a subject that groups can be made of."""
_N_LEVELS = 3


@dataclass(frozen=True)
class SubjectSplit:
    """Three disjoint groups of subject codes.

    Attributes
    ----------
    name : str
        E.g. ``"leave_out_S03"`` or ``"fold_2_of_5"``.
    train, validation, test : tuple of str
        Subject codes.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a split that shares a subject."""
        seen: dict[str, str] = {}
        for side in ("train", "validation", "test"):
            for code in getattr(self, side):
                if code in seen:
                    raise CorpusMismatch(f"split {self.name!r}: subject {code!r} is in {seen[code]} and in {side}.")
                seen[code] = side

    def as_dict(self) -> dict[str, object]:
        """Plain lists, for JSON."""
        return {
            "name": self.name,
            "train": list(self.train),
            "validation": list(self.validation),
            "test": list(self.test),
        }

    @staticmethod
    def from_dict(stored: Mapping) -> SubjectSplit:
        """Read what `as_dict` gave."""
        return SubjectSplit(stored["name"], tuple(stored["train"]), tuple(stored["validation"]), tuple(stored["test"]))


def leave_one_subject_out(subjects: Sequence[str], *, n_validation: int = 0) -> tuple[SubjectSplit, ...]:
    """One split a subject, who is the test; the next `n_validation` subjects in order validate.

    Parameters
    ----------
    subjects : sequence of str
        Codes; repeated codes count once.
    n_validation : int
        Validation subjects of each split, taken in a ring so that each validates equally often.
    """
    codes = sorted(set(subjects))
    if len(codes) < 2 + n_validation:
        raise CorpusMismatch(f"leave-one-subject-out needs {2 + n_validation} subjects or more, found {len(codes)}.")
    splits = []
    for index, code in enumerate(codes):
        others = codes[index + 1 :] + codes[:index]
        validation, train = others[:n_validation], others[n_validation:]
        splits.append(SubjectSplit(f"leave_out_{code}", tuple(sorted(train)), tuple(sorted(validation)), (code,)))
    return tuple(splits)


def k_fold(
    subjects: Sequence[str],
    k: int,
    rng: np.random.Generator,
    *,
    strata: Mapping[str, object] | None = None,
    has_validation: bool = False,
) -> tuple[SubjectSplit, ...]:
    """Folds by subject: each subject is tested exactly once.

    Parameters
    ----------
    subjects : sequence of str
        Codes; repeated codes count once.
    k : int
        Number of folds, 2 to the number of subjects (3 at least with validation).
    rng : numpy.random.Generator
    strata : mapping, optional
        Code → group, as `subject_strata` makes them; each group is spread evenly over the folds.
    has_validation : bool
        Use the fold after the test fold for validation.
    """
    codes = sorted(set(subjects))
    if not (3 if has_validation else 2) <= k <= len(codes):
        raise CorpusMismatch(
            f"{k} folds do not fit {len(codes)} subjects; expected 2 (3 with validation) to {len(codes)}."
        )
    shuffled = [codes[i] for i in rng.permutation(len(codes))]
    if strata is not None:
        shuffled.sort(key=lambda code: str(strata[code]))  # stable: still random within a group
    folds = [shuffled[start::k] for start in range(k)]
    splits = []
    for index in range(k):
        test = folds[index]
        validation = folds[(index + 1) % k] if has_validation else []
        train = [code for code in codes if code not in test and code not in validation]
        name = f"fold_{index + 1}_of_{k}"
        splits.append(SubjectSplit(name, tuple(train), tuple(sorted(validation)), tuple(sorted(test))))
    return tuple(splits)


def nested_subsets(
    subjects: Sequence[str],
    sizes: Sequence[int],
    rng: np.random.Generator,
    *,
    test: Sequence[str] = (),
    strata: Mapping[str, object] | None = None,
) -> tuple[SubjectSplit, ...]:
    """Training sets of growing size for a learning curve, each inside the next, all with the same test set.

    Parameters
    ----------
    subjects : sequence of str
        Codes; repeated codes count once.
    sizes : sequence of int
        Numbers of training subjects.
    rng : numpy.random.Generator
    test : sequence of str
        Codes of the test set, of `subjects`.
    strata : mapping, optional
        Code → group, as `subject_strata` makes them; every training set holds each group in its share, to a subject.

    Raises
    ------
    CorpusMismatch
        A test subject is not among them, a size is below 1 or there are not as many subjects left.
    """
    codes, tested = sorted(set(subjects)), sorted(set(test))
    strangers = sorted(set(tested) - set(codes))
    if strangers:
        raise CorpusMismatch(f"test subject {strangers[0]!r} is not among the {len(codes)} subjects.")
    rest = [code for code in codes if code not in tested]
    if not sizes or not all(1 <= size <= len(rest) for size in sizes):
        raise CorpusMismatch(
            f"training sets of {', '.join(map(str, sizes)) or 'no'} subjects do not fit: expected sizes of 1 to "
            f"{len(rest)}, the subjects that are not tested."
        )
    order = spread_order(rest, rng, strata)
    return tuple(
        SubjectSplit(f"nested_{size}_of_{len(rest)}", tuple(sorted(order[:size])), (), tuple(tested))
        for size in sorted(set(sizes))
    )


def spread_order(
    codes: Sequence[str], rng: np.random.Generator, strata: Mapping[str, object] | None = None
) -> list[str]:
    """Random order of codes in which every beginning holds each group in its share, to a subject."""
    shuffled = [codes[i] for i in rng.permutation(len(codes))]
    if strata is None:
        return shuffled
    groups: dict[str, list[str]] = {}
    for code in shuffled:
        groups.setdefault(str(strata[code]), []).append(code)
    place = {code: (k + 0.5) / len(group) for group in groups.values() for k, code in enumerate(group)}
    return sorted(shuffled, key=place.__getitem__)


def subject_strata(people: Sequence[Subject], facts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Groups of people by one fact or several.

    Parameters
    ----------
    people : sequence of Subject
    facts : sequence of str
        Of `FACTS`; mass, height and age in thirds of those that are known.

    Returns
    -------
    dict of code to tuple of str
        E.g. ``("female", "height 2 of 3")``.

    Raises
    ------
    CorpusMismatch
        There is no such fact.
    """
    unknown = sorted(set(facts) - set(FACTS))
    if unknown:
        raise CorpusMismatch(f"people cannot be grouped by {unknown[0]!r}; expected {', '.join(FACTS)}.")
    levels = {fact: _levels(people, fact) for fact in facts}
    return {person.code: tuple(levels[fact][person.code] for fact in facts) for person in people}


def _levels(people: Sequence[Subject], fact: str) -> dict[str, str]:
    if fact == "sex":
        return {person.code: person.sex for person in people}
    values = {person.code: float(getattr(person, fact)) for person in people}
    known = [value for value in values.values() if math.isfinite(value)]
    limits = np.quantile(known, np.arange(1, _N_LEVELS) / _N_LEVELS) if known else np.empty(0)
    return {
        code: f"{fact} {1 + int(np.searchsorted(limits, value, side='left'))} of {_N_LEVELS}"
        if math.isfinite(value)
        else f"{fact} unknown"
        for code, value in values.items()
    }
