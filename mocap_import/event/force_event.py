"""Force events: foot strikes and foot offs where a plate's vertical force passes a threshold.

References
----------
Threshold with hysteresis: Hreljac & Marshall 2000, J Biomech 33:783; 20 N as in Tirosh & Sparrow 2003, J Appl Biomech
19:244. The instant lies between two samples, by linear interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.event.foot_path import FootPath, foot_paths
from mocap_import.marker.marker_set import MarkerSet
from mocap_import.plate.contact import CONTACT_OFF, FARTHEST_FOOT, contacts
from mocap_import.plate.step import CUT, holds_whole_force
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial, PlateStep, Treatment

SAME_STEP = 0.05
"""Contacts of one foot with two plates that overlap or are at most so far apart (s) are one stance."""
SLOW_RISE = 0.018
"""Median time (s) from 20 to 100 N from which on forces were low-pass filtered before they were stored.

Measured: 3 to 13 ms in every laboratory that stores what its plates read, 23 ms in the one that stores smoothed forces
(QCMAS), whose crossings come 33 ms before that laboratory's own events."""
_LONGEST_RUNNING_STANCE = 0.5
_SAME_EDGE = 0.02
"""Seconds between the edge of a step and the event of its contact."""
_KEYS = [(foot, kind) for foot in ("right", "left") for kind in ("foot_strike", "foot_off")]


@dataclass(frozen=True)
class ForceContact:
    """One contact of one foot with one plate.

    Attributes
    ----------
    foot : str
        ``"right"`` or ``"left"``.
    start, stop : float
        Seconds after the first frame; NaN if the record begins or ends within the contact.
    rise : float
        Seconds from 20 to 100 N; NaN if the force never gets there or the start is unknown.
    """

    foot: str
    start: float
    stop: float
    rise: float = float("nan")


def force_contacts(trial: MarkerTrial, paths: Sequence[FootPath]) -> list[ForceContact]:
    """Contacts of either foot alone with any plate.

    A contact that is loaded at the first or last sample has no start or stop. Walking on a single treadmill plate never
    unloads it, so it gives no contact of one foot.
    """
    found = []
    for reaction in trial.ground_reactions:
        vertical = np.nan_to_num(reaction.force[:, 1])
        loaded = contacts(vertical, reaction.rate)
        shared = reaction.foot == "both"
        if not loaded or (shared and not trial.steps and not _is_flight_between(loaded, reaction.rate)):
            continue
        feet = _feet(trial, reaction, loaded, paths)
        for (first, last), foot in zip(loaded, feet, strict=True):
            if foot not in ("right", "left"):
                continue
            if shared and trial.belt_speed != 0.0 and (last - first) / reaction.rate > _LONGEST_RUNNING_STANCE:
                continue
            start = _crossing(vertical, first, reaction.rate) if first > 0 else float("nan")
            stop = _crossing(vertical, last, reaction.rate) if last < len(vertical) else float("nan")
            found.append(ForceContact(foot, start, stop, _rise(vertical[first:last], reaction.rate)))
    return _joined(found)


def events_from_force(trial: MarkerTrial, marker_set: MarkerSet) -> tuple[GaitEvent, ...]:
    """Every event that the plates of a trial show, in order of time, source ``"force"``."""
    return force_events(trial, foot_paths(trial, marker_set))


def force_events(trial: MarkerTrial, paths: Sequence[FootPath]) -> tuple[GaitEvent, ...]:
    """Events of the plates, with the paths of the feet already known."""
    return _events(force_contacts(trial, paths))


def is_smoothed(found: Sequence[ForceContact]) -> bool:
    """Whether the forces of a trial were low-pass filtered before they were stored, by how slowly they rise."""
    rises = [contact.rise for contact in found if np.isfinite(contact.rise)]
    return bool(rises) and float(np.median(rises)) > SLOW_RISE


def _events(found: Sequence[ForceContact]) -> tuple[GaitEvent, ...]:
    """Starts and stops of contacts in order of time."""
    events = [GaitEvent(c.start, c.foot, "foot_strike", "force") for c in found if np.isfinite(c.start)]
    events += [GaitEvent(c.stop, c.foot, "foot_off", "force") for c in found if np.isfinite(c.stop)]
    return tuple(sorted(events, key=lambda event: event.time))


def supported_force_events(
    trial: MarkerTrial, paths: Sequence[FootPath], by_markers: Sequence[GaitEvent], reach: float = 0.1
) -> tuple[list[GaitEvent], list[Treatment]]:
    """Events of the plates without those that the feet contradict.

    A foot that rolls over the edge of a plate, or steps on it beside the other foot, loads and unloads it at instants
    that are no strike and no off: the trial's steps say so, or no marker event of that foot and kind lies within
    `reach` (s). Strikes of smoothed forces are left out as well. Both are named.
    """
    kept, notes = [], []
    loaded = force_contacts(trial, paths)
    smoothed = is_smoothed(loaded)
    events = _events(loaded)
    instants = np.array([event.time for event in events])
    seen = {path.foot: path.is_seen(instants) for path in paths}
    edges = {
        "foot_strike": np.array([s.start for s in trial.steps]),
        "foot_off": np.array([s.stop for s in trial.steps]),
    }
    times = {key: np.array([e.time for e in by_markers if (e.foot, e.kind) == key]) for key in _KEYS}
    spans = {foot: _span(np.r_[times[foot, "foot_strike"], times[foot, "foot_off"]]) for foot in ("right", "left")}
    for number, event in enumerate(events):
        same = times[event.foot, event.kind]
        near = np.abs(same - event.time).min() if len(same) else np.inf
        # Where the markers cannot tell (a gap, the first or last stride), a plate that shows a whole step is believed.
        first, last = spans[event.foot]
        can_tell = event.foot in seen and first - reach < event.time < last + reach and seen[event.foot][number]
        if smoothed and event.kind == "foot_strike":
            continue
        beside = np.flatnonzero(np.abs(edges[event.kind] - event.time) <= _SAME_EDGE)
        why = _why_partial([trial.steps[k] for k in beside], event)
        if why or (near > reach and can_tell):
            word = event.kind.replace("_", " ")
            detail = f"{event.foot} {word} of a plate at {event.time:.3f} s left out: "
            detail += why or "the foot moves otherwise (edge of the plate, or both feet on it)"
            notes.append(Treatment("force_event_doubtful", detail))
        else:
            kept.append(event)
    if smoothed:
        detail = f"forces need more than {1000 * SLOW_RISE:.0f} ms from 20 to 100 N at foot strike: they were low-pass"
        detail += " filtered before they were stored; their strikes are not used"
        notes.append(Treatment("force_smoothed", detail))
    return kept, notes


def _span(times: np.ndarray) -> tuple[float, float]:
    """First and last of several instants (s), an empty span of none."""
    return (float(times.min()), float(times.max())) if len(times) else (np.inf, -np.inf)


def _why_partial(steps: Sequence[PlateStep], event: GaitEvent) -> str:
    """Why the edge of one of the steps on a plate is no event, ``""`` if it may be one.

    A heel beside the plate strikes the floor before the plate feels it, a toe beside it leaves the floor later.
    """
    for step in steps:
        if step.foot != event.foot or holds_whole_force(step):
            continue
        reasons = [reason for reason in step.reason.split("; ") if reason not in CUT]
        spared = ("toe", "metatarsal") if event.kind == "foot_strike" else ("heel",)
        reasons = [reason for reason in reasons if not ("beside the plate" in reason and reason.startswith(spared))]
        if reasons:
            return reasons[0]
    return ""


def _feet(
    trial: MarkerTrial, reaction: GroundReaction, loaded: Sequence[tuple[int, int]], paths: Sequence[FootPath]
) -> list[str]:
    """The foot of each contact of a plate."""
    if reaction.foot != "both":
        return [reaction.foot] * len(loaded)
    if trial.steps:
        return _feet_of_steps(trial.steps, reaction, loaded)
    if len(paths) < 2:
        return ["unknown"] * len(loaded)
    frames = np.arange(trial.n_frames)
    samples = np.minimum(np.round(frames * reaction.rate / trial.rate).astype(int), len(reaction.force) - 1)
    place = reaction.centre_of_pressure[samples][:, [0, 2]]
    far = np.stack([np.linalg.norm(path.middle[:, [0, 2]] - place, axis=1) for path in paths])
    feet = []
    for first, last in loaded:
        inside = far[:, int(first * trial.rate / reaction.rate) + 1 : int(last * trial.rate / reaction.rate)]
        medians = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.inf for row in inside]
        nearest = int(np.argmin(medians))
        feet.append(paths[nearest].foot if medians[nearest] < FARTHEST_FOOT else "unknown")
    return feet


def _feet_of_steps(
    steps: Sequence[PlateStep], reaction: GroundReaction, loaded: Sequence[tuple[int, int]]
) -> list[str]:
    """The foot of the step in which the middle of each contact lies."""
    mine = sorted((step for step in steps if reaction.name in step.plate.split(" + ")), key=lambda step: step.start)
    starts = np.array([step.start for step in mine])
    feet = []
    for first, last in loaded:
        middle = 0.5 * (first + last) / reaction.rate
        at = int(np.searchsorted(starts, middle)) - 1
        feet.append(mine[at].foot if at >= 0 and middle < mine[at].stop else "unknown")
    return feet


def _is_flight_between(loaded: Sequence[tuple[int, int]], rate: float) -> bool:
    """Running on one plate: several contacts of less than half a second."""
    return len(loaded) >= 3 and float(np.median([b - a for a, b in loaded])) / rate < _LONGEST_RUNNING_STANCE


def _crossing(force: np.ndarray, sample: int, rate: float) -> float:
    """Instant (s) at which the force passes the threshold between a sample and the one before it."""
    before, after = force[sample - 1], force[sample]
    share = (CONTACT_OFF - before) / (after - before) if after != before else 1.0
    return float((sample - 1 + min(max(share, 0.0), 1.0)) / rate)


def _rise(force: np.ndarray, rate: float) -> float:
    """Seconds from 20 to 100 N of a contact that is loaded in earnest, NaN of others."""
    if rate < 200.0 or force.max() < 200.0:
        return float("nan")
    return float(np.argmax(force > 100.0) / rate)


def _joined(found: Sequence[ForceContact]) -> list[ForceContact]:
    """Contacts of one foot with several plates at once as one."""
    joined: list[ForceContact] = []
    for foot in ("right", "left"):
        mine = sorted((c for c in found if c.foot == foot), key=lambda c: -1.0 if np.isnan(c.start) else c.start)
        own: list[ForceContact] = []
        for contact in mine:
            last = own[-1] if own else None
            if last is not None and (np.isnan(last.stop) or contact.start <= last.stop + SAME_STEP):
                stop = np.nan if np.isnan(last.stop) or np.isnan(contact.stop) else max(last.stop, contact.stop)
                own[-1] = ForceContact(foot, last.start, float(stop), last.rise)
            else:
                own.append(contact)
        joined += own
    return joined
