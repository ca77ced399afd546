"""Population check: which corpora may have which role, refused before anybody is solved or filmed."""

from __future__ import annotations

from pathlib import Path

from recipes.one_role import population_seed
from recipes.single_camera.settings import RealCorpus
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch

LAWS = {"people": "standard", "other": "other", "far": "far"}
"""Role of a population → its laws."""
FEWEST = 7
"""People of whom each role has one."""


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
