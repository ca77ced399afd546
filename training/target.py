"""A target: one thing that networks learn and every method is scored on, and where it stands in a corpus trial.

Inside, angles are rad, moments are shares of body weight x height, ground reactions shares of body weight and
speed m/s; `Target.scale` turns them into the units of the tables (deg, %BWBH, %BW, m/s).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.array_origin import EVENTS, SOLVED, ArrayOrigin, with_origins
from synth.corpus.trial import CorpusTrial

ANGLE_COORDINATES = (
    "pelvis_tilt",
    "hip_flexion_r",
    "knee_angle_r",
    "ankle_angle_r",
    "hip_flexion_l",
    "knee_angle_l",
    "ankle_angle_l",
    "lumbar_extension",
)
MOMENT_COORDINATES = tuple(c for c in ANGLE_COORDINATES if c.startswith(("hip", "knee", "ankle")))
GROUND_REACTION_COMPONENTS = ("ground_force_x_r", "ground_force_y_r", "ground_force_x_l", "ground_force_y_l")
"""Fore-aft (x, forward positive) and vertical (y, up positive) force of the ground on each foot."""

_SCALE = {"angle": 180.0 / math.pi, "moment": 100.0, "ground_reaction": 100.0, "speed": 1.0, "orientation": 1.0}
_UNIT = {"angle": "deg", "moment": "%BWBH", "ground_reaction": "%BW", "speed": "m/s", "orientation": "1"}
_ESTIMATED = tuple(name for name in SOLVED if name != EVENTS)
_FEET = {"r": "right", "l": "left"}
FEET = {foot: side for side, foot in _FEET.items()}
"""Foot of a ground reaction → side of a target."""


@dataclass(frozen=True)
class Target:
    """One quantity to estimate.

    Attributes
    ----------
    kind : str
        ``"angle"``, ``"moment"``, ``"ground_reaction"``, ``"speed"`` or ``"orientation"``.
    coordinate : str
        OpenSim coordinate, ground reaction component, or ``"speed"``.
    """

    kind: str
    coordinate: str

    @property
    def scale(self) -> float:
        """Factor from the inside unit to the unit of the tables."""
        return _SCALE[self.kind]

    @property
    def unit(self) -> str:
        """Unit of the tables."""
        return _UNIT[self.kind]


ALL_TARGETS = (
    *(Target("angle", coordinate) for coordinate in ANGLE_COORDINATES),
    *(Target("moment", coordinate) for coordinate in MOMENT_COORDINATES),
    *(Target("ground_reaction", component) for component in GROUND_REACTION_COMPONENTS),
    Target("speed", "speed"),
)


def read_targets(trial: CorpusTrial, targets: Iterable[Target], subject: Subject | None = None) -> np.ndarray:
    """Take the targets' values out of a trial.

    Parameters
    ----------
    trial : CorpusTrial
    targets : iterable of Target
    subject : Subject, optional
        Whose body weight and height normalise moments and forces; the trial's own subject by default.

    Returns
    -------
    ndarray, shape (n_frames, n_targets)
        Inside units; NaN where the trial has no value. Speed, one number a trial, repeats at every frame.
    """
    subject = subject or trial.subject
    columns = [_column(trial, target, subject) for target in targets]
    empty = np.empty((trial.n_frames, 0))
    return np.column_stack(columns).astype(float) if columns else empty


def available_targets(trials: Iterable[CorpusTrial], kinds: Iterable[str]) -> tuple[Target, ...]:
    """List the targets of the given kinds for which at least one trial has a value, in the fixed order."""
    wanted = [target for target in ALL_TARGETS if target.kind in set(kinds)]
    found = np.zeros(len(wanted), dtype=bool)
    for trial in trials:
        found |= np.isfinite(read_targets(trial, wanted)).any(axis=0)
    return tuple(target for target, is_there in zip(wanted, found, strict=True) if is_there)


def has_waveform(trial: CorpusTrial) -> np.ndarray:
    """Frames (n_frames,) with a true angle, moment or ground reaction: those of the solved cycles."""
    waveforms = [target for target in ALL_TARGETS if target.kind != "speed"]
    return np.isfinite(read_targets(trial, waveforms)).any(axis=1)


def write_targets(
    trial: CorpusTrial, targets: tuple[Target, ...], values: np.ndarray, seconds: float, source: str
) -> CorpusTrial:
    """Put estimated targets where a trial holds them: the inverse of `read_targets`.

    Parameters
    ----------
    trial : CorpusTrial
        The trial that was estimated: gives subject, name, time base, events and task.
    targets : tuple of Target
    values : ndarray, shape (n_frames, n_targets)
        Inside units; NaN where there is no estimate.
    seconds : float
        Computing time (s).
    source : str
        What made the estimate, e.g. ``"conv1d"``.

    Returns
    -------
    CorpusTrial
        Status ``"predicted"``, on the same time base, without the recordings. Its speed is the median over the frames
        from the first to the last foot strike (all frames if there are not two).
    """
    body_weight = trial.subject.body_weight
    column = {target: values[:, i] for i, target in enumerate(targets)}
    angles = [t for t in targets if t.kind == "angle"]
    moments = [t for t in targets if t.kind == "moment"]
    missing = np.full(trial.n_frames, np.nan)
    kinematics = None
    if angles:
        kinematics = Kinematics(
            tuple(t.coordinate for t in angles), np.column_stack([column[t] for t in angles]), trial.rate
        )
    reactions = []
    for side, foot in _FEET.items():
        parts = [column.get(Target("ground_reaction", f"ground_force_{axis}_{side}")) for axis in "xy"]
        if any(part is not None for part in parts):
            forces = [missing if part is None else part * body_weight for part in parts]
            force = np.column_stack([*forces, missing])
            nowhere = np.full((trial.n_frames, 3), np.nan)
            reactions.append(GroundReaction(force, nowhere, missing, trial.rate, foot=foot, name=source))
    kinetics = None
    if moments or reactions:
        forces = np.column_stack([column[t] for t in moments]) if moments else np.empty((trial.n_frames, 0))
        kinetics = Kinetics(
            tuple(t.coordinate for t in moments),
            forces * body_weight * trial.subject.height,
            trial.rate,
            ground_reactions=tuple(reactions),
            activations=np.empty((trial.n_frames, 0)),
        )
    speed = column.get(Target("speed", "speed"))
    walking = speed[_between_strikes(trial)] if speed is not None else missing
    has_speed = bool(np.isfinite(walking).any())
    return replace(
        trial,
        recordings=(),
        errors=None,
        kinematics=kinematics,
        kinetics=kinetics,
        spatiotemporal={"speed": float(np.nanmedian(walking))} if has_speed else {},
        status="predicted",
        reason="",
        source=source,
        seconds=seconds,
        solutions=(),
        origins=with_origins(trial, ArrayOrigin(_ESTIMATED, f"network {source} on the inertial records")).origins,
    )


def _between_strikes(trial: CorpusTrial) -> slice:
    """Frames from the first to the last foot strike: standing before or after the walk has another speed."""
    strikes = [event.time for event in trial.events if event.kind == "foot_strike"]
    if len(strikes) < 2:
        return slice(None)
    return slice(max(0, round(min(strikes) * trial.rate)), round(max(strikes) * trial.rate) + 1)


def _column(trial: CorpusTrial, target: Target, subject: Subject) -> np.ndarray:
    """One target of one trial, inside units; all NaN if the trial lacks it."""
    missing = np.full(trial.n_frames, np.nan)
    if target.kind == "angle":
        has = trial.kinematics is not None and target.coordinate in trial.kinematics.coordinates
        return trial.kinematics.of(target.coordinate) if has else missing
    if target.kind == "moment":
        has = trial.kinetics is not None and target.coordinate in trial.kinetics.coordinates
        return trial.kinetics.of(target.coordinate) / (subject.body_weight * subject.height) if has else missing
    if target.kind == "ground_reaction":
        _, _, axis, side = target.coordinate.split("_")
        for reaction in trial.kinetics.ground_reactions if trial.kinetics is not None else ():
            if reaction.foot == _FEET[side]:
                return reaction.force[:, "xyz".index(axis)] / subject.body_weight
        return missing
    return np.full(trial.n_frames, trial.spatiotemporal.get("speed", math.nan))
