"""Command `kinesynth labels`: what the labels of a file or an archive mean, and a draft for a set nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop

if TYPE_CHECKING:
    from mocap_import.archive.label_survey import LabelSurvey

labels_app = typer.Typer(
    help="Show what the labels of C3D files mean; draft a marker set.",
    add_completion=False,
    subcommand_metavar="",
    rich_markup_mode=None,
)
_EXAMPLE = (
    "Example: kinesynth labels recordings/ --draft lab.toml. For a laboratory whose marker set is not known: "
    "correct lab.toml, then give it to kinesynth import (--marker-set lab.toml). "
    "Exit code 0: all files read; 3: some not; 4: none; 1: an error; 2: wrong usage."
)


@labels_app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True}, epilog=_EXAMPLE)
def show_labels(
    source: Annotated[
        Path, typer.Argument(metavar="ARCHIVE|FILE", help="A C3D file, or a folder of them at any depth.")
    ],
    marker_set: Annotated[
        str | None, typer.Option("--marker-set", help="Shipped marker set or your own .toml; recognised if not given.")
    ] = None,
    draft: Annotated[
        Path | None, typer.Option("--draft", help="Write a marker set for labels nobody knows to this .toml.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Read every file of a folder, not a sample of 60.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0 works without any.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List labels with what a marker set says of each; unknown ones are marked, and a draft says what they may be."""
    from mocap_import.archive.file import find_files
    from mocap_import.archive.label_survey import LabelSurvey, read_file_labels, survey_labels
    from mocap_import.marker.marker_set import load_marker_set
    from mocap_import.progress import track
    from mocap_import.trial import TrialRefused

    check_place(source, as_json)
    if draft is not None:
        _check_draft(draft, as_json)
    try:
        asked = load_marker_set(marker_set) if marker_set else None
    except TrialRefused as problem:
        stop(str(problem), as_json, ExitCode.USAGE)
    try:
        if source.is_dir():
            sample = None if every else 60
            found = len(find_files(source))
            with track(min(found, sample or found), "Reading labels", shown=False if as_json else None) as bar:
                survey = survey_labels(
                    source,
                    marker_set=marker_set,
                    sample=sample,
                    n_workers=workers,
                    progress=bar,
                )
        else:
            survey = LabelSurvey((read_file_labels(str(source), source.name, marker_set),), 1, asked)
            if survey.files[0].refused:
                stop(survey.files[0].refused, as_json, ExitCode.NONE)
    except (TrialRefused, OSError) as problem:
        stop(sentence_of(problem), as_json)
    except KeyboardInterrupt:
        stop("interrupted; nothing was written", as_json, ExitCode.INTERRUPTED)
    written = _write_draft(survey, draft, as_json) if draft is not None else None
    if as_json:
        typer.echo(json.dumps(_summary(survey, source, written)))
    elif source.is_dir():
        _print_survey(survey)
    else:
        _print_file(survey)
    if draft is not None and not as_json:
        _print_draft(draft, written, any(entry.labels for entry in survey.read))
    if source.is_dir():
        raise typer.Exit(exit_code(len(survey.read), len(survey.files) - len(survey.read)))


def _check_draft(draft: Path, as_json: bool) -> None:
    """A draft never overwrites: the file there may be the one a person has corrected."""
    if draft.suffix.lower() != ".toml":
        stop(f"{draft}: a marker set is a .toml file; give a name that ends in .toml.", as_json, ExitCode.USAGE)
    if draft.exists():
        stop(f"{draft}: exists and may hold your corrections; give another name.", as_json, ExitCode.USAGE)
    if not draft.parent.is_dir():
        stop(f"{draft}: no such folder {draft.parent}; make it first.", as_json, ExitCode.USAGE)


def _write_draft(survey: LabelSurvey, draft: Path, as_json: bool) -> dict[str, Any] | None:
    """Write the draft; None if every file is of a known set."""
    from mocap_import.durable_file import write_durably
    from mocap_import.marker.draft import draft_toml
    from mocap_import.marker.marker_set import parse_marker_set

    found = survey.proposal(draft.stem)
    if found is None:
        return None
    proposal, count = found
    text = draft_toml(proposal, count)
    parse_marker_set(text, draft.name)
    try:
        write_durably(draft, text)
    except OSError as problem:
        stop(sentence_of(problem), as_json)
    return {
        "file": str(draft),
        "landmarks": len(proposal.marker_set.landmarks),
        "check": sorted(proposal.to_check),
        "unmapped": list(proposal.unmapped),
        "recordings": count,
    }


def _summary(survey: LabelSurvey, source: Path, written: dict[str, Any] | None) -> dict[str, Any]:
    """The JSON answer."""
    meanings = survey.meanings()
    if not source.is_dir():
        entry = survey.files[0]
        return {"marker_set": entry.marker_set, "labels": meanings, "model_outputs": list(entry.model_outputs)} | (
            {"draft": written} if written else {}
        )
    return {
        "files": survey.n_found,
        "read": len(survey.read),
        "marker_sets": dict(survey.sets),
        "labels": {label: {"files": n, "meaning": meanings[label]} for label, n in survey.counts.items()},
        "file_sets": {entry.file: entry.marker_set for entry in survey.read},
        "refused": {entry.file: entry.refused for entry in survey.files if entry.refused},
        "draft": written,
    }


def _print_file(survey: LabelSurvey) -> None:
    """Labels of one file with their meaning."""
    entry = survey.files[0]
    if not entry.labels:
        typer.echo(f"no labelled markers; {len(entry.model_outputs)} model outputs kept apart")
        return
    typer.echo(f"marker set: {entry.marker_set}" + _nearest(entry.labels, entry.marker_set))
    meanings = survey.meanings()
    for label, words in meanings.items():
        typer.echo(f"  {label:24} {', '.join(words) or 'unknown'}")
    unknown = sum(not words for words in meanings.values())
    typer.echo(f"{len(meanings)} labels, {unknown} unknown; {len(entry.model_outputs)} model outputs kept apart")


def _print_survey(survey: LabelSurvey) -> None:
    """Labels of an archive, most frequent first, the sets and what could not be read."""
    meanings, n_read = survey.meanings(), len(survey.read)
    typer.echo(f"{'label':28} {'files':>7}  meaning")
    for label, count in survey.counts.most_common():
        typer.echo(f"{label:28} {count:>7}  {', '.join(meanings[label]) or 'unknown'}")
    without = [entry.file for entry in survey.read if not entry.labels]
    for name in survey.sets:
        files = [entry for entry in survey.read if entry.marker_set == name and entry.labels]
        if not files:
            continue
        near = _nearest(files[0].labels, name)
        typer.echo(f"marker set {name}: {len(files)} of {n_read} files{near}, e.g. {files[0].file}")
    if without:
        typer.echo(f"no labelled markers: {len(without)} of {n_read} files, e.g. {without[0]}")
    for entry in survey.files:
        if entry.refused:
            typer.echo(f"not read: {entry.file}: {entry.refused}")
    if len(survey.files) < survey.n_found:
        typer.echo(f"a sample of {len(survey.files)} of {survey.n_found} files; --all reads every one")


def _print_draft(draft: Path, written: dict[str, Any] | None, labelled: bool) -> None:
    """What became of the draft, and the next command."""
    if written is None and not labelled:
        typer.echo(
            "no draft written: there are no labelled markers; label them in the recording program and export again"
        )
        return
    if written is None:
        typer.echo("no draft written: the labels of every file are known; import them without --marker-set")
        return
    typer.echo(
        f"{draft}: {written['landmarks']} landmarks from {written['recordings']} recordings, "
        f"{len(written['check'])} labels to check, {len(written['unmapped'])} not mapped. Read it, correct it, "
        "delete the words CHECK, then: "
        f"kinesynth import ARCHIVE --out DIR --marker-set {draft}"
    )


def _nearest(labels: tuple[str, ...], name: str) -> str:
    """The shipped sets that explain most labels of an unknown one."""
    from mocap_import.marker.marker_set import known_marker_sets, nearest_marker_sets

    if name != "unknown":
        return ""
    near = [f"{other} ({share:.0%} of the labels)" for other, share in nearest_marker_sets(labels)]
    return f" (nearest: {', '.join(near)})" if near else f" (shipped: {', '.join(known_marker_sets())})"
