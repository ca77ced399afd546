"""Frame guard: what every streaming network does with a frame of readings before it looks at it.

Sensors are put into the network's order, short silences are bridged by the last whole frame, lost frames are seen in
the time stamps, and the first seconds are looked at for wrong units and exchanged sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.corpus.schema import CorpusMismatch
from training.input_check import WearingSignature, check_channels
from training.record_gap import BRIDGE_SECONDS

CHECKED_SECONDS = 4.0
"""Length (s) of the stretch that is looked at for wrong units and exchanged sides: two to four strides."""
RATE_TOLERANCE = 0.02
"""Part by which the clock of the readings may differ from the rate of the training."""


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
        self._order = _channel_order(self._sensors, tuple(sensors or wanted), where)
        if rate is not None and abs(rate / trained_rate - 1) > RATE_TOLERANCE:
            raise CorpusMismatch(
                f"{where}: expected readings at {trained_rate:g} Hz as in training, found {rate:g} Hz. "
                "Set the sensors to that rate, or train at theirs."
            )
        self._longest_gap = round(BRIDGE_SECONDS * trained_rate)
        self._checked = np.empty((round(CHECKED_SECONDS * trained_rate), 6 * len(self._sensors)), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget what came before."""
        self.frame = np.zeros(6 * len(self._sensors), np.float32)
        self._unknown = self._longest_gap + 1  # nothing to bridge with yet
        self._n_seen = 0
        self._last_time: float | None = None
        self.findings: tuple[str, ...] = ()

    def take(self, channels: np.ndarray, time: float | None = None) -> tuple[bool, bool]:
        """Take one frame; `frame` then holds what the network may read, in its order.

        Parameters
        ----------
        channels : ndarray, shape (6 n_sensors,)
            Specific force (m/s²) and angular velocity (rad/s) sensor by sensor; NaN = no value.
        time : float, optional
            Time stamp (s) of the frame; a gap between two stamps counts as missing frames.

        Returns
        -------
        is_known : bool
            Whether there is something to estimate from: this frame, or the last whole one within the bridge.
        begins : bool
            Whether a memory must begin anew: the first frame, or the first after a silence too long to bridge.

        Raises
        ------
        CorpusMismatch
            Time goes back, or, once `CHECKED_SECONDS` have been seen, wrong units.
        """
        self._mind_time(time)
        channels = np.asarray(channels, np.float32)[self._order]
        begins = False
        if np.isfinite(channels).all():
            begins = self._unknown > self._longest_gap
            self.frame, self._unknown = channels, 0
        else:
            self._unknown += 1
        if self._n_seen < len(self._checked):
            self._look(channels)
        return self._unknown <= self._longest_gap, begins

    def _mind_time(self, time: float | None) -> None:
        if time is None:
            return
        if self._last_time is not None:
            skipped = round((time - self._last_time) * self._rate) - 1
            if time <= self._last_time:
                raise CorpusMismatch(
                    f"time stamps must grow; {self._last_time:g} s is followed by {time:g} s. Sort the readings."
                )
            self._unknown += max(skipped, 0)
        self._last_time = time

    def _look(self, channels: np.ndarray) -> None:
        """Judge the first seconds once they are whole."""
        self._checked[self._n_seen] = channels
        self._n_seen += 1
        if self._n_seen < len(self._checked):
            return
        found = check_channels(self._checked, self._sensors, self._rate, self._signature)
        refusals = [finding.sentence for finding in found if finding.is_refusal]
        if refusals:
            raise CorpusMismatch(f"readings of the first {CHECKED_SECONDS:g} s: {'; '.join(refusals)}.")
        self.findings = tuple(finding.sentence for finding in found)


def _channel_order(wanted: Sequence[str], given: Sequence[str], where: str) -> np.ndarray:
    lacking = [sensor for sensor in wanted if sensor not in given]
    if lacking:
        raise CorpusMismatch(
            f"{where}: expected readings of the sensors {', '.join(wanted)}; {', '.join(lacking)} missing, found "
            f"{', '.join(given) or 'none'}. Use a network of the sensors that are worn."
        )
    return np.concatenate([6 * list(given).index(sensor) + np.arange(6) for sensor in wanted])
