"""Commands `kinesynth import` and `kinesynth labels`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mocap_import.batch import ExitCode, exit_code

import_app = typer.Typer(help="Convert a folder of C3D files into trials.", add_completion=False, subcommand_metavar="")
labels_app = typer.Typer(help="Show what the labels of a C3D file mean.", add_completion=False, subcommand_metavar="")
_SETTINGS = {"allow_interspersed_args": True}
_IMPORT_EXAMPLE = (
    "Example: kinesynth import recordings/ trials/ --participants subjects.csv --workers 2. "
    "Exit code 0: all files accepted or repaired; 3: some refused; 4: none usable; 1: an error, in one sentence."
)


@import_app.callback(invoke_without_command=True, context_settings=_SETTINGS, epilog=_IMPORT_EXAMPLE)
def import_archive(
    archive: Annotated[Path, typer.Argument(help="Folder with C3D files, at any depth.")],
    out: Annotated[Path, typer.Argument(help="Folder for the trials and import.csv; running again goes on there.")],
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
    workers: Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0 works without any.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Convert every C3D file of an archive: labels, units, axes, gaps, force plates, events.

    Every file ends in one row of OUT/import.csv: accepted, repaired or refused, and why.
    """
    from mocap_import.archive import convert_archive
    from mocap_import.progress import track
    from mocap_import.trial import TrialRefused

    total = sum(1 for path in archive.rglob("*") if path.suffix.lower() == ".c3d") if archive.is_dir() else 0
    try:
        with track(total, "Importing", shown=False if as_json else None) as bar:
            table = convert_archive(
                archive,
                out,
                marker_set=marker_set,
                participants=participants,
                belt_speed=belt_speed,
                n_workers=workers,
                progress=bar,
            )
    except (TrialRefused, OSError) as problem:
        _stop(_sentence(problem), as_json)
    except KeyboardInterrupt:
        _stop(
            f"interrupted; the trials in {out} are complete, the same command goes on from there",
            as_json,
            ExitCode.INTERRUPTED,
        )
    rows = json.loads(table.to_json(orient="records"))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("accepted", "repaired", "refused")}
    if as_json:
        typer.echo(json.dumps({"files": len(rows), **counts, "rows": rows}))
    else:
        _print_table(rows, counts, out)
    raise typer.Exit(exit_code(counts["accepted"] + counts["repaired"], counts["refused"]))


def _print_table(rows: list[dict[str, Any]], counts: dict[str, int], out: Path) -> None:
    """One line a file, refusals with their reason, and the totals."""
    for row in rows:
        reason = row["reason"] if row["status"] == "refused" else ""
        typer.echo(f"{row['status']:9} {row['file']}" + (f"\n          {reason}" if reason else ""))
    typer.echo(
        f"{len(rows)} files: "
        + ", ".join(f"{number} {status}" for status, number in counts.items())
        + f"; reasons in {out / 'import.csv'}"
    )


@labels_app.callback(
    invoke_without_command=True,
    context_settings=_SETTINGS,
    epilog="Example: kinesynth labels recordings/S01/walk_01.c3d --marker-set plug_in_gait",
)
def show_labels(
    file: Annotated[Path, typer.Argument(help="A C3D file.")],
    marker_set: Annotated[
        str | None, typer.Option("--marker-set", help="Shipped marker set or your own .toml; recognised if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the labels of a C3D file with what a marker set says of each; unknown ones are marked."""
    from mocap_import.c3d import read_c3d
    from mocap_import.marker_set import known_marker_sets, load_marker_set, recognise_marker_set
    from mocap_import.trial import TrialRefused

    try:
        raw = read_c3d(file)
        whole = load_marker_set(marker_set) if marker_set else recognise_marker_set(raw.labels)
    except (TrialRefused, OSError) as problem:
        _stop(_sentence(problem), as_json)
    meanings = {label: whole.meanings(label) if whole else [] for label in raw.labels}
    name = whole.name if whole else "unknown"
    if as_json:
        typer.echo(json.dumps({"marker_set": name, "labels": meanings, "model_outputs": list(raw.model_outputs)}))
        return
    typer.echo(f"marker set: {name}" + ("" if whole else f" (shipped: {', '.join(known_marker_sets())})"))
    for label, meaning in meanings.items():
        typer.echo(f"  {label:24} {', '.join(meaning) or 'unknown'}")
    unknown = [label for label, meaning in meanings.items() if not meaning]
    typer.echo(f"{len(meanings)} labels, {len(unknown)} unknown; {len(raw.model_outputs)} model outputs kept apart")


def _sentence(problem: Exception) -> str:
    """What went wrong, without the number that operating systems put first."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return str(problem)


def _stop(sentence: str, as_json: bool, code: int = ExitCode.ERROR) -> NoReturn:
    """One sentence and an exit code, no traceback."""
    if as_json:
        typer.echo(json.dumps({"error": sentence}))
    else:
        print(f"error: {sentence}", file=sys.stderr)
    raise typer.Exit(code)
