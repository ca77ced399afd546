"""Command ``kinesynth corpus strides``: a corpus of running from tables of joint angles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop

EXAMPLE = (
    "Example: kinesynth corpus strides bmc_ric_running/ running.h5 --seed 7. Exit code 0: all runners used; 3: some "
    "refused; 4: none; 1: an error; 2: wrong usage."
)


def strides(
    folder: Annotated[Path, typer.Argument(help="Folder of gGGsSS.tsv and metadata.tsv.")],
    out: Annotated[Path, typer.Argument(help="The corpus to write (.h5); a table (.csv) goes beside it.")],
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    rate: Annotated[float, typer.Option(help="Hz of the records.")] = 200.0,
    noise: Annotated[float, typer.Option(min=0.0, help="Share of a channel's SD, in the stored recipe.")] = 0.15,
    force: Annotated[bool, typer.Option("--force", help="Replace a corpus that is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Make a corpus of running: real joint angles of single strides, around them a pelvis and a body that are drawn.

    Records are stored clean; readers that ask for errors get the noise of the recipe. Splits are stored: five folds
    over all runners, and each laboratory against the other. The table says of every runner what was used.
    """
    from mocap_import.progress import track
    from synth.corpus.schema import CorpusMismatch, NothingAccepted
    from synth.record_place import check_record_places
    from synth.strides.stride_corpus import CAPTION, build_stride_corpus

    check_place(folder, as_json)
    try:
        check_record_places([out, out.with_suffix(".csv")], (folder,), force=force)
    except ValueError as error:
        stop(str(error), as_json, ExitCode.USAGE)
    try:
        table = build_stride_corpus(
            folder, out, seed=seed, rate=rate, noise_share=noise, progress=None if as_json else track
        )
    except NothingAccepted as error:
        stop(str(error), as_json, ExitCode.NONE)
    except (CorpusMismatch, OSError) as error:
        stop(sentence_of(error), as_json)
    used = table[table.status == "accepted"]
    counts = {
        "runners": len(used),
        "refused": len(table) - len(used),
        "trials": int(used.trials.sum()),
        "strides": int((used.strides - used.rejected - used.short).sum()),
        "strides_rejected": int(table.rejected.sum()),
        "strides_alone": int(table.short.sum()),
        "minutes": round(float(used.seconds.sum()) / 60.0, 2),
    }
    if as_json:
        typer.echo(json.dumps({"corpus": str(out), "caption": CAPTION} | counts))
    else:
        for row in table[table.status != "accepted"].itertuples():
            typer.echo(f"refused: {row.subject}: {row.reason}", err=True)
        typer.echo(
            f"{out}: {counts['runners']} runners, {counts['strides']} strides in {counts['trials']} trials, "
            f"{counts['minutes']:g} minutes; {counts['strides_rejected']} strides rejected, {counts['strides_alone']} "
            f"without a good neighbour, see {out.with_suffix('.csv').name}\n{CAPTION}"
        )
    raise typer.Exit(exit_code(len(used), counts["refused"]))
