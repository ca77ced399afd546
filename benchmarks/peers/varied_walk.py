"""Varied walks: bodies of other size, mass and strength that walk a disturbed recording, and what is wrong with one.

Size (SD 5 %) stretches all lengths, mass (SD 10 % beyond size squared) the weight and with it the measured forces,
strength (SD 15 % beyond mass) all muscles; joint angles get the first two harmonics of the stride (SD 0.6 and 0.3
degrees each). The duration of the stride stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.climb import Climb
from synth.optimal_control.movement.muscle_neighbour import scaled_person
from synth.optimal_control.movement.recorded_cycle import RecordedCycle
from synth.optimal_control.movement.recorded_motion import RecordedMotion
from synth.optimal_control.movement.solution import MovementSolution

SIZE, MASS, STRENGTH, ANGLE = 0.05, 0.10, 0.15, 0.01
PEAK, STANCE = (0.9, 1.6), (0.5, 0.75)
RESIDUAL = 1e-3
"""Of body weight (x 1 m): force or moment at the pelvis that nothing supplies, by inverse dynamics of its own."""


@dataclass(frozen=True)
class VariedPerson:
    """One body and its recording; strength is a factor on all muscles."""

    skeleton: Skeleton
    motion: RecordedMotion
    strength: float


def varied_people(skeleton: Skeleton, cycle: RecordedCycle, rng: np.random.Generator) -> Iterator[VariedPerson]:
    """Endless bodies and recordings."""
    while True:
        size = float(np.clip(rng.normal(1.0, SIZE), 0.88, 1.12))
        share = size**2 * float(np.clip(rng.normal(1.0, MASS), 0.75, 1.3))
        strength = share * float(np.clip(rng.normal(1.0, STRENGTH), 0.7, 1.4))
        person = scaled_person(skeleton, size, share * skeleton.mass)
        yield VariedPerson(person, _varied_motion(cycle, skeleton, size, share, rng), strength)


def _varied_motion(
    cycle: RecordedCycle, skeleton: Skeleton, size: float, share: float, rng: np.random.Generator
) -> RecordedMotion:
    motion = cycle.motion
    time = motion.time - motion.time[0]
    turning = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    values, speeds, accelerations = (
        np.where(turning, a, size * a) for a in (motion.values, motion.speeds, motion.accelerations)
    )
    for j in np.flatnonzero(turning)[3:]:
        for k in (1, 2):
            (a, b), w = rng.normal(0.0, ANGLE / k, 2), 2.0 * np.pi * k / cycle.duration
            wave, slope = a * np.cos(w * time) + b * np.sin(w * time), b * np.cos(w * time) - a * np.sin(w * time)
            values[:, j] += wave
            speeds[:, j] += w * slope
            accelerations[:, j] -= w * w * wave
    wrenches = {
        foot: replace(w, force=share * w.force, moment=share * size * w.moment, about=tuple(size * x for x in w.about))
        for foot, w in motion.wrenches.items()
    }
    return replace(motion, values=values, speeds=speeds, accelerations=accelerations, wrenches=wrenches)


def walk_faults(reached: Climb, solution: MovementSolution) -> str:
    """What is wrong with a walk in one word or two; empty if nothing is."""
    if not reached.converged:
        return "not converged"
    skeleton = solution.skeleton
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    if np.abs(solution.moments[:, :6]).max() > RESIDUAL * weight:
        return f"residual of {np.abs(solution.moments[:, :6]).max():.2g} N at the pelvis"
    for reaction in solution.ground_reactions:
        vertical = reaction.force[:, 1] / weight
        stance = float((vertical > 0.03).mean())
        if not PEAK[0] <= vertical.max() <= PEAK[1]:
            return f"{reaction.foot} vertical peak {vertical.max():.2f} body weights"
        if not STANCE[0] <= stance <= STANCE[1]:
            return f"{reaction.foot} stance {100 * stance:.0f} % of the cycle"
    lower, upper = (np.array([getattr(c, s) for c in skeleton.coordinates]) for s in ("lower", "upper"))
    stuck = ((solution.coordinates <= lower + 1e-4) | (solution.coordinates >= upper - 1e-4)).mean(axis=0)
    if (stuck > 0.25).any():
        return f"{skeleton.coordinate_names[int(stuck.argmax())]} stuck at its bound"
    return "activations saturated" if (solution.arrays["activations"] > 0.995).mean() > 0.02 else ""
