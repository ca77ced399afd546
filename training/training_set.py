"""The training set: which trials of a corpus teach a network, and where their records and labels lie.

Nothing of it grows with the length of a trial: each is read once, summarised and let go, so that a corpus may be larger
than the memory. Windows are read when they are drawn (`training.window_source`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.gait_phase import labelled_runs
from training.input_check import exchange_doubts
from training.mirror import Reflection, can_mirror, mirror_trial, reflection_of
from training.record_summary import RecordSummary, summarise
from training.stored_label import StoredLabels, stored_labels
from training.target import ALL_TARGETS, Target, read_targets
from training.window import TrialRecord, require_labels, sensor_names, trial_record, why_no_label

if TYPE_CHECKING:
    from training.window_source import WindowSource


@dataclass(frozen=True)
class StoredRecord:
    """A trial, or its mirror image, as a source of windows.

    Attributes
    ----------
    subject, name : str
        As in the corpus.
    n_frames : int
    labelled : ndarray of int, shape (n_runs, 2)
        First frame and end of each stretch of frames with at least one label.
    labels : StoredLabels
    has_gaps : bool
        Whether some sensor has frames without a value.
    reflection : Reflection or None
        For a mirror image.
    summary : RecordSummary
    doubts : tuple of str
        As of `training.window.TrialRecord`.
    """

    subject: str
    name: str
    n_frames: int
    labelled: np.ndarray
    labels: StoredLabels
    has_gaps: bool
    reflection: Reflection | None
    summary: RecordSummary
    doubts: tuple[str, ...] = ()

    @property
    def is_mirrored(self) -> bool:
        """Whether it is the mirror image of a trial, which needs no label of its own."""
        return self.reflection is not None

    @property
    def n_labelled_frames(self) -> int:
        """Frames with at least one label."""
        return int((self.labelled[:, 1] - self.labelled[:, 0]).sum())


@dataclass(frozen=True)
class TrainingSet:
    """The labelled trials of some subjects of a reference corpus, clean.

    Attributes
    ----------
    path : Path
        Of the corpus.
    records : tuple of StoredRecord
        Trials with at least one label.
    sensors : tuple of str
    targets : tuple of Target
    rate : float
        Frames per second (Hz), the same in all records.
    left_out : tuple of (subject, trial, reason)
        Trials of these subjects that cannot teach anything, and why.
    digest : str
        SHA-256 of all records and labels.
    """

    path: Path
    records: tuple[StoredRecord, ...]
    sensors: tuple[str, ...]
    targets: tuple[Target, ...]
    rate: float
    left_out: tuple[tuple[str, str, str], ...]
    digest: str

    @property
    def n_labelled_trials(self) -> int:
        """Trials whose labels were used; a mirror image is not counted again."""
        return sum(not record.is_mirrored for record in self.records)

    @property
    def n_labelled_frames(self) -> int:
        """Frames with at least one label, mirror images not counted again."""
        return sum(record.n_labelled_frames for record in self.records if not record.is_mirrored)

    def source(self, seconds: float) -> WindowSource:
        """Windows of so many seconds, read from the corpus when they are drawn."""
        from training.window_source import WindowSource  # which reads records of this set

        return WindowSource(self, seconds)

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Sentences about trials whose sensors have no value for a while, or whose sides seem exchanged."""
        own = [record for record in self.records if not record.is_mirrored]
        silent = [f"{r.subject}/{r.name}: {doubt}" for r in own for doubt in r.doubts]
        return (*silent, *exchange_doubts([(r.subject, r.name, r.summary.wearing) for r in own], self.sensors))


def read_training_set(
    corpus: Corpus, subjects: Iterable[str], kinds: Iterable[str], *, mirror: bool = False
) -> TrainingSet:
    """Look at the clean records and the labels of some subjects, and of nobody else.

    Parameters
    ----------
    corpus : Corpus
        With role ``"reference"`` (or ``"motion"``: labels of inverse kinematics).
    subjects : iterable of str
        Codes of the training subjects.
    kinds : iterable of str
        Kinds of target to learn.
    mirror : bool
        Add the mirror image of every labelled trial whose sensors come in pairs.

    Returns
    -------
    TrainingSet

    Raises
    ------
    CorpusMismatch
        If no trial has a label, or rates or sensors differ between trials.
    """
    require_labels(corpus)
    chosen = set(subjects)
    survey = _Survey(corpus, tuple(target for target in ALL_TARGETS if target.kind in set(kinds)), mirror)
    who = f"{corpus.path}, training subjects {', '.join(sorted(chosen))}"
    for subject, name in corpus.trials():
        if subject in chosen:
            survey.add(corpus.read(subject, name, clean=True))
    if not survey.has_value.any():
        raise CorpusMismatch(
            f"{who}: expected labels of the kinds {', '.join(kinds)}, found none. "
            "Train on a reference corpus (`kinesynth gait reference`), not on motion or predictions."
        )
    if not survey.records:
        why = "; ".join(f"{code}/{name}: {reason}" for code, name, reason in survey.left_out)[:600]
        raise CorpusMismatch(f"{who}: expected trials that can teach, found none: {why}.")
    if len(survey.rates) > 1:
        found = ", ".join(f"{rate:g}" for rate in sorted(survey.rates))
        raise CorpusMismatch(f"{who}: expected one rate in all trials, found {found} Hz. Resample the trials first.")
    columns = np.flatnonzero(survey.has_value)
    return TrainingSet(
        path=corpus.path,
        records=tuple(replace(record, summary=record.summary.of_targets(columns)) for record in survey.records),
        sensors=survey.sensors,
        targets=tuple(survey.wanted[column] for column in columns),
        rate=survey.rates.pop(),
        left_out=tuple(survey.left_out),
        digest=survey.digest.hexdigest(),
    )


class _Survey:
    """What is known after some trials were looked at."""

    def __init__(self, corpus: Corpus, wanted: tuple[Target, ...], mirror: bool) -> None:
        self.corpus, self.wanted, self.mirror = corpus, wanted, mirror
        self.has_value = np.zeros(len(wanted), dtype=bool)
        self.rates: set[float] = set()
        self.sensors: tuple[str, ...] = ()
        self.records: list[StoredRecord] = []
        self.left_out: list[tuple[str, str, str]] = []
        self.digest = hashlib.sha256()
        self._reflections: dict[bytes, Reflection] = {}

    def add(self, trial: CorpusTrial) -> None:
        """Look at a trial with clean records, and let its arrays go."""
        self.has_value |= np.isfinite(read_targets(trial, self.wanted)).any(axis=0)
        self.rates.add(trial.rate)
        self.sensors = self.sensors or sensor_names(trial)
        key = (trial.subject.code, trial.name)
        if not trial.recordings:
            self.left_out.append((*key, trial.reason or "no inertial records"))
            return
        record = trial_record(trial, self.sensors, self.wanted)
        if not len(record.labelled_frames):
            self.left_out.append((*key, why_no_label(record, trial.reason)))
            return
        self._note(record)
        runs = [(run.start, run.stop) for run in labelled_runs(np.isfinite(record.labels).any(axis=1))]
        stored = StoredRecord(
            *key,
            n_frames=record.n_frames,
            labelled=np.array(runs),
            labels=stored_labels(trial, self.corpus.value_places(*key)),
            has_gaps=any(
                not np.isfinite(values).all()
                for recording in trial.recordings
                for values in (recording.specific_force, recording.angular_velocity)
            ),
            reflection=None,
            summary=summarise(record),
            doubts=record.doubts,
        )
        self.records.append(stored)
        if self.mirror and can_mirror(trial):
            image = trial_record(mirror_trial(trial), self.sensors, self.wanted)
            self.records.append(replace(stored, reflection=self._reflection(trial), summary=summarise(image)))

    def _reflection(self, trial: CorpusTrial) -> Reflection:
        """The reflection of a trial's sensors; trials whose sensors sit alike share it."""
        made = reflection_of([recording.placement for recording in trial.recordings])
        return self._reflections.setdefault(made.matrix.tobytes(), made)

    def _note(self, record: TrialRecord) -> None:
        """Add a record to the digest."""
        self.digest.update(json.dumps([record.subject, record.name, record.rate, record.inputs.shape]).encode())
        for values in (record.inputs, record.labels, record.is_missing):
            self.digest.update(np.ascontiguousarray(values).tobytes())
