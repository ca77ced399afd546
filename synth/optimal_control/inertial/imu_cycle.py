"""IMU cycle: gait cycles from the inertial records alone.

The shank swings forward once a cycle: its sagittal angular velocity has one large maximum in mid-swing, followed by a
minimum near foot strike (Salarian et al., IEEE Trans Biomed Eng 51:1434, 2004). The duration of a cycle comes from all
channels of all sensors together: the lag at which the records repeat themselves best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

from mocap_import.low_pass import low_pass
from mocap_import.stretch import stretches
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.strap_down import SensorRecord, sagittal_records

SHORTEST, LONGEST = 0.45, 2.0
"""Durations (s) between which a gait cycle is looked for."""
FEWEST_CYCLES = 3
"""So many cycles and more tell how much the records differ from one to the next."""


def detect_cycles(recordings: Sequence[ImuRecording]) -> list[tuple[float, float]]:
    """Find gait cycles that begin near right foot strikes.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        With sensors on both shanks and feet at least; NaN at the ends and in gaps are allowed.

    Returns
    -------
    list of (float, float)
        Start and end (s from the first sample), within the part of the record that all sensors have. Empty if there is
        no gait.
    """
    if not recordings:
        return []
    rate = recordings[0].rate
    first, last = _common_span(recordings)
    if last - first < SHORTEST * rate:
        return []
    inside = [
        replace(r, specific_force=r.specific_force[first:last], angular_velocity=r.angular_velocity[first:last])
        for r in recordings
    ]
    duration = repetition(inside, rate)
    if duration is None:
        return []
    strikes = _aligned(inside, rate, duration, _strikes(inside, rate, duration)) + first / rate
    # a strike may be found a few samples beside the record: the average looks no further than the last one
    begin, finish = first / rate - 0.05 * duration, (last - 1) / rate + 0.05 * duration
    cycles = [
        (a, b) for a, b in pairwise(strikes) if abs(b - a - duration) < 0.15 * duration and a >= begin and b <= finish
    ]
    if not cycles:
        # a short record may hold one strike only: the cycle that begins there, or ends there, if it is inside
        ends = [(s, s + duration) for s in strikes] + [(s - duration, s) for s in strikes]
        cycles = [(a, b) for a, b in ends if a >= begin and b <= finish][:1]
    return [(float(a), float(b)) for a, b in cycles]


def _common_span(recordings: Sequence[ImuRecording]) -> tuple[int, int]:
    """Longest run of samples that all sensors have."""
    known = np.all(
        [np.isfinite(np.hstack([r.specific_force, r.angular_velocity])).all(axis=1) for r in recordings], axis=0
    )
    runs = zip(*stretches(known), strict=True)
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _channels(recordings: Sequence[ImuRecording], rate: float) -> np.ndarray:
    """All channels (n, 6 n_sensors), low-passed, of zero mean and unit spread."""
    channels = np.hstack([np.hstack([r.specific_force, r.angular_velocity]) for r in recordings])
    channels = low_pass(channels, rate, min(8.0, 0.4 * rate))
    return (channels - channels.mean(axis=0)) / np.maximum(channels.std(axis=0), 1e-6)


def _aligned(recordings: Sequence[ImuRecording], rate: float, duration: float, strikes: np.ndarray) -> np.ndarray:
    """Strikes (s) moved so that all channels around them agree best; their mean stays.

    One minimum of one noisy channel is uncertain by several samples; forty channels together are not.
    """
    if len(strikes) < 2:
        return strikes
    channels = _channels(recordings, rate)
    clock = np.arange(len(channels)) / rate
    around = duration * np.linspace(-0.3, 0.3, 61)
    lags = duration * np.linspace(-0.12, 0.12, 49)

    def window(time: float) -> np.ndarray:
        return np.stack([np.interp(time + around, clock, c, left=np.nan, right=np.nan) for c in channels.T], axis=1)

    moved = strikes.copy()
    for _ in range(3):
        template = np.nanmean([window(t) for t in moved], axis=0)
        misfit = np.array([[np.nanmean((window(t + lag) - template) ** 2) for lag in lags] for t in moved])
        moved = moved + lags[np.argmin(misfit, axis=1)]
        moved += np.mean(strikes - moved)
    return moved


def repetition(recordings: Sequence[ImuRecording], rate: float) -> float | None:
    """Duration (s) after which the records repeat themselves best; None if they do not."""
    channels = _channels(recordings, rate)
    n = len(channels)
    lags = np.arange(round(SHORTEST * rate), min(round(LONGEST * rate), n - max(10, round(0.2 * rate))))
    if len(lags) < 3:
        return None
    misfit = np.array([np.mean((channels[lag:] - channels[: n - lag]) ** 2) for lag in lags])
    best = int(np.argmin(misfit))
    # the double of the cycle repeats as well as the cycle: take the shortest lag that is nearly as good
    minima, _ = find_peaks(-misfit)
    for k in minima:
        if misfit[k] < misfit[best] + 0.15 * (misfit.max() - misfit[best]):
            best = int(k)
            break
    if misfit[best] > 0.8 or not 0 < best < len(lags) - 1:
        return None
    a, b, c = misfit[best - 1 : best + 2]
    vertex = 0.5 * (a - c) / (a - 2.0 * b + c) if a - 2.0 * b + c > 0 else 0.0
    return float((lags[best] + vertex) / rate)


def _strikes(recordings: Sequence[ImuRecording], rate: float, duration: float) -> np.ndarray:
    """Times (s) of right foot strikes: the shank's first minimum after its mid-swing maximum."""
    shank = sagittal_records([r for r in recordings if r.placement.segment == "tibia_r"])["tibia_r"]
    turn = low_pass(shank.channels[:, 2], rate, min(10.0, 0.4 * rate))
    swings, _ = find_peaks(turn, distance=max(1, round(0.6 * duration * rate)), prominence=0.4 * np.ptp(turn))
    strikes = []
    for swing in swings:
        after = turn[swing : swing + max(3, round(0.35 * duration * rate))]
        below = np.flatnonzero(after < 0.0)
        if not len(below):
            continue
        minima, _ = find_peaks(-after[below[0] :])
        strikes.append(swing + below[0] + (minima[0] if len(minima) else 0))
    return np.array(strikes, float) / rate


def average_cycle(
    recordings: Sequence[ImuRecording], cycles: Sequence[tuple[float, float]], n_samples: int = 100
) -> tuple[tuple[ImuRecording, ...], float]:
    """Mean record over some cycles, evenly sampled over one, and the mean duration (s).

    Parameters
    ----------
    recordings : sequence of ImuRecording
    cycles : sequence of (float, float)
        Start and end (s).
    n_samples : int

    Returns
    -------
    tuple of ImuRecording
        Rate = samples per mean cycle; cycle end not repeated.
    float
    """
    duration = float(np.mean([end - start for start, end in cycles]))
    averaged = []
    for record in recordings:
        channels = np.hstack([record.specific_force, record.angular_velocity])
        known = np.isfinite(channels).all(axis=1)
        clock, channels = np.flatnonzero(known) / record.rate, channels[known]
        total = np.zeros((n_samples, 6))
        for start, end in cycles:
            time = start + (end - start) * np.arange(n_samples) / n_samples
            total += np.stack([np.interp(time, clock, column) for column in channels.T], axis=1)
        mean = total / len(cycles)
        averaged.append(ImuRecording(record.placement, mean[:, :3], mean[:, 3:], n_samples / duration))
    return tuple(averaged), duration


def cycle_variances(
    recordings: Sequence[ImuRecording],
    cycles: Sequence[tuple[float, float]],
    n_samples: int = 100,
    records: Callable[[Sequence[ImuRecording]], dict[str, SensorRecord]] = sagittal_records,
) -> dict[str, np.ndarray]:
    """Variance (n_samples, n_channels) of the channels between cycles, by segment; empty where there are few.

    `records` says which channels: `strap_down.sagittal_records` or `spatial_strap_down.segment_records`.
    """
    if len(cycles) < FEWEST_CYCLES:
        return {}
    each = [records(average_cycle(recordings, [cycle], n_samples)[0]) for cycle in cycles]
    return {segment: np.var([c[segment].channels for c in each], axis=0, ddof=1) for segment in each[0]}
