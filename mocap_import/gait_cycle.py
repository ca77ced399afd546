"""Gait cycle: foot strikes and foot offs from the file, from forces or from markers, and the cycles between them.

References
----------
Zeni, Richards & Higginson 2008, Gait Posture 27:710 (foot relative to pelvis); force thresholds with hysteresis as in
Hreljac & Marshall 2000, J Biomech 33:783.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

from mocap_import.belt_event import on_one_belt, refine_on_belt
from mocap_import.low_pass import low_pass
from mocap_import.marker_set import MarkerSet, landmark_positions
from mocap_import.plate_contact import SHORTEST_CONTACT, SIDES, contacts, nearest_foot
from mocap_import.raw_c3d import RawEvent
from mocap_import.treadmill import pelvis_position
from mocap_import.trial import GaitEvent, MarkerTrial

SHORTEST_CYCLE, LONGEST_CYCLE = 0.35, 2.5
_STRIKE = re.compile(r"(foot|heel)[ _-]?(strike|contact)|initial[ _-]?contact|^[lr]?(fs|hs|ic)$", re.IGNORECASE)
_OFF = re.compile(r"(foot|toe)[ _-]?off|^[lr]?(fo|to)$", re.IGNORECASE)


def events_from_file(events: Sequence[RawEvent], start: float, duration: float) -> tuple[GaitEvent, ...]:
    """Foot strikes and foot offs among a file's events, on the clock of the trial.

    Parameters
    ----------
    events : sequence of RawEvent
        Absolute clock.
    start : float
        Absolute time of the first frame (s).
    duration : float
        Length of the trial (s); events outside are left out.
    """
    found = []
    for event in events:
        label = event.label.strip()
        side = event.context.strip().lower()
        if side not in ("left", "right"):
            first = re.match(r"(left|right|l|r)", label, re.IGNORECASE)
            side = {"l": "left", "r": "right"}.get(first.group(1).lower()[0], "") if first else ""
            label = re.sub(r"^(left|right)[ _-]*", "", label, flags=re.IGNORECASE)
        kind = "foot_strike" if _STRIKE.search(label) else "foot_off" if _OFF.search(label) else ""
        time = event.time - start
        if side and kind and -1e-6 <= time <= duration + 1e-6:
            found.append(GaitEvent(time=max(time, 0.0), foot=side, kind=kind, source="file"))
    return tuple(sorted(found, key=lambda event: event.time))


def events_from_force(trial: MarkerTrial, marker_set: MarkerSet) -> tuple[GaitEvent, ...]:
    """Events from plates whose foot is known, and from a plate of both feet where every contact is of one foot.

    A contact that is loaded at the first or last sample gives no event there. Walking on a single treadmill plate
    never unloads it, so it gives none.
    """
    landmarks = landmark_positions(trial, marker_set)
    found = []
    for reaction in trial.ground_reactions:
        loaded = contacts(reaction.force[:, 1], reaction.rate)
        if reaction.foot == "both" and not _is_flight_between(loaded, reaction.rate):
            continue
        for start, stop in loaded:
            foot = reaction.foot
            if foot == "both":
                foot = nearest_foot(landmarks, reaction, start, stop, trial.rate)
            if foot not in ("right", "left"):
                continue
            if start > 0:
                found.append(GaitEvent(start / reaction.rate, foot, "foot_strike", "force"))
            if stop < len(reaction.force):
                found.append(GaitEvent(stop / reaction.rate, foot, "foot_off", "force"))
    return tuple(sorted(found, key=lambda event: event.time))


def _is_flight_between(loaded: Sequence[tuple[int, int]], rate: float) -> bool:
    """Running on one plate: several contacts of less than half a second."""
    return len(loaded) >= 3 and float(np.median([stop - start for start, stop in loaded])) / rate < 0.5


def walking_direction(pelvis: np.ndarray, rate: float, on_treadmill: bool) -> np.ndarray:
    """Horizontal unit vector (n_frames, 3) of travel: X on a treadmill, the pelvis' smoothed velocity overground."""
    forward = np.tile([1.0, 0.0, 0.0], (len(pelvis), 1))
    seen = np.isfinite(pelvis).all(axis=1)
    if on_treadmill or seen.sum() < 4:
        return forward
    frames = np.arange(len(pelvis))
    whole = np.stack([np.interp(frames, frames[seen], pelvis[seen, k]) for k in range(3)], axis=1)
    velocity = np.gradient(low_pass(whole, rate, min(1.0, 0.2 * rate)), 1.0 / rate, axis=0)
    velocity[:, 1] = 0.0
    speed = np.linalg.norm(velocity, axis=1, keepdims=True)
    return np.where(speed > 0.2, velocity / np.maximum(speed, 1e-9), forward)


def events_from_markers(trial: MarkerTrial, marker_set: MarkerSet) -> tuple[GaitEvent, ...]:
    """Events from heel and toe: relative to the pelvis in walking, by height in running."""
    landmarks = landmark_positions(trial, marker_set)
    present = marker_set.for_labels(trial.labels)
    segments = {
        body: np.mean([trial.positions[:, trial.labels.index(mark)] for mark in marks], axis=0)
        for body, marks in present.segments.items()
    }
    pelvis = pelvis_position(landmarks, segments)
    if pelvis is None or trial.task == "static":
        return ()
    found = []
    direction = walking_direction(pelvis, trial.rate, trial.belt_speed != 0.0)
    for foot, side in SIDES:
        if f"heel_{side}" not in landmarks or f"toe_{side}" not in landmarks:
            continue
        heel, toe = landmarks[f"heel_{side}"], landmarks[f"toe_{side}"]
        if trial.task == "run":
            strikes, offs = _by_height(heel, toe, trial.rate)
        else:
            strikes = _peaks(((heel - pelvis) * direction).sum(axis=1), trial.rate)
            offs = _peaks(-((toe - pelvis) * direction).sum(axis=1), trial.rate)
        found += [GaitEvent(k / trial.rate, foot, "foot_strike", "markers") for k in strikes]
        found += [GaitEvent(k / trial.rate, foot, "foot_off", "markers") for k in offs]
    return tuple(sorted(found, key=lambda event: event.time))


def _peaks(values: np.ndarray, rate: float) -> np.ndarray:
    """Frames of the maxima of a periodic distance (m), one a stride; gaps give none."""
    smooth = low_pass(values, rate, min(7.0, 0.4 * rate))
    seen = np.isfinite(smooth)
    if seen.sum() < 0.3 * rate:
        return np.zeros(0, dtype=int)
    lowest = np.nanmin(smooth)
    prominence = max(0.05, 0.25 * (np.nanmax(smooth) - lowest))
    peaks, _ = find_peaks(np.where(seen, smooth, lowest), distance=max(1, int(0.35 * rate)), prominence=prominence)
    # A maximum beside a gap is the edge of what was seen, not of the stride.
    return np.array([k for k in peaks if seen[max(0, k - 2) : k + 3].all()], dtype=int)


def _by_height(heel: np.ndarray, toe: np.ndarray, rate: float) -> tuple[list[int], list[int]]:
    """Contacts of a running foot: the lower of heel and toe within 3 cm of its own standing height."""
    heights = []
    for place in (heel, toe):
        height = low_pass(place[:, 1], rate, min(20.0, 0.4 * rate))
        floor = np.nanpercentile(height, 5) if np.isfinite(height).any() else np.nan
        heights.append(height - floor)
    lower = np.fmin(*heights)
    down = np.where(np.isfinite(lower), lower < 0.03, False)
    edges = np.flatnonzero(np.diff(np.r_[0, down.astype(np.int8), 0]))
    pairs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if (b - a) / rate >= SHORTEST_CONTACT]
    return [a for a, _ in pairs if a > 0], [b for _, b in pairs if b < len(lower)]


def find_events(trial: MarkerTrial, marker_set: MarkerSet | None) -> tuple[GaitEvent, ...]:
    """Best events of a trial: of the file; else of the markers with those of the forces in their place.

    Walking on one belt, the markers' strikes are moved to the turning points of the centre of pressure.

    Forces know a single step on an overground plate, markers know every step; a marker event within 0.1 s of a
    force event of the same kind and foot gives way to it.
    """
    from_file = [event for event in trial.events if event.source == "file"]
    if from_file or marker_set is None or trial.task == "static":
        return tuple(from_file)
    if on_one_belt(trial):
        return refine_on_belt(events_from_markers(trial, marker_set), trial)
    by_force = events_from_force(trial, marker_set)
    strikes = [event for event in by_force if event.kind == "foot_strike"]
    if trial.task == "run" and len(strikes) >= 3:
        return by_force
    kept = [
        event
        for event in events_from_markers(trial, marker_set)
        if not any(e.foot == event.foot and e.kind == event.kind and abs(e.time - event.time) < 0.1 for e in by_force)
    ]
    return tuple(sorted([*kept, *by_force], key=lambda event: event.time))


def find_gait_cycles(trial: MarkerTrial, foot: str) -> list[tuple[float, float]]:
    """Cycles of one foot, from its strike to its next strike.

    Parameters
    ----------
    trial : MarkerTrial
    foot : str
        ``"right"`` or ``"left"``.

    Returns
    -------
    list of (float, float)
        Start and end (s); only cycles of 0.35 to 2.5 s, so that a missed event makes no double cycle of a run.
    """
    if trial.task == "static":
        return []
    strikes = [event.time for event in trial.events if event.foot == foot and event.kind == "foot_strike"]
    cycles = list(pairwise(strikes))
    lengths = [end - start for start, end in cycles if end - start >= SHORTEST_CYCLE]
    usual = float(np.median(lengths)) if lengths else 0.0
    longest = min(LONGEST_CYCLE, 1.6 * usual)
    return [(start, end) for start, end in cycles if SHORTEST_CYCLE <= end - start <= longest]


def stance_phases(trial: MarkerTrial, foot: str) -> list[tuple[float, float]]:
    """Stances of one foot (strike, off) in seconds, within whole cycles."""
    offs = [event.time for event in trial.events if event.foot == foot and event.kind == "foot_off"]
    found = []
    for start, end in find_gait_cycles(trial, foot):
        inside = [time for time in offs if start < time < end]
        if inside:
            found.append((start, inside[0]))
    return found
