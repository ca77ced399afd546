"""Population check: which corpora may have which role, refused before anybody is solved or filmed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recipes.single_camera.settings import RealCorpus
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch

LAWS = {"people": "standard", "other": "other", "far": "far"}
"""Role of a population → its laws."""
FEWEST = 7
"""People of whom each role has one."""


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


def refuse_too_few(where: str, n_people: int) -> None:
    """Refuse people too few to teach, validate, calibrate and be scored.

    Raises
    ------
    CorpusMismatch
    """
    if n_people < FEWEST:
        raise CorpusMismatch(
            f"{where}: {n_people} people are too few to teach, validate, calibrate and be scored, one role each; "
            f"expected {FEWEST} or more with a walk that is not refused. Make more with kinesynth gait population "
            "--subjects."
        )


def refuse_unlike_laws(role: str, path: Path) -> None:
    """Refuse a population made by laws that its role in the table does not name.

    Raises
    ------
    CorpusMismatch
    """
    config = Corpus(path).provenance.config
    laws = config.get("laws")
    if laws == LAWS["other"] and "laws_defined" not in config:
        laws = LAWS["far"]  # so they were called while there was but one set of them
    if laws not in (None, LAWS[role]):
        raise CorpusMismatch(
            f"setting {role}: {path} was made by {laws} laws, expected {LAWS[role]}. Make one with "
            f"kinesynth gait population --impairment all --laws {LAWS[role]}."
        )


def refuse_recorded(path: Path) -> None:
    """Refuse people of `beside` who are drawn from no seed: nothing would tell whether they are scored elsewhere.

    Raises
    ------
    CorpusMismatch
    """
    if population_seed(path) is None:
        raise CorpusMismatch(
            f"setting beside: {path} holds nobody drawn from a seed, expected a corpus of kinesynth gait population "
            "--impairment all. Recordings are only scored: name them by setting real."
        )


def refuse_laws_of_scored(path: Path) -> None:
    """Refuse a population that would teach the laws by which others are scored.

    Raises
    ------
    CorpusMismatch
    """
    laws = Corpus(path).provenance.config.get("laws")
    if laws in (LAWS["other"], LAWS["far"]):
        raise CorpusMismatch(
            f"setting beside: {path} was made by {laws} laws, which are only scored. Make one with "
            "kinesynth gait population --impairment all --laws drawn."
        )


def refuse_shared_loads(source: RealCorpus) -> None:
    """Refuse forces of one trial beside a corpus of several: each would be given them.

    Raises
    ------
    CorpusMismatch
    """
    count = len(Corpus(Path(source.path)).trials()) if source.loads else 0
    if count > 1:
        raise CorpusMismatch(
            f"setting real: {source.path} holds {count} trials, and {source.loads} the forces of one. Make a corpus of "
            "that trial alone, or leave out loads."
        )


def refuse_drawn_manner(path: Path) -> None:
    """Refuse a population that is no prediction where people predicted freely are wanted.

    Raises
    ------
    CorpusMismatch
    """
    from synth.optimal_control.population.predicted_chunk import TASK

    found = Corpus(path).provenance.config.get("task")
    if found != TASK:
        raise CorpusMismatch(
            f"setting predicted: {path} was made for the task {found!r}, expected {TASK!r}. Make one with "
            "kinesynth gait population --impairment all --predict."
        )
