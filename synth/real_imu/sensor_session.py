"""Sensor session: what several real sensors recorded together, first as the file says it, then in our convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap_import.stretch import stretches
from mocap_import.trial import Treatment
from synth.imu.recording import ImuRecording
from synth.real_imu.convention import ImuConvention, RecordingRefused

LONGEST_GAP = 1.0
"""Seconds without a sample that are kept without asking: about one stride. A stride and more is a part of the movement
that nobody saw, and lag, spectra and statistics would silently be those of the rest [assumption]."""
LARGEST_SHARE = 0.2
"""Share of a recording missing in gaps of any length that is kept without asking: radio losses that people publish are
far below; with more, most blocks of two seconds have a hole [assumption]."""


@dataclass(frozen=True)
class FileReadings:
    """Numbers of one or several files, in the files' own units, axes and signs.

    Attributes
    ----------
    name : str
        Of the recording, e.g. the common part of its file names.
    sensors : tuple of str
        As the file names them.
    acceleration, angular_velocity : ndarray, shape (n_frames, n_sensors, 3)
        NaN where a packet is missing, or everywhere if the file has no such channel.
    quaternions : ndarray, shape (n_frames, n_sensors, 4), or None
        Scalar first, sensor → the file's world; NaN where unknown.
    rate : float
        Hz.
    start_time : float
        Seconds on the file's clock at the first row; 0 if it has none.
    source : tuple of Path
    stated : Mapping of str to str
        Entries of a convention that the file or its format states (``{"acceleration_unit": "m/s2"}``).
    assumed : tuple of str
        Entries among `stated` that come from the format's documentation, not from the file itself.
    treatments : tuple of Treatment
    """

    name: str
    sensors: tuple[str, ...]
    acceleration: np.ndarray
    angular_velocity: np.ndarray
    rate: float
    source: tuple[Path, ...]
    quaternions: np.ndarray | None = None
    start_time: float = 0.0
    stated: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()


@dataclass(frozen=True)
class SensorSession:
    """Recordings of real sensors that share one clock, in our convention.

    Attributes
    ----------
    name : str
    recordings : tuple of ImuRecording
        Specific force (m/s²) and angular velocity (rad/s) in each sensor's frame; NaN where nothing was recorded. The
        placement names the segment; offset and mounting are zero and the identity unless a table gives them.
    rate : float
        Hz, of every recording.
    start_time : float
        Seconds on the file's clock at the first sample.
    source : tuple of Path
    convention : ImuConvention
        What the numbers were before they became ours.
    quaternions : Mapping of str to ndarray, shape (n_frames, 4)
        By sensor, scalar first: sensor → the file's own world (for Xsens Z up), not our ground; NaN where unknown.
    treatments : tuple of Treatment
        What was trimmed, left empty, left out, guessed or is doubtful.
    """

    name: str
    recordings: tuple[ImuRecording, ...]
    rate: float
    start_time: float
    source: tuple[Path, ...]
    convention: ImuConvention
    quaternions: Mapping[str, np.ndarray] = field(default_factory=dict)
    treatments: tuple[Treatment, ...] = ()

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors, in the order of the recordings."""
        return tuple(r.placement.sensor for r in self.recordings)

    @property
    def n_frames(self) -> int:
        """Samples of every recording."""
        return len(self.recordings[0].specific_force)

    def of(self, sensor: str) -> ImuRecording:
        """Recording of one sensor.

        Raises
        ------
        RecordingRefused
            There is no such sensor.
        """
        for recording in self.recordings:
            if recording.placement.sensor == sensor:
                return recording
        raise RecordingRefused(f"{self.name}: no sensor {sensor!r}; there are {', '.join(self.sensors)}.")


def missing_samples(readings: FileReadings) -> tuple[Treatment, ...]:
    """Count what is NaN: channels that are missing altogether, and stretches of missing samples by sensor."""
    found = []
    for word, values in (("acceleration", readings.acceleration), ("angular_velocity", readings.angular_velocity)):
        empty = ~np.isfinite(values).all(axis=2)
        whole = [name for k, name in enumerate(readings.sensors) if empty[:, k].all()]
        if whole:
            found.append(Treatment(f"no_{word}", f"no {word.replace('_', ' ')} of {', '.join(whole)}: left NaN"))
        counts = [
            f"{name} {int(empty[:, k].sum())} in {_stretches(empty[:, k])}"
            for k, name in enumerate(readings.sensors)
            if empty[:, k].any() and name not in whole
        ]
        if counts:
            detail = f"samples of {word.replace('_', ' ')} missing and left NaN (samples in stretches): "
            found.append(Treatment("samples_missing", detail + ", ".join(counts)))
    return tuple(found)


def long_gaps(readings: FileReadings) -> tuple[str, ...]:
    """Channels that miss more in one piece than `LONGEST_GAP`, or more in all than `LARGEST_SHARE`, as phrases.

    What touches an end of the recording is no gap (a sensor that began late), nor is a channel that is missing.
    """
    found = []
    for word, values in (("acceleration", readings.acceleration), ("angular velocity", readings.angular_velocity)):
        empty = ~np.isfinite(values).all(axis=2)
        for k, name in enumerate(readings.sensors):
            starts, stops = stretches(empty[:, k])
            inside = (starts > 0) & (stops < len(empty))
            lengths, starts = (stops - starts)[inside], starts[inside]
            if not len(lengths):
                continue
            seconds, at = lengths.max() / readings.rate, starts[lengths.argmax()] / readings.rate
            share = lengths.sum() / len(empty)
            if seconds > LONGEST_GAP or share > LARGEST_SHARE:
                found.append(
                    f"{word} of {name} is missing for {seconds:.1f} s from {readings.start_time + at:.2f} s on, and "
                    f"for {100 * share:.0f} % in all"
                )
    return tuple(found)


def _stretches(empty: np.ndarray) -> int:
    return int(empty[0]) + int((np.diff(empty.astype(int)) == 1).sum())
