"""Plate baseline: what an unloaded plate shows, found from its own record, and its drift.

A baseline of 15 N, common in laboratories that do not zero their plates before each trial, is 2 % of body weight
and moves the centre of pressure by centimetres at foot strike. It may be taken away only where the plate is known
to be unloaded: a standing subject loads a plate from the first sample to the last, and the frames that
FORCE_PLATFORM:ZERO names are then frames of body weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap_import.stretch import stretches
from mocap_import.trial import Treatment

FLOORS = np.array([2.0, 2.0, 2.0, 0.5, 0.5, 0.5])
"""Offsets (N, N·m) too small to matter: 0.3 % of a body weight, 5 mm of centre of pressure at 100 N."""
HIGHEST_LEVEL = 30.0
"""Upward force (N) beyond which a plateau may be a resting toe or a hand: it is load, not offset."""
LOWEST_LEVEL = -150.0
"""The ground does not pull, so a negative plateau is an offset; beyond this the channels are not understood."""
_BAND = 25.0
_LOAD = 50.0
_SHORTEST = 0.04
_MARGIN = 0.01
_ENOUGH = 0.15
_NOISE = 15.0
_DRIFT_STRETCHES, _DRIFT_SPAN = 8, 10.0
_SAMPLE = 500


@dataclass(frozen=True)
class Baseline:
    """Wrench of the unloaded plate.

    Attributes
    ----------
    level : ndarray, shape (6,)
        N and N·m, at the middle of the record.
    slope : ndarray, shape (6,)
        N/s and N·m/s; zero without a proven drift.
    source : str
        Where it was measured, in words.
    """

    level: np.ndarray
    slope: np.ndarray
    source: str

    def over(self, n_samples: int, rate: float) -> np.ndarray:
        """The baseline (6,) or, with drift, (n_samples, 6) at each sample."""
        if not self.slope.any():
            return self.level
        time = (np.arange(n_samples) - 0.5 * (n_samples - 1)) / rate
        return self.level + time[:, None] * self.slope


def find_baseline(
    wrench: np.ndarray, vertical: np.ndarray, rate: float, zero: tuple[int, int] | None, name: str
) -> tuple[Baseline | None, list[Treatment]]:
    """Baseline of one plate, None if there is none beyond noise or nothing proves the plate unloaded.

    Parameters
    ----------
    wrench : ndarray, shape (n_samples, 6)
        About the centre of the surface, plate axes (N, N·m).
    vertical : ndarray, shape (n_samples,)
        Its force along up, positive under load (N).
    rate : float
        Samples per second (Hz).
    zero : tuple of int or None
        Samples (start, stop) that FORCE_PLATFORM:ZERO declares unloaded.
    name : str
        Of the plate.

    Returns
    -------
    baseline : Baseline or None
    treatments : list of Treatment
        ``plate_baseline``, ``plate_drift``, ``plate_zero_refused``, ``plate_baseline_unclear``.
    """
    notes = []
    stretches, level, unclear = unloaded_stretches(vertical, rate)
    medians, noise = _medians(wrench, stretches)
    is_zero, carried = _zero_holds(vertical, zero, level if stretches else None, noise[2])
    if abs(carried) > HIGHEST_LEVEL:
        detail = f"{name}: FORCE_PLATFORM:ZERO names frames in which the plate carries {carried:.0f} N; not used"
        notes.append(Treatment("plate_zero_refused", detail))
    slope = _drift(medians, stretches, rate, len(wrench))
    if is_zero and not slope.any():
        source = "the frames of FORCE_PLATFORM:ZERO"
        found, error = wrench[zero[0] : zero[1]].mean(axis=0), noise / np.sqrt(zero[1] - zero[0])
    elif stretches:
        found = np.median(medians, axis=0)
        error = medians.std(axis=0) / np.sqrt(len(medians)) if len(medians) > 2 else 0.1 * noise
        seconds = sum(stop - start for start, stop in stretches) / rate
        source = f"{seconds:.1f} s without load"
    else:
        if unclear:
            detail = f"{name}: the lightest load of the record is a steady {level:.0f} N; taken as load, not as offset"
            notes.append(Treatment("plate_baseline_unclear", detail))
        return None, notes
    span = len(wrench) / rate
    if slope.any():
        middle = 0.5 * (len(wrench) - 1)
        centres = np.array([0.5 * (start + stop) for start, stop in stretches])
        found = np.median(medians - ((centres - middle) / rate)[:, None] * slope, axis=0)
        detail = f"{name}: the baseline drifts by {_words(slope * span)} over {span:.0f} s; the line was subtracted"
        notes.append(Treatment("plate_drift", detail))
    elif not (np.abs(found) > np.maximum(FLOORS, 3.0 * error)).any():
        return None, notes
    notes.append(Treatment("plate_baseline", f"{name}: baseline of {_words(found)} subtracted ({source})"))
    return Baseline(found, slope, source), notes


def _zero_holds(
    vertical: np.ndarray, zero: tuple[int, int] | None, level: float | None, noise: float
) -> tuple[bool, float]:
    """Whether the plate is unloaded in the samples of FORCE_PLATFORM:ZERO, and the force (N) there if it is not.

    Only a load at another time proves that these frames hold none; they must agree with the `level` (N) of stretches
    known to be unloaded, if there are such.
    """
    if zero is None:
        return False, 0.0
    there = vertical[zero[0] : zero[1]]
    middle, spread = float(np.median(there)), float(np.std(there))
    empty = LOWEST_LEVEL < middle < HIGHEST_LEVEL and spread < _NOISE and vertical.max() - middle > _LOAD
    holds = empty and (level is None or abs(middle - level) < 2.0 + 3.0 * noise)
    return holds, 0.0 if holds else middle


def unloaded_stretches(vertical: np.ndarray, rate: float) -> tuple[list[tuple[int, int]], float, bool]:
    """Stretches (start, stop) in which a plate that is loaded at other times carries nothing.

    Parameters
    ----------
    vertical : ndarray, shape (n_samples,)
        Positive under load (N).
    rate : float
        Hz.

    Returns
    -------
    stretches : list
        Empty if nothing proves that the plate is ever unloaded.
    level : float
        Force (N) of the plateau.
    unclear : bool
        True if there is a plateau beside the load that is too high to be an offset.
    """
    level = _plateau(vertical)
    if vertical.max() - level < _LOAD:
        return [], level, False
    starts, stops = stretches(vertical < level + _BAND)
    margin = int(np.ceil(_MARGIN * rate))
    starts, stops = starts + margin, stops - margin
    long = stops - starts >= max(3, _SHORTEST * rate)
    unloaded = list(zip(starts[long].tolist(), stops[long].tolist(), strict=True))
    seconds = float((stops - starts)[long].sum()) / rate
    if seconds < _ENOUGH:
        return [], level, False
    if not LOWEST_LEVEL < level < HIGHEST_LEVEL:
        return [], level, level >= HIGHEST_LEVEL and level < 4 * HIGHEST_LEVEL
    return unloaded, level, False


def _plateau(vertical: np.ndarray) -> float:
    """Force of the lightest plateau: middle of the samples about the second percentile, settled in three rounds."""
    vertical = np.sort(vertical[:: max(1, len(vertical) // (4 * _SAMPLE))])
    level = float(vertical[len(vertical) // 50]) + 0.4 * _BAND
    for _ in range(3):
        first, last = np.searchsorted(vertical, [level - _BAND, level + _BAND])
        level = float(vertical[(first + last) // 2]) if last > first else level
    return level


def _medians(wrench: np.ndarray, stretches: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Median wrench of each stretch (n, 6) and the noise about it (6,)."""
    if not stretches:
        return np.zeros((0, 6)), np.zeros(6)
    start, stop = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    noise = wrench[start:stop][:: max(1, (stop - start) // _SAMPLE)].std(axis=0)
    if len(stretches) > _DRIFT_STRETCHES:
        # Many short flights: their means are enough, the median is taken over the flights.
        edges = np.array(stretches)
        sums = np.add.reduceat(wrench, edges.ravel()[: None if edges[-1, 1] < len(wrench) else -1], axis=0)[::2]
        return sums / (edges[:, 1] - edges[:, 0])[:, None], noise
    parts = [wrench[start:stop][:: max(1, (stop - start) // _SAMPLE)] for start, stop in stretches]
    return np.stack([np.median(part, axis=0) for part in parts]), noise


def _drift(medians: np.ndarray, stretches: list[tuple[int, int]], rate: float, n_samples: int) -> np.ndarray:
    """Slope (6,) per second of the baseline (Theil-Sen), zero where it is not proven or does not matter."""
    slope = np.zeros(6)
    if len(stretches) < _DRIFT_STRETCHES:
        return slope
    time = np.array([0.5 * (start + stop) for start, stop in stretches]) / rate
    if time[-1] - time[0] < _DRIFT_SPAN:
        return slope
    first, second = np.triu_indices(len(time), 1)
    far = time[second] - time[first] > 0.25 * (time[-1] - time[0])
    first, second = first[far], second[far]
    slope = np.median((medians[second] - medians[first]) / (time[second] - time[first])[:, None], axis=0)
    rest = medians - time[:, None] * slope
    scatter = 1.4826 * np.median(np.abs(rest - np.median(rest, axis=0)), axis=0)
    error = scatter / np.sqrt(((time - time.mean()) ** 2).sum())
    total = np.abs(slope) * n_samples / rate
    return np.where((total > 1.5 * FLOORS) & (np.abs(slope) > 5.0 * error), slope, 0.0)


def _words(wrench: np.ndarray) -> str:
    """Force along the plate's normal and the largest of the others, for a sentence."""
    side = float(np.abs(wrench[:2]).max())
    turn = float(np.abs(wrench[3:]).max())
    return f"{abs(wrench[2]):.1f} N along, {side:.1f} N across, {turn:.1f} N·m"
