"""The mean of the training waveforms: the estimate of somebody who looks at no sensor, and the bar for everybody else.

For normal walking it is hard to beat (joint moments r ≥ 0.98 in the literature), so it stands in every table. It is
told where the laboratory saw the test trial's gait cycles. Told the contact times of the true solution instead, which
nobody has before the solution, it is better still: that is a second row, a bound rather than a method.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.gait_phase import cycle_phase, place_waveform, time_normalise
from training.target import Target, available_targets, has_waveform, read_targets, write_targets

METHOD = "mean_waveform"
BOUND = "mean_waveform_true_timing"
TIMINGS = {METHOD: "measured", BOUND: "truth"}
"""Method → the timing of its cycles, as in `training.gait_phase.cycle_phase`."""


@dataclass(frozen=True)
class MeanWaveform:
    """Time-normalised means over the training subjects.

    Attributes
    ----------
    targets : tuple of Target
    waveforms : ndarray, shape (101, n_targets)
        Inside units, over the right foot's cycle; every subject weighs the same.
    subjects : tuple of str
        The training subjects.
    n_labelled_trials, n_labelled_frames : int
    method : str
        `METHOD` or `BOUND`.
    """

    targets: tuple[Target, ...]
    waveforms: np.ndarray
    subjects: tuple[str, ...]
    n_labelled_trials: int
    n_labelled_frames: int
    method: str = METHOD


def fit_mean_waveform(trials: Sequence[CorpusTrial], kinds: Sequence[str], method: str = METHOD) -> MeanWaveform:
    """Average the training trials' cycles.

    Parameters
    ----------
    trials : sequence of CorpusTrial
        Of the training subjects.
    kinds : sequence of str
        Kinds of target.
    method : str
        `METHOD` or `BOUND`.

    Returns
    -------
    MeanWaveform
    """
    targets = available_targets(trials, kinds)
    by_subject: dict[str, list[np.ndarray]] = {}
    n_trials = n_frames = 0
    for trial in trials:
        has_label = has_waveform(trial)
        if has_label.any():
            phase = cycle_phase(trial, has_label, timing=TIMINGS[method])
            normalised = time_normalise(read_targets(trial, targets), phase)
            by_subject.setdefault(trial.subject.code, []).append(normalised)
            n_trials, n_frames = n_trials + 1, n_frames + int(has_label.sum())
    if not by_subject:
        raise CorpusMismatch("expected at least one labelled training trial for the mean waveform, found none")
    means = _mean_of([_mean_of(waveforms) for waveforms in by_subject.values()])
    return MeanWaveform(targets, means, tuple(sorted(by_subject)), n_trials, n_frames, method)


def place_mean_waveform(mean: MeanWaveform, trial: CorpusTrial) -> CorpusTrial:
    """Lay the mean waveform over the labelled cycles of an unseen trial.

    Returns
    -------
    CorpusTrial
        Status ``"predicted"``, NaN outside the labelled cycles. Moments and forces scale with the subject's body
        weight and height; the speed is the training subjects' mean.
    """
    if trial.subject.code in mean.subjects:
        raise CorpusMismatch(f"subject {trial.subject.code!r} is in the mean of {', '.join(mean.subjects)}")
    began = time.process_time()
    phase = cycle_phase(trial, has_waveform(trial), timing=TIMINGS[mean.method])
    values = place_waveform(mean.waveforms, phase)
    seconds = time.process_time() - began
    return write_targets(trial, mean.targets, values, seconds, source=mean.method)


def read_trials(corpus: Corpus, subjects: Sequence[str]) -> list[CorpusTrial]:
    """Read all trials of some subjects."""
    wanted = set(subjects)
    return [corpus.read(subject, name) for subject, name in corpus.trials() if subject in wanted]


def _mean_of(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over the first axis; NaN only where no waveform has a value."""
    stack = np.stack(waveforms)
    known = np.isfinite(stack)
    total = np.where(known, stack, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
