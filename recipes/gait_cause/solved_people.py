"""Solved people: who has what wrong and who a twin; refused early, where there is nothing to tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recipes.gait_cause.explain_stage import parts_of
from recipes.gait_cause.people_elsewhere import check_elsewhere, facts_elsewhere, refuse_unscored
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walk_stage import check_corpora, check_twins, kind_of, usable_visits
from recipes.gait_cause.walks import Walks
from recipes.remembered_part import remembered_parts
from recipes.run import Run
from synth.corpus import Corpus, CorpusMismatch
from synth.impairment import HEALTHY, KINDS, impairment_in

SHARE_WITHOUT = 0.1
"""Of the people without a twin: who validate, and who calibrate."""
Folds = dict[str, dict[str, list[str]]]
"""Split → role → persons."""


def solved_roles(walks: Walks, settings: GaitCauseSettings) -> Folds:
    """Who does what: each person with a twin is scored in one fold, who has none never.

    Of the latter a tenth validates, and another calibrates, in all folds, as far as there are tens of them.
    """
    if not len(walks):
        return {}
    return fold_roles(walks.code, np.isfinite(walks.change[:, 0, 0]), settings)


def fold_roles(code: np.ndarray, has_twin: np.ndarray, settings: GaitCauseSettings) -> Folds:
    """The same of walks (person, whether there is a twin) of which nothing else is known yet."""
    with_twin = set(code[has_twin])
    order = np.random.default_rng([settings.seed, 2]).permutation(sorted(with_twin))
    others = [str(p) for p in np.random.default_rng([settings.seed, 3]).permutation(sorted(set(code) - with_twin))]
    few = int(SHARE_WITHOUT * len(others))
    more = {"validate": others[:few], "calibrate": others[few : 2 * few]}
    found = {}
    for k in range(settings.n_folds):
        scored = order[k :: settings.n_folds]
        rest = np.roll([p for p in order if p not in set(scored)], 7 * k)
        roles = parts_of(rest, {"validate": 0.15, "calibrate": 0.15})
        teach = [*roles.pop("score"), *others[2 * few :]]
        roles = {role: [*people, *more[role]] for role, people in roles.items()}
        found[f"solved_{k + 1}"] = {"teach": teach, **roles, "score": list(scored)}
    return found


def refuse_early(run: Run) -> None:
    """Look at a user's corpora before anything costs time.

    Raises
    ------
    ConfigRefused
        As `check_corpora`.
    CorpusMismatch
        As `check_twins`, `check_elsewhere`, `refuse_untold` and `refuse_unscored`.
    """
    settings: GaitCauseSettings = run.settings
    sources = check_corpora(run)
    if settings.people:
        corpus, twins = Corpus(Path(settings.people)), Corpus(Path(settings.twins))
        check_twins(corpus, twins)
        if settings.elsewhere:
            check_elsewhere(corpus, Corpus(Path(settings.elsewhere)))
        facts = remembered_parts(run.folder / "facts", [sources, settings.visits])
        known = facts.get("people", lambda: _facts(corpus, twins, settings.visits))
        refuse_untold(**known, settings=settings)
        if settings.elsewhere:
            others = facts.get("elsewhere", lambda: facts_elsewhere(Corpus(Path(settings.elsewhere)), settings.visits))
            refuse_unscored(others["kind"], known["kind"], settings.elsewhere)


def _facts(corpus: Corpus, twins: Corpus, visits: int) -> dict[str, np.ndarray]:
    """Person, kind and whether there is a twin, of every walk that is not refused; no array of the corpora is read."""
    own, known = usable_visits(corpus, visits), set(usable_visits(twins, 0))
    return {
        "code": np.array([subject for subject, _ in own], dtype=str),
        "kind": np.array([kind_of(impairment_in(corpus.origins(*key))) for key in own], dtype=str),
        "has_twin": np.array([key in known for key in own], dtype=bool),
    }


def refuse_untold(code: np.ndarray, kind: np.ndarray, has_twin: np.ndarray, settings: GaitCauseSettings) -> None:
    """Refuse people of whom nothing can be told apart, or too few for the folds.

    Parameters
    ----------
    code, kind : ndarray of str, shape (n_walks,)
        Person, and what is wrong.
    has_twin : ndarray of bool, shape (n_walks,)
    settings : GaitCauseSettings

    Raises
    ------
    CorpusMismatch
        There is one kind alone, or nobody with whom nothing is wrong; in a fold a kind has nobody to teach it, or a
        role nobody.
    """
    there = [name for name in KINDS if name in set(kind)]
    if HEALTHY not in there or len(there) < 2:
        raise CorpusMismatch(
            f"people: {settings.people} holds walks of {' and '.join(there) or 'nobody'}; expected {HEALTHY} and at "
            "least one impairment, or there is nothing to tell apart. Make it with kinesynth gait population "
            "--impairment all --healthy 0.3."
        )
    n_twins = len(set(code[has_twin]))
    if n_twins < settings.n_folds:
        raise CorpusMismatch(
            f"twins: {n_twins} people of {settings.people} have a twin in {settings.twins}; {settings.n_folds} folds "
            "score at least one each. Make more with --subjects."
        )
    for fold, roles in fold_roles(code, has_twin, settings).items():
        lacking = _lacking(code, kind, has_twin, roles, there)
        if lacking:
            raise CorpusMismatch(
                f"people: in {fold} of {settings.n_folds} folds nobody {lacking}; {n_twins} people with a twin and "
                f"{len(set(code)) - n_twins} without are too few for {len(there)} kinds. Make more with --subjects, "
                "fewer kinds with --impairment, or set n_folds."
            )


def _lacking(
    code: np.ndarray, kind: np.ndarray, has_twin: np.ndarray, roles: dict[str, list[str]], there: Sequence[str]
) -> str:
    """What nobody does in a fold; empty if everything is done by somebody."""
    taught = set(kind[np.isin(code, roles["teach"])])
    untaught = [name for name in there if name not in taught]
    if untaught:
        return f"who teaches has {untaught[0]}"
    if not roles["validate"]:
        return "validates"
    altered = has_twin & (kind != HEALTHY)
    for role, does in (("calibrate", "calibrates"), ("score", "is scored")):
        if not np.isin(code[altered], roles[role]).any():
            return f"{does} with an impairment and a twin"
    return ""
