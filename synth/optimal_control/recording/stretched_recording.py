"""Stretched recording: a recorded stride as another body would walk it, and in another manner.

Bodies that walk alike keep their angles, take steps in proportion to their legs and time in proportion to the root of
leg length (the same Froude number: R. McN. Alexander, A. S. Jayes, J Zool 201:135, 1983); forces are then in proportion
to weight. A tempo changes the time alone. A manner of one's own adds the first two harmonics of the stride to each
joint, without a bend at the ends of the cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.recording.recorded_cycle import RecordedCycle
from synth.optimal_control.recording.recorded_motion import FootWrench, RecordedMotion
from synth.optimal_control.recording.stretched_person import leg_length

ANGLE_SD = np.radians(0.6)
"""Of the first harmonic of each joint; half of it of the second. With ten times that legs cross and feet catch."""
TEMPO_SD = 0.03


@dataclass(frozen=True)
class WalkingManner:
    """How somebody's stride differs from a recorded one.

    Attributes
    ----------
    tempo : float
        Factor on cadence.
    cosines, sines : ndarray, shape (2, n_q)
        Harmonics (rad) that are added to the coordinates.
    """

    tempo: float
    cosines: np.ndarray
    sines: np.ndarray


def draw_manner(rng: np.random.Generator, skeleton: Skeleton, spread: float = 1.0) -> WalkingManner:
    """Draw a manner of walking; joints alone, the way of the pelvis stays.

    Parameters
    ----------
    rng : numpy.random.Generator
    skeleton : Skeleton
    spread : float
        0: none of one's own.
    """
    joints = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    joints[list(_root(skeleton))] = False
    drawn = rng.normal(0.0, ANGLE_SD, (2, 2, len(joints))) * joints / np.array([1.0, 2.0])[:, None]
    tempo = 1.0 + spread * float(np.clip(rng.normal(0.0, TEMPO_SD), -2.5 * TEMPO_SD, 2.5 * TEMPO_SD))
    return WalkingManner(tempo, spread * drawn[0], spread * drawn[1])


def stretched_cycle(cycle: RecordedCycle, old: Skeleton, new: Skeleton, manner: WalkingManner) -> RecordedCycle:
    """The stride of another body.

    Parameters
    ----------
    cycle : RecordedCycle
    old, new : Skeleton
        Of the recording, and of the other body, with contact spheres.
    manner : WalkingManner
    """
    motion = cycle.motion
    size = leg_length(new) / leg_length(old)
    stretch = np.sqrt(size) / manner.tempo
    time = stretch * (motion.time - motion.time[0])
    moving = np.array([c.kind == "translation" for c in new.coordinates])
    values = np.where(moving, size * motion.values, motion.values)
    phase = 2.0 * np.pi * time / time[-1]
    rate = 2.0 * np.pi / time[-1]
    speeds = np.where(moving, size * motion.speeds, motion.speeds) / stretch
    accelerations = np.where(moving, size * motion.accelerations, motion.accelerations) / stretch**2
    for k, (a, b) in enumerate(zip(manner.cosines, manner.sines, strict=True), start=1):
        c, s = np.cos(k * phase)[:, None], np.sin(k * phase)[:, None]
        values = values + a * c + b * s
        speeds = speeds + k * rate * (b * c - a * s)
        accelerations = accelerations - (k * rate) ** 2 * (a * c + b * s)
    share = new.mass / old.mass
    wrenches = {foot: _stretched(w, share, size) for foot, w in motion.wrenches.items()}
    made = replace(
        motion,
        time=time,
        values=values,
        speeds=speeds,
        accelerations=accelerations,
        wrenches=wrenches,
        moments=share * size * motion.moments,
    )
    lifted = _lifted(made, cycle, old, new)
    strikes = {f: tuple(stretch * (t - cycle.start) for t in s) for f, s in cycle.strikes.items()}
    return replace(cycle, motion=lifted, start=0.0, duration=stretch * cycle.duration, strikes=strikes)


def _stretched(wrench: FootWrench, share: float, size: float) -> FootWrench:
    about = tuple(size * x for x in wrench.about)
    return replace(wrench, force=share * wrench.force, moment=share * size * wrench.moment, about=about)


def _lifted(motion: RecordedMotion, cycle: RecordedCycle, old: Skeleton, new: Skeleton) -> RecordedMotion:
    """The motion with the pelvis as high as lets the loaded feet stand as deep in the floor as they did.

    Feet and legs grow by their own factors, so that a size for all would leave millimetres, which are body weights.
    """
    up = _upward(new)
    if up < 0 or not new.contacts or not motion.wrenches:
        return motion
    loads = np.stack([np.maximum(w.force[:, 1], 0.0) for w in motion.wrenches.values()])
    total = np.maximum(loads.sum(axis=0), 1e-9)
    before = {foot: _lowest(old, cycle.motion.values, foot) for foot in motion.wrenches}
    after = {foot: _lowest(new, motion.values, foot) for foot in motion.wrenches}
    missing = sum(
        load / total * (before[foot] - after[foot]) for foot, load in zip(motion.wrenches, loads, strict=True)
    )
    values = motion.values.copy()
    values[:, up] += float(np.mean(missing))
    return replace(motion, values=values)


def _lowest(skeleton: Skeleton, values: np.ndarray, foot: str) -> np.ndarray:
    """Height (n,) of the lowest point of a foot's spheres (m)."""
    states = segment_states(skeleton, list(values.T))
    own = [c for c in skeleton.contacts if c.segment.endswith(f"_{foot[0]}")]
    heights = [
        np.array(point_position(states[skeleton.segment_index(c.segment)], c.offset)[1] - c.radius, float) for c in own
    ]
    return np.min(heights, axis=0)


def _root(skeleton: Skeleton) -> set[int]:
    return {e.coordinate for s in skeleton.segments if s.parent < 0 for e in s.elements if e.coordinate >= 0}


def _upward(skeleton: Skeleton) -> int:
    """The coordinate that lifts the body as it is; -1 if there is none."""
    for segment in skeleton.segments:
        for element in segment.elements:
            if segment.parent < 0 and element.kind == "translation" and abs(element.axis[1]) > 0.99:
                return element.coordinate
    return -1
