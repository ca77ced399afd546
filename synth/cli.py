"""Commands of `synth`: ``kinesynth corpus`` (export: `exchange.command`), and ``kinesynth imu`` of `imu_command`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from mocap_import.batch import ExitCode
from synth.cluster_command import EXAMPLE as CLUSTERS_EXAMPLE
from synth.cluster_command import clusters
from synth.exchange import command as exchange
from synth.imu_command import imu_app
from synth.recipe_command import build, recipe
from synth.stride_command import EXAMPLE as STRIDES_EXAMPLE
from synth.stride_command import strides

__all__ = ["corpus_app", "imu_app"]

corpus_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Look at a corpus, check it, split it, make it again, bring it up to date, or write it in other formats.",
    epilog="Example: kinesynth corpus check walking.h5",
)
corpus_app.command(epilog=exchange.EXAMPLE)(exchange.export)
corpus_app.command("import", epilog=exchange.IMPORT_EXAMPLE)(exchange.import_b3d)
corpus_app.command(epilog=STRIDES_EXAMPLE)(strides)
corpus_app.command(epilog=CLUSTERS_EXAMPLE)(clusters)

corpus_app.command(epilog="Example: kinesynth corpus recipe walking.h5 --out walking.json")(recipe)
corpus_app.command(
    epilog="Example: kinesynth corpus build walking.json --trials trials/ --motion motion/ --out again.h5"
)(build)

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


@corpus_app.command(epilog="Example: kinesynth corpus migrate old.h5 new.h5")
def migrate(
    old: Annotated[Path, typer.Argument(help="A corpus of an older schema version.")],
    new: Annotated[Path, typer.Argument(help="The corpus to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a corpus of an older schema version anew; older ones are read as they are, too."""
    from synth.corpus import Corpus, CorpusMismatch, migrate_corpus
    from synth.corpus.schema import SCHEMA_VERSION

    try:
        n_trials, version = migrate_corpus(old, new), Corpus(old).version
    except CorpusMismatch as error:
        _fail(str(error), as_json)
    if as_json:
        typer.echo(json.dumps({"file": str(new), "trials": n_trials, "from": version, "to": SCHEMA_VERSION}))
    else:
        typer.echo(f"{new}: {n_trials} trials from schema version {version} to {SCHEMA_VERSION}")


@corpus_app.command(epilog="Example: kinesynth corpus schema > corpus_schema.json")
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="Nothing more: the schema is JSON anyway.")] = False,
) -> None:
    """Print the schema of a corpus as JSON: every group, array and attribute, with type, shape, unit and frame."""
    del as_json
    from synth.corpus.layout_text import schema_json

    typer.echo(schema_json(), nl=False)


@corpus_app.command(epilog="Example: kinesynth corpus split all.h5 --by nested --sizes 5,10,20 --test-subjects 8")
def split(
    file: Annotated[Path, typer.Argument(help="A corpus (.h5).")],
    by: Annotated[str, typer.Option(help="leave-one-out, k-fold or nested (for learning curves).")] = "leave-one-out",
    k: Annotated[int, typer.Option("--k", help="Number of folds.")] = 5,
    validation: Annotated[int, typer.Option(help="Validation subjects; with k-fold, 1 uses the next fold.")] = 0,
    sizes: Annotated[str, typer.Option(help="Training subjects of nested splits, as 5,10,20.")] = "",
    test: Annotated[str, typer.Option(help="Test subjects of nested splits, by code, as S03,S07.")] = "",
    test_subjects: Annotated[int, typer.Option(help="How many test subjects of nested splits to draw.")] = 0,
    stratify: Annotated[str, typer.Option(help="Facts to spread evenly: sex, mass, height, age.")] = "",
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    add: Annotated[bool, typer.Option("--add", help="Keep the stored splits of other names.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write another file; by default into FILE itself.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make subject splits and store them in a corpus; nobody is ever on two sides of one."""
    from synth.corpus import Corpus, CorpusMismatch
    from synth.corpus.stored_split import make_splits, store_splits

    try:
        made = make_splits(
            Corpus(file),
            by,
            k=k,
            n_validation=validation,
            sizes=[int(size) for size in _listed(sizes)],
            test=_listed(test),
            n_test=test_subjects,
            facts=_listed(stratify),
            seed=seed,
        )
        stored = store_splits(file, out or file, made, keep=add)
    except ValueError:
        _fail(f"--sizes {sizes!r}: expected whole numbers with commas, as 5,10,20.", as_json, ExitCode.USAGE)
    except CorpusMismatch as error:
        _fail(str(error), as_json)
    if as_json:
        typer.echo(json.dumps({"file": str(out or file), "splits": [each.as_dict() for each in stored]}))
        return
    for each in stored:
        typer.echo(f"{each.name}: train {len(each.train)}, validation {len(each.validation)}, test {len(each.test)}")
    typer.echo(f"{out or file}: {len(stored)} splits stored")


@corpus_app.command(epilog="Example: kinesynth corpus sheet walking.h5")
def sheet(
    file: Annotated[Path, typer.Argument(help="A corpus (.h5).")],
    out: Annotated[Path | None, typer.Option(help="The page; by default FILE_sheet.html beside it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the datasheet of a corpus: who, how much, how made, what is missing, what was refused; one HTML page."""
    from synth.corpus import CorpusMismatch
    from synth.corpus.corpus_facts import corpus_facts
    from synth.corpus.datasheet import write_datasheet

    try:
        if as_json:
            typer.echo(json.dumps(corpus_facts(file)))
        else:
            typer.echo(f"{write_datasheet(file, out)}: the datasheet of {file}")
    except CorpusMismatch as error:
        _fail(str(error), as_json)


def _listed(text: str) -> list[str]:
    """Words of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _fail(reason: str, as_json: bool, code: ExitCode = ExitCode.ERROR) -> NoReturn:
    """End the command with one sentence."""
    typer.echo(json.dumps({"error": reason}) if as_json else f"Error: {reason}", err=not as_json)
    raise typer.Exit(int(code))
