"""Chosen splits: which subjects teach the networks of a run and which ones these are tested on.

A corpus may hold splits (`kinesynth corpus split`); those that were made together are a family, named after their names
without what differs: ``leave_out``, ``fold_of_5``, ``nested_of_20``. Without any, every subject is left out in turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.subject_split import SubjectSplit
from training.target import has_waveform

LEAVE_ONE_OUT = "leave one subject out"
_COUNTED = re.compile(r"(fold|nested)_\d+_of_(\d+)")


@dataclass(frozen=True)
class ChosenSplits:
    """The splits of a run.

    Attributes
    ----------
    name : str
        `LEAVE_ONE_OUT`, or the stored family or split.
    splits : tuple of SubjectSplit
        Their test subjects have labels. The name of a split is that of its checkpoint.
    is_stored : bool
        Whether the corpus holds them.
    """

    name: str
    splits: tuple[SubjectSplit, ...]
    is_stored: bool

    @property
    def tests_once(self) -> bool:
        """Whether nobody is tested by two of them, so that one corpus holds all estimates."""
        tested = [code for split in self.splits for code in split.test]
        return len(set(tested)) == len(tested)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody who teaches or is tested, sorted."""
        return tuple(sorted({code for split in self.splits for code in (*split.train, *split.test)}))


def labelled_subjects(corpus: Corpus) -> tuple[str, ...]:
    """Subjects with at least one labelled trial, in the corpus's order."""
    found: dict[str, None] = {}
    for subject, name in corpus.trials():
        if subject not in found and has_waveform(corpus.read(subject, name, clean=True)).any():
            found[subject] = None
    return tuple(found)


def split_families(splits: Sequence[SubjectSplit]) -> dict[str, tuple[SubjectSplit, ...]]:
    """Name of each family of stored splits → its splits, in the order of the file."""
    found: dict[str, tuple[SubjectSplit, ...]] = {}
    for split in splits:
        counted = _COUNTED.fullmatch(split.name)
        if counted:
            family = f"{counted[1]}_of_{counted[2]}"
        else:
            family = "leave_out" if split.test and split.name == f"leave_out_{split.test[0]}" else split.name
        found[family] = (*found.get(family, ()), split)
    return found


def choose_splits(corpus: Corpus, name: str = "", *, stored: bool = True) -> ChosenSplits:
    """Choose what a run trains on.

    Parameters
    ----------
    corpus : Corpus
    name : str
        A family of stored splits, or one of them. Without: the only family, otherwise leave one subject out.
    stored : bool
        False never looks at stored splits.

    Returns
    -------
    ChosenSplits

    Raises
    ------
    CorpusMismatch
        There is no such split, it names somebody who is not in the corpus, it tests nobody with labels, or fewer
        than two subjects have labels.
    """
    families = split_families(corpus.splits) if stored else {}
    labelled = labelled_subjects(corpus)
    if name:
        by_name = {split.name: (split,) for split in corpus.splits}
        chosen = families.get(name) or by_name.get(name)
        if chosen is None:
            raise CorpusMismatch(
                f"{corpus.path}: expected a stored split, found no {name!r}; there are "
                f"{', '.join(families) or 'none'}. `kinesynth corpus split` stores some."
            )
    elif len(families) == 1:
        name, chosen = next(iter(families.items()))
    else:
        return ChosenSplits(LEAVE_ONE_OUT, leave_one_out_splits(corpus, labelled), is_stored=False)
    return ChosenSplits(name, tuple(_usable(corpus, split, labelled) for split in chosen), is_stored=True)


def leave_one_out_splits(corpus: Corpus, labelled: Sequence[str]) -> tuple[SubjectSplit, ...]:
    """One split a labelled subject, named after the one who is tested.

    Raises
    ------
    CorpusMismatch
        If fewer than two subjects have labels.
    """
    if len(labelled) < 2:
        found = ", ".join(labelled) or "none"
        raise CorpusMismatch(
            f"{corpus.path}: leaving one subject out needs labelled trials of at least two subjects, found {found}. "
            "See the reasons of the refused trials (`kinesynth corpus show`)."
        )
    return tuple(
        SubjectSplit(code, tuple(other for other in labelled if other != code), (), (code,)) for code in labelled
    )


def _usable(corpus: Corpus, split: SubjectSplit, labelled: Sequence[str]) -> SubjectSplit:
    """A stored split with those who have labels; validation subjects have no part in a training."""
    strangers = sorted({*split.train, *split.test} - {code for code, _ in corpus.trials()})
    if strangers:
        raise CorpusMismatch(
            f"{corpus.path}: split {split.name!r} names {strangers[0]!r}, who has no trial in it. "
            "Split the corpus anew (`kinesynth corpus split`)."
        )
    train, test = (tuple(code for code in side if code in set(labelled)) for side in (split.train, split.test))
    for side, codes in (("train", train), ("test", test)):
        if not codes:
            raise CorpusMismatch(
                f"{corpus.path}: split {split.name!r} has nobody with labels in {side}. See the reasons of the refused "
                "trials (`kinesynth corpus show`), or split the corpus anew."
            )
    return SubjectSplit(split.name, train, (), test)
