"""Running check: units and sides of a stream, window after window, until every sensor has been seen to move.

Who only stands shows neither: in deg/s a gyroscope then reads no more than a walker's does in rad/s. So every window is
judged, and a sensor is left in peace only after windows in which it moved all the time. That shows in specific force,
which the gyroscope's unit leaves alone: over two seconds of recorded treadmill walks (three persons, eight sensors) the
SD of its size was 0.6 m/s² or more, while somebody stood 0.2 or less.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.input_check import CLEAR, WearingSignature, check_channels, side_score, wearing_of

CHECKED_SECONDS = 4.0
"""Length (s) of a window: two to four strides."""
MOVES = 0.5
"""m/s²; SD of the size of specific force in each half of a window, above which a sensor moves."""
ENOUGH_WINDOWS = 2
"""Windows in which a sensor moved and fitted, after which its units are known."""
FEWEST_SECONDS = 1.0
"""Length (s) of readings of one sensor that are judged; fewer wait for the next window's."""


class RunningCheck:
    """What has been seen of a stream, in constant memory.

    Parameters
    ----------
    sensors : sequence of str
        In the order of the channels.
    rate : float
        Hz.
    signature : WearingSignature, optional
        How the sensors were worn in training.

    Attributes
    ----------
    n_window : int
        Frames of a window.
    findings : tuple of str
        What is doubtful: right and left sensors exchanged.
    """

    def __init__(self, sensors: Sequence[str], rate: float, signature: WearingSignature | None = None) -> None:
        self._sensors, self._rate, self._signature = tuple(sensors), rate, signature
        self.n_window = round(CHECKED_SECONDS * rate)
        self._rows = np.empty((self.n_window, 6 * len(self._sensors)), np.float32)
        self._fewest = round(FEWEST_SECONDS * rate)
        self._paired = [self._sensors.index(name) for name in signature.sensors] if signature else []
        self._tells_sides = signature is not None and signature.between_sides > CLEAR
        self.reset()

    def reset(self) -> None:
        """Forget what came before."""
        n = len(self._sensors)
        self._n_rows = 0
        self._kept = [self._rows[:0, :6]] * n
        self._windows_left = np.full(n, ENOUGH_WINDOWS)
        self._is_judged = np.zeros(n, bool)
        self._asks_sides, self._are_sides_judged = self._tells_sides, False
        self._is_over = False
        self.findings: tuple[str, ...] = ()

    def add(self, channels: np.ndarray) -> list[str]:
        """Take a frame (6 n_sensors,); return why the readings must be refused, at the end of a window."""
        if self._is_over:
            return []
        self._rows[self._n_rows] = channels
        self._n_rows += 1
        return self._judge() if self._n_rows == self.n_window else []

    def finish(self) -> list[str]:
        """Judge what lies in the open window, as of a recording that is over; as `add`."""
        return [] if self._is_over else self._judge(is_last=True)

    def _judge(self, *, is_last: bool = False) -> list[str]:
        rows, self._n_rows = self._rows[: self._n_rows], 0
        moves = moving_sensors(rows, self.n_window // 2)
        refusals = []
        for i in np.flatnonzero(self._windows_left):
            refusals += self._judge_units(i, rows[:, 6 * i : 6 * i + 6], is_last=is_last)
        if refusals:
            return refusals
        self._windows_left[moves & self._is_judged & (self._windows_left > 0)] -= 1
        if self._asks_sides and moves[self._paired].all() and not (is_last and self._are_sides_judged):
            self._judge_sides(rows[np.isfinite(rows).all(axis=1)])
        self._is_over = not (self._asks_sides or self._windows_left.any())
        return []

    def _judge_units(self, i: int, own: np.ndarray, *, is_last: bool) -> list[str]:
        known = np.concatenate([self._kept[i], own[np.isfinite(own).all(axis=1)]])
        if len(known) < self._fewest and (self._is_judged[i] or not is_last):
            self._kept[i] = known
            return []
        self._kept[i] = known[:0]
        if not len(known):
            return []
        self._is_judged[i] = True
        found = check_channels(known, self._sensors[i : i + 1], self._rate)
        return [finding.sentence for finding in found if finding.is_refusal]

    def _judge_sides(self, rows: np.ndarray) -> None:
        """Ask until a window is clear, one way or the other."""
        assert self._signature is not None  # nothing is asked without
        if len(rows) < self._fewest:
            return
        self._are_sides_judged = True
        found = check_channels(rows, self._sensors, self._rate, self._signature)
        self.findings = tuple(finding.sentence for finding in found if not finding.is_refusal)
        is_right = side_score(self._signature, wearing_of(rows), self._sensors) > 0.5 * self._signature.between_sides
        self._asks_sides = not (self.findings or is_right)


def moving_sensors(rows: np.ndarray, n_half: int) -> np.ndarray:
    """Tell which sensors move all the time.

    Parameters
    ----------
    rows : ndarray, shape (n_frames, 6 n_sensors)
        NaN = no value.
    n_half : int
        Frames of each part in which a sensor must move, with values in at least half of them; a shorter rest is not
        looked at.

    Returns
    -------
    ndarray of bool, shape (n_sensors,)
        False where there is no whole part.
    """
    n_parts, n_sensors = len(rows) // n_half, rows.shape[1] // 6
    if n_parts == 0:
        return np.zeros(n_sensors, bool)
    parts = rows[: n_parts * n_half].reshape(n_parts, n_half, n_sensors, 6)
    known = np.isfinite(parts).all(axis=3)
    size = np.linalg.norm(np.where(known[..., None], parts[..., :3], 0.0), axis=3)
    count = known.sum(axis=1)
    away = np.where(known, size - (size.sum(axis=1) / np.maximum(count, 1))[:, None], 0.0)
    variance = (away**2).sum(axis=1) / np.maximum(count, 1)
    return ((2 * count >= n_half) & (variance > MOVES**2)).all(axis=0)
