"""The index of a corpus: one table with where the records of each trial lie, so that nobody opens a million groups.

The writer stores it when it closes (since schema version 3). It repeats what the trials say themselves: `kinesynth
corpus check` compares the two, and whoever reads places from it looks at some of the trials to see whether it is true.
"""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import numpy as np

from synth.corpus.node import CorpusNode
from synth.corpus.schema import IMU_DTYPE, VALUE_DTYPE, CorpusMismatch
from synth.corpus.stored_array import store_array, store_text

GROUP = "index"
_INTEGER = np.dtype("<i8")
_SEPARATOR = "\n"  # no name holds a control character


@dataclass(frozen=True)
class TrialPlace:
    """A trial and where its records lie.

    Attributes
    ----------
    rate : float
        Hz.
    n_frames : int
        Of the records.
    offset : int
        Bytes from the beginning of the file to the first record; -1 without records.
    sensors : tuple of str
    """

    rate: float
    n_frames: int
    offset: int
    sensors: tuple[str, ...]


@dataclass(frozen=True)
class TrialIndex:
    """All trials of a corpus, sorted by subject and trial.

    Attributes
    ----------
    keys : tuple of (subject, trial)
    rate : ndarray, shape (n_trials,)
        Hz.
    n_frames, offset, sensor_set : ndarray of int, shape (n_trials,)
        As in `TrialPlace`; `sensor_set` is a place in `sensor_sets`, -1 without records.
    sensor_sets : tuple of tuple of str
    """

    keys: tuple[tuple[str, str], ...]
    rate: np.ndarray
    n_frames: np.ndarray
    offset: np.ndarray
    sensor_set: np.ndarray
    sensor_sets: tuple[tuple[str, ...], ...]

    def place(self, number: int) -> TrialPlace:
        """What it says of one trial."""
        which = int(self.sensor_set[number])
        sensors = self.sensor_sets[which] if which >= 0 else ()
        return TrialPlace(float(self.rate[number]), int(self.n_frames[number]), int(self.offset[number]), sensors)


def index_of(places: dict[tuple[str, str], TrialPlace]) -> TrialIndex:
    """The table of trials, whatever their order."""
    keys = sorted(places)
    rows = [places[key] for key in keys]
    sets = {sensors: number for number, sensors in enumerate(sorted({row.sensors for row in rows if row.sensors}))}
    return TrialIndex(
        tuple(keys),
        np.array([row.rate for row in rows], dtype="<f8"),
        np.array([row.n_frames for row in rows], dtype=_INTEGER),
        np.array([row.offset for row in rows], dtype=_INTEGER),
        np.array([sets.get(row.sensors, -1) for row in rows], dtype=_INTEGER),
        tuple(sets),
    )


def store_index(root: h5py.Group, index: TrialIndex) -> None:
    """Write the index into a file."""
    group = root.create_group(GROUP)
    store_text(group, "subject", [subject for subject, _ in index.keys])
    store_text(group, "trial", [trial for _, trial in index.keys])
    store_array(group, "rate", index.rate, {"units": "Hz"})
    for name, unit in (("n_frames", "1"), ("offset", "byte"), ("sensor_set", "1")):
        store_array(group, name, getattr(index, name), {"units": unit})
    store_text(group, "sensor_sets", [_SEPARATOR.join(sensors) for sensors in index.sensor_sets])


def stored_index(root: CorpusNode) -> TrialIndex | None:
    """Read the index of a file.

    Returns
    -------
    TrialIndex or None
        None where the file has none.

    Raises
    ------
    CorpusMismatch
        It is no table of the trials of this file: columns of several lengths, places outside the file, or another
        number of trials than some subject has.
    """
    if not root.has(GROUP):
        return None
    node = root.child(GROUP)
    subjects, trials = node.texts("subject"), node.texts("trial")
    sets = tuple(tuple(text.split(_SEPARATOR)) for text in node.texts("sensor_sets"))
    rate, n_frames, offset, which = (node.dataset(name)[...] for name in ("rate", "n_frames", "offset", "sensor_set"))
    index = TrialIndex(tuple(zip(subjects, trials, strict=False)), rate, n_frames, offset, which, sets)
    columns = (trials, rate, n_frames, offset, which)
    if any(len(column) != len(subjects) for column in columns) or any(
        column.dtype != kind for column, kind in zip(columns[1:], (VALUE_DTYPE, *[_INTEGER] * 3), strict=True)
    ):
        raise _wrong(node, "its columns do not fit each other")
    if len(which) and not (which.min() >= -1 and which.max() < len(sets)):
        raise _wrong(node, "it names a set of sensors that it does not hold")
    widths = np.array([*(len(sensors) for sensors in sets), 0], dtype=np.int64) * 6 * IMU_DTYPE.itemsize
    row = widths[which]
    if ((n_frames < 0) | (offset < -1) | (n_frames > root.file_bytes)).any() or (
        (offset >= 0) & (offset > root.file_bytes - n_frames * row)
    ).any():
        raise _wrong(node, "a place lies outside the file")
    _require_counts(root, node, subjects)
    return index


def _require_counts(root: CorpusNode, node: CorpusNode, subjects: list[str]) -> None:
    """Raise unless every subject has as many trials as the index says."""
    codes, counts = np.unique(np.array(subjects, dtype=object), return_counts=True)
    people = root.child("subjects")
    held = {code: len(people.child(code).child("trials").group) for code in people.group}
    if {code: n for code, n in held.items() if n} != dict(zip(codes.tolist(), counts.tolist(), strict=True)):
        raise _wrong(node, "it lists other trials than the file holds")


def _wrong(node: CorpusNode, why: str) -> CorpusMismatch:
    return CorpusMismatch(f"{node.where} is not the index of this file: {why}. Copy the file again, or make it anew.")


def place_of_trial(trial: CorpusNode) -> TrialPlace:
    """What a trial says of itself.

    Raises
    ------
    CorpusMismatch
        Its records are no table of the sensors that it names, or end beyond the end of the file.
    """
    rate = float(trial.attribute("rate"))
    if not trial.has("imu"):
        return TrialPlace(rate, int(trial.attribute("n_frames")), -1, ())
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
    return TrialPlace(rate, records.shape[0], -1 if offset is None else offset, sensors)


def index_faults(root: CorpusNode) -> list[str]:
    """Compare a stored index with the trials of its file; one sentence for each trial that differs."""
    index = stored_index(root)
    if index is None:
        return []
    faults, people = [], root.child("subjects")
    said = {key: number for number, key in enumerate(index.keys)}
    for code, person in people.children():
        for name, trial in person.child("trials").children():
            number = said.pop((code, name), None)
            if number is None:
                faults.append(f"{GROUP} lacks {code}/{name}")
                continue
            try:
                true, told = place_of_trial(trial), index.place(number)
            except CorpusMismatch:  # what is wrong with the trial itself is said elsewhere
                continue
            wrong = [
                key for key in ("rate", "n_frames", "offset", "sensors") if getattr(true, key) != getattr(told, key)
            ]
            if wrong:
                faults.append(
                    f"{GROUP} says {wrong[0]} {getattr(told, wrong[0])} of {code}/{name}, which has "
                    f"{getattr(true, wrong[0])}"
                )
    return faults + [f"{GROUP} lists {'/'.join(key)}, which is not in the file" for key in said]
