"""Comparison: the real sensors of a session against virtual ones on measured motion, or against records of others.

With the motion of the segments, lag, mounting and lever arm are fitted (`alignment`). With records alone only what
records tell: the lag of the turning rate, and the rotation between the two sensor frames (Kabsch).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.stretch import stretches
from mocap_import.trial import Treatment
from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.alignment import SensorAlignment, align_sensor
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.mounting_fit import over_time, residual_share
from synth.real_imu.residual_spectrum import (
    BLOCK,
    LEAST,
    ResidualSpectrum,
    log_spectral_distance,
    residual_spectrum,
)
from synth.real_imu.sensor_pair import SensorPair, make_pair
from synth.real_imu.sensor_session import SensorSession
from synth.real_imu.shared_clock import session_lag
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
    sure : bool
        Whether the sensor's own lag is (`Lag.sure`).
    """

    pair: SensorPair
    spectrum: ResidualSpectrum
    lag: float
    low_distance: np.ndarray
    distance: np.ndarray
    aligned: str
    sure: bool

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
            "lag_sure": self.sure,
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
        Nominal seconds from the sensors' first sample to the first frame of the motions.
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
    for real, motion in _moved(session, motions):
        placement = SensorPlacement(real.placement.sensor, motion.segment)
        turn = simulate_imu(motion, placement, method="spline", cutoff=_cutoff(motion.rate)).angular_velocity
        found.append(_lag(real, ImuRecording(placement, turn, turn, motion.rate), start, longest, name))
    if not found:
        if not any(_turns(real) for real in session.recordings):
            raise RecordingRefused(f"{session.source[0]}: no gyroscope in this file; a lag needs angular velocities.")
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


def left_out(
    session: SensorSession, motions: Mapping[str, SegmentMotion] | None, records: Sequence[ImuRecording] = ()
) -> tuple[Treatment, ...]:
    """Sensors that cannot be compared, each with the reason.

    Parameters
    ----------
    session : SensorSession
    motions : mapping of segment to SegmentMotion, or None
        None: `records` are what the session is compared with.
    records : sequence of ImuRecording
    """
    partnered = {real.placement.sensor for real, _ in _pairs(session, records)}
    reasons = []
    for real in session.recordings:
        name, segment = real.placement.sensor, real.placement.segment
        if not _turns(real):
            reasons.append(f"{name} (no gyroscope)")
        elif motions is None and name not in partnered:
            reasons.append(f"{name} (no record of its name or segment)")
        elif motions is not None and segment not in motions:
            reasons.append(f"{name} ({f'{segment} does not move' if segment else 'segment not known'})")
    return (Treatment("sensors_left_out", "not compared: " + ", ".join(reasons)),) if reasons else ()


def compare_with_motion(
    session: SensorSession,
    motions: Mapping[str, SegmentMotion],
    lags: Sequence[Lag],
    *,
    start: float = 0.0,
    lag: float | None = None,
    biases: bool = False,
) -> tuple[SensorComparison, ...]:
    """Real sensors against virtual ones on the motion of their segments.

    Parameters
    ----------
    session, motions, start
        See `motion_lags`.
    lags : sequence of Lag
        Of `motion_lags`.
    lag : float, optional
        Of the session (s); by default `session_lag` of `lags`.
    biases : bool
        Fit biases, see `align_sensor`.

    Raises
    ------
    ValueError
        As of `session_lag` and `align_sensor`; a stretch in common that is too short.
    """
    begin = start + (session_lag(lags).seconds if lag is None else lag)
    sure = {found.sensor: found.sure for found in lags}
    found = []
    for real, motion in _moved(session, motions):
        cutoff = _cutoff(min(motion.rate, real.rate))
        options = {"motion_start": begin, "biases": biases, "cutoff": cutoff}
        how = "motion"
        try:
            aligned = align_sensor(real, motion, lags=(-NEAR, NEAR), **options)
        except ValueError:  # a segment that hardly turns tells no lag of its own
            aligned, how = align_sensor(real, motion, lag=0.0, **options), "motion, session's lag"
        pair = make_pair(real, motion, motion_start=begin, alignment=aligned, force_cutoff=cutoff, turn_cutoff=cutoff)
        found.append(_compared(pair, begin - start + aligned.lag, how, sure.get(real.placement.sensor, False)))
    return tuple(found)


def compare_with_records(
    session: SensorSession,
    records: Sequence[ImuRecording],
    lags: Sequence[Lag],
    *,
    start: float = 0.0,
    lag: float | None = None,
) -> tuple[SensorComparison, ...]:
    """Real sensors against the records of virtual ones that share name or segment; see `compare_with_motion`."""
    late = session_lag(lags).seconds if lag is None else lag
    sure = {found.sensor: found.sure for found in lags}
    found = []
    for real, virtual in _partners(session, records):
        pair = _turned_pair(real, _on_clock(real, virtual, start + late), late)
        found.append(_compared(pair, late, "records", sure.get(real.placement.sensor, False)))
    return tuple(found)


def _turned_pair(real: ImuRecording, moved: ImuRecording, lag: float) -> SensorPair:
    """A pair of records on one clock, the virtual one turned into the real sensor's frame."""
    known = np.isfinite(np.hstack([real.angular_velocity, moved.angular_velocity])).all(axis=1)
    both = [r.angular_velocity[known] - r.angular_velocity[known].mean(axis=0) for r in (moved, real)]
    turn, _ = Rotation.align_vectors(both[0], both[1])  # real sensor → virtual sensor
    mounting = moved.placement.mounting * turn
    placed = SensorPlacement(real.placement.sensor, moved.placement.segment, np.full(3, np.nan), mounting)
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
    return SensorPair(own, ImuRecording(placed, force, spin, real.rate), alignment)


def _compared(pair: SensorPair, lag: float, how: str, sure: bool) -> SensorComparison:
    both = np.hstack([pair.real.specific_force, pair.real.angular_velocity, pair.virtual.specific_force])
    runs = stretches(np.isfinite(both).all(axis=1))
    longest = max((stop - start for start, stop in zip(*runs, strict=True)), default=0) / pair.real.rate
    try:
        spectrum = residual_spectrum(pair)
    except ValueError as error:
        raise RecordingRefused(
            f"{pair.real.placement.sensor}: real and virtual sensor share {longest:.1f} s without a gap; the spectra "
            f"need {LEAST:g} s (three half-overlapping blocks of {BLOCK:g} s). Take a longer stretch, or check the "
            "start (--start)."
        ) from error
    distances = []
    for band in (LOW_BAND, (LOW_BAND[0], 0.45 * pair.real.rate)):
        distances.append(log_spectral_distance(spectrum.real, spectrum.virtual, spectrum.frequency, band))
    return SensorComparison(pair, spectrum, lag, *distances, how, sure)


def _turns(real: ImuRecording) -> bool:
    return bool(np.isfinite(real.angular_velocity).all(axis=1).any())


def _moved(
    session: SensorSession, motions: Mapping[str, SegmentMotion]
) -> Iterator[tuple[ImuRecording, SegmentMotion]]:
    """Sensors with a gyroscope on a segment that moves; `left_out` names the others."""
    for real in session.recordings:
        if real.placement.segment in motions and _turns(real):
            yield real, motions[real.placement.segment]


def _pairs(session: SensorSession, records: Sequence[ImuRecording]) -> Iterator[tuple[ImuRecording, ImuRecording]]:
    """Real sensors with the record of the same name, or else the only one of the same segment."""
    for real in session.recordings:
        same = [r for r in records if r.placement.sensor == real.placement.sensor]
        on_segment = [r for r in records if r.placement.segment and r.placement.segment == real.placement.segment]
        for virtual in same or (on_segment if len(on_segment) == 1 else []):
            yield real, virtual


def _partners(session: SensorSession, records: Sequence[ImuRecording]) -> list[tuple[ImuRecording, ImuRecording]]:
    """Pairs that can be compared: with a gyroscope, and at least one of them."""
    if not any(_turns(real) for real in session.recordings):
        raise RecordingRefused(f"{session.source[0]}: no gyroscope in this file; a lag needs angular velocities.")
    found = [pair for pair in _pairs(session, records) if _turns(pair[0])]
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
    if not 0.0 < longest < np.inf:
        raise RecordingRefused(f"--longest: expected seconds above 0 such as 1; got {longest:g}.")
    speed = np.linalg.norm(_on_clock(real, virtual, start).angular_velocity, axis=1)
    if not np.isfinite(speed).any():
        raise RecordingRefused(
            f"{real.placement.sensor}: its {len(speed) / real.rate:.1f} s and the {name}, which begins at {start:g} s, "
            "share no time. State the seconds from the sensors' first sample to the motion's first frame (--start; 0 "
            "if both begin together)."
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
