"""The user's own people, as a source that the run depends on; what is wrong with them is said before anything runs."""

from __future__ import annotations

from pathlib import Path

from mocap_import.product import product_hash
from recipes.fatigue.people_of_splits import folds
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.given_file import refuse_no_corpus
from recipes.run import Run
from synth.corpus.schema import CorpusMismatch
from synth.elbow.flexion_corpus import read_flexion_corpus

ADVICE = "Give a corpus (.h5) of sustained elbow flexion of your own people (docs/recipes/fatigue.md)."


def check_given(settings: FatigueSettings) -> None:
    """Refuse what would be found out after the simulations: methods, people of a user, and how many teach.

    Raises
    ------
    ConfigRefused
        A method is unknown.
    CorpusMismatch
        The target is no corpus of sustained flexion, or has too few people; or too few are to be simulated.
    """
    from training.fatigue.arm import chosen_arms

    chosen_arms(settings.arms)
    people: tuple[str, ...] = tuple(f"P{i}" for i in range(settings.n_target))
    if settings.target:
        path = Path(settings.target)
        refuse_no_corpus("target", path, ADVICE)
        try:
            people = tuple(read_flexion_corpus(path, RATE, settings.seconds).persons)
        except CorpusMismatch as problem:
            raise CorpusMismatch(f"setting target: {problem}") from None
    try:
        folds(people, settings.n_scored, settings.teach, settings.seed)
    except CorpusMismatch as problem:
        whose = f"setting target: {settings.target} has" if settings.target else "setting n_target:"
        raise CorpusMismatch(f"{whose} {problem}") from None


def target_content(run: Run) -> object:
    """Hash of the user's corpus; empty without one. Errors as `refuse_no_corpus`."""
    if not run.settings.target:
        return ""
    path = Path(run.settings.target)
    refuse_no_corpus("target", path, ADVICE)
    return product_hash([path])
