"""Event agreement: by how much the sources of a trial's gait events differ, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from mocap_import.event.foot_path import foot_paths
from mocap_import.event.force_event import force_events
from mocap_import.event.gait_event import GAIT, marker_events
from mocap_import.event.marker_event import DETECTORS
from mocap_import.event.swing_event import events_of
from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import GaitEvent, MarkerTrial

TOLERANCE = 0.15
"""Events of two sources farther apart (s) are not the same event."""


@dataclass(frozen=True)
class EventAgreement:
    """Two sources of one kind of event of one foot.

    Attributes
    ----------
    source_a, source_b : str
        ``"file"``, ``"force"``, ``"markers"`` (our own detector) or a published detector of `DETECTORS`.
    foot : str
        ``"right"`` or ``"left"``.
    kind : str
        ``"foot_strike"`` or ``"foot_off"``.
    differences : ndarray, shape (n_pairs,)
        Time of b minus time of a (s), of every event that both have.
    n_missed : int
        Events of a that b lacks.
    n_extra : int
        Events of b that a lacks, within the stretch that a's events of this foot cover (a plate on a walkway sees one
        stance: what happens elsewhere is not extra).
    """

    source_a: str
    source_b: str
    foot: str
    kind: str
    differences: np.ndarray
    n_missed: int
    n_extra: int


def event_agreement(trial: MarkerTrial, marker_set: MarkerSet | None) -> tuple[EventAgreement, ...]:
    """All pairs of sources present in a trial.

    Parameters
    ----------
    trial : MarkerTrial
        Its events of source ``"file"`` are the laboratory's; forces and markers are looked at anew, uncorrected by
        each other.
    marker_set : MarkerSet or None

    Returns
    -------
    tuple of EventAgreement
        Empty if fewer than two sources have an event. ``"force"`` is before ``"markers"`` and both are before the
        published detectors, which are as published: their bias is in the differences.
    """
    sources = event_sources(trial, marker_set)
    found = []
    for (name_a, a), (name_b, b) in combinations(sources.items(), 2):
        for foot in ("right", "left"):
            for kind in ("foot_strike", "foot_off"):
                own = _times(a, foot, kind), _times(b, foot, kind)
                if len(own[0]) or len(own[1]):
                    span = [event.time for event in a if event.foot == foot]
                    found.append(EventAgreement(name_a, name_b, foot, kind, *compare(*own, span)))
    return tuple(found)


def event_sources(trial: MarkerTrial, marker_set: MarkerSet | None) -> dict[str, tuple[GaitEvent, ...]]:
    """Every source that has an event of a trial → its events, in order of time."""
    found = {"file": tuple(event for event in trial.events if event.source == "file")}
    if marker_set is not None and trial.task in GAIT:
        paths = foot_paths(trial, marker_set)
        found["force"] = force_events(trial, paths)
        found["markers"] = marker_events(paths)
        for name, detector in DETECTORS.items():
            events = [event for path in paths for event in events_of(path, detector(path), name)]
            found[name] = tuple(sorted(events, key=lambda event: event.time))
    return {name: events for name, events in found.items() if events}


def compare(a: np.ndarray, b: np.ndarray, span: Sequence[float] = ()) -> tuple[np.ndarray, int, int]:
    """Differences b - a (s) of events that are each other's nearest, and how many are missed and extra.

    Parameters
    ----------
    a, b : ndarray
        Instants (s), sorted.
    span : sequence of float, optional
        Extra events count only between its first and last instant (with TOLERANCE); all count without it.
    """
    if not len(a) or not len(b):
        extra = [time for time in b if not len(span) or min(span) - TOLERANCE < time < max(span) + TOLERANCE]
        return np.zeros(0), len(a), len(extra)
    apart = b[None, :] - a[:, None]
    nearest_b, nearest_a = np.abs(apart).argmin(axis=1), np.abs(apart).argmin(axis=0)
    rows = np.arange(len(a))
    mutual = (nearest_a[nearest_b] == rows) & (np.abs(apart[rows, nearest_b]) < TOLERANCE)
    lonely = np.ones(len(b), dtype=bool)
    lonely[nearest_b[mutual]] = False
    if len(span):
        lonely &= (b > min(span) - TOLERANCE) & (b < max(span) + TOLERANCE)
    return apart[rows, nearest_b][mutual], int((~mutual).sum()), int(lonely.sum())


def agreement_table(agreements: Sequence[EventAgreement]) -> pd.DataFrame:
    """One row a pair, foot and kind: bias, median and 95th percentile of |difference| in ms, misses, extras."""
    rows = []
    for pair in agreements:
        apart = 1000.0 * pair.differences
        some = len(apart) > 0
        rows.append(
            {
                "source_a": pair.source_a,
                "source_b": pair.source_b,
                "foot": pair.foot,
                "kind": pair.kind,
                "n_pairs": len(apart),
                "bias_ms": float(np.median(apart)) if some else np.nan,
                "median_abs_ms": float(np.median(np.abs(apart))) if some else np.nan,
                "p95_abs_ms": float(np.percentile(np.abs(apart), 95)) if some else np.nan,
                "n_missed": pair.n_missed,
                "n_extra": pair.n_extra,
            }
        )
    columns = ["source_a", "source_b", "foot", "kind", "n_pairs", "bias_ms", "median_abs_ms", "p95_abs_ms"]
    return pd.DataFrame(rows, columns=[*columns, "n_missed", "n_extra"])


def _times(events: Sequence[GaitEvent], foot: str, kind: str) -> np.ndarray:
    return np.array([event.time for event in events if event.foot == foot and event.kind == kind])
