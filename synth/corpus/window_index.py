"""The index of a corpus for random windows: where the records of each trial lie in the file, and how long they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from synth.corpus.node import CorpusNode, open_node
from synth.corpus.schema import IMU_DTYPE, CorpusMismatch


@dataclass(frozen=True)
class FileIdentity:
    """What tells whether a path still names the file that was indexed: device, number, size and time of change."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @staticmethod
    def of(path: Path) -> FileIdentity:
        """Identity of a file as it is now."""
        found = path.stat()
        return FileIdentity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class WindowIndex:
    """Records of the trials of one corpus, as places in its file.

    Attributes
    ----------
    path : Path
    identity : FileIdentity
        Of the file that was indexed.
    trials : tuple of (subject, trial)
    offsets : ndarray of int, shape (n_trials,)
        Bytes from the beginning of the file to the first record.
    n_frames : ndarray of int, shape (n_trials,)
    sensors : tuple of str
        The same in all trials, in the order of the channels (six a sensor).
    rate : float
        Hz, the same in all trials.
    length : int
        Frames of a window; a shorter trial is not in the index.
    left_out : tuple of (subject, trial, reason)
        Trials of these subjects that give no window.
    """

    path: Path
    identity: FileIdentity
    trials: tuple[tuple[str, str], ...]
    offsets: np.ndarray
    n_frames: np.ndarray
    sensors: tuple[str, ...]
    rate: float
    length: int
    left_out: tuple[tuple[str, str, str], ...] = ()

    @property
    def n_channels(self) -> int:
        """Channels of a window."""
        return 6 * len(self.sensors)

    @cached_property
    def window_ends(self) -> np.ndarray:
        """Number of windows of all trials up to and with each one; the last is that of the corpus."""
        return np.cumsum(self.n_frames - self.length + 1)

    def require_same_file(self) -> None:
        """Raise if another file took the place of the one that was indexed."""
        if FileIdentity.of(self.path) != self.identity:
            raise CorpusMismatch(
                f"{self.path} changed after this reader was made; its windows would come from other places. "
                "Make a new reader."
            )


def index_windows(path: Path | str, length: int, subjects: Iterable[str] | None = None) -> WindowIndex:
    """Find the records of a corpus, without reading them.

    Parameters
    ----------
    path : Path
    length : int
        Frames of a window.
    subjects : iterable of str, optional
        Codes; all by default.

    Raises
    ------
    CorpusMismatch
        The file is no sound corpus, a subject is not in it, no trial has `length` frames, or sensors or rates differ.
    """
    path = Path(path)
    if length < 1:
        raise CorpusMismatch(f"{path}: a window has 1 frame or more; got {length}.")
    found, left_out = [], []
    with open_node(path) as node:
        identity = FileIdentity.of(path)
        people = node.child("subjects")
        codes = sorted(people.group.keys())
        wanted = codes if subjects is None else sorted(set(subjects))
        strangers = sorted(set(wanted) - set(codes))
        if strangers:
            raise CorpusMismatch(f"{path}: subject {strangers[0]!r} is not in it; there are {', '.join(codes)}.")
        for code in wanted:
            trials = people.child(code).child("trials")
            for name in sorted(trials.group.keys()):
                place = _plain_place(trials, name) or _records_place(trials.child(name))
                reason = _unfit(place, length)
                (left_out.append((code, name, reason)) if reason else found.append((code, name, *place)))
    if not found:
        said = "; ".join(f"{code}/{name}: {reason}" for code, name, reason in left_out[:3]) or "no trial"
        raise CorpusMismatch(f"{path}: no trial gives a window of {length} frames. {said}")
    rate, sensors = (_common(path, found, column, what) for column, what in ((4, "rate (Hz)"), (5, "sensors")))
    offsets, n_frames = (np.array([row[column] for row in found], dtype=np.int64) for column in (2, 3))
    keys = tuple((row[0], row[1]) for row in found)
    return WindowIndex(path, identity, keys, offsets, n_frames, sensors, rate, length, tuple(left_out))


_TEXT = h5py.string_dtype()
_OfTrial = tuple[int | None, int, float, tuple[str, ...]]
"""Offset, frames, rate and sensors."""


def _plain_place(trials: CorpusNode, name: str) -> _OfTrial | None:
    """As `_records_place`, at half of its cost, for a trial that is just as we write it; None for any other.

    The same is asked as by `CorpusNode`: hard links only, to groups and contiguous arrays inside the file.
    """
    trial = _linked(trials.group.id, name.encode(), h5py.h5g.GroupID)
    imu = None if trial is None else _linked(trial, b"imu", h5py.h5g.GroupID)
    records = None if imu is None else _linked(imu, b"records", h5py.h5d.DatasetID)
    sensors = None if records is None else _linked(imu, b"sensors", h5py.h5d.DatasetID)
    if sensors is None or not h5py.h5a.exists(trial, b"rate"):
        return None
    rate = h5py.h5a.open(trial, b"rate")
    shape, n_sensors = records.shape, sensors.shape
    if rate.shape != () or not rate.get_type().equal(h5py.h5t.IEEE_F64LE):
        return None
    if len(shape) != 3 or shape[1:] != (*n_sensors, 6) or records.dtype != IMU_DTYPE:
        return None
    if not _is_contiguous(records) or not _is_contiguous(sensors) or sensors.get_type().get_class() != h5py.h5t.STRING:
        return None
    offset, n_bytes = records.get_offset(), math.prod(shape) * IMU_DTYPE.itemsize
    if offset is None or offset + n_bytes > trials.file_bytes or n_sensors[0] * 8 > trials.file_bytes:
        return None
    hertz, texts = np.empty((), np.float64), np.empty(n_sensors, _TEXT)
    rate.read(hertz)
    sensors.read(h5py.h5s.ALL, h5py.h5s.ALL, texts)
    return offset, shape[0], float(hertz), tuple(text.decode() for text in texts)


def _linked(group: h5py.h5g.GroupID, name: bytes, kind: type) -> h5py.h5g.GroupID | h5py.h5d.DatasetID | None:
    """A member by a hard link, if it is of this kind."""
    if not group.links.exists(name) or group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
        return None
    found = h5py.h5o.open(group, name)
    return found if isinstance(found, kind) else None


def _is_contiguous(array: h5py.h5d.DatasetID) -> bool:
    """Whether an array lies in one piece in its own file."""
    properties = array.get_create_plist()
    return properties.get_layout() == h5py.h5d.CONTIGUOUS and properties.get_external_count() == 0


def _records_place(trial: CorpusNode) -> _OfTrial:
    """Offset, frames, rate and sensors of one trial, or what is wrong with it."""
    rate = float(trial.attribute("rate"))
    if not trial.has("imu"):
        return None, 0, rate, ()
    imu = trial.child("imu")
    records, sensors = imu.dataset("records"), tuple(imu.texts("sensors"))
    if records.dtype != IMU_DTYPE or records.shape[1:] != (len(sensors), 6):
        raise CorpusMismatch(
            f"{imu.where}/records: expected {IMU_DTYPE} (n_frames, {len(sensors)}, 6), found {records.dtype} "
            f"{records.shape}."
        )
    offset = records.id.get_offset()
    if offset is not None and offset + records.nbytes > trial.file_bytes:
        raise CorpusMismatch(f"{imu.where}/records ends beyond the end of the file. Copy it again.")
    return offset, records.shape[0], rate, sensors


def _unfit(place: _OfTrial, length: int) -> str:
    """Why a trial gives no window; empty if it does."""
    offset, n_frames, _, sensors = place
    if not sensors or offset is None:
        return "no inertial records"
    return f"{n_frames} frames, a window has {length}" if n_frames < length else ""


def _common(path: Path, found: list[tuple], column: int, what: str) -> float | tuple[str, ...]:
    """The value that all trials share."""
    first = found[0]
    for row in found:
        if row[column] != first[column]:
            raise CorpusMismatch(
                f"{path}: expected the same {what} in all trials; {first[0]}/{first[1]} has {first[column]}, "
                f"{row[0]}/{row[1]} has {row[column]}. Choose subjects that agree, or write a corpus that does."
            )
    return first[column]
