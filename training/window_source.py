"""The source of a training's windows: cut out of the corpus when they are drawn, so that nothing is loaded before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from synth.corpus.schema import CorpusMismatch
from synth.corpus.window_reader import WindowReader
from training.record_gap import bridge_gaps
from training.target import ALL_TARGETS
from training.training_set import StoredRecord, TrainingSet
from training.window import TrialRecord, Windows


class LabelledRecord(Protocol):
    """What must be known of a record to draw windows from it; see `StoredRecord`."""

    n_frames: int
    labelled: np.ndarray

    @property
    def n_labelled_frames(self) -> int:
        """Frames with at least one label."""


class WindowSource:
    """Windows of the records of a training set.

    Parameters
    ----------
    data : TrainingSet
    seconds : float
        Length of a window; the shortest trial's if that is less.
    kept_bytes : int
        Trials with gaps are bridged as wholes; so much of them is kept in each process.

    Attributes
    ----------
    length : int
        Frames of a window.

    Raises
    ------
    CorpusMismatch
        There is no record, or their sensors differ.
    """

    def __init__(self, data: TrainingSet, seconds: float, *, kept_bytes: int = 1 << 28) -> None:
        self.records, self.rate = data.records, data.rate
        self.length = window_length(data.records, seconds, data.rate)
        keys = {(record.subject, record.name) for record in data.records}
        self.reader = WindowReader(data.path, self.length, subjects={subject for subject, _ in keys}, trials=keys)
        place = {key: number for number, key in enumerate(self.reader.trials)}
        self._trials = np.array([place[record.subject, record.name] for record in data.records])
        self._columns = np.array([ALL_TARGETS.index(target) for target in data.targets])
        self.kept_bytes = kept_bytes
        self._bridged: OrderedDict[int, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def __getstate__(self) -> dict:
        """All but the trials that were bridged."""
        return self.__dict__ | {"_bridged": OrderedDict()}

    def draw(self, n_windows: int, rng: np.random.Generator) -> Windows:
        """Draw random windows, each from one record and around a labelled frame.

        Parameters
        ----------
        n_windows : int
        rng : numpy.random.Generator

        Returns
        -------
        Windows
            Records are drawn evenly; the labelled frame falls anywhere in its window.
        """
        return self.windows(*drawn_places(self.records, self.length, n_windows, rng))

    def windows(self, record: np.ndarray, start: np.ndarray) -> Windows:
        """Windows at chosen places.

        Parameters
        ----------
        record, start : ndarray of int, shape (n_windows,)
            Place in `records`; first frame.
        """
        inputs = self.reader.records_at(self._trials[record], start)
        labels = np.empty((len(record), self.length, len(self._columns)), dtype=np.float32)
        for i, number in enumerate(record):
            inputs[i], labels[i] = self._finished(int(number), int(start[i]), inputs[i])
        return Windows(inputs, labels, np.asarray(record), np.asarray(start))

    def whole(self, number: int) -> TrialRecord:
        """A whole record, as a window of its full length."""
        record = self.records[number]
        is_missing = np.zeros(record.n_frames, dtype=bool)
        if record.has_gaps:
            is_missing = self._bridged_trial(int(self._trials[number]))[1]
        inputs = np.array(self.reader.whole_records(int(self._trials[number])))
        inputs, labels = self._finished(number, 0, inputs)
        return TrialRecord(record.subject, record.name, self.rate, inputs, is_missing, labels)

    def _finished(self, number: int, start: int, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs without gaps, mirrored if the record is, and the labels beside them."""
        record: StoredRecord = self.records[number]
        length = len(inputs)
        stored = record.labels.read(self.reader.file_bytes(), start, length, mirrored=record.is_mirrored)
        labels = stored[:, self._columns].astype(np.float32)
        if record.has_gaps:
            bridged, is_missing = self._bridged_trial(int(self._trials[number]))
            inputs = bridged[start : start + length]
            labels[is_missing[start : start + length]] = np.nan
        return (inputs if record.reflection is None else record.reflection.mirror(inputs)), labels

    def _bridged_trial(self, trial: int) -> tuple[np.ndarray, np.ndarray]:
        """Records of a trial with its gaps bridged, and its missing frames, kept while there is room."""
        if trial in self._bridged:
            self._bridged.move_to_end(trial)
            return self._bridged[trial]
        channels, is_missing = bridge_gaps(self.reader.whole_records(trial).astype(float), self.rate)
        self._bridged[trial] = made = (channels.astype(np.float32), is_missing)
        while len(self._bridged) > 1 and sum(kept.nbytes for kept, _ in self._bridged.values()) > self.kept_bytes:
            self._bridged.popitem(last=False)
        return made


def window_length(records: Sequence[LabelledRecord], seconds: float, rate: float) -> int:
    """Frames per window: as asked for, or the shortest record's length if that is less.

    Raises
    ------
    CorpusMismatch
        There is no record.
    """
    if not records:
        raise CorpusMismatch("expected at least one labelled training trial, found none; check the reference corpus")
    return max(1, min(round(seconds * rate), min(record.n_frames for record in records)))


def drawn_places(
    records: Sequence[LabelledRecord], length: int, n_windows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Random windows of some records: which record, and the first frame, each (n_windows,).

    Records are drawn evenly; a labelled frame falls anywhere in its window.
    """
    chosen = rng.integers(len(records), size=n_windows)
    nth = rng.integers([records[number].n_labelled_frames for number in chosen])
    before = rng.integers(length, size=n_windows)
    starts = np.empty(n_windows, dtype=int)
    for i, number in enumerate(chosen):
        record = records[number]
        starts[i] = np.clip(_nth_frame(record.labelled, nth[i]) - before[i], 0, record.n_frames - length)
    return chosen, starts


def _nth_frame(runs: np.ndarray, nth: int) -> int:
    """The n-th of the frames that lie in runs (first, end), from 0."""
    ends = np.cumsum(runs[:, 1] - runs[:, 0])
    run = int(np.searchsorted(ends, nth, side="right"))
    return int(runs[run, 1] - (ends[run] - nth))
