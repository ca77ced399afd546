"""Command `kinesynth export`: trials in the formats of other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import exit_code
from mocap_import.command_end import check_place, sentence_of, stop

if TYPE_CHECKING:
    from mocap_import.trial import MarkerTrial

export_app = typer.Typer(
    help="Write trials as .trc, .mot, CSV or C3D.", add_completion=False, subcommand_metavar="", rich_markup_mode=None
)
_EXAMPLE = (
    "Example: kinesynth export trials/ --to trc --to mot --out opensim/. "
    "Exit code 0: all written; 3: some refused; 4: none; 1: an error; 2: wrong usage."
)
_SUFFIX = ".trial.h5"
_NOT_APPLICABLE = "not applicable"
"""There is nothing to write, and nothing wrong: forces of a trial without plates."""


class Format(StrEnum):
    """What a trial can be written as."""

    TRC = "trc"
    MOT = "mot"
    CSV = "csv"
    C3D = "c3d"


@export_app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True}, epilog=_EXAMPLE)
def export_trials(
    trials: Annotated[Path, typer.Argument(help="A trial (.trial.h5), or a folder of trials at any depth.")],
    to: Annotated[list[Format], typer.Option("--to", help="Format; may be given several times.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; the trials' sub-folders are kept.")],
    subject: Annotated[str | None, typer.Option("--subject", help="Only the trials of this subject.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write trials in the formats of other programs: markers (.trc), ground reactions (.mot with .xml), CSV, C3D.

    Existing files are refused unless --overwrite is given. Every trial and format ends in one row: written,
    refused, or not applicable (.mot of a trial without force plates), which is no failure.
    """
    from mocap_import.trial import TrialRefused

    check_place(trials, as_json)
    try:
        found = find_trials(trials)
    except (TrialRefused, OSError) as problem:
        stop(sentence_of(problem), as_json)
    root = trials if trials.is_dir() else trials.parent
    rows: list[dict[str, Any]] = []
    for path in found:
        rows += _exported(path, out / path.relative_to(root).parent, to, subject, overwrite)
    if subject is not None and not rows:
        stop(f"{trials}: no trial of subject {subject!r}; check the code (column subject of import.csv)", as_json)
    counts = {
        status: sum(row["status"] == status for row in rows) for status in ("written", "refused", _NOT_APPLICABLE)
    }
    written, refused = counts["written"], counts["refused"]
    if as_json:
        typer.echo(json.dumps({status.replace(" ", "_"): number for status, number in counts.items()} | {"rows": rows}))
    else:
        for row in rows:
            typer.echo(
                f"{row['status']:15}{row['format']:5}{row['trial']}" + (f": {row['reason']}" if row["reason"] else "")
            )
        other = f", {counts[_NOT_APPLICABLE]} {_NOT_APPLICABLE}" if counts[_NOT_APPLICABLE] else ""
        typer.echo(f"{len(rows)} exports: {written} written to {out}, {refused} refused{other}")
    raise typer.Exit(exit_code(written, refused))


def find_trials(place: Path) -> list[Path]:
    """Trial files of a folder in the order of names, or the one file.

    Raises
    ------
    TrialRefused
        There is none.
    """
    from mocap_import.trial import TrialRefused

    if place.is_file():
        return [place]
    found = sorted(place.rglob(f"*{_SUFFIX}")) if place.is_dir() else []
    if not found:
        raise TrialRefused(f"{place}: expected trials (*{_SUFFIX}) made by `kinesynth import`; found none.")
    return found


def _exported(
    path: Path, folder: Path, formats: list[Format], subject: str | None, overwrite: bool
) -> list[dict[str, Any]]:
    """One row for each format of one trial; none if it is another subject's."""
    from mocap_import.trial import TrialRefused
    from mocap_import.trial_store import load_trial

    name = path.name.removesuffix(_SUFFIX)
    try:
        trial = load_trial(path)
    except (TrialRefused, OSError) as problem:
        refusal = {"status": "refused", "reason": sentence_of(problem), "files": []}
        return [{"trial": str(path), "format": str(form)} | refusal for form in formats]
    if subject is not None and trial.subject.code != subject:
        return []
    rows = []
    for form in formats:
        row: dict[str, Any] = {"trial": str(path), "format": str(form), "status": "written", "reason": "", "files": []}
        if form is Format.MOT and not trial.ground_reactions:
            rows.append(row | {"status": _NOT_APPLICABLE, "reason": "the trial holds no force plates"})
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            present = [] if overwrite else [file for file in _targets(folder, name, form) if file.exists()]
            if present:
                raise TrialRefused(f"{present[0]} exists; --overwrite replaces it")
            files, notes = _WRITERS[form](folder / name, trial)
            row |= {"files": [str(file) for file in files], "reason": "; ".join(notes)}
        except (TrialRefused, OSError) as problem:
            row |= {"status": "refused", "reason": sentence_of(problem)}
        rows.append(row)
    return rows


def _targets(folder: Path, name: str, form: Format) -> list[Path]:
    """Files that an export may write."""
    from mocap_import.export.trial_table import TABLES

    if form is Format.CSV:
        return [folder / f"{name}_{table}.csv" for table in TABLES]
    return [folder / f"{name}.{suffix}" for suffix in (("mot", "xml") if form is Format.MOT else (str(form),))]


def _write_trc(stem: Path, trial: MarkerTrial) -> tuple[list[Path], list[str]]:
    from mocap_import.export.trc import write_trc

    path = stem.with_name(f"{stem.name}.trc")
    write_trc(path, trial)
    return [path], []


def _write_mot(stem: Path, trial: MarkerTrial) -> tuple[list[Path], list[str]]:
    from mocap_import.export.external_load import write_external_loads

    path = stem.with_name(f"{stem.name}.mot")
    notes = write_external_loads(path, trial)
    return [path, path.with_suffix(".xml")], [note.detail for note in notes]


def _write_csv(stem: Path, trial: MarkerTrial) -> tuple[list[Path], list[str]]:
    from mocap_import.export.trial_table import write_trial_tables

    return write_trial_tables(stem, trial), []


def _write_c3d(stem: Path, trial: MarkerTrial) -> tuple[list[Path], list[str]]:
    from mocap_import.export.clean_c3d import write_clean_c3d

    path = stem.with_name(f"{stem.name}.c3d")
    notes = write_clean_c3d(path, trial)
    return [path], [note.detail for note in notes]


_WRITERS: dict[Format, Callable[[Path, MarkerTrial], tuple[list[Path], list[str]]]] = {
    Format.TRC: _write_trc,
    Format.MOT: _write_mot,
    Format.CSV: _write_csv,
    Format.C3D: _write_c3d,
}
