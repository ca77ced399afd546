"""Archive: a folder of C3D files and the trials made of it, one row of a table a file.

Every file ends accepted, repaired or refused, with the reason. What is done is kept in ``import.jsonl``, one line a
file, so that a run that was interrupted, or a second run after adding files, does only what is missing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.archive.duplicate import duplicate_facts
from mocap_import.archive.file import ArchiveFile, find_files
from mocap_import.archive.folder_lock import folder_lock
from mocap_import.archive.identity import Identity, Recording, assign, find_archive, load_identity
from mocap_import.archive.identity_key import write_key
from mocap_import.archive.journal import Journal
from mocap_import.archive.page import write_page
from mocap_import.archive.people import People, find_people, known_files, private_sentences, public_sentences
from mocap_import.archive.plan import plan_jobs
from mocap_import.archive.quarantine import copy_refused, write_quarantine
from mocap_import.archive.request import ArchiveRequest
from mocap_import.archive.session_fact import session_facts
from mocap_import.archive.settled_frame import settled_frames
from mocap_import.archive.table import COLUMNS, make_table, write_table
from mocap_import.archive.work import ArchiveRun, archive_workers, convert_jobs, not_written, refuse_entry
from mocap_import.durable_file import sweep_temporary, write_durably
from mocap_import.engine import Engine
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject

Progress = Callable[[dict[str, Any]], object]
_MOST_ROUNDS = 3
"""A trial that is told its axes may weigh another mass, which others must be told; there it ends."""
__all__ = ["COLUMNS", "convert_archive"]


def convert_archive(
    archive: Path,
    out: Path,
    *,
    marker_set: str | Path | None = None,
    participants: Path | None = None,
    belt_speed: float | None = None,
    unit: str | None = None,
    axes: str | None = None,
    reader: str = "direct",
    emg: bool = False,
    codes: str = "new",
    subject_folder: int | None = None,
    key: Path | None = None,
    quarantine: Path | None = None,
    add: bool = False,
    verify: bool = False,
    n_workers: int = 1,
    progress: Progress | None = None,
    engine: Engine | None = None,
    retry: bool = False,
) -> pd.DataFrame:
    """Convert every C3D file below a folder.

    Parameters
    ----------
    archive : Path
        Searched for ``*.c3d`` at any depth; nothing in it is changed.
    out : Path
        Receives ``<subject>/<trial>.trial.h5``, ``import.csv``, ``import.html``, ``quarantine/`` and the run's state.
    marker_set : str or Path, optional
        For all files; recognised file by file if not given.
    participants : Path, optional
        Table of subjects; ``participants.csv`` in the archive if it exists.
    belt_speed : float, optional
        Treadmill speed (m/s) of all treadmill trials.
    unit, axes, reader, emg
        As in `read_trial`, for all files.
    codes : str, default "new"
        ``"new"``: subjects are S001, S002 …, in the order of their names, except codes that the participants table
        lists; nothing of names and paths is written. ``"keep"``: folders and file names are codes already.
    subject_folder : int, optional
        Which folder is the subject's, counted from the archive, 1 the topmost; found if not given. Another number than
        in an earlier run gives every file its code anew.
    key : Path, optional
        Where to write which subject and file is behind every code; never in `out`.
    quarantine : Path, optional
        Folder apart that receives copies of refused files.
    add : bool, default False
        Let another archive's trials share the output folder.
    verify : bool, default False
        Compare the content of every file with that of the earlier run, not only its size and date.
    n_workers : int, default 1
        Worker processes, each with 4 GB and 10 s a file and 2 s a megabyte; 0 works in this process, without that
        protection, and to the last bit as they do only if numerical libraries use one thread here.
    progress : callable, optional
        Called with the row of every file as it is done.
    engine : Engine, optional
        Where files are converted, in the place of `n_workers` processes of this machine.
    retry : bool, default False
        Try files again whose reader crashed or ran out of time in two runs.

    Returns
    -------
    pandas.DataFrame
        One row a file in the order of names, columns `COLUMNS`; also in ``import.csv``. ``attrs["originals"]`` holds
        the place of every row's file in its archive, ``attrs["gone"]`` the files whose trials were removed because the
        archive no longer holds them, ``attrs["people"]`` sentences on who was found, with names.

    Raises
    ------
    TrialRefused
        No such folder, no C3D file in it, an unreadable participants table, an unknown marker set, or an output folder
        that belongs to something else.
    OSError
        The output cannot be written, e.g. a full disk; what was written before is intact.
    KeyboardInterrupt
        After saving the table of what was done so far.
    """
    request = ArchiveRequest(
        *(Path(archive), Path(out), marker_set, participants, belt_speed, unit, axes, reader, emg, codes),
        *(subject_folder, key, quarantine, add, verify, retry),
    )
    request.check()
    files = find_files(request.archive, request.out)
    if marker_set is not None:
        load_marker_set(marker_set)
    told = request.people_told()
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        with folder_lock(request.out), Journal(request.out) as journal, contextlib.ExitStack() as stack:
            return _convert_files(request, files, told, journal, stack, n_workers, engine, progress)
    except OSError as problem:
        if "intact" in str(problem):
            raise
        raise not_written(problem.filename or request.out, problem) from problem


def _convert_files(
    request: ArchiveRequest,
    files: Sequence[ArchiveFile],
    told: tuple[dict[str, Subject], list[str]],
    journal: Journal,
    stack: contextlib.ExitStack,
    n_workers: int,
    engine: Engine | None,
    progress: Progress | None,
) -> pd.DataFrame:
    """Name everybody, plan, convert, and write what was asked for beside the trials."""
    archive, out, (subjects, read_as) = request.archive, request.out, told
    identity = load_identity(out, request.codes)
    sweep_temporary(out)
    people, recordings, number = _named(request, files, subjects, identity, journal)
    jobs = plan_jobs(archive, recordings, subjects, request.settings(_own_set(request.marker_set, out)))
    if engine is not None:
        engine.check_shared(out, archive)
    n_own = min(n_workers, len(jobs)) if engine is None else 0
    workers = [stack.enter_context(worker) for worker in archive_workers(n_own)]
    said = (*public_sentences(people, recordings, subjects), *read_as)
    elsewhere = {"engine": engine, "retry": request.retry}
    run = ArchiveRun(archive, out, identity, journal, recordings, jobs, workers, request.verify, said, **elsewhere)
    # Arrow, in which pandas keeps text where it is installed, has no place for file names that are no text
    with pd.option_context("mode.string_storage", "python"):
        table = _convert(run, number, progress)
    table.attrs["people"] = [*private_sentences(people, recordings, subjects), *read_as]
    if request.key is not None:
        write_key(Path(request.key), recordings)
    if request.quarantine is not None:
        copy_refused(Path(request.quarantine), [(journal.rows[r.key], archive / r.file.relative) for r in recordings])
    return table


def _named(
    request: ArchiveRequest,
    files: Sequence[ArchiveFile],
    subjects: dict[str, Subject],
    identity: Identity,
    journal: Journal,
) -> tuple[People, list[Recording], int]:
    """Who is in the archive, the code of every file, and the archive's number in the folder; kept on the disk."""
    sizes = {name: row["size"] for name, row in journal.rows.items() if row.get("size")}
    number = find_archive(identity, request.archive, files, sizes, request.add)
    if identity.subject_folder.get(str(number)) != request.subject_folder:
        _forget_codes(identity, journal, request.out, number)
        identity.subject_folder[str(number)] = request.subject_folder
    known = () if request.key is not None or subjects else known_files(identity, number, files)
    people = find_people(request.archive, files, known, subjects, request.subject_folder)
    recordings = assign(identity, number, files, people.names, subjects)
    identity.save(request.out)
    return people, recordings, number


def _convert(run: ArchiveRun, number: int, progress: Progress | None) -> pd.DataFrame:
    """All rows, standing trials first: they tell the mass of subjects that no table knows."""
    rows: dict[str, dict[str, Any]] = {}

    def take(row: dict[str, Any], seen: bool = False) -> None:
        rows[row["key"]] = row
        if progress is not None and not seen:
            progress(row)

    gone: list[str] = []
    try:
        for recording in run.recordings:
            if recording.file.problem:
                take(refuse_entry(run, recording, recording.file.problem))
        known = {job.recording.key: run.journal.rows.get(job.recording.key, {}) for job in run.jobs}
        earlier = {k: row for k, row in known.items() if row.get("task") == "static" and row.get("status") != "refused"}
        for statics in (True, False):
            jobs = [job for job in run.jobs if job.is_static == statics]
            for row in convert_jobs(run, jobs, session_facts(run.jobs, earlier | rows)):
                take(row)
        # What some recordings can tell is known only now; those that it concerns are converted once more.
        for _ in range(_MOST_ROUNDS):
            told = _told(run, rows)
            late = [job for job in run.jobs if _is_news(rows[job.recording.key], told.get(job.recording.key, {}))]
            for row in convert_jobs(run, late, told, again=True):
                take(row, seen=True)
        gone = _remove_gone(run, number)
    except BaseException:
        # What stopped the run is what the caller must hear of, even if the table cannot be written either.
        with contextlib.suppress(OSError):
            _write_products(run, number, rows, gone)
        raise
    return _write_products(run, number, rows, gone)


def _told(run: ArchiveRun, rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the recordings tell each other of subjects and laboratories."""
    told = session_facts(run.jobs, rows)
    for found in (settled_frames(run.jobs, rows), duplicate_facts(rows)):
        for key, facts in found.items():
            told[key] = told.get(key, {}) | facts
    return told


def _is_news(row: dict[str, Any], told: dict[str, Any]) -> bool:
    """Whether a trial was told something else when it was made."""
    return row["status"] != "refused" and row.get("told", {}) != told


def _remove_gone(run: ArchiveRun, number: int) -> list[str]:
    """Remove the trials of files that the archive no longer holds; where a folder cannot be listed, none is gone."""
    if any(recording.file.is_folder for recording in run.recordings):
        return []
    present = {recording.key for recording in run.recordings}
    gone = []
    for name, row in list(run.journal.rows.items()):
        if name not in present and run.identity.files.get(name, ["?"])[0] == str(number):
            if row.get("output"):
                (run.out / row["output"]).unlink(missing_ok=True)
            run.journal.forget(name)
            gone.append(row["file"])
    return sorted(gone)


def _write_products(run: ArchiveRun, number: int, rows: dict[str, dict[str, Any]], gone: Sequence[str]) -> pd.DataFrame:
    """The table, its page and the quarantine; rows of other archives in the folder follow those of this one."""
    run.journal.sync()
    places = {recording.key: recording.file.relative.as_posix() for recording in run.recordings}
    ordered = [rows[key] for key in places if key in rows]
    others = [
        row for k, row in run.journal.rows.items() if run.identity.files.get(k, ["?"])[0] not in ("?", str(number))
    ]
    ordered += sorted(others, key=lambda row: row["file"])
    table = make_table(ordered)
    write_table(run.out, table)
    write_page(run.out, table, gone, run.people)
    write_quarantine(run.out, ordered)
    table.attrs["originals"] = [places.get(row["key"], row["file"]) for row in ordered]
    table.attrs["gone"] = list(gone)
    return table


def _forget_codes(identity: Identity, journal: Journal, out: Path, number: int) -> None:
    """Take the codes of an archive's files back: another folder is the subject's now."""
    for key in [key for key, (archive, *_) in identity.files.items() if archive == str(number)]:
        del identity.files[key]
        if key in journal.rows:
            if journal.rows[key].get("output"):
                trial = out / journal.rows[key]["output"]
                trial.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # not there, or other trials are in it
                    trial.parent.rmdir()
            journal.forget(key)


def _own_set(marker_set: str | Path | None, out: Path) -> str | None:
    """A laboratory's own marker set, copied beside the trials that it explains; a shipped one by its name."""
    marker_set = None if marker_set is None else str(marker_set)
    if marker_set is None or not marker_set.endswith(".toml"):
        return marker_set
    content = Path(marker_set).read_bytes()
    copy = out / "marker_set.toml"
    if not copy.is_file() or copy.read_bytes() != content:
        write_durably(copy, content)
    return str(copy)
