"""The second laboratory: virtual people whose elbows follow other laws than those of the simulations.

Nothing is shared with `sustained_flexion` but the task. Muscles are shares of a person's torque (no paths), one of
them unseen by electrodes (pronator and wrist muscles); the torque over the angle is one arch; the brain drives all
flexors by one excitation with each person's own weights (no static optimisation), tires itself, and braces the triceps
the more the arm tires; muscles tire by the motor-unit pool; an electromyogram is not proportional to the force.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.elbow.elbow import NAMES
from synth.elbow.motor_unit_pool import MotorUnitPool, firing, motor_unit_pool, tired
from synth.elbow.sustained_flexion import DECISION_SECONDS, SustainedFlexion

SHARES = np.array([0.36, 0.30, 0.24, 0.10])
"""Of the flexion torque: biceps, brachialis, brachioradialis, and what no electrode sees."""
BEST_ANGLE, ARCH = np.radians(85.0), 0.35
"""The torque falls from its best angle to 1 - ARCH of it 60 degrees away."""
EXTENSOR_SHARE = 0.55
"""Strength of the triceps over that of the flexors."""
SPREAD = {"shares": 0.15, "weights": 0.15, "speed": 0.30}
"""SD of logarithms between people and muscles."""
POTENTIATION = 0.25
"""Amplitude of the electromyogram of a tired unit over that of a rested one, less 1."""
CENTRAL_LOSS, CENTRAL_SECONDS = 0.10, 60.0
_HALVINGS = 16


@dataclass(frozen=True)
class SecondCase:
    """People and what they are asked, one row each.

    Attributes
    ----------
    capacity : ndarray, shape (n,)
        Torque (N·m) of the rested flexors at the best angle.
    angle, level : ndarray, shape (n,)
        rad; share of the maximum at that angle.
    shares : ndarray, shape (n, 4)
        Of the torque; sum 1.
    weights : ndarray, shape (n, 4)
        Excitation of each flexor over the common one.
    speed : ndarray, shape (n, 4)
        Factor on the loss of force of each flexor.
    bracing : ndarray, shape (n, 2)
        Excitation of the triceps over the common one: rested, and what is added as the arm tires.
    """

    capacity: np.ndarray
    angle: np.ndarray
    level: np.ndarray
    shares: np.ndarray
    weights: np.ndarray
    speed: np.ndarray
    bracing: np.ndarray


def draw_case(
    rng: np.random.Generator,
    capacity: np.ndarray,
    angle: np.ndarray,
    level: np.ndarray,
    person: np.ndarray,
    speed: float = 1.0,
) -> SecondCase:
    """Draw what differs between people; rows of one person share it.

    Parameters
    ----------
    rng : Generator
    capacity, angle, level : ndarray, shape (n,)
    person : ndarray of int, shape (n,)
        0, 1, ...: whose row it is.
    speed : float
        Factor on everybody's loss of force; 1 is the population.
    """
    n_people = int(person.max()) + 1
    shares = SHARES * np.exp(SPREAD["shares"] * rng.normal(size=(n_people, 4)))
    weights = np.exp(SPREAD["weights"] * rng.normal(size=(n_people, 4)))
    own = speed * np.exp(SPREAD["speed"] * rng.normal(size=(n_people, 1)) + 0.1 * rng.normal(size=(n_people, 4)))
    bracing = rng.uniform((0.05, 0.05), (0.20, 0.25), size=(n_people, 2))
    shares /= shares.sum(axis=1, keepdims=True)
    weights /= weights.max(axis=1, keepdims=True)
    return SecondCase(capacity, angle, level, shares[person], weights[person], own[person], bracing[person])


def sustain_otherwise(case: SecondCase, seconds: float, rate: float) -> SustainedFlexion:
    """Simulate the contractions; arguments and result as of `sustained_flexion.sustain`.

    ``drives`` are electromyograms over those of a rested maximum, before any noise: both heads of the biceps read the
    same, and so do those of the triceps.
    """
    pool = motor_unit_pool()
    full = case.capacity * (1.0 - ARCH * ((case.angle - BEST_ANGLE) / np.radians(60.0)) ** 2)
    left = np.ones((len(full), 4, len(pool.share)))
    kept = []
    for i in range(round(seconds / DECISION_SECONDS)):
        most = 1.0 - CENTRAL_LOSS * (1.0 - np.exp(-i * DECISION_SECONDS / CENTRAL_SECONDS))
        fresh = (case.shares * (left @ pool.share)).sum(axis=1)
        brace = case.bracing[:, 0] + case.bracing[:, 1] * (1.0 - fresh)
        common = _excitation(case, pool, left, brace, most)
        active = firing(pool, case.weights * common[:, None])
        braced = firing(pool, brace * common)
        torque = full * _net(case, pool, left, active, braced)
        kept.append((_electromyogram(pool, left, active, braced), torque, fresh))
        left = tired(pool, left, active, case.speed, DECISION_SECONDS)
    stride = round(1.0 / (rate * DECISION_SECONDS))
    drives, torque, fresh = (np.stack(part, axis=1) for part in zip(*kept, strict=True))
    return SustainedFlexion(drives[:, ::stride], torque[:, ::stride], full, fresh[:, ::stride], rate)


def _excitation(case: SecondCase, pool: MotorUnitPool, left: np.ndarray, brace: np.ndarray, most: float) -> np.ndarray:
    """Common excitation (n,) that gives the wanted share, or the most that the brain still gives."""
    low, high = np.zeros(len(case.level)), np.full(len(case.level), most)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        given = _net(case, pool, left, firing(pool, case.weights * middle[:, None]), firing(pool, brace * middle))
        enough = given >= case.level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _net(case: SecondCase, pool: MotorUnitPool, left: np.ndarray, active: np.ndarray, braced: np.ndarray) -> np.ndarray:
    """Net torque (n,) as a share of the rested flexors' maximum; the triceps hardly tires at what it does."""
    return (case.shares * ((active * left) @ pool.share)).sum(axis=1) - EXTENSOR_SHARE * (braced @ pool.share)


def _electromyogram(pool: MotorUnitPool, left: np.ndarray, active: np.ndarray, braced: np.ndarray) -> np.ndarray:
    """Amplitudes (n, 7) in the order of `elbow.NAMES`: large units count less than by their force, tired ones more."""
    size = np.sqrt(pool.share)
    size = size / size.sum()
    flexors = (active * (1.0 + POTENTIATION * (1.0 - left))) @ size
    triceps = braced @ size
    columns = {"biceps": flexors[:, 0], "brachialis": flexors[:, 1], "brachioradialis": flexors[:, 2]}
    return np.stack([columns.get(name.split("_")[0], triceps) for name in NAMES], axis=1)
