"""Leave one subject out: every subject is estimated by a network that all the others taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from synth.corpus import Corpus
from training.chosen_split import choose_splits, labelled_subjects
from training.config import OUTPUT_KINDS, TrainingConfig
from training.mean_waveform import METHOD as MEAN_WAVEFORM
from training.split_estimate import write_mean_waveforms
from training.split_training import train_splits

__all__ = ["labelled_subjects", "leave_one_subject_out", "predict_mean_waveforms"]


def leave_one_subject_out(
    corpus: Path, out: Path, configs: Mapping[str, TrainingConfig], **options: object
) -> dict[str, Path]:
    """Train and predict every labelled subject with networks that never saw this person.

    As `train_splits` (same options); stored splits are not looked at.

    Raises
    ------
    CorpusMismatch
        If fewer than two subjects have labels, or two codes are one person.
    """
    return train_splits(corpus, out, configs, choose_splits(Corpus(corpus), stored=False), **options)


def predict_mean_waveforms(
    corpus: Path, out: Path, kinds: Sequence[str] = OUTPUT_KINDS, method: str = MEAN_WAVEFORM
) -> Path:
    """Estimate every labelled subject by the mean waveform of all the others.

    Parameters
    ----------
    corpus : Path
        A reference corpus.
    out : Path
        The corpus of estimates to write, role ``"prediction"``.
    kinds : sequence of str
        Kinds of target.
    method : str
        `training.mean_waveform.METHOD`, or `BOUND`: told the contact times of the truth.

    Returns
    -------
    Path
        `out`.
    """
    chosen = choose_splits(Corpus(corpus), stored=False)
    return write_mean_waveforms(corpus, out, chosen.splits, kinds, method)
