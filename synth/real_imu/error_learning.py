"""Learning the table of `synth.imu.learnt_error` from pairs of real and virtual sensors.

Per pair, six channels in segment axes (left mirrored to right), Welch's cross-spectra S of real r and virtual v over
two-second blocks, averaged over each band b:

    gain       h = Re S_rv / S_vv                 (the Wiener filter of real from virtual, without phase)
    coherence  c = |S_rv|² / (S_rr S_vv)          (of the band's mean spectra, which forgives nothing within a band)
    level      l = S_rr / A²                      (A²: activity of the virtual triad below the reference cut-off)
    correlation of the incoherent part Re (S_rr - S_rv S_vv⁻¹ S_vr), channel by channel normalised

Sensors of one segment class are pooled: gains and coherences by the mean, levels by the mean of their logarithms (of
two persons the livelier should not outvote the other). Gains lie between 0 and `GREATEST_GAIN`. Where no coherence is
found the gain means nothing: it is 1 below the reference cut-off (the movement is kept) and 0 above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.imu.frequency_band import band_centres, band_power_mean
from synth.imu.learnt_error import (
    SEGMENT_CLASSES,
    LearntErrors,
    SegmentErrors,
    activity,
    envelope,
    rms_activity,
)
from synth.imu.recording import ImuRecording
from synth.real_imu.real_level import mean_level, real_level
from synth.real_imu.residual_spectrum import BLOCK, cross_spectra
from synth.real_imu.sensor_pair import SensorPair, mirrored_channels

REFERENCE_CUTOFF = 5.0
"""Hz. Every laboratory's marker motion is whole below it; smoothing begins at 6 Hz. That, and `OTHER_LABORATORY` in the
benchmark, is how the tested laboratory smooths: known beforehand, not learnt (said in docs/imu_errors_learnt.md)."""
ENVELOPES = (0.05, 0.1, 0.2, 0.5, 1.0, np.inf)
"""Candidates (s)."""
GREATEST_GAIN = 2.0
"""A larger gain is not tissue: the virtual signal has lost its power to a filter there, and noise fills it up."""
LEAST_COHERENCE = 0.1
"""About what two independent signals show by chance (0.95 quantile 1 - 0.05^(1/(n-1)) of n = 30 independent blocks)."""
_SILENT = 1e-12


@dataclass(frozen=True)
class _Learnt:
    """What one pair tells."""

    gain: np.ndarray
    coherence: np.ndarray
    level: np.ndarray
    rest: np.ndarray


def band_edges(n_bands: int, lowest: float = 0.5, highest: float = 50.0) -> np.ndarray:
    """Limits (n_bands + 1,) of bands of equal width in log frequency (Hz)."""
    return np.geomspace(lowest, highest, n_bands + 1)


def learn_errors(
    pairs: Sequence[SensorPair],
    *,
    edges: np.ndarray,
    floor: Sequence[float] = (0.0, 0.0),
    further: Sequence[Sequence[ImuRecording]] = (),
    provenance: Mapping | None = None,
) -> LearntErrors:
    """Learn a table from pairs.

    Parameters
    ----------
    pairs : sequence of SensorPair
        Of one person; segments that the table has no class for are refused.
    edges : ndarray
        See `band_edges`.
    floor : sequence of float
        Resting noise density of accelerometer (m/s²/√Hz) and gyroscope (rad/s/√Hz), see `resting_noise`.
    further : sequence of sequences of ImuRecording
        Real sensors of walks of further persons, of whom no motion was measured: they tell levels (`real_level`), and
        count like the pairs' person. Sensors of a segment without a pair are left out.
    provenance : mapping, optional

    Returns
    -------
    LearntErrors

    Raises
    ------
    ValueError
        If a pair's segment has no class, or a pair is too short.
    """
    by_class: dict[str, list[_Learnt]] = {}
    of_segment = {pair.real.placement.segment: pair for pair in pairs}
    for pair in pairs:
        segment = pair.real.placement.segment
        if segment not in SEGMENT_CLASSES:
            raise ValueError(f"segment {segment!r} has no class; learnt are {', '.join(SEGMENT_CLASSES)}.")
        by_class.setdefault(SEGMENT_CLASSES[segment], []).append(_learn_pair(pair, edges))
    segments = {name: _pooled(found, edges) for name, found in by_class.items()}
    for name, learnt in segments.items():
        levels = [[one.level for one in by_class[name]]]
        for person in further:
            known = [r for r in person if r.placement.segment in of_segment]
            own = [r for r in known if SEGMENT_CLASSES[r.placement.segment] == name]
            found = [real_level(r, of_segment[r.placement.segment], edges, REFERENCE_CUTOFF) for r in own]
            levels += [found] if found else []
        segments[name] = replace(learnt, level=mean_level(levels))
    chosen, shown = choose_envelope(pairs), _shown(pairs, further)
    return LearntErrors(
        edges, segments, REFERENCE_CUTOFF, chosen, np.asarray(floor, dtype=float), dict(provenance or {}), shown
    )


def _shown(pairs: Sequence[SensorPair], further: Sequence[Sequence[ImuRecording]]) -> dict[str, np.ndarray]:
    """Lowest and highest activity of each class: virtual sensors of the pairs, real ones of further persons."""
    worn = {pair.real.placement.segment for pair in pairs}
    sizes: dict[str, list[np.ndarray]] = {}
    others = [r for person in further for r in person if r.placement.segment in worn]
    for recording in (*(pair.virtual for pair in pairs), *others):
        size = rms_activity(recording, REFERENCE_CUTOFF)
        if size is not None:
            sizes.setdefault(SEGMENT_CLASSES[recording.placement.segment], []).append(size)
    return {name: np.array([np.min(found, axis=0), np.max(found, axis=0)]) for name, found in sizes.items()}


def _both(pair: SensorPair) -> np.ndarray:
    """Real and virtual channels side by side (n, 12), NaN where either is unknown."""
    table = np.hstack([mirrored_channels(pair.real), mirrored_channels(pair.virtual)])
    return np.where(np.isfinite(table).all(axis=1)[:, None], table, np.nan)


def _learn_pair(pair: SensorPair, edges: np.ndarray) -> _Learnt:
    table = _both(pair)
    frequency, matrix = cross_spectra(table, pair.real.rate, estimator="welch", block=BLOCK)
    means = band_power_mean(matrix, frequency, edges)
    auto = np.einsum("bcc->bc", means).real
    real, virtual = auto[:, :6], np.maximum(auto[:, 6:], _SILENT)
    cross = np.stack([means[:, c, c + 6] for c in range(6)], axis=1)
    coherence = np.clip(np.abs(cross) ** 2 / (real * virtual), 0.0, 1.0)
    # incoherent part across channels: each real channel freed of what its own virtual channel explains
    slope = cross / virtual
    rest = (
        means[:, :6, :6]
        - slope[:, :, None] * means[:, 6:, :6]
        - means[:, :6, 6:] * slope[:, None, :].conj()
        + slope[:, :, None] * means[:, 6:, 6:] * slope[:, None, :].conj()
    ).real
    size = np.sqrt(np.maximum(np.einsum("bcc->bc", rest), _SILENT))
    whole = table[np.isfinite(table).all(axis=1), 6:]
    level = real / activity(whole, pair.real.rate, REFERENCE_CUTOFF)
    return _Learnt(slope.real, coherence, level, rest / (size[:, :, None] * size[:, None, :]))


def _pooled(found: Sequence[_Learnt], edges: np.ndarray) -> SegmentErrors:
    correlation = np.mean([one.rest for one in found], axis=0)
    correlation[:, range(6), range(6)] = 1.0
    coherence = np.mean([one.coherence for one in found], axis=0)
    gain = np.clip(np.mean([one.gain for one in found], axis=0), 0.0, GREATEST_GAIN)
    kept = (band_centres(edges) <= REFERENCE_CUTOFF)[:, None]
    return SegmentErrors(
        np.where(coherence < LEAST_COHERENCE, np.where(kept, 1.0, 0.0), gain),
        coherence,
        mean_level([[one.level for one in found]]),
        correlation,
    )


def choose_envelope(pairs: Sequence[SensorPair]) -> float:
    """Window (s) of the local activity under which the residuals are likeliest, as Gaussian with that local SD.

    Minus the log-likelihood a sample, but for constants, is mean(log g²) + log mean(e² / g²), summed over channels.
    """
    cost = []
    for seconds in ENVELOPES:
        total = 0.0
        for pair in pairs:
            table = _both(pair)
            whole = table[np.isfinite(table).all(axis=1)]
            rest = whole[:, :6] - whole[:, 6:]
            rest = rest - rest.mean(axis=0)
            local = envelope(whole[:, 6:], pair.real.rate, seconds) ** 2
            total += float(np.sum(np.mean(np.log(local), axis=0) + np.log(np.mean(rest**2 / local, axis=0) + _SILENT)))
        cost.append(total)
    return float(ENVELOPES[int(np.argmin(cost))])


def resting_noise(recordings: Sequence[tuple[ImuRecording, np.ndarray]], above: float = 10.0) -> tuple[float, float]:
    """Noise densities of a sensor at rest: accelerometer (m/s²/√Hz) and gyroscope (rad/s/√Hz).

    Parameters
    ----------
    recordings : sequence of (ImuRecording, ndarray of bool)
        Each with its samples at rest.
    above : float
        Hz, clear of a table's sway.

    Returns
    -------
    tuple of float
        Root of the median density over frequencies above, axes and recordings.
    """
    found = []
    for recording, still in recordings:
        table = np.hstack([recording.specific_force, recording.angular_velocity])
        frequency, matrix = cross_spectra(np.where(still[:, None], table, np.nan), recording.rate)
        found.append(np.einsum("fcc->fc", matrix).real[frequency >= above])
    density = np.concatenate(found)
    return float(np.sqrt(np.median(density[:, :3]))), float(np.sqrt(np.median(density[:, 3:])))
