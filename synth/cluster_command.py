"""Command ``kinesynth corpus clusters``: segment poses and records of converted trials, without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop

EXAMPLE = (
    "Example: kinesynth import rbds_running/ --out trials/ && kinesynth corpus clusters trials/ running.h5. Exit code "
    "0: all trials used; 3: some refused; 4: none; 1: an error; 2: wrong usage."
)


def clusters(
    trials: Annotated[Path, typer.Argument(help="Folder of converted trials, each subject with a static one.")],
    out: Annotated[Path, typer.Argument(help="The corpus to write (.h5); a table (.csv) goes beside it.")],
    laboratory: Annotated[str, typer.Option(help="Its name, for joint trials.")] = "",
    cutoff: Annotated[float, typer.Option(min=1.0, help="Low-pass of the markers, Hz.")] = 10.0,
    noise: Annotated[float, typer.Option(min=0.0, help="Share of a channel's SD, in the stored recipe.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Of the recipe.")] = 0,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Keep long gaps as NaN.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a corpus that is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Make a corpus of segments with six degrees of freedom each, from marker clusters, for joint networks.

    A virtual sensor sits in the middle of each cluster. Clean records, poses and events of both legs are stored, with
    splits that leave one subject out; readers that ask for errors get the noise of the recipe.
    """
    from mocap_import.progress import track
    from synth.cluster_corpus import build_cluster_corpus
    from synth.corpus.schema import CorpusMismatch, NothingAccepted
    from synth.record_place import check_record_places

    check_place(trials, as_json)
    try:
        check_record_places([out, out.with_suffix(".csv")], (trials,), force=force)
    except ValueError as error:
        stop(str(error), as_json, ExitCode.USAGE)
    try:
        table = build_cluster_corpus(
            trials,
            out,
            laboratory=laboratory,
            cutoff=cutoff,
            noise_share=noise,
            seed=seed,
            allow_gaps=allow_gaps,
            progress=None if as_json else track,
        )
    except NothingAccepted as error:
        stop(str(error), as_json, ExitCode.NONE)
    except (CorpusMismatch, OSError) as error:
        stop(sentence_of(error), as_json)
    counts = {status: int(n) for status, n in table.status.value_counts().items()}
    if as_json:
        typer.echo(json.dumps({"corpus": str(out), "counts": counts}))
    else:
        for row in table[table.status.isin(["refused", "repaired"])].itertuples():
            typer.echo(f"{row.status}: {row.subject}/{row.trial}: {row.reason or row.repairs}", err=True)
        said = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
        typer.echo(f"{out}: {said}; see {out.with_suffix('.csv').name}")
    used = counts.get("accepted", 0) + counts.get("repaired", 0)
    raise typer.Exit(exit_code(used, counts.get("refused", 0)))
