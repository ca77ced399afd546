"""Sustained flexion: people hold a torque of the elbow as long as they can, then as much as they can.

At each instant static optimisation (`load_sharing`) tells how much of each muscle is needed with the strength that is
left; the muscles tire by the three-compartment controller. The neural drive of a muscle, which is what an
electromyogram shows, is the active share of the units that are *not* fatigued: it rises while the torque is held, and
is 1 when the torque falls. So torque = sum of (torque when rested and fully active) x drive x (1 - fatigued), muscle by
muscle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.elbow.elbow import FLEXORS, torque_share
from synth.elbow.load_sharing import least_squares_activations
from synth.elbow.three_compartment import Compartments, rested, step

SLOW_FIBRES = np.array([0.464, 0.464, 0.50, 0.398, 0.326, 0.326, 0.326])
"""Share of slow fibres of each muscle: M. A. Johnson et al., J Neurol Sci 18:111, 1973 (biceps the mean of surface and
depth), quoted from memory; brachialis assumed."""
FATIGUE_BY_FIBRES = 1.0
"""F of a muscle is multiplied by 1 + this x (0.45 - slow share): more slow fibres, less fatigue. Assumption."""
TYPICAL_SLOW = 0.45
STEP_SECONDS = 0.05
DECISION_SECONDS = 0.5
"""The drives are chosen anew that often."""


@dataclass(frozen=True)
class FlexionCase:
    """People and what they are asked, one row each; all arrays have shape (n,).

    Attributes
    ----------
    strength : ndarray
        Factor on the maximum forces of the generic person.
    height : ndarray
        Stature (m).
    angle : ndarray
        Elbow flexion (rad), held.
    level : ndarray
        Torque to be held, as a share of the rested maximum at this angle.
    fatigue, recovery : ndarray
        F and R (1/s) of a muscle with the typical fibres.
    slow_fibres : ndarray
        Added to the shares of slow fibres of all muscles.
    co_contraction : ndarray
        Drive of the triceps as a share of the mean drive of the flexors.
    """

    strength: np.ndarray
    height: np.ndarray
    angle: np.ndarray
    level: np.ndarray
    fatigue: np.ndarray
    recovery: np.ndarray
    slow_fibres: np.ndarray
    co_contraction: np.ndarray

    def rows(self, chosen: np.ndarray | slice) -> FlexionCase:
        """Some of the rows."""
        return FlexionCase(**{name: value[chosen] for name, value in self.__dict__.items()})


@dataclass(frozen=True)
class SustainedFlexion:
    """What happened, and what only a simulator knows.

    Attributes
    ----------
    drives : ndarray, shape (n, n_frames, n_muscles)
        Neural drive of each muscle, 0 to 1.
    torque : ndarray, shape (n, n_frames)
        Net torque (N·m), flexion positive.
    capacity : ndarray, shape (n,)
        Torque (N·m) of the rested flexors when fully active.
    freshness : ndarray, shape (n, n_frames)
        Share of that capacity that is left.
    rate : float
        Frames per second (Hz).
    """

    drives: np.ndarray
    torque: np.ndarray
    capacity: np.ndarray
    freshness: np.ndarray
    rate: float


def sustain(case: FlexionCase, seconds: float, rate: float) -> SustainedFlexion:
    """Simulate the contractions, all rows at once.

    Parameters
    ----------
    case : FlexionCase
    seconds : float
        Each trial lasts so long: whoever fails goes on with all that is left.
    rate : float
        Frames per second (Hz) of what is returned, a divisor of 2 (decisions are made twice a second).
    """
    full = case.strength[:, None] * torque_share(case.angle, case.height)
    slow = SLOW_FIBRES + case.slow_fibres[:, None]
    fatigue = case.fatigue[:, None] * (1.0 + FATIGUE_BY_FIBRES * (TYPICAL_SLOW - slow))
    capacity = full[:, FLEXORS].sum(axis=1)
    opposed = np.zeros(len(capacity))
    state, kept = rested(full.shape), []
    for _ in range(round(seconds / DECISION_SECONDS)):
        drive = decide(full, state, case, opposed)
        for _ in range(round(DECISION_SECONDS / STEP_SECONDS)):
            state = step(state, drive * state.capacity, fatigue, case.recovery[:, None], STEP_SECONDS)
        torque = (full * state.active).sum(axis=1)
        opposed = -(full * state.active)[:, ~FLEXORS].sum(axis=1)
        left = (full * state.capacity)[:, FLEXORS].sum(axis=1) / capacity
        kept.append((drive, torque, left))
    stride = round(1.0 / (rate * DECISION_SECONDS))
    drives, torque, left = (np.stack(part, axis=1) for part in zip(*kept, strict=True))
    return SustainedFlexion(drives[:, ::stride], torque[:, ::stride], capacity, left[:, ::stride], rate)


def decide(full: np.ndarray, state: Compartments, case: FlexionCase, opposed: np.ndarray) -> np.ndarray:
    """Drives (n, 7) for the next moment; `opposed` is the torque (n,) of the triceps just now."""
    capacity = full[:, FLEXORS].sum(axis=1)
    now = full[:, FLEXORS] * state.capacity[:, FLEXORS]
    drive = np.zeros(full.shape)
    drive[:, FLEXORS] = least_squares_activations(now, case.level * capacity + opposed)
    drive[:, ~FLEXORS] = (case.co_contraction * drive[:, FLEXORS].mean(axis=1))[:, None]
    return drive


def torque_of_drives(
    drives: np.ndarray, full: np.ndarray, fatigue: np.ndarray, recovery: np.ndarray, rate: float
) -> np.ndarray:
    """Torque (n, n_frames) in N·m that the model gives for recorded drives, as a musculoskeletal simulation would.

    Parameters
    ----------
    drives : ndarray, shape (n, n_frames, 7)
        0 to 1.
    full : ndarray, shape (n, 7)
        Torque of each rested, fully active muscle (`torque_share` times strength).
    fatigue, recovery : ndarray, shape (n, 7) or broadcast
        F and R (1/s).
    rate : float
        Frames per second (Hz).
    """
    state, torque = rested(full.shape), []
    n_steps = max(1, round(1.0 / (rate * STEP_SECONDS)))
    for frame in np.moveaxis(drives, 1, 0):
        for _ in range(n_steps):
            state = step(state, frame * state.capacity, fatigue, recovery, 1.0 / (rate * n_steps))
        torque.append((full * state.active).sum(axis=1))
    return np.stack(torque, axis=1)
