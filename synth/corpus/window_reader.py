"""The window reader: random windows of inertial records for training, without loading a corpus.

The whole file is one memory map, however many trials it holds; a window is one copy out of it. Nothing is opened before
the first batch, and each process opens its own, so a reader may be forked or pickled. Batch b of epoch e depends on
(seed, e, b) and the file alone, so any division of batches among processes gives the same stream.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from synth.corpus.node import open_node
from synth.corpus.reader import Corpus
from synth.corpus.schema import IMU_DTYPE, CorpusMismatch
from synth.corpus.window_index import index_windows
from synth.imu.error_recipe import ImuErrors, apply_errors, errors_of_epoch

ERRORS = ("clean", "stored")
_OPEN_ARRAYS = 4096  # handles of HDF5 that the portable way keeps; one costs about 1 kB


@dataclass(frozen=True)
class RecordWindows:
    """A batch of windows.

    Attributes
    ----------
    records : ndarray, shape (n_windows, length, n_channels), float32
        Sensor by sensor: specific force x, y, z (m/s²), angular velocity x, y, z (rad/s); NaN = missing.
    trial : ndarray of int, shape (n_windows,)
        Place in the `trials` of the reader.
    start : ndarray of int, shape (n_windows,)
        First frame of each window in its trial.
    """

    records: np.ndarray
    trial: np.ndarray
    start: np.ndarray


class WindowReader:
    """Random windows of a corpus; each window of each trial is equally likely.

    Parameters
    ----------
    path : Path
    length : int
        Frames of a window.
    seed : int
        Root of all draws.
    subjects : iterable of str, optional
        Codes of the subjects to draw from; all by default.
    trials : iterable of (subject, trial), optional
        Only these of their trials.
    errors : {"clean", "stored"} or ImuErrors
        Records as simulated; with the recipe of the corpus; or with another. Errors are drawn for whole trials
        (filters, drift and clocks have a memory), as `Corpus.read` draws them; some of these records are kept.
    fresh_errors : bool
        Errors are drawn anew in each epoch, from the seed of the recipe and the epoch; epoch 0 is as stored.
    kept_bytes : int
        Records with errors that each process keeps; a corpus that does not fit is drawn again and again.
    portable : bool
        Read through HDF5 instead of a memory map, for file systems without one.

    Attributes
    ----------
    trials : tuple of (subject, trial)
    sensors : tuple of str
    rate : float
        Hz.
    left_out : tuple of (subject, trial, reason)

    Raises
    ------
    CorpusMismatch
        As `index_windows`; later, if another file took the place of the indexed one.
    """

    def __init__(
        self,
        path: Path | str,
        length: int,
        *,
        seed: int = 0,
        subjects: Iterable[str] | None = None,
        trials: Iterable[tuple[str, str]] | None = None,
        errors: str | ImuErrors = "clean",
        fresh_errors: bool = False,
        kept_bytes: int = 1 << 28,
        portable: bool = False,
    ) -> None:
        if not isinstance(errors, ImuErrors) and errors not in ERRORS:
            raise CorpusMismatch(f"{path}: errors {errors!r}: expected {' or '.join(map(repr, ERRORS))} or a recipe.")
        self.index = index_windows(path, length, subjects, trials)
        self.length, self.seed = length, seed
        self.errors, self.fresh_errors, self.kept_bytes = errors, fresh_errors, kept_bytes
        self.portable = portable
        self._corpus = None if errors == "clean" else Corpus(path)
        self._forget()

    def _forget(self) -> None:
        """Open nothing, keep nothing."""
        self._process = -1
        self._map: np.ndarray | None = None
        self._file: h5py.File | None = None
        self._arrays: dict[int, h5py.Dataset] = {}
        self._worn: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()

    def __getstate__(self) -> dict:
        """All but what a process opens for itself."""
        closed = {"_process": -1, "_map": None, "_file": None, "_arrays": {}, "_worn": OrderedDict()}
        return self.__dict__ | closed

    @property
    def trials(self) -> tuple[tuple[str, str], ...]:
        """(subject code, trial name) of every trial that gives windows."""
        return self.index.trials

    @property
    def sensors(self) -> tuple[str, ...]:
        """Sensors in the order of the channels."""
        return self.index.sensors

    @property
    def rate(self) -> float:
        """Frames a second (Hz)."""
        return self.index.rate

    @property
    def left_out(self) -> tuple[tuple[str, str, str], ...]:
        """Trials without a window, and why."""
        return self.index.left_out

    def __len__(self) -> int:
        """Number of different windows."""
        return int(self.index.window_ends[-1])

    def draw(self, epoch: int, number: int, n_windows: int) -> tuple[np.ndarray, np.ndarray]:
        """Trial and first frame of the windows of one batch."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch, number)))
        ends = self.index.window_ends
        chosen = rng.integers(ends[-1], size=n_windows)
        trial = np.searchsorted(ends, chosen, side="right")
        before = np.where(trial > 0, ends[trial - 1], 0)
        return trial, chosen - before

    def batch(self, epoch: int, number: int, n_windows: int, out: np.ndarray | None = None) -> RecordWindows:
        """One batch of windows, the same on every machine and in every process.

        Parameters
        ----------
        epoch, number : int
            Which batch, from 0.
        n_windows : int
        out : ndarray, shape (n_windows, length, n_channels), float32, optional
            Filled and returned instead of new memory, which halves the cost of a batch.

        Raises
        ------
        CorpusMismatch
            If another file took the place of the one that was indexed.
        """
        trial, start = self.draw(epoch, number, n_windows)
        shape = (n_windows, self.length, self.index.n_channels)
        if out is None:
            out = np.empty(shape, dtype=IMU_DTYPE)
        elif out.shape != shape or out.dtype != IMU_DTYPE:
            raise CorpusMismatch(f"out has shape {out.shape} and type {out.dtype}; expected {shape} {IMU_DTYPE}.")
        self._open()
        if self._corpus is not None:
            for row, (t, s) in enumerate(zip(trial.tolist(), start.tolist(), strict=True)):
                out[row] = self._worn_records(t, epoch)[s : s + self.length]
        elif self.portable:
            for row, (t, s) in enumerate(zip(trial.tolist(), start.tolist(), strict=True)):
                out[row] = self._array(t)[s : s + self.length].reshape(shape[1:])
        else:
            self._copy_mapped(trial, start, out, self.file_bytes())
        return RecordWindows(out, trial, start)

    def records_at(self, trial: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Clean records of windows at chosen places, (n_windows, length, n_channels) float32.

        Parameters
        ----------
        trial : ndarray of int, shape (n_windows,)
            Place in `trials`.
        start : ndarray of int, shape (n_windows,)
            First frame, from 0 to the number of frames less `length`.

        Raises
        ------
        CorpusMismatch
            If another file took the place of the one that was indexed.
        """
        out = np.empty((len(trial), self.length, self.index.n_channels), dtype=IMU_DTYPE)
        self._copy_mapped(np.asarray(trial), np.asarray(start), out, self.file_bytes())
        return out

    def whole_records(self, trial: int) -> np.ndarray:
        """Clean records of a trial, (n_frames, n_channels) float32, as a view of the file."""
        index = self.index
        shape = (int(index.n_frames[trial]), index.n_channels)
        stop = int(index.offsets[trial]) + shape[0] * shape[1] * IMU_DTYPE.itemsize
        return self.file_bytes()[int(index.offsets[trial]) : stop].view(IMU_DTYPE).reshape(shape)

    def file_bytes(self) -> np.ndarray:
        """The whole file as bytes, mapped once in each process."""
        self._open()
        if self._map is None:
            # A plain array over the map: slices of `numpy.memmap` cost more than the copy of a window.
            self._map = np.asarray(np.memmap(self.index.path, dtype=np.uint8, mode="r"))
        return self._map

    def stream(self, epoch: int, n_batches: int, n_windows: int) -> Iterator[RecordWindows]:
        """The batches of one epoch, in order."""
        for number in range(n_batches):
            yield self.batch(epoch, number, n_windows)

    def _copy_mapped(self, trial: np.ndarray, start: np.ndarray, out: np.ndarray, mapped: np.ndarray) -> None:
        """Copy each window, which is one stretch of bytes of the file."""
        n_bytes = self.length * self.index.n_channels * IMU_DTYPE.itemsize
        first = self.index.offsets[trial] + start * (self.index.n_channels * IMU_DTYPE.itemsize)
        rows = out.reshape(len(out), -1).view(np.uint8)
        for row, place in zip(rows, first.tolist(), strict=True):
            row[:] = mapped[place : place + n_bytes]

    def _array(self, trial: int) -> h5py.Dataset:
        """Records of one trial in HDF5, opened; the index has seen that they lie in this file."""
        if trial not in self._arrays:
            if len(self._arrays) >= _OPEN_ARRAYS:
                self._arrays.clear()
            self._arrays[trial] = self._file["/subjects/{}/trials/{}/imu/records".format(*self.trials[trial])]
        return self._arrays[trial]

    def _open(self) -> None:
        """Open the file once in each process; after a fork a child forgets what its parent opened."""
        if self._process == os.getpid():
            return
        self._forget()
        self.index.require_same_file()
        if self.portable and self._corpus is None:
            with open_node(self.index.path):  # whatever is wrong is said in our words
                self._file = h5py.File(self.index.path, "r")
        self._process = os.getpid()

    def _worn_records(self, trial: int, epoch: int) -> np.ndarray:
        """Records with errors of one trial, (n_frames, n_channels) float32, kept while there is room."""
        key = (trial, epoch if self.fresh_errors else 0)
        if key in self._worn:
            self._worn.move_to_end(key)
            return self._worn[key]
        self.index.require_same_file()
        subject, name = self.trials[trial]
        if self.errors == "stored":
            recordings = self._corpus.read(subject, name, epoch=key[1]).recordings
        else:
            clean = self._corpus.read(subject, name, clean=True).recordings
            recordings = apply_errors(clean, errors_of_epoch(self.errors, key[1]), subject=subject, trial=name)
        records = np.concatenate([np.hstack([r.specific_force, r.angular_velocity]) for r in recordings], axis=1)
        self._worn[key] = records = records.astype(IMU_DTYPE)
        while len(self._worn) > 1 and sum(kept.nbytes for kept in self._worn.values()) > self.kept_bytes:
            self._worn.popitem(last=False)
        return records
