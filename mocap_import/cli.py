"""Command `kinesynth import`."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import OneCommand, check_place, sentence_of, stop
from mocap_import.engine_option import EngineWord, Retry, Scheduler
from mocap_import.worker_environment import ONE_THREAD

if TYPE_CHECKING:
    import pandas as pd

import_app = typer.Typer(
    cls=OneCommand,
    help="Convert a folder of C3D files into trials.",
    add_completion=False,
    subcommand_metavar="",
    rich_markup_mode=None,
)
_SETTINGS = {"allow_interspersed_args": True}
_IMPORT_EXAMPLE = (
    "Example: kinesynth import recordings/ --out trials/ --participants subjects.csv --key key.csv. "
    "Exit code 0: all files accepted or repaired; 3: some refused; 4: none usable; 1: an error; 2: wrong usage; "
    "130: interrupted, the same command goes on."
)


@import_app.callback(invoke_without_command=True, context_settings=_SETTINGS, epilog=_IMPORT_EXAMPLE)
def import_archive(
    archive: Annotated[Path, typer.Argument(help="Folder with C3D files, at any depth; nothing in it is changed.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for trials and tables; running again goes on there.")],
    marker_set: Annotated[
        str | None, typer.Option("--marker-set", help="Shipped marker set or your own .toml; recognised if not given.")
    ] = None,
    participants: Annotated[
        Path | None,
        typer.Option("--participants", help="CSV: subject, mass_kg, height_m or height_cm, sex, age_yr."),
    ] = None,
    belt_speed: Annotated[
        float | None, typer.Option("--belt-speed", help="Treadmill speed in m/s; from file or feet if not given.")
    ] = None,
    axes: Annotated[
        str | None, typer.Option("--axes", help="Forward and up axes of the laboratory, e.g. +Y+Z; found if not given.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Unit of lengths: mm, cm or m; from the file if not given.")
    ] = None,
    reader: Annotated[str, typer.Option("--reader", help="direct, ezc3d or py-c3d.")] = "direct",
    emg: Annotated[bool, typer.Option("--emg", help="Add EMG envelopes to the trials.")] = False,
    codes: Annotated[
        str, typer.Option("--codes", help="new: S001, S002 ... and no names; keep: folder and file names are codes.")
    ] = "new",
    subject_folder: Annotated[
        int | None,
        typer.Option("--subject-folder", help="Which folder is the subject's: 1 the topmost; found if not given."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="CSV apart from OUT: who and which file is behind every code.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option("--quarantine", help="Folder apart from OUT for copies of refused files.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Put this archive beside another one's trials in OUT.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare contents, not only sizes and dates.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, help="Worker processes, default one a core; 0 works without any.")
    ] = None,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Convert every C3D file of an archive: labels, units, axes, gaps, force plates, events.

    Every file ends in one row of OUT/import.csv and OUT/import.html: accepted, repaired or refused, and why.
    """
    if workers == 0:
        _use_one_thread()
    asked = {
        **{"marker_set": marker_set, "participants": participants, "belt_speed": belt_speed, "unit": unit},
        **{"axes": axes, "reader": reader, "emg": emg, "codes": codes, "subject_folder": subject_folder, "key": key},
        **{"quarantine": quarantine, "add": add, "verify": verify, "retry": retry},
    }
    _check(archive, asked, as_json)
    n_workers = _cores() if workers is None else workers
    table = _converted(archive, out, asked, (n_workers, engine, scheduler), as_json)
    counts = _tell(archive, out, table, marker_set, as_json)
    raise typer.Exit(exit_code(counts["accepted"] + counts["repaired"], counts["refused"]))


def _check(archive: Path, asked: dict[str, Any], as_json: bool) -> None:
    """Wrong usage: no folder, or words that mean nothing."""
    from mocap_import.archive.plan import check_settings
    from mocap_import.marker.marker_set import load_marker_set
    from mocap_import.trial import TrialRefused

    check_place(archive, as_json)
    if archive.is_file():
        stop(
            f"{archive}: is a file, expected a folder; give the folder it lies in, or look at it alone with "
            "`kinesynth labels FILE`.",
            as_json,
            ExitCode.USAGE,
        )
    try:
        words = ("unit", "axes", "reader", "codes", "belt_speed", "subject_folder")
        check_settings(*(asked[word] for word in words))
        if asked["marker_set"] is not None:
            load_marker_set(asked["marker_set"])
    except TrialRefused as problem:
        stop(str(problem), as_json, ExitCode.USAGE)


def _converted(
    archive: Path, out: Path, asked: dict[str, Any], place: tuple[int, str, str], as_json: bool
) -> pd.DataFrame:
    """The table of the archive; `place` is workers, engine, scheduler. Ends the command where nothing can be made."""
    from mocap_import.archive.file import find_files
    from mocap_import.archive.run import convert_archive
    from mocap_import.engine import EngineFailed, open_engine
    from mocap_import.progress import track
    from mocap_import.trial import TrialRefused

    n_workers, engine, scheduler = place
    try:
        total = len(find_files(archive, out))
        with (
            open_engine(engine, n_workers=max(1, n_workers), scheduler=scheduler) as runner,
            track(total, "Importing", shown=False if as_json else None) as bar,
        ):
            where = None if engine == "local" else runner
            return convert_archive(archive, out, **asked, n_workers=n_workers, progress=bar, engine=where)
    except (TrialRefused, EngineFailed, OSError) as problem:
        stop(sentence_of(problem), as_json)
    except KeyboardInterrupt:
        stop(
            f"interrupted; the trials in {out} are complete, the same command goes on from there",
            as_json,
            ExitCode.INTERRUPTED,
        )


def _tell(archive: Path, out: Path, table: pd.DataFrame, marker_set: str | None, as_json: bool) -> dict[str, int]:
    """Print what came of every file; returns how many were accepted, repaired and refused."""
    from mocap_import.archive.file import lies_in
    from mocap_import.archive.set_label import labels_in_no_recording

    rows = json.loads(table.to_json(orient="records"))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("accepted", "repaired", "refused")}
    absent = labels_in_no_recording(marker_set, [out / row["output"] for row in rows if row["output"]])
    if as_json:
        told = {"gone": table.attrs["gone"], "labels_in_no_recording": absent}
        typer.echo(json.dumps({"files": len(rows), **counts, **told, "rows": rows}))
        return counts
    said = [_gone_words(file) for file in table.attrs["gone"]] + [*table.attrs["people"], *absent]
    if any(row["marker_set"] == "unknown" and row["n_markers"] for row in rows):
        said.append(f"no marker set explains some files: draft one with `kinesynth labels {archive} --draft lab.toml`")
    if lies_in(out, archive):
        said.append(f"{out} lies in the archive: it is never searched for recordings")
    _print_table(rows, counts, out, table.attrs["originals"], said)
    return counts


def _use_one_thread() -> None:
    """Numerical libraries that are not loaded yet use one thread, as in a worker process: more change last digits."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))


def _echo(line: str) -> None:
    """Print a line, with escapes for what is no text in a file's name."""
    typer.echo(line.encode("utf-8", "backslashreplace").decode())


def _gone_words(file: str) -> str:
    """That a file of an earlier run is no longer there."""
    return f"gone      {file}: no longer in the archive, its trial was removed"


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print_table(
    rows: list[dict[str, Any]], counts: dict[str, int], out: Path, originals: list[str], said: list[str]
) -> None:
    """One line a file with its place in the archive, which no product holds; refusals with reasons; the totals."""
    from mocap_import.quality.verdict import LEVELS

    for row, original in zip(rows, originals, strict=True):
        reason = row["reason"] if row["status"] == "refused" else ""
        named = original if original == row["file"] else f"{original} -> {row['file']}"
        line = f"{row['status']:9} {named}" + (f"\n          {reason}" if reason else "")
        _echo(line)
    for sentence in said:
        _echo(sentence)
    typer.echo(
        f"{len(rows)} files: "
        + ", ".join(f"{number} {status}" for status, number in counts.items())
        + f"; reasons in {out / 'import.csv'}"
    )
    verdicts = Counter(row["verdict"] for row in rows if row["status"] != "refused")
    if verdicts:
        typer.echo("verdicts: " + ", ".join(f"{verdicts[level]} {level}" for level in LEVELS))
