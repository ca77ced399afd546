"""Commands of `synth`: ``kinesynth imu`` and ``kinesynth corpus``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NoReturn

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from mocap_import.batch import ExitCode, exit_code
from mocap_import.progress import track
from synth.corpus import Corpus, CorpusMismatch, ImuErrors, check_corpus
from synth.corpus_schema import NothingAccepted
from synth.measured_trial import CUTOFFS
from synth.motion_corpus import build_motion_corpus

imu_app = typer.Typer(add_completion=False, rich_markup_mode=None)
corpus_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Look at a corpus, or check it.",
    epilog="Example: kinesynth corpus check walking.h5",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@imu_app.command(epilog="Example: kinesynth imu trials/ motion/ walking.h5 --noise 0.15 --misalignment 13.5 --seed 7")
def imu(
    trials: Annotated[Path, typer.Argument(help="Folder written by `kinesynth import`.")],
    motion: Annotated[Path, typer.Argument(help="Folder written by `kinesynth motion`.")],
    out: Annotated[Path, typer.Argument(help="The corpus to write (.h5).")],
    noise: Annotated[float, typer.Option(min=0.0, help="SD of white noise as a share of each channel's SD.")] = 0.15,
    misalignment: Annotated[float, typer.Option(min=0.0, help="SD (deg) of the misalignment angle.")] = 13.5,
    seed: Annotated[int, typer.Option(min=0, help="Root of all random draws, stored in the corpus.")] = 7,
    source: Annotated[str, typer.Option(help="cluster, model or both (cluster where there is one).")] = "both",
    method: Annotated[str, typer.Option(help="central_difference or spline.")] = "central_difference",
    as_json: AsJson = False,
) -> None:
    """Simulate seven inertial sensors on every trial and write one corpus.

    Clean records are stored once, with the recipe of noise and misalignment that every reader applies. Motion is
    low-passed per segment before differentiation: pelvis, thighs and shanks at 10 Hz, feet at 15 Hz.
    """
    try:
        errors = ImuErrors(noise_share=noise, misalignment_deg=misalignment, seed=seed)
    except ValueError as error:
        _fail(str(error), as_json, ExitCode.USAGE)
    try:
        rows = build_motion_corpus(
            trials,
            motion,
            out,
            errors=errors,
            source=source,
            method=method,
            progress=None if as_json else track,
        )
    except NothingAccepted as error:
        _fail(str(error), as_json, ExitCode.NONE)
    except CorpusMismatch as error:
        _fail(str(error), as_json)
    counts = {status: int(n) for status, n in rows["status"].value_counts().items()}
    refused = counts.get("refused", 0)
    if as_json:
        table = json.loads(rows.to_json(orient="records"))
        typer.echo(json.dumps({"corpus": str(out), "counts": counts, "cutoffs_hz": CUTOFFS, "trials": table}))
    else:
        _show(rows[["subject", "trial", "status", "n_frames", "rate", "reason"]], str(out))
        cutoffs = ", ".join(f"{segment} {hertz:g}" for segment, hertz in CUTOFFS.items())
        typer.echo(f"Low-pass cut-offs (Hz): {cutoffs}")
        typer.echo(f"{out}: {', '.join(f'{n} {status}' for status, n in sorted(counts.items()))}")
    raise typer.Exit(exit_code(counts.get("accepted", 0) + counts.get("repaired", 0), refused))


@corpus_app.command(epilog="Example: kinesynth corpus show walking.h5")
def show(file: Annotated[Path, typer.Argument(help="A corpus (.h5).")], as_json: AsJson = False) -> None:
    """Show what a corpus holds: role, versions, subjects and one row a trial."""
    try:
        corpus = Corpus(file)
        rows, people = corpus.summary(), corpus.subjects()
    except CorpusMismatch as error:
        _fail(str(error), as_json)
    if as_json:
        facts = {"file": str(file), "role": corpus.role, "provenance": json.loads(corpus.provenance.to_json())}
        facts["subjects"] = [{k: None if v != v else v for k, v in vars(person).items()} for person in people]
        typer.echo(json.dumps(facts | {"splits": [split.as_dict() for split in corpus.splits], "trials": rows}))
        return
    made_by = ", ".join(f"{name} {version}" for name, version in sorted(corpus.provenance.versions.items()))
    typer.echo(f"{file}: role {corpus.role}, {len(people)} subjects, {len(rows)} trials; {made_by}")
    table = pd.DataFrame(rows)
    if len(table):
        table["sensors"] = table["sensors"].map(len)
        _show(table, str(file))


@corpus_app.command(epilog="Example: kinesynth corpus check walking.h5")
def check(file: Annotated[Path, typer.Argument(help="A corpus (.h5).")], as_json: AsJson = False) -> None:
    """Check a corpus against its schema and for what is probably wrong; exit code 1 if there is an error."""
    findings = check_corpus(file)
    n_errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "errors": n_errors, "findings": [vars(f) for f in findings]}))
    else:
        for finding in findings:
            typer.echo(f"{finding.level}: {finding.where + ': ' if finding.where else ''}{finding.what}")
        typer.echo(f"{file}: {n_errors} errors, {len(findings) - n_errors} warnings")
    raise typer.Exit(int(ExitCode.ERROR) if n_errors else int(ExitCode.ALL))


def _fail(reason: str, as_json: bool, code: ExitCode = ExitCode.ERROR) -> NoReturn:
    """End the command with one sentence."""
    typer.echo(json.dumps({"error": reason}) if as_json else f"Error: {reason}", err=not as_json)
    raise typer.Exit(int(code))


def _show(rows: pd.DataFrame, title: str) -> None:
    table = Table(title=title)
    for column in rows.columns:
        table.add_column(str(column))
    for row in rows.itertuples(index=False):
        table.add_row(*("" if value is None or value != value else str(value) for value in row))
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to break lines at
        console = Console(width=240)
    console.print(table)
