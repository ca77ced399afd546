"""Shared clock: where a motion begins on the clock of the sensors, and how late sensors that share one clock are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.real_imu.convention import RecordingRefused
from synth.real_imu.sensor_session import SensorSession
from synth.real_imu.synchronisation import Lag


@dataclass(frozen=True)
class MotionStart:
    """Where the first frame of a motion lies.

    Attributes
    ----------
    seconds : float
        From the sensors' first sample to the motion's first frame.
    stated : bool
        Whether a person said so; otherwise the times in the two files did.
    note : str
        One sentence for people.
    """

    seconds: float
    stated: bool
    note: str


@dataclass(frozen=True)
class SessionLag:
    """How late a session whose sensors share a clock is.

    Attributes
    ----------
    seconds : float
        Median of the sensors that are sure; 0 where none is and the start was stated.
    note : str
        One sentence for people: how many sensors say so.
    """

    seconds: float
    note: str


def motion_start(session: SensorSession, first_time: float, stated: float | None = None) -> MotionStart:
    """Start of a motion from what a person says, or else from the times of both files.

    Parameters
    ----------
    session : SensorSession
    first_time : float
        Time (s) of the motion's first frame in its own file.
    stated : float, optional
        Seconds from the sensors' first sample to the motion's first frame; wins.

    Raises
    ------
    RecordingRefused
        `stated` is no time.
    """
    if stated is not None:
        if not np.isfinite(stated):
            raise RecordingRefused(f"--start: expected seconds such as 20; got {stated!r}.")
        return MotionStart(stated, True, f"the motion begins {stated:g} s after the sensors' first sample, as stated")
    seconds = first_time - session.start_time
    return MotionStart(
        seconds,
        False,
        f"the motion begins {seconds:g} s after the sensors' first sample, by the times in the files (motion from "
        f"{first_time:g} s, sensors from {session.start_time:g} s); other clocks: state it (--start)",
    )


def session_lag(lags: Sequence[Lag], *, start_stated: bool = False) -> SessionLag:
    """Lag of a session: the median of the sensors whose lag is sure.

    Parameters
    ----------
    lags : sequence of Lag
        One per sensor.
    start_stated : bool
        Whether a person said when the motion begins. Then that is kept where no sensor is sure.

    Raises
    ------
    RecordingRefused
        No lag is sure and nobody stated a start: nothing says which instants belong together.
    """
    sure = [lag.seconds for lag in lags if lag.sure]
    unsure = [lag.sensor for lag in lags if not lag.sure]
    if sure:
        seconds = float(np.median(sure))
        more = f"; not sure: {', '.join(unsure)}" if unsure else ""
        note = f"the sensors are {1e3 * seconds:.0f} ms late, the median of {len(sure)} sure lags of {len(lags)}{more}"
        return SessionLag(seconds, note)
    if not start_stated:
        best = max(lags, key=lambda lag: lag.agreement)
        raise RecordingRefused(
            f"the lag of none of the {len(lags)} sensors is sure (the best, {best.sensor}, agrees with "
            f"{best.reference} by {best.agreement:.2f}, {best.peak_ratio:.2f} times the next best lag), so nothing "
            "says which instants belong together. Are both of one trial? If so, state the seconds from the sensors' "
            "first sample to the motion's first frame (--start)."
        )
    return SessionLag(0.0, f"the lag of none of the {len(lags)} sensors is sure: the stated start is kept as it is")
