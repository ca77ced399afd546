"""Gait window: two seconds of seven sensors and what is true of them, in units that do not know a person's size.

Specific force is in g, angular velocity times sqrt(stature / g), both along the axes of the segments; 50 samples a
second. A network is scored where the middle of a window lies, so that nothing is scored at an edge but the ends of a
record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY
from synth.corpus.trial import CorpusTrial
from synth.imu.placement import SEVEN_SENSORS
from training.gait_cycles import cycle_times
from training.target import Target
from training.window import trial_record

RATE = 50.0
"""Samples per second (Hz) that networks see."""
LENGTH, STEP = 96, 48
"""Frames of a window, and from one to the next."""
SENSORS = tuple(p.sensor for p in SEVEN_SENSORS)
FORCES = (Target("ground_reaction", "ground_force_y_r"), Target("ground_reaction", "ground_force_y_l"))
ANGLES = tuple(Target("angle", f"{c}_{s}") for s in "rl" for c in ("hip_flexion", "knee_angle", "ankle_angle"))
TARGETS = (*FORCES, *ANGLES)
COLUMNS = {"force": (0, 1), "angle": tuple(range(2, len(TARGETS)))}
"""Task → columns of `TARGETS`."""
_SMOOTH = 20.0
_PADDED = 0.5
"""Share of a window that must be recorded; a shorter record is no window."""


@dataclass(frozen=True)
class GaitWindows:
    """Windows, one row each.

    Attributes
    ----------
    inputs : ndarray, shape (n, 96, 42), float32
        Sensor by sensor (`SENSORS`): force x y z, velocity x y z; the ends of a short record are repeated.
    labels : ndarray, shape (n, 96, 8), float32
        `TARGETS`: body weights and rad; NaN where unknown.
    core : ndarray of bool, shape (n, 96)
        Frames that are scored in this window; every labelled frame of a trial in exactly one, but
        for windows with a gap in their sensors: these are left out, and their frames are scored nowhere.
    phase : ndarray, shape (n, 96), float32
        Of the right foot's cycle by the shank's gyroscope, 0 to 1; NaN where none is seen.
    person, trial : ndarray of str, shape (n,)
    """

    inputs: np.ndarray
    labels: np.ndarray
    core: np.ndarray
    phase: np.ndarray
    person: np.ndarray
    trial: np.ndarray

    def __len__(self) -> int:
        """Windows."""
        return len(self.inputs)

    def rows(self, rows: np.ndarray) -> GaitWindows:
        """Some windows."""
        return GaitWindows(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    def of(self, people: Collection[str]) -> GaitWindows:
        """Windows of some people."""
        return self.rows(np.flatnonzero(np.isin(self.person, list(people))))

    @property
    def people(self) -> list[str]:
        """Codes of all people, sorted."""
        return sorted(set(map(str, self.person)))

    def arrays(self, columns: Sequence[int]) -> dict[str, np.ndarray]:
        """What a network is taught: inputs, and labels of a task alone (NaN elsewhere)."""
        labels = np.full_like(self.labels, np.nan)
        labels[..., list(columns)] = self.labels[..., list(columns)]
        return {"inputs": self.inputs, "labels": labels}


def joined(parts: Sequence[GaitWindows]) -> GaitWindows:
    """Windows of several trials in a row."""
    names = GaitWindows.__dataclass_fields__
    return GaitWindows(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def windows_of(trial: CorpusTrial, person: str = "") -> GaitWindows | None:
    """Cut a trial into windows.

    Parameters
    ----------
    trial : CorpusTrial
        With the errors of its sensors, or without.
    person : str
        Code to use in the place of the subject's.

    Returns
    -------
    GaitWindows or None
        None for a trial without sensors or stature, or one too short.

    Raises
    ------
    CorpusMismatch
        If one of the seven sensors is missing.
    """
    if not trial.recordings or trial.status == "refused" or not np.isfinite(trial.subject.height):
        return None
    record = trial_record(_along_segments(trial), SENSORS, TARGETS)
    times = np.arange(int((record.n_frames - 1) / record.rate * RATE) + 1) / RATE
    if len(times) < _PADDED * LENGTH:
        return None
    clock = np.arange(record.n_frames) / record.rate
    inputs = _columns_at(_smooth(record.inputs, record.rate), clock, times) * _units(trial.subject.height)
    labels = _columns_at(record.labels, clock, times)
    missing = np.interp(times, clock, record.is_missing) > 0
    phase = phase_at(cycle_times(trial, own_events=True), times)
    missing_labels = np.where(missing[:, None], np.nan, labels)
    return _cut(inputs, missing_labels, phase, missing, (person or trial.subject.code, trial.name))


def possible_windows(trial: CorpusTrial) -> int:
    """How many windows a trial has if its sensors have no gap, see `windows_of`."""
    n_frames = len(trial.recordings[0].specific_force) if trial.recordings else 0
    times = int((n_frames - 1) / trial.rate * RATE) + 1 if n_frames else 0
    return len(_starts(max(times, LENGTH))) if times >= _PADDED * LENGTH else 0


def _starts(n_frames: int) -> list[int]:
    """First frames of the windows of a record, every `STEP` frames and the last that fits."""
    last = n_frames - LENGTH
    return [*range(0, last, STEP), last]


def _along_segments(trial: CorpusTrial) -> CorpusTrial:
    """The same trial with sensors whose axes are those of their segments, however they are mounted."""
    return replace(
        trial,
        recordings=tuple(
            replace(
                r,
                placement=replace(r.placement, mounting=Rotation.identity()),
                specific_force=r.specific_force @ r.placement.mounting.as_matrix().T,
                angular_velocity=r.angular_velocity @ r.placement.mounting.as_matrix().T,
            )
            for r in trial.recordings
        ),
    )


def _cut(
    inputs: np.ndarray, labels: np.ndarray, phase: np.ndarray, missing: np.ndarray, names: tuple[str, str]
) -> GaitWindows | None:
    """Windows every `STEP` frames; those with a long gap in their sensors are left out."""
    short = max(LENGTH - len(inputs), 0)
    before = short // 2
    if short:
        ends = (before, short - before)
        inputs = np.pad(inputs, (ends, (0, 0)), mode="edge")
        labels = np.pad(labels, (ends, (0, 0)), constant_values=np.nan)
        phase, missing = np.pad(phase, ends, constant_values=np.nan), np.pad(missing, ends)
    starts = _starts(len(inputs))
    margin = (LENGTH - STEP) // 2
    parts, done = [], 0
    for number, start in enumerate(starts):
        end = len(inputs) if number == len(starts) - 1 else start + margin + STEP
        core = np.zeros(LENGTH, dtype=bool)
        core[done - start : end - start] = True
        done = end
        window = slice(start, start + LENGTH)
        if not missing[window].any():
            parts.append((inputs[window], labels[window], core, phase[window]))
    if not parts:
        return None
    arrays = [np.stack(column) for column in zip(*parts, strict=True)]
    person, trial = (np.full(len(parts), name, dtype=object).astype(str) for name in names)
    return GaitWindows(
        arrays[0].astype(np.float32),
        arrays[1].astype(np.float32),
        arrays[2],
        arrays[3].astype(np.float32),
        person,
        trial,
    )


def phase_at(cycles: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Phase (0 to 1) at some instants, of cycles (n, 2) in seconds; each end's cycle goes on for one more."""
    if not len(cycles):
        return np.full(len(times), np.nan)
    phase = np.full(len(times), np.nan)
    first, last = cycles[0], cycles[-1]
    around = np.vstack([first - (first[1] - first[0]), cycles, last + (last[1] - last[0])])
    for begin, end in around:
        inside = (times >= begin) & (times < end) & np.isnan(phase)
        phase[inside] = (times[inside] - begin) / (end - begin)
    return phase


def _smooth(values: np.ndarray, rate: float) -> np.ndarray:
    """Low-pass (zero-phase) so that nothing above half of `RATE` folds down; slower records stay as they are."""
    if rate <= 2.0 * _SMOOTH * 1.1 or len(values) < 30:
        return values
    return sosfiltfilt(butter(4, _SMOOTH, fs=rate, output="sos"), values, axis=0)


def _columns_at(values: np.ndarray, clock: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(times, clock, column) for column in values.T], axis=1)


def _units(height: float) -> np.ndarray:
    """Factors (42,) from SI to numbers without dimension."""
    return np.tile(np.repeat([1.0 / STANDARD_GRAVITY, np.sqrt(height / STANDARD_GRAVITY)], 3), len(SENSORS))


def plain(windows: GaitWindows) -> dict[str, np.ndarray]:
    """Windows as named arrays, for a file."""
    return {name: getattr(windows, name) for name in GaitWindows.__dataclass_fields__}


def content(windows: GaitWindows) -> str:
    """Hash of windows: equal ones teach equal networks."""
    digest = hashlib.sha256()
    for array in plain(windows).values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
