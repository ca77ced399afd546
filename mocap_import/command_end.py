"""Command end: one sentence and an exit code for what stops a command, no traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

import typer

from mocap_import.batch import ExitCode


def sentence_of(problem: Exception) -> str:
    """What went wrong, without the number that operating systems put first."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return str(problem)


def check_place(place: Path, as_json: bool) -> None:
    """Wrong usage if a path that was given is not there."""
    if not place.exists():
        stop(f"{place}: no such file or folder; check the path.", as_json, ExitCode.USAGE)


def stop(sentence: str, as_json: bool, code: int = ExitCode.ERROR) -> NoReturn:
    """Print the sentence, as JSON for machines, and leave with the code."""
    if as_json:
        typer.echo(json.dumps({"error": sentence}))
    else:
        print(f"error: {sentence}", file=sys.stderr)
    raise typer.Exit(code)
