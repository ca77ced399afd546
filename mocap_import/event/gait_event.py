"""Gait events of a trial: the best source for every foot and instant.

The file's own events come first, once they are checked; then force plates; then markers. On a walkway the plates show
one to three steps and the markers all of them, so both are mixed, each event with its source.
"""

from __future__ import annotations

from collections.abc import Sequence

from mocap_import.event.belt_event import on_one_belt, refine_on_belt
from mocap_import.event.file_event import check_file_events
from mocap_import.event.foot_path import FootPath, foot_paths
from mocap_import.event.force_event import supported_force_events
from mocap_import.event.swing_event import events_of, swing_events
from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import GaitEvent, MarkerTrial, Treatment

GAIT = ("walk", "run", "turn")
"""Tasks in which feet strike and leave the ground in turn."""
SAME_EVENT = 0.12
"""Marker events so near (s) to a force event of the same foot and kind are the same event."""
_SHORTEST = {"walk": 0.35, "turn": 0.35, "run": 0.3}


def find_events(trial: MarkerTrial, marker_set: MarkerSet | None) -> tuple[GaitEvent, ...]:
    """Gait events of a trial, see `choose_events`."""
    return choose_events(trial, marker_set)[0]


def choose_events(trial: MarkerTrial, marker_set: MarkerSet | None) -> tuple[tuple[GaitEvent, ...], list[Treatment]]:
    """The best event of every foot and instant, and what had to be said about it.

    Parameters
    ----------
    trial : MarkerTrial
        With task, belt speed, plates and steps; events of source ``"file"`` are the laboratory's.
    marker_set : MarkerSet or None
        Without it, or if the task is no gait, only the file's events remain.

    Returns
    -------
    events : tuple of GaitEvent
        In order of time.
    treatments : list of Treatment
        `check_file_events` and `supported_force_events` name theirs; ``events_of_standing``, ``events_detected``,
        ``no_events`` are named here.
    """
    stated = tuple(event for event in trial.events if event.source == "file")
    if trial.task == "static":
        if not stated:
            return (), []
        detail = f"{len(stated)} foot strikes and offs in the file of a standing trial are no gait events, left out"
        return (), [Treatment("events_of_standing", detail)]
    detected, notes = (), []
    if marker_set is not None and trial.task in GAIT:
        detected, notes = detected_events(trial, foot_paths(trial, marker_set))
    if stated:
        events, file_notes = check_file_events(stated, detected)
        return events, [*notes, *file_notes]
    if detected:
        sources = " and ".join(sorted({event.source for event in detected}))
        detail = f"no gait events in the file: {len(detected)} from {sources}"
        return detected, [*notes, Treatment("events_detected", detail)]
    reason = "could be detected" if trial.task in GAIT else "are looked for: the motion is no gait"
    return (), [*notes, Treatment("no_events", f"no gait events in the file and none {reason}")]


def detected_events(trial: MarkerTrial, paths: Sequence[FootPath]) -> tuple[tuple[GaitEvent, ...], list[Treatment]]:
    """Events of forces and markers, merged: forces where a plate shows the foot, markers elsewhere."""
    by_markers = marker_events(paths)
    if on_one_belt(trial):
        return refine_on_belt(by_markers, trial), []
    by_force, notes = supported_force_events(trial, paths, by_markers)
    if _plates_show_all(by_force, by_markers):
        return tuple(by_force), notes
    kept = [event for event in by_markers if not _has_twin(event, by_force)]
    merged = sorted([*kept, *by_force], key=lambda event: event.time)
    return tuple(_in_turn(merged, _SHORTEST.get(trial.task, 0.35))), notes


def marker_events(paths: Sequence[FootPath]) -> tuple[GaitEvent, ...]:
    """Events of all feet by our own detector, in order of time, source ``"markers"``."""
    found = [event for path in paths for event in events_of(path, swing_events(path))]
    return tuple(sorted(found, key=lambda event: event.time))


def events_from_markers(trial: MarkerTrial, marker_set: MarkerSet) -> tuple[GaitEvent, ...]:
    """Every event that heel and toe show; none of a trial that is no gait."""
    return marker_events(foot_paths(trial, marker_set)) if trial.task in GAIT else ()


def _has_twin(event: GaitEvent, others: Sequence[GaitEvent]) -> bool:
    return any(
        other.foot == event.foot and other.kind == event.kind and abs(other.time - event.time) < SAME_EVENT
        for other in others
    )


def _plates_show_all(by_force: Sequence[GaitEvent], by_markers: Sequence[GaitEvent]) -> bool:
    """An instrumented treadmill in running: nearly every strike of the markers has its own on the plate."""
    strikes = sum(event.kind == "foot_strike" for event in by_force)
    return strikes >= 6 and strikes >= 0.9 * sum(event.kind == "foot_strike" for event in by_markers)


def _in_turn(events: Sequence[GaitEvent], shortest: float) -> list[GaitEvent]:
    """Events of which those of one foot and kind lie a stride apart; of two that do not, force outranks markers."""
    kept: list[GaitEvent] = []
    last: dict[tuple[str, str], int] = {}
    for event in events:
        key = (event.foot, event.kind)
        before = last.get(key)
        if before is not None and event.time - kept[before].time < shortest:
            if event.source == "force" and kept[before].source != "force":
                kept[before] = event
            continue
        last[key] = len(kept)
        kept.append(event)
    return sorted(kept, key=lambda event: event.time)
