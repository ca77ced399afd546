"""One role: nobody is in two roles of a run, neither recorded people of one file nor virtual ones of one seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch


def refuse_two_roles(given: Sequence[tuple[str, str]], made: Sequence[tuple[str, str, int]]) -> None:
    """Refuse the same people in two roles, whether of one file or drawn from one seed.

    Parameters
    ----------
    given : sequence of (role, corpus)
        Corpora from outside.
    made : sequence of (role, corpus, seed)
        Populations that the run makes itself.

    Raises
    ------
    CorpusMismatch
        As `refuse_one_file` and `refuse_shared_people`.
    """
    refuse_one_file(given)
    seeds = [(role, corpus, population_seed(Path(corpus))) for role, corpus in given]
    refuse_shared_people([*made, *((role, corpus, seed) for role, corpus, seed in seeds if seed is not None)])


def refuse_one_file(roles: Sequence[tuple[str, str]]) -> None:
    """Refuse one corpus in two roles, by whatever name, link or copy: of recordings no seed would tell it.

    Parameters
    ----------
    roles : sequence of (role, corpus)

    Raises
    ------
    CorpusMismatch
    """
    for i, (role, corpus) in enumerate(roles):
        for former, before in roles[:i]:
            if former != role and _is_one_file(Path(before), Path(corpus)):
                raise CorpusMismatch(
                    f"setting {role}: {corpus} is {before} of setting {former}: the same people in two roles. Leave "
                    "it out of one of them."
                )


def _is_one_file(first: Path, second: Path) -> bool:
    """Whether two places hold the same bytes; only files of one size are read."""
    if first.resolve() == second.resolve():
        return True
    if not (first.is_file() and second.is_file()) or first.stat().st_size != second.stat().st_size:
        return False
    return first.samefile(second) or file_hash(first) == file_hash(second)


def refuse_shared_people(seeds: Sequence[tuple[str, str, int]]) -> None:
    """Refuse populations with other roles that are drawn from one seed: person 12 of both has the same body.

    Two that are only scored, by unlike laws, may be the same people.

    Parameters
    ----------
    seeds : sequence of (role, corpus, seed)

    Raises
    ------
    CorpusMismatch
    """
    for i, (role, corpus, seed) in enumerate(seeds):
        for former, before, own in seeds[:i]:
            if own == seed and former != role and {former, role} != {"other", "far"}:
                raise CorpusMismatch(
                    f"setting {role}: {corpus} is drawn from seed {seed}, as {before} of setting {former} is: the same "
                    "people in two roles. Make one of them with another --seed (kinesynth gait population)."
                )


def population_seed(path: Path) -> int | None:
    """Seed that the people of a corpus are drawn from; None where they are no virtual people."""
    made = Corpus(path).provenance.config
    return int(made["seed"]) if {"subjects", "seed"} <= set(made) else None
