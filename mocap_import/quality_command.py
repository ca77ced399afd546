"""Command `kinesynth quality`: what the trials of an import are worth."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import exit_code
from mocap_import.command_end import check_place, sentence_of, stop

quality_app = typer.Typer(
    help="Judge imported trials, in numbers and pictures.",
    add_completion=False,
    subcommand_metavar="",
    rich_markup_mode=None,
)
_EXAMPLE = (
    "Example: kinesynth quality trials/. Exit code 0: every trial is good, usable or doubtful; 3: some are unusable or "
    "cannot be read; 4: all are; 1: an error; 2: wrong usage."
)


@quality_app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True}, epilog=_EXAMPLE)
def judge_trials(
    trials: Annotated[Path, typer.Argument(help="Folder of `kinesynth import`.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the results; TRIALS if not given.")] = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Write pages with pictures.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print verdicts as JSON.")] = False,
) -> None:
    """Judge every trial: gaps, noise, rigidity, events, cycles, plates, speed; one verdict with its reasons.

    Writes quality.json, quality.csv and quality.html (with one page a subject in quality/).
    """
    from mocap_import.progress import track
    from mocap_import.quality.page import write_quality
    from mocap_import.quality.verdict import LEVELS
    from mocap_import.trial import TrialRefused

    check_place(trials, as_json)
    total = sum(1 for _ in trials.rglob("*.trial.h5")) if trials.is_dir() else 0
    try:
        with track(total, "Judging", shown=False if as_json else None) as bar:
            qualities, unread = write_quality(trials, out, page=page, progress=bar.advance)
    except (TrialRefused, OSError) as problem:
        stop(sentence_of(problem), as_json)
    counts = Counter(quality.verdict for quality in qualities)
    if as_json:
        rows = [
            {"subject": q.subject, "trial": q.trial, "verdict": q.verdict, "reasons": list(q.reasons)}
            for q in qualities
        ]
        answer = {"trials": rows, **{level: counts[level] for level in LEVELS}}
        typer.echo(json.dumps(answer | {"unread": [{"file": name, "reason": why} for name, why in unread]}))
    else:
        for quality in qualities:
            typer.echo(f"{quality.verdict:9} {quality.subject} {quality.trial}  {', '.join(quality.reasons)}")
        for name, reason in unread:
            typer.echo(f"unread    {name}: {reason}")
        verdicts = ", ".join(f"{counts[level]} {level}" for level in LEVELS)
        typer.echo(f"{len(qualities)} trials: {verdicts}; pages and numbers in {out or trials}")
    refused = counts["unusable"] + len(unread)
    raise typer.Exit(exit_code(len(qualities) - counts["unusable"], refused))
