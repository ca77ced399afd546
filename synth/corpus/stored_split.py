"""Stored splits: the subject splits of a corpus, put into its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synth.corpus.migrated_corpus import carried_provenance
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.subject_split import (
    SubjectSplit,
    k_fold,
    leave_one_subject_out,
    nested_subsets,
    spread_order,
    subject_strata,
)
from synth.corpus.writer import CorpusWriter

SCHEMES = ("leave-one-out", "k-fold", "nested")


def make_splits(
    corpus: Corpus,
    scheme: str,
    *,
    k: int = 5,
    n_validation: int = 0,
    sizes: Sequence[int] = (),
    test: Sequence[str] = (),
    n_test: int = 0,
    facts: Sequence[str] = (),
    seed: int = 0,
) -> tuple[SubjectSplit, ...]:
    """Make the splits of a corpus by subject.

    Parameters
    ----------
    corpus : Corpus
    scheme : {"leave-one-out", "k-fold", "nested"}
    k : int
        Folds.
    n_validation : int
        Validation subjects of each split of leave-one-out; for k-fold, not 0 uses the next fold.
    sizes : sequence of int
        Training subjects of nested splits.
    test : sequence of str
        Test subjects of nested splits; or
    n_test : int
        how many to draw.
    facts : sequence of str
        Facts that folds, nested sets and the drawn test set are stratified by, of `subject_split.FACTS`.
    seed : int

    Raises
    ------
    CorpusMismatch
        There are too few subjects, or a word is unknown.
    """
    people = corpus.subjects()
    codes = [person.code for person in people]
    strata = subject_strata(people, facts) if facts else None
    rng = np.random.default_rng(seed)
    if scheme == "leave-one-out":
        return leave_one_subject_out(codes, n_validation=n_validation)
    if scheme == "k-fold":
        return k_fold(codes, k, rng, strata=strata, has_validation=n_validation > 0)
    if scheme != "nested":
        raise CorpusMismatch(f"splits by {scheme!r} are unknown; expected {', '.join(SCHEMES)}.")
    if bool(test) == bool(n_test):
        raise CorpusMismatch("nested splits share one test set: name its subjects, or say how many to draw.")
    if n_test >= len(codes):
        raise CorpusMismatch(f"{n_test} test subjects leave none of {len(codes)} to learn from.")
    drawn = tuple(test) or tuple(spread_order(codes, rng, strata)[:n_test])
    return nested_subsets(codes, sizes, rng, test=drawn, strata=strata)


def store_splits(
    source: Path | str, out: Path | str, splits: Sequence[SubjectSplit], *, keep: bool = False
) -> tuple[SubjectSplit, ...]:
    """Write a corpus anew with other splits; everything else stays as it is.

    Parameters
    ----------
    source, out : Path
        May be the same file.
    splits : sequence of SubjectSplit
    keep : bool
        Keep the stored splits of other names.

    Returns
    -------
    tuple of SubjectSplit
        Those in the file now.

    Raises
    ------
    CorpusMismatch
        A split names somebody who is not in the corpus, or the file cannot be read or written.
    """
    corpus = Corpus(source)
    known = {code for code, _ in corpus.trials()}
    for split in splits:
        strangers = sorted({*split.train, *split.validation, *split.test} - known)
        if strangers:
            raise CorpusMismatch(f"{source}: split {split.name!r} names {strangers[0]!r}, who has no trial in it.")
    names = {split.name for split in splits}
    kept = [split for split in corpus.splits if split.name not in names] if keep else []
    writer = CorpusWriter(out, role=corpus.role, splits=(*kept, *splits))
    writer.provenance = carried_provenance(corpus)  # the motion is still made by whatever made it
    with writer:
        writer.copy_trials(corpus)
    return writer.splits
