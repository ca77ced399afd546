"""Archive: a folder of C3D files and the trials made of it, one row of a table a file.

Every file ends accepted, repaired or refused, with the reason. What is done is kept in ``import.jsonl``, one line a
file, so that a run that was interrupted, or a second run after adding files, does only what is missing.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.batch import Task, run_tasks
from mocap_import.conversion import convert_file
from mocap_import.journal import Journal
from mocap_import.marker_set import load_marker_set
from mocap_import.participants import name_files, read_participants, subject_for
from mocap_import.subject import Subject
from mocap_import.task import task_from_name
from mocap_import.trial import TrialRefused
from mocap_import.trial_reader import read_trial

__all__ = ["COLUMNS", "convert_archive", "read_trial"]

IMPORT_VERSION = 1
"""Raised when the same file would give another trial, so that earlier results are made again."""
MEMORY_LIMIT = 4 * 1024**3
TIME_LIMIT = 120.0
COLUMNS = (
    *("file", "subject", "trial", "task", "status", "reason", "n_frames", "rate", "n_markers", "marker_set"),
    *("missing_percent", "filled_percent", "n_plates", "feet", "n_events", "n_strikes", "event_source", "belt_speed"),
    *("mass", "height", "sex", "age", "standing_mass", "seconds", "output", "source_hash"),
)
_TABLE = "import.csv"


def convert_archive(
    archive: Path,
    out: Path,
    *,
    marker_set: str | Path | None = None,
    participants: Path | None = None,
    belt_speed: float | None = None,
    n_workers: int = 1,
    progress: Callable[[dict[str, Any]], object] | None = None,
) -> pd.DataFrame:
    """Convert every C3D file below a folder.

    Parameters
    ----------
    archive : Path
        Searched for ``*.c3d`` at any depth; nothing in it is changed.
    out : Path
        Receives ``<subject>/<trial>.trial.h5``, ``import.csv`` and ``import.jsonl``.
    marker_set : str or Path, optional
        For all files; recognised file by file if not given.
    participants : Path, optional
        Table of subjects; ``participants.csv`` in the archive if it exists.
    belt_speed : float, optional
        Treadmill speed (m/s) of all treadmill trials.
    n_workers : int, default 1
        Worker processes, each with 4 GB and 120 s a file; 0 works in this process, without that protection.
    progress : callable, optional
        Called with the row of every file as it is done.

    Returns
    -------
    pandas.DataFrame
        One row a file in the order of names, columns `COLUMNS`; also in ``import.csv``.

    Raises
    ------
    TrialRefused
        No such folder, no C3D file in it, an unreadable participants table or an unknown marker set.
    OSError
        The output cannot be written, e.g. a full disk; what was written before is intact.
    KeyboardInterrupt
        After saving the table of what was done so far.
    """
    archive, out = Path(archive), Path(out)
    if not archive.is_dir():
        raise TrialRefused(f"{archive}: expected a folder with C3D files, found no folder; check the path.")
    files = sorted(path.relative_to(archive) for path in archive.rglob("*") if _is_c3d(path, out))
    if not files:
        raise TrialRefused(f"{archive}: expected C3D files (*.c3d) in the folder or below it, found none.")
    if marker_set is not None:
        load_marker_set(marker_set)
        marker_set = str(Path(marker_set).resolve()) if str(marker_set).endswith(".toml") else str(marker_set)
    table_path = participants or archive / "participants.csv"
    subjects = read_participants(table_path) if participants or table_path.is_file() else {}
    out.mkdir(parents=True, exist_ok=True)
    sweep_temporary(out)
    journal = Journal(out)
    rows: dict[str, dict[str, Any]] = {}
    names = name_files(files)
    settings = {"out": str(out), "marker_set": marker_set, "belt_speed": belt_speed}

    def table_rows() -> list[dict[str, Any]]:
        return [rows[file.as_posix()] for file in files if file.as_posix() in rows]

    try:
        # Static trials first: they tell the mass of subjects that no table knows.
        for statics in (True, False):
            chosen = [file for file in files if (task_from_name(file.parts) == "static") == statics]
            masses = {row["subject"]: row["standing_mass"] for row in rows.values() if row.get("standing_mass", 0) > 0}
            jobs = _jobs(archive, {file: names[file] for file in chosen}, subjects, masses, settings)
            for row in _done(jobs, journal, n_workers):
                rows[row["file"]] = row
                if progress is not None:
                    progress(row)
    except BaseException:
        # What stopped the run is what the caller must hear of, even if the table cannot be written either.
        with contextlib.suppress(OSError):
            _write_table(out, table_rows())
        raise
    try:
        return _write_table(out, table_rows())
    except OSError as problem:
        raise _not_written(out / _TABLE, problem) from problem


def _jobs(
    archive: Path,
    names: dict[Path, tuple[str, str]],
    subjects: dict[str, Subject],
    masses: dict[str, float],
    settings: dict[str, Any],
) -> dict[str, tuple[dict[str, Any], str]]:
    """Arguments of `convert_file` and fingerprint for every file."""
    jobs = {}
    for file, (code, trial) in names.items():
        arguments = settings | {
            "path": str(archive / file),
            "relative": file.as_posix(),
            "trial": trial,
            "subject": asdict(subject_for(code, subjects)),
            "task": task_from_name(file.parts),
            "standing_mass": masses.get(code, math.nan),
        }
        jobs[file.as_posix()] = (arguments, _fingerprint(archive / file, arguments))
    return jobs


def _not_written(path: Path | str, problem: OSError | str) -> OSError:
    """The sentence for an output that cannot be written."""
    reason = problem if isinstance(problem, str) else f"{path}: could not be written ({problem.strerror or problem})"
    return OSError(
        errno.ENOSPC if isinstance(problem, str) else problem.errno,
        f"{reason}; trials written before are intact: make room and run the same command again",
    )


def _is_c3d(path: Path, out: Path) -> bool:
    """A C3D file by its name, outside the output folder."""
    return path.suffix.lower() == ".c3d" and out.resolve() not in path.resolve().parents


def _fingerprint(path: Path, arguments: dict[str, Any]) -> str:
    """Hash of the file's content and of every setting that the trial depends on."""
    settings = {key: value for key, value in arguments.items() if key not in ("path", "out")}
    marker_set = arguments["marker_set"]
    if marker_set is not None and str(marker_set).endswith(".toml"):
        settings["marker_set_hash"] = hashlib.sha256(Path(marker_set).read_bytes()).hexdigest()
    digest = hashlib.sha256(json.dumps([IMPORT_VERSION, settings], sort_keys=True).encode())
    try:
        digest.update(path.read_bytes())
    except OSError as problem:
        digest.update(str(problem).encode())
    return digest.hexdigest()


def _done(jobs: dict[str, tuple[dict[str, Any], str]], journal: Journal, n_workers: int) -> Iterator[dict[str, Any]]:
    """Rows of all jobs: from the journal where nothing changed, else made now and put in the journal."""
    tasks = []
    for file, (arguments, fingerprint) in jobs.items():
        earlier = journal.find(file, fingerprint)
        if earlier is not None:
            yield earlier
        else:
            tasks.append(Task(file, "mocap_import.conversion:convert_file", arguments, fingerprint))
    for file, row in _worked(tasks, n_workers):
        if row["stopped"]:
            raise _not_written("", row["stopped"])
        row["fingerprint"] = jobs[file][1]
        try:
            journal.append(row)
        except OSError as problem:
            raise _not_written(journal.path, problem) from problem
        yield row


def _worked(tasks: Sequence[Task], n_workers: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of tasks, in worker processes or here; a file that brings its reader down is one refused row."""
    if n_workers == 0:
        for task in tasks:
            yield task.key, convert_file(**task.arguments)
        return
    if not tasks:
        return
    by_key = {task.key: task for task in tasks}
    limits = {"timeout": TIME_LIMIT, "memory_limit": MEMORY_LIMIT}
    for outcome in run_tasks(tasks, n_workers=min(n_workers, len(tasks)), **limits):
        if outcome.status == "done":
            yield outcome.key, outcome.value
            continue
        arguments = by_key[outcome.key].arguments
        words = {
            "crashed": "the reader crashed on it",
            "timed_out": f"reading took more than {TIME_LIMIT:.0f} s and was stopped",
            "failed": f"reading failed ({outcome.reason})",
        }
        reason = f"{arguments['relative']}: {words.get(outcome.status, outcome.status)}; "
        row = {"file": outcome.key, "subject": arguments["subject"]["code"], "trial": arguments["trial"], "stopped": ""}
        yield (
            outcome.key,
            row
            | {"task": arguments["task"] or "unknown", "status": "refused", "retry": True}
            | {"reason": reason + "the file is probably damaged: export it again."},
        )


def sweep_temporary(out: Path) -> None:
    """Remove temporary files that a killed run left behind."""
    for leftover in out.rglob("tmp*.tmp"):
        leftover.unlink(missing_ok=True)


def _write_table(out: Path, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The table, also as ``import.csv``; text that a spreadsheet would take for a formula is prefixed there."""
    table = pd.DataFrame(list(rows)).reindex(columns=COLUMNS)
    safe = table.copy()
    for column in ("file", "subject", "trial", "reason", "output"):
        safe[column] = [f"'{text}" if isinstance(text, str) and text[:1] in "=+-@" else text for text in table[column]]
    handle, temporary = tempfile.mkstemp(prefix="tmp", suffix=".csv.tmp", dir=out)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            safe.to_csv(file, index=False)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(out / _TABLE)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return table
