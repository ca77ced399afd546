"""File event: foot strikes and foot offs that a laboratory stored, and whether they can be right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap_import.c3d.raw_c3d import RawEvent
from mocap_import.trial import GaitEvent, Treatment

SUPPORT = 0.12
"""Distance (s) within which a detected event of the same foot and kind supports one of the file."""
_WRONG_SIDE = 0.1
_SIDES = {"left": "left", "right": "right", "l": "left", "r": "right"}
_OTHER = {"right": "left", "left": "right"}
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
        Length of the trial (s); events outside are left out, see `events_left_out`.
    """
    found = []
    for event in events:
        side, kind = _meaning(event)
        time = event.time - start
        if side and kind and _is_inside(time, duration):
            found.append(GaitEvent(time=max(time, 0.0), foot=side, kind=kind, source="file"))
    return tuple(sorted(found, key=lambda event: event.time))


def events_left_out(events: Sequence[RawEvent], start: float, duration: float) -> list[Treatment]:
    """What `events_from_file` does not take, by number only: labels of events can hold names.

    Returns
    -------
    list of Treatment
        ``events_left_out``, or nothing.
    """
    reasons = []
    unknown = sum(not all(_meaning(event)) for event in events)
    outside = sum(all(_meaning(event)) and not _is_inside(event.time - start, duration) for event in events)
    if unknown:
        reasons.append(f"{unknown} {'is' if unknown == 1 else 'are'} no foot strike or foot off of a known side")
    if outside:
        reasons.append(f"{outside} {'lies' if outside == 1 else 'lie'} before the first frame or after the last")
    if not reasons:
        return []
    return [Treatment("events_left_out", f"of {len(events)} events of the file {' and '.join(reasons)}")]


def _meaning(event: RawEvent) -> tuple[str, str]:
    """Foot and kind of a file's event; ``""`` where it does not tell."""
    label, context = event.label.strip(), event.context.strip().lower()
    side = _SIDES.get(context, "")
    if not side:
        first = re.match(r"(left|right|l|r)", label, re.IGNORECASE)
        side = _SIDES[first.group(1).lower()] if first else ""
        label = re.sub(r"^(left|right)[ _-]*", "", label, flags=re.IGNORECASE)
    kind = "foot_strike" if _STRIKE.search(label) else "foot_off" if _OFF.search(label) else ""
    return side, kind


def _is_inside(time: float, duration: float) -> bool:
    """Whether an instant (s) lies in the recording, but for rounding."""
    return -1e-6 <= time <= duration + 1e-6


def check_file_events(
    stated: Sequence[GaitEvent], detected: Sequence[GaitEvent]
) -> tuple[tuple[GaitEvent, ...], list[Treatment]]:
    """The file's events without doubles, on the right side, with the missing ones added.

    Parameters
    ----------
    stated : sequence of GaitEvent
        Of the file.
    detected : sequence of GaitEvent
        Of forces and markers; may be empty, then only doubles and missing ones can be named.

    Returns
    -------
    events : tuple of GaitEvent
        In order of time. Times of the file are never changed.
    treatments : list of Treatment
        ``event_side_corrected``, ``event_doubled``, ``event_unsupported`` (kept), ``event_missing``, ``events_added``.
    """
    stated, side_notes = _on_right_side(stated, detected)
    stated, double_notes = _without_doubles(stated, detected)
    doubted = [event for event in stated if _is_contradicted(event, detected)]
    notes = [*side_notes, *double_notes]
    if doubted:
        notes.append(Treatment("event_unsupported", f"kept, but neither forces nor markers show: {_words(doubted)}"))
    added, gap_notes = _missing(stated, detected)
    return tuple(sorted([*stated, *added], key=lambda event: event.time)), [*notes, *gap_notes]


def _on_right_side(
    stated: Sequence[GaitEvent], detected: Sequence[GaitEvent]
) -> tuple[list[GaitEvent], list[Treatment]]:
    """Events whose kind is found on the other foot and not on their own change sides."""
    kept, moved = [], []
    for event in stated:
        opposite = replace(event, foot=_OTHER[event.foot])
        if _distance(event, detected) > SUPPORT and _distance(opposite, detected) < _WRONG_SIDE:
            moved.append(event)
            event = opposite
        kept.append(event)
    if not moved:
        return kept, []
    detail = (
        f"{len(moved)} of {len(kept)} events of the file are on the other foot by forces and markers: {_words(moved)}"
    )
    return kept, [Treatment("event_side_corrected", detail)]


def _without_doubles(
    stated: Sequence[GaitEvent], detected: Sequence[GaitEvent]
) -> tuple[list[GaitEvent], list[Treatment]]:
    """Of events of one foot and kind without the other kind between them, the best supported (else the first) stays."""
    kept, doubled = [], []
    for foot in ("right", "left"):
        own: list[GaitEvent] = []
        for event in sorted((e for e in stated if e.foot == foot), key=lambda e: e.time):
            near = own[-1] if own else None
            if near is not None and near.kind == event.kind and event.time - near.time < 0.25:
                better = _distance(event, detected) < _distance(near, detected)
                doubled.append(near if better else event)
                if better:
                    own[-1] = event
                continue
            own.append(event)
        kept += own
    if not doubled:
        return kept, []
    return kept, [Treatment("event_doubled", f"events of the file that are there twice, left out: {_words(doubled)}")]


def _missing(stated: Sequence[GaitEvent], detected: Sequence[GaitEvent]) -> tuple[list[GaitEvent], list[Treatment]]:
    """Detected events that the file lacks between its own, or all of a foot whose file events hold no cycle."""
    added, notes, lone = [], [], []
    for foot in ("right", "left"):
        own = sorted((e for e in stated if e.foot == foot), key=lambda e: e.time)
        found = [e for e in detected if e.foot == foot and _distance(e, own) > SUPPORT]
        if sum(e.kind == "foot_strike" for e in own) < 2:
            more = found if sum(e.kind == "foot_strike" for e in [*own, *found]) >= 2 else []
            lone += more
        else:
            more = [e for e in found if own[0].time < e.time < own[-1].time]
            if more:
                notes.append(Treatment("event_missing", f"not in the file, added: {_words(more)}"))
            elif not detected and (holes := _holes(own)):
                notes.append(Treatment("event_missing", f"{foot}: no event of the file near {holes}"))
        added += more
    if lone:
        sources = " and ".join(sorted({event.source for event in lone}))
        detail = f"the file's events hold no whole cycle of a foot: {len(lone)} from {sources} added"
        notes.append(Treatment("events_added", detail))
    return added, notes


def _holes(own: Sequence[GaitEvent]) -> str:
    """Instants at which a strike must be missing: an interval of more than 1.6 usual ones."""
    times = np.array([event.time for event in own if event.kind == "foot_strike"])
    gaps = np.diff(times)
    if len(gaps) < 2:
        return ""
    return ", ".join(f"{0.5 * (times[k] + times[k + 1]):.2f} s" for k in np.flatnonzero(gaps > 1.6 * np.median(gaps)))


def _distance(event: GaitEvent, others: Sequence[GaitEvent]) -> float:
    """Time (s) to the nearest event of the same foot and kind."""
    same = (abs(e.time - event.time) for e in others if (e.foot, e.kind) == (event.foot, event.kind))
    return min(same, default=float("inf"))


def _is_contradicted(event: GaitEvent, detected: Sequence[GaitEvent]) -> bool:
    """Whether detectors that see the foot on both sides of an event do not see the event."""
    times = [e.time for e in detected if e.foot == event.foot]
    between = bool(times) and min(times) < event.time < max(times)
    return between and _distance(event, detected) > SUPPORT


def _words(events: Sequence[GaitEvent]) -> str:
    """Events as a technician reads them, the first six."""
    shown = [f"{e.foot} {e.kind.replace('_', ' ')} {e.time:.2f} s" for e in sorted(events, key=lambda e: e.time)[:6]]
    return ", ".join(shown) + (f" and {len(events) - 6} more" if len(events) > 6 else "")
