"""A conformal set: the classes that an answer cannot rule out, so many that a new person's own is among them.

A class is named if its probability is not smaller than what all but a few of those who calibrate give their own
(Sadinle, Lei and Wasserman 2019, J Am Stat Assoc 114:223). Persons are exchangeable, not their samples, so each weighs
the same (`training.conformal_interval`). Class by class (Vovk's Mondrian form) a set holds what it states in every
class, also in a rare one; a class with too few persons is then always named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from training.comparison import bootstrap_interval
from training.conformal_interval import LEVEL, subject_quantile
from training.sample.calibration_curve import LEVELS, doubt_ratio

_LEAST_SPREAD = 1e-3
"""SD of a probability that is stated at least: members agree to the last digit where a softmax is at its end."""


@dataclass(frozen=True)
class ClassAnswers:
    """What an ensemble says of some samples, beside the truth.

    Attributes
    ----------
    person : ndarray of str, shape (n,)
    truth : ndarray of int, shape (n,)
    probabilities, spread : ndarray, shape (n, n_classes)
        Of each class; SD over members (0 of a single one).
    """

    person: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray
    spread: np.ndarray

    def by_person(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Values (n, ...) of each person."""
        people, first = np.unique(self.person[np.argsort(self.person, kind="stable")], return_index=True)
        ordered = values[np.argsort(self.person, kind="stable")]
        return dict(zip(people.tolist(), np.split(ordered, first)[1:], strict=True))

    def of(self, truth: int) -> ClassAnswers:
        """Samples of one class."""
        own = self.truth == truth
        return ClassAnswers(self.person[own], self.truth[own], self.probabilities[own], self.spread[own])

    @property
    def misses(self) -> np.ndarray:
        """1 less the probability of the true class, (n,)."""
        return 1.0 - self.probabilities[np.arange(len(self.truth)), self.truth]


Fold = tuple[ClassAnswers, ClassAnswers]
"""Who calibrates, and who is scored."""


def set_edges(calibrating: ClassAnswers, level: float = LEVEL, *, by_class: bool = False) -> np.ndarray:
    """Largest miss (1 less the probability) with which each class is still named.

    Parameters
    ----------
    calibrating : ClassAnswers
    level : float
    by_class : bool
        An edge for each class, from its own persons; else one for all.

    Returns
    -------
    ndarray, shape (n_classes,)
        inf, so that the class is always named, where fewer than ``level / (1 - level)`` persons calibrate it.
    """
    n_classes = calibrating.probabilities.shape[1]
    parts = [calibrating.of(k) for k in range(n_classes)] if by_class else [calibrating]
    edges = [subject_quantile(list(part.by_person(part.misses).values()), level) for part in parts]
    return np.array(edges if by_class else edges * n_classes)


def named_classes(probabilities: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Whether each class is in the set of each sample, bool of the shape of the probabilities (n, n_classes)."""
    return 1.0 - probabilities <= edges


def joined(parts: Sequence[ClassAnswers]) -> ClassAnswers:
    """Several, one after another."""
    return ClassAnswers(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(ClassAnswers)))


def set_curve(
    folds: Sequence[Fold], levels: tuple[float, ...] = LEVELS, *, by_class: bool = False, seed: int = 0
) -> pd.DataFrame:
    """Stated and found probability of sets, and how much they say.

    Parameters
    ----------
    folds : sequence of (ClassAnswers, ClassAnswers)
        Who calibrates and who is scored, different persons, by one ensemble; of several, each has its own edges.
    levels : tuple of float
    by_class : bool
        As `set_edges`.
    seed : int
        Of the bootstrap over persons.

    Returns
    -------
    DataFrame
        ``level``; ``coverage`` (mean over persons) with ``low, high`` (95 % interval over persons); ``named`` (classes
        in a set), ``empty_sets`` and ``full_sets`` (share that name none, and all), means over persons;
        ``worst_coverage`` of the class ``worst`` that is held least; ``n_calibrating`` (persons in a fold, at least;
        with `by_class` in a class of a fold), ``n_scored``; ``always_named`` (classes that no set leaves out, as too
        few calibrate them; in a fold, at most).

    Raises
    ------
    ValueError
        If a person calibrates and is scored in one fold.
    """
    for calibrating, own in folds:
        shared = sorted(set(calibrating.person) & set(own.person))
        if shared:
            raise ValueError(f"sets: expected other persons than those who are scored; both have {', '.join(shared)}.")
    scored = joined([own for _, own in folds])
    n_calibrating, rows = min(_n_calibrating(calibrating, by_class) for calibrating, _ in folds), []
    for level in levels:
        edges = [set_edges(calibrating, level, by_class=by_class) for calibrating, _ in folds]
        named = np.concatenate([named_classes(own.probabilities, e) for (_, own), e in zip(folds, edges, strict=True)])
        always = max(int(np.isinf(e).sum()) for e in edges)
        held, size = named[np.arange(len(named)), scored.truth], named.sum(axis=1)
        covered, *said = (_mean_of_persons(scored, x) for x in (held, size, size == 0, size == named.shape[1]))
        own = {int(k): _mean_of_persons(scored.of(k), held[scored.truth == k]).mean() for k in np.unique(scored.truth)}
        worst = min(own, key=own.__getitem__)
        ends = bootstrap_interval(covered, seed)
        means = [x.mean() for x in said]
        rows.append((level, covered.mean(), *ends, *means, worst, own[worst], n_calibrating, len(covered), always))
    columns = ["level", "coverage", "low", "high", "named", "empty_sets", "full_sets", "worst", "worst_coverage"]
    return pd.DataFrame(rows, columns=[*columns, "n_calibrating", "n_scored", "always_named"])


def _n_calibrating(calibrating: ClassAnswers, by_class: bool) -> int:
    """Persons who calibrate; of the class with fewest, if each has its own edge."""
    n_classes = calibrating.probabilities.shape[1]
    parts = [calibrating.of(k) for k in range(n_classes)] if by_class else [calibrating]
    return min(len(np.unique(part.person)) for part in parts)


def confidence(answers: ClassAnswers) -> np.ndarray:
    """Probability of the class that is named, one number a person (mean over that person's samples)."""
    return _mean_of_persons(answers, answers.probabilities.max(axis=1))


def class_doubt_ratio(inside: ClassAnswers, outside: ClassAnswers) -> float:
    """How much more members disagree about people outside the population than inside: as `doubt_ratio`.

    Of a person counts the largest SD over members of a class's probability, mean over samples.
    """
    return doubt_ratio(*(_disagreement(answers) for answers in (inside, outside)))


def _disagreement(answers: ClassAnswers) -> Mapping[str, np.ndarray]:
    return answers.by_person(np.maximum(answers.spread.max(axis=1), _LEAST_SPREAD))


def _mean_of_persons(answers: ClassAnswers, values: np.ndarray) -> np.ndarray:
    """One mean a person."""
    _, who = np.unique(answers.person, return_inverse=True)
    return np.bincount(who, weights=values) / np.bincount(who)
