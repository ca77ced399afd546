"""Anchors of inertial records: short stretches chosen by their content, by which the same data is met again.

An anchor is a peak of a sensor's angular rate, the highest within its neighbourhood. It does not depend on where a
trial begins or ends, so a copy that is cut or shifted has the same anchors at other frames. Each is a point of eight
numbers (rates around the peak, size of the specific force); the same data gives the same point up to its noise, and
two strides of walking are thousands of times further apart than that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.spatial import cKDTree

from synth.corpus.trial import CorpusTrial

N_SENSORS = 3
"""Sensors of a trial that are searched, first by name."""
NEIGHBOURHOOD = 0.16
"""Seconds on either side in which a peak is the highest (16 frames at least)."""
LEAST_RATE = 0.5
"""rad/s below which a peak is none: a sensor at rest shows its noise."""
RADIUS = 2e-3
"""rad/s (and m/s²) by which the numbers of two anchors of the same data may differ."""
_N_NEIGHBOURS = 8
_STEPS = np.linspace(-0.75, 0.75, 7)


@dataclass
class AnchorIndex:
    """Anchors of many trials, by rate and sensor; trials go by their number."""

    points: dict[tuple[float, str], list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    places: dict[tuple[float, str], list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))

    def add(self, number: int, trial: CorpusTrial) -> None:
        """Note the anchors of a trial."""
        for record in sorted(trial.recordings, key=lambda record: record.placement.sensor)[:N_SENSORS]:
            points, frames = anchors(record.specific_force, record.angular_velocity, trial.rate)
            if len(frames):
                key = (trial.rate, record.placement.sensor)
                self.points[key].append(points)
                self.places[key].append(np.column_stack([np.full(len(frames), number), frames]))

    def meetings(self) -> dict[tuple[int, int], dict[int, int]]:
        """Pairs of trials that share anchors.

        Returns
        -------
        dict of (first, second) to dict of shift to int
            How many anchors meet where frame k of the first is frame k - shift of the second.
        """
        found: dict[tuple[int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for key, points in self.points.items():
            stacked, places = np.concatenate(points), np.concatenate(self.places[key])
            k = min(_N_NEIGHBOURS, len(stacked))
            distance, other = cKDTree(stacked).query(stacked, k=k, p=np.inf, distance_upper_bound=RADIUS)
            mine, slot = np.nonzero(np.isfinite(distance.reshape(len(stacked), k)))
            other = other.reshape(len(stacked), k)[mine, slot]
            first, second = places[mine], places[other]
            forward = first[:, 0] < second[:, 0]
            for (a, i), (b, j) in zip(first[forward], second[forward], strict=True):
                found[int(a), int(b)][int(i - j)] += 1
        return found


def anchors(specific_force: np.ndarray, angular_velocity: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Anchors of one record.

    Parameters
    ----------
    specific_force, angular_velocity : ndarray, shape (n, 3)
        m/s², rad/s; NaN where missing.
    rate : float
        Hz.

    Returns
    -------
    ndarray, shape (n_anchors, 8)
        Angular rates (rad/s) from before to after the peak, specific force (m/s²) at the peak. Repetitions to the
        last digit, of records that were made periodic, count once.
    ndarray of int, shape (n_anchors,)
        Frames of the peaks.
    """
    reach = max(16, round(NEIGHBOURHOOD * rate))
    turn = np.sqrt(np.einsum("ij,ij->i", angular_velocity, angular_velocity))
    filled = np.where(np.isfinite(turn), turn, 0.0)
    peaks = np.flatnonzero((maximum_filter1d(filled, 2 * reach + 1, mode="nearest") == filled) & (filled > LEAST_RATE))
    peaks = peaks[(peaks >= reach) & (peaks < len(turn) - reach)]
    around = turn[peaks[:, None] + np.round(_STEPS * reach).astype(int)]
    points = np.column_stack([around, np.sqrt(np.einsum("ij,ij->i", specific_force[peaks], specific_force[peaks]))])
    known = np.isfinite(points).all(axis=1)
    _, once = np.unique(np.round(points[known], 5), axis=0, return_index=True)
    return points[known][once], peaks[known][once]
