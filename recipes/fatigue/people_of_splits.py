"""Who does what in each split of the recipe `fatigue`: five people are scored at a time, until all have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.corpus.schema import CorpusMismatch


@dataclass(frozen=True)
class Fold:
    """One split of the target people.

    Attributes
    ----------
    number : int
    scored : tuple of str
    order : tuple of str
        All others, shuffled: the first n teach.
    """

    number: int
    scored: tuple[str, ...]
    order: tuple[str, ...]

    def teaching(self, n: int) -> tuple[str, ...]:
        """The n people who teach or validate."""
        return self.order[:n]

    def member(self, n: int, member: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who teaches and who validates a member of the ensemble: about a fifth, others for each member."""
        people = self.teaching(n)
        n_held = max(1, n // 5)
        held = {people[(member * n_held + i) % n] for i in range(n_held)}
        return tuple(p for p in people if p not in held), tuple(p for p in people if p in held)

    def calibrating(self, n: int) -> tuple[str, ...]:
        """Who neither teaches nor is scored."""
        return self.order[n:]


def folds(people: Sequence[str], n_scored: int, teach: Sequence[int], seed: int) -> list[Fold]:
    """Leave some people out at a time.

    Raises
    ------
    CorpusMismatch
        With fewer people than the largest number that teaches needs.
    """
    codes = sorted(set(people))
    needed = max(teach) + n_scored
    if len(codes) < needed or min(teach) < 2:
        raise CorpusMismatch(
            f"{len(codes)} people: {max(teach)} who teach and {n_scored} who are scored need {needed}, and the fewest "
            "who teach are 2 (one of them validates). Set teach or n_scored."
        )
    rng = np.random.default_rng([seed, 11])
    shuffled = list(rng.permutation(codes))
    made = []
    for number, start in enumerate(range(0, len(shuffled), n_scored)):
        scored = tuple(str(p) for p in shuffled[start : start + n_scored])
        others = [p for p in codes if p not in scored]
        made.append(Fold(number, scored, tuple(str(p) for p in rng.permutation(others))))
    return made


def simulated_roles(people: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Simulated people: 8 of 10 teach, 1 validates, 1 is scored."""
    shuffled = list(np.random.default_rng([seed, 12]).permutation(sorted(set(people))))
    tenth = max(1, len(shuffled) // 10)
    return {
        "validate": [str(p) for p in shuffled[:tenth]],
        "score": [str(p) for p in shuffled[tenth : 2 * tenth]],
        "teach": [str(p) for p in shuffled[2 * tenth :]],
    }


def roles_of_folds(made: Sequence[Fold], teach: Sequence[int], members: int, ablated: int) -> dict[str, dict]:
    """Split → role → people, one split a fold, number who teach and member of the ensemble."""
    splits = {}
    for fold in made:
        for n in teach:
            for member in range(members):
                teaching, validating = fold.member(n, member)
                roles = {"teach": teaching, "validate": validating, "score": fold.scored}
                if n == ablated:
                    roles["calibrate"] = fold.calibrating(n)
                splits[f"fold{fold.number}_n{n}_member{member}"] = roles
    return splits
