"""Commands of `synth`: ``kinesynth corpus`` (export: `exchange.command`), and ``kinesynth imu`` of `imu_command`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from mocap_import.batch import ExitCode
from synth.exchange import command as exchange
from synth.imu_command import imu_app

__all__ = ["corpus_app", "imu_app"]

corpus_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Look at a corpus, or check it.",
    epilog="Example: kinesynth corpus check walking.h5",
)
corpus_app.command(epilog=exchange.EXAMPLE)(exchange.export)
corpus_app.command("import", epilog=exchange.IMPORT_EXAMPLE)(exchange.import_b3d)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@corpus_app.command(epilog="Example: kinesynth corpus show walking.h5")
def show(file: Annotated[Path, typer.Argument(help="A corpus (.h5).")], as_json: AsJson = False) -> None:
    """Show what a corpus holds: role, versions, subjects and one row a trial."""
    import pandas as pd

    from synth.corpus import Corpus, CorpusMismatch
    from synth.corpus.table import print_table

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
        print_table(table, str(file))


@corpus_app.command(epilog="Example: kinesynth corpus check walking.h5")
def check(file: Annotated[Path, typer.Argument(help="A corpus (.h5).")], as_json: AsJson = False) -> None:
    """Check a corpus against its schema and for what is probably wrong; exit code 1 if there is an error."""
    from synth.corpus import check_corpus

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
