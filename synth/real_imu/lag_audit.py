"""Lag audit: every sensor of a session against a reference of its segment's movement, and the table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synth.real_imu.convention import RecordingRefused
from synth.real_imu.sensor_session import SensorSession
from synth.real_imu.synchronisation import Lag, signal_lag


def session_lags(
    session: SensorSession,
    references: Mapping[str, np.ndarray],
    reference_rate: float,
    *,
    longest: float = 1.0,
    reference_name: str = "reference",
) -> tuple[Lag, ...]:
    """Lag of each sensor's gyroscope against its segment's angular speed by another system.

    The norms are compared, so that no mounting needs to be known.

    Parameters
    ----------
    session : SensorSession
    references : mapping of str to ndarray
        By sensor: angular speed, shape (n_frames,), or angular velocity, shape (n_frames, 3), in any frame (rad/s); NaN
        where unknown.
    reference_rate : float
        Hz; that of the session.
    longest : float, default 1
        Longest lag (s) to look for.
    reference_name : str
        For the table.

    Returns
    -------
    tuple of Lag
        In the order of `references`.

    Raises
    ------
    RecordingRefused
        A sensor that the session does not have, another rate, or a sensor without a gyroscope.
    """
    found = []
    for sensor, reference in references.items():
        turning = session.of(sensor).angular_velocity
        if not np.isfinite(turning).all(axis=1).any():
            raise RecordingRefused(f"{session.name}: {sensor} has no gyroscope; a lag needs its angular velocity.")
        speed = np.linalg.norm(reference, axis=1) if np.ndim(reference) == 2 else np.asarray(reference, dtype=float)
        found.append(
            signal_lag(
                np.linalg.norm(turning, axis=1),
                speed,
                session.rate,
                reference_rate=reference_rate,
                longest=longest,
                sensor=sensor,
                reference_name=reference_name,
            )
        )
    return tuple(found)


_COLUMNS = (8, 8, 7, 7, 8, 14)


def lag_table(lags: Sequence[Lag]) -> str:
    """Lags as a table for people: milliseconds and parts per million."""
    words = ("lag ms", "spread", "agree", "ratio", "next", "drift ppm")
    lines = [f"{'sensor':22}{'reference':22}" + "".join(f"{w:>{n}}" for w, n in zip(words, _COLUMNS, strict=True))]
    for lag in lags:
        drift = f"{1e6 * lag.drift:.0f} ± {1e6 * lag.drift_error:.0f}" if np.isfinite(lag.drift) else "-"
        lines.append(
            f"{lag.sensor:22}{lag.reference:22}{1e3 * lag.seconds:8.0f}{1e3 * lag.spread:8.1f}{lag.agreement:7.2f}"
            f"{lag.peak_ratio:7.2f}{1e3 * lag.next_seconds:8.0f}{drift:>14}{'' if lag.sure else '   not sure'}"
        )
    return "\n".join(lines)
