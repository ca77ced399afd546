"""Frame guard: what every streaming network does with a frame of readings before it looks at it.

Sensors are put into the network's order, short silences are bridged by the last whole frame, lost frames are seen in
the time stamps and stand as so many repeats of it. Another rate, wrong units, exchanged sides and long silences are
looked for on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synth.corpus.schema import CorpusMismatch
from training.input_check import WearingSignature
from training.record_gap import BRIDGE_SECONDS
from training.stream.running_check import CHECKED_SECONDS, RunningCheck
from training.stream.silence_log import SilenceLog

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
        self._sensors, self._rate = tuple(wanted), trained_rate
        given = tuple(sensors or wanted)
        self._order, self._shape = _channel_order(self._sensors, given, where), (6 * len(given),)
        if rate is not None and abs(rate / trained_rate - 1) > RATE_TOLERANCE:
            raise CorpusMismatch(
                f"{where}: expected readings at {trained_rate:g} Hz as in training, found {rate:g} Hz. "
                "Set the sensors to that rate, or train at theirs."
            )
        self._longest_gap = round(BRIDGE_SECONDS * trained_rate)
        self._check = RunningCheck(self._sensors, trained_rate, signature)
        self._silence = SilenceLog(self._sensors, trained_rate)
        self.reset()

    def reset(self) -> None:
        """Forget what came before, what was refused with it."""
        self._frame = np.zeros(6 * len(self._sensors), np.float32)
        self._unknown = self._longest_gap + 1  # nothing to bridge with yet
        self._n_passed = 0  # lost frames too
        self._first_time: float | None = None
        self._last_time: float | None = None
        self._steps: list[float] = []
        self._refusal = ""
        self._is_rate_seen = False
        self._check.reset()
        self._silence.reset()

    @property
    def findings(self) -> tuple[str, ...]:
        """What is doubtful until now: long silences, sensor by sensor, and exchanged sides."""
        return (*self._silence.sentences(), *self._check.findings)

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
            The frame has another shape, time goes back, or, at the end of a stretch of `CHECKED_SECONDS`, another rate
            by the time stamps (the first stretch) or wrong units (any, see `running_check`); the latter two again and
            again until `reset`.
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
        # one value that is not finite makes the sum so; squares do not cancel
        begins, is_whole = False, math.isfinite(channels.dot(channels))
        if lost or not is_whole or self._silence.is_open:
            self._silence.add(channels, lost, self._seconds_passed(lost, time))
        if is_whole:
            begins = self._unknown > self._longest_gap
            self._frame, self._unknown = channels, 0
        else:
            self._unknown += 1
        self._n_passed += lost + 1
        self._refuse(self._check.add(channels))
        return Taken((*before, self._frame), begins) if self._unknown <= self._longest_gap else Taken((), False)

    def finish(self) -> None:
        """Judge the last frames, as of a recording that is over; nothing is to be taken before `reset`.

        Raises
        ------
        CorpusMismatch
            Wrong units in a rest, or a whole recording, shorter than `CHECKED_SECONDS`.
        """
        self._refuse(self._check.finish())

    def _seconds_passed(self, lost: int, time: float | None) -> float:
        """Time (s) of this frame since the first, by time stamps where there are any."""
        if time is None or self._first_time is None:
            return (self._n_passed + lost) / self._rate
        return time - self._first_time

    def _lost_before(self, time: float | None) -> int:
        """Frames that are missing between the last time stamp and this one."""
        last, self._last_time = self._last_time, time
        if self._first_time is None and time is not None:
            self._first_time = time - self._n_passed / self._rate
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
        if len(self._steps) < self._check.n_window - 1 and sum(self._steps) < CHECKED_SECONDS - 0.5 / self._rate:
            return
        self._is_rate_seen, steps = True, np.array(self._steps)
        usual = np.median(steps)
        rate = 1.0 / steps[np.abs(steps - usual) <= 0.5 * usual].mean()  # stamps may be rounded, frames lost
        if abs(rate / self._rate - 1) > RATE_TOLERANCE:
            self._refusal = (
                f"time stamps of the first {sum(self._steps):.1f} s: expected readings at {self._rate:g} Hz as in "
                f"training, found {rate:.3g} Hz. Set the sensors to that rate, or train at theirs."
            )
            raise CorpusMismatch(self._refusal)

    def _refuse(self, reasons: Sequence[str]) -> None:
        """Refuse from now on, if there are reasons."""
        if reasons:
            at = self._n_passed / self._rate
            self._refusal = f"readings up to {at:.1f} s after the first frame: {'; '.join(reasons)}."
            raise CorpusMismatch(self._refusal)


def _channel_order(wanted: Sequence[str], given: Sequence[str], where: str) -> np.ndarray:
    lacking = [sensor for sensor in wanted if sensor not in given]
    if lacking:
        raise CorpusMismatch(
            f"{where}: expected readings of the sensors {', '.join(wanted)}; {', '.join(lacking)} missing, found "
            f"{', '.join(given) or 'none'}. Use a network of the sensors that are worn."
        )
    return np.concatenate([6 * list(given).index(sensor) + np.arange(6) for sensor in wanted])
