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
from synth.corpus.trial_index import TrialIndex, TrialPlace, index_of, place_of_trial, stored_index


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


def index_windows(
    path: Path | str,
    length: int,
    subjects: Iterable[str] | None = None,
    trials: Iterable[tuple[str, str]] | None = None,
) -> WindowIndex:
    """Find the records of a corpus, without reading them.

    Parameters
    ----------
    path : Path
    length : int
        Frames of a window.
    subjects : iterable of str, optional
        Codes; all by default.
    trials : iterable of (subject, trial), optional
        Only these of their trials.

    Raises
    ------
    CorpusMismatch
        The file is no sound corpus, a subject is not in it, no trial has `length` frames, or sensors or rates differ.
    """
    path, chosen = Path(path), None if trials is None else frozenset(trials)
    if length < 1:
        raise CorpusMismatch(f"{path}: a window has 1 frame or more; got {length}.")
    with open_node(path) as node:
        identity, codes = FileIdentity.of(path), sorted(node.child("subjects").group.keys())
        wanted = codes if subjects is None else sorted(set(subjects))
        strangers = sorted(set(wanted) - set(codes))
        if strangers:
            raise CorpusMismatch(f"{path}: subject {strangers[0]!r} is not in it; there are {', '.join(codes)}.")
        index = stored_index(node)
        if index is None:
            index = index_of(_places(node, wanted, chosen))
        else:
            _require_true(node, index)
    members = set(wanted)
    mine = np.array(
        [code in members and (chosen is None or (code, name) in chosen) for code, name in index.keys], dtype=bool
    )
    has_records = (index.offset >= 0) & (index.sensor_set >= 0)
    fits = mine & has_records & (index.n_frames >= length)
    left_out = tuple(
        (*index.keys[number], _unfit(bool(has_records[number]), int(index.n_frames[number]), length))
        for number in np.flatnonzero(mine & ~fits)
    )
    if not fits.any():
        said = "; ".join(f"{code}/{name}: {reason}" for code, name, reason in left_out[:3]) or "no trial"
        raise CorpusMismatch(f"{path}: no trial gives a window of {length} frames. {said}")
    numbers = np.flatnonzero(fits)
    _require_common(path, index, numbers, index.rate, "rate (Hz)")
    _require_common(path, index, numbers, index.sensor_set, "sensors")
    first = index.place(int(numbers[0]))
    return WindowIndex(
        path=path,
        identity=identity,
        trials=tuple(index.keys[number] for number in numbers),
        offsets=index.offset[numbers].astype(np.int64),
        n_frames=index.n_frames[numbers].astype(np.int64),
        sensors=first.sensors,
        rate=first.rate,
        length=length,
        left_out=left_out,
    )


def _places(
    node: CorpusNode, subjects: list[str], chosen: frozenset[tuple[str, str]] | None
) -> dict[tuple[str, str], TrialPlace]:
    """Look at each trial of a file without an index."""
    found = {}
    for code in subjects:
        own = node.child("subjects").child(code).child("trials")
        for name in sorted(own.group.keys()):
            if chosen is None or (code, name) in chosen:
                found[code, name] = _plain_place(own, name) or place_of_trial(own.child(name))
    return found


_N_LOOKS = 16


def _require_true(node: CorpusNode, index: TrialIndex) -> None:
    """Look at some trials of all: other programs that copy HDF5 files move arrays and leave the index as it is."""
    for number in np.unique(np.linspace(0, len(index.keys) - 1, _N_LOOKS).astype(int)) if index.keys else ():
        code, name = index.keys[number]
        trial = node.child("subjects").child(code).child("trials").child(name)
        if place_of_trial(trial) != index.place(int(number)):
            raise CorpusMismatch(
                f"{trial.where} lies elsewhere than the index of the file says, as after a copy by another program. "
                "Use the original, or write the file anew (`kinesynth corpus split --add`)."
            )


_TEXT = h5py.string_dtype()


def _plain_place(trials: CorpusNode, name: str) -> TrialPlace | None:
    """As `place_of_trial`, at half of its cost, for a trial that is just as we write it; None for any other.

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
    return TrialPlace(float(hertz), shape[0], offset, tuple(text.decode() for text in texts))


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


def _unfit(has_records: bool, n_frames: int, length: int) -> str:
    """Why a trial gives no window."""
    return f"{n_frames} frames, a window has {length}" if has_records else "no inertial records"


def _require_common(path: Path, index: TrialIndex, numbers: np.ndarray, column: np.ndarray, what: str) -> None:
    """Raise unless all trials share a value."""
    other = numbers[column[numbers] != column[numbers[0]]]
    if len(other):
        one, two = int(numbers[0]), int(other[0])
        values = [index.place(n).sensors if what == "sensors" else index.place(n).rate for n in (one, two)]
        names = ["/".join(index.keys[n]) for n in (one, two)]
        raise CorpusMismatch(
            f"{path}: expected the same {what} in all trials; {names[0]} has {values[0]}, {names[1]} has {values[1]}. "
            "Choose subjects that agree, or write a corpus that does."
        )
