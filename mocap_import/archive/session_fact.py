"""Session facts: body mass and height that one recording of a session states or weighs, for the others of it.

A recording without a mass of its own takes what the participants table says, else what other recordings of its session
state (the standing trial's word counts first), else what the plates weigh in a standing trial. Where recordings of one
session state different values, nothing of them is passed on unless the standing trial decides, and each says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from mocap_import.archive.plan import Job, standing_masses

FACTS = {"mass": "kg", "height": "m"}
TOLERANCE = 0.02
"""Relative difference of two statements up to which they are one: rounding, clothes, a meal, a second measurement."""


def session_facts(jobs: Sequence[Job], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What every recording is to be told of its subject.

    Parameters
    ----------
    jobs : sequence of Job
    rows : mapping
        Key → row of the recordings that are converted; what the others state is not known yet, they are told in case
        they state nothing.

    Returns
    -------
    dict
        Key → ``mass`` with ``mass_from`` (``"session"`` or ``"standing"``), ``height`` (kg, m), and the sentences
        ``mass_conflict`` and ``height_conflict``; recordings that need nothing are left out.
    """
    told: dict[str, dict[str, Any]] = {}
    for group in _sessions(jobs):
        for fact in FACTS:
            for key, found in _of_session(group, rows, fact).items():
                told.setdefault(key, {}).update(found)
    for key, mass in standing_masses(jobs, rows).items():
        if "mass" not in told.get(key, {}) and _stated(rows.get(key), "mass") is None:
            told.setdefault(key, {}).update({"mass": mass, "mass_from": "standing"})
    return told


def _sessions(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs by subject and session, without subjects of whom a table knows everything."""
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.recording.code, job.recording.session), []).append(job)
    return list(groups.values())


def _stated(row: Mapping[str, Any] | None, fact: str) -> float | None:
    """What the file of a row states itself."""
    return None if row is None or row["status"] == "refused" else row.get("evidence", {}).get(fact)


def _of_session(group: Sequence[Job], rows: Mapping[str, Mapping[str, Any]], fact: str) -> dict[str, dict[str, Any]]:
    """What the recordings of one session tell each other of one fact."""
    asked = [job for job in group if math.isnan(job.arguments["subject"][fact])]
    stated = {job.recording.key: _stated(rows.get(job.recording.key), fact) for job in asked}
    values = {key: value for key, value in stated.items() if value is not None}
    if not values:
        return {}
    told: dict[str, dict[str, Any]] = {}
    differ = not _is_one(list(values.values()))
    if differ:
        spread = f"{min(values.values()):.4g} to {max(values.values()):.4g} {FACTS[fact]}"
        told |= {
            key: {f"{fact}_conflict": f"{value:.4g} {FACTS[fact]} here, {spread} in the recordings of this session"}
            for key, value in values.items()
        }
    standing = [value for key, value in values.items() if rows[key]["task"] == "static"]
    chosen = standing or list(values.values())
    if _is_one(chosen):
        entry = {fact: float(median(chosen))} | ({"mass_from": "session"} if fact == "mass" else {})
        told |= {key: dict(entry) for key in stated if key not in values}
    return told


def _is_one(values: Sequence[float]) -> bool:
    """True if all state the same."""
    return max(values) - min(values) <= TOLERANCE * max(values)
