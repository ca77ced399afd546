"""Command `kinesynth corpus origins`: from which files, by which method and with which warnings arrays were made."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap_import.command_end import check_place, stop

if TYPE_CHECKING:
    from synth.corpus.array_origin import ArrayOrigin

EXAMPLE = "Example: kinesynth corpus origins walking.h5 S01/walk_01"


def origins(
    file: Annotated[Path, typer.Argument(help="A corpus (.h5).")],
    trial: Annotated[str, typer.Argument(help="SUBJECT/TRIAL; without it, a line for each way of making.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Show the origin of every array of a trial: source files by SHA-256, method, parameters, versions, warnings."""
    from synth.corpus import Corpus, CorpusMismatch

    check_place(file, as_json)
    try:
        corpus = Corpus(file)
        if trial:
            subject, _, name = trial.partition("/")
            told = corpus.read(subject, name, clean=True).origins
            _show_trial(file, trial, told, as_json)
            return
        ways: Counter[tuple[str, str]] = Counter()
        n_warned = 0
        for key in corpus.trials():
            own = corpus.origins(*key)
            ways.update((array.partition("/")[0], origin.method) for origin in own for array in origin.arrays)
            n_warned += any(origin.warnings for origin in own)
    except CorpusMismatch as error:
        stop(str(error), as_json)
    n_trials = len(corpus.trials())
    if as_json:
        rows = [{"array": array, "method": method, "arrays": n} for (array, method), n in sorted(ways.items())]
        typer.echo(json.dumps({"file": str(file), "trials": n_trials, "warned": n_warned, "origins": rows}))
        return
    for (array, method), number in sorted(ways.items()):
        typer.echo(f"{array:16} {number:7d}  {method}")
    typer.echo(
        f"{file}: {n_trials} trials, {n_warned} with warnings; one trial: kinesynth corpus origins FILE S01/NAME"
    )


def _show_trial(file: Path, trial: str, told: tuple[ArrayOrigin, ...], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"file": str(file), "trial": trial, "origins": [asdict(origin) for origin in told]}))
        return
    for origin in told:
        typer.echo(f"{', '.join(origin.arrays)}: {origin.method}")
        for source in origin.sources:
            typer.echo(f"  from     {source.name}  {source.sha256 or 'without a hash'}")
        for word, facts in (("chosen", origin.parameters), ("found", origin.found), ("versions", origin.software)):
            if facts:
                typer.echo(f"  {word:8} {', '.join(f'{key} {_plain(value)}' for key, value in facts.items())}")
        for warning in origin.warnings:
            typer.echo(f"  warning  {warning}")
    typer.echo(f"{file}: {trial}, {len(told)} origins" + ("" if told else "; nothing says how it was made"))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
