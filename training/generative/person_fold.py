"""A fold over people: 70 % teach, 10 % validate, 20 % are scored, each person once over the five folds.

What a model sees is standardised, and freed of what is unlike all else, by the teaching people alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest

from synth.corpus.subject_split import k_fold

FOLDS = 5
VALIDATE_SHARE = 0.125
"""Of the people who are not scored: a tenth of all."""


@dataclass(frozen=True)
class PersonFold:
    """Who does what.

    Attributes
    ----------
    teach, validate, score : tuple of str
    """

    teach: tuple[str, ...]
    validate: tuple[str, ...]
    score: tuple[str, ...]

    def roles(self) -> dict[str, tuple[str, ...]]:
        """Role → people, as `recipes.people` writes them."""
        return {"teach": self.teach, "validate": self.validate, "score": self.score}


def person_folds(people: Sequence[str], seed: int, k: int = FOLDS) -> tuple[PersonFold, ...]:
    """Folds by person: nobody is in two parts of a fold, everybody is scored in one fold.

    Raises
    ------
    CorpusMismatch
        Fewer people than folds.
    """
    rng = np.random.default_rng([seed, 1350135])
    found = []
    for split in k_fold(list(people), k, rng):
        others = rng.permutation(sorted(split.train))
        n = max(1, round(VALIDATE_SHARE * len(others)))
        found.append(PersonFold(tuple(others[n:].tolist()), tuple(others[:n].tolist()), tuple(split.test)))
    return tuple(found)


@dataclass(frozen=True)
class Standard:
    """Mean and SD (points, channels) of the samples that teach."""

    mean: np.ndarray
    sd: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Standardised values (n, points, channels)."""
        return (values - self.mean) / self.sd

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Values in their unit."""
        return values * self.sd + self.mean


def standard_of(values: np.ndarray) -> Standard:
    """Standard of samples (n, points, channels); what never varies has the SD 1."""
    sd = values.std(axis=0)
    return Standard(values.mean(axis=0), np.where(sd > 1e-9, sd, 1.0))


def ordinary_rows(values: np.ndarray, n_trees: int, seed: int) -> np.ndarray:
    """Mask (n,) of the samples that an isolation forest does not find unlike the others (Liu et al., ICDM 2008).

    Grown on the samples (n, points, channels) that teach, and applied to them alone: those who are scored stay, all of
    them, however odd they stand.
    """
    flat = values.reshape(len(values), -1)
    return IsolationForest(n_estimators=n_trees, random_state=seed).fit_predict(flat) > 0
