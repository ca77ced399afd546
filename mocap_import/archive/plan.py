"""Archive plan: what has to be done with every file of an archive, and what was done before and still holds."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from mocap_import.archive.file import content_hash
from mocap_import.archive.identity import CODES, Recording
from mocap_import.archive.journal import Journal
from mocap_import.archive.participants import subject_for
from mocap_import.subject import Subject
from mocap_import.task_word import task_from_name
from mocap_import.trial import TrialRefused

IMPORT_VERSION = 4
"""Raised when the same file would give another trial, so that earlier results are made again."""
FASTEST_BELT = 15.0
"""m/s; no treadmill for people runs faster."""
MOST_ATTEMPTS = 2
"""Runs that try a file whose reader crashed or ran out of time: the cause may have been the computer, not the file."""


@dataclass(frozen=True)
class Job:
    """One file to be converted.

    Attributes
    ----------
    recording : Recording
    arguments : dict
        Of `conversion.convert_file`.
    fingerprint : str
        Hash of every setting that the trial depends on, except the file's content and what other recordings tell.
    """

    recording: Recording
    arguments: dict[str, Any]
    fingerprint: str

    @property
    def is_static(self) -> bool:
        """Whether its name says that the subject stands."""
        return self.arguments["task"] == "static"


def check_settings(
    unit: str | None,
    axes: str | None,
    reader: str,
    codes: str,
    belt_speed: float | None = None,
    subject_folder: int | None = None,
) -> None:
    """Refuse settings that no archive could be read with, before any work."""
    if belt_speed is not None and not 0.0 < belt_speed <= FASTEST_BELT:
        raise TrialRefused(
            f"belt speed {belt_speed:g}: expected m/s above 0 and up to {FASTEST_BELT:g}; leave it out for overground "
            "trials, which have none."
        )
    if subject_folder is not None and subject_folder < 1:
        raise TrialRefused(f"subject folder {subject_folder}: expected 1 for the topmost folder, 2 for the next, ...")
    if codes not in CODES:
        raise TrialRefused(f"codes {codes!r}: expected {' or '.join(CODES)}.")
    if unit not in (None, "mm", "cm", "m"):
        raise TrialRefused(f"unit {unit!r}: expected mm, cm or m.")
    if axes is not None and (not re.fullmatch(r"[+-][XYZ][+-][XYZ]", axes) or axes[1] == axes[3]):
        raise TrialRefused(f"axes {axes!r}: expected the laboratory's forward and up axes, such as +Y+Z.")
    if reader not in ("direct", "ezc3d", "py-c3d"):
        raise TrialRefused(f"reader {reader!r}: expected direct, ezc3d or py-c3d.")


def plan_jobs(
    archive: Path, recordings: Sequence[Recording], participants: Mapping[str, Subject], settings: dict[str, Any]
) -> list[Job]:
    """What `convert_file` is to do with every file that can be read."""
    common: list[Any] = [IMPORT_VERSION, {key: value for key, value in settings.items() if key != "out"}]
    if str(settings["marker_set"]).endswith(".toml"):
        common.append(content_hash(Path(settings["marker_set"])))
        common[1].pop("marker_set")
    jobs = []
    for recording in recordings:
        if recording.file.problem:
            continue
        subject = replace(subject_for(recording.name.own, participants), code=recording.code)
        own = {
            "trial": recording.trial,
            "session": recording.session,
            "shown": recording.shown,
            "subject": asdict(subject),
            "task": task_from_name(recording.file.relative.parts),
        }
        fingerprint = hashlib.sha256(json.dumps([common, own], sort_keys=True).encode()).hexdigest()
        relative = recording.file.relative.as_posix()
        arguments = settings | own | {"path": str(archive / recording.file.relative), "relative": relative}
        jobs.append(Job(recording, arguments, fingerprint))
    return jobs


def standing_masses(jobs: Iterable[Job], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Body mass (kg) for every file whose subject nobody weighed otherwise, by its key.

    It is the median over the standing trials of the subject's session, without one over all of the subject's; a
    standing trial known by its name is not told, one known by its motion is told the others'.
    """
    weighed: dict[tuple[str, str | None], list[tuple[str, float]]] = {}
    for key, row in rows.items():
        if (row.get("standing_mass") or 0) > 0:
            for group in ((row["subject"], row["session"]), (row["subject"], None)):
                weighed.setdefault(group, []).append((key, row["standing_mass"]))
    masses = {}
    for job in jobs:
        if job.is_static or not math.isnan(job.arguments["subject"]["mass"]):
            continue
        for session in (job.recording.session, None):
            others = [m for key, m in weighed.get((job.recording.code, session), []) if key != job.recording.key]
            if others:
                masses[job.recording.key] = float(median(others))
                break
    return masses


def row_in_force(job: Job, journal: Journal, out: Path, verify: bool, retry: bool = False) -> dict[str, Any] | None:
    """The row of an earlier run if file, settings and product are the same, else None.

    Size and date of change tell that a file is the same; where they differ, or with `verify`, its content does. With
    `retry` a file whose reader crashed or ran out of time in `MOST_ATTEMPTS` runs is tried again.
    """
    row = journal.rows.get(job.recording.key)
    if row is None or row.get("fingerprint") != job.fingerprint:
        return None
    if row["status"] == "refused":
        if row.get("attempts", 0) and (row["attempts"] < MOST_ATTEMPTS or verify or retry):
            return None
    elif not _is_what_was_made(out / row["output"], row.get("made"), verify):
        return None
    file = job.recording.file
    if (row.get("size"), row.get("modified")) == (file.size, file.modified) and not verify:
        return row
    same = row.get("source_hash") and content_hash(Path(job.arguments["path"])) == row["source_hash"]
    return row if same else None


def made_facts(trial: Path) -> dict[str, Any]:
    """By what a trial that was written is known again."""
    found = trial.stat()
    return {"size": found.st_size, "modified": found.st_mtime_ns, "hash": content_hash(trial)}


def _is_what_was_made(trial: Path, made: Mapping[str, Any] | None, verify: bool) -> bool:
    """Whether a trial is there as it was written; rows of earlier versions know only that it was."""
    if not trial.is_file():
        return False
    if made is None:
        return True
    found = trial.stat()
    same = (found.st_size, found.st_mtime_ns) == (made["size"], made["modified"])
    return content_hash(trial) == made["hash"] if verify or not same else True
