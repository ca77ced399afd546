"""A training set in memory: records that are made for a training and stand in no corpus, such as those of one joint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.gait_phase import labelled_runs
from training.record_summary import RecordSummary, summarise
from training.target import Target
from training.window import TrialRecord, Windows, why_no_label
from training.window_source import drawn_places, window_length


@dataclass(frozen=True)
class MemoryRecord:
    """A record with what is to be known of it; see `training.training_set.StoredRecord`.

    Attributes
    ----------
    record : TrialRecord
    labelled : ndarray of int, shape (n_runs, 2)
        First frame and end of each stretch of frames with at least one label.
    summary : RecordSummary
    """

    record: TrialRecord
    labelled: np.ndarray
    summary: RecordSummary
    is_mirrored: bool = False

    @property
    def subject(self) -> str:
        """As in the record."""
        return self.record.subject

    @property
    def name(self) -> str:
        """As in the record."""
        return self.record.name

    @property
    def n_frames(self) -> int:
        """As in the record."""
        return self.record.n_frames

    @property
    def n_labelled_frames(self) -> int:
        """Frames with at least one label."""
        return int((self.labelled[:, 1] - self.labelled[:, 0]).sum())


@dataclass(frozen=True)
class MemoryTrainingSet:
    """Labelled records in memory; trained on like a `training.training_set.TrainingSet`.

    Attributes
    ----------
    records : tuple of MemoryRecord
    sensors : tuple of str
    targets : tuple of Target
    rate : float
        Frames per second (Hz), the same in all records.
    left_out : tuple of (subject, trial, reason)
    digest : str
        SHA-256 of all records and labels.
    """

    records: tuple[MemoryRecord, ...]
    sensors: tuple[str, ...]
    targets: tuple[Target, ...]
    rate: float
    left_out: tuple[tuple[str, str, str], ...]
    digest: str

    @property
    def doubts(self) -> tuple[str, ...]:
        """Sentences about records that teach although some of them has no value."""
        return tuple(f"{r.subject}/{r.name}: {doubt}" for r in self.records for doubt in r.record.doubts)

    @property
    def n_labelled_trials(self) -> int:
        """Records whose labels are used."""
        return len(self.records)

    @property
    def n_labelled_frames(self) -> int:
        """Frames with at least one label."""
        return sum(record.n_labelled_frames for record in self.records)

    def source(self, seconds: float) -> MemorySource:
        """Windows of so many seconds."""
        return MemorySource(self.records, window_length(self.records, seconds, self.rate))


class MemorySource:
    """Windows of records in memory; draws the same places as a `training.window_source.WindowSource` would.

    Parameters
    ----------
    records : sequence of MemoryRecord
    length : int
        Frames of a window.
    """

    def __init__(self, records: Sequence[MemoryRecord], length: int) -> None:
        self.records, self.length = records, length

    def draw(self, n_windows: int, rng: np.random.Generator) -> Windows:
        """Draw random windows; see `training.window_source.drawn_places`."""
        chosen, starts = drawn_places(self.records, self.length, n_windows, rng)
        spans = [(self.records[r].record, slice(s, s + self.length)) for r, s in zip(chosen, starts, strict=True)]
        inputs = np.stack([record.inputs[span] for record, span in spans])
        labels = np.stack([record.labels[span] for record, span in spans])
        return Windows(inputs, labels, chosen, starts)


def memory_training_set(
    records: Sequence[TrialRecord], sensors: Sequence[str], targets: Sequence[Target], rate: float
) -> MemoryTrainingSet:
    """Take records that have a label, and name those that have none."""
    kept, left_out, digest = [], [], hashlib.sha256()
    for record in records:
        runs = labelled_runs(np.isfinite(record.labels).any(axis=1))
        if not runs:
            left_out.append((record.subject, record.name, why_no_label(record)))
            continue
        kept.append(MemoryRecord(record, np.array([(run.start, run.stop) for run in runs]), summarise(record)))
        digest.update(json.dumps([record.subject, record.name, record.rate, record.inputs.shape]).encode())
        for values in (record.inputs, record.labels, record.is_missing):
            digest.update(np.ascontiguousarray(values).tobytes())
    return MemoryTrainingSet(tuple(kept), tuple(sensors), tuple(targets), rate, tuple(left_out), digest.hexdigest())
