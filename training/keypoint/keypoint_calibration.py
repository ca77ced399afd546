"""Keypoint calibration: how wide intervals of an ensemble must be, and how much its members usually disagree.

Intervals are conformal over persons (`training.conformal_interval`) in units of the ensemble's SD, from people who
neither taught nor chose anything; the same people tell what doubt is usual. It goes with the networks in their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint_input import ClipArrays
from training.conformal_interval import LEVEL, subject_quantile

if TYPE_CHECKING:
    from training.keypoint.keypoint_lesson import KeypointEstimate

DOUBTED = (*PARAMETERS, "severity")
"""Columns of what networks say of a clip."""
LEAST_SD = 1e-3
_USUAL = 99.0
"""Per cent of clips inside the population whose doubt is usual."""


@dataclass(frozen=True)
class KeypointCalibration:
    """Of an ensemble.

    Attributes
    ----------
    half_width : ndarray, shape (5,)
        Of intervals of each of `DOUBTED`, in units of the SD; inf where too few calibrate.
    typical_sd, largest_sd : ndarray, shape (5,)
        Median of the SD over clips of those who calibrate, and what 99 % of them do not exceed.
    stature : ndarray, shape (2,)
        Least and largest of those who calibrate (m).
    n_people : int
    level : float
        Of the intervals.
    """

    half_width: np.ndarray
    typical_sd: np.ndarray
    largest_sd: np.ndarray
    stature: np.ndarray
    n_people: int
    level: float = LEVEL

    def half_widths(self, said: KeypointEstimate) -> np.ndarray:
        """Half widths (n, 5) of the intervals about what is said of clips, without dimension."""
        return self.half_width * np.maximum(said.scalar_sd, LEAST_SD)

    def doubt(self, said: KeypointEstimate) -> np.ndarray:
        """SD (n, 5) over what is typical inside the population."""
        return said.scalar_sd / np.maximum(self.typical_sd, 1e-12)

    def outside(self, said: KeypointEstimate, stature: np.ndarray) -> np.ndarray:
        """Whether intervals (n, 5) need not hold.

        That is so where members disagree more than on nearly all clips inside, about this or about two others, or
        where nobody inside is so small or so tall.

        Parameters
        ----------
        said : KeypointEstimate
        stature : ndarray, shape (n,)
            m.
        """
        beyond = self.disagrees(said)
        return beyond | ((beyond.sum(axis=1) > 1) | (self.unlike_stature(stature) != 0))[:, None]

    def disagrees(self, said: KeypointEstimate) -> np.ndarray:
        """Whether members disagree about each of `DOUBTED` (n, 5) more than on nearly all clips inside."""
        return said.scalar_sd > self.largest_sd

    def unlike_stature(self, stature: np.ndarray) -> np.ndarray:
        """1 where somebody (n,) is taller than all who calibrate, -1 where smaller, else 0; statures in m."""
        return (stature > self.stature[1]).astype(int) - (stature < self.stature[0])


def calibrate(clips: ClipArrays, said: KeypointEstimate, level: float = LEVEL) -> KeypointCalibration:
    """Calibrate by people who neither taught nor are scored.

    Parameters
    ----------
    clips : ClipArrays
    said : KeypointEstimate
        Of these clips.
    level : float
    """
    widths = [subject_quantile(list(scaled_errors(clips, said, name).values()), level) for name in DOUBTED]
    return KeypointCalibration(
        np.array(widths),
        np.median(said.scalar_sd, axis=0),
        np.percentile(said.scalar_sd, _USUAL, axis=0),
        np.array([clips.stature.min(), clips.stature.max()]),
        len(set(clips.person)),
        level,
    )


def scaled_errors(clips: ClipArrays, said: KeypointEstimate, measure: str) -> dict[str, np.ndarray]:
    """Absolute errors of each person's clips over the ensemble's SD, where the truth is known."""
    column = DOUBTED.index(measure)
    truth = np.column_stack([clips.parameters, clips.severity])[:, column]
    wrong = np.abs(said.scalars[:, column] - truth) / np.maximum(said.scalar_sd[:, column], LEAST_SD)
    by_person = {p: wrong[(clips.person == p) & np.isfinite(wrong)] for p in sorted(set(clips.person))}
    return {person: own for person, own in by_person.items() if len(own)}
