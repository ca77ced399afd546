"""Archive work: files of an archive turned into rows, in worker processes with limits or in this one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap_import.archive.file import content_hash
from mocap_import.archive.identity import Identity, Recording
from mocap_import.archive.journal import Journal
from mocap_import.archive.plan import Job, made_facts, row_in_force
from mocap_import.archive.private_text import path_words, private_words, without_words
from mocap_import.batch import Outcome, Task, WorkerProcess, run_tasks
from mocap_import.durable_file import os_words
from mocap_import.engine import Engine
from mocap_import.trial_store import SUFFIX

MEMORY_LIMIT = 4 * 1024**3
"""Bytes of address space of a worker."""
TIME_LIMIT = 10.0
"""Seconds for a small file; every megabyte has `TIME_PER_MEGABYTE` more."""
TIME_PER_MEGABYTE = 2.0
RECYCLE_AFTER = 2000
"""Files after which a worker is replaced by a fresh one, so that no leak adds up; a start costs as much as 50 files."""
_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room"),
    errno.EFBIG: "raise the limit of file sizes",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "get the right to write there, or give another folder,"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), "move what lies there away, or give another folder,"),
}
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
    workers: list[WorkerProcess]
    """Processes that convert; none to work in this one."""
    verify: bool
    people: tuple[str, ...] = ()
    """Sentences on who was found, without names."""
    engine: Engine | None = None
    """What converts in the place of `workers`."""
    retry: bool = False


def archive_workers(n_workers: int) -> list[WorkerProcess]:
    """Processes, not started yet, that convert files within limits."""
    return [
        WorkerProcess(memory_limit=MEMORY_LIMIT, preload="mocap_import.archive.conversion") for _ in range(n_workers)
    ]


def convert_jobs(
    run: ArchiveRun, jobs: Sequence[Job], told: dict[str, dict[str, Any]], again: bool = False
) -> Iterator[dict[str, Any]]:
    """Rows of jobs: from the journal where nothing changed, else made now and put in the journal.

    Parameters
    ----------
    run : ArchiveRun
    jobs : sequence of Job
    told : dict
        Key → what other recordings tell it.
    again : bool, default False
        Convert all of them, because they are told something else than before.
    """
    todo: dict[str, tuple[Job, dict[str, Any]]] = {}
    for job in jobs:
        row = None if again else row_in_force(job, run.journal, run.out, run.verify, run.retry)
        if row is not None:
            yield row
        else:
            todo[job.recording.key] = (job, told.get(job.recording.key, {}))
    for name, row in _worked(todo, run.workers, run.engine):
        job, heard = todo[name]
        if row["stopped"]:
            raise not_written("", row["stopped"])
        file = job.recording.file
        row |= {"key": name, "fingerprint": job.fingerprint, "size": file.size, "modified": file.modified}
        if "axes" in heard or "unit" in heard:  # what the file shows by itself is what it showed without being told
            row["evidence"] = run.journal.rows[name]["evidence"]
        if "attempts" in row:
            row["attempts"] += 0 if run.retry else run.journal.rows.get(name, {}).get("attempts", 0)
            row["source_hash"] = content_hash(Path(job.arguments["path"]))
            (run.out / job.recording.code / f"{job.recording.trial}{SUFFIX}").unlink(missing_ok=True)
        if row.get("output"):
            row["made"] = made_facts(run.out / row["output"])
        run.journal.append(row)
        yield row


def _worked(
    todo: dict[str, tuple[Job, dict[str, Any]]], workers: list[WorkerProcess], engine: Engine | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of jobs, in worker processes or here; a file that brings its reader down is one refused row."""
    if not workers and engine is None:
        from mocap_import.archive.conversion import convert_file  # slow to import, and workers do it themselves

        for name, (job, told) in todo.items():
            try:
                yield name, convert_file(**job.arguments, told=told)
            except Exception as problem:  # noqa: BLE001  (the border: one file must not end the run)
                yield name, _fallen(job, Outcome(name, "failed", reason=f"{type(problem).__name__}: {problem}"))
        return
    for worker in workers if todo else ():
        worker.start()
    tasks = (
        Task(
            name,
            "mocap_import.archive.conversion:convert_file",
            job.arguments | {"told": told},
            timeout=TIME_LIMIT + TIME_PER_MEGABYTE * job.recording.file.size / 1e6,
        )
        for name, (job, told) in todo.items()
    )
    recycle = {"recycle_after": RECYCLE_AFTER, "recycle_memory": RECYCLE_MEMORY}
    if engine is None:
        outcomes = run_tasks(tasks, workers=workers, **recycle)
    else:
        outcomes = engine.run(tasks, memory_limit=MEMORY_LIMIT, **recycle)
    for outcome in outcomes:
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
        file = Path(job.arguments["path"])
        reason = without_words(reason, path_words(file, job.arguments["relative"]), job.arguments["shown"])
        reason = without_words(reason, private_words(file), "(subject)")
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
    if isinstance(problem, OSError):
        reason, number = f"{path}: could not be written ({os_words(problem)})", problem.errno
    else:  # from a worker, which answers in words
        reason, number = problem, next((known for known in _REMEDIES if f"({os.strerror(known)})" in problem), None)
    remedy = _REMEDIES.get(number, "give a folder that can be written")
    return OSError(
        number or errno.EIO, f"{reason}; trials written before are intact: {remedy} and run the same command again"
    )
