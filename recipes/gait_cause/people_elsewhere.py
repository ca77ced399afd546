"""People elsewhere, by other laws or predicted, who are only scored; what rows call them, and who is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walk_stage import kind_of, usable_visits
from recipes.gait_cause.walks import Walks
from synth.corpus import Corpus, CorpusMismatch
from synth.impairment import impairment_in

UNSAID = ""
"""Kind of a walk whose corpus does not say what is wrong."""


def group_elsewhere(corpus: Corpus) -> str:
    """What rows call them: after their laws, or that they were predicted.

    Raises
    ------
    CorpusMismatch
        The corpus is of another task, so that nobody knows what is wrong with its people.
    """
    from synth.optimal_control.population.impaired_chunk import TASK as IMPAIRED
    from synth.optimal_control.population.predicted_chunk import TASK as PREDICTED

    config = corpus.provenance.config
    task = config.get("task")
    if task == PREDICTED:
        return "predicted people"
    if task == IMPAIRED:
        return f"{config.get('laws')} laws"
    raise CorpusMismatch(
        f"elsewhere: the corpus was made for the task {task!r}, expected {IMPAIRED!r} or {PREDICTED!r}: of others "
        "nobody knows what is wrong. Make it with kinesynth gait population --impairment all and --laws other, or "
        "--predict."
    )


def named_elsewhere(settings: GaitCauseSettings) -> str:
    """The same of the setting `elsewhere`; errors as `group_elsewhere`."""
    return group_elsewhere(Corpus(Path(settings.elsewhere)))


def check_elsewhere(corpus: Corpus, elsewhere: Corpus) -> None:
    """Refuse people elsewhere who are the same people, walk by the same laws, or of whom nobody knows what is wrong.

    Raises
    ------
    CorpusMismatch
        Their seed is that of the people, so that they are no others; or their laws are; or as `group_elsewhere`.
    """
    group_elsewhere(elsewhere)
    own, other = corpus.provenance.config, elsewhere.provenance.config
    for name, why in (("seed", "they are the same people"), ("laws", "they walk as those who teach")):
        if own.get(name) == other.get(name):
            raise CorpusMismatch(
                f"elsewhere: expected another {name} than {own.get(name) or own.get('task')!r} of the corpus of "
                f"people, or {why}. Make it by the same command with another --seed and --laws other."
            )


def facts_elsewhere(corpus: Corpus, visits: int) -> dict[str, np.ndarray]:
    """Kind of every walk that is read (`UNSAID` where nothing is said); no array of the corpus is."""
    found = [impairment_in(corpus.origins(*key)) for key in usable_visits(corpus, visits)]
    return {"kind": np.array([UNSAID if one is None else kind_of(one) for one in found], dtype=str)}


def refuse_unscored(kind: np.ndarray, taught: np.ndarray, path: str) -> None:
    """Refuse people elsewhere of whom nobody can be scored, or of whom nothing is said.

    Parameters
    ----------
    kind, taught : ndarray of str
        What is wrong in each walk elsewhere, and in each of the solved people.
    path : str
        Of their corpus.

    Raises
    ------
    CorpusMismatch
    """
    again = "Make it with kinesynth gait population --impairment all, another --seed and --laws other."
    if not len(kind):
        raise CorpusMismatch(f"elsewhere: {path} holds no walk that is not refused, expected at least one. {again}")
    if n_unsaid := int((kind == UNSAID).sum()):
        raise CorpusMismatch(
            f"elsewhere: {n_unsaid} of {len(kind)} walks of {path} do not say what is wrong, expected it of "
            f"all. {again}"
        )
    if not np.isin(kind, taught).any():
        raise CorpusMismatch(
            f"elsewhere: {path} holds walks of {' and '.join(sorted(set(kind)))} alone, which none of the solved "
            f"people has ({' and '.join(sorted(set(taught)))}), so that nobody can be scored. {again}"
        )


def left_out(elsewhere: Walks, solved: Walks) -> str:
    """Say who is not scored, as nobody who teaches has what they have; empty if everybody is."""
    lost = elsewhere.numbered_otherwise(solved)
    if not len(lost):
        return ""
    kinds = " and ".join(str(elsewhere.names[k]) for k in np.unique(lost.group))
    return (
        f"{len(lost)} of {len(elsewhere)} walks elsewhere, of {len(set(lost.code))} people, are not scored: they have "
        f"{kinds}, which none of the solved people has."
    )
