"""An ensemble: one network taught from several starts, each by its own draw of people, so that it knows its doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Member = Callable[[np.ndarray], np.ndarray]
"""Inputs (n, ...) → estimates (n, ...)."""


@dataclass(frozen=True)
class Ensemble:
    """Several members that answer the same question.

    Lakshminarayanan, Pritzel and Blundell (NeurIPS 2017): where data are few, members disagree.

    Attributes
    ----------
    members : tuple of callable
    """

    members: tuple[Member, ...]

    def estimate(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and SD (n - 1) over members, each of the shape of one member's estimate; the SD of one member is 0."""
        return mean_and_spread([member(inputs) for member in self.members])


def mean_and_spread(answers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD (n - 1) over the answers of members, each of the shape of one answer; the SD of one member is 0."""
    stacked = np.stack([np.asarray(answer, dtype=float) for answer in answers])
    spread = stacked.std(axis=0, ddof=1) if len(stacked) > 1 else np.zeros(stacked.shape[1:])
    return stacked.mean(axis=0), spread


def drawn_people(people: Sequence[str], n_members: int, seed: int) -> list[np.ndarray]:
    """For each member, as many people as there are, drawn with replacement."""
    codes = np.array(sorted(set(people)))
    rng = np.random.default_rng(seed)
    return [rng.choice(codes, size=len(codes)) for _ in range(n_members)]


def rows_of(people: Sequence[str], drawn: Sequence[str]) -> np.ndarray:
    """Indices of the samples of the people who were drawn, as often as they were drawn."""
    codes = np.asarray(people)
    return np.concatenate([np.flatnonzero(codes == person) for person in drawn])


def member_rows(
    n_samples: int,
    n_members: int,
    seed: int,
    people: Sequence[str] | None = None,
    *,
    classes: np.ndarray | None = None,
) -> list[np.ndarray]:
    """For each member, indices of the samples that teach it: all of one alone, else those of the people it drew.

    Parameters
    ----------
    n_samples, n_members, seed : int
    people : sequence of str, optional
        Whose each sample is; None: one a person.
    classes : ndarray of int, shape (n_samples,), optional
        Every member has all of them: a draw that lacks one is drawn again within them (of people of several classes,
        within those who have the same), as many people of each as there are. Members then still differ in all classes
        of more than one person.

    Returns
    -------
    list of ndarray of int
        Of each member, shape (n_samples,) where all people have equally many samples; an index as often as it is drawn.
    """
    if n_members == 1:
        return [np.arange(n_samples)]
    if people is None:
        rng = np.random.default_rng(seed)
        drawn = [rng.integers(n_samples, size=n_samples) for _ in range(n_members)]
    else:
        drawn = [rows_of(people, own) for own in drawn_people(people, n_members, seed)]
    if classes is None:
        return drawn
    whose = np.arange(n_samples) if people is None else np.asarray(people)
    lacks = [len(np.unique(classes[rows])) < len(np.unique(classes)) for rows in drawn]
    again = (np.random.default_rng([seed, k]) for k in range(n_members))
    return [
        _within_classes(whose, classes, rng) if lack else rows
        for rows, lack, rng in zip(drawn, lacks, again, strict=True)
    ]


def _within_classes(whose: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of the samples of people drawn, with replacement, among those who have the same classes."""
    alike: dict[tuple[int, ...], list] = {}
    for person in np.unique(whose):
        alike.setdefault(tuple(np.unique(classes[whose == person]).tolist()), []).append(person)
    return rows_of(whose, [p for group in alike.values() for p in rng.choice(group, size=len(group))])
