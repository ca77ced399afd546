"""Command end: one sentence and an exit code for what stops a command, no traceback."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

import typer

from mocap_import.batch import ExitCode


def sentence_of(problem: Exception) -> str:
    """What went wrong, without the number that operating systems put first."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return str(problem)


def stop(sentence: str, as_json: bool, code: int = ExitCode.ERROR) -> NoReturn:
    """Print the sentence, as JSON for machines, and leave with the code."""
    if as_json:
        typer.echo(json.dumps({"error": sentence}))
    else:
        print(f"error: {sentence}", file=sys.stderr)
    raise typer.Exit(code)
