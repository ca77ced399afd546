"""Subject splits: which persons a method learns from, tunes on and is tested on; never one person on two sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.corpus.schema import CorpusMismatch


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
        Code → group (sex, laboratory); each group is spread evenly over the folds.
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
