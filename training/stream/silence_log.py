"""Silence log: where a stream had no value for longer than is bridged, sensor by sensor, however long it runs.

Nothing is estimated there. Of each sensor a few numbers are kept, not its stretches: a stream may run for hours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.record_gap import BRIDGE_SECONDS

IN_TURN = "the sensors in turn"
"""Who is named where no frame is whole for long, though every sensor alone has gaps that are short."""


class SilenceLog:
    """Stretches without a value that are longer than `BRIDGE_SECONDS`.

    Parameters
    ----------
    sensors : sequence of str
        In the order of the channels.
    rate : float
        Hz.

    Attributes
    ----------
    is_open : bool
        Whether a stretch goes on: then the next frame must be added, whatever it holds.
    """

    def __init__(self, sensors: Sequence[str], rate: float) -> None:
        self._names, self._rate = (*sensors, IN_TURN), rate
        self._bridged = round(BRIDGE_SECONDS * rate)
        self.reset()

    def reset(self) -> None:
        """Forget what came before."""
        n = len(self._names)  # the last is of frames in which not every sensor has a value
        self._run, self._since = np.zeros(n, int), np.zeros(n)
        self._n_long, self._total, self._longest = np.zeros(n, int), np.zeros(n, int), np.zeros(n, int)
        self._first = np.zeros(n)
        self._is_sensor_named = False
        self.is_open = False

    def add(self, channels: np.ndarray, n_lost: int, at: float) -> None:
        """Take a frame that is not whole, comes after lost ones, or ends a stretch.

        Parameters
        ----------
        channels : ndarray, shape (6 n_sensors,)
            NaN = no value.
        n_lost : int
            Frames that are missing before it.
        at : float
            Seconds since the first frame.
        """
        lacks = ~np.isfinite(channels.reshape(-1, 6)).all(axis=1)
        silent = np.append(lacks, lacks.any())
        if n_lost:
            self._grow(np.ones_like(silent), n_lost, at - n_lost / self._rate)
        self._end(~silent)
        self._grow(silent, 1, at)
        self.is_open = bool(silent.any())

    def sentences(self) -> tuple[str, ...]:
        """One for each group of sensors that were silent alike."""
        n_long, total, longest, first = (a.copy() for a in (self._n_long, self._total, self._longest, self._first))
        goes_on = self._run > self._bridged
        goes_on[-1] &= not (self._is_sensor_named or goes_on[:-1].any())
        _count(goes_on, self._run, self._since, n_long, total, longest, first)
        groups: dict[str, list[str]] = {}
        for i in np.flatnonzero(n_long):
            words = f"no value for {total[i] / self._rate:.1f} s"
            if n_long[i] > 1:
                worst = longest[i] / self._rate
                words = f"no value {n_long[i]} times, {total[i] / self._rate:.1f} s in all, {worst:.1f} s at longest"
            words += f", from {first[i]:.1f} s after the first frame on" + " and to the last" * bool(goes_on[i])
            groups.setdefault(words, []).append(self._names[i])
        return tuple(f"{', '.join(names)}: {words}; nothing is estimated there" for words, names in groups.items())

    def _grow(self, which: np.ndarray, n_frames: int, since: float) -> None:
        self._since[which & (self._run == 0)] = since
        self._run[which] += n_frames

    def _end(self, which: np.ndarray) -> None:
        """Keep the stretches that are over, where they are long."""
        long = which & (self._run > self._bridged)
        self._is_sensor_named |= bool(long[:-1].any())
        if which[-1]:
            long[-1] &= not self._is_sensor_named
            self._is_sensor_named = False
        _count(long, self._run, self._since, self._n_long, self._total, self._longest, self._first)
        self._run[which] = 0


def _count(
    long: np.ndarray,
    run: np.ndarray,
    since: np.ndarray,
    n_long: np.ndarray,
    total: np.ndarray,
    longest: np.ndarray,
    first: np.ndarray,
) -> None:
    """Add stretches to the numbers that are kept, in place."""
    is_first = long & (n_long == 0)
    first[is_first] = since[is_first]
    n_long += long
    total += np.where(long, run, 0)
    np.maximum(longest, np.where(long, run, 0), out=longest)
