"""Comparison: the real sensors of a session against virtual ones on measured motion, or against records of others.

With the motion of the segments, lag, mounting and lever arm are fitted (`alignment`). With records alone only what
records tell: the lag of the turning rate, and the rotation between the two sensor frames (Kabsch).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.alignment import SensorAlignment, align_sensor
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.mounting_fit import over_time, residual_share
from synth.real_imu.residual_spectrum import ResidualSpectrum, log_spectral_distance, residual_spectrum
from synth.real_imu.sensor_pair import SensorPair, make_pair
from synth.real_imu.sensor_session import SensorSession
from synth.real_imu.synchronisation import Lag, signal_lag

MOTION_CUTOFF = 10.0
"""Hz of the low-pass of the motion, and of both sides while they are aligned."""
LOW_BAND = (0.5, 12.0)
"""Hz, where markers see something."""
NEAR = 0.15
"""Seconds around the session's lag in which a sensor's own is sought."""


@dataclass(frozen=True)
class SensorComparison:
    """One real sensor beside its virtual one.

    Attributes
    ----------
    pair : SensorPair
    spectrum : ResidualSpectrum
    lag : float
        s; positive: the real clock is late.
    low_distance, distance : ndarray, shape (6,)
        Log-spectral distances (dB) over `LOW_BAND` and over 0.5 Hz to 0.9 of half the rate, by channel.
    aligned : str
        How: ``"motion"``, ``"motion, session's lag"`` or ``"records"``.
    """

    pair: SensorPair
    spectrum: ResidualSpectrum
    lag: float
    low_distance: np.ndarray
    distance: np.ndarray
    aligned: str

    @property
    def sensor(self) -> str:
        """Name of the sensor."""
        return self.pair.real.placement.sensor

    def row(self) -> dict[str, object]:
        """Plain row: lag (s), mounting (deg), lever arm (m), residual shares, distances (dB)."""
        found = self.pair.alignment
        return {
            "sensor": self.sensor,
            "segment": self.pair.real.placement.segment,
            "lag": self.lag,
            "mounting_deg": np.degrees(found.mounting.as_rotvec()).tolist(),
            "offset": [None if np.isnan(v) else float(v) for v in found.offset],
            "gyroscope_share": found.gyroscope_share,
            "accelerometer_share": found.accelerometer_share,
            "gyroscope_distance_db": float(self.distance[3:].mean()),
            "accelerometer_distance_db": float(self.distance[:3].mean()),
            "gyroscope_low_distance_db": float(self.low_distance[3:].mean()),
            "accelerometer_low_distance_db": float(self.low_distance[:3].mean()),
            "aligned": self.aligned,
        }


def motion_lags(
    session: SensorSession,
    motions: Mapping[str, SegmentMotion],
    *,
    start: float = 0.0,
    longest: float = 1.0,
    name: str = "motion",
) -> tuple[Lag, ...]:
    """Lag of every sensor whose segment moves, by norms of the angular velocity.

    Parameters
    ----------
    session : SensorSession
    motions : mapping of segment to SegmentMotion
        Any rate.
    start : float
        Nominal time (s) of the first frame of the motions on the sensors' clock.
    longest : float
        Longest lag (s) to look for, beyond `start`.
    name : str
        For the table.

    Raises
    ------
    RecordingRefused
        No sensor with a gyroscope is worn on a segment that moves.
    """
    found = []
    for real in session.recordings:
        motion = motions.get(real.placement.segment)
        if motion is None or not np.isfinite(real.angular_velocity).all(axis=1).any():
            continue
        placement = SensorPlacement(real.placement.sensor, motion.segment)
        turn = simulate_imu(motion, placement, method="spline", cutoff=_cutoff(motion.rate)).angular_velocity
        found.append(_lag(real, ImuRecording(placement, turn, turn, motion.rate), start, longest, name))
    if not found:
        worn = ", ".join(sorted({r.placement.segment or "nothing known" for r in session.recordings}))
        raise RecordingRefused(
            f"{session.name}: no sensor with a gyroscope is worn on a segment that moves (worn on: {worn}; moving: "
            f"{', '.join(sorted(motions)) or 'none'}). Name the segments in a sensor table."
        )
    return tuple(found)


def record_lags(
    session: SensorSession, records: Sequence[ImuRecording], *, start: float = 0.0, longest: float = 1.0
) -> tuple[Lag, ...]:
    """Lag of every sensor against the record of the same sensor, or of the same segment."""
    partners = _partners(session, records)
    return tuple(_lag(real, virtual, start, longest, virtual.placement.sensor) for real, virtual in partners)


def session_lag(lags: Sequence[Lag]) -> float:
    """Lag (s) of a session whose sensors share a clock: the median of those that are sure, or of all."""
    return float(np.median([lag.seconds for lag in lags if lag.sure] or [lag.seconds for lag in lags]))


def compare_with_motion(
    session: SensorSession,
    motions: Mapping[str, SegmentMotion],
    *,
    start: float = 0.0,
    longest: float = 1.0,
    biases: bool = False,
) -> tuple[SensorComparison, ...]:
    """Real sensors against virtual ones on the motion of their segments.

    Parameters
    ----------
    session, motions, start, longest
        See `motion_lags`.
    biases : bool
        Fit biases, see `align_sensor`.

    Raises
    ------
    ValueError
        As of `motion_lags` and `align_sensor`.
    """
    begin = start + session_lag(motion_lags(session, motions, start=start, longest=longest))
    found = []
    for real in session.recordings:
        motion = motions.get(real.placement.segment)
        if motion is None or not np.isfinite(real.angular_velocity).all(axis=1).any():
            continue
        cutoff = _cutoff(min(motion.rate, real.rate))
        options = {"motion_start": begin, "biases": biases, "cutoff": cutoff}
        how = "motion"
        try:
            aligned = align_sensor(real, motion, lags=(-NEAR, NEAR), **options)
        except ValueError:  # a segment that hardly turns tells no lag of its own
            aligned, how = align_sensor(real, motion, lag=0.0, **options), "motion, session's lag"
        pair = make_pair(real, motion, motion_start=begin, alignment=aligned, force_cutoff=cutoff, turn_cutoff=cutoff)
        found.append(_compared(pair, begin - start + aligned.lag, how))
    return tuple(found)


def compare_with_records(
    session: SensorSession, records: Sequence[ImuRecording], *, start: float = 0.0, longest: float = 1.0
) -> tuple[SensorComparison, ...]:
    """Real sensors against the records of virtual ones that share name or segment."""
    lag = session_lag(record_lags(session, records, start=start, longest=longest))
    found = []
    for real, virtual in _partners(session, records):
        moved = _on_clock(real, virtual, start + lag)
        known = np.isfinite(np.hstack([real.angular_velocity, moved.angular_velocity])).all(axis=1)
        both = [r.angular_velocity[known] - r.angular_velocity[known].mean(axis=0) for r in (moved, real)]
        turn, _ = Rotation.align_vectors(both[0], both[1])  # real sensor → virtual sensor
        mounting = virtual.placement.mounting * turn
        placed = SensorPlacement(real.placement.sensor, virtual.placement.segment, np.full(3, np.nan), mounting)
        into = turn.inv()
        force, spin = into.apply(moved.specific_force), into.apply(moved.angular_velocity)
        known &= np.isfinite(np.hstack([real.specific_force, force])).all(axis=1)
        shares = [
            residual_share(a[known] - b[known], a[known])
            for a, b in ((real.angular_velocity, spin), (real.specific_force, force))
        ]
        unknown = np.full(3, np.nan)
        alignment = SensorAlignment(
            lag, mounting, unknown, np.zeros(3), np.zeros(3), np.nan, unknown, unknown, unknown, unknown, *shares
        )
        own = ImuRecording(placed, real.specific_force, real.angular_velocity, real.rate)
        pair = SensorPair(own, ImuRecording(placed, force, spin, real.rate), alignment)
        found.append(_compared(pair, lag, "records"))
    return tuple(found)


def _compared(pair: SensorPair, lag: float, how: str) -> SensorComparison:
    try:
        spectrum = residual_spectrum(pair)
    except ValueError as error:
        raise RecordingRefused(f"{pair.real.placement.sensor}: {error}") from error
    distances = []
    for band in (LOW_BAND, (LOW_BAND[0], 0.45 * pair.real.rate)):
        distances.append(log_spectral_distance(spectrum.real, spectrum.virtual, spectrum.frequency, band))
    return SensorComparison(pair, spectrum, lag, *distances, how)


def _partners(session: SensorSession, records: Sequence[ImuRecording]) -> list[tuple[ImuRecording, ImuRecording]]:
    """Real sensors with the record of the same name, or else the only one of the same segment."""
    found = []
    for real in session.recordings:
        same = [r for r in records if r.placement.sensor == real.placement.sensor]
        on_segment = [r for r in records if r.placement.segment and r.placement.segment == real.placement.segment]
        for virtual in same or (on_segment if len(on_segment) == 1 else []):
            found.append((real, virtual))
    if not found:
        raise RecordingRefused(
            f"{session.name}: none of its sensors ({', '.join(session.sensors)}) has a partner of the same name or "
            f"segment among {', '.join(r.placement.sensor for r in records)}. Name them in a sensor table."
        )
    return found


def _on_clock(real: ImuRecording, virtual: ImuRecording, start: float) -> ImuRecording:
    """A virtual record at the samples of the real one; NaN where it does not reach."""
    time = np.arange(len(real.specific_force)) / real.rate
    force, turn = (
        over_time(values, virtual.rate, start)(time) for values in (virtual.specific_force, virtual.angular_velocity)
    )
    return ImuRecording(virtual.placement, force, turn, real.rate)


def _lag(real: ImuRecording, virtual: ImuRecording, start: float, longest: float, name: str) -> Lag:
    speed = np.linalg.norm(_on_clock(real, virtual, start).angular_velocity, axis=1)
    if not np.isfinite(speed).any():
        raise RecordingRefused(
            f"{real.placement.sensor}: its {len(speed) / real.rate:.1f} s and the {name}, which begins at {start:g} s, "
            "share no time. Say when the motion begins on the sensors' clock (--start)."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # windows that the motion does not reach have no mean
        return signal_lag(
            np.linalg.norm(real.angular_velocity, axis=1),
            speed,
            real.rate,
            longest=longest,
            sensor=real.placement.sensor,
            reference_name=name,
        )


def _cutoff(rate: float) -> float:
    return min(MOTION_CUTOFF, 0.4 * rate)
