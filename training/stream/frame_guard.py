"""Frame guard: what every streaming network does with a frame of readings before it looks at it.

Sensors are put into the network's order, short silences are bridged by the last whole frame, lost frames are seen in
the time stamps and stand as so many repeats of it, and the first seconds are looked at for another rate, wrong units
and exchanged sides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synth.corpus.schema import CorpusMismatch
from training.input_check import WearingSignature, check_channels
from training.record_gap import BRIDGE_SECONDS

CHECKED_SECONDS = 4.0
"""Length (s) of the stretch that is looked at for wrong units and exchanged sides: two to four strides."""
RATE_TOLERANCE = 0.02
"""Part by which the clock of the readings may differ from the rate of the training."""


class Taken(NamedTuple):
    """What a network is to do with one frame of readings.

    Attributes
    ----------
    frames : tuple of ndarray, shape (6 n_sensors,)
        To be read one after the other, in the network's order: the last whole frame once for every frame that was lost,
        then this one or what bridges it; empty if there is nothing to estimate from.
    begins : bool
        Whether a memory must begin anew: the first frame, or the first after a silence too long to bridge.
    """

    frames: tuple[np.ndarray, ...]
    begins: bool


class FrameGuard:
    """Readings on their way into a network.

    Parameters
    ----------
    wanted : sequence of str
        Sensors of the network, in the order of its channels.
    trained_rate : float
        Hz.
    where : str
        Of errors: the network's file.
    sensors : sequence of str, optional
        Sensors of the readings, in the order of their channels; default: `wanted`.
    rate : float, optional
        Of the readings (Hz).
    signature : WearingSignature, optional
        How the sensors were worn in training.

    Raises
    ------
    CorpusMismatch
        A sensor is missing or the rate is another one.
    """

    def __init__(
        self,
        wanted: Sequence[str],
        trained_rate: float,
        where: str,
        sensors: Sequence[str] | None = None,
        rate: float | None = None,
        signature: WearingSignature | None = None,
    ) -> None:
        self._sensors, self._rate, self._signature = tuple(wanted), trained_rate, signature
        given = tuple(sensors or wanted)
        self._order, self._shape = _channel_order(self._sensors, given, where), (6 * len(given),)
        if rate is not None and abs(rate / trained_rate - 1) > RATE_TOLERANCE:
            raise CorpusMismatch(
                f"{where}: expected readings at {trained_rate:g} Hz as in training, found {rate:g} Hz. "
                "Set the sensors to that rate, or train at theirs."
            )
        self._longest_gap = round(BRIDGE_SECONDS * trained_rate)
        self._checked = np.empty((round(CHECKED_SECONDS * trained_rate), 6 * len(self._sensors)), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget what came before, what was refused with it."""
        self._frame = np.zeros(6 * len(self._sensors), np.float32)
        self._unknown = self._longest_gap + 1  # nothing to bridge with yet
        self._n_seen = 0
        self._last_time: float | None = None
        self._steps: list[float] = []
        self._refusal = ""
        self._is_rate_seen = False
        self.findings: tuple[str, ...] = ()

    def take(self, channels: np.ndarray, time: float | None = None) -> Taken:
        """Take one frame.

        Parameters
        ----------
        channels : ndarray, shape (6 n_sensors,)
            Specific force (m/s²) and angular velocity (rad/s) sensor by sensor; NaN = no value.
        time : float, optional
            Time stamp (s) of the frame; a gap between two stamps counts as missing frames.

        Returns
        -------
        Taken

        Raises
        ------
        CorpusMismatch
            The frame has another shape, time goes back, or, once `CHECKED_SECONDS` have been seen, another rate by the
            time stamps or wrong units; the latter two again and again until `reset`.
        """
        if self._refusal:
            raise CorpusMismatch(self._refusal)
        channels = np.asarray(channels, np.float32)
        if channels.shape != self._shape:
            raise CorpusMismatch(
                f"frame of readings: expected {self._shape[0]} values in a row, 6 for each of {self._shape[0] // 6} "
                f"sensors, found shape {channels.shape}. Give one frame at a time, and name other sensors by `sensors`."
            )
        lost = self._lost_before(time)
        channels = channels.take(self._order)
        before = (self._frame,) * lost if self._unknown + lost <= self._longest_gap else ()
        self._unknown += lost
        begins = False
        if math.isfinite(
            channels.dot(channels)
        ):  # one value that is not finite makes the sum so; squares do not cancel
            begins = self._unknown > self._longest_gap
            self._frame, self._unknown = channels, 0
        else:
            self._unknown += 1
        if self._n_seen < len(self._checked):
            self._look(channels)
        return Taken((*before, self._frame), begins) if self._unknown <= self._longest_gap else Taken((), False)

    def _lost_before(self, time: float | None) -> int:
        """Frames that are missing between the last time stamp and this one."""
        last, self._last_time = self._last_time, time
        if time is None or last is None:
            return 0
        if time <= last:
            self._last_time = last
            raise CorpusMismatch(f"time stamps must grow; {last:g} s is followed by {time:g} s. Sort the readings.")
        if not self._is_rate_seen:
            self._look_at_rate(time - last)
        return max(round((time - last) * self._rate) - 1, 0)

    def _look_at_rate(self, step: float) -> None:
        """Judge the rate by the usual step between stamps, once the first seconds are over."""
        self._steps.append(step)
        if len(self._steps) < len(self._checked) - 1 and sum(self._steps) < CHECKED_SECONDS - 0.5 / self._rate:
            return
        self._is_rate_seen, steps = True, np.array(self._steps)
        usual = np.median(steps)
        rate = 1.0 / steps[np.abs(steps - usual) <= 0.5 * usual].mean()  # stamps may be rounded, frames lost
        if abs(rate / self._rate - 1) > RATE_TOLERANCE:
            self._refuse(
                f"time stamps of the first {sum(self._steps):.1f} s: expected readings at {self._rate:g} Hz as in "
                f"training, found {rate:.3g} Hz. Set the sensors to that rate, or train at theirs."
            )

    def _refuse(self, sentence: str) -> None:
        self._refusal = sentence
        raise CorpusMismatch(sentence)

    def _look(self, channels: np.ndarray) -> None:
        """Judge the first seconds once they are whole."""
        self._checked[self._n_seen] = channels
        self._n_seen += 1
        if self._n_seen < len(self._checked):
            return
        found = check_channels(self._checked, self._sensors, self._rate, self._signature)
        refusals = [finding.sentence for finding in found if finding.is_refusal]
        if refusals:
            self._refuse(f"readings of the first {CHECKED_SECONDS:g} s: {'; '.join(refusals)}.")
        self.findings = tuple(finding.sentence for finding in found)


def _channel_order(wanted: Sequence[str], given: Sequence[str], where: str) -> np.ndarray:
    lacking = [sensor for sensor in wanted if sensor not in given]
    if lacking:
        raise CorpusMismatch(
            f"{where}: expected readings of the sensors {', '.join(wanted)}; {', '.join(lacking)} missing, found "
            f"{', '.join(given) or 'none'}. Use a network of the sensors that are worn."
        )
    return np.concatenate([6 * list(given).index(sensor) + np.arange(6) for sensor in wanted])
