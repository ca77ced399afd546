"""Filmed gait: a trial of a corpus as a camera may see it: keypoints in space, and what is true of them.

A trial that holds one cycle of a periodic gait can be seen for as long as is wished: its cycle is repeated, with
strides that vary in time as the person's do. Other trials are seen as they were recorded.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap_import.subject import STANDARD_GRAVITY
from mocap_import.trial import GroundReaction
from opensim_models.exchange.sign_convention import positive_directions
from synth.camera.keypoint import KEYPOINTS, keypoint_positions
from synth.camera.keypoint_stride import cycle_strike, stride_parameters
from synth.camera.muscle_group import GROUP_NAMES, group_activations
from synth.camera.plate_file import plate_reactions
from synth.corpus.trial import CorpusTrial
from synth.impairment import Impairment, impairment_of, visit_of

ANGLES = tuple(f"{joint}_{side}" for joint in ("hip_flexion", "knee_angle", "ankle_angle") for side in "rl")
"""Joint angles that are told of a gait, in this order (rad): flexion and dorsiflexion are positive in every model."""
FORCES = ("forward_r", "vertical_r", "forward_l", "vertical_l")
"""Ground reaction, in this order (body weights)."""
MUSCLES = GROUP_NAMES
"""Muscles whose activations are told, in this order (0 to 1)."""
PARAMETERS = ("speed", "step_length", "cadence", "step_time_asymmetry")
"""m/s, m, steps/s; step time of the right leg less that of the left, over their sum."""
AT_STRIKES = "step_length_at_strikes"
"""Way between the feet at their strikes (m), of recordings whose import measured it; no network is taught it."""
SIDES = ("right", "left")
_TOES, _HEELS = ([KEYPOINTS.index(f"{part}_{side}") for side in "rl"] for part in ("toe", "heel"))
WAVES = (*ANGLES, *FORCES, *MUSCLES)
_NEGATIVE = ("extension", "plantarflexion")
_FLAT = 1e-6


@dataclass(frozen=True)
class FilmedGait:
    """A gait to be filmed.

    Attributes
    ----------
    person, trial : str
    height : float
        Stature (m).
    points : ndarray, shape (n, 12, 3)
        Keypoints (m); of a periodic gait less the way of its mean speed.
    waves : ndarray, shape (n, 26)
        `WAVES`; NaN where nothing is known.
    rate : float
        Hz.
    parameters : dict of str to float
        `PARAMETERS`; NaN where unknown.
    period : float
        Of a periodic gait (s); 0 for a recording.
    speed : float
        m/s, of the way that was taken off; 0 for a recording.
    impairment : Impairment or None
    visit : int
    treadmill : bool
    variation : float
        Coefficient of variation of stride time, with which a cycle is repeated.
    """

    person: str
    trial: str
    height: float
    points: np.ndarray
    waves: np.ndarray
    rate: float
    parameters: dict[str, float] = field(default_factory=dict)
    period: float = 0.0
    speed: float = 0.0
    impairment: Impairment | None = None
    visit: int = 0
    treadmill: bool = False
    variation: float = 0.0

    @property
    def duration(self) -> float:
        """How long it can be seen (s); without end where it is periodic."""
        return np.inf if self.period else (len(self.points) - 1) / self.rate

    @property
    def is_planar(self) -> bool:
        """Whether nothing ever moves sideways, as in a skeleton of the sagittal plane."""
        known = self.points[np.isfinite(self.points).all(axis=(1, 2)), :, 2]
        return bool(len(known) and np.ptp(known, axis=0).max() < _FLAT)

    def at(self, time: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (n, 12, 3) and waves (n, 26) at some instants.

        Parameters
        ----------
        time : ndarray, shape (n,)
            Seconds.
        phase : ndarray, shape (n,)
            Cycles, of a periodic gait; not used else.
        """
        flat = np.hstack([self.points.reshape(len(self.points), -1), self.waves])
        if self.period:
            own, at, period = np.arange(len(flat)) / (self.rate * self.period), phase, 1.0
        else:
            own, at, period = np.arange(len(flat)) / self.rate, time, None
        values = np.stack([np.interp(at, own, column, period=period) for column in flat.T], axis=1)
        points = values[:, :36].reshape(len(values), 12, 3)
        return points, values[:, 36:]


def facing_turn(points: np.ndarray) -> np.ndarray:
    """Turn (3, 3) about the vertical after which the feet of points (n, 12, 3) point along X on average."""
    foot = np.nanmean((points[:, _TOES] - points[:, _HEELS]).reshape(-1, 3), axis=0)
    x, z = foot[[0, 2]] / np.hypot(foot[0], foot[2])
    return np.array([[x, 0.0, z], [0.0, 1.0, 0.0], [-z, 0.0, x]])


def uneven_phase(time: np.ndarray, period: float, variation: float, rng: np.random.Generator) -> np.ndarray:
    """Cycles that have passed at some instants (s) when each stride takes its own time; begins anywhere in a cycle."""
    count = int(np.ceil(time[-1] / (0.5 * period))) + 3
    lasts = period * np.maximum(1.0 + variation * rng.standard_normal(count), 0.5)
    ends = np.r_[0.0, np.cumsum(lasts)]
    return np.interp(time + rng.random() * lasts[0], ends, np.arange(len(ends)))


def filmed_gait(
    trial: CorpusTrial, stature: float | None = None, *, loads: Path | None = None, mass: float | None = None
) -> FilmedGait | None:
    """A trial of a corpus as something to film.

    Parameters
    ----------
    trial : CorpusTrial
    stature : float, optional
        m, where the corpus does not know it.
    loads : Path, optional
        Forces of plates beside a recording that holds none (`synth.camera.plate_file`).
    mass : float, optional
        kg, where the corpus does not know it; else that of its skeleton.

    Returns
    -------
    FilmedGait or None
        None for a trial without coordinates, a model or a stature, or one that was refused.

    Raises
    ------
    CorpusMismatch
        The forces are not those of this recording.
    """
    stature = stature if stature is not None and not np.isfinite(trial.subject.height) else trial.subject.height
    if trial.kinematics is None or trial.skeleton is None or trial.status == "refused" or not np.isfinite(stature):
        return None
    points = keypoint_positions(trial.skeleton, trial.kinematics, stature)
    period, speed = 0.0, 0.0
    parameters, turn = measured_parameters(trial), np.eye(3)
    reactions = trial.kinetics.ground_reactions if trial.kinetics is not None else ()
    if loads is not None:
        reactions = plate_reactions(loads, points, trial.rate, trial.start_time)
    if not trial.solutions:
        turn = facing_turn(points)
        points = points @ turn.T
        if not trial.events:
            parameters = dict(zip(PARAMETERS, stride_parameters(points, trial.rate), strict=True))
    else:
        period, speed = float(trial.spatiotemporal["stride_time_r"]), float(trial.spatiotemporal["speed"])
        points = points - np.array([1.0, 0.0, 0.0]) * speed * np.arange(len(points))[:, None, None] / trial.rate
    impairment = impairment_of(trial)
    return FilmedGait(
        trial.subject.code,
        trial.name,
        stature,
        points,
        _waves(trial, len(points), reactions, turn, mass),
        trial.rate,
        parameters,
        period,
        speed,
        impairment,
        visit_of(trial),
        bool(np.isnan(trial.belt_speed) or trial.belt_speed != 0.0),
        impairment.stride_variation if impairment else 0.015,
    )


def measured_parameters(trial: CorpusTrial) -> dict[str, float]:
    """Gait parameters of a trial from its foot strikes and what is told of it.

    Of a periodic cycle a foot's strike is the one that begins its longest contact: a scuff in swing is no step.
    """
    told = trial.spatiotemporal
    if trial.solutions:
        period, speed = told["stride_time_r"], told["speed"]
        strike = {side: cycle_strike(trial.events, side, period) for side in SIDES}
        right = (strike["right"] - strike["left"]) % period
        values = (speed, speed * period / 2.0, 2.0 / period, (2.0 * right - period) / period)
        return dict(zip(PARAMETERS, map(float, values), strict=True))
    return recorded_parameters(trial)


def recorded_parameters(trial: CorpusTrial) -> dict[str, float]:
    """Of a recording: means over both sides of what its import found, asymmetry from its foot strikes.

    A step is as long as the way that is walked in it, speed over cadence, as in virtual gaits and in recordings
    without events. The distance between feet at some strikes of a short recording, which a laboratory reports, is
    another thing: it is kept as `AT_STRIKES`.
    """
    told, both = trial.spatiotemporal, {}
    for name in ("speed", "step_length", "cadence"):
        sides = [told[key] for key in (f"{name}_r", f"{name}_l", name) if key in told][:2]
        both[name] = float(np.mean(sides)) if sides else np.nan
    both[AT_STRIKES] = both["step_length"]
    if np.isfinite(way := both["speed"] / both["cadence"]):
        both["step_length"] = way
    strikes = sorted((e.time, e.foot) for e in trial.events if e.kind == "foot_strike")
    steps = [(b - a, foot) for (a, before), (b, foot) in itertools.pairwise(strikes) if foot != before]
    right, left = (np.median([t for t, foot in steps if foot == s and 0.15 < t < 2.0] or [np.nan]) for s in SIDES)
    return {**both, "step_time_asymmetry": float((right - left) / (right + left))}


def _waves(
    trial: CorpusTrial, n_frames: int, reactions: Sequence[GroundReaction], turn: np.ndarray, mass: float | None
) -> np.ndarray:
    """`WAVES` of a trial; forces are turned as its points are."""
    waves = np.full((n_frames, len(WAVES)), np.nan)
    directions = positive_directions(trial.skeleton)
    for i, name in enumerate(ANGLES):
        if name in trial.kinematics.coordinates:
            waves[:, i] = trial.kinematics.of(name) * (-1.0 if directions.get(name) in _NEGATIVE else 1.0)
    known = trial.subject.mass if np.isfinite(trial.subject.mass) else mass
    weight = (known or sum(segment.mass for segment in trial.skeleton.segments)) * STANDARD_GRAVITY
    for reaction in reactions:
        column = len(ANGLES) + 2 * SIDES.index(reaction.foot) if reaction.foot in SIDES else -1
        if column >= 0:
            waves[:, column : column + 2] = (reaction.force @ turn.T)[:, :2] / weight
    if trial.kinetics is not None and trial.kinetics.muscles:
        forces = {m.name: m.max_isometric_force for m in trial.skeleton.muscles}
        told = group_activations(trial.kinetics.muscles, trial.kinetics.activations, forces)
        waves[:, len(ANGLES) + len(FORCES) :] = told
    return waves
