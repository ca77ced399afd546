"""Gait cycles of a record: cut by the shank's gyroscope, 100 samples each, with their labels at the same instants.

Whoever estimates a whole cycle at once must know where it begins. Here that is a strike of the right foot by its
shank's gyroscope, so that an unseen person needs no force plate; a record too short for that (one periodic cycle of a
virtual person) is cut by its own events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from synth.corpus.trial import CorpusTrial
from synth.real_imu.shank_event import shank_events
from training.target import Target
from training.window import TrialRecord, trial_record

N_SAMPLES = 100
"""Of a cycle, 0, 1, ... 99 %."""
SHORTEST, LONGEST = 0.6, 2.2
"""s: durations that a stride of walking has."""


@dataclass(frozen=True)
class GaitCycles:
    """Cycles of one record.

    Attributes
    ----------
    record : TrialRecord
    times : ndarray, shape (n_cycles, 2)
        Begin and end (s after the first frame).
    inputs : ndarray, shape (n_cycles, 100, n_channels), float32
    labels : ndarray, shape (n_cycles, 100, n_targets), float32
        NaN = no label.
    is_mirrored : bool
        Whether they are of the mirror image of a trial, which needs no label of its own.
    """

    record: TrialRecord
    times: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    is_mirrored: bool = False

    @property
    def durations(self) -> np.ndarray:
        """Seconds (n_cycles,)."""
        return self.times[:, 1] - self.times[:, 0]


def cycle_times(trial: CorpusTrial, *, own_events: bool = False) -> np.ndarray:
    """Begin and end (n, 2) of the cycles of a trial, in seconds after its first frame.

    Parameters
    ----------
    trial : CorpusTrial
        With a sensor on the right shank.
    own_events : bool
        Take the strikes that the trial states where the gyroscope shows fewer than two.
    """
    shank = next((r for r in trial.recordings if r.placement.segment == "tibia_r"), None)
    strikes = np.empty(0)
    if shank is not None and len(shank.angular_velocity) > LONGEST * shank.rate:
        strikes = shank_events(shank.angular_velocity, shank.rate).strikes
    if len(strikes) < 2 and own_events:
        strikes = np.array(sorted(e.time for e in trial.events if (e.foot, e.kind) == ("right", "foot_strike")))
    last = (trial.n_frames - 1) / trial.rate
    pairs = [(a, b) for a, b in pairwise(strikes) if SHORTEST <= b - a <= LONGEST and a >= 0 and b <= last]
    return np.array(pairs).reshape(-1, 2)


def cut_cycles(
    trial: CorpusTrial, sensors: Sequence[str], targets: Sequence[Target], *, own_events: bool = False
) -> GaitCycles:
    """Cut a trial into time-normalised cycles; those in which a sensor has no value are left out."""
    record = trial_record(trial, sensors, targets)
    times = cycle_times(trial, own_events=own_events)
    clock = np.arange(record.n_frames) / record.rate
    inputs = np.empty((len(times), N_SAMPLES, record.inputs.shape[1]), dtype=np.float32)
    labels = np.full((len(times), N_SAMPLES, record.labels.shape[1]), np.nan, dtype=np.float32)
    whole = np.ones(len(times), dtype=bool)
    for k, (begin, end) in enumerate(times):
        at = begin + (end - begin) * np.arange(N_SAMPLES) / N_SAMPLES
        inputs[k] = _columns_at(record.inputs, clock, at)
        labels[k] = _columns_at(record.labels, clock, at)
        whole[k] = not record.is_missing[int(begin * record.rate) : int(end * record.rate) + 2].any()
    return GaitCycles(record, times[whole], inputs[whole], labels[whole])


def _columns_at(values: np.ndarray, clock: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Columns between frames; NaN next to a NaN."""
    if not values.shape[1]:
        return np.empty((len(at), 0))
    return np.stack([np.interp(at, clock, column) for column in values.T], axis=1)


def place_cycles(values: np.ndarray, times: np.ndarray, rate: float, n_frames: int) -> np.ndarray:
    """Lay values of cycles (n_cycles, 100, n) over the frames of their record: (n_frames, n), NaN outside."""
    placed = np.full((n_frames, values.shape[2]), np.nan)
    grid = np.arange(N_SAMPLES + 1) / N_SAMPLES
    for cycle, (begin, end) in zip(values, times, strict=True):
        first, stop = int(np.ceil(begin * rate)), min(int(np.ceil(end * rate)), n_frames)
        phase = (np.arange(first, stop) / rate - begin) / (end - begin)
        closed = np.vstack([cycle, cycle[:1]])
        placed[first:stop] = np.stack([np.interp(phase, grid, column) for column in closed.T], axis=1)
    return placed
