"""Record gap: whether virtual records are whole enough to be records at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap_import.stretch import stretches
from mocap_import.trial import TrialRefused
from synth.imu.recording import ImuRecording

LONGEST_GAP = 0.25
"""Seconds without a value inside a record that are kept as NaN: less than a swing phase (0.4 s of a stride of 1 s), so
that no gap hides a whole phase of gait (an assumption)."""
LARGEST_SHARE = 0.10
"""Share of a record, gaps inside it together, that is kept as NaN (an assumption)."""
_FRAMES, _SPLINE_FRAMES = 3, 6
"""Frames in a row from which differences give a sample, and splines of the fifth degree."""


@dataclass
class SensorGaps:
    """Samples without a value of one sensor, as its record passes block by block.

    A person walks into the volume and out of it, so stretches that touch an end of the record are no gaps.

    Attributes
    ----------
    n_frames, n_absent : int
        Frames so far, and those without a value.
    inside : list of int
        Lengths (frames) of the gaps that are over.
    """

    n_frames: int = 0
    n_absent: int = 0
    inside: list[int] = field(default_factory=list)
    _open: int = 0

    def add(self, absent: np.ndarray) -> None:
        """Take the next block of the mask (n,) of samples without a value."""
        if self._open and len(absent) and not absent[0]:
            self._close(self._open, self.n_frames)
            self._open = 0
        for start, stop in zip(*stretches(absent), strict=True):
            length = int(stop - start) + (self._open if start == 0 else 0)
            if stop == len(absent):
                self._open = length
            else:
                self._close(length, self.n_frames + int(stop))
                self._open = 0
        self.n_frames += len(absent)
        self.n_absent += int(absent.sum())

    def _close(self, length: int, stop: int) -> None:
        if length < stop:
            self.inside.append(length)


class GapCount:
    """Samples without a value of several sensors.

    Parameters
    ----------
    sensors : sequence of str
    rate : float
        Hz.
    """

    def __init__(self, sensors: Sequence[str], rate: float) -> None:
        self.rate = rate
        self.sensors = {sensor: SensorGaps() for sensor in sensors}

    def add(self, recordings: Sequence[ImuRecording]) -> None:
        """Count a block of records."""
        for recording in recordings:
            self.sensors[recording.placement.sensor].add(np.isnan(recording.specific_force[:, 0]))

    def facts(self) -> dict[str, float]:
        """Share of samples without a value, and gaps inside the records."""
        found = self.sensors.values()
        n_frames = sum(sensor.n_frames for sensor in found)
        return {
            "missing": sum(sensor.n_absent for sensor in found) / max(n_frames, 1),
            "gaps": sum(len(sensor.inside) for sensor in found),
        }

    def refuse(self, where: str, *, allow_gaps: bool = False) -> None:
        """Refuse records that hold nothing or too little.

        Parameters
        ----------
        where : str
            Of the trial, for the sentence.
        allow_gaps : bool
            Keep gaps of any length as NaN; a sensor without a single sample is refused all the same.

        Raises
        ------
        TrialRefused
        """
        for sensor, found in self.sensors.items():
            if found.n_absent == found.n_frames:
                raise TrialRefused(
                    f"{where}: sensor {sensor} has no sample (frames in the trial: {found.n_frames}). A record needs "
                    f"at least {_FRAMES} frames in a row with the pose of its segment, by splines {_SPLINE_FRAMES}."
                )
            if allow_gaps or not found.inside:
                continue
            longest, share = max(found.inside) / self.rate, sum(found.inside) / found.n_frames
            if longest > LONGEST_GAP + 0.5 / self.rate or share > LARGEST_SHARE:
                raise TrialRefused(
                    f"{where}: sensor {sensor} has no value for {longest:.2g} s in one stretch and for "
                    f"{100 * share:.2g} % inside its record; expected at most {LONGEST_GAP:g} s and "
                    f"{100 * LARGEST_SHARE:g} %. Fill or cut the trial, or keep gaps as NaN (--allow-gaps)."
                )


def check_gaps(recordings: Sequence[ImuRecording], where: str, *, allow_gaps: bool = False) -> dict[str, float]:
    """Refuse records that hold nothing or too little, see `GapCount.refuse`.

    Returns
    -------
    dict
        missing, gaps: see `GapCount.facts`.
    """
    count = GapCount([recording.placement.sensor for recording in recordings], recordings[0].rate)
    count.add(recordings)
    count.refuse(where, allow_gaps=allow_gaps)
    return count.facts()
