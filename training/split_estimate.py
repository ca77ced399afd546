"""Estimates of a run's test subjects, each by a network (or a mean waveform) that never saw this person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.subject_split import SubjectSplit
from synth.corpus.trial import CorpusTrial
from training.checkpoint import Checkpoint, load_checkpoint
from training.chosen_split import ChosenSplits
from training.config import OUTPUT_KINDS
from training.estimate import write_predictions
from training.evaluation import TESTED
from training.fold import Fold
from training.mean_waveform import METHOD as MEAN_WAVEFORM
from training.mean_waveform import MeanWaveform, fit_mean_waveform, place_mean_waveform, read_trials
from training.prediction import predict_trial, warm_up


def estimate_groups(chosen: ChosenSplits, method: str) -> dict[str, tuple[SubjectSplit, ...]]:
    """Which splits share a corpus of estimates.

    Returns
    -------
    dict of str to tuple of SubjectSplit
        Name of the estimates → splits: ``METHOD``, or ``METHOD_SPLIT`` each where splits test the same subjects.
    """
    if chosen.tests_once:
        return {method: chosen.splits}
    return {f"{method}_{split.name}": (split,) for split in chosen.splits}


def write_fold_estimates(
    corpus: Path, out: Path, name: str, folds: Sequence[Fold], failures: Mapping[str, str], *, is_stored: bool
) -> Path:
    """Estimate each subject with the network of its own fold.

    Parameters
    ----------
    corpus : Path
    out : Path
        The corpus of estimates to write.
    name : str
        Of the estimates.
    folds : sequence of Fold
        Of one method; nobody is tested by two of them.
    failures : mapping of str to str
        Key of a fold whose training failed → the reason; its trials are refused.
    is_stored : bool
        Whether the corpus holds the splits, so that nobody else is scored.

    Returns
    -------
    Path
        `out`.
    """
    networks: dict[str, Checkpoint] = {}
    reasons: dict[str, str] = {}
    for fold in folds:
        if fold.key in failures:
            reasons |= dict.fromkeys(fold.split.test, failures[fold.key])
            continue
        checkpoint = load_checkpoint(fold.path)
        warm_up(checkpoint)
        networks |= dict.fromkeys(fold.split.test, checkpoint)

    def estimate(trial: CorpusTrial) -> CorpusTrial:
        subject = trial.subject.code
        if subject in reasons:
            raise CorpusMismatch(reasons[subject])
        return predict_trial(networks[subject], trial)

    config = folds[0].config
    tested = [*networks, *reasons]
    facts = {s: {"trials": c.n_labelled_trials, "frames": c.n_labelled_frames} for s, c in networks.items()}
    said = {
        "method": name,
        "labels_used": facts,
        "training_seconds": {subject: checkpoint.seconds for subject, checkpoint in networks.items()},
    }
    return write_predictions(
        corpus,
        out,
        estimate,
        subjects=tested,
        source=folds[0].method,
        config=config.model_dump(mode="json") | said | ({TESTED: sorted(tested)} if is_stored else {}),
        seed=config.seed,
    )


def write_mean_waveforms(
    corpus: Path,
    out: Path,
    splits: Sequence[SubjectSplit],
    kinds: Sequence[str] = OUTPUT_KINDS,
    method: str = MEAN_WAVEFORM,
    *,
    is_stored: bool = False,
) -> Path:
    """Estimate the test subjects of splits by the mean waveform of their training subjects.

    Parameters
    ----------
    corpus : Path
        A reference corpus.
    out : Path
        The corpus of estimates to write, role ``"prediction"``.
    splits : sequence of SubjectSplit
        Nobody is tested by two of them.
    kinds : sequence of str
        Kinds of target.
    method : str
        `training.mean_waveform.METHOD`, or `BOUND`: told the contact times of the truth.
    is_stored : bool
        Whether the corpus holds the splits, so that nobody else is scored.

    Returns
    -------
    Path
        `out`.
    """
    reader = Corpus(corpus)
    means: dict[str, MeanWaveform] = {}
    for split in splits:
        means |= dict.fromkeys(split.test, fit_mean_waveform(read_trials(reader, split.train), kinds, method))
    used = {s: {"trials": m.n_labelled_trials, "frames": m.n_labelled_frames} for s, m in means.items()}
    config = {"method": method, "outputs": list(kinds), "labels_used": used}
    return write_predictions(
        corpus,
        out,
        lambda trial: place_mean_waveform(means[trial.subject.code], trial),
        subjects=list(means),
        source=method,
        config=config | ({TESTED: sorted(means)} if is_stored else {}),
        seed=0,
    )
