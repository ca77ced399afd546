"""Command `kinesynth corpus export`: a corpus in the formats of other programs."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop
from mocap_import.progress import ProgressBar

EXAMPLE = (
    "Example: kinesynth corpus export walking.h5 --to mot --to csv --out walking/. "
    "Exit code 0: all written; 3: some trials refused; 4: nothing to write; 1: an error; 2: wrong usage."
)


class Format(StrEnum):
    """What a corpus can be written as."""

    MOT = "mot"
    STO = "sto"
    TRC = "trc"
    CSV = "csv"
    PARQUET = "parquet"
    BIDS = "bids"


def export(
    corpus: Annotated[Path, typer.Argument(help="A corpus (.h5).")],
    to: Annotated[list[Format], typer.Option("--to", help="Format; may be given several times.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    subject: Annotated[list[str] | None, typer.Option("--subject", help="Only this subject; may be repeated.")] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Records as simulated, without the stored errors.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    name: Annotated[str, typer.Option("--name", help="BIDS: name of the data set; default that of the file.")] = "",
    author: Annotated[list[str] | None, typer.Option("--author", help="BIDS: an author; may be repeated.")] = None,
    licence: Annotated[str, typer.Option("--licence", help="BIDS: licence of the data set.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a corpus for other programs.

    mot: coordinates; sto: moments, forces and records; trc: virtual markers of the skeleton (all OpenSim); csv,
    parquet: tidy tables; bids: a Motion-BIDS data set, which needs an --out of its own.

    Inertial records carry the errors of the stored recipe unless --clean is given. Existing files are refused unless
    --overwrite is given. Every trial ends in a row: written, refused, or not applicable (no coordinates for .mot).
    """
    from synth.corpus.schema import CorpusMismatch
    from synth.exchange.bids_motion import write_bids
    from synth.exchange.corpus_files import export_corpus

    check_place(corpus, as_json)
    if Format.BIDS in to and set(to) != {Format.BIDS}:
        stop("--to bids is a data set of its own: export it alone, with another --out.", as_json, ExitCode.USAGE)
    if Format.BIDS not in to and (name or author or licence):
        stop("--name, --author and --licence belong to --to bids.", as_json, ExitCode.USAGE)
    shared = {"subjects": subject or (), "clean": clean, "overwrite": overwrite}
    try:
        with ProgressBar(None, "Exporting", shown=False if as_json else None) as bar:
            if Format.BIDS in to:
                said = {"name": name, "authors": author or (), "licence": licence}
                rows = write_bids(corpus, out, **said, **shared, progress=bar)
            else:
                rows = export_corpus(corpus, out, [str(form) for form in to], **shared, progress=bar)
    except (CorpusMismatch, OSError) as problem:
        stop(sentence_of(problem), as_json)
    report(rows.to_dict("records"), out, as_json)


def report(rows: list[dict], out: Path, as_json: bool, noun: str = "exports") -> None:
    """Print how every export or trial ended and leave with the exit code."""
    counts = {status: sum(row["status"] == status for row in rows) for status in ("written", "refused")}
    idle = len(rows) - sum(counts.values())
    if as_json:
        typer.echo(json.dumps(counts | {"not_applicable": idle, "rows": rows}))
    else:
        for row in rows:
            name = f"{row['subject']}/{row['trial']}" if row["trial"] else Path(row["files"][0]).name
            typer.echo(f"{row['status']:15}{row['format']:8}{name}" + (f": {row['reason']}" if row["reason"] else ""))
        other = f", {idle} not applicable" if idle else ""
        typer.echo(f"{len(rows)} {noun}: {counts['written']} written to {out}, {counts['refused']} refused{other}")
    code = exit_code(counts["written"], counts["refused"])
    raise typer.Exit(int(ExitCode.ERROR if not rows else code))


IMPORT_EXAMPLE = (
    "Example: kinesynth corpus import Subject1.b3d Subject2.b3d --out addbiomechanics.h5. "
    "Exit code 0: all trials written; 3: some refused; 1: an error; 2: wrong usage."
)


def import_b3d(
    files: Annotated[list[Path], typer.Argument(help="AddBiomechanics subjects (.b3d); file names become codes.")],
    out: Annotated[Path, typer.Option("--out", help="The corpus to write (.h5).")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a corpus that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Import AddBiomechanics subjects as a corpus of motion: coordinates, joint efforts and ground reactions."""
    from synth.corpus.schema import CorpusMismatch
    from synth.exchange.b3d_corpus import write_b3d_corpus

    for file in files:
        check_place(file, as_json)
    if out.exists() and not overwrite:
        stop(f"{out} exists; --overwrite replaces it, or choose another --out.", as_json)
    try:
        with ProgressBar(len(files), "Reading", shown=False if as_json else None) as bar:
            rows = write_b3d_corpus(files, out, progress=bar)
    except (CorpusMismatch, OSError) as problem:
        stop(sentence_of(problem), as_json)
    told = [row | {"format": "b3d", "files": [row["subject"]]} for row in rows.to_dict("records")]
    report(told, out, as_json, "trials")
