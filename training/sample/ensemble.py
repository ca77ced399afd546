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
        answers = np.stack([np.asarray(member(inputs), dtype=float) for member in self.members])
        spread = answers.std(axis=0, ddof=1) if len(answers) > 1 else np.zeros(answers.shape[1:])
        return answers.mean(axis=0), spread


def drawn_people(people: Sequence[str], n_members: int, seed: int) -> list[np.ndarray]:
    """For each member, as many people as there are, drawn with replacement."""
    codes = np.array(sorted(set(people)))
    rng = np.random.default_rng(seed)
    return [rng.choice(codes, size=len(codes)) for _ in range(n_members)]


def rows_of(people: Sequence[str], drawn: Sequence[str]) -> np.ndarray:
    """Indices of the samples of the people who were drawn, as often as they were drawn."""
    codes = np.asarray(people)
    return np.concatenate([np.flatnonzero(codes == person) for person in drawn])
