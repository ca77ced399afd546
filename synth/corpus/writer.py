"""The writer of corpora: a file appears under its name only when it is complete.

Trials go to a temporary file in the target folder, which is closed, synced to disk and renamed over the target at the
end: a process killed at any moment leaves the old corpus as it was. A long production writes one small corpus a trial
or a subject and joins them with `merge_corpora`, whose bytes do not depend on the order in which they were finished.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import h5py

from mocap_import.durable_file import os_words
from mocap_import.subject import Subject
from synth.corpus.encoding import store_trial, trial_bytes
from synth.corpus.lock import CorpusLock
from synth.corpus.measured_time import MeasuredTime, run_mark, write_times
from synth.corpus.provenance import Provenance, versions
from synth.corpus.reader import Corpus
from synth.corpus.schema import (
    GROUND_FRAME,
    IMU_DTYPE,
    ROLES,
    SCHEMA_NAME,
    SCHEMA_VERSION,
    CorpusMismatch,
    require_name,
)
from synth.corpus.subject_split import SubjectSplit
from synth.corpus.trial import CorpusTrial
from synth.corpus.trial_index import TrialPlace, index_of, store_index
from synth.imu.recording import ImuRecording, SensorPlacement

_METADATA_BYTES = 64 * 1024  # generous room for the groups and attributes of one trial


class CorpusWriter:
    """Write a corpus, trial by trial; use it in a ``with`` statement.

    Parameters
    ----------
    path : Path
        The file to make (or to replace, once the new one is complete).
    role : {"motion", "reference", "baseline", "prediction"}
    config : mapping, optional
        The full resolved configuration of the run, JSON-able.
    seed : int
    sources : mapping, optional
        Source name → SHA-256.
    splits : sequence of SubjectSplit
        Subject splits to be used with this corpus; each must be disjoint.
    resume_from : Path, optional
        A corpus whose trials are copied first, and skipped by asking `has`.

    Raises
    ------
    CorpusMismatch
        Another writer is at work, the folder is read-only or missing, the disk is full, or a trial does not fit.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        role: str = "motion",
        config: Mapping | None = None,
        seed: int = 0,
        sources: Mapping[str, str] | None = None,
        splits: Sequence[SubjectSplit] = (),
        resume_from: Path | str | None = None,
    ) -> None:
        if role not in ROLES:
            raise CorpusMismatch(f"{path}: role {role!r} is unknown; expected one of {', '.join(ROLES)}.")
        self.path = Path(path)
        self.role = role
        self.provenance = Provenance(versions(), seed, dict(config or {}), dict(sources or {}))
        self.splits = tuple(splits)
        self.resume_from = Path(resume_from) if resume_from is not None else None
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        self._lock = CorpusLock(self.path)
        self._file: h5py.File | None = None
        self._subjects: dict[str, Subject] = {}
        self._trials: dict[tuple[str, str], TrialPlace] = {}
        self._times: dict[tuple[str, str], MeasuredTime] = {}

    def __enter__(self) -> CorpusWriter:
        try:
            self._lock.acquire()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            for leftover in self.path.parent.glob(f".{self.path.name}.*.tmp"):  # of killed writers: the lock is ours
                leftover.unlink(missing_ok=True)
            self._file = h5py.File(self._temporary, "w", alignment_threshold=512, alignment_interval=64)
            self._write_head()
            if self.resume_from is not None:
                self.copy_trials(Corpus(self.resume_from))
        except BaseException as error:
            self._abandon()
            if is_of_disk(error):
                raise cannot_write(self.path, error) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        if self._file is None:
            raise CorpusMismatch(f"{self.path} was given up when a trial could not be written; nothing was changed.")
        try:
            store_index(self._file, index_of(self._trials))
            self._file.close()
            self._file = None
            _sync(self._temporary)
            rows = ((*key, time) for key, time in self._times.items())
            write_times(self.path, run_mark(self.provenance.to_json()), rows)  # first: no corpus lacks its times
            self._temporary.replace(self.path)
            _sync(self.path.parent)
        except (OSError, RuntimeError, ValueError) as failure:
            self._abandon()
            raise cannot_write(self.path, failure) from failure
        finally:
            self._lock.release()

    @property
    def n_trials(self) -> int:
        """Number of trials appended or copied so far."""
        return len(self._trials)

    def has(self, subject: str, name: str) -> bool:
        """Whether this trial has been appended or copied already."""
        return (subject, name) in self._trials

    def append(self, trial: CorpusTrial) -> None:
        """Add one trial, with clean records.

        Raises
        ------
        CorpusMismatch
            If the trial is there already, its arrays disagree in length or rate, a name or word is not allowed, the
            subject's facts contradict an earlier trial's, or the disk is full. Nothing of it is stored then.
        """
        self._append(trial, trial_bytes(trial), None)

    def append_stream(
        self,
        trial: CorpusTrial,
        placements: Sequence[SensorPlacement],
        n_frames: int,
        blocks: Iterable[Sequence[ImuRecording]],
    ) -> None:
        """Add one trial whose records are still being made, in memory that does not grow with its length.

        Parameters
        ----------
        trial : CorpusTrial
            Without arrays.
        placements : sequence of SensorPlacement
        n_frames : int
            Of all blocks together.
        blocks : iterable of sequences of ImuRecording
            One record a placement, stretch after stretch.

        Raises
        ------
        CorpusMismatch
            As `append`.
        """
        for placement in placements:
            require_name(placement.sensor, f"{self.path}: sensor")
        n_bytes = n_frames * len(placements) * (6 * IMU_DTYPE.itemsize + 2)
        self._append(trial, n_bytes, (placements, n_frames, blocks))

    def _append(
        self,
        trial: CorpusTrial,
        n_bytes: int,
        stream: tuple[Sequence[SensorPlacement], int, Iterable[Sequence[ImuRecording]]] | None,
    ) -> None:
        if self._file is None:
            raise CorpusMismatch(f"{self.path}: the writer is not open; use `with CorpusWriter(...) as corpus:`.")
        key = (trial.subject.code, trial.name)
        where = f"{self.path}: trial {key[0]}/{key[1]}"
        if key in self._trials:
            raise CorpusMismatch(f"{where} is in the corpus already. Give it another name.")
        known = self._subjects.get(key[0])
        if known is not None and repr(known) != repr(trial.subject):  # repr: NaN equals NaN
            raise CorpusMismatch(f"{where} says {trial.subject}, earlier trials say {known}. One code is one person.")
        try:
            self._require_space(n_bytes)
            store_trial(self._file["subjects"], trial, where, stream=stream)
            place = self._place(trial, stream)
        except CorpusMismatch:  # refused before anything was written
            raise
        except BaseException as error:
            self._abandon()  # half a trial may be in the temporary file: it must never get a name
            if is_of_disk(error):
                raise cannot_write(self.path, error) from error
            raise
        self._subjects[key[0]] = trial.subject
        self._times[key] = MeasuredTime.of(trial)
        self._trials[key] = place

    def _place(self, trial: CorpusTrial, stream: tuple[Sequence[SensorPlacement], int, object] | None) -> TrialPlace:
        """Where the records of a trial that was just stored lie."""
        placements = stream[0] if stream else [recording.placement for recording in trial.recordings]
        n_frames = stream[1] if stream else trial.n_frames
        if not placements:
            return TrialPlace(float(trial.rate), n_frames, -1, ())
        place = f"subjects/{trial.subject.code}/trials/{trial.name}/imu/records"
        offset = h5py.h5d.open(self._file.id, place.encode()).get_offset()
        sensors = tuple(placement.sensor for placement in placements)
        return TrialPlace(float(trial.rate), n_frames, -1 if offset is None else offset, sensors)

    def copy_trials(self, corpus: Corpus) -> None:
        """Append every trial of another corpus unchanged (clean records and their recipe)."""
        for subject, name in corpus.trials():
            self.append(corpus.read(subject, name, clean=True))

    def _write_head(self) -> None:
        attributes = self._file.attrs
        attributes["schema"] = SCHEMA_NAME
        attributes["schema_version"] = SCHEMA_VERSION
        attributes["role"] = self.role
        attributes["ground_frame"] = GROUND_FRAME
        attributes["missing"] = "NaN, and False in the companion <name>_mask"
        text = h5py.string_dtype()
        self._file.create_dataset("provenance", data=self.provenance.to_json(), dtype=text, track_times=False)
        splits = json.dumps([split.as_dict() for split in self.splits], sort_keys=True)
        self._file.create_dataset("splits", data=splits, dtype=text, track_times=False)
        self._file.create_group("subjects")

    def _require_space(self, n_bytes: int) -> None:
        needed = n_bytes + _METADATA_BYTES
        free = shutil.disk_usage(self.path.parent or ".").free
        if free < needed:
            raise OSError(28, f"{free} bytes free, {needed} needed")

    def _abandon(self) -> None:
        if self._file is not None:
            with suppress(OSError, RuntimeError, ValueError):  # what could not be written cannot be flushed either
                self._file.close()
            self._file = None
        self._temporary.unlink(missing_ok=True)
        self._lock.release()


def is_of_disk(error: BaseException) -> bool:
    """Whether the system refused to write; HDF5 says so by errors of several kinds, with the system's number."""
    return isinstance(error, OSError) or (isinstance(error, (RuntimeError, ValueError)) and "errno = " in str(error))


def cannot_write(path: Path, error: Exception) -> CorpusMismatch:
    """The sentence for a folder or a disk that does not take a corpus, in the words of the system."""
    reason = os_words(error) if isinstance(error, OSError) else os_words(OSError(str(error)))
    return CorpusMismatch(
        f"{path} cannot be written ({reason}). Expected an existing, writable folder with space left; "
        "an earlier corpus there is unchanged. Choose another folder or free space, then run again."
    )


def merge_corpora(
    parts: Iterable[Path | str],
    out: Path | str,
    *,
    role: str = "motion",
    config: Mapping | None = None,
    seed: int = 0,
    sources: Mapping[str, str] | None = None,
    splits: Sequence[SubjectSplit] = (),
    with_recipe: bool = False,
) -> int:
    """Join corpora into one, in the order of subject and trial names; return the number of trials.

    The result has the same bytes whatever the order of `parts`, and those of a corpus that was written in one go. With
    `with_recipe` it holds the recipe of the merge, the parts by SHA-256: for corpora that are kept and merged again.

    Raises
    ------
    CorpusMismatch
        A trial is in two of them.
    """
    from synth.corpus.merge_recipe import merge_recipe  # recipes are read by readers, which need no writer

    parts, config = list(parts), dict(config or {})
    if with_recipe:
        made = merge_recipe(parts, role, config, seed, sources, splits)
        config["recipe"] = made.model_dump(mode="json")
    found: dict[tuple[str, str], Corpus] = {}
    for part in parts:
        corpus = Corpus(part)
        for key in corpus.trials():
            if key in found:
                raise CorpusMismatch(f"{out}: trial {key[0]}/{key[1]} is in both {found[key].path} and {corpus.path}.")
            found[key] = corpus
    with CorpusWriter(out, role=role, config=config, seed=seed, sources=sources, splits=splits) as writer:
        for key in sorted(found):
            writer.append(found[key].read(*key, clean=True))
    return len(found)


def _sync(path: Path) -> None:
    """Flush a file, or the folder entry of a renamed file, to disk."""
    try:
        descriptor = os.open(path or ".", os.O_RDONLY)
    except PermissionError:  # Windows opens no folders; a file of ours is always readable
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
