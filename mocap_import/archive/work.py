"""Archive work: files of an archive turned into rows, in worker processes with limits or in this one."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap_import.archive.conversion import content_hash, convert_file
from mocap_import.archive.identity import Identity, Recording
from mocap_import.archive.journal import Journal
from mocap_import.archive.plan import Job, row_in_force
from mocap_import.archive.private_text import path_words, without_words
from mocap_import.batch import Outcome, Task, run_tasks
from mocap_import.trial_store import SUFFIX

MEMORY_LIMIT = 4 * 1024**3
"""Bytes of address space of a worker."""
TIME_LIMIT = 10.0
"""Seconds for a small file; every megabyte has `TIME_PER_MEGABYTE` more."""
TIME_PER_MEGABYTE = 2.0
RECYCLE_AFTER = 500
"""Files after which a worker is replaced by a fresh one, so that no parser's leak adds up."""
RECYCLE_MEMORY = 1024**3
"""Bytes of resident memory after which it is replaced at once."""


@dataclass(frozen=True)
class ArchiveRun:
    """What stays the same during a run."""

    archive: Path
    out: Path
    identity: Identity
    journal: Journal
    recordings: list[Recording]
    jobs: list[Job]
    n_workers: int
    verify: bool


def convert_jobs(run: ArchiveRun, jobs: Sequence[Job], masses: dict[str, float]) -> Iterator[dict[str, Any]]:
    """Rows of jobs: from the journal where nothing changed, else made now and put in the journal."""
    todo: dict[str, tuple[Job, float]] = {}
    for job in jobs:
        mass = masses.get(job.recording.key, float("nan"))
        row = row_in_force(job, run.journal, run.out, mass, run.verify)
        if row is not None:
            yield row
        else:
            todo[job.recording.key] = (job, mass)
    for name, row in _worked(todo, run.n_workers):
        job, mass = todo[name]
        if row["stopped"]:
            raise not_written("", row["stopped"])
        file = job.recording.file
        row |= {"key": name, "fingerprint": job.fingerprint, "size": file.size, "modified": file.modified}
        row |= {"told_mass": None if mass != mass else mass}
        if "attempts" in row:
            row["attempts"] += run.journal.rows.get(name, {}).get("attempts", 0)
            row["source_hash"] = content_hash(Path(job.arguments["path"]))
            (run.out / job.recording.code / f"{job.recording.trial}{SUFFIX}").unlink(missing_ok=True)
        run.journal.append(row)
        yield row


def _worked(todo: dict[str, tuple[Job, float]], n_workers: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of jobs, in worker processes or here; a file that brings its reader down is one refused row."""
    if n_workers == 0:
        for name, (job, mass) in todo.items():
            try:
                yield name, convert_file(**job.arguments, standing_mass=mass)
            except Exception as problem:  # noqa: BLE001  (the border: one file must not end the run)
                yield name, _fallen(job, Outcome(name, "failed", reason=f"{type(problem).__name__}: {problem}"))
        return
    if not todo:
        return
    tasks = (
        Task(
            name,
            "mocap_import.archive.conversion:convert_file",
            job.arguments | {"standing_mass": mass},
            timeout=TIME_LIMIT + TIME_PER_MEGABYTE * job.recording.file.size / 1e6,
        )
        for name, (job, mass) in todo.items()
    )
    limits = {"memory_limit": MEMORY_LIMIT, "recycle_after": RECYCLE_AFTER, "recycle_memory": RECYCLE_MEMORY}
    for outcome in run_tasks(tasks, n_workers=min(n_workers, len(todo)), **limits):
        done = outcome.status == "done"
        yield outcome.key, outcome.value if done else _fallen(todo[outcome.key][0], outcome)


def _fallen(job: Job, outcome: Outcome) -> dict[str, Any]:
    """The row of a file that brought its reader down."""
    size = job.recording.file.size
    words = {
        "crashed": "the reader crashed on it",
        "timed_out": f"reading took more than {TIME_LIMIT + TIME_PER_MEGABYTE * size / 1e6:.0f} s and was stopped",
        "failed": f"reading failed ({outcome.reason})",
    }
    what, remedy = words.get(outcome.status, outcome.status), "the file is probably damaged: export it again"
    if "MemoryError" in outcome.reason:
        what = f"reading needed more than the {MEMORY_LIMIT / 1e9:.1f} GB that one file may have"
    reason = f"{job.arguments['shown']}: {what}; {remedy}."
    if job.arguments["codes"] == "new":
        places = path_words(Path(job.arguments["path"]), job.arguments["relative"])
        reason = without_words(reason, places, job.arguments["shown"])
    row = {"file": job.arguments["shown"], "subject": job.recording.code, "session": job.recording.session}
    row |= {"trial": job.recording.trial, "stopped": "", "task": job.arguments["task"] or "unknown"}
    return row | {"status": "refused", "reason": reason, "attempts": 1}


def refuse_entry(run: ArchiveRun, recording: Recording, problem: str) -> dict[str, Any]:
    """The row of an entry that is no file, also in the journal."""
    row = {"key": recording.key, "file": recording.shown, "subject": recording.code, "session": recording.session}
    row |= {"trial": recording.trial, "task": "unknown", "status": "refused", "source_hash": "", "fingerprint": ""}
    row["reason"] = f"{recording.shown}: {problem}."
    if run.journal.rows.get(recording.key) != row:
        run.journal.append(row)
    (run.out / recording.code / f"{recording.trial}{SUFFIX}").unlink(missing_ok=True)
    return row


def not_written(path: Path | str, problem: OSError | str) -> OSError:
    """The sentence for an output that cannot be written."""
    reason = problem if isinstance(problem, str) else f"{path}: could not be written ({problem.strerror or problem})"
    return OSError(
        errno.ENOSPC if isinstance(problem, str) else problem.errno,
        f"{reason}; trials written before are intact: make room and run the same command again",
    )
