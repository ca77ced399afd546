"""Estimates: what a method says of trials, as a corpus; where it says nothing, why. No torch: streaming uses them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from synth.corpus import Corpus, CorpusWriter
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial


def refused_estimate(trial: CorpusTrial, reason: str, source: str) -> CorpusTrial:
    """Say that a method has no estimate of a trial, and why."""
    return replace(
        trial,
        recordings=(),
        errors=None,
        kinematics=None,
        kinetics=None,
        spatiotemporal={},
        status="refused",
        reason=reason,
        source=source,
        seconds=float("nan"),
        solutions=(),
    )


def write_predictions(
    corpus: Path,
    out: Path,
    estimate: Callable[[CorpusTrial], CorpusTrial],
    *,
    subjects: Iterable[str],
    trials: Collection[tuple[str, str]] | None = None,
    source: str,
    config: dict,
    seed: int,
) -> Path:
    """Estimate every trial of some subjects and write the corpus of estimates.

    Parameters
    ----------
    corpus : Path
        Trials with inertial records; the stored error recipe is applied, the same for every method.
    out : Path
        The corpus to write, role ``"prediction"``; it appears only when it is complete.
    estimate : callable
        Trial → estimated trial; a trial that it refuses with `CorpusMismatch` is written as refused.
    subjects : iterable of str
    trials : collection of (subject, trial), optional
        Only these of them.
    source : str
        Name of the method.
    config : dict
        Stored with the corpus; ``labels_used`` says per subject what the training used up.
    seed : int

    Returns
    -------
    Path
        `out`.
    """
    reader = Corpus(corpus)
    wanted = set(subjects)
    out.parent.mkdir(parents=True, exist_ok=True)
    sources = {corpus.name: file_hash(corpus)}
    with CorpusWriter(out, role="prediction", config=config, seed=seed, sources=sources) as writer:
        for subject, name in reader.trials():
            if subject not in wanted or (trials is not None and (subject, name) not in trials):
                continue
            trial = reader.read(subject, name)
            try:
                estimated = estimate(trial) if trial.recordings else None
            except CorpusMismatch as error:
                writer.append(refused_estimate(trial, str(error), source))
                continue
            writer.append(estimated or refused_estimate(trial, trial.reason or "no inertial records", source))
    return out
