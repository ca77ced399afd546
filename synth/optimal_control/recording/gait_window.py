"""Gait window: one cycle of a marker trial, as optimal control wants it.

Everything is overground-equivalent: on a treadmill the belt's way is added. Force counts as known while a plate is
loaded by a foot and while the events say that the foot swings; a step beside the plates is unknown, not zero. A stance
that runs out of the cycle is wrapped into its beginning, a stride further back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mocap_import.event.gait_cycle import find_gait_cycles
from mocap_import.low_pass import low_pass
from mocap_import.plate.contact import contacts
from mocap_import.trial import GroundReaction, MarkerTrial
from opensim_models.model.skeleton import Skeleton

SAMPLES = 200
"""Samples of a window over its cycle."""
MARKER_CUTOFF, FORCE_CUTOFF = 12.0, 40.0
"""Low-pass cut-off of markers and forces before sampling (Hz)."""
_FEET = ("right", "left")
_MARGIN = 0.03


@dataclass(frozen=True)
class GaitWindow:
    """One cycle of a trial.

    Attributes
    ----------
    start, duration : float
        s, on the trial's clock.
    skeleton : Skeleton
        With the markers that the trial has.
    markers : ndarray, shape (SAMPLES, n_markers, 3)
        m, evenly over the cycle, its end not repeated; NaN = missing.
    ground_reactions : tuple of GroundReaction
        At the same instants; NaN = unknown.
    force_coverage : float
        Share of the cycle and feet for which the force is known.
    """

    start: float
    duration: float
    skeleton: Skeleton
    markers: np.ndarray
    ground_reactions: tuple[GroundReaction, ...]
    force_coverage: float


def choose_windows(trial: MarkerTrial, skeleton: Skeleton, count: int) -> list[GaitWindow]:
    """The cycles of a trial whose forces and markers are best known, in order of time.

    Parameters
    ----------
    trial : MarkerTrial
    skeleton : Skeleton
        Planar, scaled, with markers named as the trial's labels.
    count : int
        At most so many.
    """
    cycles = find_gait_cycles(trial, "right") or find_gait_cycles(trial, "left")
    windows = [cut_window(trial, skeleton, start, end - start) for start, end in cycles]
    complete = [np.isfinite(w.markers).all(axis=-1).mean() for w in windows]
    middle = trial.n_frames / trial.rate / 2.0
    # best coverage first; among equals the ones near the middle of the trial, where gait is steadiest
    order = sorted(
        range(len(windows)),
        key=lambda i: (
            -round(windows[i].force_coverage + float(complete[i]), 1),
            abs(windows[i].start + windows[i].duration / 2.0 - middle),
        ),
    )
    return sorted((windows[i] for i in order[:count]), key=lambda w: w.start)


def cut_window(trial: MarkerTrial, skeleton: Skeleton, start: float, duration: float) -> GaitWindow:
    """Cut one cycle out of a trial."""
    own = [m for m in skeleton.markers if m.name in trial.labels]
    skeleton = replace(skeleton, markers=tuple(own))
    time = start + duration * np.arange(SAMPLES) / SAMPLES
    belt = trial.belt_speed if np.isfinite(trial.belt_speed) else 0.0
    columns = [trial.labels.index(m.name) for m in own]
    positions = low_pass(trial.positions[:, columns], trial.rate, min(MARKER_CUTOFF, 0.4 * trial.rate))
    markers = _sample(positions, trial.rate, time)
    markers[..., 0] += belt * time[:, None]
    stride = _stride(markers, skeleton, duration)
    reactions = _reactions(trial, start, duration, belt, stride)
    known = [np.isfinite(r.force[:, 1]).mean() for r in reactions]
    coverage = float(np.mean(known)) if known else 0.0
    return GaitWindow(start, duration, skeleton, markers, reactions, coverage)


def _sample(values: np.ndarray, rate: float, time: np.ndarray) -> np.ndarray:
    """Linear interpolation of evenly sampled values (n, …) at times (s); NaN beside missing samples and outside."""
    flat = values.reshape(len(values), -1)
    clock = np.arange(len(values)) / rate
    columns = [np.interp(time, clock, column, left=np.nan, right=np.nan) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(time), *values.shape[1:])


def _stride(markers: np.ndarray, skeleton: Skeleton, duration: float) -> float:
    """Forward way (m) of the pelvis over the cycle, from the slope of its markers."""
    pelvis = [i for i, m in enumerate(skeleton.markers) if m.segment == "pelvis"]
    x = markers[:, pelvis, 0]
    seen = np.isfinite(x).any(axis=1) if pelvis else np.zeros(len(markers), bool)
    if seen.sum() < 10:
        return 0.0
    middle = np.nanmean(x[seen] - np.nanmean(x, axis=0), axis=1)
    return float(np.polyfit(np.arange(len(markers))[seen] / len(markers), middle, 1)[0])


def _reactions(
    trial: MarkerTrial, start: float, duration: float, belt: float, stride: float
) -> tuple[GroundReaction, ...]:
    rate = SAMPLES / duration
    together = [r for r in trial.ground_reactions if r.foot == "both"]
    if together:
        time = start + duration * np.arange(SAMPLES) / SAMPLES
        force = sum(_sample(_filtered(r), r.rate, time) for r in together)
        unknown = np.full((SAMPLES, 3), np.nan)
        return (GroundReaction(force, unknown, np.full(SAMPLES, np.nan), rate, "both", "all plates"),)
    found = []
    for foot in _FEET:
        plates = [r for r in trial.ground_reactions if r.foot == foot]
        if plates:
            force, place = _foot_reaction(trial, foot, plates, start, duration, belt, stride)
            found.append(GroundReaction(force, place, np.full(SAMPLES, np.nan), rate, foot, "plates"))
    return tuple(found)


def _filtered(reaction: GroundReaction) -> np.ndarray:
    return low_pass(reaction.force, reaction.rate, min(FORCE_CUTOFF, 0.4 * reaction.rate))


def _foot_reaction(
    trial: MarkerTrial,
    foot: str,
    plates: Sequence[GroundReaction],
    start: float,
    duration: float,
    belt: float,
    stride: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Force and centre of pressure (SAMPLES, 3) of one foot; the stride before and the one after are wrapped in."""
    force = np.full((SAMPLES, 3), np.nan)
    place = np.full((SAMPLES, 3), np.nan)
    for turn in (0, 1, -1):
        time = start + duration * (turn + np.arange(SAMPLES) / SAMPLES)
        total, where, loaded = np.zeros((SAMPLES, 3)), np.zeros((SAMPLES, 3)), np.zeros(SAMPLES, bool)
        for plate in plates:
            on = _loaded(plate, time)
            sampled = np.nan_to_num(_sample(_filtered(plate), plate.rate, time))
            pressure = _sample(plate.centre_of_pressure, plate.rate, time)
            total[on] += sampled[on]
            where[on] += np.nan_to_num(pressure[on]) * sampled[on, 1:2]
            loaded |= on
        known = loaded | _swings(trial, foot, time)
        fresh = known & np.isnan(force[:, 1])
        force[fresh] = total[fresh]
        pressed = fresh & loaded & (total[:, 1] > 20.0)
        place[pressed] = where[pressed] / total[pressed, 1:2]
        place[pressed, 0] += belt * time[pressed] - turn * stride
    return force, place


def _loaded(plate: GroundReaction, time: np.ndarray) -> np.ndarray:
    inside = np.zeros(len(time), bool)
    for first, last in contacts(plate.force[:, 1], plate.rate):
        inside |= (time >= first / plate.rate - _MARGIN) & (time <= last / plate.rate + _MARGIN)
    return inside


def _swings(trial: MarkerTrial, foot: str, time: np.ndarray) -> np.ndarray:
    """Whether the events say that the foot is off the ground."""
    own = sorted((e for e in trial.events if e.foot == foot), key=lambda e: e.time)
    swing = np.zeros(len(time), bool)
    for off, strike in pairwise(own):
        if off.kind == "foot_off" and strike.kind == "foot_strike" and strike.time - off.time < 1.0:
            swing |= (time > off.time + _MARGIN) & (time < strike.time - _MARGIN)
    return swing
